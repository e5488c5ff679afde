"""What is refused, and why: changes that the server would take and be hurt by, as it checks few ranges.

Each wish is judged on the namespace as it is after the wishes before it, because the server is in each of these states.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.thresholds import HIGH_DEFRAG_PCT, MOST_DELETED
from exporter.parsers.namespace import in_memory
from exporter.reclaim import effects as marks
from exporter.reclaim.effects import Reason
from exporter.reclaim.info_commands import plain
from exporter.reclaim.parameters import EVICTION, PARAMETERS, SET_INDEX, SINDEX, TRUNCATE
from exporter.units import share, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exporter.model.snapshot import Namespace
    from exporter.reclaim.action import Change
    from exporter.reclaim.parameters import Parameter
    from exporter.reclaim.situation import Situation


def reasons(situation: Situation, wish: Change, before: Mapping[str, int]) -> Iterator[Reason]:
    """Why a wish should not be granted; `before` holds the values of the wishes for its namespace that come first."""
    if wish.parameter not in PARAMETERS and wish.parameter not in (SET_INDEX, SINDEX, TRUNCATE):
        yield Reason(f"reclaim changes only {', '.join(PARAMETERS)}")
        return
    known = PARAMETERS.get(wish.parameter)
    if known is None or known.context == "namespace":
        namespace = situation.namespace(wish.namespace)
        if namespace is None:
            missing = "the node does not tell of such a namespace"
            yield Reason(missing if wish.namespace else f"it belongs to a namespace: give NS/{wish.parameter}")
            return
        if not plain(wish.namespace):
            yield Reason("the name of the namespace does not fit into a command")
            return
        yield from (
            _of_subject(situation, wish, namespace)
            if known is None
            else _of_parameter(situation, wish, known, namespace, before)
        )
    elif wish.namespace:
        yield Reason(f"{wish.parameter} belongs to no namespace: leave out {wish.namespace}/")
    else:
        yield from _of_value(situation, wish, known)


def _of_value(situation: Situation, wish: Change, known: Parameter) -> Iterator[Reason]:
    """Whether the node has the parameter, and the value makes sense."""
    release = situation.snapshot.node.release
    if not known.there(release):
        build = situation.snapshot.node.build
        yield Reason(f"release {build} has no {known.name}")
    elif situation.configured(wish.namespace, known.name) is None:
        yield Reason(f"the node lists no {known.name} here")
    value = known.value(wish.value)
    if value is None:
        unit = {"bytes": ", as in 64M", "seconds": ", as in 120 or 2m"}.get(known.kind, "")
        yield Reason(f"the value is not a whole number{unit}")
    elif value < known.least or (known.most is not None and value > known.most):
        most = "on" if known.most is None else f"to {known.most}"
        hurt = ": from 100 on the server defragments for ever" if known.name == "defrag-lwm-pct" and value else ""
        yield Reason(f"{value} is outside {known.least} {most}{hurt}")
    elif str(value) == situation.configured(wish.namespace, known.name):
        yield Reason(f"{value} is in force already")


def _of_parameter(
    situation: Situation, wish: Change, known: Parameter, namespace: Namespace, before: Mapping[str, int]
) -> Iterator[Reason]:
    wrong = list(_of_value(situation, wish, known))
    value = known.value(wish.value)
    if wrong or value is None:
        yield from wrong
        return
    now = marks.changed(namespace, before)
    then = marks.changed(now, {wish.parameter: value})
    period = before.get("nsup-period", situation.number(wish.namespace, "nsup-period"))
    stop = marks.stops_writes(situation, wish, now, then)
    if stop is not None:
        use = f"{size(stop.used)} count against {stop.name}" if stop.used is not None else stop.name
        yield Reason(f"writes would stop at {size(stop.limit)}: {use}")
    if wish.parameter == "defrag-lwm-pct":
        yield from _of_defrag(situation, namespace, value)
    elif wish.parameter in ("post-write-cache", "post-write-queue"):
        if in_memory(situation.namespaces[wish.namespace]):
            yield Reason("the records are in memory: there is no post-write cache")
    elif wish.parameter == "evict-tenths-pct":
        if value > MOST_DELETED * 1000:
            yield Reason(
                f"each cycle that evicts would delete {share(value / 1000)} of the records that can expire", False
            )
    elif wish.parameter == "nsup-period":
        yield from marks.of_nsup(situation, namespace, value)
    elif wish.parameter in marks.SIZES:
        yield from marks.of_size(situation, wish, now, then, value)
    elif wish.parameter in EVICTION and value:
        if not period:
            yield Reason("nsup-period is 0, so that nothing is ever evicted: switch that on first")
        if situation.mortal(wish.namespace) is False:
            yield Reason("no record of the namespace can expire, and others are never evicted")
        yield from marks.of_mark(situation, wish, then)
    if stop is None and wish.parameter in marks.LIMITS and period:
        yield from marks.of_eviction(situation, wish, now, then)


def _of_defrag(situation: Situation, namespace: Namespace, pct: int) -> Iterator[Reason]:
    """Blocks are copied to free blocks: without any, a higher threshold fills the queue and nothing else."""
    storage = namespace.storage
    if storage is None or storage.defrag_lwm_pct is None:
        yield Reason("the records are in no write blocks: there is nothing to defragment")
        return
    if pct <= storage.defrag_lwm_pct:
        return
    if pct > HIGH_DEFRAG_PCT:
        yield Reason(
            f"above {HIGH_DEFRAG_PCT} each block gained costs {100 / (100 - pct):.0f} blocks of writing", False
        )
    reserve = storage.reserve_blocks
    free = [unit.free_blocks for unit in storage.units if unit.free_blocks is not None]
    if len(free) < len(storage.units) or not free:
        yield Reason("the node does not tell its free blocks")
    elif min(free) < reserve:
        yield Reason(f"a {storage.kind} has {min(free)} free blocks: defragmentation needs {reserve} to copy to")
    if situation.migrating:
        yield Reason("partitions are migrating, which rewrites blocks, too: wait until that is done", False)


def _of_subject(situation: Situation, wish: Change, namespace: Namespace) -> Iterator[Reason]:
    """A set or an index: it must be there, and be what the wish says."""
    if not plain(wish.subject):
        yield Reason("the name does not fit into a command")
    elif wish.parameter == SINDEX:
        if all(one.name != wish.subject for one in namespace.sindexes):
            yield Reason("there is no such secondary index")
    else:
        found = situation.set(wish.namespace, wish.subject)
        if found is None:
            yield Reason("there is no such set")
        elif wish.parameter == SET_INDEX and not found.indexed:
            yield Reason("the set has no index")
    if situation.migrating:
        yield Reason("partitions are migrating: wait until that is done", False)
