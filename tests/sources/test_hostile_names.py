"""Names that users give, read over TCP: they cost nothing but their own figures, and those are added up."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.demo.wire import InfoServer
from exporter.parsers import info
from exporter.parsers import snapshot as stats
from exporter.sources.aerospike import AerospikeSource
from exporter.sources.connection import Connection
from tests.hostile_names import ERRORS, MOST_NAME_BYTES, TEXT, answers_with
from tests.support import exposed, registry_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PLAIN = ("plain", "second")


class Node(InfoServer):
    """A node that answers the commands of a request in any order."""

    order: random.Random | None = None

    def reply(self, body: bytes) -> bytes | None:
        if self.order is None:
            return super().reply(body)
        commands = body.splitlines(keepends=True)
        self.order.shuffle(commands)
        return b"".join(super(Node, self).reply(command) or b"" for command in commands)


def figures(answers: Callable[[str], str | None]) -> dict[str, float]:
    """All that is exposed of a node but times."""
    with registry_of(answers) as registry:
        return {name: value for name, value in exposed(registry).items() if "seconds" not in name}


@pytest.mark.parametrize("release", ["8.1", "6.4"])
@pytest.mark.parametrize("name", TEXT)
def test_a_name_costs_no_figure_of_anything_else_and_its_own_are_in_other(release: str, name: str) -> None:
    told = figures(answers_with(release, {"one": (*PLAIN, name), "two": PLAIN}))
    harmless = figures(answers_with(release, {"one": (*PLAIN, "_" * len(name.encode("utf-8", "surrogateescape"))), "two": PLAIN}))
    own = {series for series in harmless if 'set="_' in series or "unreadable" in series or "sets_dropped" in series}
    assert {series: told.get(series) for series in harmless if series not in own} == {
        series: value for series, value in harmless.items() if series not in own
    }
    assert told['set_objects{ns="one",set="_other"}'] == 3
    assert told['set_objects{ns="one",set="second"}'] == 2
    assert told['sets_dropped{ns="one"}'] == 1
    assert told['sets_unreadable{ns="one"}'] == (name != "_other")
    assert told['sets_unreadable{ns="two"}'] == 0
