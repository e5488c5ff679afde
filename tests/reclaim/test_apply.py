"""Plans on the embedded node, over real TCP: applied, read back, undone, and all that can go wrong in between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.demo.wire import CutOff
from exporter.errors import JournalError
from exporter.parsers.snapshot import snapshot
from exporter.reclaim.action import Action, Outcome, Plan
from exporter.reclaim.apply import apply, restore
from exporter.reclaim.change import Change, Parameter
from exporter.reclaim.journal import APPLIED, NOT_APPLIED, REFUSED, RESTORED, SENDING, Journal, open_entries
from exporter.reclaim.levels import levels
from exporter.reclaim.observe import observe
from exporter.reclaim.parameters import SET_INDEX, SINDEX, TRUNCATE
from exporter.reclaim.plan import plan
from exporter.reclaim.situation import Situation
from tests.reclaim.recorded import RecordedNode
from tests.reclaim.situations import change

ID = {"8.1": "namespace", "6.4": "id"}


@pytest.fixture(params=["8.1", "6.4"])
def node(request: pytest.FixtureRequest) -> Iterator[RecordedNode]:
    with RecordedNode(request.param) as recorded:
        yield recorded


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.jsonl") as opened:
        yield opened


def planned(node: RecordedNode, *texts: str) -> tuple[Situation, tuple[Action, ...]]:
    now = node.situation()
    made = plan(now, [change(text) for text in texts])
    assert made == Plan(made.actions)
    return now, made.actions


def applied(node: RecordedNode, journal: Journal, *texts: str) -> list[Outcome]:
    now, actions = planned(node, *texts)
    return list(apply(node.source.ask, now.snapshot.node, actions, journal))


def undone(node: RecordedNode, journal: Journal, force: bool = False) -> list[Outcome]:
    who = node.situation().snapshot.node
    entries = open_entries(journal.entries(), who.node_id or "", None)
    return list(restore(node.source.ask, who, entries, journal, force))


def states(outcomes: list[Outcome]) -> list[str]:
    return [outcome.state for outcome in outcomes]


def set_config(node: RecordedNode, parameter: str, value: int) -> str:
    old = "6.4" in node.situation().snapshot.node.build
    return f"set-config:context=namespace;{'id' if old else 'namespace'}=orders;{parameter}={value}"


def test_a_higher_threshold_frees_blocks_and_is_undone(node: RecordedNode, journal: Journal) -> None:
    now, actions = planned(node, "orders/defrag-lwm-pct=75")
    before = levels(now.snapshot, {"orders"})
    (outcome,) = apply(node.source.ask, now.snapshot.node, actions, journal)
    assert (outcome.state, outcome.succeeded) == (APPLIED, True)
    assert node.configured("orders", "defrag_lwm_pct") == 75
    told: list[str] = []
    moved = observe(lambda: snapshot(node.source.read(5.0)), before, 10.0, told.append, interval=0.01)
    (gained,) = [movement.freed_bytes for movement in moved if movement.namespace == "orders"]
    assert gained >= 16 << 20
    assert (actions[0].gain.least or 0) <= gained <= (actions[0].gain.most or 0)
    assert told
    (back,) = undone(node, journal)
    assert (back.state, back.succeeded) == (RESTORED, True)
    assert node.configured("orders", "defrag_lwm_pct") == 50
    assert node.changes == [set_config(node, "defrag-lwm-pct", value) for value in (75, 50)]
    assert undone(node, journal) == []


def test_several_changes_are_sent_one_by_one_and_undone_backwards(node: RecordedNode, journal: Journal) -> None:
    texts = ["carts/evict-tenths-pct=40", "orders/defrag-sleep=100", "/batch-max-unused-buffers=16"]
    assert states(applied(node, journal, *texts)) == [APPLIED] * 3
    sent = [command.rpartition(";")[2] for command in node.changes]
    assert sent == ["batch-max-unused-buffers=16", "defrag-sleep=100", "evict-tenths-pct=40"]
    node.received.clear()
    assert states(undone(node, journal)) == [RESTORED] * 3
    sent = [command.rpartition(";")[2] for command in node.changes]
    assert sent == ["evict-tenths-pct=50", "defrag-sleep=1000", "batch-max-unused-buffers=256"]


def test_each_change_is_on_the_disk_before_it_is_on_the_wire(journal: Journal, tmp_path: Path) -> None:
    noted: list[str] = []

    def note(command: str) -> None:
        if command.startswith("set-config"):
            noted.append((tmp_path / "journal.jsonl").read_text().splitlines()[-1])

    with RecordedNode() as node:
        node.meddle = note
        applied(node, journal, "orders/defrag-lwm-pct=60", "orders/defrag-sleep=100")
        sent = node.changes
    assert len(noted) == len(sent) == 2
    assert all(f'"command": "{command}"' in line for command, line in zip(sent, noted, strict=True))


class Killed(BaseException):
    """The end of the program between two lines of it."""


@pytest.mark.parametrize(("arrived", "value"), [(False, 50), (True, 60)])
def test_a_crash_around_the_sending_is_found_out_and_undone(arrived: bool, value: int, journal: Journal) -> None:
    with RecordedNode() as node:
        now, actions = planned(node, "orders/defrag-lwm-pct=60")

        def ask(command: str) -> str:
            if command.startswith("set-config"):
                if arrived:
                    node.source.ask(command)
                raise Killed
            return node.source.ask(command)

        with pytest.raises(Killed):
            list(apply(ask, now.snapshot.node, actions, journal))
        assert [entry.state for entry in journal.entries()] == [SENDING]
        assert node.configured("orders", "defrag_lwm_pct") == value
        (outcome,) = undone(node, journal)
        assert (outcome.state, outcome.succeeded) == (RESTORED, True)
        assert node.configured("orders", "defrag_lwm_pct") == 50
        assert len(node.changes) == 2 * arrived


def test_nothing_is_sent_where_the_journal_cannot_be_written(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with RecordedNode() as node:
        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(JournalError, match="No space left on device"):
            applied(node, journal, "orders/defrag-lwm-pct=60")
        assert node.changes == []


def test_a_value_that_somebody_changed_since_the_plan_stops_it(node: RecordedNode, journal: Journal) -> None:
    now, actions = planned(node, "orders/defrag-sleep=100", "orders/defrag-lwm-pct=60")
    node.source.ask(set_config(node, "defrag-lwm-pct", 55))
    node.received.clear()
    outcomes = list(apply(node.source.ask, now.snapshot.node, actions, journal))
    assert states(outcomes) == [APPLIED, NOT_APPLIED, RESTORED]
    assert "it is 55 now and was 50 when the plan was made" in outcomes[1].note
    assert [command.rpartition(";")[2] for command in node.changes] == ["defrag-sleep=100", "defrag-sleep=1000"]


def test_a_value_that_somebody_changed_since_is_restored_only_by_force(node: RecordedNode, journal: Journal) -> None:
    applied(node, journal, "orders/defrag-lwm-pct=60")
    node.source.ask(set_config(node, "defrag-lwm-pct", 70))
    (outcome,) = undone(node, journal)
    assert not outcome.succeeded
    assert outcome.note == "somebody changed it: it is 70, and 60 was set; --force restores 50"
    assert node.configured("orders", "defrag_lwm_pct") == 70
    (outcome,) = undone(node, journal, force=True)
    assert outcome.succeeded
    assert node.configured("orders", "defrag_lwm_pct") == 50


def test_a_server_that_started_anew_has_nothing_to_undo(node: RecordedNode, journal: Journal) -> None:
    applied(node, journal, "orders/defrag-lwm-pct=60")
    node.source.ask(set_config(node, "defrag-lwm-pct", 50))
    node.received.clear()
    (outcome,) = undone(node, journal)
    assert (outcome.succeeded, outcome.note) == (True, "50 is in force already")
    assert node.changes == []


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        ("ERROR:4:invalid set-config parameter", "the node answered ERROR:4:"),
        ("error", "the node answered error"),
        ("ERROR:81:role violation", "set-config needs the role sys-admin"),
        ("", "the node does not know the command"),
    ],
)
def test_a_refusal_by_the_server_stops_the_plan_and_restores_the_rest(
    node: RecordedNode, journal: Journal, answer: str, note: str
) -> None:
    node.meddle = lambda command: answer if "defrag-lwm-pct=" in command else None
    outcomes = applied(node, journal, "orders/defrag-sleep=100", "orders/defrag-lwm-pct=60")
    assert states(outcomes) == [APPLIED, REFUSED, RESTORED]
    assert note in outcomes[1].note
    assert node.configured("orders", "defrag_sleep") == 1000
    assert sum("defrag-lwm-pct" in command for command in node.changes) == 1
    assert [entry.state for entry in journal.entries()] == [RESTORED, REFUSED]


def test_an_ok_that_is_none_is_found_by_reading_back(node: RecordedNode, journal: Journal) -> None:
    node.meddle = lambda command: "ok" if "defrag-lwm-pct=" in command else None
    outcomes = applied(node, journal, "orders/defrag-sleep=100", "orders/defrag-lwm-pct=60")
    assert states(outcomes) == [APPLIED, NOT_APPLIED, RESTORED]
    assert "answered ok, and defrag-lwm-pct is 50, not 60" in outcomes[1].note


def test_another_value_than_was_sent_is_restored(node: RecordedNode, journal: Journal) -> None:
    wrong = set_config(node, "defrag-lwm-pct", 59)

    def meddle(command: str) -> str | None:
        # The real one is taken, with another value.
        return node._words.answer(wrong) if command.endswith("defrag-lwm-pct=60") else None

    node.meddle = meddle
    (outcome,) = applied(node, journal, "orders/defrag-lwm-pct=60")
    assert not outcome.succeeded
    assert "defrag-lwm-pct is 59, not 60; restored" in outcome.note
    assert node.configured("orders", "defrag_lwm_pct") == 50


class Cutting(RecordedNode):
    """A node that cuts the connection at a change: before or after it took effect; and perhaps for good."""

    def __init__(self, *, before: bool, for_good: bool) -> None:
        super().__init__()
        self._before, self._for_good = before, for_good
        self._dead = False

    def reply(self, body: bytes) -> bytes | None:
        cuts = b"defrag-lwm-pct=" in body or self._dead
        if cuts and self._before:
            self.received.append(body.decode().strip())
        else:
            answer = super().reply(body)
        self._dead = self._dead or (cuts and self._for_good)
        if cuts:
            raise CutOff
        return answer


@pytest.mark.parametrize(
    ("before", "for_good", "expected"),
    [
        (False, False, [APPLIED, APPLIED]),  # it had arrived: the value tells
        (True, False, [APPLIED, NOT_APPLIED, RESTORED]),
        (False, True, [APPLIED, SENDING]),  # nobody can know
    ],
)
def test_a_connection_lost_in_the_middle(before: bool, for_good: bool, expected: list[str], journal: Journal) -> None:
    with Cutting(before=before, for_good=for_good) as node:
        outcomes = applied(node, journal, "orders/defrag-sleep=100", "orders/defrag-lwm-pct=60")
        assert states(outcomes) == expected
        assert sum("defrag-lwm-pct=" in command for command in node.changes) == 1
        if for_good:
            assert "whether it took effect is unknown: --undo 1 looks, and restores" in outcomes[1].note
            assert [entry.state for entry in journal.entries()] == [APPLIED, SENDING]


def test_a_set_index_goes_and_comes_back(node: RecordedNode, journal: Journal) -> None:
    now = node.situation()
    (outcome,) = apply(node.source.ask, now.snapshot.node, plan(now, [_dropped(SET_INDEX, "order")]).actions, journal)
    assert outcome.state == APPLIED
    assert node.configured("orders", "indexed_sets") == frozenset()
    (back,) = undone(node, journal)
    assert back.succeeded
    assert node.configured("orders", "indexed_sets") == {"order"}


@pytest.mark.parametrize(("parameter", "name"), [(SINDEX, "order_uid"), (TRUNCATE, "payment")])
def test_what_cannot_be_undone_is_applied_and_says_so(
    node: RecordedNode, journal: Journal, parameter: Parameter, name: str
) -> None:
    now = node.situation()
    made = plan(now, [_dropped(parameter, name)])
    (outcome,) = apply(node.source.ask, now.snapshot.node, made.actions, journal)
    assert outcome.state == APPLIED
    assert undone(node, journal) == []
    who = now.snapshot.node
    (told,) = restore(node.source.ask, who, open_entries(journal.entries(), who.node_id or "", 1), journal)
    assert (told.note, told.succeeded) == ("nothing can undo it", False)
    orders = node.situation().namespace("orders")
    assert orders is not None
    if parameter is TRUNCATE:
        assert next(entry.objects for entry in orders.sets if entry.name == name) == 0
    else:
        assert orders.sindexes == ()


def _dropped(parameter: Parameter, subject: str) -> Change:
    return Change("orders", parameter, "", subject)
