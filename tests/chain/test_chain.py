"""From a shop that fills up to the message that somebody gets, and the one that says that it is over."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from exporter.demo.answers import CLUSTER_NAME
from exporter.demo.members import NODE_ID
from exporter.demo.node import EmbeddedNode
from tests.chain.chain import JOB, Chain, ManualClock, ShopNode, chain, wait
from tests.dashboards.queries import ALL, DASHBOARDS, faults, prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(600)  # a shop of a week is made, and programs are waited for

DAY = 86400
HOUR = 3600

AGE_SECONDS = {"8.1": 5.9 * DAY, "6.4": 7.9 * DAY}
"""A shop of that age has some hours left until the orders are full."""

ENDS_WITH = {"8.1": "AerospikeMemoryWritesRefused", "6.4": "AerospikeMemoryWritesStopped"}
"""What happens to the orders then: a stripe has no block left on 8.1, memory-size is used up on 6.4."""

APPLIED = ("--apply", "--yes", "--watch", "0")


def _node(release: str, position: int, age: float) -> tuple[EmbeddedNode, ManualClock]:
    clock = ManualClock()
    node = EmbeddedNode(release, seed=position + 1, now=clock, node_id=f"{int(NODE_ID, 16) + position:X}")
    clock.seconds = age
    while not node.shop.advance(age):
        pass
    return node, clock


RUNS = {f"{count} of {release}": (release, count) for release in ("8.1", "6.4") for count in (1, 3)}


@pytest.fixture(scope="module", params=list(RUNS.values()), ids=list(RUNS))
def release_and_count(request: pytest.FixtureRequest) -> tuple[str, int]:
    """The release of the nodes, and how many there are."""
    param: tuple[str, int] = request.param
    return param


@pytest.fixture(scope="module")
def running(release_and_count: tuple[str, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """A chain whose first shop is about to be full; the others are new."""
    release, count = release_and_count
    nodes = [_node(release, position, HOUR if position else AGE_SECONDS[release]) for position in range(count)]
    directory: Path = tmp_path_factory.mktemp("chain")
    with contextlib.ExitStack() as stack:
        for node, _ in nodes:
            stack.enter_context(node)
        yield stack.enter_context(chain(directory, nodes))


def _full(shop: ShopNode) -> bool:
    orders = shop.node.shop.orders
    return orders.stop_writes or any(stripe.free_blocks <= stripe.reserve for stripe in orders.stripes)


def test_somebody_is_told_when_writes_fail_and_told_again_when_room_was_made(
    running: Chain, release_and_count: tuple[str, int]
) -> None:
    shop, receiver, alert = running.shops[0], running.receiver, ENDS_WITH[release_and_count[0]]
    wait(lambda: len(running.query("aerospike_memory_up == 1")) == len(running.shops), "all nodes to be scraped")
    assert not _full(shop), "the shop is full before the test begins"
    assert not [where for where, _ in receiver.told if where == "/page"]

    while not _full(shop):
        shop.live(HOUR / 2)
    wait(lambda: receiver.alerts("/page", alert, "firing"), f"{alert} to arrive")
    (told, *_) = receiver.alerts("/page", alert, "firing")
    expected = {
        "alertname": alert,
        "severity": "critical",
        "job": JOB,
        "instance": shop.instance,
        "ns": "orders",
        "cluster_name": CLUSTER_NAME,
    }
    assert expected.items() <= told["labels"].items()
    assert shop.instance in told["annotations"]["description"]
    assert told["annotations"]["runbook"] == f"docs/runbooks/{alert}.md"

    if alert == "AerospikeMemoryWritesRefused":
        _says_nothing_of_the_other_limits(running, shop)

    # No other node is accused.
    assert {found["instance"] for found in running.firing(alertname=alert)} == {shop.instance}

    if alert == "AerospikeMemoryWritesRefused":
        said = shop.reclaim("--set", "orders/defrag-lwm-pct=80", *APPLIED)
    else:
        said = shop.reclaim("--truncate", "orders/view", "--delete-data", "orders/view", *APPLIED)
    assert "orders" in said
    shop.live(60)
    assert not _full(shop), said
    wait(lambda: receiver.alerts("/page", alert, "resolved"), f"{alert} to be over")


def _says_nothing_of_the_other_limits(running: Chain, shop: ShopNode) -> None:
    """While the other stripe fills up, the limits that come next are near as well: nobody is told.

    The carts of the same node may run out as well, and of them somebody is told.
    """
    near = {"alertname": "AerospikeMemoryWritesStopSoon", "instance": shop.instance, "ns": "orders"}

    def fires() -> bool:
        shop.live(HOUR / 6)
        return bool(running.firing(**near))

    wait(fires, "the next limits of the orders to be near")
    wait(lambda: set(running.states(**near)) == {"suppressed"}, "what is said of them to be muted")
    named = running.receiver.alerts("/page", near["alertname"], "firing")
    assert not [told for told in named if told["labels"]["ns"] == near["ns"]]


@pytest.mark.parametrize("name", DASHBOARDS)
@pytest.mark.parametrize("one", [False, True], ids=["all", "one node"])
def test_every_query_of_every_panel_is_answered(running: Chain, name: str, one: bool) -> None:
    values = {**ALL, "instance": running.shops[0].instance, "job": JOB} if one else ALL
    assert faults(DASHBOARDS[name], prometheus(running.prometheus), values) == []


def test_an_exporter_that_goes_away_is_told_and_no_other_is_accused(running: Chain) -> None:
    shop = running.shops[-1]
    down = "AerospikeMemoryExporterDown"
    shop.exporter.terminate()
    wait(lambda: running.firing(alertname=down, instance=shop.instance), f"{down} to fire")
    wait(lambda: _arrived(running, down, shop.instance), f"{down} to arrive")
    assert {found["instance"] for found in running.firing(alertname=down)} == {shop.instance}


def _arrived(running: Chain, name: str, instance: str) -> bool:
    told = [*running.receiver.alerts("/page", name, "firing"), *running.receiver.alerts("/ticket", name, "firing")]
    return any(alert["labels"]["instance"] == instance for alert in told)
