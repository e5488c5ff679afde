"""The grammar of the statistics that the server writes for `jem-stats:file=PATH;options=Ja`.

Pure; raises nothing but `ParseError`. The server appends: a line with the date, then one JSON document.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from exporter.errors import ParseError
from exporter.model.process import Bin, Jemalloc

if TYPE_CHECKING:
    from collections.abc import Iterator

_DATE_MARK = "----------"


def jemalloc(text: str) -> Jemalloc:
    """The last document of the file; an unfinished one is a `ParseError`."""
    start = text.find("{", max(0, text.rfind(_DATE_MARK)))
    if start < 0:
        raise ParseError("no statistics after the date")
    try:
        tree = json.loads(text[start:])
    except (ValueError, RecursionError):
        raise ParseError("the statistics are not whole") from None
    try:
        return _jemalloc(tree["jemalloc"])
    except (KeyError, TypeError) as problem:
        raise ParseError(f"the statistics lack a part ({type(problem).__name__})") from None


def _jemalloc(tree: Any) -> Jemalloc:
    stats, arenas = tree["stats"], tree["arenas"]
    merged = tree["stats.arenas"]["merged"] if "stats.arenas" in tree else stats["arenas"]["merged"]
    page = _number(arenas, "page")
    blocks: Counter[int] = Counter()
    bins: dict[int, Bin] = {}
    for shape, live in _classes(arenas["bin"], merged["bins"]):
        size, count, runs = _number(shape, "size"), _number(live, "curregs"), _number(live, "curruns")
        blocks[size] += count
        if runs:
            bins[size] = Bin(count * size, runs * _number(shape, "run_size"))
    for shape, live in _classes(arenas["lrun"], merged["lruns"]):
        blocks[_number(shape, "size")] += _number(live, "curruns")
    for shape, live in _classes(arenas["hchunk"], merged["hchunks"]):
        blocks[_number(shape, "size")] += _number(live, "curhchunks")
    return Jemalloc(
        allocated=_number(stats, "allocated"),
        active=_number(merged, "pactive") * page,
        mapped=_number(stats, "mapped"),
        resident=_number(stats, "resident"),
        retained=_number(stats, "retained"),
        metadata=_number(stats, "metadata"),
        headers=_number(merged["metadata"], "mapped"),
        dirty=_number(merged, "pdirty") * page,
        purged=_number(merged, "purged") * page,
        huge=_number(merged["huge"], "allocated"),
        blocks={size: count for size, count in blocks.items() if count},
        bins=bins,
    )


def _classes(shapes: Any, live: Any) -> Iterator[tuple[Any, Any]]:
    """The size classes with what is live in each: two lists of the same order."""
    if not isinstance(shapes, list) or not isinstance(live, list) or len(shapes) != len(live):
        raise ParseError("the statistics do not match their size classes")
    return zip(shapes, live, strict=True)


def _number(tree: Any, name: str) -> int:
    value = tree[name]
    if type(value) is not int or not 0 <= value < 1 << 64:
        raise ParseError(f"{name} is not a number: {str(value)[:40]!r}")
    return value
