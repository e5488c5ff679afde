"""A namespace that is filled slowly crosses its limits when we say so, and the server acts within its check period.

AEROSPIKE_LIVE_FILL=127.0.0.1:3000/scratch/10000/100 python -m pytest -m live -rP tests/live/test_filling.py

THIS WRITES to each namespace that it is told to (HOST:PORT/NAMESPACE/BYTES/RATE, comma separated): records of so many
bytes in a set of its own, so many per second, until the server refuses one. It deletes by key all that it wrote.
`-rP` prints the times.

What it expects of the server: a single node without security, and a namespace for tests alone that is empty; one
limit per action within reach, because the server has one flag for all of them: at most 500 MB of records, in at most
five minutes; default-ttl so long that nothing expires meanwhile; nsup-period other than 0, and the eviction mark below
the one at which writes stop, where eviction is to be seen. Slow means that a limit is not crossed in the first second,
and that what is evicted is less than what is written. A device or file that was filled before keeps blocks in its
post-write queue (or cache) after all is deleted, so that it begins nearer to its limits than a new one.
"""

from __future__ import annotations

import os
import time
import uuid
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import aerospike
import pytest
from aerospike import exception as client_errors

from exporter.findings import Diagnosis
from exporter.scrape.login import connection_to
from exporter.scrape.node import MonitoredNode
from exporter.settings.logins import AerospikeSettings
from exporter.settings.schema import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.memory.config import Limit
    from exporter.model.snapshot import Namespace

STEP_SECONDS = 1.0
STOP_WRITES_SECONDS = 10.0  # EVAL_STOP_WRITES_PERIOD of nsup.c
WAKE_SECONDS = 1.0  # between two looks of the server whether nsup-period is over (run_expire_or_evict of nsup.c)
MOST_SECONDS, MOST_BYTES, MOST_RECORDS = 300, 500_000_000, 500_000
SECONDS_AFTER_REFUSAL = 30.0  # in which the server's flag must follow, if it does

FLAGS = {"evict": "high_water_breached", "stop_writes": "stop_writes"}
"""The server's flag for each action, by our name."""

PLACES = [place for place in os.environ.get("AEROSPIKE_LIVE_FILL", "").split(",") if place]

Act = tuple[str, str]  # a limit and its action

pytestmark = [
    pytest.mark.live,
    pytest.mark.timeout(2 * MOST_SECONDS),
    pytest.mark.skipif(not PLACES, reason="AEROSPIKE_LIVE_FILL is not set"),
]


class Look(NamedTuple):
    """A reading of a namespace, its limits by name and action, and the one that comes first; Unix time."""

    at: float
    namespace: Namespace
    limits: dict[Act, Limit]
    first: Act | None

    def breached(self, act: Act) -> bool:
        return self.limits[act].breached is True

    def any_breached(self, action: str) -> bool:
        return any(act[1] == action and self.breached(act) for act in self.limits)

    def flag(self, action: str) -> bool:
        return bool(getattr(self.namespace, FLAGS[action]))


@dataclass(slots=True)
class Filler:
    """Writes records of a size at a rate, and knows when the first was refused."""

    client: Any
    ns: str
    size: int
    rate: int
    run: str = field(default_factory=lambda: uuid.uuid4().hex)
    tried: int = 0
    refused: float | None = None

    def fill(self, until: float) -> None:
        """Write at an even pace for the step that ends then (Unix time)."""
        bins = {"fill": bytes(self.size)}
        pause = (until - time.time()) / self.rate
        for _ in range(self.rate):
            begun = time.time()
            try:
                self.client.put(self._key(self.tried), bins)
            except client_errors.ServerFull:
                self.refused = self.refused or time.time()
            self.tried += 1
            time.sleep(max(0.0, pause - (time.time() - begun)))

    def clean(self) -> None:
        """Delete all that was written, whatever of it is still there."""
        for start in range(0, self.tried, 1000):
            keys = [self._key(number) for number in range(start, min(start + 1000, self.tried))]
            left = [one.result for one in self.client.batch_remove(keys).batch_records if one.result not in (0, 2)]
            assert not left, f"not deleted: {len(left)} of {len(keys)}, with the codes {sorted(set(left))}"

    @property
    def full(self) -> bool:
        return self.tried * self.size > MOST_BYTES or self.tried > MOST_RECORDS

    def _key(self, number: int) -> tuple[str, str, str]:
        return (self.ns, "fill", f"{self.run}-{number}")


class Filled(NamedTuple):
    """All looks, and when the first write was refused."""

    looks: tuple[Look, ...]
    refused: float


@pytest.fixture(scope="module", params=PLACES)
def filled(request: pytest.FixtureRequest) -> Iterator[Filled]:
    parts = request.param.split("/")
    assert len(parts) == 4, f"not HOST:PORT/NAMESPACE/BYTES/RATE: {request.param}"
    address, ns, size, rate = parts
    host, _, port = address.rpartition(":")
    chosen = Settings(aerospike=AerospikeSettings(host=host, port=int(port)))
    node = MonitoredNode(chosen, connection_to(chosen.aerospike))
    client = aerospike.client({"hosts": [(host, int(port))], "policies": {"write": {"max_retries": 0}}})
    filler = Filler(client, ns, int(size), int(rate))
    try:
        held = _look(node, ns).namespace.objects
        assert held == 0, f"{ns} holds {held} records: name a namespace for tests alone"
        looks = tuple(_looks(node, filler))
        assert filler.refused, f"{ns} took {filler.tried} records and refused none: its limits are not within reach"
        found = Filled(looks, filler.refused)
        _print(request.param, filler, found)
        yield found
    finally:
        filler.clean()
        client.close()
        node.close()


def _looks(node: MonitoredNode, filler: Filler) -> Iterator[Look]:
    """Look and write, step by step, until a write was refused and the flags had time to follow."""
    begun = due = time.time()
    while time.time() - begun < MOST_SECONDS and not filler.full:
        look = _look(node, filler.ns)
        yield look
        if filler.refused and (look.namespace.stop_writes or look.at > filler.refused + SECONDS_AFTER_REFUSAL):
            return
        due = max(due + STEP_SECONDS, time.time())
        filler.fill(due)


def _look(node: MonitoredNode, ns: str) -> Look:
    reading = node.target.read(5)
    at = time.time()
    assert reading.problem is None, reading.problem
    analysis = Diagnosis(reading.snapshot)
    limits = {(limit.name, limit.action): limit for limit in analysis.limits_of(ns)}
    first = analysis.first_limits.get(ns)
    namespace = next(one for one in reading.snapshot.namespaces if one.name == ns)
    return Look(at, namespace, limits, (first.name, first.action) if first else None)


def _crossings(looks: tuple[Look, ...], action: str) -> dict[Act, float]:
    """When each limit with an action was breached for the first time; eviction may take it back."""
    found: dict[Act, float] = {}
    for look in looks:
        for act in look.limits:
            if act[1] == action and look.breached(act):
                found.setdefault(act, look.at)
    return found


def _period(looks: tuple[Look, ...], action: str) -> float:
    """The time that the server may take to notice, and we to look."""
    nsup = looks[0].namespace.nsup_period or 0
    return STEP_SECONDS + (STOP_WRITES_SECONDS if action == "stop_writes" else nsup + WAKE_SECONDS)


@pytest.mark.parametrize("action", FLAGS)
def test_the_flag_follows_the_first_crossing_within_a_check_period(filled: Filled, action: str) -> None:
    looks = filled.looks
    crossed = min(_crossings(looks, action).values(), default=None)
    flagged = next((look.at for look in looks if look.flag(action)), None)
    if crossed is None or (action == "evict" and not looks[0].namespace.nsup_period):
        assert flagged is None
    elif flagged is None:
        assert looks[-1].at - crossed < _period(looks, action)
    else:
        assert 0 <= flagged - crossed <= _period(looks, action)


@pytest.mark.parametrize("action", FLAGS)
def test_the_flag_always_says_what_was_so_within_the_last_check_period(filled: Filled, action: str) -> None:
    looks, period = filled.looks, _period(filled.looks, action)
    if action == "evict" and not looks[0].namespace.nsup_period:
        pytest.skip("nsup-period is 0")
    for look in looks:
        recent = [one for one in looks if look.at - period <= one.at <= look.at]
        assert look.flag(action) in {one.any_breached(action) for one in recent}, look.at - looks[0].at


def test_a_limit_is_breached_exactly_when_no_headroom_is_left(filled: Filled) -> None:
    for look in filled.looks:
        for act, limit in look.limits.items():
            if limit.headroom is not None and act[0] != "sys_memory":
                assert limit.headroom <= 0 if limit.breached else limit.headroom >= 0, (act, limit)


def test_a_write_is_refused_only_after_a_limit_says_so(filled: Filled) -> None:
    until = filled.refused + STEP_SECONDS
    seen = [look for look in filled.looks if look.at <= until]
    assert any(look.any_breached("stop_writes") or look.any_breached("refuse_writes") for look in seen)


def test_the_limit_that_is_hit_was_named_first_before_it_was_hit(filled: Filled) -> None:
    before, hit = next(pair for pair in pairwise(filled.looks) if any(map(pair[1].breached, pair[1].limits)))
    assert before.first is not None
    assert hit.breached(before.first)


def _print(place: str, filler: Filler, found: Filled) -> None:
    """The times, for the record."""
    first = found.looks[0].namespace
    print(f"\n{place}: release {'.'.join(map(str, first.release))}, {filler.tried} records tried")
    events: list[tuple[float, str]] = [(found.refused, "first write refused (code 8)")]
    for action in ("evict", "stop_writes", "refuse_writes"):
        for act, at in _crossings(found.looks, action).items():
            limit = next(look.limits[act] for look in found.looks if look.at == at)
            events.append((at, f"limit_breached {act[0]} {action}, headroom {limit.headroom}"))
    for action, flag in FLAGS.items():
        events += [(look.at, f"flag {flag}") for look in found.looks if look.flag(action)][:1]
        for before, look in pairwise(found.looks):
            if before.any_breached(action) and not look.any_breached(action):
                events.append((look.at, f"no limit breached any more: {action}"))
            if before.flag(action) and not look.flag(action):
                events.append((look.at, f"flag {flag} cleared"))
    for before, look in pairwise(found.looks):
        events += [(look.at, f"first limit {look.first}, was {before.first}")] if look.first != before.first else []
    for at, what in sorted(events):
        print(f"  {time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at))}.{int(at % 1 * 1000):03d}Z  {what}")
