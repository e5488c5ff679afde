"""The workflows and templates of .github: valid, pinned, and allowed no more than they need."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.release.conftest import ROOT
from tests.release.test_dependencies import PYTHONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
HOSTS = re.compile(r"\b(?:ghcr\.io|docker\.io|quay\.io|gcr\.io|pypi\.org|[\w-]+\.pkg\.dev|registry[.-][\w.-]+)\b")
MAY_WRITE = {
    ("release.yml", "image", "id-token"),
    ("release.yml", "image", "attestations"),
    ("release.yml", "publish", "contents"),
    ("release.yml", "publish", "id-token"),
    ("release.yml", "publish", "attestations"),
}


def _read(path: Path) -> dict[str, Any]:
    # YAML 1.1 takes the key `on` for true.
    found: dict[str, Any] = yaml.load(path.read_text(), yaml.BaseLoader)
    return found


def _jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path in WORKFLOWS:
        for name, job in _read(path)["jobs"].items():
            yield path.name, name, job


def _steps() -> Iterator[dict[str, Any]]:
    for _, _, job in _jobs():
        yield from job.get("steps", [])


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("vendor.github-workflows", "workflows/*.yml"),
        ("vendor.dependabot", "dependabot.yml"),
        ("vendor.github-issue-config", "ISSUE_TEMPLATE/config.yml"),
        ("vendor.github-issue-forms", "ISSUE_TEMPLATE/[!c]*.yml"),
    ],
)
def test_files_are_what_their_published_schemas_say(schema: str, pattern: str, tmp_path: Path) -> None:
    files = sorted(GITHUB.glob(pattern))
    assert files
    wrong = tmp_path / "wrong.yml"
    wrong.write_text("nothing: of this\n")
    for paths, code in ((files, 0), ([wrong], 1)):
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout


def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    actionlint = shutil.which("actionlint")
    if not actionlint:
        pytest.skip("needs actionlint")
    done = subprocess.run([actionlint, *map(str, WORKFLOWS)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_actions_are_pinned_by_their_commit_and_say_their_tag() -> None:
    lines = [line.strip() for path in WORKFLOWS for line in path.read_text().splitlines()]
    uses = [line.partition("uses: ")[2] for line in lines if "uses: " in line]
    others = [each for each in uses if not each.startswith("./")]
    assert len(others) > 10
    assert [each for each in others if not re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)] == []
    by_action: dict[str, set[str]] = {}
    for each in others:
        by_action.setdefault(each.partition("@")[0], set()).add(each.partition("@")[2])
    assert {action for action, pinned in by_action.items() if len(pinned) > 1} == set()


def test_a_job_may_write_what_it_has_to_and_nothing_else() -> None:
    assert {path.name: _read(path)["permissions"] for path in WORKFLOWS} == {
        "ci.yml": {"contents": "read"},
        "release.yml": {},
    }
    writing = {
        (path, name, scope)
        for path, name, job in _jobs()
        for scope, access in job.get("permissions", {}).items()
        if access != "read"
    }
    assert writing == MAY_WRITE


def test_no_checkout_keeps_the_token_and_no_job_runs_for_hours() -> None:
    checkouts = [step for step in _steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) >= 5
    assert all(step["with"]["persist-credentials"] == "false" for step in checkouts)
    assert all(int(job["timeout-minutes"]) <= 60 for _, _, job in _jobs() if "uses" not in job)


def test_nothing_that_others_choose_becomes_part_of_a_command() -> None:
    commands = [step["run"] for step in _steps() if "run" in step]
    assert len(commands) >= 8
    assert [command for command in commands if "${{" in command] == []


def test_every_python_is_tested_by_the_one_script() -> None:
    test = _read(GITHUB / "workflows/ci.yml")["jobs"]["test"]
    assert test["strategy"]["matrix"]["python"] == list(PYTHONS)
    assert test["steps"][-1] == {"run": ".ci/run"}


def test_a_release_is_tested_and_for_both_architectures() -> None:
    jobs = _read(GITHUB / "workflows/release.yml")["jobs"]
    assert jobs["test"]["uses"] == "./.github/workflows/ci.yml"
    assert set(jobs["publish"]["needs"]) == {"test", "dist", "image"}
    builds = [step["with"] for step in jobs["image"]["steps"] if "build-push-action" in step.get("uses", "")]
    assert [build["platforms"] for build in builds] == ["linux/amd64,linux/arm64"] * 2


@pytest.mark.parametrize("path", [*WORKFLOWS, ROOT / "Makefile", *sorted((ROOT / "release").glob("*.py"))], ids=str)
def test_no_registry_is_named(path: Path) -> None:
    assert HOSTS.findall(path.read_text()) == []


def test_a_host_would_be_seen() -> None:
    assert HOSTS.findall("push to ghcr.io/x and registry.example.com") == ["ghcr.io", "registry.example.com"]
