"""A web page that needs nothing else: one frame, one set of colours, for the page at `/` and for reports.

The colours are told apart by colour-blind people (after Okabe and Ito, darker where white paper asks for it), follow
the reader's light or dark preference, and mean the same everywhere: used, waste, free, bad, good, other.
"""

from __future__ import annotations

import base64
import hashlib
import html

from exporter.render import svg

STYLE = (
    """
:root{color-scheme:light dark;--back:#fff;--text:#1a1c1f;--faint:#5c6370;--line:#d5d8dd;--panel:#f6f7f9;
--used:#0072b2;--waste:#bd7a00;--free:#d5d8dd;--bad:#c44601;--good:#00785a;--other:#737f8d}
@media(prefers-color-scheme:dark){:root{--back:#15171a;--text:#e6e8eb;--faint:#9aa1ac;--line:#3a3f47;--panel:#1e2126;
--used:#4aa3df;--waste:#f0b429;--free:#3a3f47;--bad:#ff7a45;--good:#2fbf93;--other:#8d97a5}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:62rem;padding:1rem;background:var(--back);
color:var(--text)}
h1{font-size:1.5rem;line-height:1.25}h2{font-size:1.2rem;margin-top:2rem}
a{color:var(--used)}code{font-size:.9em;overflow-wrap:anywhere}
.faint,.label{color:var(--faint)}.label{font-size:.8em;font-weight:400;overflow-wrap:anywhere}.bad{color:var(--bad)}
table{border-collapse:collapse;width:100%}
th,td{padding:.25rem .5rem;text-align:left;border-bottom:1px solid var(--line)}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
svg{display:block;max-width:100%;height:auto}svg text{fill:var(--text);font:12px system-ui,sans-serif}
"""
    + svg.STYLE
    + """
table{font-size:.925rem;margin:.5rem 0 1.5rem}
caption{text-align:left;color:var(--faint);padding:.25rem .5rem .25rem 0}
thead th{font-weight:600;color:var(--faint);vertical-align:bottom}
tbody th{font-weight:400}td.bar-cell{width:24%;min-width:7rem}
td.number .faint{font-size:.925em}
@media(max-width:62rem){table{font-size:.85rem}th,td{padding:.25rem .3rem}td.bar-cell{width:25%;min-width:4rem}}
@media(max-width:44rem){
table{font-size:.925rem}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
table,caption,tbody{display:block}
tr{display:flex;flex-wrap:wrap;gap:0 .75rem;padding:.5rem 0;border-bottom:1px solid var(--line)}
tbody th,td{border:0;padding:0}tbody th:first-child{font-weight:600}
td.bar-cell{flex-basis:100%;order:1;margin-top:.2rem}
td[data-name]::before{content:attr(data-name) " ";color:var(--faint)}
td.empty{display:none}}
body{overflow-wrap:break-word}bdi,pre{overflow-wrap:anywhere}
h1{margin:.75rem 0 .25rem}h1+p{margin:.25rem 0}h2{margin:2.25rem 0 .5rem}h3{font-size:1rem;margin:0}p{margin:.35rem 0}
.note{background:var(--panel);border:1px dashed var(--faint);border-radius:.4rem;padding:.35rem .75rem}
nav ul,.legend,.tiles,.findings{list-style:none;padding:0;margin:.5rem 0}
nav{font-size:.925rem}nav ul,.legend{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem}
.state,.tiles li,.findings>li{background:var(--panel);border-radius:.4rem;padding:.6rem .9rem}
.state{border-left:.4rem solid var(--good);margin:1rem 0}.state.critical{border-color:var(--bad)}
.state.warning{border-color:var(--waste)}.state.info{border-color:var(--used)}
.state strong{font-size:1.15rem}
.tiles{display:grid;gap:.75rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,18rem),1fr))}
.tiles .share{font-size:1.5rem;font-weight:600;font-variant-numeric:tabular-nums}
.findings>li{margin:.75rem 0;border-left:.4rem solid var(--used)}
.findings>.critical{border-color:var(--bad)}.findings>.warning{border-color:var(--waste)}
.badge{display:inline-block;border:2px solid var(--used);border-radius:.3rem;padding:0 .45rem;font-size:.8rem;
font-weight:600;margin-right:.5rem;vertical-align:.05rem}
.critical .badge{border-color:var(--bad);background:var(--bad);color:var(--back)}
.warning .badge{border-color:var(--waste)}
summary{cursor:pointer}summary h3,.top h3{display:inline}
pre{margin:.5rem 0;padding:.5rem .75rem;background:var(--back);border:1px solid var(--line);border-radius:.3rem;
white-space:pre-wrap}
.figures{display:grid;gap:1rem 2rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,18rem),1fr))}
figure{margin:.5rem 0}.ends{display:flex;justify-content:space-between;color:var(--faint);font-size:.85rem;
border-top:1px solid var(--line)}figcaption{font-size:.925rem}
footer{margin-top:2.5rem;border-top:1px solid var(--line);padding-top:.5rem}
@media print{body{max-width:none}nav{display:none}.state,.tiles li,.findings>li,figure,tr{break-inside:avoid}
details::details-content{content-visibility:visible;block-size:auto}}
"""
)

_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What a browser may do with a page without a style of its own: nothing but show it, no script, nothing fetched."""


def page(title: str, body: str, style: str = "") -> str:
    """A whole HTML page around `body`, which is HTML already; the title is text, `style` comes after `STYLE`."""
    return (
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}{style}</style></head>\n"
        f"<body>\n{svg.PATTERNS}\n{body}\n</body>\n</html>\n"
    )
