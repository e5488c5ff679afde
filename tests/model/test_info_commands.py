"""Info commands as each release wants them."""

from __future__ import annotations

import pytest

from exporter.model import info_commands as commands
from exporter.model.release import Release


@pytest.mark.parametrize(
    ("release", "context", "sindex", "delete"),
    [
        ((6, 4, 0, 34), "id=ns", "sindex/ns/i", "ns=ns"),
        ((7, 1, 0, 23), "id=ns", "sindex/ns/i", "ns=ns"),
        ((7, 2, 0, 1), "namespace=ns", "sindex/ns/i", "namespace=ns"),
        ((8, 0, 0, 15), "namespace=ns", "sindex/ns/i", "namespace=ns"),
        ((8, 1, 0, 0), "namespace=ns", "sindex-stat:namespace=ns;indexname=i", "namespace=ns"),
    ],
)
def test_a_namespace_and_an_index_are_named_as_the_release_wants(
    release: Release, context: str, sindex: str, delete: str
) -> None:
    named = commands.namespace_context(release, "ns")
    assert named == f"context=namespace;{context}"
    assert commands.set_config(named, "nsup-period", 120) == f"set-config:context=namespace;{context};nsup-period=120"
    assert commands.get_config(named) == f"get-config:context=namespace;{context}"
    assert commands.sindex(release, "ns", "i") == sindex
    assert commands.sindex_delete(release, "ns", "i") == f"sindex-delete:{delete};indexname=i"


def test_commands_that_are_the_same_in_every_release() -> None:
    assert commands.get_config(commands.SERVICE_CONTEXT) == "get-config:context=service"
    assert (commands.namespace("ns"), commands.sets("ns"), commands.sets("ns", "s")) == (
        "namespace/ns",
        "sets/ns",
        "sets/ns/s",
    )
    assert commands.histogram("ns", commands.LIVES) == "histogram:namespace=ns;type=ttl"
    assert commands.truncate("ns", "s") == "truncate:namespace=ns;set=s"
    assert (commands.peers(tls=True), commands.service(tls=False)) == ("peers-tls-std", "service-clear-std")
    assert commands.jem_stats("/tmp/x") == "jem-stats:file=/tmp/x;options=Ja"


@pytest.mark.parametrize(("reply", "names"), [("", []), ("a", ["a"]), ("a;b\n", ["a", "b"]), ("a;;b;", ["a", "b"])])
def test_names_of_namespaces_are_between_semicolons(reply: str, names: list[str]) -> None:
    assert commands.names(reply) == names
