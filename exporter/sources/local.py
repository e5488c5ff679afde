"""Whether a node is on this host, so that its process can be looked at."""

from __future__ import annotations

import ipaddress
import socket

from exporter.errors import SourceError


def is_local(host: str) -> bool:
    """Whether a name or address is one of this host's own; raises `SourceError` if the name cannot be looked up."""
    try:
        addresses = {str(entry[4][0]).split("%")[0] for entry in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        raise SourceError(f"the host {host} cannot be looked up") from None
    if all(ipaddress.ip_address(address).is_loopback for address in addresses):
        return True
    # Imported here: beside its node, an exporter asks for a loopback address.
    import psutil

    own = {
        address.address.split("%")[0]
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family in (socket.AF_INET, socket.AF_INET6)
    }
    return all(address in own or ipaddress.ip_address(address).is_loopback for address in addresses)
