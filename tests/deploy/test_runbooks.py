"""Every alert has a runbook whose parts are all there, and whose commands can be typed."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest

from exporter import cli
from exporter.demo.node import EmbeddedNode
from exporter.reclaim.parameters import PARAMETERS
from tests.deploy.rule_files import ROOT, alerts
from tests.support import flags_of, flags_to
from tests.test_cli import said

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNBOOKS = ROOT / "docs" / "runbooks"
PAGES = sorted(path.name for path in RUNBOOKS.glob("*.md"))

PROGRAMS = {
    *(
        "asinfo",
        "aerospike-memory-exporter",
        "kubectl",
        "systemctl",
        "journalctl",
        "curl",
        "promtool",
        "sysctl",
        "swapoff",
    ),
    *("awk", "cat", "dmesg", "echo", "free", "grep", "head", "ps", "sort", "tail", "uniq", "wc"),
}
"""What a runbook may have somebody run: a word that is not here is probably mistyped."""

SETTINGS = {
    "batch-max-unused-buffers": ("0", "9"),
    "defrag-lwm-pct": ("0", "9"),
    "defrag-sleep": ("0", "9"),
    "disable-eviction": ("5.6", "9"),
    "evict-used-pct": ("7.0", "9"),
    "high-water-memory-pct": ("0", "6.4"),
    "indexes-memory-budget": ("7.1", "9"),
    "max-used-pct": ("6.3", "6.4"),
    "memory-size": ("0", "6.4"),
    "stop-writes-count": ("0", "9"),
    "stop-writes-pct": ("0", "6.4"),
    "stop-writes-size": ("6.3", "9"),
    "stop-writes-used-pct": ("7.0", "9"),
}
"""Settings that a server can change while it runs, with the first and last release that has them (cfg_info.c)."""

COMMANDS = r"build|statistics|namespace/\$NS|sets/\$NS|truncate:namespace=\$NS;set=SET"


def _commands(page: str) -> list[list[str]]:
    """The words of every command of a page; what is piped is a command of its own."""
    found = []
    for block in re.findall(r"^ *```sh\n(.*?)^ *```", (RUNBOOKS / page).read_text(), re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            lexer = shlex.shlex(line, posix=True, punctuation_chars="|<>()")
            lexer.whitespace_split = True
            words: list[str] = []
            for word in lexer:
                if word == "|":
                    found.append(words)
                    words = []
                else:
                    words.append(word)
            found.append(words)
    return [words for words in found if words]


def test_every_alert_has_a_page_and_the_index_lists_it() -> None:
    assert set(PAGES) == {f"{alert}.md" for alert in alerts()} | {"README.md"}
    index = (RUNBOOKS / "README.md").read_text()
    for severity in ("critical", "warning"):
        part = index.split(f"**{severity.capitalize()}**")[1].split("**")[0]
        listed = re.findall(r"^\* \[(\w+)\]\(\1\.md\)$", part, re.MULTILINE)
        assert sorted(listed) == sorted(
            name for name, rule in alerts().items() if rule["labels"]["severity"] == severity
        )


@pytest.mark.parametrize("alert", alerts())
def test_a_page_has_its_four_parts(alert: str) -> None:
    text = (RUNBOOKS / f"{alert}.md").read_text()
    assert text.startswith(f"# {alert}\n\n{alerts()[alert]['labels']['severity'].capitalize()}. ")
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    assert parts[1::2] == ["Meaning", "Impact", "Diagnosis", "Mitigation"]
    assert all(len(part.split()) > 8 for part in parts[2::2])
    assert "```sh" in parts[6]
    assert "TODO" not in text


@pytest.mark.parametrize("page", PAGES)
def test_commands_can_be_typed(page: str) -> None:
    for words in _commands(page):
        if all(re.fullmatch(r"(NODE|NS)=[\w.]+", word) for word in words):
            continue
        assert words[0] in PROGRAMS, words
        if words[0] == "aerospike-memory-exporter":
            assert words[1] in cli.COMMANDS, words
            assert {word for word in words if word.startswith("--")} <= flags_of(words[1]), words
        if words[0] == "asinfo":
            assert words[1:4] == ["-h", "$NODE", "-v"], words
            assert words[5:] in ([], ["-l"]), words
            _check_info(words[4])


def _check_info(command: str) -> None:
    """One of the server's info commands, or one setting that the releases have that it is written for."""
    if not command.startswith("set-config:"):
        assert re.fullmatch(COMMANDS, command), command
        return
    context, *rest = (pair.partition("=")[::2] for pair in command.removeprefix("set-config:").split(";"))
    assert context in (("context", "namespace"), ("context", "service")), command
    (parameter, value) = rest.pop()
    first, last = SETTINGS[parameter]
    if context[1] == "service":
        assert rest == []
        return
    (key, name), *of_set = rest
    assert name == "$NS"
    assert of_set in ([], [("set", "order")]), command
    # `namespace` is from 7.2 on, `id` for what is older.
    assert last > "7.2" if key == "namespace" else (key == "id" and first < "7.2"), command
    assert parameter != "defrag-lwm-pct" or int(value) <= 75


def test_the_syntax_of_both_generations_is_given_where_both_have_the_setting() -> None:
    for page in PAGES:
        text = (RUNBOOKS / page).read_text()
        for key, parameter in re.findall(r"context=namespace;(namespace|id)=[^\"]*;([a-z-]+)=", text):
            first, last = SETTINGS[parameter]
            other = "id" if key == "namespace" else "namespace"
            has_other = first < "7.0" if other == "id" else last > "7.2"
            assert not has_other or re.search(rf";{other}=[^\"]*;{parameter}=", text), f"{page}: {parameter}"


def _settings(text: str) -> list[re.Match[str]]:
    """The commands by hand that set what reclaim would, where it judges it first."""
    found = re.finditer(r"set-config:context=(?:service|namespace;(?:namespace|id)=\$NS);([a-z-]+)=\S+\"", text)
    return [command for command in found if command[1] in PARAMETERS]


def test_what_reclaim_can_set_is_offered_with_reclaim_first_and_by_hand_with_its_hazard() -> None:
    counted = 0
    for page in PAGES:
        text = (RUNBOOKS / page).read_text()
        for command in _settings(text):
            before, after = text[: command.start()], text[command.end() :]
            planned = rf"reclaim .*(?:--only {command[1]}\b|--set \S*{command[1]}=)"
            assert re.search(planned, before), f"{page}: {command[1]}"
            assert re.match(r"[^`]*```\s+\*\*Hazard:\*\* \w", after), f"{page}: {command[1]}"
            counted += 1
    assert counted >= 20


PLANS = sorted(
    {
        tuple(words[2:])
        for page in PAGES
        for words in _commands(page)
        if words[:2] == ["aerospike-memory-exporter", "reclaim"] and not {"--undo", "--apply"} & set(words)
    }
)


@pytest.fixture(scope="module")
def nodes() -> Iterator[dict[bool, EmbeddedNode]]:
    """A node of today, and by True one up to 6.4."""
    with EmbeddedNode() as new, EmbeddedNode(release="6.4") as old:
        yield {False: new, True: old}


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan[-1])
def test_what_reclaim_is_asked_for_it_can_plan(
    plan: tuple[str, ...], nodes: dict[bool, EmbeddedNode], capsys: pytest.CaptureFixture[str]
) -> None:
    assert plan[:2] == ("--aerospike.host", "$NODE")
    asked = [word.replace("$NS", "carts").replace("SET", "cart") for word in plan[2:]]
    parameter = asked[-1].partition("=")[0].rpartition("/")[2]
    last = SETTINGS.get(parameter, ("", ""))[1]
    code, printed, _ = said(capsys, "reclaim", *asked, *flags_to(nodes[last == "6.4"]))
    # Whether it is refused depends on the figures of the node.
    assert code in (0, 3), printed
    assert "release" not in printed


def test_who_reclaims_by_a_runbook_names_the_namespace_and_is_told_how_to_undo_it() -> None:
    for page in PAGES:
        for words in _commands(page):
            if words[:2] == ["aerospike-memory-exporter", "reclaim"] and "--undo" not in words:
                assert any(word.startswith(("$NS", "batch-")) for word in words), f"{page}: {words}"
        text = (RUNBOOKS / page).read_text()
        assert ("--apply" in text) is ("--undo" in text) or page == "README.md", page


EXAMPLES = (
    r"(?:evict-used-pct|high-water-memory-pct|indexes-memory-budget|max-used-pct|memory-size|stop-writes-(?:count|size)"
    r"|stop-writes-used-pct)"
)
"""Settings of which a lower value than the present one stops writes or deletes records."""


@pytest.mark.parametrize("page", PAGES)
def test_who_copies_an_example_of_a_limit_was_told_to_look_up_what_it_is(page: str) -> None:
    text = (RUNBOOKS / page).read_text()
    for found in re.finditer(rf";{EXAMPLES}=(?!1\")|set-property \S+ MemoryMax=", text):
        before = text[: found.start()]
        assert "a lower one than now" in before, f"{page}: {found[0]}"
        assert re.search(rf"(?:grep|systemctl show) .*(?:{EXAMPLES}|evict|MemoryMax)", before), f"{page}: {found[0]}"
