"""Heap statistics that a server writes to a file when asked to."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.errors import NoAnswerError, SourceError
from exporter.parsers import jemalloc as jemstats
from exporter.sources.jemalloc import LONGEST_PATH, JemallocSource
from tests.proc_tree import capture

TEXT: str = capture()["jem_stats"]
WANTED = jemstats.jemalloc(TEXT)


class Server:
    """A server that appends to the file that it is asked to, as the real one does."""

    def __init__(self, *texts: str, reply: str = "ok", seen_as: Callable[[str], str] = str) -> None:
        self.texts = list(texts) or [TEXT]
        self.reply = reply
        self.seen_as = seen_as
        self.asked: list[str] = []
        self.modes: list[int] = []

    def __call__(self, command: str) -> str:
        self.asked.append(command)
        path = Path(self.seen_as(command.removeprefix("jem-stats:file=").removesuffix(";options=Ja")))
        if self.reply == "ok":
            self.modes.append(stat.S_IMODE(path.stat().st_mode))
            with path.open("a") as file:
                file.write(self.texts.pop(0))
        return self.reply


def test_the_server_writes_to_a_file_that_is_gone_afterwards(short_path: Path) -> None:
    server = Server(TEXT, TEXT)
    source = JemallocSource(server, short_path)
    assert source.read() == WANTED
    assert source.read() == WANTED
    assert list(short_path.iterdir()) == []
    assert server.asked[0].startswith(f"jem-stats:file={short_path}/jem-stats-")
    assert server.modes == [0o622, 0o622]  # any server may write, nobody else may read


def test_two_exporters_do_not_use_one_file(short_path: Path) -> None:
    servers = [Server(), Server()]
    for server in servers:
        JemallocSource(server, short_path).read()
    assert servers[0].asked != servers[1].asked


def test_a_server_in_a_container_sees_the_directory_elsewhere(short_path: Path) -> None:
    server = Server(seen_as=lambda path: path.replace("/shared", str(short_path)))
    assert JemallocSource(server, short_path, "/shared/").read() == WANTED
    assert server.asked[0].startswith("jem-stats:file=/shared/jem-stats-")
    assert list(short_path.iterdir()) == []


def test_what_is_seen_late_is_waited_for(short_path: Path) -> None:
    waits = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) in (2, 4):
            (path,) = short_path.iterdir()
            with path.open("a") as file:
                file.write(TEXT[:1000] if len(waits) == 2 else TEXT[1000:])

    assert JemallocSource(Server(""), short_path, sleep=sleep).read() == WANTED
    assert len(waits) == 4


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (
            "ERROR:81:role violation",
            "the server refuses to write heap statistics (ERROR:81:role violation): its user needs the logging-ctrl"
            " privilege",
        ),
        ("ERROR:4:unrecognized command", "the server refuses to write heap statistics (ERROR:4:unrecognized command)"),
        ("", "the server does not know how to write heap statistics"),
    ],
)
def test_a_refusal_is_one_clear_line(short_path: Path, reply: str, problem: str) -> None:
    with pytest.raises(SourceError) as refusal:
        JemallocSource(Server(reply=reply), short_path).read()
    assert str(refusal.value) == problem
    assert list(short_path.iterdir()) == []


def test_a_server_that_wrote_nothing_is_on_another_host_or_may_not_write(short_path: Path) -> None:
    waited: list[float] = []
    with pytest.raises(SourceError) as problem:
        JemallocSource(Server(""), short_path, sleep=waited.append).read()
    assert str(problem.value).startswith(
        f"the server wrote no heap statistics to {short_path}: it must run on this host"
    )
    assert sum(waited) == pytest.approx(0.3)
    assert list(short_path.iterdir()) == []


def test_a_half_written_file_is_one_clear_line_and_is_removed(short_path: Path) -> None:
    with pytest.raises(SourceError) as problem:
        JemallocSource(Server(TEXT[:5000]), short_path, sleep=lambda _: None).read()
    assert str(problem.value) == f"what the server wrote to {short_path} is not whole: the statistics are not whole"
    assert list(short_path.iterdir()) == []


def test_what_a_slow_server_wrote_after_all_is_removed_by_the_next_reading(short_path: Path) -> None:
    late: list[str] = []

    def ask(command: str) -> str:
        late.append(command)
        raise NoAnswerError("the node did not answer in time")

    source = JemallocSource(ask, short_path)
    with pytest.raises(NoAnswerError):
        source.read()
    assert list(short_path.iterdir()) == []
    path = Path(late[0].removeprefix("jem-stats:file=").removesuffix(";options=Ja"))
    path.write_text(TEXT)
    with pytest.raises(NoAnswerError):
        source.read()
    assert list(short_path.iterdir()) == []
    path.write_text(TEXT)
    source.close()
    assert list(short_path.iterdir()) == []


def test_a_directory_that_cannot_be_written_to_is_named(short_path: Path) -> None:
    with pytest.raises(SourceError, match=f"cannot write to {short_path}/none: No such file or directory"):
        JemallocSource(Server(), short_path / "none").read()


@pytest.mark.parametrize("directory", ["/a;b", "/a:b", "relative", "/a\nb"])
def test_a_directory_that_the_command_cannot_name_is_refused(short_path: Path, directory: str) -> None:
    server = Server()
    with pytest.raises(SourceError, match="absolute directory"):
        JemallocSource(server, short_path, directory).read()
    assert server.asked == []


def test_a_path_that_the_server_would_cut_off_is_refused(short_path: Path) -> None:
    server = Server(seen_as=lambda path: f"{short_path}/{Path(path).name}")
    name = len("/jem-stats-0123456789abcdef.json")
    longest = "/" + "x" * (LONGEST_PATH - name - 1)
    assert JemallocSource(server, short_path, longest).read() == WANTED
    assert len(server.asked[0]) == len("jem-stats:file=;options=Ja") + LONGEST_PATH
    with pytest.raises(SourceError, match=f"at most {LONGEST_PATH - name} characters"):
        JemallocSource(server, short_path, longest + "x").read()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to run a server as another user")
def test_a_server_of_another_user_can_write_and_its_file_be_read() -> None:
    directory = Path(tempfile.mkdtemp())  # where another user may go, unlike below pytest's
    directory.chmod(0o711)

    def ask(command: str) -> str:
        path = command.removeprefix("jem-stats:file=").removesuffix(";options=Ja")
        subprocess.run(["/bin/sh", "-c", f"cat >> {path}"], input=TEXT, text=True, check=True, user=65534, group=65534)
        return "ok"

    try:
        assert JemallocSource(ask, directory).read() == WANTED
        assert list(directory.iterdir()) == []
    finally:
        directory.rmdir()
