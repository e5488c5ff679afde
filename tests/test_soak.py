"""A short soak; `make soak` is the long one."""

from __future__ import annotations

from pathlib import Path

from tests.soak import soak


def test_memory_files_and_threads_stay_flat_while_the_node_comes_goes_hangs_and_lies(tmp_path: Path) -> None:
    found = soak(1000, tmp_path)
    assert len(found.points) == 40
    assert min(found.ups, found.downs) > 200
    assert found.problems() == []
