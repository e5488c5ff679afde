"""The plan of docs/fleet.md: what follows is what its arithmetic makes of the table at its head."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

import pytest

from exporter.fleet.discovery import MOST_NODES
from exporter.settings import load as settings
from tests.chain.fleet import plan
from tests.support import TESTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = (TESTS.parent / "docs" / "fleet.md").read_text()
PLAN = PAGE[PAGE.index("## A plan for 10,000 nodes") :]
GIVEN, FOLLOWS = PLAN.split("| what follows |")


class Row(NamedTuple):
    """A row of what follows: what, the number that the page has, and how it is worked out."""

    name: str
    shown: float
    expression: str


def _number(cell: str) -> float:
    return float(re.match(r"[\d,.]+", cell)[0].replace(",", ""))  # type: ignore[index]


def _rows(text: str) -> Iterator[tuple[str, str, str]]:
    return (
        (name, value, note)
        for name, value, note in re.findall(r"^\| (.+?) \| (\d.*?) \| (.*?) ?\|$", text, re.MULTILINE)
    )


def _given() -> dict[str, float]:
    return {name.strip("`"): _number(value) for name, value, _ in _rows(GIVEN)}


def _follows() -> list[Row]:
    return [
        Row(re.sub(r"\W", "_", name.strip("`")), _number(value), note.strip("`"))
        for name, value, note in _rows(FOLLOWS)
    ]


def _worked_out() -> dict[str, float]:
    """All values, each from those before it: their names are those of the rows, with `_` for what is no letter."""
    values = _given()
    for row in _follows():
        names = {**values, "ceil": math.ceil, "sqrt": math.sqrt}
        values[row.name] = eval(row.expression, {"__builtins__": {}}, names)
    return values


def test_there_is_something_to_work_out() -> None:
    assert len(_given()) > 15
    assert len(_follows()) > 15


@pytest.mark.parametrize("row", _follows(), ids=lambda row: row.name)
def test_the_page_has_what_follows_to_three_digits(row: Row) -> None:
    value = _worked_out()[row.name]
    assert f"{row.shown:,.10g}" == f"{float(f'{value:.3g}'):,.10g}"


def test_the_configuration_has_the_numbers_of_the_plan(tmp_path: Path) -> None:
    values = _worked_out()
    config = plan()
    moduli = {
        (job["job_name"], rule["target_label"]): rule["modulus"]
        for job in config["scrape_configs"]
        for rule in job["relabel_configs"]
        if "modulus" in rule
    }
    assert moduli == {
        ("aerospike-memory", "__tmp_shard"): values["shards"],
        ("aerospike-memory", "__tmp_group"): values["groups"],
        ("aerospike-memory-exporter", "__tmp_shard"): values["shards"],
    }
    assert config["global"]["scrape_interval"] == f"{values['interval']:g}s"
    (text,) = re.findall(r"^```toml\n(.*?)^```$", PLAN, re.MULTILINE | re.DOTALL)
    file = tmp_path / "exporter.toml"
    file.write_text(text)
    chosen = settings.load(["--config.file", str(file)])
    assert (chosen.probe.clients, chosen.web.connections) == (values["probe_clients"], values["web_connections"])


def test_the_plan_keeps_what_it_promises() -> None:
    values = _worked_out()
    assert values["nodes"] / values["clusters"] <= MOST_NODES
    # Two deviations of so many clusters in so many shards.
    assert values["fullest"] >= 1 + 2 * math.sqrt((values["shards"] - 1) / values["clusters"])
    assert values["series_of_the_fullest_shard"] <= values["held"]
