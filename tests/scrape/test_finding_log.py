"""One line when something is found, changes its severity, or is well again, and none for what stays as it is."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from exporter.findings import RULES
from exporter.findings.rule import Verdict
from exporter.model.selection import View
from exporter.model.snapshot import ScrapeResult, Snapshot
from exporter.model.words import FINDINGS
from exporter.parsers.snapshot import snapshot
from exporter.scrape.finding_log import FindingLog
from exporter.scrape.registry import Registry
from exporter.scrape.target import no_reading
from tests.findings.cases import namespace, node, stripes
from tests.support import registry_of, replies

if TYPE_CHECKING:
    from exporter.findings.rule import Rule

FIRST, SECOND = RULES[:2]
Verdicts = list[tuple["Rule", Verdict]]


def found(severity: str, ns: str = "carts") -> Verdict:
    return Verdict(ns, "found", severity, "It is full.")


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines since the last time, each with its level."""
    said = [
        f"{record.levelname} {record.message}"
        for record in caplog.records
        if record.name == "exporter.scrape.finding_log"
    ]
    caplog.clear()
    return said


@pytest.fixture(autouse=True)
def _all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "exporter.scrape.finding_log")


@pytest.fixture(autouse=True)
def _at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is gone is told at once, but in the test of how long that takes."""
    if request.function is not test_what_comes_and_goes_near_its_edge_is_one_line:
        monkeypatch.setattr("exporter.scrape.finding_log.CLEAR_SECONDS", 0.0)


def test_what_comes_and_goes_near_its_edge_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    seconds = 0.0
    watch = FindingLog("n", lambda: seconds)
    for step in range(200):
        seconds = 15.0 * step
        # Never gone for five minutes.
        watch.tell([(FIRST, found("warning") if seconds % 300 == 0 else Verdict("carts", "clear"))])
    assert lines(caplog) == [f"WARNING n: warning: {FINDINGS[FIRST.name]} ({FIRST.name} of carts): It is full."]
    # It was last found at 2700, and seen to be gone at 2715.
    for seconds, state in ((3014.9, "clear"), (3020.0, "unknown"), (3021.0, "clear"), (3036.0, "clear")):
        watch.tell([(FIRST, Verdict("carts", state))])
        assert lines(caplog) == (
            [f"INFO n: cleared: {FINDINGS[FIRST.name]} ({FIRST.name} of carts)"] if seconds == 3021.0 else []
        )


def test_one_line_per_change(caplog: pytest.LogCaptureFixture) -> None:
    watch = FindingLog("10.0.0.7:3000")
    steps: list[tuple[Verdicts, list[str]]] = [
        ([(FIRST, Verdict("carts", "clear")), (SECOND, Verdict("", "clear"))], []),
        (
            [(FIRST, found("warning")), (SECOND, found("info", ""))],
            [
                f"WARNING 10.0.0.7:3000: warning: {FINDINGS[FIRST.name]} ({FIRST.name} of carts): It is full.",
                f"INFO 10.0.0.7:3000: info: {FINDINGS[SECOND.name]} ({SECOND.name}): It is full.",
            ],
        ),
        ([(FIRST, found("warning")), (SECOND, found("info", ""))], []),
        (
            [(FIRST, found("critical")), (SECOND, found("info", ""))],
            [f"ERROR 10.0.0.7:3000: critical: {FINDINGS[FIRST.name]} ({FIRST.name} of carts): It is full."],
        ),
        (
            [(FIRST, Verdict("carts", "clear")), (SECOND, Verdict("", "too_small"))],
            [
                f"INFO 10.0.0.7:3000: cleared: {FINDINGS[FIRST.name]} ({FIRST.name} of carts)",
                f"INFO 10.0.0.7:3000: cleared: {FINDINGS[SECOND.name]} ({SECOND.name})",
            ],
        ),
        ([(FIRST, Verdict("carts", "clear")), (SECOND, Verdict("", "clear"))], []),
        (
            [(FIRST, found("warning"))],
            [f"WARNING 10.0.0.7:3000: warning: {FINDINGS[FIRST.name]} ({FIRST.name} of carts): It is full."],
        ),
    ]
    for verdicts, expected in steps:
        watch.tell(verdicts)
        assert lines(caplog) == expected


def test_a_line_ends_in_a_link_where_the_docs_have_an_address(caplog: pytest.LogCaptureFixture) -> None:
    FindingLog("n", docs_url="https://docs.example.com").tell([(FIRST, found("warning"))])
    link = f"https://docs.example.com/findings.md#{FIRST.name}"
    (line,) = lines(caplog)
    assert line.startswith("WARNING n: warning: ")
    assert line.endswith(f": It is full. See {link}")


@pytest.mark.parametrize("unseen", [[(FIRST, Verdict("carts", "unknown"))], []], ids=["unknown", "not judged"])
def test_what_cannot_be_judged_is_not_well_again(unseen: Verdicts, caplog: pytest.LogCaptureFixture) -> None:
    watch = FindingLog("n")
    watch.tell([(FIRST, found("critical"))])
    lines(caplog)
    watch.tell(unseen)
    watch.tell([(FIRST, found("critical"))])
    assert lines(caplog) == []
    watch.tell([(FIRST, Verdict("carts", "clear"))])
    assert lines(caplog) == [f"INFO n: cleared: {FINDINGS[FIRST.name]} ({FIRST.name} of carts)"]


def test_another_namespace_is_another_finding(caplog: pytest.LogCaptureFixture) -> None:
    watch, title = FindingLog("n"), FINDINGS[FIRST.name]
    watch.tell([(FIRST, found("critical", "a")), (FIRST, Verdict("b", "clear"))])
    watch.tell([(FIRST, Verdict("a", "clear")), (FIRST, found("critical", "b"))])
    assert [line.split(":")[-2] if "full" in line else line for line in lines(caplog)] == [
        f" {title} ({FIRST.name} of a)",
        f"INFO n: cleared: {title} ({FIRST.name} of a)",
        f" {title} ({FIRST.name} of b)",
    ]


def test_threads_that_tell_the_same_say_it_once(caplog: pytest.LogCaptureFixture) -> None:
    watch, barrier = FindingLog("n"), threading.Barrier(8)

    def tell() -> None:
        for state in (found("critical"), Verdict("carts", "clear")):
            barrier.wait(10)
            watch.tell([(FIRST, state)])

    threads = [threading.Thread(target=tell) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    # The barrier lets none go on before all have told.
    assert lines(caplog) == [
        f"ERROR n: critical: {FINDINGS[FIRST.name]} ({FIRST.name} of carts): It is full.",
        f"INFO n: cleared: {FINDINGS[FIRST.name]} ({FIRST.name} of carts)",
    ]


class Told:
    """A target that reads what it is told."""

    def __init__(self, *readings: ScrapeResult) -> None:
        self.readings = list(readings)

    def read(self, timeout: float) -> ScrapeResult:
        return self.readings.pop(0)


def filled(free: int) -> Snapshot:
    return node(namespace("carts", storage=stripes(16, 12, free)))


def test_a_node_whose_state_changes_says_so_once_over_many_scrapes(caplog: pytest.LogCaptureFixture) -> None:
    well, near, full = (ScrapeResult(filled(free)) for free in (8, 2, 1))
    lost = no_reading("no connection")
    readings = Told(well, well, near, near, full, lost, full, well, lost, well)
    registry = Registry(readings, View(), observer=FindingLog("shop:3000").tell)
    said = []
    for _ in range(10):
        registry.scrape(1)
        said.append(lines(caplog))
    assert said == [
        [],
        [],
        # 14 blocks may be taken, and 13 are.
        [
            "WARNING shop:3000: warning: Writes will stop soon (stop_writes_near of carts): Nearly reached:"
            ' the limit "free write blocks" (92.9% used, 8.0 MiB left until writes are refused).'
        ],
        [],
        [
            "ERROR shop:3000: critical: Writes are refused (writes_refused of carts): The fullest stripe, stripe-1, has"
            " no free write block left beyond its reserve: writes to it fail with error SERVER_MEM_ERROR (8). No"
            " flag of the server shows it.",
            "INFO shop:3000: cleared: Writes will stop soon (stop_writes_near of carts)",
        ],
        # Lost is neither well nor worse.
        [],
        [],
        ["INFO shop:3000: cleared: Writes are refused (writes_refused of carts)"],
        [],
        [],
    ]


def test_a_section_that_fails_clears_nothing(caplog: pytest.LogCaptureFixture) -> None:
    info = replies("8.1/small-out-of-space")
    without = {**info, "namespace/carts": "type=unknown"}
    readings = Told(*(ScrapeResult(snapshot(replies)) for replies in (info, without, info)))
    registry = Registry(readings, View(), observer=FindingLog("the node").tell)
    registry.scrape(1)
    assert [line.split(": ")[2] for line in lines(caplog)] == [
        "Writes are refused (writes_refused of carts)",
        "Writes will stop soon (stop_writes_near of carts)",
    ]
    registry.scrape(1)
    registry.scrape(1)
    assert lines(caplog) == []


def test_a_real_node_says_what_is_wrong_once(caplog: pytest.LogCaptureFixture) -> None:
    with registry_of(replies("8.1/small-out-of-space").get) as registry:
        for _ in range(3):
            registry.scrape(5)
    assert len(lines(caplog)) == 2
