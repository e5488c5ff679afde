"""The exporter as a process that is told to read its settings again."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from exporter.demo.wire import InfoServer
from tests.logins import EXAMPLE_USERS, Logins
from tests.support import connections, replies, series
from tests.test_cli import Hanging, ended, running

CACHE = replies("8.1/cache-fragmented")
AGAIN = "the settings were read again"
SECRET = "hunter2"


class Running:
    """A running exporter, its configuration file, and its log."""

    def __init__(self, process: subprocess.Popen[str], directory: Path) -> None:
        self.process = process
        self._directory = directory
        self.port = int(self.wait_for(r"listens on http://127\.0\.0\.1:(\d+)/metrics")[1])

    @property
    def log(self) -> str:
        return "".join(path.read_text() for path in sorted(self._directory.glob("*.log")))

    def wait_for(self, pattern: str, times: int = 1) -> re.Match[str]:
        deadline = time.monotonic() + 30
        while True:
            found = list(re.finditer(pattern, self.log, re.MULTILINE))
            if len(found) >= times:
                return found[times - 1]
            assert self.process.poll() is None
            assert time.monotonic() < deadline, f"{pattern} is not in:\n{self.log}"
            time.sleep(0.01)

    def reload(self, text: str) -> None:
        (self._directory / "exporter.toml").write_text(text)
        self.process.send_signal(signal.SIGHUP)

    def get(self, path: str = "/metrics") -> requests.Response:
        return requests.get(f"http://127.0.0.1:{self.port}{path}", timeout=30)

    def connections(self, port: int) -> set[tuple[int, int]]:
        return {(own, other) for own, _, other in connections(self.process.pid) if other == port}


@contextmanager
def started(directory: Path, text: str) -> Iterator[Running]:
    (directory / "exporter.toml").write_text(text)
    with running("--config.file", str(directory / "exporter.toml")) as process:
        yield Running(process, directory)


def config(directory: Path, node: InfoServer, *others: str, log: str = "a.log", web: str = "") -> str:
    return "\n".join(
        [
            f'[log]\nfile = "{directory / log}"',
            f'[web]\nlisten_address = "127.0.0.1:0"\n{web}',
            f"[aerospike]\nport = {node.address[1]}",
            *others,
        ]
    )


PROBE = '[probe]\ntargets = ["127.0.0.1:1024-65535"]'


def test_what_changed_is_in_force_at_once_and_the_rest_keeps_its_connections(tmp_path: Path) -> None:
    with InfoServer(CACHE.get) as node, InfoServer(CACHE.get) as other:
        target = f"/probe?target=127.0.0.1:{other.address[1]}"
        with started(tmp_path, config(tmp_path, node)) as exporter:
            assert exporter.get(target).status_code == 404
            assert series(exporter.get().text)["up"] == 1
            before = exporter.connections(node.address[1])
            exporter.reload(config(tmp_path, node, PROBE))
            exporter.wait_for(AGAIN)
            assert series(exporter.get(target).text)["up"] == 1
            probes = exporter.connections(other.address[1])
            exporter.reload(config(tmp_path, node, PROBE, log="b.log"))
            exporter.wait_for(AGAIN, 2)
            assert (tmp_path / "b.log").exists()
            assert series(exporter.get().text)["up"] == 1
            assert before
            assert exporter.connections(node.address[1]) == before
            assert probes
            assert exporter.connections(other.address[1]) == probes
            exporter.reload(config(tmp_path, node, '[operator.carts]\nmax = "1GiB"'))
            exporter.wait_for(AGAIN, 3)
            found = series(exporter.get().text)
            assert found['limit_bytes{action="warn",limit="operator_max",ns="carts"}'] == 1 << 30
            assert "operator_max" in exporter.get("/").text
            assert exporter.get(target).status_code == 404
            deadline = time.monotonic() + 10
            while exporter.connections(other.address[1]) and time.monotonic() < deadline:
                time.sleep(0.05)
            assert exporter.connections(other.address[1]) == set()
            assert ended(exporter.process) == []


def test_wrong_settings_are_one_line_each_and_what_was_in_force_goes_on(tmp_path: Path) -> None:
    wrong = "[probe]\ntargets = ['*']\nclients = 0\nmodules = { a = { user = 'x' } }\n[nonsense]\nx = 1"
    file = re.escape(f"(file {tmp_path / 'exporter.toml'})")
    with InfoServer(CACHE.get) as node, started(tmp_path, config(tmp_path, node, PROBE)) as exporter:
        texts = {
            config(tmp_path, node, wrong): [
                rf"probe\.targets\.0: give HOST:PORT or HOST:PORT-PORT, .* {file}",
                rf"probe\.clients: .* {file}",
                r"probe\.modules\.a: a user needs a password",
                rf"nonsense: unknown key {file}",
            ],
            f"password = {SECRET}": [r"config\.file: .* is not TOML at line 1, column \d+"],
            config(tmp_path, node, "[sd]\nseeds = ['127.0.0.1:3000']"): [r"sd\.seeds: needs probe\.targets"],
            config(tmp_path, node, PROBE, "[sd]\nseeds = ['127.0.0.1:3000']\nmodule = 'b'"): [
                r"sd\.module: there is none of that name in probe\.modules"
            ],
            config(tmp_path, node, "[probe]\nonly = true"): [r"probe\.only: needs probe\.targets"],
            config(tmp_path, node, f'user = "x"\npassword_file = "{tmp_path}/none"'): [
                r"aerospike\.password_file: cannot read .*/none: No such file or directory"
            ],
        }
        exporter.wait_for("INFO .* answers: node ")
        for times, (text, expected) in enumerate(texts.items(), 1):
            seen = len(exporter.log.splitlines())
            exporter.reload(text)
            exporter.wait_for("ERROR the settings were not read again: the old ones go on$", times)
            lines = [line.split(" ", 1)[1] for line in exporter.log.splitlines()[seen:-1]]
            assert len(lines) == len(expected), lines
            for line, pattern in zip(sorted(lines), sorted(expected), strict=True):
                assert re.fullmatch(f"ERROR {pattern}", line)
        assert series(exporter.get().text)["up"] == 1
        assert series(exporter.get(f"/probe?target=127.0.0.1:{node.address[1]}").text)["up"] == 1
        assert ended(exporter.process) == []
        assert SECRET not in exporter.log


def test_what_is_read_at_the_start_alone_is_said_to_take_a_restart(tmp_path: Path) -> None:
    with InfoServer(CACHE.get) as node, started(tmp_path, config(tmp_path, node)) as exporter:
        exporter.reload(config(tmp_path, node, web="threads = 7\n").replace("127.0.0.1:0", "127.0.0.1:9"))
        exporter.wait_for(AGAIN)
        assert series(exporter.get().text)["up"] == 1
        assert re.findall(r"WARNING (\S+) changed: that takes a restart", exporter.log) == [
            "web.listen_address",
            "web.threads",
        ]


def test_a_password_that_was_changed_in_its_file_is_used(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text(SECRET)
    login = f'user = "exporter"\npassword_file = "{password}"'
    with InfoServer(CACHE.get, logins=Logins(EXAMPLE_USERS)) as node:
        text = config(tmp_path, node, login)
        with started(tmp_path, text) as exporter:
            assert series(exporter.get().text)["up"] == 0
            password.write_text("simulation")
            exporter.reload(text)
            exporter.wait_for(AGAIN)
            assert series(exporter.get().text)["up"] == 1
            assert SECRET not in exporter.log


def test_no_scrape_is_lost_while_settings_are_read_again(tmp_path: Path) -> None:
    class Slow(InfoServer):
        def reply(self, body: bytes) -> bytes | None:
            self.closed.wait(0.05)
            return super().reply(body)

    over = threading.Event()
    with Slow(CACHE.get) as node:
        patient = ("timeout = 8", PROBE, "[probe.modules.default]\ntimeout = 8")

        def scrapes(path: str) -> list[requests.Response]:
            """The answers of one scrape after the other, until it is over."""
            answers = [exporter.get(path)]
            while not over.is_set():
                answers.append(exporter.get(path))
            return answers

        with started(tmp_path, config(tmp_path, node, *patient)) as exporter, ThreadPoolExecutor(4) as scrapers:
            paths = ["/metrics", f"/probe?target=127.0.0.1:{node.address[1]}"]
            scraping = [scrapers.submit(scrapes, path) for path in (*paths, *paths)]
            try:
                for number in range(4):
                    maximum = f'[operator.carts]\nmax = "{number + 1}GiB"'
                    exporter.reload(config(tmp_path, node, *patient, maximum))
                    exporter.wait_for(AGAIN, number + 1)
            finally:
                over.set()
            for scraper in scraping:
                for response in scraper.result():
                    assert response.status_code == 200
                    assert series(response.text)["up"] == 1
            assert ended(exporter.process) == []
            assert "ERROR" not in exporter.log


@pytest.mark.parametrize("path", ["/metrics", "/probe?target=127.0.0.1:{}", "/sd"])
def test_a_node_that_hangs_does_not_keep_the_exporter_from_ending(tmp_path: Path, path: str) -> None:
    with Hanging(CACHE.get) as node:
        port = node.address[1]
        patient = f"[probe.modules.default]\ntimeout = 8\n[sd]\nseeds = ['127.0.0.1:{port}']"
        text = config(tmp_path, node, "timeout = 8", PROBE, patient)
        with started(tmp_path, text) as exporter, ThreadPoolExecutor(1) as scrapers:
            scrape = scrapers.submit(exporter.get, path.format(port))
            time.sleep(0.3)
            start = time.monotonic()
            assert ended(exporter.process) == []
            assert time.monotonic() - start < 6
            assert isinstance(scrape.exception(10), requests.ConnectionError)
            assert "stopping" in exporter.log


@pytest.mark.parametrize("path", ["/probe?target=127.0.0.1:3000", "/sd"])
def test_an_exporter_without_a_node_of_its_own_tells_of_itself_alone(tmp_path: Path, path: str) -> None:
    with InfoServer(CACHE.get) as node:
        text = config(tmp_path, node, PROBE + "\nonly = true", f"[sd]\nseeds = ['127.0.0.1:{node.address[1]}']")
        with started(tmp_path, text) as exporter:
            assert exporter.get(path).status_code == 200
            found = series(exporter.get().text)
            assert found["probe_clients"] == ("probe" in path)
            assert "up" not in found
            assert "This exporter has no node of its own." in exporter.get("/").text
