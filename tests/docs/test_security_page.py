"""The claims of docs/security.md, each of which is held by a test that exists."""

from __future__ import annotations

import ast
import re

from tests.support import TESTS

PAGE = (TESTS.parent / "docs" / "security.md").read_text()
CLAIMS = re.compile(r"^(\d+)\. ((?:.+\n)+?)(?=\d+\. |\n)", re.MULTILINE)
NAMES = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_every_claim_has_a_number_and_names_a_test() -> None:
    claims = CLAIMS.findall(PAGE)
    assert [int(number) for number, _ in claims] == list(range(1, len(claims) + 1))
    assert len(claims) > 20
    assert [number for number, text in claims if not NAMES.search(text)] == []


def test_every_test_that_is_named_exists() -> None:
    missing = []
    for file, name in NAMES.findall(PAGE):
        tree = ast.parse((TESTS.parent / file).read_text())
        if name not in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}:
            missing.append(f"{file}::{name}")
    assert len(NAMES.findall(PAGE)) > 50
    assert missing == []
