"""Which room may import from which; no circle anywhere, and no way back up.

A room is a package of `exporter` or a module beside them. The rows are from the top down: a room imports only from rows
below its own.
"""

from __future__ import annotations

import ast
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.support import TESTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

ROOT = TESTS.parent

ROWS = (
    ("__main__",),
    ("cli",),
    ("commands",),
    ("web",),
    ("fleet",),
    ("scrape", "report", "reclaim", "rules"),
    ("collectors", "render"),
    ("findings",),
    ("sources",),
    ("memory",),
    ("parsers", "settings"),
    ("model",),
    ("errors", "states", "units", "__init__"),
)
ROW = {room: row for row, rooms in enumerate(ROWS) for room in rooms}

PURE = ("model", "parsers", "memory", "findings", "errors", "states", "units")
"""Rooms without input, output or clock: what they take from outside is listed in `PURE_IMPORTS`."""

PURE_IMPORTS = {
    "__future__",
    "bisect",
    "collections",
    "dataclasses",
    "datetime",
    "enum",
    "exporter",
    "fnmatch",
    "functools",
    "ipaddress",
    "itertools",
    "json",
    "math",
    "re",
    "shlex",
    "statistics",
    "typing",
    "typing_extensions",
}

RECLAIM_DOES = ("session", "apply", "journal", "observe", "console")
"""The modules of `reclaim` that send, write, wait or ask; all others only work out what these do."""

RECLAIM_MAY = ("findings", "memory", "parsers", "model", "errors", "units", "render")
"""The rooms that the others of `reclaim` may use."""

ONLY_COMMANDS = ("demo", "report", "reclaim")
"""Rooms that none but `commands` may enter; `dashboards` imports `rules` as well."""

DASHBOARDS_MAY = ("dashboards", "exporter.rules", "exporter.findings", "exporter.model.words", "exporter.units")


@cache
def modules() -> Mapping[str, Path]:
    """Every module of the program, the dashboards and the generators of docs, by its dotted name."""
    found = {}
    for top in ("exporter", "dashboards", "docs"):
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(name: str) -> frozenset[str]:
    """The modules of ours that a module imports, also for its types alone and inside of functions."""
    found = set()
    for node in ast.walk(ast.parse(modules()[name].read_text())):
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            wanted = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for dotted in wanted:
            module = dotted if dotted in modules() else dotted.rpartition(".")[0]
            if module in modules():
                found.add(module)
    return frozenset(found - {name})


def outside(name: str) -> set[str]:
    """The top packages that a module imports from."""
    tops = set()
    for node in ast.walk(ast.parse(modules()[name].read_text())):
        if isinstance(node, ast.Import):
            tops |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            tops.add((node.module or "").split(".")[0])
    return tops


def room(name: str) -> str:
    """The room of a module of `exporter`."""
    return name.split(".")[1] if "." in name else "__init__"


def of(*tops: str) -> list[str]:
    """The modules below some dotted names."""
    return [name for name in modules() if any(name == top or name.startswith(f"{top}.") for top in tops)]


def test_every_room_imports_only_from_below() -> None:
    wrong = []
    for name in of("exporter"):
        if room(name) == "demo":
            continue
        assert room(name) in ROW, f"{name} has no place in the house"
        for other in imports(name):
            same = room(other) == room(name)
            if not same and (room(other) not in ROW or ROW[room(other)] <= ROW[room(name)]) and room(other) != "demo":
                wrong.append(f"{name} imports {other}")
    assert wrong == []


def circle(graph: Mapping[str, Iterable[str]]) -> list[str]:
    """A circle of imports, or nothing."""
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> list[str]:
        if name in path:
            return path[path.index(name) :]
        if name not in done:
            for other in graph[name]:
                found = walk(other, [*path, name])
                if found:
                    return found
            done.add(name)
        return []

    return next((found for name in graph if (found := walk(name, []))), [])


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circle({name: imports(name) for name in modules()}) == []


def test_a_circle_is_seen() -> None:
    assert circle({"a": ["b"], "b": ["c"], "c": ["b"]}) == ["b", "c"]
    assert circle({"a": ["b", "c"], "b": ["c"], "c": []}) == []


@pytest.mark.parametrize("inner", ONLY_COMMANDS)
def test_only_commands_enter(inner: str) -> None:
    users = {name for name in of("exporter", "dashboards") if f"exporter.{inner}" in " ".join(imports(name))}
    assert {room(name) for name in users} <= {inner, "commands"}


def test_the_demo_is_independent_of_what_it_is_an_oracle_for() -> None:
    assert {room(other) for name in of("exporter.demo") for other in imports(name)} == {"demo"}


def test_sources_hand_over_what_they_read_without_the_memory_model() -> None:
    there = of("exporter.memory")
    assert [name for name in of("exporter.sources") if any(other in there for other in imports(name))] == []


@pytest.mark.parametrize(
    ("inner", "outer"),
    [("collectors", "sources"), ("collectors", "render"), ("render", "scrape"), ("render", "web")],
)
def test_rooms_that_know_nothing_of_each_other(inner: str, outer: str) -> None:
    there = of(f"exporter.{outer}")
    assert [name for name in of(f"exporter.{inner}") if any(other in there for other in imports(name))] == []


def test_the_dashboards_know_only_rules_findings_and_units() -> None:
    wrong = [
        f"{name} imports {other}"
        for name in of("dashboards")
        for other in imports(name)
        if not any(other == allowed or other.startswith(f"{allowed}.") for allowed in DASHBOARDS_MAY)
    ]
    assert wrong == []


@pytest.mark.parametrize("name", [name for top in PURE for name in of(f"exporter.{top}")])
def test_a_pure_module_imports_nothing_that_does_something(name: str) -> None:
    assert outside(name) <= PURE_IMPORTS


@pytest.mark.parametrize(
    "name", [name for name in of("exporter.reclaim") if name.rpartition(".")[2] not in RECLAIM_DOES]
)
def test_a_plan_is_made_and_told_without_doing_anything(name: str) -> None:
    does = {f"exporter.reclaim.{module}" for module in RECLAIM_DOES}
    assert {other for other in imports(name) if other in does} == set()
    assert {room(other) for other in imports(name)} <= {"reclaim", *RECLAIM_MAY}
    assert outside(name) <= PURE_IMPORTS | {"textwrap"}


@pytest.mark.parametrize("module", RECLAIM_DOES)
def test_what_does_something_in_reclaim_is_there(module: str) -> None:
    assert f"exporter.reclaim.{module}" in modules()


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        name for name, path in modules().items() if "os.environ" in path.read_text() or "getenv" in path.read_text()
    }
    assert readers == {"exporter.settings.load", "exporter.settings.screen"}
