"""What a script gets: the keys that the documentation lists, bytes as they are, and null for the unknown."""

from __future__ import annotations

import re
from typing import Any

import pytest

from exporter.model.selection import View
from exporter.model.snapshot import ScrapeResult, Snapshot
from exporter.parsers.snapshot import snapshot
from exporter.render import json, sections
from exporter.scrape.target import no_reading
from tests.memory.captures import snapshot as captured
from tests.support import TESTS, replies

PAGE = TESTS.parent / "docs/analyze.md"


def document(result: ScrapeResult | Snapshot) -> dict[str, Any]:
    result = result if isinstance(result, ScrapeResult) else ScrapeResult(result)
    return json.document(sections.page(result, View(), 1_800_000_000.0))


def documented() -> dict[str, list[str]]:
    """The keys of the document, and of the rows of its lists, as the page has them."""
    parts = re.split(r"^#{2,3} (.+)$", PAGE.read_text().partition("## As a check")[2], flags=re.MULTILINE)[1:]
    tables = dict(zip(parts[::2], parts[1::2], strict=True))
    return {name: re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) for name, text in tables.items()}


@pytest.mark.parametrize("scenario", ["8.1/durable-fragmented", "6.4/small-stop-writes"])
def test_the_keys_are_those_of_the_page(scenario: str) -> None:
    keys, written = documented(), document(captured(scenario))
    assert list(written) == keys.pop("The shape of the JSON")
    assert list(keys) == ["findings", "rules", "ledger", "pools", "writes_refused", "limits"]
    for name, columns in keys.items():
        # Of what is not there on a healthy node a test of its own tells the keys.
        assert written[name] or name == "writes_refused", name
        assert {tuple(row) for row in written[name]} <= {tuple(columns)}, name
    assert written["format"] == json.FORMAT
    node = re.search(r"^\| `node` \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    assert node is not None
    assert list(written["node"]) == re.findall(r"`(\w+)`", node[1])


def test_the_ledger_has_all_that_is_resident() -> None:
    written = document(captured("6.4/durable-fragmented"))
    assert sum(entry["bytes"] for entry in written["ledger"]) == written["resident_bytes"]


def test_what_the_sources_cannot_tell_has_bounds() -> None:
    written = document(captured("8.1/churned", regions=False, jemalloc=False))
    rows = {(row["ns"], row["component"]): row for row in written["ledger"]}
    blocks, live = rows["carts", "data_fragmentation"], rows["carts", "record_data"]
    assert blocks["low_bytes"] < 1_779_748_045 < blocks["high_bytes"]  # what was counted page by page
    assert (live["low_bytes"], live["high_bytes"]) == (None, None)


def test_what_is_unknown_is_null() -> None:
    (records,) = [
        pool
        for pool in document(captured("6.4/durable-fragmented"))["pools"]
        if (pool["ns"], pool["pool"]) == ("carts", "data")
    ]
    assert records["occupied_bytes"] is None
    assert records["used_bytes"] == 27445851
    (memory,) = [
        limit
        for limit in document(captured("8.1/cache-empty"))["limits"]
        if limit["ns"] == "carts" and limit["limit"] == "sys_memory"
    ]
    assert (memory["limit_bytes"], memory["used_bytes"], memory["headroom_bytes"]) == (None, None, None)
    assert memory["breached"] is False


def test_a_limit_has_what_is_left_and_a_finding_its_commands() -> None:
    written = document(snapshot(replies("6.4/small-stop-writes")))
    # memory-size 536870912, memory_used_bytes 476646702; 85 % stop writes.
    (stop,) = [
        limit for limit in written["limits"] if (limit["limit"], limit["action"]) == ("memory_size", "stop_writes")
    ]
    assert (stop["limit_bytes"], stop["headroom_bytes"], stop["breached"]) == (456340275, 456340275 - 476646702, True)
    (finding,) = [
        finding
        for finding in document(captured("8.1/durable-fragmented"))["findings"]
        if finding["finding"] == "eviction_never_runs"
    ]
    assert finding["commands"] == [
        "asinfo -v 'set-config:context=namespace;namespace=orders;evict-indexes-memory-pct=0'",
        "aerospike-memory-exporter reclaim --namespace orders --only nsup-period",
    ]
    assert [step["kind"] for step in finding["steps"]] == ["look", "safe", "plan"]
    assert [step["command"] for step in finding["steps"]][1:] == finding["commands"]
    assert (finding["no_command"], finding["docs"]) == (None, None)


def test_every_cause_of_a_refused_write_has_its_error() -> None:
    columns = {"ns": "carts", "reason": "memory_size", "code": 8, "error": "SERVER_MEM_ERROR"}
    assert document(snapshot(replies("6.4/small-stop-writes")))["writes_refused"] == [columns]
    assert documented()["writes_refused"] == list(columns)


def test_a_node_that_does_not_answer_has_every_key() -> None:
    written = document(no_reading("no connection to node"))
    assert list(written) == documented()["The shape of the JSON"]
    assert written["problem"] == "no connection to node"
    assert written["node"] == dict.fromkeys(("id", "build", "edition", "cluster"))
    assert (written["resident_bytes"], written["ledger"], written["limits"]) == (None, [], [])


def test_a_finding_has_its_title_beside_its_name() -> None:
    findings = document(captured("8.1/durable-fragmented"))["findings"]
    assert findings[0]["finding"] == "eviction_never_runs"
    assert findings[0]["title"] == "Eviction is set and never runs"
