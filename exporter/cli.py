"""The command line: one parser, with a subparser per command."""

from __future__ import annotations

import io
import os
import sys
import traceback
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from exporter import NAME, __version__
from exporter.errors import ExporterError, SettingsError
from exporter.settings import flags
from exporter.settings.load import merge

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "serve": "read a node, and serve what it says on /metrics (without a command, too)",
    "demo": "the same with an embedded, simulated shop instead of a node",
    "analyze": "one look at a node, or at a saved one, in the terminal",
    "reclaim": "plan what would give memory back, and only when told to, apply or undo it",
    "report": "the last week of all nodes, from a Prometheus",
    "rules": "the rules of Prometheus and Alertmanager, for this installation",
}
"""Each is the module of that name in `exporter.commands`, which is imported when it is used: it has

* `SETTINGS`, the tables and keys of the settings that it uses,
* `add(parser)`, which adds its own flags, and
* `run(own, load) -> int`, which gets their values, and what loads the settings; it returns the exit code.
"""

DESCRIPTION = "Prometheus exporter for the memory of an Aerospike node."
DEFAULT = "serve"
_HELP = {"-h", "--help", "--help-all"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return the exit code: its own, 1 for a fault of ours, 2 for wrong settings."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        return _run(words)
    except ExporterError as problem:
        for line in str(problem).splitlines():
            sys.stderr.write(f"{NAME}: {line}\n")
        return _failed(words, 2)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Who reads has seen enough; at exit Python would try once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as bug:
        place = traceback.extract_tb(bug.__traceback__)[-1]
        # The type and the place: the text may hold a secret.
        sys.stderr.write(f"{NAME}: {type(bug).__name__} at {place.filename}:{place.lineno}, which is a fault of ours\n")
        return _failed(words, 1)


def _failed(words: list[str], usual: int) -> int:
    """The exit code of a failure. To `analyze --fail-on` 1 and 2 are states of a node, and one that is unknown is 3."""
    return 3 if any(word.partition("=")[0] == "--fail-on" for word in words) else usual


def _run(words: list[str]) -> int:
    """Run the command that the first word names, or the default one where that is a flag."""
    named = bool(words) and not words[0].startswith("-")
    name = words[0] if named else DEFAULT
    if name not in COMMANDS:
        # Not repeated: it may be a secret that lost its flag.
        meant = get_close_matches(name.lower(), COMMANDS, n=1, cutoff=0.8)
        perhaps = f", perhaps {meant[0]} is meant" if meant else ""
        raise SettingsError(f"the first word is no command{perhaps}; there are {', '.join(COMMANDS)}")
    help_wanted = not _HELP.isdisjoint(words)
    if "--version" in words and not help_wanted:
        sys.stdout.write(f"{NAME} {__version__}\n")
        return 0
    command = import_module(f"exporter.commands.{name}")
    parser, subparsers = _parsers(help_wanted)
    if help_wanted and not named:
        parser.print_help()
        return 0
    command.add(subparsers[name])
    flags.add(subparsers[name], command.SETTINGS, rare="--help-all" in words)
    if help_wanted:
        subparsers[name].print_help()
        return 0
    own, given = flags.parse(parser, words if named else [name, *words], tuple(COMMANDS))
    if given.wrong:
        merge(given)  # raises, and tells with it what is wrong elsewhere
    code: int = command.run(own, partial(merge, given))
    return code


def _parsers(add_help: bool) -> tuple[flags.Parser, dict[str, flags.Parser]]:
    """The parser, and those of its commands by name, still without flags."""
    # To parse, there is no help: `-hTEXT` would have it complain of the text, which may be a secret.
    parser = flags.Parser(prog=NAME, usage=f"{NAME} [COMMAND] [FLAGS]", description=DESCRIPTION, add_help=add_help)
    if add_help:
        parser.add_argument("--version", action="store_true", help="show which version it is")
        parser.epilog = f"{NAME} COMMAND --help lists the flags of a command, those of {DEFAULT} without it, too."
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    return parser, {
        name: commands.add_parser(
            name, usage=f"{NAME} {name} [FLAGS]", help=text, description=f"{name}: {text}", add_help=add_help
        )
        for name, text in COMMANDS.items()
    }
