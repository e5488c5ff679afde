"""Which checks could not run, and what would let them run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.thresholds import PEERS
from exporter.model.words import FINDINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def not_run(diagnosis: Diagnosis) -> Iterator[str]:
    """A sentence for each thing that is missing, with the checks that need it in a namespace at least."""
    snapshot = diagnosis.snapshot
    names = list(dict.fromkeys(rule.name for rule, verdict in diagnosis.verdicts if verdict.state == "unknown"))
    sampled = [sample.source for sample in snapshot.samples]
    needs = {
        "run the exporter on the node's host, where it sees the server's process": (
            OF_THE_HOST if snapshot.process_view.process is None else ()
        ),
        f"set sampler.peers, in a cluster of {PEERS} nodes or more": _PEERS if "peers" not in sampled else (),
        f"the namespace on {PEERS} nodes that answer": _PEERS,
        "set sampler.histograms": _HISTOGRAMS if "histograms" not in sampled else (),
        "figures that the server does not tell (yet)": names,
    }
    for need, of_need in needs.items():
        lacking = [name for name in names if name in of_need]
        if lacking:
            checks = "check" if len(lacking) == 1 else "checks"
            titles = ", ".join(f"{FINDINGS[name][:1].lower()}{FINDINGS[name][1:]}" for name in lacking)
            yield f"{len(lacking)} {checks} could not run ({titles}). To run: {need}."
        names = [name for name in names if name not in lacking]
