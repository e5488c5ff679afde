"""What the exporter says of real servers equals what was worked out from their answers by hand (`figures/`)."""

from __future__ import annotations

import re
import sys

import pytest

from tests.support import SCENARIOS, TESTS, exposed, registry_of, replies

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# Findings have tests of their own.
OWN = re.compile(r"up$|exporter_build_info|scrape_|(sets|sindexes)_(dropped|unreadable)|finding")


def _sorted_labels(name: str) -> str:
    base, _, labels = name.partition("{")
    if not labels:
        return base
    pairs = re.findall(r'\w+="[^"]*"', labels)
    return f"{base}{{{','.join(sorted(pairs))}}}"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_series_is_the_one_worked_out_by_hand(scenario: str) -> None:
    figures = tomllib.loads((TESTS / "figures" / f"{scenario}.toml").read_text())
    expected = {_sorted_labels(name): value for name, value in figures["series"].items()}
    with registry_of(replies(scenario).get) as registry:
        found = exposed(registry)
    assert found["up"] == 1
    ours = {name: value for name, value in found.items() if not OWN.match(name)}
    assert sorted(ours) == sorted(expected)
    for name, value in expected.items():
        assert ours[name] == pytest.approx(value, rel=1e-9, abs=0), name
    assert not {_sorted_labels(name) for name in figures["absent"]} & found.keys()
