"""The server's own best practices about memory, and a host that cannot give a stage of an index at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.rule import CLEAR, UNKNOWN, Rule, found, mebibytes, of_the_node, safe
from exporter.findings.thresholds import STAGE_MARGIN
from exporter.memory.host import largest_stage
from exporter.model.constants import KIB
from exporter.units import size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.findings.rule import Step, Verdict
    from exporter.memory.analysis import Analysis

_TOO_LARGE: Mapping[str, str] = dict.fromkeys(
    ("memory", "memory-size"), "all namespaces together may have more than the host's memory"
)
"""Those that fail when they are larger than the host, and what that is in words."""

_OF_MEMORY: Mapping[str, str] = {
    **_TOO_LARGE,
    "max-map-count": "the kernel allows too few memory areas",
    "min-free-kbytes": "the kernel keeps too little memory free at once",
    "swappiness": "the kernel may swap the server out",
    "thp-enabled": "the kernel gives transparent huge pages",
    "zone-reclaim-mode": "the kernel frees memory rather than take it from another NUMA node",
}
"""The server's best practices that are about memory (cfg.c, os.c `best_practices`), and what it is that fails."""


@of_the_node
def _best_practices(analysis: Analysis) -> Verdict:
    failed, host = analysis.snapshot.failed_best_practices, analysis.snapshot.process_view.host
    names = [name for name in failed or () if name in _OF_MEMORY]
    stage = largest_stage(analysis.snapshot.namespaces)
    says: list[str] = []
    steps: list[Step] = []
    if names:
        says.append(f"The server found at its start that its own best practices fail: {', '.join(map(_told, names))}.")
    if stage and host is not None and host.free is not None and host.min_free is not None:
        enough = stage + STAGE_MARGIN
        if host.min_free < enough and host.free < stage:
            says.append(
                f"The host has {size(host.free)} free at once and keeps {size(host.min_free)} so (vm.min_free_kbytes);"
                f" the next stage of an index takes {size(stage)}."
            )
            if host.available is not None and host.available >= 2 * enough:
                text = f"the kernel keeps {size(enough)} free at once, out of {size(host.available)} that are available"
                steps.append(safe(f"sysctl vm.min_free_kbytes={enough // KIB}", text))
    if not says:
        return UNKNOWN if failed is None else CLEAR
    severe = len(says) > bool(names) or any(name in _TOO_LARGE for name in names)
    return found("warning" if severe else "info", " ".join(says), None, *steps)


def _told(name: str) -> str:
    return f"{name} ({_OF_MEMORY[name]})"


BEST_PRACTICE_RULES = (
    Rule(
        "best_practices",
        ("warning", "info"),
        "the server says of a best practice about memory that it fails: "
        + ", ".join(_OF_MEMORY)
        + f"; a warning for {' and '.join(_TOO_LARGE)}, and where the host's free memory is less than the largest stage"
        f" of an index and vm.min_free_kbytes less than that and {mebibytes(STAGE_MARGIN)}",
        "The server was written for memory that is there at once. It looks once, when it starts: what was mended since"
        " is still said. A host whose memory is full of page cache has to give that up first when a stage of an index"
        " is wanted, and may end the server instead.",
        "Mend what is named, and restart the server to have it look again. vm.min_free_kbytes is taken from what"
        " programs can have: raise it only where far more is available.",
        _best_practices,
        look=("asinfo -v best-practices", "which of them failed at the start"),
        no_command="They are settings of the host, or of the server's file, and need a restart to be looked at again.",
    ),
)
