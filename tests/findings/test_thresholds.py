"""One table of thresholds: whoever judges reads it there, and nobody has a threshold of their own."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from exporter.findings import thresholds
from tests.support import TESTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOT = TESTS.parent
TABLE = ROOT / "exporter" / "findings" / "thresholds.py"
JUDGES = ("exporter/findings", "exporter/rules", "exporter/report", "exporter/reclaim", "exporter/render", "dashboards")
MIB = 1 << 20

NO_THRESHOLDS = {
    "BEND": "of the statistics of trends",
    "DENSE": "of the statistics of trends",
    "ENOUGH": "of the statistics of trends",
    "HEAP_NOISE_BYTES": "of the statistics of what a change moved",
    "LEAST_DRAWN": "rounding on the page",
    "LEAST_SHOWN": "rounding on the page",
    "NO_WASTE": "rounding on the page",
    "PEAK_KEEPS": "of the kernel's way to count",
    "REDRAW_SECONDS": "of a progress bar",
    "WIDE": "rounding on the page",
}
"""Constants that look like thresholds, and what they are."""


def value(node: ast.expr) -> float | None:
    """The value of an expression of numbers."""
    if any(
        not isinstance(part, (ast.Constant, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop))
        for part in ast.walk(node)
    ):
        return None
    result = eval(compile(ast.Expression(node), "", "eval"))
    return float(result) if isinstance(result, (int, float)) else None


def assigned(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """The constants of a module with what is assigned to them, one by one also where several are at once."""
    for node in tree.body:
        if isinstance(node, ast.Assign):
            targets, right = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, right = [node.target], node.value
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Name):
                yield target.id, right
            elif isinstance(target, ast.Tuple) and isinstance(right, ast.Tuple):
                yield from (
                    (name.id, part)
                    for name, part in zip(target.elts, right.elts, strict=True)
                    if isinstance(name, ast.Name)
                )


def own_thresholds(text: str) -> set[str]:
    """The constants that are a ratio or whole mebibytes, or a number with the name of a threshold of the table."""
    names = set()
    for name, right in assigned(ast.parse(text)):
        number = value(right)
        if number is None or not name.isupper():
            continue
        if 0 < number < 1 or (number >= MIB and number % MIB == 0) or name.strip("_") in vars(thresholds):
            names.add(name.strip("_"))
    return names


def judges() -> list[Path]:
    return [path for top in JUDGES for path in sorted((ROOT / top).rglob("*.py")) if path != TABLE]


def test_nobody_has_a_threshold_of_their_own() -> None:
    own = {name for path in judges() for name in own_thresholds(path.read_text())}
    assert own == set(NO_THRESHOLDS)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("A = 0.5", {"A"}),
        ("_B = 0.5", {"B"}),
        ("A: Final = 64 * 1024 * 1024", {"A"}),
        ("A, B = 0.1, 256 << 20", {"A", "B"}),
        ("NEAR = 3", {"NEAR"}),
        ("A = 1 << 20 | 1\nB = 5\nC = 1.5\nD = 'x'\ne = 0.5\nE = NEAR", set()),
    ],
)
def test_a_threshold_elsewhere_is_seen(text: str, names: set[str]) -> None:
    assert own_thresholds(text) == names


def table() -> dict[str, str]:
    """Each threshold of the table, with its reason."""
    body = ast.parse(TABLE.read_text()).body
    reasons = {}
    for node, after in pairwise([*body, ast.Pass()]):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            text = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ""
            reasons[node.target.id] = str(text)
    return reasons


def test_every_threshold_has_its_reason() -> None:
    without = {name for name, reason in table().items() if not reason}
    assert without == {"MINUTE", "HOUR", "DAY", "TIMES_TO_LIMIT"}


def test_every_threshold_is_read_by_somebody() -> None:
    texts = [path.read_text() for path in judges()]
    own = TABLE.read_text()
    unused = {
        name
        for name in table()
        if not any(re.search(rf"\b{name}\b", text) for text in texts) and len(re.findall(rf"\b{name}\b", own)) == 1
    }
    assert unused == set()
