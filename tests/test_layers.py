"""A module imports only from its left in the pipeline."""

from __future__ import annotations

import ast

from tests.support import TESTS

ROOT = TESTS.parent

# Left to right; a room may import from its own row only where that is itself.
LAYERS = (
    ("errors", "units", "__init__"),
    ("times",),
    ("model",),
    ("parsers", "settings"),
    ("memory",),
    ("findings",),
    ("sources",),
    ("collectors", "render", "rules"),
    ("scrape", "report", "reclaim"),
    ("fleet",),
    ("web", "demo"),
    ("commands",),
    ("cli",),
    ("__main__",),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def _imports(source: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name == "exporter" or name.startswith("exporter.")}


def test_every_module_has_its_place_and_imports_only_from_its_left() -> None:
    wrong = []
    for path in (ROOT / "exporter").rglob("*.py"):
        own = path.relative_to(ROOT / "exporter").with_suffix("").parts[0]
        assert own in LEVEL, f"{own} has no place in the pipeline"
        for name in _imports(path.read_text()):
            other = name.split(".")[1] if name.count(".") else "__init__"
            other = other if other in LEVEL else "__init__"
            if other != own and LEVEL[other] >= LEVEL[own]:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == []


def test_the_memory_model_is_pure() -> None:
    allowed = {"__future__", "dataclasses", "typing", "collections", "exporter", "functools", "shlex"}
    for path in (ROOT / "exporter" / "memory").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= allowed, path
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] in allowed, path


def test_plans_are_made_without_input_or_output() -> None:
    doing = {"apply", "session", "journal", "text", "observe", "__init__"}
    allowed = {"__future__", "dataclasses", "typing", "collections", "re", "exporter"}
    for path in (ROOT / "exporter" / "reclaim").glob("*.py"):
        if path.stem in doing:
            continue
        for name in _imports(path.read_text()):
            assert name.split(".")[1] not in ("sources", "settings", "assembly", "logs"), path
            assert name.split(".")[1:2] != ["reclaim"] or name.split(".")[2] not in doing, path
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= allowed, path
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] in allowed, path


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "exporter").rglob("*.py")
        if "os.environ" in path.read_text() or "getenv" in path.read_text()
    }
    assert readers == {"exporter/settings/load.py"}
