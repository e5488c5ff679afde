"""The rules of dashboard-linter, of pint and of the house over the JSON of a dashboard: what breaks them, line by line.

The exceptions are named here, with their reasons.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dashboards import palette
from exporter.collectors import METRICS
from tests.dashboards.queries import panels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VARIABLES = ["datasource", "cluster", "job", "instance", "ns"]
DRAWN = {"timeseries", "stat", "bargauge", "table"}
UNITS = {palette.BYTES, palette.SECONDS, palette.RATIO, palette.COUNT, palette.PER_SECOND}
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
FIRST_SCREEN = 12
COLUMNS = 24

SERIES = {f"{metric.full_name}{'_bucket' if metric.distribution else ''}": metric for metric in METRICS}
FOREIGN = {
    "up": "Prometheus' own word on a target, where the exporter does not answer",
    "scrape_samples_scraped": "Prometheus' own count of a scrape",
    "ALERTS": "what Prometheus says of its alerts",
}
"""Series that are not ours, and why they are used."""

WITHOUT_NODES = {
    "cluster_": "recorded over the nodes of a cluster, which have no label of their own any more",
    "ALERTS": "an alert about a cluster has no node, so that the matcher lets the empty one pass",
}
"""By how a name begins: series without a matcher of the node, and why."""

OVER_TIME = {
    "deriv": "a trend wants a window of its own, whatever the picture's resolution",
    "increase": "a count of events of the last day, whatever the picture's resolution",
    "last_over_time": "what was there lately",
    "resets": "annotations are asked in steps of a minute",
}
"""Functions over a fixed time, and why."""

_SELECTOR = re.compile(r"([A-Za-z_:][\w:]*)\{([^{}]*)\}(?:\[([^\]]*)\])?")
_COUNTED = re.compile(r"\b(?:rate|increase|resets)\([\w:]*_total\{")
_RANGE = re.compile(r"\b(\w+)\([A-Za-z_:][\w:]*\{[^{}]*\}\[([^\]]*)\]")
_MATCHER = re.compile(r'(\w+)(=~|!~|=|!=)"([^"]*)"')


def faults(dashboard: Mapping[str, Any], recorded: frozenset[str]) -> list[str]:
    """All that is wrong; `recorded` are the names of the recording rules."""
    found = [*_frame(dashboard), *_grid(dashboard)]
    for panel in panels(dashboard):
        found += [f"{panel.get('title')}: {fault}" for fault in _panel(panel)]
        for target in panel.get("targets", ()):
            found += [f"{panel.get('title')}: {fault}" for fault in promql(target["expr"], recorded)]
    for annotation in dashboard["annotations"]["list"]:
        found += [f"{annotation['name']}: {fault}" for fault in promql(annotation["expr"], recorded)]
    return found


def _frame(dashboard: Mapping[str, Any]) -> Iterator[str]:
    """The rules of templates; uid, tags and links. Whoever imports one may change it, so that it is editable."""
    if dashboard["editable"] is not True:
        yield "not editable"
    if not dashboard["uid"].startswith("aerospike-memory-") or dashboard["tags"] != ["aerospike-memory"]:
        yield "uid or tags"
    if not dashboard["description"].endswith((".", "?")):
        yield "no description"
    variables = dashboard["templating"]["list"]
    if [one["name"] for one in variables] != VARIABLES:
        yield "variables"
    for one in variables:
        if one["name"] == "datasource":
            if (one["type"], one["query"], one["label"]) != ("datasource", "prometheus", "Data source"):
                yield "datasource"
        elif not (one["multi"] and one["includeAll"] and one["allValue"] == ".+" and one["refresh"] == 2):
            yield f"{one['name']}: not multi with All as .+, read anew with the time"
        elif one["datasource"] != DATASOURCE:
            yield f"{one['name']}: not of the chosen data source"
    links = dashboard["links"]
    if not links or not all(link["keepTime"] and link["includeVars"] for link in links):
        yield "links lose the time or the variables"
    if {one["name"] for one in dashboard["annotations"]["list"]} != {"Restarts", "Releases", "Firing alerts"}:
        yield "annotations"


def _grid(dashboard: Mapping[str, Any]) -> Iterator[str]:
    """Nothing overlaps or is beside the screen, the first screen is small, and the rest is folded away."""
    rows = [panel for panel in dashboard["panels"] if panel["type"] == "row"]
    if len(dashboard["panels"]) - len(rows) > FIRST_SCREEN:
        yield "too many panels on the first screen"
    if not all(row["collapsed"] for row in rows):
        yield "a row is open"
    for group in (dashboard["panels"], *(row["panels"] for row in rows)):
        taken: dict[tuple[int, int], str] = {}
        for panel in group:
            place = panel["gridPos"]
            if place["x"] + place["w"] > COLUMNS:
                yield f"{panel['title']}: beside the screen"
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            for other in sorted({taken[cell] for cell in cells & taken.keys()}):
                yield f"{panel['title']}: overlaps {other}"
            taken |= dict.fromkeys(cells, panel["title"])
    titles = [panel["title"] for panel in panels(dashboard)]
    yield from (f"{title}: twice" for title in sorted({title for title in titles if titles.count(title) > 1}))
    ids = [panel["id"] for panel in (*rows, *panels(dashboard))]
    if len(ids) != len(set(ids)):
        yield "an id twice"


def _panel(panel: Mapping[str, Any]) -> Iterator[str]:
    """panel-datasource, panel-title-description, panel-units, panel-no-targets; legends and colours."""
    if panel["type"] not in DRAWN:
        yield f"type {panel['type']}"
    if not panel.get("title") or not panel.get("description", "").endswith("."):
        yield "no title, or a description that is no sentence"
    if panel.get("datasource") != DATASOURCE:
        yield "datasource"
    targets = panel.get("targets", ())
    if not targets:
        yield "no queries"
    defaults, overrides = panel["fieldConfig"]["defaults"], panel["fieldConfig"]["overrides"]
    if panel["type"] == "table":
        units = [value["value"] for one in overrides for value in one["properties"] if value["id"] == "unit"]
        values = [name for one in panel["transformations"] for name in one["options"].get("renameByName", ())]
        mapped = [one for one in overrides if any(value["id"] == "mappings" for value in one["properties"])]
        if len(units) + len(mapped) < len([name for name in values if name.startswith("Value")]):
            yield "a column without a unit"
    else:
        units = [defaults.get("unit")]
        if len(targets) > 1 and not all(target.get("legendFormat") for target in targets):
            yield "no legend"
    if panel["type"] in ("stat", "bargauge") and not any(
        one["type"] == "special" and one["options"]["match"] == "null" for one in defaults.get("mappings", ())
    ):
        yield "where there is nothing, it has the colour of a value"
    yield from (
        f"{one['matcher']['options']} is no word"
        for one in overrides
        if one["matcher"]["id"] == "byName" and "_" in one["matcher"]["options"]
    )
    yield from (f"unit {unit}" for unit in units if unit not in UNITS)
    if {target["datasource"]["uid"] for target in targets} - {"${datasource}"}:
        yield "datasource of a query"
    yield from (f"colour {colour}" for colour in sorted(_colours(panel) - COLOURS))


COLOURS = {"transparent", palette.GOOD, palette.WARNING, *palette.COMPONENTS.values()}
"""Those that have a meaning."""


def _colours(value: object) -> set[str]:
    """All colours in a piece of JSON."""
    if isinstance(value, list):
        return set().union(*map(_colours, value))
    if not isinstance(value, dict):
        return set()
    own = {one for key, one in value.items() if key in ("color", "fixedColor") and isinstance(one, str)}
    return own.union(*map(_colours, value.values()))


def promql(expr: str, recorded: frozenset[str]) -> Iterator[str]:
    """target-job, target-instance, target-rate-interval, target-counter-agg; promql/series and promql/regexp."""
    for name, matchers, _ in _SELECTOR.findall(expr):
        if name not in SERIES and name not in recorded and name not in FOREIGN:
            yield f"{name} is exposed and recorded by nobody"
        labels = {label: (operator, value) for label, operator, value in _MATCHER.findall(matchers)}
        if not labels.get("job", ("", ""))[1].startswith("$job"):
            yield f"{name}: any job"
        if not labels.get("instance", ("", ""))[1].startswith("$instance") and not name.startswith(
            tuple(WITHOUT_NODES)
        ):
            yield f"{name}: any node"
        for label, (operator, value) in labels.items():
            if operator in ("=~", "!~") and not re.search(r"[$|.+*\[(]", value):
                yield f"{name}: {label} needs no regular expression"
            if operator in ("=", "!=") and "$" in value:
                yield f"{name}: {label} may have several values"
        if name in SERIES:
            known = {*SERIES[name].labels, "job", "instance", "le"}
            yield from (f"{name} has no label {label}" for label in labels if label not in known)
    bare = re.sub(r"\"[^\"]*\"", "", expr)
    if len(re.findall(r"\baerospike_memory_\w+|\w+:aerospike_memory_[\w:]+", bare)) > len(_SELECTOR.findall(expr)):
        yield "a series without matchers"
    if len(re.findall(r"_total\{", expr)) > len(_COUNTED.findall(expr)):
        yield "a counter that is not counted"
    for function, window in _RANGE.findall(expr):
        if function == "rate" and window != "$__rate_interval":
            yield "rate over a fixed time"
        if function != "rate" and function not in OVER_TIME:
            yield f"{function} over a fixed time"
        for name in re.findall(rf"\b{function}\(([\w:]+)\{{", expr):
            if function in ("rate", "increase") and not name.endswith("_total"):
                yield f"{function} of {name}, which is no counter"
