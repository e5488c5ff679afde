"""Who may send a plan: a person who typed what it is about, or who said so with flags."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from exporter.model.snapshot import Node

    Prompt = Callable[[str], str]


def word(node: Node) -> str:
    """What has to be typed: the name of the cluster, or the node's id where that has none."""
    return node.cluster_name or node.node_id or ""


def refusal(
    node: Node,
    commands: int,
    deleted: Iterable[str],
    confirmed: Collection[str],
    yes: bool,
    prompt: Prompt | None,
) -> str | None:
    """Why nothing may be sent, None if it may.

    `deleted` are the namespaces and sets (NS/SET) that lose records, `confirmed` those that the flags name. `prompt`
    asks a person, and is None where there is no terminal.
    """
    for name in dict.fromkeys(deleted):
        if name in confirmed:
            continue
        if prompt is None:
            return f"records of {name} would be deleted: confirm with --delete-data {name}"
        if prompt(f"Records of {name} will be deleted. Type {name} to confirm: ").strip() != name:
            return f"the deletion of records of {name} was not confirmed"
    if yes:
        return None
    if prompt is None:
        return "standard input is no terminal: confirm with --yes"
    wanted = word(node)
    if not wanted:
        return "the node tells neither a cluster name nor an id to confirm with"
    many = "this command" if commands == 1 else f"these {commands} commands"
    if prompt(f"Type {wanted} to send {many}: ").strip() != wanted:
        return "not confirmed"
    return None
