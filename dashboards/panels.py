"""Panels: one function for each kind, with the defaults that all of its panels share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import bargauge, common, stat, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as model

from dashboards.palette import FREE, USED
from dashboards.query import DATASOURCE, Query, target, thresholds
from dashboards.style import nothing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboards.style import Steps


def _fixed(colour: str) -> build.FieldColor:
    return build.FieldColor().mode(model.FieldColorModeId.FIXED).fixed_color(colour)


def _by_query(queries: Sequence[Query], panel: timeseries.Panel | bargauge.Panel) -> None:
    for index, query in enumerate(queries):
        if query.colour:
            panel.override_by_query(chr(ord("A") + index), [_colour(query.colour)])


def _call(words: Mapping[str, str], panel: timeseries.Panel | bargauge.Panel) -> None:
    """Call series by words instead of the label that their name ends with."""
    for label, text in words.items():
        options = {"regex": f"^(.* )?{label}$", "renamePattern": f"$1{text}"}
        panel.with_transformation(model.DataTransformerConfig(id_val="renameByRegex", options=options))


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
    decimals: int | None = None,
    own_steps: Mapping[str, Steps] | None = None,
    empty: str = "not known",
) -> stat.Panel:
    """A few large figures; `own_steps` by the name of a figure, `empty` where there is none."""
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .datasource(DATASOURCE)
        .span(span)
        .height(height)
        .thresholds(thresholds(steps))
        .color_scheme(build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
        .color_mode(options.BigValueColorMode.VALUE)
        .graph_mode(options.BigValueGraphMode.NONE)
        .justify_mode(options.BigValueJustifyMode.CENTER)
        .text_mode(options.BigValueTextMode.VALUE_AND_NAME if len(queries) > 1 else options.BigValueTextMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .mappings([*mappings, nothing(empty)])
    )
    if decimals is not None:
        panel.decimals(decimals)
    for name, own in (own_steps or {}).items():
        panel.override_by_name(name, [model.DynamicConfigValue(id_val="thresholds", value=thresholds(own).build())])
    for index, query in enumerate(queries):
        panel.with_target(target(query, index).instant())
    return panel


def lines(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    threshold_lines: Mapping[float, str] | None = None,
    stacked: bool = False,
    colours: Mapping[str, str] | None = None,
    bands: str = "",
    span: int = 12,
    height: int = 8,
    top: float | None = None,
    soft_top: float | None = None,
    right: bool = False,
    dashed: Sequence[str] = (),
    unstacked: Sequence[str] = (),
    zero: bool = True,
    empty: str = "",
    words: Mapping[str, str] | None = None,
) -> timeseries.Panel:
    """Values over time. `threshold_lines` are dashed lines at a value.

    `colours` are by series; `bands` is one colour for all, stacked, with bright edges: names that nobody knows before
    are told apart by their order, which is that of the legend.

    The axis ends at `top`, or at `soft_top` where no value is above it. `empty` is shown where there is nothing to
    show; `words` are what a series is called instead of its label.
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
        .color_scheme(build.FieldColor().mode(model.FieldColorModeId.FIXED).fixed_color(bands or FREE))
        .line_width(1 if stacked and not bands else 2)
        .fill_opacity(25 if bands else 70 if stacked else 0)
        .show_points(options.VisibilityMode.NEVER)
        .thresholds(thresholds(((None, "transparent"), *sorted((threshold_lines or {}).items()))))
    )
    if empty:
        panel.no_value(empty)
    if zero:
        panel.min(0)
    if stacked:
        panel.stacking(common.StackingConfig().mode(options.StackingMode.NORMAL).group("A"))
    if threshold_lines:
        style = common.GraphThresholdsStyleConfig().mode(options.GraphThresholdsStyleMode.DASHED)
        panel.thresholds_style(style)
    if top is not None:
        panel.max(top)
    if soft_top is not None:
        panel.axis_soft_max(soft_top)
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
        panel.with_target(target(query, index).range())
    _call(words or {}, panel)
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
    words: Mapping[str, str] | None = None,
    empty: str = "none",
) -> bargauge.Panel:
    """Values of now, as bars; `colours` by what a series' name ends with, `empty` where there is no bar.

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
        .thresholds(thresholds(steps or ((None, colour),)))
        .color_scheme(scheme)
        .mappings([nothing(empty)])
    )
    if top is not None:
        panel.max(top)
    _by_query(queries, panel)
    for name, own in (colours or {}).items():
        panel.override_by_regexp(f"(.* )?{name}", [_colour(own)])
    for index, query in enumerate(queries):
        panel.with_target(target(query, index).instant())
    _call(words or {}, panel)
    return panel
