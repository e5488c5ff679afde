"""What a finding tells to do: commands that the embedded node takes, and plans that `reclaim` makes."""

from __future__ import annotations

import argparse
import re
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from exporter import NAME
from exporter.commands import reclaim
from exporter.demo.node import EmbeddedNode
from exporter.findings import RULES, Diagnosis
from exporter.findings.rule import STEPS, Finding
from exporter.reclaim.parameters import PARAMETERS
from tests.demo.client import connected
from tests.findings.cases import namespace, stripes
from tests.findings.cases import node as node_of
from tests.findings.test_rules import CASES
from tests.support import replies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.findings.rule import Step
    from tests.findings.cases import Case

FOUND = [case for case in CASES if case.says in ("critical", "warning", "info")]
"""Every case in which a rule finds something."""


def finding_of(case: Case) -> Finding:
    """The finding of a case."""
    (rule,) = [rule for rule in RULES if rule.name == case.rule]
    return Finding(rule, case.verdict(), case.node.node.release)


@pytest.mark.parametrize("case", FOUND, ids=str)
def test_a_finding_first_shows_where_to_look_and_ends_in_what_may_help_or_why_nothing_does(case: Case) -> None:
    finding = finding_of(case)
    kinds = [step.kind for step in finding.steps()]
    assert kinds[0] == "look"
    assert kinds.count("look") == 1
    assert kinds == sorted(kinds, key=STEPS.index)
    assert (len(kinds) > 1) != bool(finding.no_command)
    assert finding.no_command == "" or finding.no_command.endswith(".")
    for step in finding.steps():
        assert step.text
        assert not step.text.endswith(".")
        assert "\n" not in step.command
        assert "{" not in step.command


@pytest.mark.parametrize("case", FOUND, ids=str)
def test_what_only_looks_sets_nothing(case: Case) -> None:
    command = finding_of(case).steps()[0].command
    assert not re.search(r"set-config|truncate|delete|ipcrm|apply|=|>", command.replace("--sort=", ""))


@pytest.mark.parametrize("case", FOUND, ids=str)
def test_what_is_called_harmless_can_delete_nothing(case: Case) -> None:
    for step in finding_of(case).steps():
        if step.kind == "safe" and step.command.startswith("asinfo "):
            name, value = re.findall(r";([a-z-]+)=(\d+)", step.command)[-1]
            assert not _may_delete(name) or value == "0", step.command
            assert name != "nsup-period"


def _may_delete(name: str) -> bool:
    """Whether `reclaim` asks for a word more before it sends this."""
    parameter = PARAMETERS.get(name)
    return parameter is not None and parameter.deletes is not PARAMETERS["defrag-sleep"].deletes


def steps_of_kind(*kinds: str) -> Iterator[tuple[Case, Step]]:
    """The steps of those kinds of all findings, each command once for a release."""
    seen = set()
    for case in FOUND:
        for step in finding_of(case).steps():
            key = (step.command, case.node.node.release)
            if step.kind in kinds and key not in seen:
                seen.add(key)
                yield case, step


RELEASES = ("8.1", "6.4")


def told_by(address: tuple[str, int], command: str) -> tuple[str, str]:
    """What a node answers to an `asinfo` as it is printed, and the pattern of what is shown of that."""
    words, _, filtered = command.partition(" | ")
    asked = shlex.split(words)
    assert asked[0] == "asinfo"
    with connected(address) as ask:
        reply = ask(asked[asked.index("-v") + 1])
    return reply.partition("\t")[2].strip(), shlex.split(filtered)[2] if filtered else ""


@pytest.fixture(scope="module", params=RELEASES)
def node(request: pytest.FixtureRequest) -> Iterator[tuple[str, EmbeddedNode]]:
    with EmbeddedNode(request.param, now=lambda: 0.0) as embedded:
        yield request.param, embedded


@pytest.mark.parametrize(
    "command", sorted({step.command for _, step in steps_of_kind("look") if step.command.startswith("asinfo ")})
)
def test_a_look_shows_something(node: tuple[str, EmbeddedNode], command: str) -> None:
    _, embedded = node
    reply, pattern = told_by(embedded.address, command.replace("/ns", "/orders"))
    assert not re.match("ERROR|FAIL|error", reply)
    if pattern == "clock_skew":  # the simulated node has no clock but one
        reply = replies("8.1/cache-empty")["statistics"]
    assert re.search(pattern, reply)


@pytest.mark.parametrize(
    "command", sorted({step.command for _, step in steps_of_kind("safe") if step.command.startswith("asinfo ")})
)
def test_a_node_takes_what_is_called_harmless(node: tuple[str, EmbeddedNode], command: str) -> None:
    release, embedded = node
    if (";id=" in command) == (release == "6.4"):
        assert told_by(embedded.address, re.sub(r"(id|namespace)=\w+", r"\1=orders", command))[0].lower() == "ok"


@pytest.mark.parametrize(("case", "step"), list(steps_of_kind("plan")), ids=str)
def test_reclaim_knows_what_is_to_be_planned(case: Case, step: Step) -> None:
    parser = argparse.ArgumentParser()
    reclaim.add(parser)
    name, command, *words = shlex.split(step.command)
    own = parser.parse_args(words)
    assert (name, command, own.apply, own.risky, own.yes, own.truncate) == (NAME, "reclaim", False, False, False, [])
    for change in reclaim.asked(own):
        parameter, releases = change.parameter, {namespace.release for namespace in case.node.namespaces}
        assert all(parameter.there(release) for release in releases)
        assert parameter.states or parameter.least <= (parameter.value(change.value) or -1)


@pytest.mark.parametrize("name", ["a b", "x;rm -rf y", "$(id)", "`id`", "it's", 'a"b', "|", "-v"])
def test_a_name_stays_one_word_of_its_command(name: str) -> None:
    carts = namespace(name, nsup_period=0, storage=stripes(16, 9), evict_used_pct=60)
    (finding,) = [one for one in Diagnosis(node_of(carts)).findings if one.name == "eviction_never_runs"]
    look, harmless, plan = (step.command for step in finding.steps(("::1", 3000)))
    assert shlex.split(look)[:8] == ["asinfo", "-h", "::1", "-p", "3000", "-l", "-v", f"namespace/{name}"]
    command = f"set-config:context=namespace;namespace={name};evict-used-pct=0"
    assert shlex.split(harmless) == ["asinfo", "-h", "::1", "-p", "3000", "-v", command]
    words = [NAME, "reclaim", "--namespace", name, "--only", "nsup-period"]
    assert shlex.split(plan) == [*words, "--aerospike.host", "::1", "--aerospike.port", "3000"]


def test_an_index_whose_name_does_not_fit_into_a_command_is_not_to_be_dropped() -> None:
    case = next(case for case in FOUND if case.rule == "set_index_floor")
    (carts,) = case.node.namespaces
    hostile = tuple(entry._replace(name=f"{entry.name};x") for entry in carts.sets)
    finding = finding_of(replace(case, node=replace(case.node, namespaces=(replace(carts, sets=hostile),))))
    assert [step.kind for step in finding.steps()] == ["look"]
    assert finding.no_command == "The name of the set does not fit into a command."
