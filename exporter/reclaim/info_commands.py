"""The info commands that change and read a configuration, as each release wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.model import info_commands as commands
from exporter.parsers import info, lists
from exporter.reclaim.change import Commands
from exporter.reclaim.situation import SERVICE_COMMAND

if TYPE_CHECKING:
    from exporter.model.release import Release
    from exporter.reclaim.change import Change

THERE, GONE = "there", "gone"
"""What is read of a secondary index or a set, which have no value."""


def command(release: Release, change: Change, value: str) -> str:
    """The command that sets a value (digits, or `true` and `false`). One parameter per command.

    The server's code asks for one parameter after the other and takes the first that it finds (`cfg_set_namespace`).
    """
    return change.parameter.commands.write(release, change, value)


def read_back(release: Release, change: Change) -> str:
    """The command whose reply shows whether a change took effect."""
    return change.parameter.commands.read(release, change)


def parse(change: Change, reply: str) -> str:
    """The value in force, from the reply to `read_back`; raises `ParseError` if it is no answer."""
    info.refuse(reply)
    return change.parameter.commands.parse(change, reply)


def _configured(change: Change, reply: str) -> str:
    return info.fields(reply).get(change.parameter.key, "")


def _set_field(change: Change, reply: str) -> str:
    return info.fields(reply.rstrip(";"), ":").get(change.parameter.key, "")


def _sindex_state(change: Change, reply: str) -> str:
    indexes = ((index.ns, index.name) for index in lists.sindex_list(reply))
    return THERE if (change.namespace, change.subject) in indexes else GONE


def _sindex_delete(release: Release, change: Change, _: str) -> str:
    return commands.sindex_delete(release, change.namespace, change.subject)


def _of_set(_: Release, change: Change) -> str:
    return commands.sets(change.namespace, change.subject)


SERVICE = Commands(
    "service",
    lambda _, change, value: commands.set_config(commands.SERVICE_CONTEXT, change.parameter.name, value),
    lambda _, __: SERVICE_COMMAND,
    _configured,
)
NAMESPACE = Commands(
    "namespace",
    lambda release, change, value: commands.set_config(
        commands.namespace_context(release, change.namespace), change.parameter.name, value
    ),
    lambda release, change: commands.get_config(commands.namespace_context(release, change.namespace)),
    _configured,
)
SET = Commands(
    "set",
    lambda release, change, value: commands.set_config(
        f"{commands.namespace_context(release, change.namespace)};set={change.subject}", change.parameter.name, value
    ),
    _of_set,
    _set_field,
)
SET_RECORDS = Commands(
    "set",
    lambda _, change, __: commands.truncate(change.namespace, change.subject),
    _of_set,
    lambda _, __: THERE,
)
SECONDARY_INDEX = Commands("sindex", _sindex_delete, lambda _, __: commands.SINDEX_LIST, _sindex_state)
