"""The command as a person uses it, on the embedded node: what is printed, what is sent, and the exit codes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exporter import NAME, cli
from exporter.reclaim.parameters import PARAMETERS
from tests.reclaim.recorded import RecordedNode
from tests.support import TESTS, logging_as_before

VALUED = [name for name, parameter in PARAMETERS.items() if parameter.states is None]
LWM_60 = "set-config:context=namespace;namespace=orders;defrag-lwm-pct=60"
LWM_50 = "set-config:context=namespace;namespace=orders;defrag-lwm-pct=50"


@pytest.fixture
def node() -> Iterator[RecordedNode]:
    with RecordedNode() as recorded:
        yield recorded


class Run:
    """One use of the command in this process, whose standard input is no terminal."""

    def __init__(self, node: RecordedNode | None, directory: Path, *words: str) -> None:
        port = node.address[1] if node is not None else 1
        arguments = ["reclaim", "--aerospike.port", str(port), "--reclaim.journal", str(directory / "journal.jsonl")]
        out, err = io.StringIO(), io.StringIO()
        with logging_as_before(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            self.code = cli.main([*arguments, "--watch", "0", *words])
        self.out, self.err = out.getvalue(), err.getvalue()

    @property
    def data(self) -> dict[str, Any]:
        """Standard output as JSON."""
        document: dict[str, Any] = json.loads(self.out)
        return document


@pytest.mark.parametrize("release", ["8.1", "6.4"])
def test_a_plan_is_printed_with_its_commands_and_only_reads(release: str, tmp_path: Path) -> None:
    with RecordedNode(release) as node:
        run = Run(node, tmp_path)
        assert node.changes == []
    key = "namespace" if release == "8.1" else "id"
    command = f"set-config:context=namespace;{key}=orders;defrag-lwm-pct=60"
    assert (run.code, run.err) == (0, "")
    assert f"\n  {command}\n" in run.out
    assert f"\n  undo: {command.replace('=60', '=50')}\n" in run.out
    assert "\n  hazard: " in run.out
    assert all(len(line) <= 100 for line in run.out.splitlines())
    assert not (tmp_path / "journal.jsonl").exists()


def test_what_gains_most_comes_first(node: RecordedNode, tmp_path: Path) -> None:
    run = Run(node, tmp_path, "--output", "json")
    gains = [action["gain"]["most"] for action in run.data["plan"]]
    text = Run(node, tmp_path).out
    shown = re.findall(r"^(\w+): defrag-lwm-pct", text, re.MULTILINE)
    by_name = {action["ns"]: gain for action, gain in zip(run.data["plan"], gains, strict=True)}
    assert [by_name[name] for name in shown] == sorted(gains, reverse=True)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--namespace", "carts"], ["carts"]),
        (["--namespace", "carts", "--namespace", "orders"], ["carts", "orders"]),
        (["--only", "nsup-period"], []),
        (["--only", "defrag-lwm-pct", "--namespace", "orders"], ["orders"]),
    ],
)
def test_a_plan_can_be_narrowed(node: RecordedNode, tmp_path: Path, words: list[str], expected: list[str]) -> None:
    run = Run(node, tmp_path, "--output", "json", *words)
    assert [action["ns"] for action in run.data["plan"]] == expected


def test_a_namespace_that_is_not_there_is_no_clean_bill(node: RecordedNode, tmp_path: Path) -> None:
    run = Run(node, tmp_path, "--namespace", "carts", "--namespace", "cart")
    assert (run.code, run.out, run.err) == (3, "", "nothing sent: the node has no namespace cart\n")


def test_a_plan_is_applied_and_undone(node: RecordedNode, tmp_path: Path) -> None:
    run = Run(node, tmp_path, "--set", "orders/defrag-lwm-pct=60", "--apply", "--yes")
    assert (run.code, run.err) == (0, "")
    assert f"To be sent, in this order:\n  {LWM_60}\n" in run.out
    assert f"  applied      {LWM_60}\nUndo with --undo 1\n" in run.out
    assert node.changes == [LWM_60]
    back = Run(node, tmp_path, "--undo", "--yes")
    assert (back.code, back.err) == (0, "")
    head, _, rest = back.out.partition("\n\n")
    assert head == run.out.partition("\n")[0]
    assert rest == f"To be sent, in this order:\n  {LWM_50}\n  restored     {LWM_50}\n"
    assert node.changes == [LWM_60, LWM_50]
    again = Run(node, tmp_path, "--undo", "--yes")
    assert again.code == 3
    assert again.err == "nothing sent: the journal has nothing of any run on node BB9DE3000000000 to undo\n"


def test_a_run_is_undone_by_its_number(node: RecordedNode, tmp_path: Path) -> None:
    Run(node, tmp_path, "--set", "orders/defrag-lwm-pct=60", "--apply", "--yes")
    Run(node, tmp_path, "--set", "orders/defrag-sleep=100", "--apply", "--yes")
    assert Run(node, tmp_path, "--undo", "1", "--yes").code == 0
    assert (node.configured("orders", "defrag_lwm_pct"), node.configured("orders", "defrag_sleep")) == (50, 100)


def test_a_script_reads_what_became_of_it(node: RecordedNode, tmp_path: Path) -> None:
    words = ["--set", "orders/defrag-lwm-pct=75", "--apply", "--yes", "--output", "json", "--watch", "3s"]
    data = Run(node, tmp_path, *words).data
    assert [(outcome["command"], outcome["state"]) for outcome in data["outcomes"]] == [
        (LWM_60.replace("60", "75"), "applied")
    ]
    seen = {entry["ns"]: entry for entry in data["seen"]}
    assert seen["orders"]["after"]["free_bytes"] > seen["orders"]["before"]["free_bytes"]
    assert data["problem"] is None


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--set", "orders/defrag-lwm-pct=100"], "100 is outside 1 to 99"),
        (["--set", "orders/defrag-lwm-pct=60", "--set", "orders/defrag-lwm-pct=100"], "100 is outside 1 to 99"),
        (["--set", "orders/indexes-memory-budget=1M", "--risky"], "writes would stop at 1.0 MiB"),
        (["--set", "orders/defrag-lwm-pct=90"], "(--risky allows it)"),
    ],
)
def test_a_refused_plan_is_not_sent_even_in_part(
    node: RecordedNode, tmp_path: Path, words: list[str], reason: str
) -> None:
    run = Run(node, tmp_path, *words, "--apply", "--yes")
    assert run.code == 3
    assert reason in " ".join(run.out.split())
    assert node.changes == []


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--set", "orders/defrag-lwm-pct=60"], "standard input is no terminal: confirm with --yes"),
        (["--truncate", "orders/payment", "--yes"], "confirm with --delete-data orders/payment"),
        (
            ["--truncate", "orders/payment", "--yes", "--delete-data", "orders"],
            "confirm with --delete-data orders/payment",
        ),
        (["--set", "carts/evict-tenths-pct=60", "--yes"], "confirm with --delete-data carts"),
    ],
)
def test_what_is_not_confirmed_is_not_sent(node: RecordedNode, tmp_path: Path, words: list[str], reason: str) -> None:
    run = Run(node, tmp_path, *words, "--apply")
    assert (run.code, node.changes) == (3, [])
    assert run.err.startswith("nothing sent: ")
    assert reason in run.err


def test_records_are_deleted_when_the_set_is_named_twice(node: RecordedNode, tmp_path: Path) -> None:
    run = Run(node, tmp_path, *("--truncate", "orders/payment", "--apply", "--yes", "--delete-data", "orders/payment"))
    assert run.code == 0
    assert node.changes == ["truncate:namespace=orders;set=payment"]


QUESTION = "Type embedded-shop-simulation to send this command: "


@contextlib.contextmanager
def at_a_terminal(node: RecordedNode, directory: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The command as a process that has asked its question, and the terminal that its person types at."""
    ours, theirs = pty.openpty()
    words = [
        "--aerospike.port",
        str(node.address[1]),
        "--reclaim.journal",
        str(directory / "journal.jsonl"),
        "--watch=0",
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "exporter", "reclaim", *words, "--set", "orders/defrag-lwm-pct=60", "--apply"],
        cwd=TESTS.parent,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.close(theirs)
        try:
            assert process.stderr is not None
            assert process.stderr.read(len(QUESTION)) == QUESTION
            yield process, ours
        finally:
            process.kill()
            os.close(ours)


@pytest.mark.parametrize(
    ("typed", "code", "sent"), [("embedded-shop-simulation\n", 0, [LWM_60]), ("yes\n", 3, []), ("\x04", 3, [])]
)
def test_a_person_at_a_terminal_types_the_name_of_the_cluster(
    node: RecordedNode, tmp_path: Path, typed: str, code: int, sent: list[str]
) -> None:
    with at_a_terminal(node, tmp_path) as (process, terminal):
        os.write(terminal, typed.encode())
        out, _ = process.communicate(timeout=20)
    assert (process.returncode, node.changes) == (code, sent)
    assert LWM_60 in out


def test_a_plan_that_is_confirmed_too_late_is_not_sent(node: RecordedNode, tmp_path: Path) -> None:
    with at_a_terminal(node, tmp_path) as (process, terminal):
        node.meddle = lambda command: "migrate_partitions_remaining=1" if command == "statistics" else None
        os.write(terminal, b"embedded-shop-simulation\n")
        _, err = process.communicate(timeout=20)
    assert err == "nothing sent: the node has changed since the plan was made: make it again\n"
    assert (process.returncode, node.changes) == (3, [])


def test_a_change_that_fails_is_exit_code_1(node: RecordedNode, tmp_path: Path) -> None:
    node.meddle = lambda command: "ERROR:81:role violation" if command.startswith("set-config") else None
    run = Run(node, tmp_path, "--set", "orders/defrag-lwm-pct=60", "--apply", "--yes")
    assert run.code == 1
    assert "sys-admin" in run.out
    assert "Undo" not in run.out


def test_a_former_value_that_would_stop_writes_by_now_is_restored_only_by_force(
    node: RecordedNode, tmp_path: Path
) -> None:
    words = ["--set", "orders/indexes-memory-budget=1G", "--apply", "--yes"]
    assert Run(node, tmp_path, *words).code == 0
    journal = tmp_path / "journal.jsonl"
    journal.write_text(journal.read_text().replace('"before": "67108864"', '"before": "1048576"'))
    run = Run(node, tmp_path, "--undo", "--yes")
    assert (run.code, node.configured("orders", "indexes_memory_budget")) == (3, 1 << 30)
    assert "indexes-memory-budget=1048576 would stop writes by now, at 1.0 MiB (--force)" in run.err
    assert Run(node, tmp_path, "--undo", "--yes", "--force").code == 0
    assert node.configured("orders", "indexes_memory_budget") == 1 << 20


def test_an_undo_that_brings_an_eviction_mark_back_is_confirmed_by_name(node: RecordedNode, tmp_path: Path) -> None:
    assert Run(node, tmp_path, "--set", "carts/evict-used-pct=60", "--apply", "--yes").code == 0
    run = Run(node, tmp_path, "--undo", "--yes")
    assert run.err == "nothing sent: records of carts would be deleted: confirm with --delete-data carts\n"
    assert (run.code, node.configured("carts", "evict_used_pct")) == (3, 60)
    assert Run(node, tmp_path, "--undo", "--yes", "--delete-data", "carts").code == 0
    assert node.configured("carts", "evict_used_pct") == 40


def test_a_node_that_is_not_there_is_said(tmp_path: Path) -> None:
    run = Run(None, tmp_path)
    assert (run.code, run.out, run.err) == (1, "", "no connection to 127.0.0.1:1: Connection refused\n")
    assert Run(None, tmp_path, "--undo", "--output", "json").data["problem"].startswith("no connection")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--set", "orders"], "flags: argument --set: give NS/PARAMETER=VALUE"),
        (["--set", "orders/truncate=x"], "flags: argument --set: give NS/PARAMETER=VALUE"),
        (
            ["--set", "orders/replication-factor=1"],
            f"flags: argument --set: reclaim changes only {', '.join(VALUED)}",
        ),
        (["--only", "replication-factor"], f"flags: argument --only: give one of {', '.join(PARAMETERS)}"),
        (["--truncate", "orders"], "flags: argument --truncate: give NS/NAME"),
        (["--drop-set-index", "/x"], "flags: argument --drop-set-index: give NS/NAME"),
        (["--watch", "-1"], "flags: argument --watch: give seconds from 0 to 3600, as in 60 or 5m"),
        (["--watch", "nan"], "flags: argument --watch: give seconds from 0 to 3600, as in 60 or 5m"),
        (["--watch", "2h"], "flags: argument --watch: give seconds from 0 to 3600, as in 60 or 5m"),
        (["--watch", "soon"], "flags: argument --watch: give seconds from 0 to 3600, as in 60 or 5m"),
        (["--undo", "--apply"], "flags: give --apply or --undo, not both"),
        (["--nonsense"], "flags: unknown flag --nonsense"),
    ],
)
def test_a_wrong_flag_is_one_line(tmp_path: Path, words: list[str], line: str) -> None:
    run = Run(None, tmp_path, *words)
    assert (run.code, run.out, run.err) == (2, "", f"{NAME}: {line}\n")


def test_help_tells_of_its_flags(tmp_path: Path) -> None:
    run = Run(None, tmp_path, "--help")
    assert run.code == 0
    assert "--apply " in run.out
    assert "--reclaim.journal" in run.out


# Whatever is asked for

PERCENT = st.integers(-1, 130).map(str)
SIZE = st.one_of(st.integers(0, 1 << 26).map(str), st.integers(0, 64).map("{}M".format), st.just("1G"))
PLAUSIBLE = {
    "defrag-lwm-pct": PERCENT,
    "evict-used-pct": PERCENT,
    "evict-indexes-memory-pct": PERCENT,
    "indexes-memory-budget": SIZE,
    "nsup-period": st.sampled_from(["0", "0m", "00", "60", "2m"]),
}
ANY_VALUE = st.one_of(
    PERCENT, SIZE, st.sampled_from(["60;evict-used-pct=1", "٦٠", "true", "1k\n"]), st.text(min_size=1, max_size=8)
)
ODD_NAMES = st.sampled_from(["nope", "", "orders;id=carts", "carts\n"])
PLAUSIBLE_CHANGE = st.sampled_from(sorted(PLAUSIBLE)).flatmap(
    lambda name: st.tuples(st.sampled_from(["orders", "carts"]), st.just(name), PLAUSIBLE[name])
)
ODD_CHANGE = st.tuples(ODD_NAMES, st.sampled_from([*PARAMETERS, "replication-factor"]), ANY_VALUE)
ASKED = st.one_of(
    st.lists(PLAUSIBLE_CHANGE, min_size=1, max_size=2),
    st.lists(st.one_of(PLAUSIBLE_CHANGE, ODD_CHANGE), min_size=1, max_size=4),
)


def hurts(command: str, indexes: dict[str, int]) -> bool:
    """Whether a command that arrived is one that the server takes and is hurt by: worked out from its text alone."""
    match = re.fullmatch(r"set-config:context=(?:service|namespace;namespace=(\w+));([\w-]+)=(\d+)", command)
    if match is None:
        return True
    namespace, parameter, value = match[1], match[2], int(match[3])
    if parameter == "defrag-lwm-pct":
        return not 1 <= value <= 99
    if parameter == "indexes-memory-budget":
        return 0 < value < indexes[namespace]
    if parameter == "nsup-period":
        return value == 0
    if parameter == "evict-used-pct":
        return value >= 70  # writes stop there, in both namespaces
    return parameter not in PARAMETERS


@pytest.fixture(scope="module")
def shared() -> Iterator[RecordedNode]:
    with RecordedNode() as recorded:
        yield recorded


@settings(max_examples=250)
@given(asked=ASKED, risky=st.booleans())
@example(asked=[("orders", "defrag-lwm-pct", "60"), ("carts", "evict-used-pct", "69")], risky=True)
@example(asked=[("orders", "defrag-lwm-pct", "60"), ("carts", "evict-used-pct", "70")], risky=True)
@example(asked=[("orders", "defrag-lwm-pct", "100")], risky=True)
@example(asked=[("orders", "indexes-memory-budget", "16M")], risky=True)
@example(asked=[("carts", "nsup-period", "0")], risky=True)
@example(asked=[("orders", "indexes-memory-budget", "64M"), ("", "batch-max-unused-buffers", "0")], risky=False)
def test_a_refused_plan_never_reaches_the_node(
    shared: RecordedNode, tmp_path_factory: pytest.TempPathFactory, asked: list[tuple[str, str, str]], risky: bool
) -> None:
    before = {namespace: namespace.config for namespace in shared.shop.namespaces}
    indexes = {namespace.config.name: namespace.usage().indexes_bytes for namespace in shared.shop.namespaces}
    shared.received.clear()
    words = [
        word for ns, name, value in asked for word in ("--set", f"{ns}/{name}={value}" if ns else f"{name}={value}")
    ]
    confirmed = ["--delete-data", "orders", "--delete-data", "carts", "--output", "json"]
    try:
        run = Run(shared, tmp_path_factory.mktemp("any"), *words, *confirmed, "--apply", "--yes", *["--risky"] * risky)
        sent = list(shared.changes)
    finally:
        for namespace, config in before.items():
            namespace.reconfigure(config)
        shared._words._changes.service.clear()
    assert run.code in (0, 2, 3)
    if run.code == 0:
        assert sent == [action["command"] for action in run.data["plan"]]
        assert run.data["refused"] == []
        assert not any(hurts(command, indexes) for command in sent)
    else:
        assert sent == []
