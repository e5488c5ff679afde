"""Writes the JSON of all dashboards: `make dashboards`."""

from __future__ import annotations

from pathlib import Path

from dashboards import exporter, namespace, node, overview, sets
from dashboards.board import document

HERE = Path(__file__).parent


def documents() -> dict[str, str]:
    """The JSON by file name."""
    boards = (overview.board(), node.board(), namespace.board(), sets.board(), exporter.board())
    return {f"{board.name}.json": document(board) for board in boards}


if __name__ == "__main__":
    for name, text in documents().items():
        (HERE / name).write_text(text)
