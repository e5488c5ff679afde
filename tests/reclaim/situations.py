"""Situations of captured nodes, with a few fields as a test wants them."""

from __future__ import annotations

from exporter.parsers.info import fields
from exporter.reclaim.change import Change, Step
from exporter.reclaim.parameters import PARAMETERS
from exporter.reclaim.situation import SERVICE_COMMAND, Situation, situation, ttl_command
from tests.support import replies

BLOCK = 8 << 20
MIB = 1 << 20


def situation_of(scenario: str, ttl: str = "", **changes: dict[str, str | None]) -> Situation:
    """A capture's situation. `changes` are fields by section, where `carts` stands for `namespace/carts`.

    `ttl` are the counts of each namespace's ttl histogram.
    """
    answers = {**replies(scenario), SERVICE_COMMAND: "batch-max-unused-buffers=256"}
    for section, values in changes.items():
        command = section if section in answers else f"namespace/{section}"
        told = {**fields(answers[command]), **values}
        answers[command] = ";".join(f"{key}={value}" for key, value in told.items() if value is not None)
    for name in answers["namespaces"].split(";"):
        answers[ttl_command(name)] = f"units=seconds:hist-width=100:bucket-width=1:buckets={ttl}" if ttl else ""
    return situation(answers)


def change(text: str) -> Change:
    """A change from NS/PARAMETER=VALUE."""
    target, _, value = text.partition("=")
    namespace, _, parameter = target.rpartition("/")
    return Change(namespace, PARAMETERS[parameter], value)


def step(situation: Situation, wanted: Change) -> Step:
    """A change as the first of a plan."""
    namespace = situation.namespace(wanted.namespace)
    return Step(situation, wanted, namespace) if namespace else Step(situation, wanted)
