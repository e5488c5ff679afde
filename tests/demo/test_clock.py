from __future__ import annotations

import pytest

from exporter.demo.clock import Clock


def test_a_clock_starts_at_zero_and_runs_at_its_speed() -> None:
    real = [1000.0]
    clock = Clock(60, now=lambda: real[0])
    assert clock.seconds() == 0
    real[0] += 2.5
    assert clock.seconds() == 150


@pytest.mark.parametrize("speed", [0, -1])
def test_a_clock_does_not_stand_or_run_backwards(speed: float) -> None:
    with pytest.raises(ValueError, match="more than 0"):
        Clock(speed)
