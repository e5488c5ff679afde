"""The queries of the dashboards with their variables filled in, and how to ask a Prometheus all of them.

python -m tests.dashboards.queries http://127.0.0.1:9090
"""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

import requests

from tests.support import TESTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

DASHBOARDS = {path.name: json.loads(path.read_text()) for path in sorted((TESTS.parent / "dashboards").glob("*.json"))}
"""The committed dashboards by file name."""

ALL = {"cluster": ".+", "job": ".+", "instance": ".+", "ns": ".+"}
"""The variables when nothing is chosen."""

GRAFANA = {"__rate_interval": "1m", "__interval": "15s", "__range": "1h", "__all": "$__all"}
"""What Grafana fills in by itself."""

_LIMIT = "a set has a limit only with stop-writes-size"
_ENTRIES = "on 8.1 the entries are asked for with --collector.sindexes.stat only"
_INDEXES = "a namespace need not have a secondary index"
_SHARED = "only Enterprise servers have System V segments"
_PEERS = "a median wants three nodes"

EMPTY = {
    "Sets: limit": _LIMIT,
    "Sets: used of limit": _LIMIT,
    "Sets: records of limit": "a set has a limit only with stop-writes-count",
    "Secondary indexes: used": _INDEXES,
    "Secondary indexes: entries": _ENTRIES,
    "Secondary indexes: per entry": _ENTRIES,
    "Shared memory by use": _SHARED,
    "Shared memory: size and swapped: size": _SHARED,
    "Shared memory: size and swapped: swapped": _SHARED,
    "Ledger: who owns the resident memory: write buffers": "only namespaces with devices, or up to 6.4, have them",
    "Ledger: who owns the resident memory: writes waiting for devices": "only devices and files have them",
    "Ledger: who owns the resident memory: responses to batches": "the shop asks for no batches",
    "Ledger: who owns the resident memory: migrations": "the shop sends no partitions",
    "Ledger: who owns the resident memory: headers of stripes": "from 7.0 on",
    "Growth of record data in an hour": "nothing grew within the hour",
    "Distance from the median of the nodes: most above": _PEERS,
    "Distance from the median of the nodes: most below": _PEERS,
    "Used share with one or two nodes fewer": "one node has no others",
    "What is wrong": "nothing is wrong",
    "Refused writes by reason": "no write is refused",
    "Write queue: share of max-write-cache": "only namespaces with devices or files have one",
}
"""Queries that may find nothing, and why."""

SIZES = "Records by size: "
"""Each query of that panel is a size, which no record may have."""

RANKED = ("record data by set: ", "records by set: ")
"""Each query of those panels is a rank; the shop has fewer sets."""


def panels(dashboard: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The panels of a dashboard, those in rows included, without the rows."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def fill(text: str, values: Mapping[str, str] = ALL) -> str:
    """The text with its variables filled in; one that nothing is known of is a KeyError."""
    known = {**GRAFANA, **values}
    return re.sub(r"\$(\w+)", lambda found: known[found[1]], text)


def queries(dashboard: Mapping[str, Any], values: Mapping[str, str] = ALL) -> list[tuple[str, str]]:
    """Every query of every panel: its name, and its PromQL with the variables filled in.

    The name is the panel's title, and where a panel has several queries also the legend or the column.
    """
    found = []
    for panel in panels(dashboard):
        title, targets = panel["title"].removeprefix("$ns: "), panel["targets"]
        for target in targets:
            part = target.get("legendFormat") or _column(panel, target["refId"])
            found.append((title if len(targets) == 1 else f"{title}: {part}", fill(target["expr"], values)))
    return found


def events(dashboard: Mapping[str, Any], values: Mapping[str, str] = ALL) -> list[tuple[str, str]]:
    """The queries of the annotations, likewise; they find nothing as long as nothing happens."""
    return [(one["name"], fill(one["expr"], values)) for one in dashboard["annotations"]["list"]]


def faults(dashboard: Mapping[str, Any], ask: Callable[[str], int], values: Mapping[str, str] = ALL) -> list[str]:
    """The queries that fail, and those that find nothing without a reason.

    `ask` says how many series the answer has, and raises ValueError where there is an error instead.
    """
    found = []
    for name, expr in queries(dashboard, values):
        answer = _answer(ask, expr)
        if isinstance(answer, str):
            found.append(f"{name}: {answer}")
        elif not answer and name not in EMPTY and not name.startswith((SIZES, *RANKED)):
            found.append(f"{name}: no data")
    answers = [(name, _answer(ask, expr)) for name, expr in events(dashboard, values)]
    return found + [f"{name}: {answer}" for name, answer in answers if isinstance(answer, str)]


def _answer(ask: Callable[[str], int], expr: str) -> int | str:
    try:
        return ask(expr)
    except ValueError as error:
        return str(error)


def prometheus(url: str) -> Callable[[str], int]:
    """Asks a Prometheus for the value of now."""

    def ask(expr: str) -> int:
        reply = requests.post(f"{url}/api/v1/query", data={"query": expr}, timeout=30).json()
        if reply["status"] != "success":
            raise ValueError(reply["error"])
        return len(reply["data"]["result"])

    return ask


def _column(panel: Mapping[str, Any], ref: str) -> str:
    """What a query is called in its table."""
    names = [one["options"].get("renameByName", {}) for one in panel.get("transformations", ())]
    return next((str(one[f"Value #{ref}"]) for one in names if f"Value #{ref}" in one), str(ref))


if __name__ == "__main__":
    wrong = [
        f"{name}: {fault}"
        for name, dashboard in DASHBOARDS.items()
        for fault in faults(dashboard, prometheus(sys.argv[1].rstrip("/")))
    ]
    print("\n".join(wrong) or "every query is answered")
    sys.exit(bool(wrong))
