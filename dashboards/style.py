"""When a colour changes, and what words stand for values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.models import dashboard as model

from dashboards.palette import BAD, FREE, GOOD, USED, WARNING
from exporter.model import words as known

if TYPE_CHECKING:
    from collections.abc import Mapping

Steps = tuple[tuple[float | None, str], ...]
"""Thresholds: each colour holds from its value on; the first value is None."""

Labels = dict[float, tuple[str, str]]
"""What a value is called, and its colour."""


def plenty(warning: float, critical: float | None = None) -> Steps:
    """For what must not get large: good below the warning, then a warning, then bad."""
    steps: Steps = ((None, GOOD), (warning, WARNING))
    return steps if critical is None else (*steps, (critical, BAD))


def scarce(least: float, warning: float | None = None) -> Steps:
    """For what must not get small: bad below the least, then a warning up to the other, then good."""
    return ((None, BAD), (least, GOOD)) if warning is None else ((None, BAD), (least, WARNING), (warning, GOOD))


ANY_IS_BAD: Steps = ((None, GOOD), (1, BAD))
ANY_IS_A_WARNING: Steps = ((None, GOOD), (1, WARNING))
PLAIN: Steps = ((None, USED),)


def named(labels: Labels) -> list[model.ValueMapping]:
    """Words in place of values."""
    return [
        model.ValueMap(
            {
                f"{value:g}": model.ValueMappingResult(text=text, color=colour, index=index)
                for index, (value, (text, colour)) in enumerate(labels.items())
            }
        )
    ]


def ranges(*parts: tuple[float, float | None, str, str]) -> list[model.ValueMapping]:
    """Words in place of all values from the first to the second, each with its colour."""
    return [
        model.RangeMap(
            model.DashboardRangeMapOptions(
                from_val=least, to=most, result=model.ValueMappingResult(text=words, color=colour, index=index)
            )
        )
        for index, (least, most, words, colour) in enumerate(parts)
    ]


def coloured(colours: Mapping[str, str], words: Mapping[str, str] | None = None) -> list[model.ValueMapping]:
    """A colour for each label, and what it is called."""
    results = {
        label: model.ValueMappingResult(text=(words or {}).get(label, label), color=colour, index=index)
        for index, (label, colour) in enumerate(colours.items())
    }
    return [model.ValueMap(results)]


def called(words: Mapping[str, str]) -> list[model.ValueMapping]:
    """What labels are called for people."""
    results = {
        label: model.ValueMappingResult(text=text, index=index) for index, (label, text) in enumerate(words.items())
    }
    return [model.ValueMap(results)]


def nothing(words: str) -> model.ValueMapping:
    """Words where there is no value, in grey: else they have the colour of the least, which may be that of bad."""
    return model.SpecialValueMap(
        model.DashboardSpecialValueMapOptions(
            match=model.SpecialValueMatch.NULL, result=model.ValueMappingResult(text=words, color=FREE, index=0)
        )
    )


EVERY = "$__all"
"""The value of a variable when all is chosen."""

WHOLE_NODE = called({EVERY: "(whole node)"})
"""What belongs to a node as a whole, and to every namespace."""

ACTIONS = coloured(
    {"stop_writes": BAD, "refuse_writes": BAD, "oom": BAD, "evict": WARNING, "warn": USED}, known.ACTIONS
)
LIMITS = called(known.LIMITS)
FINDINGS = called(known.FINDINGS)
SEVERITIES = coloured({"critical": BAD, "warning": WARNING, "info": USED})
