"""The grammar of targets and of the list of those that may be asked."""

from __future__ import annotations

import contextlib
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import ParseError
from exporter.model.endpoint import AllowList, Endpoint, endpoint, entry

LABELS = st.from_regex(r"[a-z][a-z0-9-]{0,10}[a-z]", fullmatch=True)
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
PORTS = st.integers(1, 65535)
ADDRESSES = st.ip_addresses()


def bracketed(host: object) -> str:
    return f"[{host}]" if ":" in str(host) else str(host)


@given(NAMES | ADDRESSES, PORTS)
def test_an_endpoint_is_read_as_it_is_written(host: object, port: int) -> None:
    parsed = endpoint(f"{bracketed(host)}:{port}")
    assert parsed == Endpoint(str(host), port)
    assert endpoint(str(parsed)) == parsed


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("Node1.Example.COM:3000", "node1.example.com"),
        ("[2001:DB8:0:0::1]:3000", "2001:db8::1"),
        ("[0:0:0:0:0:FFFF:0A00:0001]:3000", str(ipaddress.ip_address("::ffff:10.0.0.1"))),
        ("a_b-c:3000", "a_b-c"),
    ],
)
def test_a_host_has_one_spelling(text: str, host: str) -> None:
    assert endpoint(text) == Endpoint(host, 3000)


SECRET = "hunter2"


@pytest.mark.parametrize(
    "text",
    [
        *("", ":", "node1", "node1:", ":3000", "node1:0", "node1:65536", "node1:99999", "node1:03000", "node1:3000 "),
        *(
            "node1:+3000",
            "node1:\uff13000",
            "node1:3000\n",
            "nöde:3000",
            "node 1:3000",
            "-a:1",
            "a-:1",
            "a..b:1",
            "a.:1",
        ),
        *("2001:db8::1:3000", "[node1]:3000", "[10.0.0.1]:3000", "[::1:3000", "::1]:3000", "[fe80::1%eth0]:3000"),
        *("2130706433:3000", "127.1:3000", "0x7f000001:3000", "0177.0.0.1:3000", "a.0x7f:3000", "10.0.0.01:3000"),
        *("10.0.0.0/8:3000", "*.example.com:3000", "node1:3000-3010", "http://node1:3000", "node1:3000/", "a,b:1"),
        *("a" * 64 + ":1", ".".join(["a" * 60] * 5) + ":1", "a:" * 400),
        *(f"exporter:{SECRET}@node1:3000", f"{SECRET}@node1:3000", f"node1:3000?password={SECRET}"),
    ],
)
def test_what_is_no_endpoint_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        endpoint(text)
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "*",
            "*:3000",
            "*.:3000",
            "*.*.example.com:3000",
            "node*:3000",
            "a.*.com:3000",
            "node1",
            "node1:3010-3000",
        ),
        *("10.0.0.0/8", "10.0.0.1/8:3000", "10.0.0.0/33:3000", "10.0.0.0/:3000", "10.0.0.0/8/8:3000", "10.0.0.*:3000"),
        *("[10.0.0.0/8]:3000", "2001:db8::/32:3000", "[2001:db8::]/32:3000", "[2001:db8::1/32]:3000", "[*.a]:1"),
        *("node1:3000-", "node1:-3000", "node1:3000-70000", "node1:0-3000", "*.10:3000", ".*:3000", "x@node1:3000"),
        *("node1/8:3000", "(a|b):3000", "^node:3000"),
    ],
)
def test_what_is_no_entry_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        entry(text)


@given(st.text(max_size=40) | st.from_regex(r"[\[\]*./:a-f0-9@-]{1,30}", fullmatch=True))
def test_no_text_makes_it_fail_in_any_other_way(text: str) -> None:
    for parse in (endpoint, entry):
        with contextlib.suppress(ParseError):
            parse(text)


LISTED = AllowList(
    ["10.0.0.0/8:3000", "192.0.2.7:3000-3002", "[2001:db8::/32]:3000", "*.example.com:3000", "node1:4000"]
)


@pytest.mark.parametrize(
    "text",
    [
        *("10.0.0.0:3000", "10.255.255.255:3000", "192.0.2.7:3000", "192.0.2.7:3002", "[2001:db8:ffff::1]:3000"),
        *("a.example.com:3000", "a.b.example.com:3000", "A.EXAMPLE.com:3000", "node1:4000", "NODE1:4000"),
    ],
)
def test_what_is_listed_may_be_asked(text: str) -> None:
    assert LISTED.allows(endpoint(text))


@pytest.mark.parametrize(
    "text",
    [
        *("10.0.0.0:3001", "9.255.255.255:3000", "11.0.0.0:3000", "192.0.2.7:3003", "192.0.2.8:3000"),
        *("[2001:db9::]:3000", "[::ffff:10.0.0.1]:3000", "example.com:3000", "aexample.com:3000", "a.example.com:3001"),
        *("a.example.com.evil.net:3000", "node1:3000", "node1.example.net:4000", "localhost:3000", "127.0.0.1:3000"),
    ],
)
def test_what_is_not_listed_may_not(text: str) -> None:
    assert not LISTED.allows(endpoint(text))


@given(st.ip_addresses(v=4), st.integers(0, 32), st.ip_addresses(v=4), PORTS, PORTS, PORTS)
def test_a_network_lists_what_agrees_in_its_first_bits(
    base: ipaddress.IPv4Address, length: int, asked: ipaddress.IPv4Address, low: int, high: int, port: int
) -> None:
    low, high = sorted((low, high))
    mask = (1 << 32) - (1 << 32 - length)
    network = ipaddress.IPv4Address(int(base) & mask)
    allowed = AllowList([f"{network}/{length}:{low}-{high}"]).allows(Endpoint(str(asked), port))
    assert allowed == (int(asked) & mask == int(network) and low <= port <= high)


@given(NAMES, NAMES, PORTS)
def test_a_name_is_listed_by_its_end_after_a_dot_and_by_nothing_else(name: str, end: str, port: int) -> None:
    listed = AllowList([f"*.{end}:{port}"])
    assert listed.allows(Endpoint(f"{name}.{end}", port))
    assert not listed.allows(Endpoint(end, port))
    assert listed.allows(Endpoint(name + end, port)) == (name + end).endswith("." + end)


def test_where_nothing_is_listed_nothing_may_be_asked() -> None:
    assert not AllowList([])
    assert not AllowList([]).allows(Endpoint("node1", 3000))


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "::1", "169.254.169.254", "fe80::1", "fe80::1%eth0", "0.0.0.0", "::", "224.0.0.1"),
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "ff02::1", "not an address", ""),
    ],
)
def test_a_name_does_not_lead_to_what_only_this_host_reaches(address: str) -> None:
    assert not AllowList(["*.example.com:3000", "10.0.0.0/8:3000"]).admits(address, 3000)


def test_a_name_leads_to_an_address_of_a_network_and_to_a_special_one_that_is_listed() -> None:
    listed = AllowList(["node1:3000", "127.0.0.1:3000"])
    assert listed.admits("10.0.0.1", 3000)
    assert listed.admits("2001:db8::1", 3000)
    assert listed.admits("127.0.0.1", 3000)
    assert listed.admits("::ffff:127.0.0.1", 3000)
    assert not listed.admits("127.0.0.1", 3001)
    assert not listed.admits("127.0.0.2", 3000)
