"""Reports of eviction that cannot help and of defrag that is behind: what is said of them, worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.memory.eviction import permanent_objects
from exporter.reclaim import gains
from exporter.reclaim.change import Change
from exporter.reclaim.parameters import DEFRAG_LWM
from exporter.reclaim.plan import plan
from exporter.reclaim.proposals import proposals
from exporter.reclaim.situation import Situation, situation
from tests.cases import Observed, case, observed

MARKS, NOTHING, BEHIND = (
    "cases/02-stop-mark-equals-eviction-mark",
    "cases/05-nothing-can-be-evicted",
    "cases/07-defrag-far-behind",
)
KIB, MIB = 1 << 10, 1 << 20


def names(node: Observed, ns: str) -> set[str]:
    return {name for of, name in node.findings if of == ns}


def test_eviction_and_stop_writes_at_the_same_mark(tmp_path: Path) -> None:
    node = observed(MARKS, tmp_path)
    # 70 % of memory-size=4294967296 are 3006477107.2 bytes; 3017214525 are used.
    for action in ("evict", "stop_writes"):
        row = f'{{action="{action}",limit="memory_size",ns="ns1"}}'
        assert node.metrics[f"limit_bytes{row}"] == 3_006_477_107
        assert node.metrics[f"limit_breached{row}"] == 1
    finding = node.findings["ns1", "stops_before_evicting"]
    assert finding.severity == "warning"
    assert "memory of the namespace (high-water-memory-pct 70, stop-writes-pct 70)" in finding.verdict.summary
    assert "room for records (high-water-disk-pct 90, max-used-pct 70)" in finding.verdict.summary
    # Nothing of 7.1.
    assert "evict-indexes-memory-pct" not in finding.advice
    assert "high-water-memory-pct" in finding.advice
    # A lower mark of eviction would delete at once. Ten points more are 80 % of 4 GiB, 419 MB more than now, and
    # 9,000,000 KiB of the host are free.
    assert finding.verdict.commands == ("asinfo -v 'set-config:context=namespace;id=ns1;stop-writes-pct=80'",)
    assert "writes_stopped" in names(node, "ns1")
    # 269,110 records were evicted.
    assert "evicting" in names(node, "ns1")
    assert "nothing_to_evict" not in names(node, "ns1")


def test_a_mark_that_is_near_and_nothing_that_ever_expires(tmp_path: Path) -> None:
    node = observed(NOTHING, tmp_path)
    # evict-used-pct=50 of 512 MiB are 256 MiB, of which 246960619 bytes are 92 %; writes stop at 70 %, 358.4 MiB.
    finding = node.findings["carts", "nothing_to_evict"]
    assert finding.severity == "warning"
    assert finding.verdict.summary == (
        '0 of 327,708 records can be evicted (327,708 never expire): the eviction threshold of "room for records"'
        " (236 of 256 MiB used) holds nothing back, and writes are stopped at the latest at 358 MiB."
    )
    # It does not say that records will be deleted.
    assert not names(node, "carts") & {"evicting", "eviction_near"}
    assert finding.verdict.commands == ()
    (carts,) = node.result.snapshot.namespaces
    # Counted, though the server has not been up for a period of 120 s: before the first cycle it would be 0.
    assert permanent_objects(carts, node.result.snapshot.uptime) == 327_708


def test_blocks_that_wait_for_defrag(tmp_path: Path) -> None:
    node = observed(BEHIND, tmp_path)
    finding = node.findings["ns1", "defrag_behind"]
    assert finding.severity == "warning"
    # 129,627 * 256 KiB = 33,980,940,288 bytes; half of each is dead. 53687091200 bytes less 8 MiB are 204,768 blocks.
    # 256 KiB in each millisecond are 250 MiB/s. Of 2,300,000 that were queued, 129,627 still are.
    assert finding.verdict.summary == (
        "129,627 write blocks (31.6 GiB) of /ssd/ns1.dat wait for defrag, and 19,823 of its 204,768 are free: at least"
        " 15.8 GiB come free when they are done. Since the start defrag has emptied 2,170,373 blocks and written"
        " 320,000. Defrag pauses (defrag-sleep 1,000 us): no more than 250 MiB a second are read of each file."
    )
    assert finding.verdict.size == 129_627 * 256 * KIB // 2
    assert finding.verdict.commands == ("aerospike-memory-exporter reclaim --set ns1/defrag-sleep=100",)
    assert "Do not raise defrag-lwm-pct now" in finding.advice
    assert node.metrics['storage_unit_defrag_queue_blocks{ns="ns1",unit="/ssd/ns1.dat"}'] == 129_627
    assert node.metrics['storage_unit_free_blocks{ns="ns1",unit="/ssd/ns1.dat"}'] == 19_823


@pytest.fixture(scope="module")
def behind() -> Situation:
    return situation(case(BEHIND)["info"])


def test_reclaim_lets_defrag_work_before_it_gives_it_more_to_do(behind: Situation) -> None:
    made = plan(behind, proposals(behind)).actions
    first = max(made, key=lambda action: action.gain.most or 0)  # the first of the page
    assert first.command == "set-config:context=namespace;id=ns1;defrag-sleep=100"
    assert (first.gain.least, first.gain.most) == (129_627 * 128 * KIB, 129_627 * 256 * KIB)
    assert not [action for action in made if action.change.parameter is DEFRAG_LWM]
    refusals = plan(behind, [Change("ns1", DEFRAG_LWM, "60")]).refusals
    assert [(refusal.reason, refusal.firm) for refusal in refusals] == [
        (
            "129,627 blocks wait for defragmentation already, and a higher threshold makes it more: lower"
            " defrag-sleep first",
            False,
        )
    ]


@pytest.mark.parametrize("pct", [60, 70, 75])
def test_a_higher_threshold_gains_nothing_for_certain(behind: Situation, pct: int) -> None:
    # 184,945 blocks are taken and hold 5230367744 bytes, 19,952.3 blocks: at 50 % at most 39,904 and 5 open ones stay
    # anyway, and at least 19,953 at any threshold. 55,318 do not wait: 15,409 of them are on their way.
    (namespace,) = behind.snapshot.namespaces
    gain = gains.defrag(namespace, pct)
    assert (gain.least, gain.most) == (0, (39_909 - 19_953) * 256 * KIB)


def test_without_a_queue_a_higher_threshold_is_proposed() -> None:
    # The same in one file as in case 01: 1 MiB blocks, 83 GiB of them dead, and no queue.
    changes = proposals(situation(case("cases/01b-the-same-in-one-file")["info"]))
    assert [change.what for change in changes if "defrag" in change.parameter.name] == ["ns1: defrag-lwm-pct=60"]
    assert MIB == 1024 * KIB
