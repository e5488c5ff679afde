"""What the program says of each node is what its golden files say, byte for byte."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import pytest

from tests.golden.scenarios import FILES, SCENARIOS, outputs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_outputs_are_those_of_the_golden_files(scenario: str, tmp_path: Path) -> None:
    written = outputs(scenario, tmp_path)
    golden = {path.name: path.read_text(encoding="utf-8") for path in (FILES / scenario).iterdir()}
    assert sorted(golden) == sorted(written)
    for name, content in written.items():
        if content != golden[name]:
            lines = difflib.unified_diff(
                golden[name].splitlines(), content.splitlines(), f"{scenario}/{name}", "now", lineterm="", n=1
            )
            changed = "\n".join(list(lines)[:40])
            pytest.fail(f"run `make golden`, and read the diff: is every change meant?\n{changed}", pytrace=False)


def test_every_folder_is_of_a_scenario() -> None:
    assert {path.name for path in FILES.iterdir() if path.is_dir() and path.name != "__pycache__"} == set(SCENARIOS)
