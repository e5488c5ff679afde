"""What is refused, and why: changes that the server would take and be hurt by, as it checks few ranges.

Each change is judged on the namespace as it is after the changes before it, because the server is in each of these
states. The guards here are those of single parameters; those of limits are in `effects`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.defrag import waits_for_defrag
from exporter.findings.thresholds import HIGH_DEFRAG_PCT, MOST_DELETED
from exporter.model.info_commands import plain
from exporter.parsers.namespace import in_memory
from exporter.reclaim.change import Reason
from exporter.units import share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.reclaim.change import Change, Step
    from exporter.reclaim.situation import Situation


def reasons(step: Step) -> Iterator[Reason]:
    """Why a change should not be made: it is not valid on this node, or one of its parameter's guards says so."""
    invalid = list(_invalid(step.situation, step.change))
    yield from invalid
    if not invalid:
        for guard in step.parameter.guards:
            yield from guard(step)


def _invalid(situation: Situation, change: Change) -> Iterator[Reason]:
    """Whether what the change is about is there, and its value is one."""
    parameter = change.parameter
    if parameter.commands.scope == "service":
        if change.namespace:
            yield Reason(f"{parameter.name} belongs to no namespace: leave out {change.namespace}/")
            return
    elif situation.namespace(change.namespace) is None:
        missing = "the node does not tell of such a namespace"
        yield Reason(missing if change.namespace else f"it belongs to a namespace: give NS/{parameter.name}")
        return
    elif not plain(change.namespace):
        yield Reason("the name of the namespace does not fit into a command")
        return
    if parameter.states is None:
        yield from _value(situation, change)


def _value(situation: Situation, change: Change) -> Iterator[Reason]:
    """Whether the node has the parameter, and the value is one that it can have."""
    parameter, node = change.parameter, situation.snapshot.node
    configured = situation.configured(change.namespace, parameter.key)
    if not parameter.there(node.release):
        yield Reason(f"release {node.build} has no {parameter.name}")
    elif configured is None:
        yield Reason(f"the node lists no {parameter.name} here")
    value = parameter.value(change.value)
    if value is None:
        unit = {"bytes": ", as in 64M", "seconds": ", as in 120 or 2m"}.get(parameter.kind, "")
        yield Reason(f"the value is not a whole number{unit}")
    elif value < parameter.least or (parameter.most is not None and value > parameter.most):
        most = "on" if parameter.most is None else f"to {parameter.most}"
        hurt = f": {parameter.beyond}" if parameter.beyond and value else ""
        yield Reason(f"{value} is outside {parameter.least} {most}{hurt}")
    elif str(value) == configured:
        yield Reason(f"{value} is in force already")


# Guards


def defragments_in_vain(step: Step) -> Iterator[Reason]:
    """Blocks are copied to free blocks: without any, a higher threshold fills the queue and nothing else."""
    storage, pct = step.before.storage, step.value
    if storage is None or storage.defrag_lwm_pct is None:
        yield Reason("the records are in no write blocks: there is nothing to defragment")
        return
    if pct <= storage.defrag_lwm_pct:
        return
    if pct > HIGH_DEFRAG_PCT:
        yield Reason(
            f"above {HIGH_DEFRAG_PCT} each block gained costs {100 / (100 - pct):.0f} blocks of writing", False
        )
    free = [unit.free_blocks for unit in storage.units if unit.free_blocks is not None]
    if len(free) < len(storage.units) or not free:
        yield Reason("the node does not tell its free blocks")
    elif not min(free):
        yield Reason(f"a {storage.kind} has no free block: defragmentation has none to copy to")
    if waits_for_defrag(step.before):
        waiting = sum(unit.defrag_queue_blocks or 0 for unit in storage.units)
        yield Reason(
            f"{waiting:,} blocks wait for defragmentation already, and a higher threshold makes it more: lower "
            "defrag-sleep first",
            False,
        )
    if step.situation.migrating:
        yield Reason("partitions are migrating, which rewrites blocks, too: wait until that is done", False)


def has_no_post_write_cache(step: Step) -> Iterator[Reason]:
    """Records in memory are read there."""
    if in_memory(step.situation.namespaces[step.change.namespace]):
        yield Reason("the records are in memory: there is no post-write cache")


def deletes_the_expired(step: Step) -> Iterator[Reason]:
    """Switched on, nsup first deletes all that should have expired long ago."""
    count, objects = step.situation.expired(step.change.namespace), step.before.objects
    if not step.value:
        yield Reason("without nsup nothing expires nor is evicted, so that memory only grows")
    elif step.old == 0:
        if count is None or objects is None:
            yield Reason(
                "how many expired records the first cycle deletes is unknown: there is no ttl histogram", False
            )
        elif objects and count > MOST_DELETED * objects:
            part = share(min(1.0, count / objects))
            yield Reason(f"the first cycle may delete up to {part} of the records, which may have expired", False)


def deletes_many_each_cycle(step: Step) -> Iterator[Reason]:
    """A cycle of eviction that takes much at once."""
    if step.value > MOST_DELETED * 1000:
        yield Reason(
            f"each cycle that evicts would delete {share(step.value / 1000)} of the records that can expire", False
        )


def is_no_set(step: Step) -> Iterator[Reason]:
    """A set has to be there, with a name that fits into a command."""
    if not plain(step.change.subject):
        yield Reason("the name does not fit into a command")
    elif step.set is None:
        yield Reason("there is no such set")


def has_no_set_index(step: Step) -> Iterator[Reason]:
    """A set without an index."""
    if step.set is not None and not step.set.indexed:
        yield Reason("the set has no index")


def is_no_secondary_index(step: Step) -> Iterator[Reason]:
    """A secondary index has to be there, with a name that fits into a command."""
    if not plain(step.change.subject):
        yield Reason("the name does not fit into a command")
    elif all(index.name != step.change.subject for index in step.before.sindexes):
        yield Reason("there is no such secondary index")


def migrates(step: Step) -> Iterator[Reason]:
    """Partitions on their way take records and index entries with them."""
    if step.situation.migrating:
        yield Reason("partitions are migrating: wait until that is done", False)
