"""What README.md and docs say can be typed, followed and found: calls, links, metrics, alerts, make targets."""

from __future__ import annotations

import re
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from exporter import cli
from exporter.collectors import METRICS
from exporter.errors import SettingsError
from exporter.findings import RULES
from exporter.settings.keys import CONFIG_FLAG, CONFIG_VARIABLE, keys
from exporter.settings.load import load
from tests.deploy.rule_files import alerts, recordings
from tests.support import TESTS, flags_of, promtool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOT = TESTS.parent
_FILES = (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md"))
PAGES = sorted(str(path.relative_to(ROOT)) for path in _FILES)
LINKED = [*PAGES, "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]

OURS = "aerospike-memory-exporter"
BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
NOT_OURS = {"--aerospike.password", "--cgroupns", "--ipc", "--pid", "--tls-enable"}
"""Flags of other programs that our pages speak of, and the one that we have on purpose not."""

EVERYWHERE = {"--version", "--help", "--help-all"}
"""Flags that all commands have."""

KEYS = tuple(keys())
SWITCHES = {key.flag for key in KEYS if key.field.annotation is bool}


def _text(page: str) -> str:
    return (ROOT / page).read_text()


def _blocks(page: str, *languages: str) -> list[str]:
    return [text for language, text in BLOCK.findall(_text(page)) if language in languages]


def _code(page: str) -> Iterator[str]:
    """The lines of a page that are code: in fences, indented, or between backticks."""
    text = _text(page)
    for _, block in BLOCK.findall(text):
        yield from block.replace("\\\n", " ").splitlines()
    rest = BLOCK.sub("", text)
    yield from re.findall(r"^ {4}(?! )(.+)$", rest, re.MULTILINE)
    yield from re.findall(r"(?<!`)`([^`\n]+)`(?!`)", rest)


def _commands(page: str) -> Iterator[list[str]]:
    """The words after our program's name, of each call of it."""
    for line in _code(page):
        call = re.search(rf"(?:^|[=/]|docker run .*){OURS}((?: +[^\s#|>&;)]+)+)", line)
        if call is not None:
            yield shlex.split(call[1])


def _refuse(words: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Why a call would be refused; nothing if it would not."""
    command = words.pop(0) if words and not words[0].startswith("-") else "serve"
    if command not in cli.COMMANDS:
        return f"there is no command {command}"
    given = [word.partition("=")[0] for word in words if word.startswith("--")]
    unknown = set(given) - flags_of(command) - EVERYWHERE
    if unknown:
        return f"{command} has no {unknown}"
    # The values are judged, too, but not whether their files are here.
    known = {key.flag for key in KEYS}
    own = []
    for word, value in zip(words, [*words[1:], ""], strict=False):
        if word.partition("=")[0] in known:
            own += [word] if word in SWITCHES or "=" in word else [word, value]
    with monkeypatch.context() as patched:
        patched.delenv(CONFIG_VARIABLE, raising=False)
        try:
            load(own)
        except SettingsError as problem:
            return str(problem)
    return ""


@pytest.mark.parametrize("page", PAGES)
def test_calls_of_our_program_are_understood(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {" ".join(words): _refuse(list(words), monkeypatch) for words in _commands(page)}
    assert {call: why for call, why in wrong.items() if why} == {}


def test_calls_are_found_and_wrong_ones_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [words for page in PAGES for words in _commands(page)]
    assert {words[0] for words in found} >= {"analyze", "demo", "reclaim", "report"}
    assert "no command" in _refuse(["look"], monkeypatch)
    assert "has no" in _refuse(["analyze", "--aerospike.prot", "3000"], monkeypatch)
    assert "has no" in _refuse(["analyze", "--apply"], monkeypatch)
    assert "demo.speed" in _refuse(["demo", "--demo.speed", "fast"], monkeypatch)


@pytest.mark.parametrize("page", PAGES)
def test_flags_and_variables_exist(page: str) -> None:
    known = (NOT_OURS | EVERYWHERE).union(*map(flags_of, cli.COMMANDS))
    spoken = set(re.findall(r"(?<![\w`-])`(--[a-z][a-z.-]+)", _text(page)))
    assert {flag for flag in spoken - known if flag != "--..."} == set()
    variables = {key.variable for key in KEYS} | {CONFIG_VARIABLE}
    assert set(re.findall(r"\bAMX_[A-Z_]+\b", _text(page))) <= variables | {"AMX_"}


@pytest.mark.parametrize("page", [page for page in PAGES if _blocks(page, "toml")])
def test_files_of_settings_are_understood(page: str, tmp_path: Path) -> None:
    for block in _blocks(page, "toml"):
        path = tmp_path / "exporter.toml"
        path.write_text(block)
        load([CONFIG_FLAG, str(path)])


def _anchors(path: Path) -> set[str]:
    """The anchors of a page as GitHub makes them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", re.sub(r"^ *```.*?^ *```$", "", path.read_text(), flags=re.S | re.M), re.M):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        found.add(re.sub(r"[^\w -]", "", plain.lower()).replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", LINKED)
def test_links_lead_somewhere(page: str) -> None:
    here, wrong = ROOT / page, []
    for link in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", _text(page))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = here.parent / path if path else here
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            wrong.append(link)
    assert wrong == []


def test_every_page_is_in_the_index() -> None:
    index = _text("docs/README.md")
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert {page for page in pages if f"({page}" not in index} == set()


@pytest.mark.parametrize("page", PAGES)
def test_metrics_alerts_and_findings_exist(page: str) -> None:
    text = _text(page)
    names = {metric.full_name for metric in METRICS} | {f"{metric.full_name}_bucket" for metric in METRICS}
    metrics = set(re.findall(r"(?<![\w:/.-])aerospike_memory_[a-z_]*[a-z](?![\w:{.*]|-[a-z])", text))
    assert metrics <= names | {"aerospike_memory_limit"}
    recorded = set(re.findall(r"\b[a-z_]+:aerospike_memory_\w+:\w+", text))
    assert recorded <= set(recordings())
    assert set(re.findall(r"\bAerospikeMemory[A-Z]\w+", text)) <= set(alerts())
    for listed in re.findall(r"findings? ((?:`[a-z_]+`(?:, | and )?)+)", text):
        assert set(re.findall(r"`([a-z_]+)`", listed)) <= {rule.name for rule in RULES}


def test_what_stands_for_an_official_metric_exists() -> None:
    names = {metric.name for metric in METRICS} | {"pool", "limit"}
    rows = re.findall(r"^\| [^|]+ \| ([^|]+) \|", _text("docs/from-the-official-exporter.md"), re.MULTILINE)
    spoken = {name for row in rows for name in re.findall(r"`(?:aerospike_memory_)?([a-z]\w+)[`{]", row)}
    suffixes = ("_bytes", "_ratio", "_total", "_blocks", "_objects", "_entries", "_info", "_breached", "_dropped")
    found = {name for name in spoken if name.endswith(suffixes)}
    assert len(found) > 20
    assert found <= names


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    spoken = {name for page in LINKED for name in re.findall(r"(?:^|`)make ([a-z]+)", _text(page), re.MULTILINE)}
    assert {"demo", "test", "bench"} <= spoken <= targets


def test_queries_are_valid(tmp_path: Path) -> None:
    queries = [block.strip() for page in PAGES for block in _blocks(page, "promql")]
    assert queries
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    path = tmp_path / "queries.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "docs", "rules": rules}]}))
    command = [promtool(), "check", "rules", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
