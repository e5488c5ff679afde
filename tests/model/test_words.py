"""Everything that people see has a name of its own."""

from __future__ import annotations

import re

import pytest

from exporter.findings import RULES
from exporter.memory.map.ledger import COMPONENTS
from exporter.memory.refusals import WITHOUT_FLAG
from exporter.model import words
from tests.support import TESTS

LIMITS_PAGE = (TESTS.parent / "docs/limits.md").read_text()
TABLES = {name: table for name, table in vars(words).items() if name.isupper() and name != "TYPE_CHECKING"}


def listed(heading: str, column: int) -> set[str]:
    """The names in a column of the table in docs/limits.md that begins with a heading."""
    table = LIMITS_PAGE.partition(f"| `{heading}`")[2].partition("\n\n")[0].splitlines()[2:]
    return {name for row in table for name in re.findall(r"`(\w+)`", row.split("|")[column])}


def test_every_limit_and_every_action_of_the_docs_has_a_name() -> None:
    assert listed("limit", 1) == set(words.LIMITS)
    assert listed("limit", 2) == set(words.ACTIONS)


def test_every_reason_to_refuse_writes_has_a_name() -> None:
    assert listed("reason", 1) | set(WITHOUT_FLAG) <= set(words.REASONS)


def test_every_component_and_every_finding_has_a_name() -> None:
    assert set(words.COMPONENTS) == set(COMPONENTS)
    assert set(words.FINDINGS) == {rule.name for rule in RULES}


@pytest.mark.parametrize("name", TABLES)
def test_no_two_have_the_same_name_and_none_is_a_label(name: str) -> None:
    texts = list(TABLES[name].values())
    assert len(set(texts)) == len(texts)
    assert not [text for text in texts if "_" in text or text != text.strip() or len(text) > 48]
