"""A set at its stop-writes-count is said as soon as a client is refused, and no longer than it is refused.

AEROSPIKE_LIVE_SETS=127.0.0.1:3000/scratch python -m pytest -m live tests/live/test_full_set.py

THIS WRITES to each namespace that it is told to (HOST:PORT/NAMESPACE, comma separated), and sets a parameter there: ten
records in a set of its own, and the stop-writes-count of that set, which is 0 again at the end. It deletes what it
wrote; the name of the set, fill_count, stays until the server starts anew. A single node without security.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

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

COUNT = 10
SET = "fill_count"
PLACES = [place for place in os.environ.get("AEROSPIKE_LIVE_SETS", "").split(",") if place]

pytestmark = [pytest.mark.live, pytest.mark.skipif(not PLACES, reason="AEROSPIKE_LIVE_SETS is not set")]


class Place:
    """A namespace, through the exporter and through a client."""

    def __init__(self, place: str) -> None:
        address, self.ns = place.split("/")
        host, _, port = address.rpartition(":")
        settings = Settings(aerospike=AerospikeSettings(host=host, port=int(port)))
        self.node = MonitoredNode(settings, connection_to(settings.aerospike))
        self.client: Any = aerospike.client({"hosts": [(host, int(port))], "policies": {"write": {"max_retries": 0}}})

    def key(self, number: int) -> tuple[str, str, int]:
        return (self.ns, SET, number)

    def limit(self, count: int) -> None:
        """Let the set have so many records; 0: any number."""
        context = f"context=namespace;id={self.ns};namespace={self.ns};set={SET}"  # id up to 7.1, namespace from 7.2 on
        reply = self.client.info_random_node(f"set-config:{context};stop-writes-count={count}")
        assert reply.strip().endswith("ok"), reply

    def said(self) -> tuple[set[str], set[str]]:
        """The reasons for which writes are refused, and the findings that are critical, by one reading."""
        reading = self.node.target.read(5)
        assert reading.problem is None, reading.problem
        diagnosis = Diagnosis(reading.snapshot)
        reasons = {refusal.reason for refusal in diagnosis.refusals.get(self.ns, ())}
        return reasons, {finding.name for finding in diagnosis.findings if finding.severity == "critical"}

    def close(self) -> None:
        for number in range(COUNT + 1):
            try:
                self.client.remove(self.key(number))
            except client_errors.RecordNotFound:
                continue
        self.limit(0)
        self.client.close()
        self.node.close()


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    place = Place(request.param)
    try:
        yield place
    finally:
        place.close()


def test_a_set_at_its_count_is_said_while_new_records_are_refused(place: Place) -> None:
    place.client.put(place.key(0), {"n": 0})  # the set must exist before it can have a limit
    place.limit(COUNT)
    for number in range(1, COUNT):
        assert "set_count" not in place.said()[0]
        place.client.put(place.key(number), {"n": number})
    with pytest.raises(client_errors.ForbiddenError) as refused:
        place.client.put(place.key(COUNT), {"n": COUNT})
    assert refused.value.code == 22
    reasons, critical = place.said()
    assert "set_count" in reasons
    assert "set_near_limit" in critical
    place.client.put(place.key(0), {"n": 1})  # what is there may be written again
    place.client.remove(place.key(0))
    assert "set_count" not in place.said()[0]
    place.client.put(place.key(COUNT), {"n": COUNT})
