"""Tables: one row for each set of labels, and a column for each query."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import prometheus as prometheus_options

from dashboards.palette import FREE
from dashboards.query import DATASOURCE, Query, target, thresholds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.style import Steps

NODE_BOARD = "aerospike-memory-node"
NAMESPACE_BOARD = "aerospike-memory-namespace"

NARROW = 90
"""The least width of a column in pixels, so that a table has most of its columns on a small screen, too."""


class Column(NamedTuple):
    """A column of a table. `link` is the dashboard that a click on it leads to, with the row's labels as variables.

    `words` have colours of their own by the mappings; a hidden column is there to sort by.
    """

    name: str
    title: str
    unit: str = ""
    width: int | None = None
    steps: Steps = ()
    gauge: bool = False
    mappings: Sequence[model.ValueMapping] = ()
    words: bool = False
    link: str = ""
    decimals: int | None = None
    hidden: bool = False


def rows_of(
    title: str,
    description: str,
    columns: Sequence[Column],
    *queries: Query,
    sort: str = "",
    descending: bool = False,
    span: int = 12,
    height: int = 8,
    empty: str = "",
) -> table.Panel:
    """A table with one row for each set of labels; the value of the n-th query is the column `Value #A`, `#B`, ...

    `empty` stands there instead of "No data" where there is no row.
    """
    panel = (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .span(span)
        .height(height)
        .show_header(True)
        .cell_height(options.TableCellHeight.SM)
        .filterable(False)
        .min_width(NARROW)
        .thresholds(thresholds(((None, FREE),)))
    )
    if empty:
        panel.no_value(empty)
    for index, query in enumerate(queries):
        panel.with_target(target(query, index).instant().format(prometheus_options.PromQueryFormat.TABLE))
    if len(queries) > 1:
        panel.with_transformation(model.DataTransformerConfig(id_val="merge", options={}))
    if sort:
        by = {"sort": [{"field": sort, "desc": descending}]}
        panel.with_transformation(model.DataTransformerConfig(id_val="sortBy", options=by))
    shown = [column for column in columns if not column.hidden]
    panel.with_transformation(
        model.DataTransformerConfig(
            id_val="organize",
            options={
                "excludeByName": {"Time": True} | {column.name: True for column in columns if column.hidden},
                "indexByName": {column.name: index for index, column in enumerate(columns)},
                "renameByName": {column.name: column.title for column in shown},
            },
        )
    )
    for column in shown:
        panel.override_by_name(column.title, _column(column))
    return panel


def _column(column: Column) -> list[model.DynamicConfigValue]:
    properties: dict[str, object] = {}
    if column.unit:
        properties["unit"] = column.unit
    if column.decimals is not None:
        properties["decimals"] = column.decimals
    if column.width:
        properties["custom.width"] = column.width
    if column.mappings:
        properties["mappings"] = list(column.mappings)
    if column.words:
        properties["custom.cellOptions"] = {"type": "color-text"}
    if column.steps:
        properties["thresholds"] = thresholds(column.steps).build()
        properties["custom.cellOptions"] = {"type": "color-text"}
    if column.gauge:
        properties["min"], properties["max"] = 0, 1
        properties["custom.cellOptions"] = {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}
    if column.link:
        properties["links"] = [{"title": f"Open {column.link}", "url": _url(column.link)}]
    return [model.DynamicConfigValue(id_val=name, value=value) for name, value in properties.items()]


def _url(uid: str) -> str:
    """A dashboard with this row's node (and namespace), the same time and the same other variables.

    The namespace is what is clicked, and the raw value of it: that of another field is what it is called.
    """
    kept = ["datasource", "cluster", "job", *(["ns"] if uid != NAMESPACE_BOARD else [])]
    variables = [*(f"${{{name}:queryparam}}" for name in kept), "var-instance=${__data.fields.instance}"]
    variables += ["var-ns=${__value.raw}"] if uid == NAMESPACE_BOARD else []
    return f"/d/{uid}?${{__url_time_range}}&{'&'.join(variables)}"
