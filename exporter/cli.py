"""The command line, and the composition root: the only place where the parts are put together."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Any

from exporter import __version__, logs, settings
from exporter.collectors.metric import View
from exporter.errors import ExporterError, SettingsError
from exporter.registry import Registry
from exporter.selection import Selection
from exporter.sources.aerospike import AerospikeSource, Connection
from exporter.target import Target
from exporter.web import NAME, WebServer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from exporter.tables import AerospikeSettings, Settings

logger = logging.getLogger(__name__)

DESCRIPTION = """Prometheus exporter for the memory of an Aerospike node.

commands:
  serve   read a node, and serve what it says on /metrics (without a command, too)
  demo    the same with an embedded, simulated shop instead of a node
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return the exit code: 0, 1 for a fault of our own, 2 for wrong settings."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        command, words = _command(words)
        if {"-h", "--help"} & set(words):
            settings.parser(NAME, DESCRIPTION).print_help()
            return 0
        if "--version" in words:
            sys.stdout.write(f"{NAME} {__version__}\n")
            return 0
        chosen = settings.load(words)
        logs.set_up(chosen.log)
        return command(chosen)
    except ExporterError as problem:
        for line in str(problem).splitlines():
            sys.stderr.write(f"{NAME}: {line}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    except Exception as bug:
        place = traceback.extract_tb(bug.__traceback__)[-1]
        # The type and the place: the text may hold a secret.
        sys.stderr.write(f"{NAME}: {type(bug).__name__} at {place.filename}:{place.lineno}, which is a fault of ours\n")
        return 1


def serve(chosen: Settings) -> int:
    """Serve the metrics of a node until told to stop."""
    connection = connection_to(chosen.aerospike)
    return asyncio.run(_serve(chosen, connection))


def demo(chosen: Settings) -> int:
    """Serve the metrics of the embedded shop until told to stop."""
    from exporter.demo.node import EmbeddedNode  # only this command pays for it

    shop = chosen.demo
    with EmbeddedNode(release=shop.release, seed=shop.seed, speed=shop.speed) as node:
        host, port = node.address
        logger.info(
            "an embedded, simulated shop answers as Aerospike %s on %s:%d, at %g times the speed of time",
            *(shop.release, host, port, shop.speed),
        )
        note = "This is a demonstration: the node is a simulated shop."
        return asyncio.run(_serve(chosen, Connection(host, port, chosen.aerospike.timeout), note))


COMMANDS: dict[str, Callable[[Settings], int]] = {"serve": serve, "demo": demo}


def view(chosen: Settings) -> View:
    """What the settings want to see."""
    sets, sindexes = chosen.collector.sets, chosen.collector.sindexes
    return View(
        operators={name: operator.value for name, operator in chosen.operator.items()},
        sets=Selection(sets.include, sets.exclude, sets.largest),
        sindexes=Selection(sindexes.include, sindexes.exclude, sindexes.largest),
    )


def connection_to(node: AerospikeSettings) -> Connection:
    """How to reach the node; reads the files with secrets, and raises `SettingsError` if one cannot be read."""
    password = node.password.get_secret_value() if node.password else None
    if node.password_file:
        password = _secret("aerospike.password_file", node.password_file)
    tls: dict[str, Any] | None = None
    if node.tls.enable:
        files = {
            "ca_file": node.tls.ca_file,
            "ca_path": node.tls.ca_path,
            "cert_file": node.tls.cert_file,
            "key_file": node.tls.key_file,
        }
        for name, path in files.items():
            if path is not None:
                _check(f"aerospike.tls.{name}", path)
        # In the client's words, which have no underscore in the names of files.
        tls = {name.replace("_", ""): str(path) for name, path in files.items() if path is not None}
        others = {"protocols": node.tls.protocols, "cipher_suite": node.tls.cipher_suite}
        tls |= {name: value for name, value in others.items() if value is not None}
        if node.tls.key_password_file:
            tls["keyfile_pw"] = _secret("aerospike.tls.key_password_file", node.tls.key_password_file)
    return Connection(node.host, node.port, node.timeout, node.auth, node.user, password, node.tls.name, tls)


async def _serve(chosen: Settings, connection: Connection, note: str = "") -> int:
    """Serve until SIGTERM or SIGINT."""
    seen = view(chosen)
    source = AerospikeSource(connection, seen.sets, seen.sindexes, chosen.collector.sindexes.stat)
    target = Target(f"{connection.host}:{connection.port}", source)
    server = WebServer(Registry(target, seen), chosen.web, note)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    port = server.start()
    address = chosen.web.listen_address.rpartition(":")[0]
    logger.info("%s %s listens on http://%s:%d/metrics", NAME, __version__, address or "localhost", port)
    # What is here now stays for good: without this each scrape's garbage has the collector look at all of it.
    gc.collect()
    gc.freeze()
    # A scrape makes thousands of objects at once and drops them together, without a cycle among them.
    gc.set_threshold(20_000)
    await stopped.wait()
    logger.info("stopping")
    await server.stop()
    target.close()
    return 0


def _command(words: list[str]) -> tuple[Callable[[Settings], int], list[str]]:
    """The command, and the flags: `serve` where the first word is a flag."""
    if not words or words[0].startswith("-"):
        return serve, words
    if words[0] not in COMMANDS:
        # Not repeated: it may be a secret that lost its flag.
        raise SettingsError(f"the first word is no command; there are {', '.join(COMMANDS)}")
    return COMMANDS[words[0]], words[1:]


def _secret(key: str, path: Path) -> str:
    try:
        secret = path.read_text("utf-8").rstrip("\r\n")
    except (OSError, ValueError) as problem:
        raise SettingsError(f"{key}: cannot read {path}: {getattr(problem, 'strerror', 'not text')}") from None
    if not secret:
        # A login without a password would be refused, and counted.
        raise SettingsError(f"{key}: {path} is empty")
    return secret


def _check(key: str, path: Path) -> None:
    """Raise if a file or directory cannot be read; the client would not say which."""
    try:
        if path.is_dir():
            next(path.iterdir(), None)
        else:
            path.open("rb").close()
    except (OSError, ValueError) as problem:
        raise SettingsError(f"{key}: cannot read {path}: {getattr(problem, 'strerror', 'no file name')}") from None
