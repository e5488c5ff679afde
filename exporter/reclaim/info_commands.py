"""The info commands that change and read a configuration, as each release wants them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exporter.parsers.info import context
from exporter.reclaim.parameters import PARAMETERS, SET_INDEX, SINDEX, TRUNCATE

if TYPE_CHECKING:
    from exporter.model.snapshot import Release
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
        return f"truncate:namespace={wish.namespace};set={wish.subject}"
    if wish.parameter == SINDEX:
        return f"sindex-delete:{'namespace' if release >= (7, 2) else 'ns'}={wish.namespace};indexname={wish.subject}"
    if wish.parameter == SET_INDEX:
        return f"set-config:{context(release, wish.namespace)};set={wish.subject};{SET_INDEX}={value}"
    if PARAMETERS[wish.parameter].context == "service":
        return f"set-config:context=service;{wish.parameter}={value}"
    return f"set-config:{context(release, wish.namespace)};{wish.parameter}={value}"


def read_back(release: Release, wish: Change) -> str:
    """The command whose reply shows whether a wish took effect."""
    if wish.parameter in (SET_INDEX, TRUNCATE):
        return f"sets/{wish.namespace}/{wish.subject}"
    if wish.parameter == SINDEX:
        return "sindex-list:"
    if PARAMETERS[wish.parameter].context == "service":
        return "get-config:context=service"
    return f"get-config:{context(release, wish.namespace)}"
