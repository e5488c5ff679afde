"""Panels: one function for each kind, with the defaults that all of its panels share."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import prometheus as prometheus_options

from dashboards.palette import FREE, USED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboards.style import Steps

Panel = Builder[model.Panel]

NODE_BOARD = "aerospike-memory-node"
NAMESPACE_BOARD = "aerospike-memory-namespace"

DATASOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")


class Query(NamedTuple):
    """PromQL, and the legend of what it returns: the labels that differ, or a fixed name."""

    expr: str
    legend: str = ""
    colour: str = ""


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


def _target(query: Query, ref: int) -> prometheus.Dataquery:
    one = prometheus.Dataquery().expr(query.expr).ref_id(chr(ord("A") + ref)).datasource(DATASOURCE)
    return one.legend_format(query.legend) if query.legend else one


def _thresholds(steps: Steps) -> build.ThresholdsConfig:
    rows = [model.Threshold(value=value, color=colour) for value, colour in steps]
    return build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(rows)


def _fixed(colour: str) -> build.FieldColor:
    return build.FieldColor().mode(model.FieldColorModeId.FIXED).fixed_color(colour)


def _by_query(queries: Sequence[Query], panel: timeseries.Panel | bargauge.Panel) -> None:
    for index, query in enumerate(queries):
        if query.colour:
            panel.override_by_query(chr(ord("A") + index), [_colour(query.colour)])


def _colour(colour: str) -> model.DynamicConfigValue:
    return model.DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": colour})


def stat_panel(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    steps: Steps = ((None, USED),),
    mappings: Sequence[model.ValueMapping] = (),
    span: int = 4,
    height: int = 4,
    graph: bool = False,
    decimals: int | None = None,
    own_steps: Mapping[str, Steps] | None = None,
) -> stat.Panel:
    """A few large figures; `own_steps` by the name of a figure."""
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .datasource(DATASOURCE)
        .span(span)
        .height(height)
        .thresholds(_thresholds(steps))
        .color_scheme(build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
        .color_mode(options.BigValueColorMode.VALUE)
        .graph_mode(options.BigValueGraphMode.AREA if graph else options.BigValueGraphMode.NONE)
        .justify_mode(options.BigValueJustifyMode.CENTER)
        .text_mode(options.BigValueTextMode.VALUE_AND_NAME if len(queries) > 1 else options.BigValueTextMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .mappings(list(mappings))
    )
    if decimals is not None:
        panel.decimals(decimals)
    for name, own in (own_steps or {}).items():
        panel.override_by_name(name, [model.DynamicConfigValue(id_val="thresholds", value=_thresholds(own).build())])
    for index, query in enumerate(queries):
        target = _target(query, index)
        panel.with_target(target.range() if graph else target.instant())
    return panel


def lines(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    marks: Mapping[float, str] | None = None,
    stacked: bool = False,
    colours: Mapping[str, str] | None = None,
    shades: str = "",
    span: int = 12,
    height: int = 8,
    top: float | None = None,
    right: bool = False,
    dashed: Sequence[str] = (),
    unstacked: Sequence[str] = (),
    zero: bool = True,
    empty: str = "",
) -> timeseries.Panel:
    """Values over time; `colours` by series, or shades of one. `marks` are dashed lines at a value.

    `empty` is shown where there is nothing to show.
    """
    legend = (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(options.LegendDisplayMode.TABLE if right else options.LegendDisplayMode.LIST)
        .placement(options.LegendPlacement.RIGHT if right else options.LegendPlacement.BOTTOM)
        .calcs(["lastNotNull"] if right else [])
    )
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .datasource(DATASOURCE)
        .span(span)
        .height(height)
        .legend(legend)
        .tooltip(common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI).sort(options.SortOrder.DESCENDING))
        .color_scheme(
            build.FieldColor()
            .mode(model.FieldColorModeId.SHADES if shades else model.FieldColorModeId.FIXED)
            .fixed_color(shades or FREE)
        )
        .line_width(1 if stacked else 2)
        .fill_opacity(70 if stacked else 0)
        .show_points(options.VisibilityMode.NEVER)
        .thresholds(_thresholds(((None, "transparent"), *sorted((marks or {}).items()))))
    )
    if empty:
        panel.no_value(empty)
    if zero:
        panel.min(0)
    if stacked:
        panel.stacking(common.StackingConfig().mode(options.StackingMode.NORMAL).group("A"))
    if marks:
        style = common.GraphThresholdsStyleConfig().mode(options.GraphThresholdsStyleMode.DASHED)
        panel.thresholds_style(style)
    if top is not None:
        panel.max(top)
    _by_query(queries, panel)
    for name, colour in (colours or {}).items():
        panel.override_by_name(name, [_colour(colour)])
    for name in dashed:
        style_of = {"fill": "dash", "dash": [8, 8]}
        panel.override_by_name(name, [model.DynamicConfigValue(id_val="custom.lineStyle", value=style_of)])
    for name in unstacked:
        alone = model.DynamicConfigValue(id_val="custom.stacking", value={"mode": "none", "group": "A"})
        panel.override_by_name(name, [alone, model.DynamicConfigValue(id_val="custom.fillOpacity", value=0)])
    for index, query in enumerate(queries):
        panel.with_target(_target(query, index).range())
    return panel


def bars(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    steps: Steps = (),
    colour: str = USED,
    colours: Mapping[str, str] | None = None,
    span: int = 8,
    height: int = 8,
    top: float | None = None,
) -> bargauge.Panel:
    """Values of now, as bars; `colours` by what a series' name ends with.

    The letters are small enough for as many bars as there is room for: Grafana cuts off longer ones.
    """
    scheme = build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS) if steps else _fixed(colour)
    panel = (
        bargauge.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .datasource(DATASOURCE)
        .span(span)
        .height(height)
        .min(0)
        .orientation(options.VizOrientation.HORIZONTAL)
        .display_mode(options.BarGaugeDisplayMode.BASIC)
        .value_mode(options.BarGaugeValueMode.TEXT)
        .name_placement(options.BarGaugeNamePlacement.LEFT)
        .show_unfilled(True)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .text(common.VizTextDisplayOptions().title_size(12).value_size(14))
        .thresholds(_thresholds(steps or ((None, colour),)))
        .color_scheme(scheme)
    )
    if top is not None:
        panel.max(top)
    _by_query(queries, panel)
    for name, own in (colours or {}).items():
        panel.override_by_regexp(f"(.* )?{name}", [_colour(own)])
    for index, query in enumerate(queries):
        panel.with_target(_target(query, index).instant())
    return panel


def rows_of(
    title: str,
    description: str,
    columns: Sequence[Column],
    *queries: Query,
    sort: str = "",
    descending: bool = False,
    span: int = 12,
    height: int = 8,
    no_value: str = "",
) -> table.Panel:
    """A table with one row for each set of labels; the value of the n-th query is the column `Value #A`, `#B`, ..."""
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
        .thresholds(_thresholds(((None, FREE),)))
    )
    if no_value:
        panel.no_value(no_value)
    for index, query in enumerate(queries):
        panel.with_target(_target(query, index).instant().format(prometheus_options.PromQueryFormat.TABLE))
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
        properties["thresholds"] = _thresholds(column.steps).build()
        properties["custom.cellOptions"] = {"type": "color-text"}
    if column.gauge:
        properties["min"], properties["max"] = 0, 1
        properties["custom.cellOptions"] = {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}
    if column.link:
        properties["links"] = [{"title": f"Open {column.link}", "url": _url(column.link)}]
    return [model.DynamicConfigValue(id_val=name, value=value) for name, value in properties.items()]


def _url(uid: str) -> str:
    """A dashboard with this row's node (and namespace), the same time and the same other variables."""
    kept = ["datasource", "cluster", "job"]
    own = ["instance"]
    (own if uid == NAMESPACE_BOARD else kept).append("ns")
    variables = [f"${{{name}:queryparam}}" for name in kept]
    variables += [f"var-{name}=${{__data.fields.{name}}}" for name in own]
    return f"/d/{uid}?${{__url_time_range}}&{'&'.join(variables)}"
