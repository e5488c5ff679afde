"""What real servers told while a device did not keep up and clients got error 18; replies shortened to what counts."""

from __future__ import annotations

import pytest

from exporter.findings import Diagnosis
from exporter.model.release import Release
from exporter.model.snapshot import Node, Snapshot
from exporter.parsers.namespace import namespace
from tests.findings.cases import MIB

# Community servers with one file on a disk that takes 2 MiB per second, and four clients that write 100 KiB each.
SLOW_8_1 = (
    "stop_writes=false;data_total_bytes=1073741824;data_used_bytes=76745536;data_avail_pct=89;"
    "storage-engine.file[0].used_bytes=76745536;storage-engine.file[0].free_wblocks=114;"
    "storage-engine.file[0].write_q={queued};storage-engine.file[0].defrag_q=0;client_write_error=848;"
    "storage-engine=device;storage-engine.file[0]=/dev.dat;storage-engine.filesize=1073741824;"
    "storage-engine.flush-size=131072;storage-engine.max-write-cache=67108864"
)
SLOW_6_4 = (
    "stop_writes=false;memory_used_bytes=47936;device_total_bytes=1073741824;device_used_bytes=76745536;"
    "device_available_pct=90;storage-engine.file[0].used_bytes=76745536;storage-engine.file[0].free_wblocks=7400;"
    "storage-engine.file[0].write_q={queued};storage-engine.file[0].shadow_write_q=0;client_write_error=852;"
    "storage-engine=device;storage-engine.file[0]=/dev.dat;storage-engine.filesize=1073741824;"
    "storage-engine.write-block-size=131072;storage-engine.max-write-cache=67108864"
)


def read(reply: str, queued: int, release: Release) -> Diagnosis:
    stats = dict(pair.split("=", 1) for pair in reply.format(queued=queued).split(";"))
    return Diagnosis(Snapshot(Node("", release), namespaces=(namespace("dev", stats, release),)))


@pytest.mark.parametrize(
    ("reply", "release", "most"),
    # 64 MiB are 8 blocks of 8 MiB, or 512 of 128 KiB: the queue stayed at that many, or next to it, for 14 s.
    [(SLOW_8_1, (8, 1, 2, 0), 8), (SLOW_6_4, (6, 4, 0, 34), 512)],
)
def test_writes_are_refused_while_the_queue_is_as_long_as_it_may_be(reply: str, release: Release, most: int) -> None:
    for queued in (most - 2, most - 1, most, most + 1):
        refused = queued >= most
        diagnosis = read(reply, queued, release)
        (limit,) = (limit for limit in diagnosis.limits_of("dev") if limit.name == "write_queue")
        assert (limit.limit, limit.used) == (64 * MIB, queued * 64 * MIB // most)
        assert limit.breached is refused
        assert [refusal.error for refusal in diagnosis.refusals["dev"]] == ["18 DEVICE_OVERLOAD"] * refused
        overload = [finding.severity for finding in diagnosis.findings if finding.name == "device_overload"]
        # Where the queue swings, the finding stays as it is: its alert waits for minutes.
        assert overload == ["critical" if refused or most == 512 else "warning"]
