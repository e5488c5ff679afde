"""Tombstones: what durable deletes leave in the index and in the storage (Enterprise)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.rule import CLEAR, UNKNOWN, Rule, found, mebibytes, namespace_look, not_enough, of_each_namespace
from exporter.findings.thresholds import INDEX_WASTE_BYTES, TOMBSTONES, TOMBSTONES_MANY
from exporter.model.constants import INDEX_ENTRY_BYTES, TOMBSTONE_BYTES
from exporter.units import share, size, span

if TYPE_CHECKING:
    from exporter.findings.rule import Verdict
    from exporter.memory.analysis import Analysis
    from exporter.model.snapshot import Namespace


@of_each_namespace
def _tombstones(_: Analysis, namespace: Namespace) -> Verdict:
    dead, live = namespace.tombstones, namespace.objects
    if not dead:
        return UNKNOWN if dead is None else CLEAR
    if live is None:
        return UNKNOWN
    part, stored = dead / (dead + live), ""
    if namespace.storage is not None and not namespace.heap_data:
        stored = f", nor {size(TOMBSTONE_BYTES * dead)} of the storage at least"
    summary = (
        f"{dead:,} of {dead + live:,} entries of the primary index are tombstones: {size(INDEX_ENTRY_BYTES * dead)} of"
        f" it, {share(part)}, hold nothing live{stored}. {_raider(namespace)}"
    )
    waste = INDEX_ENTRY_BYTES * dead
    verdict = not_enough(waste, INDEX_ENTRY_BYTES * (dead + live), TOMBSTONES, INDEX_WASTE_BYTES)
    return verdict or found("warning" if part >= TOMBSTONES_MANY else "info", summary, waste)


def _raider(namespace: Namespace) -> str:
    """What is known of why they are still there."""
    if namespace.tomb_raider_period == 0:
        return "The tomb raider, which drops them, never runs: tomb-raider-period is 0."
    if namespace.migrate_partitions_remaining:
        return f"{namespace.migrate_partitions_remaining:,} partitions are still to migrate, for which it waits."
    says = []
    if namespace.tomb_raider_period is not None and namespace.tomb_raider_eligible_age is not None:
        says.append(
            f"The tomb raider runs every {span(namespace.tomb_raider_period)} and leaves those that are younger than"
            f" {span(namespace.tomb_raider_eligible_age)}."
        )
    if namespace.xdr_tombstones:
        says.append(f"{namespace.xdr_tombstones:,} of them are XDR's, and wait until they are shipped.")
    return " ".join(says) or "When the tomb raider runs is not known."


TOMBSTONE_RULES = (
    Rule(
        "tombstones",
        ("warning", "info"),
        f"at least {TOMBSTONES:.0%} of the entries of the primary index, and {mebibytes(INDEX_WASTE_BYTES)}, are"
        f" tombstones; a warning from {TOMBSTONES_MANY:.0%} on",
        "Each takes 64 bytes of index as a record does, and a record in the storage. They neither expire nor are"
        " evicted: only the tomb raider (Enterprise) drops them.",
        "As Aerospike documents it, the tomb raider leaves a tombstone that is younger than tomb-raider-eligible-age,"
        " one of which an older record may still be in a block of this node, and all while partitions migrate; XDR's"
        " until they are shipped. See that tomb-raider-period is not 0, that migrations end, and that defrag keeps up,"
        " since it is what overwrites the old records. Lower tomb-raider-eligible-age only if no node and no backup"
        " that is older ever comes back: deleted records would return with it.",
        _tombstones,
        look=namespace_look(
            "tomb|migrate_.*remaining", "the tombstones, the settings of the tomb raider, and what it waits for"
        ),
        no_command="To drop tombstones before their time may bring deleted records back.",
    ),
)
