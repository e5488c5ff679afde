"""What a finding tells to do, done as it is printed on the embedded node: the finding ends, or `reclaim` has a plan."""

from __future__ import annotations

import contextlib
import io
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from exporter import NAME, cli
from exporter.findings import Diagnosis
from exporter.parsers.snapshot import snapshot
from tests.findings.test_steps import RELEASES, told_by
from tests.memory.captures import snapshot as captured
from tests.reclaim.recorded import RecordedNode
from tests.support import logging_as_before

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from exporter.findings.rule import Finding


class Mended:
    """A node with a finding, and what its steps do to it, as they are printed."""

    def __init__(self, node: RecordedNode, directory: Path, *settings: str) -> None:
        self.node, self.directory = node, directory
        for setting in settings:
            assert node.source.ask(f"set-config:context=namespace;{setting}", 5.0).lower() == "ok"
        node.received.clear()

    def finding(self, name: str, ns: str) -> Finding | None:
        """The finding, if it is there in the reading after the next, when the server has looked at its limits."""
        self.node.source.read(5.0)
        found = Diagnosis(snapshot(self.node.source.read(5.0))).findings
        return next((finding for finding in found if (finding.name, finding.ns) == (name, ns)), None)

    def plan(self, command: str, *more: str) -> tuple[int, str]:
        """The exit code and the output of a plan."""
        tool, *words = shlex.split(command)
        assert tool == NAME
        out = io.StringIO()
        flags = ["--reclaim.journal", str(self.directory / "journal"), "--watch", "0", *more]
        with logging_as_before(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            return cli.main([*words, *flags]), out.getvalue()


@pytest.fixture(params=RELEASES)
def shop(request: pytest.FixtureRequest) -> Iterator[tuple[str, RecordedNode]]:
    with RecordedNode(request.param) as recorded:
        yield request.param, recorded


SETTINGS = {
    ("eviction_never_runs", "8.1"): "namespace=carts;nsup-period=0",
    ("eviction_never_runs", "6.4"): "id=carts;nsup-period=0",
    ("stops_before_evicting", "8.1"): "namespace=carts;evict-used-pct=75",
    ("stops_before_evicting", "6.4"): "id=carts;high-water-memory-pct=90",
    ("writes_stopped", "8.1"): "namespace=carts;stop-writes-used-pct=20",
    ("writes_stopped", "6.4"): "id=carts;stop-writes-pct=20",
    ("stop_writes_near", "8.1"): "namespace=carts;stop-writes-used-pct=23",
    ("stop_writes_near", "6.4"): "id=carts;stop-writes-pct=23",
    ("evicting", "8.1"): "namespace=carts;evict-used-pct=15",
    ("evicting", "6.4"): "id=carts;high-water-memory-pct=15",
    ("set_index_floor", "8.1"): "",
    ("set_index_floor", "6.4"): "",
}
"""What makes a rule find something in `carts`, by release."""


@pytest.mark.parametrize("name", sorted({name for name, _ in SETTINGS}))
def test_reclaim_plans_what_a_finding_tells_to_plan_and_sends_nothing(
    shop: tuple[str, RecordedNode], tmp_path: Path, name: str
) -> None:
    release, node = shop
    mended = Mended(node, tmp_path, *filter(None, [SETTINGS[name, release]]))
    finding = mended.finding(name, "carts")
    assert finding is not None
    plans = [step.command for step in finding.steps(node.address) if step.kind == "plan"]
    assert plans
    for command in plans:
        code, out = mended.plan(command)
        assert code == 0, out
    assert node.changes == []


@pytest.mark.parametrize(
    ("name", "release", "setting"),
    [
        ("eviction_never_runs", "8.1", "namespace=carts;nsup-period=0"),
        ("eviction_never_runs", "6.4", "id=carts;nsup-period=0"),
        ("stops_before_evicting", "6.4", "id=carts;stop-writes-pct=30"),
    ],
)
def test_what_is_harmless_ends_a_finding(tmp_path: Path, name: str, release: str, setting: str) -> None:
    with RecordedNode(release) as node:
        mended = Mended(node, tmp_path, setting)
        finding = mended.finding(name, "carts")
        assert finding is not None
        evicted = node.shop.carts.evicted + node.shop.carts.expired
        harmless = [step.command for step in finding.steps(node.address) if step.kind == "safe"]
        assert harmless
        for command in harmless:
            assert told_by(node.address, command)[0].lower() == "ok"
        assert mended.finding(name, "carts") is None
        assert node.shop.carts.evicted + node.shop.carts.expired == evicted


@pytest.mark.parametrize(
    ("name", "release", "setting", "planned"),
    [
        ("writes_stopped", "6.4", "id=carts;stop-writes-pct=20", "carts: memory-size "),
        ("writes_stopped", "8.1", "namespace=carts;indexes-memory-budget=512K", "carts: indexes-memory-budget "),
        ("data_fragmentation", "8.1", "namespace=orders;defrag-lwm-pct=20", "orders: defrag-lwm-pct "),
        ("set_index_floor", "8.1", "", "carts/cart: drop the set index"),
        ("secondary_index_floor", "6.4", "", "orders/order_uid: drop the secondary index"),
    ],
)
def test_a_plan_ends_a_finding_when_it_is_applied(
    tmp_path: Path, name: str, release: str, setting: str, planned: str
) -> None:
    with RecordedNode(release) as node:
        mended, ns = Mended(node, tmp_path, *filter(None, [setting])), planned.partition(":")[0].partition("/")[0]
        if name == "data_fragmentation":
            _leave_holes(node)
        finding = mended.finding(name, ns)
        assert finding is not None
        command = next(step.command for step in finding.steps(node.address) if step.kind == "plan")
        assert planned in mended.plan(command)[1]
        code, out = mended.plan(command, "--apply", "--yes")
        assert code == 0, out
        assert mended.finding(name, ns) is None


def test_where_nothing_can_expire_reclaim_proposes_nothing_for_a_threshold_that_never_evicts(tmp_path: Path) -> None:
    with RecordedNode() as node:
        mended = Mended(node, tmp_path)
        finding = mended.finding("eviction_never_runs", "orders")
        assert finding is not None
        assert finding.steps()[-1].command == f"{NAME} reclaim --namespace orders --only nsup-period"
        code, out = mended.plan(finding.steps(node.address)[-1].command)
        assert code == 0
        assert "set-config" not in out


def _leave_holes(node: RecordedNode) -> None:
    """Delete 65 % of the records of `orders`: no block is as empty as defrag wants it, and most of it is waste."""
    for number, key in enumerate(list(node.shop.orders.records)):
        if number % 20 < 13:
            node.shop.orders.delete(key)


@pytest.mark.parametrize(("free", "raised"), [(262 << 20, True), (258 << 20, False), (None, False)])
def test_a_limit_is_only_to_be_raised_where_the_host_has_twice_the_memory(free: int | None, raised: bool) -> None:
    # 512 MiB, of which 85 % stop writes; for 454.6 MiB with a fifth more it takes 642 MiB, 130 MiB more.
    stopped = captured("6.4/small-stop-writes")
    full = replace(stopped, system=replace(stopped.system, free_bytes=free))
    (finding,) = [one for one in Diagnosis(full).findings if one.name == "writes_stopped"]
    plans = [f"{NAME} reclaim --set carts/memory-size=642M"] if raised else []
    assert [step.command for step in finding.steps()[1:]] == [*plans, f"{NAME} reclaim --namespace carts"]
