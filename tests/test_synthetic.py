from __future__ import annotations

from exporter.demo.wire import InfoServer
from tests.demo.client import connected, fields
from tests.synthetic import synthetic


def test_there_are_as_many_namespaces_and_sets_as_asked_for() -> None:
    answer = synthetic(3, 40)
    assert answer("namespaces") == "ns0;ns1;ns2"
    sets = (answer("sets/ns2") or "").rstrip(";").split(";")
    assert len(sets) == 40
    assert fields(answer("namespace/ns1") or "")["objects"] == "40"
    used = sum(int(fields(entry, ":")["data_used_bytes"]) for entry in sets)
    assert used == int(fields(answer("namespace/ns2") or "")["data_used_bytes"])


def test_answers_are_constant_and_made_beforehand() -> None:
    answer = synthetic(1, 5)
    for command in ("statistics", "namespace/ns0", "sets/ns0", "sets", "sindex-list:"):
        assert answer(command) is answer(command)


def test_namespaces_may_be_without_sets() -> None:
    answer = synthetic(1, 0)
    assert answer("sets/ns0") == ""
    assert answer("sindex-list:") == ""


def test_the_official_client_reads_it() -> None:
    with InfoServer(synthetic(2, 100)) as server, connected(server.address) as info:
        assert info("sets/ns1").count("set=") == 100
