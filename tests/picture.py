"""Draws docs/shop.svg, the memory of the embedded shop after three days: `python -m tests.picture > docs/shop.svg`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from exporter import stats
from exporter.demo.shop import Shop
from exporter.demo.words import Words
from exporter.memory import config, pool

if TYPE_CHECKING:
    from exporter.snapshot import Namespace, System

DAYS = 3
WIDTH, BAR, LEFT, SCALE = 880, 26, 150, 690
COLOURS = {"used": "#2f6db5", "fragmented": "#e8963c", "free": "#dfe5ec"}
COMMANDS = ("build", "node", "release", "cluster-name", "namespaces", "statistics")


def picture() -> str:
    """The picture as SVG."""
    shop = Shop(seed=1)
    while not shop.advance(DAYS * 86400):
        pass
    words = Words(shop, "8.1", lambda: ("127.0.0.1", 3000))
    names = [namespace.config.name for namespace in shop.namespaces]
    asked = (*COMMANDS, *(f"namespace/{name}" for name in names))
    snapshot = stats.snapshot({command: words.answer(command) or "" for command in asked})
    rows, y = [], 46
    for namespace in snapshot.namespaces:
        rows += _namespace(namespace, snapshot.system, y)
        y += 128
    legend = "".join(
        f'<rect x="{LEFT + 130 * i}" y="14" width="14" height="14" fill="{colour}"/>'
        f'<text x="{LEFT + 20 + 130 * i}" y="26">{name}</text>'
        for i, (name, colour) in enumerate(COLOURS.items())
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}" '
        f'font-family="system-ui,sans-serif" font-size="13" fill="#222"><rect width="100%" height="100%" fill="#fff"/>'
        f"{legend}{''.join(rows)}</svg>\n"
    )


def _namespace(namespace: Namespace, system: System, y: int) -> list[str]:
    """The data pool with its limits, and the indexes against their budget."""
    data = next(found for found in pool.pools(namespace) if found.name == "data")
    assert data.capacity is not None
    assert data.used is not None
    assert data.fragmented is not None
    assert data.free is not None
    unit = SCALE / data.capacity
    limits = [limit for limit in config.limits(namespace, system) if limit.limit is not None]
    rows = [f'<text x="12" y="{y + 18}" font-weight="bold">{namespace.name}</text>']
    rows.append(_bar("data", y, unit, data.used, data.fragmented, data.free))
    for limit in limits:
        if limit.name == "data_used" and limit.limit is not None:
            x = LEFT + limit.limit * unit
            rows.append(
                f'<path d="M{x:.0f} {y - 4}v{BAR + 8}" stroke="#b3261e" stroke-width="2"/>'
                f'<text x="{x + 4:.0f}" y="{y + BAR + 14}" fill="#b3261e" font-size="11">'
                f"{limit.action.replace('_', ' ')} at {_size(limit.limit)}</text>"
            )
    budget = next((limit for limit in limits if (limit.name, limit.action) == ("indexes_budget", "stop_writes")), None)
    if budget is not None and budget.limit is not None and budget.used is not None:
        used, free = budget.used, budget.limit - budget.used
        rows.append(_bar("indexes", y + 54, SCALE / budget.limit, used, 0, free))
    blocks = next(limit for limit in limits if limit.name == "write_blocks")
    assert blocks.headroom is not None
    word = (
        "refuses writes now" if blocks.breached else f"can take {_size(blocks.headroom)} more before it refuses writes"
    )
    rows.append(f'<text x="{LEFT}" y="{y + 100}" font-size="12">The fullest stripe {word}.</text>')
    return rows


def _bar(name: str, y: int, unit: float, used: int, fragmented: int, free: int) -> str:
    parts, x = [f'<text x="{LEFT - 8}" y="{y + 18}" text-anchor="end">{name}</text>'], float(LEFT)
    for (kind, colour), value in zip(COLOURS.items(), (used, fragmented, free), strict=True):
        width = value * unit
        parts.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>')
        if width > 70:
            ink = "#444" if kind == "free" else "#fff"
            parts.append(f'<text x="{x + 6:.1f}" y="{y + 18}" fill="{ink}">{_size(value)}</text>')
        x += width
    return "".join(parts)


def _size(value: float) -> str:
    return f"{value / 2**20:,.0f} MiB"


if __name__ == "__main__":
    sys.stdout.write(picture())
