"""The server's release, where the figures of it are not those that the exporter takes them for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.findings.rule import CLEAR, UNKNOWN, Rule, found, of_the_node
from exporter.model.release import SUPPORTED

if TYPE_CHECKING:
    from exporter.findings.rule import Verdict
    from exporter.memory.analysis import Analysis


@of_the_node
def _unsupported_release(analysis: Analysis) -> Verdict:
    node = analysis.snapshot.node
    if not node.release:
        return UNKNOWN
    if node.release in SUPPORTED:
        return CLEAR
    return found("warning", f"The server is of release {node.build}; what is said of it was made for 6.0 and later.")


RELEASE_RULES = (
    Rule(
        "unsupported_release",
        ("warning",),
        "the server's release is older than 6.0",
        "Statistics of that time have other meanings, free memory and heap efficiency among them, and limits were"
        " compared otherwise: figures may be wrong, and findings missing.",
        "Read the figures with care, and plan the upgrade.",
        _unsupported_release,
        look=("asinfo -v build", "the release"),
        no_command="An upgrade is planned, node by node.",
    ),
)
