from __future__ import annotations

import re

import pytest

from exporter.demo.answers import Words
from exporter.demo.config import RELEASES
from exporter.demo.request import parsed
from exporter.demo.shop import MEAN_BYTES, Shop
from tests.demo import capture_keys
from tests.demo.client import fields

ADDRESS = ("127.0.0.1", 3000)
NAMESPACES = ["orders", "carts"]


def words_of(release: str) -> Words:
    return Words(Shop(release=release), release, lambda: ADDRESS)


@pytest.fixture(scope="module")
def new() -> Words:
    return words_of("8.1")


@pytest.fixture(scope="module")
def old() -> Words:
    return words_of("6.4")


@pytest.fixture(params=["8.1", "6.4"])
def words(request: pytest.FixtureRequest, new: Words, old: Words) -> Words:
    return new if request.param == "8.1" else old


def told(words: Words, command: str) -> str:
    value = words.answer(command)
    assert value is not None
    return value


def plain(keys: list[str]) -> list[str]:
    """The keys without the numbers of stripes and files, each once."""
    return list(dict.fromkeys(re.sub(r"\[\d+\]", "[0]", key) for key in keys))


def in_order(keys: list[str], real: list[str]) -> bool:
    places = [real.index(key) for key in keys]
    return places == sorted(places)


@pytest.mark.parametrize(("release", "suffix"), [("8.1", "8"), ("6.4", "6")])
@pytest.mark.parametrize(
    ("command", "capture"),
    [("namespace/orders", "ORDERS"), ("namespace/carts", "CARTS"), ("statistics", "STATISTICS")],
)
def test_keys_are_those_of_a_real_server_in_its_order(
    new: Words, old: Words, release: str, suffix: str, command: str, capture: str
) -> None:
    real = getattr(capture_keys, f"{capture}_{suffix}").split()
    keys = plain(list(fields(told(new if release == "8.1" else old, command))))
    assert set(keys) <= set(real)
    assert in_order(keys, real)
    memory = re.compile("heap|mem|data|device|index|wblocks|used|free|evict|expir|stop|nsup|stage|size")
    unchanging = {"sindex_gc_cleaned", "nsup_xdr_key_busy", "sindex-startup", "commit-min-size"}
    missing = {key for key in real if memory.search(key)} - set(keys)
    assert not {key for key in missing if not any(word in key for word in unchanging)}


@pytest.mark.parametrize("suffix", ["8", "6"])
def test_keys_of_sets_are_those_of_a_real_server(new: Words, old: Words, suffix: str) -> None:
    entries = told(new if suffix == "8" else old, "sets/orders").rstrip(";").split(";")
    assert [entry.split(":")[1] for entry in entries] == [
        f"set={name}" for name in ("order", "payment", "view", "purchase", "error")
    ]
    for entry in entries:
        assert list(fields(entry, ":")) == getattr(capture_keys, f"SET_{suffix}").split()


def test_a_set_is_listed_from_its_first_record_on(words: Words) -> None:
    empty = Words(Shop(load=False), "8.1", lambda: ("127.0.0.1", 3000))
    assert "set=error" not in told(empty, "sets")
    assert [told(words, "sets").count(f":set={name}:") for name in MEAN_BYTES] == [1] * 7


def test_a_set_alone_comes_without_its_names(words: Words) -> None:
    assert told(words, "sets/orders/order").startswith("objects=4")


def test_all_sets_are_those_of_the_namespaces(words: Words) -> None:
    assert told(words, "sets") == told(words, "sets/orders") + told(words, "sets/carts")


@pytest.mark.parametrize("name", NAMESPACES)
def test_the_memory_of_an_old_release_adds_up(old: Words, name: str) -> None:
    stats = fields(told(old, f"namespace/{name}"))
    parts = ("data", "index", "set_index", "sindex")
    assert int(stats["memory_used_bytes"]) == sum(int(stats[f"memory_used_{part}_bytes"]) for part in parts)


@pytest.mark.parametrize("name", NAMESPACES)
def test_the_stripes_add_up(new: Words, name: str) -> None:
    stats = fields(told(new, f"namespace/{name}"))
    used = [int(value) for key, value in stats.items() if re.fullmatch(r".*\]\.used_bytes", key)]
    free = [int(value) for key, value in stats.items() if key.endswith(".free_wblocks")]
    total = int(stats["data_total_bytes"])
    assert sum(used) == int(stats["data_used_bytes"])
    assert int(stats["data_used_pct"]) == sum(used) * 100 // total
    assert int(stats["data_avail_pct"]) == min(blocks * (8 << 20) * 100 // (total // len(free)) for blocks in free)


@pytest.mark.parametrize(("release", "build"), RELEASES.items())
def test_who_it_is(release: str, build: str, new: Words, old: Words) -> None:
    words = new if release == "8.1" else old
    assert words.answer("build") == build
    assert "simulation" in told(words, "cluster-name")
    assert words.answer("namespaces") == "orders;carts"
    assert words.answer("service-clear-std") == "127.0.0.1:3000"
    edition = fields(told(words, "release"))["edition"] if release == "8.1" else words.answer("edition")
    assert edition == "Aerospike Community Edition"


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_node_on_all_addresses_cannot_say_which_one_is_its_own(host: str) -> None:
    words = Words(Shop(load=False), "8.1", lambda: (host, 3000))
    assert words.answer("service-clear-std") is None


def test_an_address_of_version_6_is_bracketed() -> None:
    words = Words(Shop(load=False), "8.1", lambda: ("::1", 3000))
    assert words.answer("service") == "[::1]:3000"


INDEX = "ns=orders:indexname=order_uid:set=order:bin=uid:type=numeric:indextype=default:context=null"


@pytest.mark.parametrize(
    ("command", "new_value", "old_value"),
    [
        ("bogus", "ERROR:4:unrecognized command", None),
        ("", "ERROR:4:unrecognized command", None),
        ("bogus:a=b", "ERROR:4:unrecognized command", None),
        ("release/", None, None),
        ("namespace/nope", "type=unknown", "type=unknown"),
        ("sets/nope", "ns_type=unknown", "ns_type=unknown"),
        ("sets/orders/nope", "set_type=unknown", "set_type=unknown"),
        ("sindex-list:", f"{INDEX}:exp=null:state=RW", f"{INDEX}:state=RW"),
        ("sindex-list:ns=orders", f"{INDEX}:exp=null:state=RW", f"{INDEX}:state=RW"),
        ("sindex-list:namespace=carts", "", f"{INDEX}:state=RW"),
        ("sindex-list:ns=nope", "ERROR:20:namespace not found on node", "ns_type=unknown"),
        ("sindex-list", f"{INDEX}:exp=null:state=RW", None),
        ("sindex", f"{INDEX}:exp=null:state=RW", f"{INDEX}:state=RW"),
        ("sindex/orders", f"{INDEX}:exp=null:state=RW", f"{INDEX}:state=RW"),
        ("sindex/nope", "ERROR:20:namespace not found on node", "ns_type=unknown"),
        ("sindex/orders/nope", "ERROR:201:no index", "FAIL:201:no-index"),
        ("sindex-stat:ns=nope;indexname=x", "ERROR:20:namespace not found on node", "FAIL:4:Namespace Not Found"),
        ("sindex-stat:indexname=x", "ERROR:4:missing 'namespace'", "FAIL:4:Namespace Not Specified"),
        ("get-config:context=nope", "ERROR:4:invalid 'context'", "Error::invalid context"),
        ("get-config:context=namespace", "ERROR:4:missing 'namespace'", "Error::invalid id"),
        ("get-config:context=namespace;id=x", "ERROR:20:namespace not found on node", "ERROR::namespace not found"),
        ("histogram:namespace=x;type=ttl", "ERROR:20:namespace not found on node", "error-unknown-namespace"),
        ("histogram:namespace=carts;type=x", "ERROR:4:unknown hist name", "error-unknown-hist-name"),
        ("histogram:namespace=carts;type=ttl;set=x", "hist-unavailable", "hist-unavailable"),
        ("user-agent-set:value=abc=", "ok", None),
        ("rack-ids", "ERROR:25:enterprise only", "ERROR::enterprise-only"),
    ],
)
def test_short_answers(new: Words, old: Words, command: str, new_value: str | None, old_value: str | None) -> None:
    assert old.answer(command) == old_value
    if command != "release/":
        assert new.answer(command) == new_value


@pytest.mark.parametrize("command", ["sindex/orders/order_uid", "sindex-stat:ns=orders;indexname=order_uid"])
def test_a_secondary_index_tells_its_entries(words: Words, command: str) -> None:
    stats = fields(told(words, command))
    assert stats["used_bytes"] == "16777216"
    assert stats["entries"] == fields(told(words, "sets/orders/order").rstrip(";"), ":")["objects"]


@pytest.mark.parametrize("name", NAMESPACES)
def test_the_configuration_is_the_end_of_the_statistics(words: Words, name: str) -> None:
    key = "id" if "6.4" in told(words, "build") else "namespace"
    config = told(words, f"get-config:context=namespace;{key}={name}")
    assert told(words, f"namespace/{name}").endswith(config)
    assert "None" not in config


def test_the_configuration_of_the_service(words: Words) -> None:
    config = fields(told(words, "get-config:context=service"))
    assert config["batch-max-unused-buffers"] == "256"
    assert ("cgroup-mem-tracking" in config) == (words.answer("build") == "8.1.2.0")


def test_histograms_count_every_record(words: Words) -> None:
    for name in NAMESPACES:
        objects = int(fields(told(words, f"namespace/{name}"))["objects"])
        sizes = told(words, f"histogram:namespace={name};type=object-size").split(":")[1:]
        assert sum(int(bucket.split("=")[1]) for bucket in sizes) == objects
        ttl = told(words, f"histogram:namespace={name};type=ttl").rsplit("=", 1)[1].split(",")
        assert sum(int(count) for count in ttl) == objects


def test_histograms_are_as_old_as_their_period() -> None:
    shop = Shop()
    words = Words(shop, "8.1", lambda: ADDRESS)
    command = "histogram:namespace=carts;type=object-size"
    first = words.answer(command)
    shop.advance(3500)
    assert words.answer(command) == first
    shop.advance(3600)
    assert words.answer(command) != first


def test_deprecated_requests_are_counted() -> None:
    words = Words(Shop(load=False), "8.1", lambda: ADDRESS)
    for command in ("statistics", "sindex-list:", "sindex-stat:namespace=orders;indexname=order_uid", "release"):
        words.answer(command)
    assert fields(told(words, "statistics"))["deprecated_requests"] == "0"
    for command in ("edition", "sindex/orders", "sindex-list:ns=orders", "get-config:context=namespace;id=carts"):
        words.answer(command)
    assert fields(told(words, "statistics"))["deprecated_requests"] == "4"


def test_commands_are_taken_apart_at_the_first_colon() -> None:
    assert parsed("a/b/c") == ("a", ("b", "c"), {})
    assert parsed("a:x=1;y=2") == ("a", (), {"x": "1", "y": "2"})
    assert parsed("sets/ns:x").name == "sets/ns"
