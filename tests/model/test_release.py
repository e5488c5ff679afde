"""The differences between server releases: on each side of the release that brings one, and named in one place."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from exporter.model import release as releases
from exporter.model.release import Capability, Release
from tests.support import TESTS

EXPORTER = TESTS.parent / "exporter"
CAPABILITIES = {name: value for name, value in vars(releases).items() if isinstance(value, Capability)}
MODULES = sorted(
    path
    for path in EXPORTER.rglob("*.py")
    if "demo" not in path.relative_to(EXPORTER).parts and path != Path(releases.__file__)
)


def is_release(node: ast.AST) -> bool:
    """Whether a literal may be a release: two to four whole numbers that begin like a major and minor version."""
    if not isinstance(node, ast.Tuple) or not 2 <= len(node.elts) <= 4:
        return False
    numbers = [element.value for element in node.elts if isinstance(element, ast.Constant)]
    whole = [number for number in numbers if type(number) is int]
    return len(whole) == len(node.elts) and 5 <= whole[0] < 12 and whole[1] < 10


def compares(node: ast.AST) -> bool:
    """Whether something other than the version of Python is ordered against a literal tuple of whole numbers."""
    if not isinstance(node, ast.Compare) or any(isinstance(operator, ast.In | ast.NotIn) for operator in node.ops):
        return False
    sides = [node.left, *node.comparators]
    return "version_info" not in ast.dump(node) and any(
        isinstance(side, ast.Tuple)
        and all(isinstance(element, ast.Constant) and type(element.value) is int for element in side.elts)
        for side in sides
    )


def bare_releases(source: str) -> list[int]:
    """The lines with a release that has no name."""
    nodes = ast.walk(ast.parse(source))
    return sorted(
        {node.lineno for node in nodes if isinstance(node, ast.expr) and (is_release(node) or compares(node))}
    )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(EXPORTER)))
def test_no_release_is_named_outside_its_module(path: Path) -> None:
    assert bare_releases(path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "release >= (7, 0)",
        "(6, 3) <= node.release",
        "a < release < (8, 1, 1)",
        "f(since=(7, 1))",
        "NEW: Release = (8, 2)",
        "x > (1,)",
    ],
)
def test_a_bare_release_is_seen(source: str) -> None:
    assert bare_releases(source) == [1]


@pytest.mark.parametrize(
    "source",
    ["code in (60, 65)", "pct = (60, 70)", "release in FLAT_STORAGE", "f(x, (a, 8))", "version_info < (3, 11)"],
)
def test_what_is_no_release_is_let_be(source: str) -> None:
    assert bare_releases(source) == []


@pytest.mark.parametrize("capability", CAPABILITIES.values(), ids=CAPABILITIES)
def test_a_capability_begins_and_ends_with_its_releases(capability: Capability) -> None:
    assert capability.since in capability
    assert (*capability.since, 0) in capability
    assert (5, 7, 0, 31) not in capability
    if capability.since > (6, 0):
        *head, last = capability.since
        before = (*head, last - 1, 99) if last else (head[0] - 1, 9, 99)
        assert before not in capability
    if capability.until is not None:
        assert capability.until not in capability
        assert (*capability.until, 1) not in capability
        assert capability.until > capability.since
    else:
        assert (99, 0) in capability


@pytest.mark.parametrize(
    ("name", "without", "with_"),
    [
        ("FLAT_STORAGE", (6, 4, 0, 34), (7, 0, 0, 0)),
        ("UNIFIED_STATS", (6, 4, 0, 34), (7, 0)),
        ("MEMORY_SIZE", (7, 0, 0, 0), (6, 4, 0, 34)),
        ("WIDE_SET_IDS", (6, 4), (7, 0)),
        ("POST_WRITE_QUEUE", (7, 1, 0, 0), (7, 0, 0, 26)),
        ("POST_WRITE_CACHE", (7, 0, 0, 26), (7, 1, 0, 0)),
        ("INDEXES_BUDGET", (7, 0, 0, 26), (7, 1)),
        ("NAMESPACE_PARAMETER", (7, 1, 0, 23), (7, 2, 0, 1)),
        ("INDEX_STASHES", (8, 0, 0, 15), (8, 1, 0, 0)),
        ("SINDEX_PATH", (8, 1, 0, 0), (8, 0, 0, 15)),
        ("RELEASE_COMMAND", (8, 1, 0, 3), (8, 1, 1, 0)),
        ("CGROUP_MEM_TRACKING", (8, 1, 1, 2), (8, 1, 2, 0)),
        ("SUPPORTED", (5, 7, 0, 31), (6, 0, 0, 22)),
    ],
)
def test_the_last_release_without_and_the_first_with(name: str, without: Release, with_: Release) -> None:
    assert (without in CAPABILITIES[name], with_ in CAPABILITIES[name]) == (False, True)


@pytest.mark.parametrize("name", CAPABILITIES)
def test_every_capability_names_its_source_and_is_used(name: str) -> None:
    assert ".c" in CAPABILITIES[name].source or ".h" in CAPABILITIES[name].source
    assert any(name in path.read_text() for path in MODULES)
