"""The tables of what differs between installations: where people read on, and what Prometheus' rules are told of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from exporter import DOCS_URL
from exporter.settings.fields import Bytes, Table, Url, patterns

_Count = Annotated[int, Field(ge=1, le=1_000_000)]
_Share = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
_LabelName = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]
_Namespace = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.$-]{1,31}$")]


class DocsSettings(Table):
    """The documentation."""

    url: Url | None = Field(DOCS_URL, description="where docs/ of this project can be read by your people")


class ThresholdSettings(Table):
    """What the alerts compare with, where it shall not be as [alerts.md](alerts.md#thresholds) lists it."""

    time_to_limit_soon: Annotated[int, Field(ge=60, le=5400)] | None = Field(
        None, description="seconds until writes fail, for a page"
    )
    time_to_limit_hours: Annotated[int, Field(ge=60, le=21600)] | None = Field(
        None, description="seconds until writes fail, for a ticket, by the trend of two hours"
    )
    time_to_limit_days: Annotated[int, Field(ge=60, le=259200)] | None = Field(
        None, description="seconds until writes fail, for a ticket, by the trend of a day"
    )
    overloads_seen: _Count | None = Field(None, description="scrapes within 5 minutes at which a device is overloaded")
    queue_long: _Share | None = Field(None, description="share of max-write-cache that waits to be written")
    queue_grows: _Share | None = Field(None, description="the same, when the growth uses up the rest soon")
    defrag_free_blocks: _Count | None = Field(None, description="free write blocks of a unit")
    defrag_growth: _Share | None = Field(None, description="share of the free blocks that defrag's queue grows an hour")
    defrag_growth_blocks: _Count | None = Field(None, description="write blocks that it must grow at least")
    data_waste: _Share | None = Field(None, description="share of the occupied write blocks that holds nothing live")
    data_waste_bytes: Bytes | None = Field(None, description="bytes that this must be at least")
    data_waste_growth: _Share | None = Field(None, description="by how much the share has grown within 6 hours")
    peers: _Count | None = Field(None, description="nodes that have the namespace, for one to be far from the others")
    peers_ratio: _Share | None = Field(None, description="share of the median by which a node may differ")
    peers_bytes: Bytes | None = Field(None, description="bytes by which it must differ at least")
    container_margin: Bytes | None = Field(None, description="bytes left of the container's memory")
    container_left: _Share | None = Field(None, description="share that is left of it, when the growth uses it up soon")
    areas_left: _Count | None = Field(None, description="memory areas left until vm.max_map_count")
    swapped: _Share | None = Field(None, description="share of what is resident that is in swap")
    swapped_bytes: Bytes | None = Field(None, description="bytes that this must be at least")
    leak: Bytes | None = Field(None, description="bytes by which memory has grown in a week without records")
    leak_day: Bytes | None = Field(None, description="bytes that it still grows a day")
    objects_growth: _Share | None = Field(None, description="share by which records may have grown meanwhile")
    source_age: Annotated[int, Field(ge=60, le=86400)] | None = Field(
        None, description="seconds since a slow source was last read"
    )


class RulesSettings(Table):
    """Prometheus' rules and the example for Alertmanager (command `rules`)."""

    job: Annotated[str, Field(pattern=r"^[A-Za-z0-9_./:@-]{1,200}$")] = Field(
        "aerospike-memory", description="the job_name under which Prometheus scrapes the exporters"
    )
    dashboards_url: Url | None = Field(None, description="Grafana's address, for links to its dashboards")
    target_labels: Annotated[tuple[_LabelName, ...], BeforeValidator(patterns)] = Field(
        (), description="labels that differ from node to node, besides instance, pod, node, container, host"
    )
    cache_namespaces: Annotated[tuple[_Namespace, ...], BeforeValidator(patterns)] = Field(
        (), description="namespaces that are meant to evict, besides those with cache = true in [operator.NS]"
    )
    thresholds: ThresholdSettings = Field(default_factory=ThresholdSettings)
