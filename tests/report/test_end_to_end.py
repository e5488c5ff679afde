"""The report on a week of the shop in a real Prometheus, against what the shop itself knows of that week.

The history is made, backfilled and reported on by the programs that a person would run. The truth comes from a second
shop of the same seed, looked at directly.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
import requests

from exporter.demo.shop import DAY, HOUR, Shop
from tests.support import TESTS, prometheus, promtool
from tests.tutorial import missing, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.upper().startswith("AMX_")}
WEEK = 7 * DAY
SCRAPE = 300
WITHIN = 0.05

pytestmark = pytest.mark.timeout(900)  # the first test waits for the history: a minute of the processor


@dataclass(frozen=True)
class Truth:
    """What the shop knows: by the second at which Prometheus scraped, bytes, records, and the blocks that are left."""

    used: dict[int, int]
    records: dict[int, int]
    wish_lists: dict[int, int]
    spare_blocks: dict[int, int]

    def breach(self) -> int:
        """The second at which a file of the orders first had no block left beyond its reserve."""
        return next(second for second, spare in self.spare_blocks.items() if spare <= 0)


@pytest.fixture(scope="module")
def truth() -> Truth:
    shop, found = Shop(1), Truth({}, {}, {}, {})
    for second in range(0, WEEK + 1, SCRAPE):
        while not shop.advance(second):
            pass
        found.used[second] = sum(stripe.used_bytes for stripe in shop.orders.stripes)
        found.records[second] = len(shop.orders.records)
        found.wish_lists[second] = shop.carts.sets["wishlist"].objects
        found.spare_blocks[second] = min(stripe.free_blocks - stripe.reserve for stripe in shop.orders.stripes)
    return found


@dataclass(frozen=True)
class Server:
    """A Prometheus that holds the week, and when that ended (Unix time)."""

    url: str
    end: float


def run(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*words], cwd=TESTS.parent, env=ENVIRONMENT, capture_output=True, text=True, timeout=600, check=False, **options
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    tools = prometheus(), promtool()
    folder = tmp_path_factory.mktemp("prometheus")
    history, data, config = folder / "shop.om", folder / "data", folder / "prometheus.yml"
    made = run(sys.executable, "-m", "exporter", "demo", "--history", "168h", "--output", str(history))
    assert (made.returncode, made.stderr) == (0, "")
    blocks = run(tools[1], "tsdb", "create-blocks-from", "openmetrics", "-q", str(history), str(data))
    assert blocks.returncode == 0, blocks.stderr
    end = _last_moment(history)
    history.unlink()
    config.write_text("scrape_configs: []\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [tools[0], f"--config.file={config}", f"--storage.tsdb.path={data}", f"--web.listen-address={address}"]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen([*command, "--storage.tsdb.retention.time=60d"], stdout=log, stderr=log) as process,
    ):
        try:
            _wait(f"http://{address}/-/ready", process)
            yield Server(f"http://{address}", end)
        finally:
            process.terminate()
            process.wait(20)


def _last_moment(history: Path) -> float:
    """The time of the last scrape, from the end of the file."""
    with history.open("rb") as file:
        file.seek(-200, os.SEEK_END)
        last = file.read().decode().splitlines()[-2:]
    assert last[1] == "# EOF"
    return float(last[0].rsplit(" ", 1)[1])


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(requests.ConnectionError):
            if requests.get(url, timeout=5).status_code == 200:
                return
        time.sleep(0.1)
    pytest.fail("Prometheus did not start")


def reported(server: Server, *words: str, before_end: float = 0.0) -> subprocess.CompletedProcess[str]:
    """The command `report`, up to so many seconds before the end of the history."""
    until = datetime.fromtimestamp(server.end - before_end, timezone.utc).isoformat(timespec="seconds")
    command = [sys.executable, "-W", "error", "-m", "exporter", "report", "--prometheus.url", server.url]
    return run(*command, "--until", until, *words)


def figures(server: Server, since: str, before_end: float = 0.0) -> Any:
    done = reported(server, "--since", since, "--output", "json", before_end=before_end)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def growth_of(report: Any, ns: str, subject: str) -> Any:
    (found,) = (one for one in report["growth"] if (one["ns"], one["subject"]) == (ns, subject))
    return found


def limit_of(report: Any, ns: str, limit: str) -> Any:
    (found,) = (one for one in report["limits"] if (one["ns"], one["limit"]) == (ns, limit))
    return found


def test_the_growth_of_the_week_is_that_of_the_shop(server: Server, truth: Truth) -> None:
    report = figures(server, "168h")
    for subject, track in (("data used", truth.used), ("records", truth.records)):
        found = growth_of(report, "orders", subject)
        assert found["per_day"] == pytest.approx((track[WEEK] - track[0]) / 7, rel=WITHIN), subject
        assert found["low"] <= (track[WEEK] - track[0]) / 7 <= found["high"]
        assert found["level"] == pytest.approx(track[WEEK], rel=0.001)
    (node,) = report["nodes"]
    assert node["answered"] > 0.99
    assert (node["restarts"], node["problem"], node["gaps"]) == ([], None, [])
    assert {leak["state"] for leak in report["leaks"]} == {"clear"}


def test_the_breach_is_told_when_it_was(server: Server, truth: Truth) -> None:
    report = figures(server, "168h")
    (breach,) = (
        event
        for event in report["events"]
        if (event["kind"], event["ns"], event["name"]) == ("limit", "orders", "write_blocks")
    )
    began = breach["periods"][0]["start"] - report["start"]
    assert began == pytest.approx(truth.breach(), rel=WITHIN)
    assert abs(began - truth.breach()) <= 2 * SCRAPE
    full = sum(SCRAPE for spare in truth.spare_blocks.values() if spare <= 0)
    assert sum(period["end"] - period["start"] for period in breach["periods"]) == pytest.approx(full, rel=WITHIN)
    assert limit_of(report, "orders", "write_blocks")["state"] == "past"
    assert report["headlines"][0]["kind"] == "bad"
    assert report["headlines"][0]["text"].startswith(
        'orders: the limit "free write blocks", at which writes are refused, is past, since'
    )


def test_the_breach_is_foretold_a_day_and_more_before(server: Server, truth: Truth) -> None:
    lived = 5 * DAY
    assert truth.breach() > lived + 24 * HOUR
    report = figures(server, "120h", before_end=WEEK - lived)
    limit = limit_of(report, "orders", "write_blocks")
    assert limit["state"] == "within"
    assert lived + limit["forecast"]["likely"] == pytest.approx(truth.breach(), rel=WITHIN)
    assert limit["forecast"]["earliest"] <= truth.breach() - lived <= limit["forecast"]["latest"]


def test_the_window_before_is_compared_with(server: Server, truth: Truth) -> None:
    report = figures(server, "72h", before_end=DAY)
    assert report["compared"] is None
    found = growth_of(report, "orders", "data used")
    assert found["per_day"] == pytest.approx((truth.used[6 * DAY] - truth.used[3 * DAY]) / 3, rel=WITHIN)
    assert found["before"] == pytest.approx((truth.used[3 * DAY] - truth.used[0]) / 3, rel=WITHIN)


def test_it_reads_well_in_a_terminal_and_in_a_browser(server: Server, tmp_path: Path) -> None:
    text = reported(server)
    assert (text.returncode, text.stderr) == (0, "")
    assert text.stdout.startswith("# Memory of embedded-shop-simulation over 7 d\n")
    assert "| orders    | free write blocks: writes are refused `write_blocks, refuse_writes` |" in text.stdout
    file = tmp_path / "report.html"
    saved = reported(server, "--output", "html", "--save", str(file), "--demo")
    assert (saved.returncode, saved.stdout, saved.stderr) == (0, "", "")
    page = file.read_text()
    assert not re.search(r"<script|<link|@import|url\((?!#)|src=", page)
    assert page.count("<svg") > 10
    assert page.count('role="img"') == page.count("<desc") + page.count('class="bar"')


def test_the_tutorial_shows_what_it_says(server: Server) -> None:
    week, earlier = shown("aerospike-memory-exporter report --prometheus.url")
    assert missing(week, reported(server).stdout) == []
    assert missing(earlier, reported(server, "--since", "5d", before_end=2 * DAY).stdout) == []


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (
            ["--cluster", "nope"],
            1,
            "no node is of the cluster that --cluster names; there are embedded-shop-simulation",
        ),
        (["--since", "24h", "--until", "30d"], 1, "there is no aerospike_memory_node_info in the window"),
        (["--save", "/nowhere/report.md"], 2, "cannot write /nowhere/report.md: No such file or directory"),
        (["--prometheus.url", "http://127.0.0.1:1"], 1, "no connection to http://127.0.0.1:1: Connection refused"),
        (["--output", "pdf"], 2, "flags: argument --output: invalid choice"),
        (["--prometheus.bearer-token-file", "/nowhere"], 2, "prometheus.bearer_token_file: cannot read /nowhere"),
    ],
)
def test_what_is_wrong_is_one_line_and_an_exit_code(server: Server, words: list[str], code: int, line: str) -> None:
    done = reported(server, *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert line in done.stderr
    assert done.stderr.count("\n") == 1
