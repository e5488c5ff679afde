"""A reading goes into one file and comes out the same; anything else is one clear line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from exporter.errors import ExporterError, ParseError, SourceError
from exporter.model.process import Cgroup, Host, Jemalloc, MapCount, Process, ProcessView, Region, Regions, Segment
from exporter.model.snapshot import Peers, PeerUse, Sample, ScrapeResult
from exporter.parsers.snapshot import snapshot
from exporter.sources import archive
from exporter.sources.archive import Archive
from tests.support import SCENARIOS, replies

PROCESS = Process(pid=7, start_ticks=8, rss=1 << 30, threads=3)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_reading_comes_out_as_it_went_in(scenario: str, tmp_path: Path) -> None:
    kept = Archive(ScrapeResult(snapshot(replies(scenario)), None, 0.5), 1.5)
    archive.save(kept, tmp_path / "node.json")
    assert archive.load(tmp_path / "node.json") == kept


def test_what_was_seen_of_the_process_and_of_peers_comes_out_too(tmp_path: Path) -> None:
    seen = replace(
        snapshot(replies("8.1/cache-empty")),
        process_view=ProcessView(
            PROCESS, Cgroup(1, 2, 3), Host(4, 5), (Segment(6, "data", 1, 2, 3, None, 5, 0),), {"host": "no"}
        ),
        regions=Regions({"heap": Region(1, 2)}, 3, 4, 5, 6, 7, 8, PROCESS),
        jemalloc=Jemalloc(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, {16: 3}, {}),
        map_count=MapCount(300, None),
        peers=Peers({"14C8": PeerUse((8, 1, 1, 2), {"carts": 5})}, 1, 2),
        samples=(Sample("smaps", 1.5, None, 2),),
    )
    kept = Archive(ScrapeResult(seen, "gone"), 1.5)
    archive.save(kept, tmp_path / "node.json")
    assert archive.load(tmp_path / "node.json") == kept


def test_a_file_that_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"cannot read .*nothing.json: No such file"):
        archive.load(tmp_path / "nothing.json")
    with pytest.raises(SourceError, match=r"cannot write .*nowhere/x.json: No such file"):
        archive.save(Archive(ScrapeResult(snapshot(replies("8.1/cache-empty"))), 0), tmp_path / "nowhere" / "x.json")


def test_a_file_of_another_format_says_so(tmp_path: Path) -> None:
    file = tmp_path / "node.json"
    archive.save(Archive(ScrapeResult(snapshot(replies("8.1/cache-empty"))), 0), file)
    file.write_text(json.dumps({**json.loads(file.read_text()), "format": 99}))
    with pytest.raises(ParseError, match="is of format 99"):
        archive.load(file)


def test_a_file_of_version_0_1_is_read_too(tmp_path: Path) -> None:
    kept = Archive(ScrapeResult(replace(snapshot(replies("8.1/cache-empty")), process_view=ProcessView(PROCESS))), 0)
    file = tmp_path / "node.json"
    archive.save(kept, file)
    file.write_text(file.read_text().replace('"process_view"', '"look"').replace('"format": 2', '"format": 1'))
    assert archive.load(file) == kept


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=st.binary(max_size=60) | st.integers(0, 4000))
def test_no_file_raises_anything_but_our_own_error(damage: bytes | int, tmp_path: Path) -> None:
    file = tmp_path / "node.json"
    if isinstance(damage, bytes):
        file.write_bytes(damage)
    else:
        archive.save(Archive(ScrapeResult(snapshot(replies("8.1/cache-empty"))), 0), file)
        file.write_bytes(file.read_bytes()[:damage])
    with pytest.raises(ExporterError) as caught:
        archive.load(file)
    assert "\n" not in str(caught.value)
