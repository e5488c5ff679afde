"""The command line, as a person and as a service manager use it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import requests

from exporter import NAME, __version__, cli
from exporter.demo.wire import InfoServer
from tests.support import TESTS, logging_as_before, replies, series

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCENARIO = "8.1/cache-steady"
SECRET = "hunter2"
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.upper().startswith("AMX_")}


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ.keys() - ENVIRONMENT.keys():
        monkeypatch.delenv(name)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, list[str]]:
    """The exit code, what went to stdout, and the lines on stderr."""
    with logging_as_before():
        code = cli.main(arguments)
    out, err = capsys.readouterr()
    return code, out, err.splitlines()


@contextlib.contextmanager
def running(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """The exporter as a process of its own, on a free port."""
    # tornado leaves the socket of an address that is taken to the garbage collector.
    command = [sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", "-m", "exporter", *arguments]
    with subprocess.Popen(
        command,
        cwd=TESTS.parent,
        env=ENVIRONMENT | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


NO_PROCESS = "no figures from process"


def port_of(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The port that a running exporter says it listens on, and the line that says so."""
    assert process.stderr is not None
    line = process.stderr.readline()
    found = re.search(r"listens on http://127\.0\.0\.1:(\d+)/metrics", line)
    assert found, line
    return int(found[1]), line


def scraped(port: int) -> dict[str, float]:
    response = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=30)
    assert response.status_code == 200
    return series(response.text)


def ended(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> list[str]:
    """Stop an exporter, and return the lines of its log since the first, but those on the process: here is none."""
    start = time.monotonic()
    process.send_signal(number)
    _, log = process.communicate(timeout=30)
    assert process.returncode == 0, log
    assert time.monotonic() - start < 10
    return [line for line in log.splitlines() if NO_PROCESS not in line]


# What a person types


OWN_FLAGS = {
    "serve": set(),
    "demo": {"--history"},
    "analyze": {"--from"},
    "reclaim": {"--apply"},
    "report": {"--since"},
    "rules": {"--format"},
}
USED_SETTINGS = {
    "serve": {"--aerospike.host", "--web.listen-address", "--process.pid", "--docs.url"},
    "demo": {"--web.listen-address", "--demo.speed", "--docs.url"},
    "analyze": {"--aerospike.host", "--process.pid", "--docs.url"},
    "reclaim": {"--aerospike.host", "--reclaim.journal"},
    "report": {"--prometheus.url"},
    "rules": {"--rules.job", "--docs.url"},
}


def listed(text: str) -> set[str]:
    """The flags that a help lists."""
    return set(re.findall(r"^  (?:-h, )?(--[a-z.-]+)", text, re.MULTILINE))


@pytest.mark.parametrize("flag", ["--help", "-h", "--help-all"])
def test_help_names_the_commands_and_leaves_their_flags_to_theirs(
    flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, errors = said(capsys, flag)
    assert (code, errors) == (0, [])
    assert out.startswith(f"usage: {NAME} [COMMAND] [FLAGS]\n")
    assert all(f"\n    {name} " in out for name in cli.COMMANDS)
    assert listed(out) == {"--help", "--version"}
    assert f"{NAME} COMMAND --help lists the flags" in out


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_a_command_lists_its_own_flags_and_the_settings_that_it_uses(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, errors = said(capsys, command, "--help")
    assert (code, errors) == (0, [])
    assert out.startswith(f"usage: {NAME} {command} [FLAGS]\n")
    of_others = set().union(*OWN_FLAGS.values(), *USED_SETTINGS.values()) - OWN_FLAGS[command] - USED_SETTINGS[command]
    assert listed(out) >= OWN_FLAGS[command] | USED_SETTINGS[command] | {"--help", "--config.file"}
    assert not listed(out) & of_others


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_the_help_fits_a_screen_and_leaves_the_rare_ones_to_help_all(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, common, _ = said(capsys, command, "--help")
    _, everything, _ = said(capsys, command, "--help-all")
    assert len(common.splitlines()) <= 50
    assert max(map(len, everything.splitlines())) <= 100
    assert "--help-all" in listed(common)
    assert listed(everything) >= listed(common)
    rare = {"serve": {"--web.threads"}, "demo": {"--demo.seed"}, "analyze": {"--aerospike.tls.name"}}
    rare["rules"] = {"--rules.thresholds.leak"}
    assert rare.get(command, set()) <= listed(everything) - listed(common)


def test_a_setting_that_a_command_does_not_use_is_understood_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, errors = said(capsys, "report", "--web.threads", "0", "--apply")
    assert code == 2
    assert errors == [
        f"{NAME}: flags: unknown flag --apply",
        f"{NAME}: web.threads: Input should be greater than or equal to 1 (flag --web.threads)",
    ]


@pytest.mark.parametrize(
    ("words", "foreign"),
    [
        (["analyze", "--from", "/nowhere"], ("tornado", "exporter.demo", "exporter.reclaim", "exporter.report")),
        (["report", "--since", "never"], ("tornado", "aerospike", "exporter.demo", "exporter.reclaim")),
        (["reclaim", "--set", "x"], ("tornado", "exporter.demo", "exporter.report")),
        (["serve", "--nope"], ("exporter.demo", "exporter.reclaim", "exporter.report")),
    ],
)
def test_only_who_uses_a_command_pays_for_it(words: list[str], foreign: tuple[str, ...]) -> None:
    script = f"import sys; from exporter import cli; code = cli.main({words}); print(*sys.modules); sys.exit(code)"
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=TESTS.parent, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert set(run.stdout.split()) & set(foreign) == set()


def test_version_says_which(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "--version") == (0, f"{NAME} {__version__}\n", [])


def test_an_unknown_command_is_refused_with_the_known_ones_and_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, errors = said(capsys, SECRET, "--help")
    assert (code, out) == (2, "")
    assert errors == [f"{NAME}: the first word is no command; there are {', '.join(cli.COMMANDS)}"]


@pytest.mark.parametrize(("word", "meant"), [("analyse", "analyze"), ("Rules", "rules"), ("reclame", "reclaim")])
def test_of_a_misspelt_command_the_one_that_is_meant_is_named(
    capsys: pytest.CaptureFixture[str], word: str, meant: str
) -> None:
    line = f"{NAME}: the first word is no command, perhaps {meant} is meant; there are {', '.join(cli.COMMANDS)}"
    assert said(capsys, word) == (2, "", [line])


def test_a_command_after_the_flags_is_told_to_come_first(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"{NAME}: flags: the command analyze comes first, before the flags"]
    assert said(capsys, "--log.level", "debug", "analyze") == (2, "", lines)
    # What follows an unknown flag may be its value.
    lines = [f"{NAME}: flags: unknown flag --verbose"]
    assert said(capsys, "--verbose", "analyze", "--log.level=debug") == (2, "", lines)
    # A password may be any word.
    _, _, (line,) = said(capsys, "--aerospike.password", "demo")
    assert "demo" not in line


def test_each_wrong_setting_is_one_line_and_the_exit_code_is_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMX_NOPE", SECRET)
    code, out, errors = said(capsys, "serve", "--nope", SECRET, "--web.threads", "0")
    assert (code, out) == (2, "")
    assert errors == [
        f"{NAME}: flags: unknown flag --nope",
        f"{NAME}: environment: unknown variable AMX_NOPE",
        f"{NAME}: web.threads: Input should be greater than or equal to 1 (flag --web.threads)",
    ]


def test_wrong_settings_end_the_process_without_a_trace(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    wrong = [
        (["--config.file", str(missing)], f"config.file: cannot read {missing}: No such file or directory"),
        (["--log.file", str(missing / "log")], f"log.file: cannot write {missing / 'log'}: No such file or directory"),
        (["--aerospike.user=x", f"--aerospike.password-file={missing}"], f"cannot read {missing}: No such file"),
    ]
    for arguments, expected in wrong:
        with running(*arguments) as process:
            _, errors = process.communicate(timeout=60)
        assert process.returncode == 2
        assert expected in errors
        assert errors.count("\n") == 1


def test_a_port_that_is_taken_ends_the_process_with_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with running("--web.listen-address", address) as process:
            _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors == f"{NAME}: web.listen_address: cannot listen on {address}: Address already in use\n"


def test_a_fault_of_our_own_is_one_line_without_its_text() -> None:
    script = (
        "import sys, types; from exporter import cli\n"
        "def run(own, load): raise LookupError('hunter2')\n"
        "broken = types.SimpleNamespace(SETTINGS=(), add=lambda parser: None, run=run)\n"
        "cli.COMMANDS['broken'], sys.modules['exporter.commands.broken'] = 'fails', broken\n"
        "sys.exit(cli.main(['broken']))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=TESTS.parent, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert re.fullmatch(rf"{NAME}: LookupError at <string>:2, which is a fault of ours\n", run.stderr)


# What a service manager runs


def test_the_log_tells_of_the_node_before_anybody_scrapes() -> None:
    with InfoServer(replies(SCENARIO).get) as node:
        port = node.address[1]
        with running(f"--aerospike.port={port}", "--web.listen-address=127.0.0.1:0") as process:
            port_of(process)
            assert process.stderr is not None
            lines = iter(process.stderr.readline, "")
            told = next(line for line in lines if NO_PROCESS not in line)
    node_id, build = replies(SCENARIO)["node"], replies(SCENARIO)["build"]
    assert told.split(" ", 1)[1] == f"INFO 127.0.0.1:{port} answers: node {node_id}, build {build}\n"


def test_the_log_tells_of_a_node_that_is_not_there_before_anybody_scrapes() -> None:
    with running("--aerospike.port=1", "--web.listen-address=127.0.0.1:0") as process:
        port_of(process)
        assert process.stderr is not None
        told = process.stderr.readline()
    assert told.split(" ", 1)[1].startswith("WARNING no connection to 127.0.0.1:1")


def test_a_node_is_served_until_the_process_is_told_to_stop() -> None:
    with InfoServer(replies(SCENARIO).get) as node:
        _, node_port = node.address
        with running("serve", f"--aerospike.port={node_port}", "--web.listen-address=127.0.0.1:0") as process:
            port, first = port_of(process)
            found = scraped(port)
            log = ended(process)
    assert f"INFO {NAME} {__version__} listens on" in first
    assert found["up"] == 1
    assert any(name.startswith("pool_used_bytes") for name in found)
    node_id = replies(SCENARIO)["node"]
    findings = [line for line in log if ": info: " in line]
    assert findings, "the node has an index that holds little"
    assert [line.split(" ", 1)[1] for line in log if line not in findings] == [
        f"INFO 127.0.0.1:{node_port} answers: node {node_id}, build {replies(SCENARIO)['build']}",
        "INFO stopping",
    ]


def test_serve_is_the_default_and_the_environment_and_a_log_file_will_do(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with InfoServer(replies(SCENARIO).get) as node:
        variables = {
            "AMX_AEROSPIKE__PORT": str(node.address[1]),
            "AMX_WEB__LISTEN_ADDRESS": "127.0.0.1:0",
            "AMX_LOG__FILE": str(log),
            "AMX_LOG__FORMAT": "json",
        }
        with running(**variables) as process:
            deadline = time.monotonic() + 30
            while not (log.exists() and log.read_text()) and time.monotonic() < deadline:
                time.sleep(0.02)
            found = re.search(r":(\d+)/metrics", log.read_text())
            assert found
            assert scraped(int(found[1]))["up"] == 1
            assert ended(process, signal.SIGINT) == []
    lines = [line for line in log.read_text().splitlines() if NO_PROCESS not in line and "_index_floor" not in line]
    records = [json.loads(line) for line in lines]
    assert [record["message"].split()[-1] for record in records[::2]] == [
        f"http://127.0.0.1:{found[1]}/metrics",
        "stopping",
    ]


def test_a_node_that_comes_and_goes_is_told_once_each_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    node = InfoServer(replies(SCENARIO).get, port=port)
    with running(f"--aerospike.port={port}", "--web.listen-address=127.0.0.1:0") as process:
        web, _ = port_of(process)
        ups = [scraped(web)["up"], scraped(web)["up"]]
        with node:
            ups += [scraped(web)["up"], scraped(web)["up"]]
        ups += [scraped(web)["up"] for _ in range(5)]
        log = ended(process)
    assert ups == [0, 0, 1, 1, 0, 0, 0, 0, 0]
    log = [line for line in log if "_index_floor" not in line]
    levels = [line.split()[1] for line in log]
    # Lost, it first breaks a connection and then takes none: two lines, for however many scrapes.
    assert levels in (["WARNING", "INFO", "WARNING", "INFO"], ["WARNING", "INFO", "WARNING", "WARNING", "INFO"])
    assert all(str(port) in line for line in log[:-1])


class Hanging(InfoServer):
    """A node that takes connections and never answers."""

    def reply(self, body: bytes) -> bytes | None:
        del body
        self.closed.wait(30)
        return None


def test_a_node_that_hangs_keeps_neither_the_scrape_nor_the_end() -> None:
    with Hanging(lambda _: None) as node:
        arguments = [f"--aerospike.port={node.address[1]}", "--web.listen-address=127.0.0.1:0"]
        with running(*arguments, "--web.timeout=0.5", "--aerospike.timeout=20") as process:
            port, _ = port_of(process)
            start = time.monotonic()
            assert scraped(port)["up"] == 0
            assert time.monotonic() - start < 10
            # In the middle of the next scrape.
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
                time.sleep(0.1)
                log = ended(process)
    assert [line for line in log if line.endswith("INFO stopping")]


def test_the_demonstration_shows_the_shop_and_serves_its_metrics() -> None:
    with running("demo", "--web.listen-address=127.0.0.1:0") as process:
        assert process.stderr is not None
        simulated = process.stderr.readline()
        port, _ = port_of(process)
        found = scraped(port)
        process.send_signal(signal.SIGTERM)
        page, _ = process.communicate(timeout=30)
        assert process.returncode == 0
    assert "simulated shop answers as Aerospike 8.1" in simulated
    assert found['set_objects{ns="orders",set="order"}'] > 0
    assert found["ledger_unaccounted_ratio"] < 0.02
    assert "Where the memory is" in page
    assert f"http://127.0.0.1:{port}/metrics" in page
    assert "This is a demonstration: the node is a simulated shop." in page


def test_a_node_is_looked_at_saved_and_looked_at_again(tmp_path: Path) -> None:
    file = tmp_path / "node.json"
    with InfoServer(replies(SCENARIO).get) as node:
        port = str(node.address[1])
        live = looked("--aerospike.port", port, "--save", str(file))
    # The commands that are offered name the node.
    saved = looked("--from", str(file), "--aerospike.port", port)
    assert live.returncode == saved.returncode == 0
    assert live.stdout == saved.stdout
    assert f"asinfo -h 127.0.0.1 -p {port} -v " in live.stdout
    assert "asinfo -v " in looked("--from", str(file)).stdout
    assert live.stdout.startswith("Memory of node 1784\nAerospike Community Edition 8.1.1.2 · cluster shop · read on ")
    script = looked("--from", str(file), "--output", "json")
    assert json.loads(script.stdout)["node"]["id"] == "1784"
    assert "\x1b[" in looked("--from", str(file), "--color", "always").stdout


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["--output", "xml"],
            "flags: argument --output: invalid choice: 'xml' (choose from 'text', 'json', 'markdown')",
        ),
        (["--from", "/nowhere.json"], "cannot read /nowhere.json: No such file or directory"),
        (["--nonsense"], "flags: unknown flag --nonsense"),
    ],
)
def test_a_wrong_flag_of_the_look_is_one_line(words: list[str], line: str) -> None:
    done = looked(*words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{NAME}: {line}\n")


def test_a_node_that_is_not_there_is_said_and_the_exit_code_tells() -> None:
    done = looked("--aerospike.port", "1")
    assert done.returncode == 1
    assert "The node does not answer.\nNo connection to 127.0.0.1:1: Connection refused.\n" in done.stdout


@pytest.mark.parametrize(
    ("scenario", "on_warning", "on_critical"),
    [("8.1/cache-truncated", 0, 0), ("8.1/durable-fragmented", 1, 0), ("8.1/small-out-of-space", 2, 2)],
)
def test_a_check_gets_the_exit_codes_of_nagios(
    scenario: str, on_warning: int, on_critical: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "node.json")
    with InfoServer(replies(scenario).get) as node:
        said(capsys, "analyze", "--aerospike.port", str(node.address[1]), "--save", file)
    assert said(capsys, "analyze", "--from", file)[0] == 0
    assert said(capsys, "analyze", "--from", file, "--fail-on", "warning")[0] == on_warning
    assert said(capsys, "analyze", "--from", file, "--fail-on", "critical")[0] == on_critical


@pytest.mark.parametrize(
    "words",
    [
        ["--aerospike.port=1"],
        ["--aerospike.port=0"],
        ["--from", "/nowhere.json"],
        ["--nonsense"],
        ["--config.file", "/nowhere.toml"],
    ],
)
@pytest.mark.parametrize("check", [["--fail-on", "critical"], ["--fail-on=warning"]])
def test_to_a_check_what_could_not_be_looked_at_is_unknown(
    words: list[str], check: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, "analyze", *words)[0] in (1, 2)
    assert said(capsys, "analyze", *words, *check)[0] == 3


def test_a_node_without_namespaces_is_unknown_to_a_check(capsys: pytest.CaptureFixture[str]) -> None:
    empty = {**replies(SCENARIO), "namespaces": ""}
    with InfoServer(empty.get) as node:
        port = str(node.address[1])
        assert said(capsys, "analyze", "--aerospike.port", port)[0] == 0
        assert said(capsys, "analyze", "--aerospike.port", port, "--fail-on", "critical")[0] == 3


def test_a_reader_that_has_seen_enough_is_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "node.json"
    with InfoServer(replies(SCENARIO).get) as node:
        looked("--aerospike.port", str(node.address[1]), "--save", str(file))
    command = f"{sys.executable} -m exporter analyze --from {file} | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("0\n", "")
    ascii_only = {**ENVIRONMENT, "PYTHONIOENCODING": "ascii"}
    words = [sys.executable, "-m", "exporter", "analyze", "--from", str(file)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, env=ascii_only)
    assert (done.returncode, done.stderr) == (0, "")
    assert "?" not in done.stdout
    assert "\n  #" in done.stdout


def looked(*words: str) -> subprocess.CompletedProcess[str]:
    """The command `analyze`, run as a person would."""
    command = [sys.executable, "-m", "exporter", "analyze", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
