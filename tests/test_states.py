"""States are told when they change, and only then."""

from __future__ import annotations

from exporter.states import States


def test_what_is_well_from_the_start_is_no_change() -> None:
    states: States[str] = States()
    assert not states.changed("smaps", None)
    assert "smaps" not in states


def test_each_change_is_told_once_and_of_its_own_key() -> None:
    states: States[str] = States()
    steps = [("a", "lost"), ("a", "lost"), ("b", "lost"), ("a", "refused"), ("a", None), ("a", None), ("b", "lost")]
    assert [states.changed(key, state) for key, state in steps] == [True, False, True, True, True, False, False]


def test_what_is_no_longer_wrong_is_cleared_once() -> None:
    states: States[str] = States()
    for key in ("a", "b", "c"):
        states.changed(key, "wrong")
    assert states.cleared(but={"b": "wrong"}) == ["a", "c"]
    assert states.cleared(but={"b": "wrong"}) == []
    assert "b" in states
    assert states.changed("a", "wrong")
    assert not states.changed("b", "wrong")
