"""Each dependency has the bounds of docs/compatibility.md, and what is locked is what is tested."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.release.conftest import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
DEPENDENCIES = [Requirement(line) for line in PYPROJECT["project"]["dependencies"]]
PYTHONS = ("3.10", "3.11", "3.12", "3.13")


def pins(lock: str) -> set[tuple[str, Version]]:
    """Names and versions of a lock file, for all Pythons."""
    found = re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / lock).read_text(), re.MULTILINE)
    return {(canonicalize_name(name), Version(version)) for name, version in found}


LOCKED = pins("requirements.lock")


@pytest.mark.parametrize("requirement", DEPENDENCIES, ids=str)
def test_a_dependency_is_bounded_below_its_next_major_version(requirement: Requirement) -> None:
    by_operator = {each.operator: Version(each.version) for each in requirement.specifier}
    assert by_operator.keys() == {">=", "<"}
    assert by_operator["<"] == Version(str(by_operator[">="].major + 1))


@pytest.mark.parametrize("requirement", DEPENDENCIES, ids=str)
def test_what_is_locked_is_within_the_bounds(requirement: Requirement) -> None:
    locked = {version for name, version in LOCKED if name == canonicalize_name(requirement.name)}
    assert locked
    assert all(version in requirement.specifier for version in locked)


def test_what_is_tested_is_what_is_shipped() -> None:
    assert LOCKED - pins("requirements-dev.lock") == set()
    assert pins("requirements-build.lock") - pins("requirements-dev.lock") == set()


def test_every_python_that_is_named_is_accepted() -> None:
    prefix = "Programming Language :: Python :: "
    named = [each.removeprefix(prefix) for each in PYPROJECT["project"]["classifiers"] if each.startswith(prefix)]
    assert named == ["3", *PYTHONS]
    accepted = SpecifierSet(PYPROJECT["project"]["requires-python"])
    assert all(version in accepted for version in PYTHONS)
    assert "3.9" not in accepted
