"""The one content: figures, shares and bars are of the node, in an order that puts what matters first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.model.selection import View
from exporter.model.snapshot import Namespace, ScrapeResult, Snapshot
from exporter.parsers.snapshot import snapshot
from exporter.render import sections
from exporter.render.content import Bar, Bytes, Name, Page, Paragraph, Share, Strong, Table, Tiles, Value, Words
from exporter.render.text import sentence
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
    assert components[-1] == "unaccounted"
    assert sizes[:-1] == sorted(sizes[:-1], reverse=True)
    largest = max(map(abs, sizes))
    assert [length(bar) for bar in bars] == [pytest.approx(abs(size) / largest) for size in sizes]


def test_what_the_sources_cannot_tell_has_its_bounds_in_words() -> None:
    (table,) = tables(page(captured("8.1/churned", regions=False, jemalloc=False)), "ledger")
    told = {(row[0], row[1]): row[4] for row in table.rows}
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
    assert table.rows[-1][0] == "unaccounted"
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


def test_indexes_are_drawn_against_the_largest_of_them() -> None:
    _, indexes = tables(page(captured("8.1/durable-fragmented")), "pools")
    lengths = {(row[0], row[1]): length(row[-1]) for row in indexes.rows}
    assert lengths[Name("orders"), "secondary_index"] == 1
    # 20,911 entries of 64 bytes, of 16 MiB.
    assert lengths[Name("orders"), "primary_index"] == pytest.approx(0.08, abs=0.01)


def test_the_copy_on_disk_is_with_the_data() -> None:
    data, indexes = tables(page(captured("6.4/durable-fragmented")), "pools")
    assert [(row[0], row[1]) for row in data.rows[:2]] == [(Name("orders"), "memory"), (Name("orders"), "file")]
    assert "persistence" not in [row[1] for row in indexes.rows]


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
    return tile.limit, tile.words


def test_eviction_that_never_runs_is_not_what_comes_first() -> None:
    stopped = snapshot(replies("6.4/small-stop-writes"))
    limit, told = tile_of(page(stopped))
    assert (limit, sentence(told)) == (
        "memory_size",
        "455 MiB of 435 MiB; the server evicts records and stops writes now.",
    )
    limit, told = tile_of(page(with_namespace(stopped, nsup_period=0)))
    assert (limit, sentence(told)) == ("memory_size", "455 MiB of 435 MiB; the server stops writes now.")
    assert Strong("now", bad=True) in told


def test_a_first_limit_that_is_not_known_is_said_to_be_so_with_what_is_left() -> None:
    # 100 of 65536 blocks would be 0 %, not 4 %: the devices differ, and (100 - 8) * 8 MiB are left of the fullest.
    devices = stripes(65536, 100, 200, kind="device", available_pct=4)
    first = page(node(namespace("store", storage=devices))).sections[0]
    (told,) = first.blocks
    assert isinstance(told, Paragraph)
    assert sentence(told.words) == (
        "store: not known, because how much is used of a limit is not told: write_blocks (736 MiB left, the sizes of"
        " the raw devices may differ)."
    )


def test_where_writes_fail_now_the_first_limit_is_known() -> None:
    devices = stripes(65536, 8, 200, kind="device", available_pct=4)
    limit, told = tile_of(page(node(namespace("store", storage=devices))))
    assert (limit, sentence(told)) == ("write_blocks", "the server refuses writes now.")


def test_a_check_that_could_not_run_is_named_once() -> None:
    told = sentence(page(OUT_OF_SPACE).state.unsure)
    assert told.startswith("10 checks could not run: ")
    names = told.partition("could not run: ")[2].rstrip(".").split(", ")
    assert len(names) == len(set(names)) == 10
    assert "unaccounted_memory" in names


def test_a_share_of_what_is_unknown_is_unknown() -> None:
    (table,) = tables(page(with_namespace(OUT_OF_SPACE, storage=None, heap_data=True)), "pools")[:1]
    assert table.rows[0][2:6] == (Bytes(None),) * 4
    assert Share(None) not in table.rows[0]
