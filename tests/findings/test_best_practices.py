"""The server's own best practices about memory: found, not found, and on the byte in between."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from exporter.model.process import Host, ProcessView
from exporter.model.snapshot import Arena
from tests.findings.cases import GIB, MIB, Case, check, namespace, node

if TYPE_CHECKING:
    from exporter.model.snapshot import Snapshot


def practices(*names: str | None, free: int | None = None, kept: int | None = MIB) -> Snapshot:
    """The names that the server gives (None: it gives no answer), and memory that is free at once and kept so."""
    host = Host(64 * GIB, 60 * GIB, free, kept)
    return node(
        namespace(index=Arena("mem", 0, GIB)),
        process_view=ProcessView(host=host),
        failed_best_practices=None if None in names else tuple(name for name in names if name),
    )


CASES = (
    Case(
        "best_practices",
        "found",
        practices("service-threads", "swappiness", "min-free-kbytes"),
        "info",
        "best practices fail: swappiness (the kernel may swap the server out), min-free-kbytes (",
    ),
    Case("best_practices", "found", practices("memory-size"), "warning", "fail: memory-size (all namespaces together"),
    Case("best_practices", "found", practices("memory"), "warning"),
    Case("best_practices", "clear", practices(), "clear"),
    Case("best_practices", "clear", practices("admin-port", "service-threads", "somaxconn", "device"), "clear"),
    Case("best_practices", "unknown", practices(None), "unknown"),
    # A stage of 1 GiB: so much less 1 is free, and 1.1 GiB less 1 are kept.
    Case("best_practices", "edge", practices(free=GIB - 1, kept=GIB + 100 * MIB - 1), "warning", "takes 1.0 GiB."),
    Case("best_practices", "short", practices(free=GIB, kept=MIB), "clear"),
    Case("best_practices", "short", practices(free=MIB, kept=GIB + 100 * MIB), "clear"),
    Case("best_practices", "found", practices(None, free=MIB, kept=MIB), "warning", "The host has 1.0 MiB free"),
    Case("best_practices", "unknown", practices(None, free=MIB, kept=None), "unknown"),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_rule_says_what_the_figures_say(case: Case) -> None:
    check(case)


def test_more_is_to_be_kept_free_only_where_far_more_is_available() -> None:
    """1 GiB and 100 MiB, twice which must be available."""
    enough = GIB + 100 * MIB
    assert commands_on(practices(free=MIB)) == (f"sysctl vm.min_free_kbytes={enough >> 10}",)
    tight = replace(practices(free=MIB), process_view=ProcessView(host=Host(64 * GIB, 2 * enough - 1, MIB, MIB)))
    assert commands_on(tight) == ()


def commands_on(snapshot: Snapshot) -> tuple[str, ...]:
    """The commands that the finding on a node offers."""
    return Case("best_practices", "found", snapshot, "warning").verdict().commands
