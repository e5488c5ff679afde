"""The bill of materials in CycloneDX 1.6: what is installed with the wheel, at the versions of requirements.lock."""

from __future__ import annotations

import json
import re
import uuid
from datetime import datetime, timezone
from importlib import metadata
from typing import TYPE_CHECKING, NamedTuple

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from release.errors import ReleaseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PIN = re.compile(r"^([\w.-]+)==([^\s;]+)(?: ; ([^\\]+?))? \\$", re.MULTILINE)


class Component(NamedTuple):
    """A distribution, as its metadata describes it, and the names that it requires."""

    name: str
    version: str
    requires: tuple[str, ...]
    licence: str | None = None
    """An SPDX expression."""
    licence_name: str | None = None
    """What older metadata have instead, in words of their own."""

    @property
    def reference(self) -> str:
        """Its package URL."""
        return f"pkg:pypi/{self.name}@{self.version}"


def locked(lock: str) -> dict[str, str]:
    """The version of each name that a lock file has for this Python."""
    return {
        canonicalize_name(name): version
        for name, version, marker in _PIN.findall(lock)
        if not marker or Marker(marker).evaluate()
    }


def installed(pins: Mapping[str, str]) -> list[Component]:
    """What this environment knows of the pins; raises `ReleaseError` where it has another version."""
    return [_installed(name, version) for name, version in sorted(pins.items())]


def _installed(name: str, version: str) -> Component:
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        raise ReleaseError(f"{name} {version} of requirements.lock is not installed: remove .venv/dev") from None
    if found.version != version:
        raise ReleaseError(f"{name} {found.version} is installed, requirements.lock has {version}: remove .venv/dev")
    said = found.metadata["License"]
    return Component(
        name=name,
        version=version,
        requires=required(found.requires or ()),
        licence=found.metadata["License-Expression"],
        # Some have the whole text there.
        licence_name=said if said and "\n" not in said else None,
    )


def required(lines: Iterable[str]) -> tuple[str, ...]:
    """The names of requirements that hold for this Python, without extras."""
    wanted = [Requirement(line) for line in lines]
    here = [each for each in wanted if not each.marker or each.marker.evaluate({"extra": ""})]
    return tuple(sorted({canonicalize_name(each.name) for each in here}))


def bom(root: Component, components: Iterable[Component], epoch: int) -> str:
    """The document; it depends on nothing but its arguments, its serial number too."""
    by_name = {component.name: component for component in components}
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {"type": "application", **_described(root)},
        },
        "components": [{"type": "library", **_described(each)} for each in by_name.values()],
        "dependencies": [
            {"ref": each.reference, "dependsOn": [by_name[name].reference for name in each.requires]}
            for each in (root, *by_name.values())
        ],
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(document, sort_keys=True))
    return json.dumps({**document, "serialNumber": f"urn:uuid:{serial}"}, indent=2) + "\n"


def _described(component: Component) -> dict[str, object]:
    described: dict[str, object] = {
        "bom-ref": component.reference,
        "name": component.name,
        "version": component.version,
        "purl": component.reference,
    }
    if component.licence:
        described["licenses"] = [{"expression": component.licence}]
    elif component.licence_name:
        described["licenses"] = [{"license": {"name": component.licence_name}}]
    return described
