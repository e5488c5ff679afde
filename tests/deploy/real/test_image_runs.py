"""The image, built by the engine at hand from a checkout of narrow modes, and run read-only without a privilege.

    make test-deploy

DEPLOY_ENGINE names the engine, and DEPLOY_BASE the base image where the one made of Debian's packages is not wanted.
"""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from exporter import __version__
from exporter.rules.site import JOB
from tests.deploy.real.conftest import REVISION, SOURCE
from tests.deploy.real.containers import once, python, running, variables
from tests.support import free_port, prometheus

if TYPE_CHECKING:
    from exporter.demo.node import EmbeddedNode
    from tests.deploy.real.conftest import Image

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(900)]


def test_its_labels_user_and_health_check_are_those_of_the_file(built: Image) -> None:
    config = built.engine.config(built.name)
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in config["Labels"].items()}
    assert (labels["version"], labels["revision"], labels["source"]) == (__version__, REVISION, SOURCE)
    assert config["User"] == "65534:65534"
    assert config["Entrypoint"] == ["/opt/exporter/bin/aerospike-memory-exporter"]
    assert config["Healthcheck"]["Test"] == ["CMD", "/opt/exporter/bin/python", "-I", "/opt/exporter/healthy.py"]


def test_nothing_is_in_it_that_installs_or_that_nobody_uses(image: Image) -> None:
    code = "import importlib.util as u, json, os; print(json.dumps([os.listdir('/opt/exporter/bin'), {name: bool("
    code += "u.find_spec(name)) for name in ('pip', 'setuptools', 'exporter')}]))"
    programs, modules = json.loads(python(image, code))
    assert {name for name in programs if not name.startswith("python")} == {"aerospike-memory-exporter"}
    assert modules == {"pip": False, "setuptools": False, "exporter": True}


def test_it_serves_a_node_as_nobody_and_ends_when_told(image: Image, node: EmbeddedNode) -> None:
    with running(image, options=variables(node)) as container:
        metrics = container.metrics()
        assert "\naerospike_memory_up 1.0\n" in metrics
        assert f'version="{__version__}"' in metrics
        status = container.ask("/opt/exporter/bin/python", "-Ic", "print(open('/proc/1/status').read())").stdout
        lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert lines["Uid"].split() == ["65534"] * 4
        assert {int(lines[name], 16) for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
        assert lines["NoNewPrivs"] == "1"
        code, seconds = container.stop()
    assert code == 0
    assert seconds < 2


def test_the_health_check_tells_an_exporter_that_answers_from_one_that_does_not(
    image: Image, node: EmbeddedNode
) -> None:
    _, *command = image.engine.config(image.name)["Healthcheck"]["Test"]
    with running(image, options=variables(node)) as container:
        done = container.ask(*command)
        assert (done.returncode, done.stderr) == (0, "")
        elsewhere = f"--env=AMX_WEB__LISTEN_ADDRESS=127.0.0.1:{free_port()}"
        assert image.engine.ask("exec", elsewhere, container.name, *command).returncode == 1


def test_it_analyzes_a_node_and_plans_what_would_give_memory_back(image: Image, node: EmbeddedNode) -> None:
    analysis = once(image, "analyze", "--output=json", options=variables(node))
    assert analysis.returncode == 0, analysis.stderr
    assert {each["ns"] for each in json.loads(analysis.stdout)["pools"]} == {"carts", "orders"}
    plan = once(image, "reclaim", options=variables(node))
    assert plan.returncode == 0, plan.stderr
    assert "undo: set-config:context=namespace;" in plan.stdout


def test_the_demo_needs_a_tmp_and_nothing_else(image: Image) -> None:
    with running(image, "demo", options=("--tmpfs=/tmp:size=16m,mode=1777",)) as container:
        metrics = container.metrics()
        assert "\naerospike_memory_up 1.0\n" in metrics
        assert "aerospike_memory_ledger_bytes{" in metrics
        assert container.stop()[0] == 0


def test_worker_processes_start_where_a_tmp_is_all_that_can_be_written(image: Image) -> None:
    code = "import multiprocessing as m; p = m.get_context('forkserver').Process(target=print, args=('a worker ran',))"
    options = ("--pids-limit=256", "--tmpfs=/tmp:size=1m,mode=1777")
    assert python(image, f"{code}; p.start(); p.join()", options) == "a worker ran\n"


def test_it_reports_what_a_prometheus_has_scraped(image: Image, node: EmbeddedNode, tmp_path: Path) -> None:
    with running(image, options=variables(node)) as container:
        scrape = {"job_name": JOB, "static_configs": [{"targets": [container.url.removeprefix("http://")]}]}
        config = {"global": {"scrape_interval": "1s"}, "scrape_configs": [scrape]}
        (tmp_path / "prometheus.yml").write_text(json.dumps(config))
        address = f"127.0.0.1:{free_port()}"
        command = [prometheus(), f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"]
        with (
            (tmp_path / "log").open("w") as log,
            subprocess.Popen([*command, f"--web.listen-address={address}"], stdout=log, stderr=log) as server,
        ):
            try:
                _wait(f"http://{address}/api/v1/query?query=count_over_time(aerospike_memory_up[1h])>5")
                report = once(image, "report", f"--prometheus.url=http://{address}", "--since=1h")
            finally:
                server.terminate()
    assert report.returncode == 0, report.stderr
    assert "orders" in report.stdout


def _wait(url: str) -> None:
    """Until a query has a result."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if requests.get(url, timeout=5).json().get("data", {}).get("result"):
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.5)
    pytest.fail(f"no result within a minute: {url}")
