"""Which nodes are blamed for the end of a process, and for how long they are set aside."""

from __future__ import annotations

from exporter.fleet.messages import Key
from exporter.fleet.suspects import SET_ASIDE_LIMIT_SECONDS, SET_ASIDE_SECONDS, Suspects
from exporter.model.endpoint import endpoint


def test_how_long_a_node_is_set_aside_doubles_and_has_a_limit() -> None:
    now = [0.0]
    suspects, key = Suspects(lambda: now[0]), Key(endpoint("10.0.0.1:3000"), "default")
    delays = []
    for _ in range(7):
        delay = suspects.convict(key)
        assert delay is not None
        delays.append(delay)
        assert suspects.is_set_aside(key)
        assert suspects.convict(key) is None
        assert suspects.set_aside == 1
        now[0] += delays[-1]
        assert not suspects.is_set_aside(key)
        assert key in suspects
    assert delays == [30, 60, 120, 240, 480, 900, SET_ASIDE_LIMIT_SECONDS]
    assert suspects.clear(key)
    assert not suspects.clear(key)
    assert key not in suspects
    assert suspects.convict(key) == SET_ASIDE_SECONDS


def test_a_node_that_nobody_asks_for_any_more_is_forgotten() -> None:
    now = [0.0]
    suspects = Suspects(lambda: now[0])
    first, second = (Key(endpoint(f"10.0.0.{number}:3000"), "default") for number in (1, 2))
    suspects.convict(first)
    now[0] = 10_000.0
    suspects.convict(second)
    assert (first in suspects, second in suspects) == (False, True)
