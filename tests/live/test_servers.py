"""The lab's servers: what names them, and what they are told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.live.servers import Binary, binaries, configuration

PROGRAM = Path(sys.executable)


def test_each_release_has_its_program() -> None:
    assert binaries(f"6.4={PROGRAM}  8.1={PROGRAM}") == (Binary("6.4", PROGRAM), Binary("8.1", PROGRAM))
    assert binaries(" ") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{PROGRAM}", "not RELEASE=PATH"),
        (f"new={PROGRAM}", "not RELEASE=PATH"),
        ("8.1=asd", "no program at an absolute path: '8.1=asd'"),
        ("8.1=/nowhere/asd", "no program at an absolute path: '8.1=/nowhere/asd'"),
        (f"8.1={PROGRAM} 8.1={PROGRAM}", "release 8.1 is named twice"),
    ],
)
def test_a_bad_word_is_named_in_one_line(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"^AEROSPIKE_SERVER_BINARIES: .*$") as caught:
        binaries(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("release", ["6.0", "6.4", "7.2", "8.1"])
def test_a_server_hears_loopback_alone(release: str) -> None:
    text = configuration(release, Path("/lab"), (3000, 3001, 3002, 3003))
    addresses = [line.split() for line in text.splitlines() if "address" in line]
    assert len(addresses) == 5
    assert {address for _, address in addresses} == {"127.0.0.1"}


def test_the_words_of_the_configuration_follow_the_release() -> None:
    old, new = (configuration(release, Path("/lab"), (3000, 3001, 3002, 3003)) for release in ("6.4", "8.1"))
    assert "memory-size" in old
    assert "data-size" not in old
    assert "admin {" not in old
    assert "data-size" in new
    assert "memory-size" not in new
    assert "admin {" in new
