"""The info commands that change and read a configuration, as each release wants them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exporter.model import info_commands as commands
from exporter.reclaim.parameters import PARAMETERS, SET_INDEX, SINDEX, TRUNCATE

if TYPE_CHECKING:
    from exporter.model.release import Release
    from exporter.reclaim.action import Change

_NAME = re.compile(r"[^\s;:=/,]{1,64}")


def plain(name: str) -> bool:
    """Whether a name cannot be taken for another part of a command."""
    return _NAME.fullmatch(name) is not None


def command(release: Release, wish: Change, value: str) -> str:
    """The command that sends a wish, with its value (digits, or `true` and `false`). One parameter per command.

    The server's code asks for one parameter after the other and takes the first that it finds (`cfg_set_namespace`).
    """
    if wish.parameter == TRUNCATE:
        return commands.truncate(wish.namespace, wish.subject)
    if wish.parameter == SINDEX:
        return commands.sindex_delete(release, wish.namespace, wish.subject)
    context = _context(release, wish)
    return commands.set_config(
        f"{context};set={wish.subject}" if wish.parameter == SET_INDEX else context, wish.parameter, value
    )


def read_back(release: Release, wish: Change) -> str:
    """The command whose reply shows whether a wish took effect."""
    if wish.parameter in (SET_INDEX, TRUNCATE):
        return commands.sets(wish.namespace, wish.subject)
    return commands.SINDEX_LIST if wish.parameter == SINDEX else commands.get_config(_context(release, wish))


def _context(release: Release, wish: Change) -> str:
    """Whose configuration a wish changes."""
    if wish.parameter in PARAMETERS and PARAMETERS[wish.parameter].context == "service":
        return commands.SERVICE_CONTEXT
    return commands.namespace_context(release, wish.namespace)
