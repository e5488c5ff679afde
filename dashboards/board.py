"""A dashboard around its panels: variables, links, annotations, and its JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from dashboards.palette import BAD, GOOD, OTHER
from dashboards.promql import NODE, PREFIX, of_cluster, series
from dashboards.query import DATASOURCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from grafana_foundation_sdk.cog.builder import Builder

TAG = "aerospike-memory"
ALL = model.VariableOption(selected=True, text=["All"], value=["$__all"])

ALERTS = 'ALERTS{alertname=~"AerospikeMemory.+",alertstate="firing",job=~"$job|",instance=~"$instance|"}'
"""Those of the selected nodes, and those about a whole cluster, which have no node."""


class Row(NamedTuple):
    """Panels behind a title, shown when it is clicked."""

    title: str
    panels: Sequence[Builder[model.Panel]]


class Board(NamedTuple):
    """A dashboard: the panels of its first screen, and rows below. `namespaces` shows the variable `ns`.

    `name` is that of its file, `uid` the identifier in its address, which never changes.
    """

    name: str
    uid: str
    title: str
    question: str
    panels: Sequence[Builder[model.Panel]]
    rows: Sequence[Row]
    namespaces: bool = True


def document(board: Board) -> str:
    """The JSON, the same byte for byte each time."""
    whole = (
        build.Dashboard(f"Aerospike memory / {board.title}")
        .uid(board.uid)
        .description(board.question)
        .tags([TAG])
        .editable()
        .timezone("browser")
        .time("now-6h", "now")
        .refresh("1m")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .variables(_variables(board.namespaces))
        .links([_links()])
    )
    for panel in board.panels:
        whole.with_panel(panel)
    for row in board.rows:
        group = build.Row(row.title).collapsed(True)
        for panel in row.panels:
            group.with_panel(panel)
        whole.with_row(group)
    content = json.loads(json.dumps(whole.build(), cls=JSONEncoder))
    content["annotations"] = {"list": _annotations()}
    _close_up(content["panels"])
    for number, panel in enumerate(each_panel(content["panels"]), 1):
        panel["id"] = number
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def each_panel(panels: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """All panels, rows and what is in them included."""
    for panel in panels:
        yield panel
        yield from panel.get("panels", ())


def _close_up(panels: list[dict[str, Any]]) -> None:
    """A row that is collapsed takes one line of the grid; the builder leaves room for its panels."""
    rows = [panel for panel in panels if panel["type"] == "row"]
    first = rows[0]["gridPos"]["y"] if rows else 0
    for index, row in enumerate(rows):
        up = row["gridPos"]["y"] - (first + index)
        for panel in each_panel([row]):
            panel["gridPos"]["y"] -= up


def _variables(namespaces: bool) -> list[Builder[model.VariableModel]]:
    info = f'{PREFIX}node_info{{job=~"$job",cluster_name=~"$cluster|"}}'
    return [
        build.DatasourceVariable("datasource").label("Data source").type("prometheus"),
        _variable("cluster", "Cluster", f"label_values({PREFIX}node_info, cluster_name)"),
        _variable("job", "Job", f"label_values({PREFIX}up, job)"),
        _variable("instance", "Node", f"label_values({info}, instance)"),
        _variable("ns", "Namespace", f"label_values({PREFIX}objects{{{NODE}}}, ns)", hidden=not namespaces),
    ]


def _variable(name: str, label: str, query: str, *, hidden: bool = False) -> build.QueryVariable:
    return (
        build.QueryVariable(name)
        .label(label)
        .query({"query": query, "refId": name})
        .datasource(DATASOURCE)
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(ALL)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.NATURAL_ASC)
        .hide(model.VariableHide.HIDE_VARIABLE if hidden else model.VariableHide.DONT_HIDE)
    )


def _links() -> build.DashboardLink:
    return (
        build.DashboardLink("Aerospike memory")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .include_vars(True)
        .keep_time(True)
        .as_dropdown(False)
        .target_blank(False)
    )


def _annotations() -> list[dict[str, object]]:
    """What happened: the builder knows neither titles nor texts of annotations, so they are plain JSON.

    A process's peak of resident memory falls, and its count of written blocks begins anew, only when it starts.
    """
    peak, blocks = series("process_peak_resident_bytes"), series("storage_unit_writes_total")
    restarts = f"sum by (job, instance) (resets({peak}[5m])) > 0 or sum by (job, instance) (resets({blocks}[5m])) > 0"
    info = series("node_info")
    before = f"group by (job, instance) ({info} offset 5m)"
    return [
        _annotation("Restarts", OTHER, of_cluster(restarts), "The server was started again", "{{instance}}"),
        _annotation(
            "Releases",
            GOOD,
            of_cluster(f"({info} unless {info} offset 5m) and on (job, instance) {before}"),
            "Now on {{build}}",
            "{{instance}}",
        ),
        _annotation("Firing alerts", BAD, ALERTS, "{{alertname}}", "{{severity}} {{instance}} {{ns}}"),
    ]


def _annotation(name: str, colour: str, expr: str, title: str, text: str) -> dict[str, object]:
    return {
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "enable": True,
        "expr": expr,
        "iconColor": colour,
        "name": name,
        "step": "60s",
        "tagKeys": "instance",
        "textFormat": text,
        "titleFormat": title,
    }
