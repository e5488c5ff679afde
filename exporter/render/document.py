"""A web page that needs nothing else: one frame, one set of colours, for the page at `/` and for reports.

The colours are told apart by colour-blind people (after Okabe and Ito, darker where white paper asks for it), follow
the reader's light or dark preference, and mean the same everywhere: used, waste, free, bad, good, other.
"""

from __future__ import annotations

import base64
import hashlib
import html

STYLE = """
:root{color-scheme:light dark;--back:#fff;--text:#1a1c1f;--faint:#5c6370;--line:#d5d8dd;--panel:#f6f7f9;
--used:#0072b2;--waste:#bd7a00;--free:#d5d8dd;--bad:#c44601;--good:#00785a;--other:#737f8d}
@media(prefers-color-scheme:dark){:root{--back:#15171a;--text:#e6e8eb;--faint:#9aa1ac;--line:#3a3f47;--panel:#1e2126;
--used:#4aa3df;--waste:#f0b429;--free:#3a3f47;--bad:#ff7a45;--good:#2fbf93;--other:#8d97a5}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:62rem;padding:1rem;background:var(--back);
color:var(--text)}
h1{font-size:1.5rem;line-height:1.25}h2{font-size:1.2rem;margin-top:2rem}
a{color:var(--used)}code{font-size:.9em;overflow-wrap:anywhere}
.faint{color:var(--faint)}.bad{color:var(--bad)}.good{color:var(--good)}
table{border-collapse:collapse;width:100%}
th,td{padding:.25rem .5rem;text-align:left;border-bottom:1px solid var(--line)}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
svg{display:block;max-width:100%;height:auto}svg text{fill:var(--text);font:12px system-ui,sans-serif}
"""


def page(title: str, body: str, style: str = "") -> str:
    """A whole HTML page around `body`, which is HTML already; the title is text."""
    return (
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{STYLE}{style}</style></head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def policy(style: str = "") -> str:
    """The Content-Security-Policy of a page with this style: nothing but that style, no script, nothing fetched."""
    digest = base64.b64encode(hashlib.sha256(f"{STYLE}{style}".encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
