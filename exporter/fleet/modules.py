"""The modules: logins by name, and the connections that may be made with them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.model.endpoint import AllowList
from exporter.scrape.login import login
from exporter.sources.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.model.endpoint import Endpoint
    from exporter.settings.schema import ProbeSettings

DEFAULT = "default"
"""The module of those who name none."""


class Modules:
    """Logins by name. Where none is given there is one without a login, for clusters that ask for none."""

    def __init__(self, logins: Mapping[str, Connection], allowed: AllowList) -> None:
        self.logins = logins or {DEFAULT: Connection()}
        self.allowed = allowed

    def __contains__(self, module: object) -> bool:
        return module in self.logins

    def connection(self, module: str, endpoint: Endpoint) -> Connection:
        """How to reach an endpoint; its certificate must have the module's name, or else that of the endpoint.

        The client would compare it with the address that the name stands for.
        """
        login = self.logins[module]
        name = login.tls_name or endpoint.host
        return replace(login, host=endpoint.host, port=endpoint.port, tls_name=name, admits=self.allowed.admits)


def modules_of(probe: ProbeSettings) -> Modules:
    """The logins of the modules, and where they may be used; raises `SettingsError` as `connection_to` does."""
    logins = {name: login(module, f"probe.modules.{name}") for name, module in probe.modules.items()}
    return Modules(logins, AllowList(probe.targets))
