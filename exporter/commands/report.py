"""The command `report`: the periodic check of a week, from a Prometheus."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.commands.demo_running import CLUSTER, FLAG
from exporter.errors import ExporterError, SettingsError, SourceError
from exporter.render.progress import Progress
from exporter.report.build import summary
from exporter.report.data import as_json
from exporter.report.history import History, query_history, query_nodes
from exporter.report.markdown import markdown
from exporter.report.page import page
from exporter.report.quantities import QUANTITIES
from exporter.report.window import SINCE, Window, window
from exporter.settings import logs
from exporter.settings.secrets import secret
from exporter.sources.prometheus import Access, PrometheusSource

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from exporter.report.figures import Report
    from exporter.settings.logins import PrometheusSettings
    from exporter.settings.schema import Settings

SETTINGS = ("prometheus", "log.file")


def add(parser: argparse.ArgumentParser) -> None:
    """Add the flags that only this command has."""
    text = f"a span that counts back, as in {SINCE} or 7d, or a time, as in 2026-11-24T06:00Z [{SINCE}]"
    parser.add_argument("--since", default=SINCE, metavar="TIME", help=text)
    parser.add_argument("--until", metavar="TIME", help="likewise [now]")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--cluster", metavar="NAME", help="the nodes of one cluster, by node_info")
    text = "the nodes of the demo that this Prometheus scrapes, or has a history of"
    which.add_argument(FLAG, dest="cluster", action="store_const", const=CLUSTER, help=text)
    parser.add_argument(
        "--output", choices=("markdown", "json", "html"), default="markdown", help="the format [markdown]"
    )
    parser.add_argument("--save", type=Path, metavar="FILE", help="write it to a file")
    parser.epilog = (
        "Exit code: 0, 1 if Prometheus did not answer or knows nothing, 2 if something is wrong with flags or files."
    )


def run(own: argparse.Namespace, load: Callable[[], Settings]) -> int:
    """Report on a window; 1 if Prometheus has nothing to report on."""
    settings = load()
    logs.set_up(settings.log.model_copy(update={"level": "error"}))
    when = window(own.since, own.until, time.time())
    access = access_to(settings.prometheus)
    try:
        made, history = _made(access, when, own.cluster)
    except ExporterError as problem:
        sys.stderr.write(f"report: {problem}\n")
        return 1
    text = page(made, history) if own.output == "html" else as_json(made) if own.output == "json" else markdown(made)
    if own.save is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return 0
    try:
        own.save.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise SourceError(f"cannot write {own.save}: {problem.strerror}") from None
    return 0


def access_to(settings: PrometheusSettings) -> Access:
    """How to reach Prometheus; reads the files with secrets, and raises `SettingsError` if one cannot be read."""
    password = settings.password.get_secret_value() if settings.password else None
    if settings.password_file:
        password = secret("prometheus.password_file", settings.password_file)
    token = settings.bearer_token.get_secret_value() if settings.bearer_token else None
    if settings.bearer_token_file:
        token = secret("prometheus.bearer_token_file", settings.bearer_token_file)
    if token is not None and not (token.isascii() and token.isprintable()):
        raise SettingsError("prometheus.bearer_token: a token is one line of ASCII")
    ca_file = str(settings.ca_file) if settings.ca_file else None
    return Access(settings.url, settings.timeout, settings.user, password, token, ca_file)


def _made(access: Access, when: Window, cluster: str | None) -> tuple[Report, History]:
    """The report, with the history that it is drawn from."""
    source = PrometheusSource(access)
    earlier = tuple(quantity for quantity in QUANTITIES if quantity.both)
    try:
        with Progress(f"asking {source.where}", 3 + len(QUANTITIES) + len(earlier)) as progress:
            nodes = query_nodes(source, when, cluster)
            progress.step()
            history = query_history(source, when, nodes, progress.step)
            before = query_history(source, when.before, nodes, progress.step, earlier)
    finally:
        source.close()
    return summary(history, before, nodes, source.where, cluster, source.warnings), history
