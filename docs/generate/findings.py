"""Writes docs/findings.md from the rules: `make docs`."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING

from exporter.findings import RULES
from exporter.model.release import SUPPORTED

if TYPE_CHECKING:
    from exporter.findings.rule import Rule
    from exporter.model.release import Capability, Release

HEAD = """# Findings

Generated from the rules in `exporter/findings/` (`make docs`); `exporter/findings/thresholds.py` has the reason of each
threshold.

A finding is something wrong with the memory of a node that can be told from one scrape of it.
`aerospike_memory_finding{ns, finding, severity}` is 1 for each; what is well is absent. `ns` is empty for what belongs
to the node as a whole. `aerospike-memory-exporter analyze` prints them, the worst first, with the figures and with
commands that cannot hurt: first what to look at, then one that sets something and harms nothing, then a plan of
[reclaim](reclaim.md) for what needs care, with its hazard, or why no command helps. With `docs.url` each has a link to
this page. One that appears, changes its severity or has been gone for five minutes is one line in the log.

* **critical**: writes fail now, or the server is about to be lost.
* **warning**: that will happen, or the configuration cannot do what it is for.
* **info**: memory that could be had back or better placed, or what will happen is what you may want.

A rule that is about an amount needs both a share and a number of bytes: half of next to nothing is no finding, nor is a
mebibyte of a large node. Where all there is to judge is below the number of bytes, the rule says *too small*, and where
a source that it needs is not there, *unknown*, and never that all is well:
`aerospike_memory_finding_rules{state}` counts what the rules say. Those that need the server's process are unknown for
a node on another host ([absent.md](absent.md)).

A finding is about one moment. What grows, and when it will reach its limit, is the matter of the alerts.
"""


def page() -> str:
    """The page."""
    rows = ["| finding | severity |", "|---|---|"]
    rows += [f"| [{rule.name}](#{rule.name}) | {_severities(rule)} |" for rule in RULES]
    return "\n".join([HEAD, *rows, "", *map(_section, RULES)])


def _section(rule: Rule) -> str:
    texts = (
        f"*{_severities(rule)}*, when {rule.condition}.",
        f"**Why it matters.** {rule.why}",
        f"**What to do.** {rule.advice}",
        *(f"**{_releases(capability)}:** {text}" for capability, text in rule.by_release),
    )
    command, shows = rule.look
    steps = [f"**Look first.** {shows[:1].upper()}{shows[1:]}:", f"    {command.replace('{ns}', 'NS')}"]
    steps += [textwrap.fill(f"**Where no command helps.** {rule.no_command}", 120)] if rule.no_command else []
    wrapped = (textwrap.fill(text, 120, break_on_hyphens=False, break_long_words=False) for text in texts)
    return "\n\n".join([f"## {rule.name}", *wrapped, *steps]) + "\n"


def _releases(capability: Capability) -> str:
    if capability.until is None:
        return f"From {_numbers(capability.since)} on"
    until = f"Before {_numbers(capability.until)}"
    return until if capability.since == SUPPORTED.since else f"{until}, from {_numbers(capability.since)} on"


def _numbers(release: Release) -> str:
    return ".".join(map(str, release))


def _severities(rule: Rule) -> str:
    return " or ".join(rule.severities)


if __name__ == "__main__":
    sys.stdout.write(page())
