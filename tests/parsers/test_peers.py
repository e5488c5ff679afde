"""The list of peers: as real servers give it, in every form that it may have, and when it is none."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import ParseError
from exporter.parsers.peers import Peer, peers
from tests.support import replies


def test_a_real_server_names_its_peer() -> None:
    assert peers(replies("8.1/pair-a")["peers-clear-std"]) == (Peer("14C8", None, (("127.0.0.1", 5320),)),)


@pytest.mark.parametrize("scenario", ["6.4/cache-fragmented", "8.1/cache-fragmented"])
def test_a_real_server_that_is_alone_names_none(scenario: str) -> None:
    assert peers(replies(scenario)["peers-clear-std"]) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0,3000,[]", []),
        ("7,,[]\n", []),
        ("1,3000,[[A1,,[10.0.0.1]]]", [("A1", None, [("10.0.0.1", 3000)])]),
        ("1,3000,[[A1,,[10.0.0.1:3100,10.1.0.1]]]", [("A1", None, [("10.0.0.1", 3100), ("10.1.0.1", 3000)])]),
        ("1,4333,[[A1,db.example,[[fe80::1]]]]", [("A1", "db.example", [("fe80::1", 4333)])]),
        ("1,3000,[[A1,,[[::1]:3100,h-1.example:1]]]", [("A1", None, [("::1", 3100), ("h-1.example", 1)])]),
        ("1,3000,[[A1,,[]],[b2,,[x]]]", [("A1", None, []), ("b2", None, [("x", 3000)])]),
        ("1,,[[A1,,[x:65535]]]", [("A1", None, [("x", 65535)])]),
    ],
)
def test_peers_have_names_and_addresses(
    text: str, expected: list[tuple[str, str | None, list[tuple[str, int]]]]
) -> None:
    assert peers(text) == tuple(Peer(node_id, name, tuple(addresses)) for node_id, name, addresses in expected)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not a list of peers: ''"),
        ("ERROR:4:unrecognized command", "ERROR:4:unrecognized command"),
        ("x,3000,[]", "not a list of peers: 'x,3000,[]'"),
        ("1,3000,[", "not a list of peers: '1,3000,['"),
        ("1,3000,[[A1,,[x]]", "not a peer: '[A1,,[x]]'"),
        ("1,3000,[[A1,,[x]],]", "not a peer: '[A1,,[x]],]'"),
        ("1,3000,[[A1,,[x]][A2,,[x]]]", "not a peer: '[A1,,[x]][A2,,[x]]]'"),
        ("1,3000,[[A1,[x]]]", "not a peer: '[A1,[x]]]'"),
        ("1,3000,[[node,,[x]]]", "not a peer: '[node,,[x]]]'"),
        ("1,3000,[[A1,,[x,]]]", "not an address of a peer: 'x,'"),
        ("1,3000,[[A1,,[fe80::1]]]", "not an address of a peer: 'fe80::1'"),
        ("1,3000,[[A1,,[x:70000]]]", "the address of a peer has no valid port: 'x:70000'"),
        ("1,3000,[[A1,,[x:0]]]", "the address of a peer has no valid port: 'x:0'"),
        ("1,,[[A1,,[x]]]", "the address of a peer has no valid port: 'x'"),
    ],
)
def test_what_is_no_list_of_peers_is_named(text: str, problem: str) -> None:
    with pytest.raises(ParseError) as caught:
        peers(text)
    assert str(caught.value) == problem


names = st.from_regex(r"\A[a-z0-9][a-z0-9.-]{0,20}\Z")
hosts = st.one_of(names, st.ip_addresses().map(str))
listed = st.lists(
    st.builds(
        Peer,
        st.from_regex(r"\A[0-9A-F]{1,16}\Z"),
        st.one_of(st.none(), names),
        st.lists(st.tuples(hosts, st.integers(1, 65535)), max_size=4).map(tuple),
    ),
    max_size=5,
)


@given(listed, st.integers(0, 1 << 32), st.integers(1, 65535))
def test_what_a_server_lists_is_what_is_read(wanted: list[Peer], generation: int, default: int) -> None:
    def address(host: str, port: int) -> str:
        host = f"[{host}]" if ":" in host else host
        return host if port == default else f"{host}:{port}"

    entries = (
        f"[{peer.node_id},{peer.tls_name or ''},[{','.join(address(*pair) for pair in peer.addresses)}]]"
        for peer in wanted
    )
    assert peers(f"{generation},{default},[{','.join(entries)}]") == tuple(wanted)


@given(st.one_of(st.text(), st.text("[],:1aA.").map(lambda text: f"1,3000,[[A1,,[{text}]]]")))
def test_any_text_is_peers_or_an_error_of_ours(text: str) -> None:
    parsed: tuple[Peer, ...] = ()
    with contextlib.suppress(ParseError):
        parsed = peers(text)
    assert all(0 < port <= 65535 for peer in parsed for _, port in peer.addresses)
