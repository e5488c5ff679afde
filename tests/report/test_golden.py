"""What the report looks like, to the letter: `make golden` writes the files anew, and their diff is read in review."""

from __future__ import annotations

import pytest

from tests.report.golden import GOLDEN, outputs


@pytest.mark.parametrize(("name", "text"), outputs().items(), ids=list(outputs()))
def test_the_report_looks_as_it_did(name: str, text: str) -> None:
    assert text == (GOLDEN / name).read_text(encoding="utf-8")


def test_every_file_is_of_a_report() -> None:
    assert {path.name for path in GOLDEN.glob("report-*")} == set(outputs())
