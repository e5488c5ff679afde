"""Endpoints of nodes as text, `host:port`, and the list of those that may be asked.

An entry of the list is an endpoint in which `*.` may stand for the first labels of a name, `/LENGTH` may follow an
address, and two ports with a hyphen are a range. Names are compared as text and addresses as networks, so that no name
comes in by what it happens to stand for.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, NamedTuple

from exporter.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_CHARACTERS = 300

_ENDPOINT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+):([1-9][0-9]{0,4})", re.ASCII)
_ENTRY = re.compile(r"(\[[0-9A-Fa-f:./]+\]|[^:\[\]]+):([1-9][0-9]{0,4})(?:-([1-9][0-9]{0,4}))?", re.ASCII)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)*({_LABEL})", re.ASCII)
# What ends in a number is an address to the resolver: 127.1, 0x7f.1 and 2130706433 are all 127.0.0.1.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Endpoint(NamedTuple):
    """Where a node answers: a name in small letters, or an address in its shortest form, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def address(self) -> IpAddress | None:
        """The host if it is an address."""
        return _address(self.host)


class Entry(NamedTuple):
    """An entry of the list: a network, a name, or the end of names (from its dot on), and the ports."""

    host: Network | str
    ports: range


def endpoint(text: str) -> Endpoint:
    """The endpoint in a text; raises `ParseError`, which does not repeat the text: it may hold what is secret."""
    if "@" in text:
        raise ParseError("a user or a password has no place in it")
    match = _ENDPOINT.fullmatch(text) if len(text) <= MOST_CHARACTERS else None
    if match is None:
        raise ParseError("give HOST:PORT, as in node1.example.com:3000, 10.0.0.1:3000 or [2001:db8::1]:3000")
    return Endpoint(_host(match[1]), _port(match[2]))


def entry(text: str) -> Entry:
    """The entry of the list in a text; raises `ParseError`."""
    match = _ENTRY.fullmatch(text) if len(text) <= MOST_CHARACTERS else None
    if match is None:
        raise ParseError("give HOST:PORT or HOST:PORT-PORT, HOST being a name, *.NAME, an address or a network")
    first = _port(match[2])
    last = _port(match[3]) if match[3] else first
    if last < first:
        raise ParseError("the last port is below the first")
    host, bracketed = match[1].strip("[]"), match[1].startswith("[")
    if "/" in host:
        try:
            network = ipaddress.ip_network(host)
        except ValueError:
            raise ParseError("not a network: give its first address and a length, as in 10.0.0.0/8") from None
        if bracketed != (network.version == 6):
            raise ParseError("brackets are for IPv6")
        return Entry(network, range(first, last + 1))
    if host.startswith("*."):
        return Entry("." + _host(host[2:], name=True), range(first, last + 1))
    plain = _host(match[1])
    address = _address(plain)
    return Entry(plain if address is None else ipaddress.ip_network(address), range(first, last + 1))


class AllowList:
    """The endpoints that may be asked: none where nothing is listed."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._entries = tuple(entry(text) for text in texts)

    def __bool__(self) -> bool:
        return bool(self._entries)

    def allows(self, asked: Endpoint) -> bool:
        """Whether an endpoint is in the list: an address by its networks, a name as text."""
        address = asked.address
        if address is not None:
            return self._listed(address, asked.port)
        return any(
            asked.port in ports and (asked.host.endswith(host) if host.startswith(".") else asked.host == host)
            for host, ports in self._entries
            if isinstance(host, str)
        )

    def admits(self, text: str, port: int) -> bool:
        """Whether an address that a listed name stands for (or a node leads to) may be connected to.

        Who can change a name could otherwise reach what only this host reaches: itself, and what answers on
        link-local addresses, such as the metadata of a cloud. Those must be listed as addresses.
        """
        address = _address(text.partition("%")[0])
        if address is None:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        special = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
        return not special or self._listed(address, port)

    def _listed(self, address: IpAddress, port: int) -> bool:
        return any(port in ports and not isinstance(host, str) and address in host for host, ports in self._entries)


def _host(text: str, *, name: bool = False) -> str:
    """A host in its one spelling."""
    host = text.strip("[]").lower()
    address = None if name else _address(host)
    if address is not None and text.startswith("[") == (address.version == 6):
        return str(address)
    match = _NAME.fullmatch(host)
    if match is None or _NUMBER.fullmatch(match[1]) or len(host) > 253 or text.startswith("["):
        raise ParseError("the host is neither a name nor an address; an IPv6 address needs brackets")
    return host


def _address(text: str) -> IpAddress | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _port(text: str) -> int:
    if int(text) > 65535:
        raise ParseError("a port is at most 65535")
    return int(text)
