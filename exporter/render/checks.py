"""Which checks could not run, and what would let them run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.thresholds import PEERS
from exporter.model.words import FINDINGS
from exporter.render.content import Items, Section

if TYPE_CHECKING:
    from exporter.findings import Diagnosis

OF_THE_HOST = (
    "areas_near_limit",
    "cgroup_too_small",
    "cgroup_unseen",
    "heap_other",
    "host_memory",
    "huge_pages",
    "lazily_freed",
    "namespace_above_host",
    "orphaned_segments",
    "shared_system_memory",
    "swapped",
    "unaccounted_memory",
)
"""The findings that need the server's process, or what its host says of memory."""

_HISTOGRAMS = ("mixed_lifetimes",)
_PEERS = ("far_from_peers",)


NOT_RUN = "Checks that could not run"


def not_run(diagnosis: Diagnosis) -> Section:
    """What is missing, and the checks that need it, in a namespace at least."""
    snapshot = diagnosis.snapshot
    names = list(dict.fromkeys(rule.name for rule, verdict in diagnosis.verdicts if verdict.state == "unknown"))
    sampled = [sample.source for sample in snapshot.samples]
    needs = {
        "Run the exporter on the node's host, where it sees the server's process": (
            OF_THE_HOST if snapshot.process_view.process is None else ()
        ),
        "Let the exporter read more of the server's host (container, memory areas, shared memory)": OF_THE_HOST,
        f"Set sampler.peers, in a cluster of {PEERS} nodes or more": _PEERS if "peers" not in sampled else (),
        f"Wait until {PEERS} nodes with the namespace answer": _PEERS,
        "Set sampler.histograms": _HISTOGRAMS if "histograms" not in sampled else (),
        "The server does not tell enough, or not yet": names,
    }
    items = []
    for need, of_need in needs.items():
        lacking = [name for name in names if name in of_need]
        names = [name for name in names if name not in lacking]
        if lacking:
            titles = "; ".join(FINDINGS[name] for name in lacking)
            items.append(((need,), f"{titles}."))
    return Section("checks", NOT_RUN, (Items(tuple(items)),) if items else ())
