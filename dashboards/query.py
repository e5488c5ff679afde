"""What all panels are made of: queries, their data source, and thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as model

if TYPE_CHECKING:
    from dashboards.style import Steps

Panel = Builder[model.Panel]

DATASOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
"""The one that is selected at the top."""


class Query(NamedTuple):
    """PromQL, and the legend of what it returns: the labels that differ, or a fixed name."""

    expr: str
    legend: str = ""
    colour: str = ""


def target(query: Query, ref: int) -> prometheus.Dataquery:
    """The query as the n-th of its panel: `A`, `B`, ..."""
    one = prometheus.Dataquery().expr(query.expr).ref_id(chr(ord("A") + ref)).datasource(DATASOURCE)
    return one.legend_format(query.legend) if query.legend else one


def thresholds(steps: Steps) -> build.ThresholdsConfig:
    """The steps as Grafana has them."""
    rows = [model.Threshold(value=value, color=colour) for value, colour in steps]
    return build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(rows)
