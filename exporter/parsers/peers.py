"""The grammar of `peers-clear-std` and `peers-tls-std`: the other nodes of a cluster, and where they answer."""

from __future__ import annotations

import re
from typing import NamedTuple

from exporter.errors import ParseError
from exporter.parsers.info import refuse

_HEAD = re.compile(r"[0-9]{1,20},([0-9]{0,5}),\[")
_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.%]+)\]|([^\[\],:\s]+))(?::([0-9]{1,5}))?(?:,|$)")
_PEER = re.compile(r"\[([0-9A-Fa-f]{1,16}),([^\[\],\s]*),\[((?:\[[^\[\]\s]*\]|[^\[\]\s])*)\]\](?:,(?=\[)|(?=\]$))")


class Peer(NamedTuple):
    """Another node: its id, the name that its certificate has (TLS only), and its addresses, the best first."""

    node_id: str
    tls_name: str | None
    addresses: tuple[tuple[str, int], ...]


def peers(text: str) -> tuple[Peer, ...]:
    """The peers in `GENERATION,DEFAULT PORT,[[NODE,TLS NAME,[ADDRESS,...]],...]`; raises `ParseError`.

    An address is a name, an IPv4 address or a bracketed IPv6 address, with a port where it is not the default one.
    """
    text = text.strip()
    refuse(text)
    head = _HEAD.match(text)
    if head is None or not text.endswith("]"):
        raise ParseError(f"not a list of peers: {text[:40]!r}")
    listed, at = [], head.end()
    while at < len(text) - 1:
        peer = _PEER.match(text, at)
        if peer is None:
            raise ParseError(f"not a peer: {text[at : at + 40]!r}")
        node_id, tls_name, addresses = peer.groups()
        listed.append(Peer(node_id, tls_name or None, addresses_in(addresses, head[1])))
        at = peer.end()
    return tuple(listed)


def addresses_in(text: str, default_port: str = "") -> tuple[tuple[str, int], ...]:
    """The addresses in `ADDRESS,...`, as also `service-clear-std` and `service-tls-std` have them."""
    addresses, at = [], 0
    while at < len(text):
        address = _ADDRESS.match(text, at)
        if address is None or (address.end() == len(text) and text.endswith(",")):
            raise ParseError(f"not an address of a peer: {text[at : at + 40]!r}")
        port = int(address[3] or default_port or 0)
        if not 0 < port < 1 << 16:
            raise ParseError(f"the address of a peer has no valid port: {text[at : at + 40]!r}")
        addresses.append((address[1] or address[2], port))
        at = address.end()
    return tuple(addresses)
