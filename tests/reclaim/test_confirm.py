"""Who may send a plan."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from exporter.model.snapshot import Node
from exporter.reclaim.confirm import refusal

NODE = Node("8.1.2.0", (8, 1, 2, 0), node_id="BB9", cluster_name="shop")


class Person:
    """Types the given lines, and keeps what was asked."""

    def __init__(self, *lines: str) -> None:
        self._lines: Iterator[str] = iter(lines)
        self.questions: list[str] = []

    def __call__(self, question: str) -> str:
        self.questions.append(question)
        return next(self._lines)


@pytest.mark.parametrize(
    ("node", "lines", "deleted", "confirmed", "yes", "why"),
    [
        (NODE, ["shop\n"], [], [], False, None),
        (NODE, ["Shop\n"], [], [], False, "not confirmed"),
        (NODE, ["\n"], [], [], False, "not confirmed"),
        (NODE, [""], [], [], False, "not confirmed"),
        (NODE, ["yes\n"], [], [], False, "not confirmed"),
        (Node("8", (8, 1), node_id="BB9"), ["BB9\n"], [], [], False, None),
        (Node("8", (8, 1)), [], [], [], False, "the node tells neither a cluster name nor an id to confirm with"),
        (NODE, [], [], [], True, None),
        # Records that go are confirmed by name, even with --yes.
        (NODE, ["carts/cart\n"], ["carts/cart"], [], True, None),
        (NODE, ["carts\n"], ["carts/cart"], [], True, "the deletion of records of carts/cart was not confirmed"),
        (NODE, ["carts\n", "shop\n"], ["carts", "carts"], [], False, None),
        (NODE, ["shop\n"], ["carts"], ["carts"], False, None),
        (NODE, ["x\n"], ["carts/cart"], ["carts"], True, "the deletion of records of carts/cart was not confirmed"),
    ],
)
def test_a_person_types_what_it_is_about(
    node: Node, lines: list[str], deleted: list[str], confirmed: list[str], yes: bool, why: str | None
) -> None:
    person = Person(*lines)
    assert refusal(node, 1, deleted, confirmed, yes, person) == why
    assert len(person.questions) == len(lines)


@pytest.mark.parametrize(
    ("deleted", "confirmed", "yes", "why"),
    [
        ([], [], False, "standard input is no terminal: confirm with --yes"),
        ([], [], True, None),
        (["carts"], [], True, "records of carts would be deleted: confirm with --delete-data carts"),
        (["carts"], ["carts"], True, None),
        (["carts"], ["carts"], False, "standard input is no terminal: confirm with --yes"),
    ],
)
def test_without_a_terminal_flags_have_to_say_so(
    deleted: list[str], confirmed: list[str], yes: bool, why: str | None
) -> None:
    assert refusal(NODE, 2, deleted, confirmed, yes, None) == why
