"""The one content: figures, shares and bars are of the node, in an order that puts what matters first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.model.process import Host
from exporter.model.selection import View
from exporter.model.snapshot import Namespace, Sample, ScrapeResult, Snapshot
from exporter.model.words import FINDINGS
from exporter.parsers.snapshot import snapshot
from exporter.render import sections
from exporter.render.checks import OF_THE_HOST
from exporter.render.content import (
    Bar,
    Bytes,
    Items,
    Name,
    Page,
    Paragraph,
    Share,
    Strong,
    Table,
    Term,
    Tiles,
    Value,
    Words,
)
from exporter.render.text import sentence, words
from tests.findings.cases import namespace, node, stripes
from tests.memory.captures import SCENARIOS
from tests.memory.captures import snapshot as captured
from tests.support import replies

OUT_OF_SPACE = snapshot(replies("8.1/small-out-of-space"))


def page(seen: Snapshot) -> Page:
    return sections.page(ScrapeResult(seen), View(), 1_800_000_000.0)


def tables(content: Page, anchor: str) -> list[Table]:
    (section,) = [section for section in content.sections if section.anchor == anchor]
    return [block for block in section.blocks if isinstance(block, Table)]


def length(value: Value) -> float | None:
    """How much of a bar is drawn; None where there is none."""
    return sum(part.share for part in value.parts) if isinstance(value, Bar) else None


def label(value: Value) -> str:
    """The label of a term."""
    assert isinstance(value, Term)
    return value.label


def amount(value: Value) -> float:
    """What a cell of bytes, or a share, comes to."""
    assert isinstance(value, (Bytes, Share))
    assert value.value is not None
    return value.value


def with_namespace(seen: Snapshot, **changes: object) -> Snapshot:
    (namespace,) = seen.namespaces
    changed: Namespace = replace(namespace, **changes)  # type: ignore[arg-type]
    return replace(seen, namespaces=(changed,))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_owners_have_their_share_the_largest_first_and_the_unaccounted_last(scenario: str) -> None:
    seen = captured(scenario)
    (table,) = tables(page(seen), "ledger")
    assert seen.process_view.process is not None
    resident = seen.process_view.process.rss
    components, _, amounts, shares, _, bars = zip(*table.rows, strict=True)
    sizes = [amount(cell) for cell in amounts]
    assert sum(sizes) == resident
    assert [amount(cell) for cell in shares] == [pytest.approx(size / resident) for size in sizes]
    assert components[-1] == Term("unaccounted", "")
    assert sizes[:-1] == sorted(sizes[:-1], reverse=True)
    # The whole track is what is resident.
    assert [length(bar) for bar in bars] == [pytest.approx(abs(size) / resident) for size in sizes]


def test_what_the_sources_cannot_tell_has_its_bounds_in_words() -> None:
    (table,) = tables(page(captured("8.1/churned", regions=False, jemalloc=False)), "ledger")
    told = {(label(row[0]), row[1]): row[4] for row in table.rows}
    # 410 blocks of 8 MiB are in use, of which 2,573,914,448 bytes are live; 64 blocks of orders, 435,935,744 bytes.
    assert told["data_fragmentation", Name("carts")] == "761 MiB to 2.0 GiB"
    assert told["record_data", Name("carts")] == ""
    assert told["lazily_freed", Name("")] == "0 B to 1.2 GiB"  # and nothing is likely
    (exact,) = tables(page(captured("8.1/small-stop-writes")), "ledger")
    assert {row[4] for row in exact.rows} == {""}


def test_the_unaccounted_is_last_though_it_is_the_largest() -> None:
    seen = captured("8.1/cache-empty")
    process = seen.process_view.process
    assert process is not None
    strange = replace(process, rss=process.rss + (4 << 30))
    seen = replace(seen, process_view=replace(seen.process_view, process=strange), regions=None, jemalloc=None)
    (table,) = tables(page(seen), "ledger")
    assert words(table.rows[-1][0]) == "unaccounted"
    assert amount(table.rows[-1][2]) > amount(table.rows[0][2])


def test_data_are_drawn_against_their_capacity_and_waste_has_its_share() -> None:
    # data_total_bytes 536870912 less a header block of 8 MiB in each of 8 stripes; 6 blocks of each are in use.
    data, _ = tables(page(OUT_OF_SPACE), "pools")
    (row,) = data.rows
    used, occupied, capacity = 401473280, 402653184, 469762048
    waste = occupied - used
    assert row[2:6] == (Bytes(used), Bytes(waste, waste / occupied), Bytes(capacity - occupied), Bytes(capacity))
    assert isinstance(row[6], Bar)
    assert [part.kind for part in row[6].parts] == ["used", "waste"]
    assert [part.share for part in row[6].parts] == [
        pytest.approx(used / capacity),
        pytest.approx(waste / capacity),
    ]


def test_an_index_has_no_bar_where_its_stages_may_take_more_than_the_host_has() -> None:
    seen = captured("8.1/durable-fragmented")
    _, indexes = tables(page(seen), "pools")
    capacities = {label(row[1]): amount(row[5]) for row in indexes.rows if row[5] != Bytes(None)}
    assert capacities == {"primary_index": 256 << 30, "secondary_index": 2 << 40}
    assert [length(row[-1]) for row in indexes.rows] == [None] * len(indexes.rows)
    large = replace(seen.process_view, host=Host(total=256 << 30, available=None), cgroup=None)
    _, indexes = tables(page(replace(seen, process_view=large)), "pools")
    lengths = {label(row[1]): length(row[-1]) for row in indexes.rows if row[0] == Name("orders")}
    # Entries of 64 bytes, of 256 GiB; the other index may still take more than there is.
    entries = next(amount(row[3]) for row in indexes.rows if row[:2] == (Name("orders"), indexes.rows[0][1]))
    assert lengths["primary_index"] == pytest.approx(entries / (256 << 30))
    assert lengths["secondary_index"] is None


def test_an_index_on_flash_is_drawn_against_its_mounts() -> None:
    arena = replace(
        namespace("store").index, type="flash", used_bytes=1 << 30, allocated_bytes=1 << 30, mounts_bytes=4 << 30
    )
    _, indexes = tables(page(node(namespace("store", index=arena))), "pools")
    assert length(indexes.rows[0][-1]) == 0.25


def test_the_copy_on_disk_is_with_the_data() -> None:
    data, indexes = tables(page(captured("6.4/durable-fragmented")), "pools")
    assert [(row[0], row[1]) for row in data.rows[:2]] == [(Name("orders"), "memory"), (Name("orders"), "file")]
    assert "persistence" not in [label(row[1]) for row in indexes.rows]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_limit_has_a_bar_as_long_as_it_is_used(scenario: str) -> None:
    content = page(captured(scenario))
    (table,) = tables(content, "limits")
    assert len(table.rows) == len(content.figures.limits)
    for row, (_, limit) in zip(table.rows, content.figures.limits, strict=True):
        expected = None if limit.used_ratio is None else pytest.approx(limit.used_ratio)
        assert length(row[6]) == expected


def tile_of(content: Page) -> tuple[str, Words]:
    (block,) = content.sections[0].blocks
    assert isinstance(block, Tiles)
    (tile,) = block.tiles
    return tile.limit.label, tile.words


def test_eviction_that_never_runs_is_not_what_comes_first() -> None:
    stopped = snapshot(replies("6.4/small-stop-writes"))
    limit, told = tile_of(page(stopped))
    assert (limit, sentence(told)) == (
        "memory_size",
        "455 MiB of 435 MiB, 19.4 MiB past it; records are evicted and writes are stopped now.",
    )
    limit, told = tile_of(page(with_namespace(stopped, nsup_period=0)))
    assert (limit, sentence(told)) == ("memory_size", "455 MiB of 435 MiB, 19.4 MiB past it; writes are stopped now.")
    assert Strong("now", bad=True) in told


def test_a_first_limit_that_is_not_known_is_said_to_be_so_with_what_is_left() -> None:
    # 100 of 65536 blocks would be 0 %, not 4 %: the devices differ, and (100 - 8) * 8 MiB are left of the fullest.
    devices = stripes(65536, 100, 200, kind="device", available_pct=4)
    first = page(node(namespace("store", storage=devices))).sections[0]
    (told,) = first.blocks
    assert isinstance(told, Paragraph)
    assert sentence(told.words) == (
        "store: not known, because how much is used of a limit is not told: free write blocks (736 MiB left, the sizes"
        " of the raw devices may differ)."
    )


def test_where_writes_fail_now_the_first_limit_is_known() -> None:
    devices = stripes(65536, 8, 200, kind="device", available_pct=4)
    limit, told = tile_of(page(node(namespace("store", storage=devices))))
    assert (limit, sentence(told)) == ("write_blocks", "writes are refused now.")


def checks(content: Page) -> dict[str, str]:
    """What would let checks run, and which."""
    (section,) = [section for section in content.sections if section.anchor == "checks"]
    (block,) = section.blocks
    assert isinstance(block, Items)
    return {sentence(name): text for name, text in block.items}


def test_a_check_that_could_not_run_is_named_once_with_what_would_let_it() -> None:
    content = page(OUT_OF_SPACE)
    assert sentence(content.state.unsure) == "10 checks could not run: see Checks that could not run."
    listed = checks(content)
    titles = [title for text in listed.values() for title in text.rstrip(".").split("; ")]
    assert len(titles) == len(set(titles)) == 10
    assert (
        FINDINGS["unaccounted_memory"]
        in listed["Run the exporter on the node's host, where it sees the server's process"]
    )
    assert listed["Set sampler.peers, in a cluster of 3 nodes or more"] == f"{FINDINGS['far_from_peers']}."
    asked = checks(page(replace(OUT_OF_SPACE, samples=(Sample("peers", None, 0.1, 0),))))
    assert asked["Wait until 3 nodes with the namespace answer"] == f"{FINDINGS['far_from_peers']}."


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_with_a_process_no_check_waits_for_it(scenario: str) -> None:
    assert not [need for need in checks(page(captured(scenario))) if "process" in need]


def test_what_the_process_is_needed_for_is_a_finding() -> None:
    assert set(OF_THE_HOST) <= set(FINDINGS)


def test_the_heap_is_said_with_what_it_counts() -> None:
    assert "counts reserved blocks whole" in sentence(page(captured("8.1/cache-empty")).head)


def test_that_all_is_well_is_said_in_words() -> None:
    assert page(captured("8.1/cache-empty")).state.says.startswith("All well.")


def test_a_share_of_what_is_unknown_is_unknown() -> None:
    (table,) = tables(page(with_namespace(OUT_OF_SPACE, storage=None, heap_data=True)), "pools")[:1]
    assert table.rows[0][2:6] == (Bytes(None),) * 4
    assert Share(None) not in table.rows[0]
