"""Bars and columns as SVG: as wide as what they are in, and named in words by their figures."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from exporter.render.content import Part
from exporter.render.text import sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

STYLE = """
.bar{width:100%;height:.75rem;border-radius:.2rem;background:var(--free);overflow:hidden}
.bar.tall{height:2rem}.bar.tall rect{stroke:var(--back);stroke-width:1px}
.columns{width:100%;height:5rem}.columns rect{fill:var(--used)}
.key{display:inline-block;width:.8rem;height:.8rem;border-radius:.15rem;overflow:hidden;vertical-align:-.05rem}
.key.free{background:var(--free)}
rect.used{fill:var(--used)}rect.other{fill:var(--other)}rect.bad{fill:var(--bad)}
rect.hatch{fill:var(--waste)}path.hatch{stroke:var(--back);stroke-opacity:.4;stroke-width:2}
.defs{position:absolute}
@media print{.bar,.key,.columns{print-color-adjust:exact}}
"""

PATTERNS = (
    '<svg class="defs" width="0" height="0" aria-hidden="true"><defs>'
    '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="hatch" width="6" height="6"/><path class="hatch" d="M1 0V6"/></pattern></defs></svg>'
)
"""What a page with bars has once: waste is hatched, and so told apart without colours, too."""


def bar(label: str, parts: Iterable[Part], tall: bool = False) -> str:
    """Shares of a whole; what is left of the whole is empty. The label says in words what is drawn."""
    drawn, edge = [], 0.0
    for part in parts:
        start, edge = edge, min(1.0, edge + max(0.0, part.share))
        if part.kind != "free":
            drawn.append(_rect(part, f'x="{start:.2%}" width="{edge - start:.2%}" height="100%"'))
    name = "bar tall" if tall else "bar"
    return f'<svg class="{name}" role="img"><title>{html.escape(label)}</title>{"".join(drawn)}</svg>'


def columns(label: str, heights: Sequence[tuple[float, str]]) -> str:
    """Columns side by side, the highest as high as there is room, each with what it is."""
    most = max([height for height, _ in heights], default=0.0) or 1.0
    step = 1 / max(1, len(heights))
    drawn = "".join(
        f'<rect x="{(index + 0.08) * step:.2%}" y="{1 - height / most:.2%}" width="{0.84 * step:.2%}" '
        f'height="{height / most:.2%}"><title>{html.escape(title)}</title></rect>'
        for index, (height, title) in enumerate(heights)
    )
    return f'<svg class="columns" role="img"><title>{html.escape(label)}</title>{drawn}</svg>'


def key(kind: str) -> str:
    """The colour of a kind beside its name in a legend; `free` is the empty rest of a bar."""
    drawn = "" if kind == "free" else _rect(Part(kind, 1), 'width="100%" height="100%"')
    return f'<svg class="key {kind}" aria-hidden="true">{drawn}</svg>'


def _rect(part: Part, place: str) -> str:
    fill = 'fill="url(#hatch)"' if part.kind == "waste" else f'class="{part.kind}"'
    title = f"<title>{html.escape(sentence(part.label))}</title>" if part.label else ""
    return f"<rect {fill} {place}>{title}</rect>" if title else f"<rect {fill} {place}/>"
