"""What a tree of processes uses, and which process listens where."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from tests.bench.usage import Watch, cpu_seconds, listening, peak_bytes, shared_out_bytes, tree

MEBIBYTE = 1 << 20


@contextlib.contextmanager
def python(program: str) -> Iterator[subprocess.Popen[str]]:
    """A program that runs until its standard input ends, and has said a word before."""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield process


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    """For root: without its rights."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


BUSY = "import time\nwhile time.process_time() < {}: pass\n"
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {child!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
{then}
print("ready", flush=True)
sys.stdin.read()
child.communicate()
"""


def test_the_cpu_time_of_a_child_counts_while_it_runs_and_when_it_has_ended() -> None:
    program = BUSY.format(0.5) + "print('x', flush=True); input()"
    with python(PARENT.format(child=program, then="child.stdout.readline()")) as running:
        alone = psutil.Process(running.pid).cpu_times()
        assert len(tree(running.pid)) == 2
        assert 0.5 <= cpu_seconds(running.pid) - alone.user - alone.system < 0.9
    with python(PARENT.format(child=BUSY.format(0.5), then="child.communicate()")) as running:
        alone = psutil.Process(running.pid).cpu_times()
        assert len(tree(running.pid)) == 1
        assert 0.45 <= cpu_seconds(running.pid) - alone.user - alone.system < 0.9


def test_cpu_time_is_measured_more_finely_than_in_ticks() -> None:
    spent = cpu_seconds(os.getpid())
    before = time.process_time()
    while time.process_time() < before + 0.002:
        pass
    assert 0.002 <= cpu_seconds(os.getpid()) - spent < 0.5


def test_memory_that_a_child_has_is_of_the_tree_and_what_was_given_back_is_of_the_peak() -> None:
    child = f"kept = b'x' * {64 * MEBIBYTE}; print('x', flush=True); input()"
    given_back = f"given = b'x' * {200 * MEBIBYTE}; given = None; child.stdout.readline()"
    with python(PARENT.format(child=child, then=given_back)) as running, Watch(running.pid) as watch:
        figures = {name: value for name, (value,) in watch.figures().items()}
    assert 200 * MEBIBYTE < figures["peak_bytes"] < 264 * MEBIBYTE
    assert 64 * MEBIBYTE < figures["tree_bytes"] < 128 * MEBIBYTE
    assert figures["threads"] == 2
    assert figures["files"] >= 6


def test_the_most_stays_when_a_child_has_ended() -> None:
    with python(PARENT.format(child="print('x', flush=True); input()", then="child.stdout.readline()")) as running:
        child = psutil.Process(running.pid).children()[0]
        watch = Watch(running.pid)
        before = watch.figures()
        child.kill()
        while child.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        after = watch.figures()
    assert before["threads"] == after["threads"] == [2]
    assert (after["files"], after["tree_bytes"]) == (before["files"], before["tree_bytes"])


def test_a_process_that_has_ended_has_no_figures() -> None:
    with python("print('x', flush=True)") as running:
        pass
    assert (tree(running.pid), peak_bytes(running.pid), shared_out_bytes(running.pid)) == ([], None, None)
    assert Watch(running.pid).figures() == {}


def test_what_another_user_may_not_look_at_is_absent() -> None:
    with python("print('x', flush=True); input()") as running:
        pid = running.pid if os.geteuid() == 0 else 1
        with nobody():
            figures = Watch(pid).figures()
            spent = cpu_seconds(pid)
    assert set(figures) == {"peak_bytes", "threads"}
    assert spent > 0


def test_the_process_that_listens_is_found_by_its_port() -> None:
    program = "import socket; server = socket.create_server(({host!r}, 0)); print(server.getsockname()[1], flush=True)"
    program += "; input()"
    for host in ("127.0.0.1", ""):
        with subprocess.Popen(
            [sys.executable, "-c", program.format(host=host)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            for name in ("127.0.0.1", "localhost"):
                found = listening(name, port)
                assert found is not None
                assert found.pid == process.pid
            # What has the same port on another machine is another program; 192.0.2.0/24 is for documents.
            assert listening("192.0.2.1", port) is None
            process.communicate()
            assert listening("127.0.0.1", port) is None


def test_of_a_parent_and_children_that_share_a_socket_the_parent_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.set_inheritable(True)
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False) as child:
            found = listening("127.0.0.1", server.getsockname()[1])
            assert found is not None
            assert found.pid == os.getpid()
            child.communicate()


def test_a_host_that_has_no_address_has_no_process() -> None:
    assert listening("no-such-host.invalid", 1) is None


@pytest.mark.parametrize("second", [True, False])
def test_of_two_programs_at_a_port_neither_is_taken(second: bool) -> None:
    program = (
        "import socket, sys; server = socket.socket(); server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1);"
        "server.bind(('127.0.0.1', int(sys.argv[1]))); server.listen();"
        "print(server.getsockname()[1], flush=True); input()"
    )
    with contextlib.ExitStack() as started:
        port = "0"
        for _ in range(1 + second):
            command = [sys.executable, "-c", program, port]
            process = started.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            started.callback(process.terminate)
            assert process.stdout is not None
            port = process.stdout.readline().strip()
        assert (listening("127.0.0.1", int(port)) is None) == second
