"""The table of messages is what the rules and routes give, and its counting is that of Alertmanager."""

from __future__ import annotations

import pytest

from tests.deploy.rule_files import alerts
from tests.deploy.test_alertmanager import MUTED, labels_of
from tests.notifications import PAGE, Alert, group_of, messages, rows, unmuted


def firing(name: str, node: str = "node1", ns: str = "carts", **others: str) -> Alert:
    """An alert that fires."""
    return frozenset({**labels_of(name, "shop", node, ns), **others}.items())


@pytest.mark.timeout(300)
def test_the_rows_of_the_cases_are_up_to_date() -> None:
    lines = PAGE.read_text().splitlines()
    missing = [row for row in rows() if row not in lines]
    assert missing == [], "run `python -m tests.notifications`"


@pytest.mark.parametrize(("source", "target", "muted"), MUTED)
def test_what_is_muted_here_is_what_alertmanager_mutes(
    source: tuple[str, str | None, str | None], target: tuple[str, str | None, str | None], muted: bool
) -> None:
    first, second = (frozenset(labels_of(name, "shop", node, ns).items()) for name, node, ns in (source, target))
    assert (second not in unmuted(frozenset({first, second}))) == muted


def test_a_namespace_is_one_message_whatever_its_nodes_and_alerts() -> None:
    same = {group_of(firing("WritesStopped", node)) for node in ("node1", "node2")}
    assert same | {group_of(firing("WritesStopSoon", "node3"))} == {("page", "shop", "shop", "carts")}
    assert group_of(firing("Evicting"))[0] == "ticket"
    assert group_of(firing("WritesStopped", ns="orders")) not in same


def test_somebody_is_told_of_what_is_new_and_not_of_what_is_over_or_goes_on() -> None:
    soon, stopped = firing("WritesStopSoon"), firing("WritesStopped")
    other, ticket = firing("WritesStopped", "node2"), firing("WritesStopWithinHours")
    states = [{ticket}, {soon, ticket}, {soon}, {soon, stopped}, {stopped, other}, {other}, set(), {other}]
    told = messages(map(frozenset, states))
    names = [{name.removeprefix("AerospikeMemory") for name in message} for message in told["page"]]
    # Soon; stopped, which mutes it; the other node; and that again after it was over.
    assert names == [{"WritesStopSoon"}, {"WritesStopped"}, {"WritesStopped"}, {"WritesStopped"}]
    assert told["ticket"] == [frozenset({"AerospikeMemoryWritesStopWithinHours"})]
    assert set().union(*told["page"], *told["ticket"]) <= set(alerts())
