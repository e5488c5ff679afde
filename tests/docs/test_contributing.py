"""What CONTRIBUTING.md names is there: files, names in them, make targets; and every recipe leads to a test."""

from __future__ import annotations

import re

import pytest

from tests.support import TESTS
from tests.test_layers import ROWS

ROOT = TESTS.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
RECIPES = dict(re.findall(r"^## To add an? (.+?)\n(.+?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)*/?)`")
TOP = {path.name for path in ROOT.iterdir()}


def is_path(word: str) -> bool:
    """Whether a word in backticks names a file of the repository."""
    return "/" in word or word.endswith((".py", ".md"))


def paths(text: str) -> set[str]:
    """The files of the repository that a text names, from its top."""
    return {word for word in PATH.findall(text) if is_path(word)}


def there(path: str) -> bool:
    """Whether a path exists; a word in capitals stands for any name."""
    pattern = re.sub(r"\b(RELEASE|SCENARIO|ALERT)\b", "*", path)
    return any(ROOT.glob(pattern.rstrip("/")))


def missing_names(text: str) -> list[str]:
    """Names that are said to be in a file, and are not."""
    pairs = re.findall(r"`(\w+)` in\s+`([\w/.-]+)`", text)
    return [f"{name} in {path}" for name, path in pairs if not re.search(rf"\b{name}\b", (ROOT / path).read_text())]


def test_there_is_a_recipe_for_everything_that_grows() -> None:
    assert set(RECIPES) == {
        "server release",
        "metric",
        "limit",
        "finding",
        "setting",
        "page of the web server",
        "alert",
    }


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_names_files_that_exist_and_one_that_tests_it(recipe: str) -> None:
    named = paths(RECIPES[recipe])
    assert [path for path in sorted(named) if not there(path)] == []
    assert any(re.fullmatch(r"tests/.*test_\w+\.py", path) for path in named)
    assert any(re.fullmatch(r"exporter/.*\.py", path) for path in named)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_names_what_is_in_those_files(recipe: str) -> None:
    assert missing_names(RECIPES[recipe]) == []


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_says_what_to_copy_in_few_lines(recipe: str) -> None:
    assert "Copy `" in RECIPES[recipe] or recipe == "server release"
    assert len(RECIPES[recipe].strip().splitlines()) <= 22


def test_all_other_files_and_make_targets_are_there() -> None:
    assert [path for path in sorted(paths(TEXT)) if not there(path)] == []
    targets = {target for words in re.findall(r"`make ([a-z ]+)`", TEXT) for target in words.split()}
    known = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert targets >= {"test", "check", "docs", "rules", "dashboards"}
    assert targets <= known


def test_what_is_not_there_is_seen() -> None:
    assert not there("exporter/nothing.py")
    assert not there("tests/captures/RELEASE/nothing.json")
    assert paths("`exporter/cli.py` and `make test`, `used / limit`, `RULES`") == {"exporter/cli.py"}
    text = "`NOTHING` in `exporter/cli.py`, `main` in\n`exporter/cli.py`"
    assert missing_names(text) == ["NOTHING in exporter/cli.py"]


def test_the_layers_are_those_that_are_held() -> None:
    rooms = {room for row in ROWS for room in row}
    drawn = [[word for word in re.split(r" {2,}", line.strip()) if word in rooms] for line in TEXT.splitlines()]
    held = [[room for room in row if room not in ("__main__", "cli", "__init__")] for row in ROWS]
    indented = [row for row, line in zip(drawn, TEXT.splitlines(), strict=True) if line.startswith("    ") and row]
    assert indented == [row for row in held if row]
