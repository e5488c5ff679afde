"""What /probe answers, and what it refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.scrape import own_process
from exporter.scrape.registry import Exporter
from exporter.web.handler import Exposed
from tests.fleet.fleets import CACHE, Node, probed, probing
from tests.serving import OPENMETRICS, serving
from tests.support import exposed, registry_of, series

SECRET = "hunter2"


@pytest.fixture
def node() -> Iterator[Node]:
    with Node() as running:
        yield running


def test_a_node_tells_over_the_network_what_it_tells_beside_it_but_for_process_and_exporter(
    node: Node,
) -> None:
    with probing() as server:
        found = probed(server, node.target)
        own = series(server.get("/metrics").text)
    with registry_of(CACHE.get) as registry:
        beside = exposed(registry)
    of_exporter = re.compile(r"exporter_build_info|scrape_collector_\w+\{collector=\"(process|map|peers)\"\}")
    assert {name for name in beside if not of_exporter.match(name)} == found.keys()
    assert found["up"] == 1
    for name in found:
        assert found[name] == beside[name] or name.startswith("scrape_"), name
    assert {name.split("{")[0] for name in own} == {
        "exporter_build_info",
        "probe_clients",
        "probe_clients_limit",
        *(family.metric.full_name for family in own_process.families()),
        "probe_evictions_total",
        "probe_set_aside",
        "probe_worker_restarts_total",
        "probe_workers",
    }


def test_a_probe_is_encoded_as_its_scraper_likes(node: Node) -> None:
    with probing() as server:
        plain = server.get(f"/probe?target={node.target}")
        small = server.get(f"/probe?target={node.target}", Accept_Encoding="gzip", Accept=OPENMETRICS)
    assert plain.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert small.headers["Content-Encoding"] == "gzip"
    assert small.headers["Content-Type"].startswith("application/openmetrics-text")
    assert small.text.endswith("# EOF\n")


@pytest.mark.parametrize(
    ("query", "status", "line"),
    [
        ("", 400, "target: give one, as in /probe?target=10.0.0.1:3000"),
        ("?module=default", 400, "target: give one, as in /probe?target=10.0.0.1:3000"),
        ("?target=127.0.0.1:3000&target=127.0.0.1:3001", 400, "target: give one"),
        (f"?target={SECRET}", 400, "target: give HOST:PORT, as in node1.example.com:3000, 10.0.0.1:3000 or "),
        (f"?target=exporter:{SECRET}@127.0.0.1:3000", 400, "target: a user or a password has no place in it"),
        (f"?target=127.0.0.1:3000&module={SECRET}", 400, "module: there is none of that name in probe.modules"),
        (f"?target=127.0.0.1:3000&password={SECRET}", 400, "give no parameters but target and module"),
        (f"?target=127.0.0.1:3000&{SECRET}=1", 400, "give no parameters but target and module"),
        ("?target=%ff%fe:3000", 400, "target: not text"),
        ("?target=127.0.0.1:3000%0d%0aX-Evil:1", 400, "target: give HOST:PORT, as in "),
        (f"?target={SECRET}.example.com:3000", 403, "target: not in probe.targets"),
        ("?target=169.254.169.254:80", 403, "target: not in probe.targets"),
        ("?target=127.0.0.1:80", 403, "target: not in probe.targets"),
        ("?target=localhost:3000", 403, "target: not in probe.targets"),
    ],
)
def test_what_cannot_be_asked_is_one_line_that_names_it_and_repeats_nothing(
    query: str, status: int, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    with probing() as server:
        response = server.get("/probe" + query)
    assert (response.status_code, response.text.count("\n")) == (status, 1)
    assert response.text.startswith(line)
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert SECRET not in response.text + str(response.headers) + caplog.text
    assert "X-Evil" not in response.headers


def test_without_targets_there_is_no_probe_and_without_seeds_no_sd() -> None:
    with serving(Exposed(Exporter(None), alone=True)) as server:
        assert [server.get(link).status_code for link in re.findall('href="([^"]+)"', server.get("/").text)] == [
            200
        ] * 3
        for path, line in (("/probe?target=127.0.0.1:3000", "probe.targets lists"), ("/sd", "sd.seeds lists")):
            response = server.get(path)
            assert response.status_code == 404
            assert line in response.text


def test_once_there_are_modules_nobody_gets_around_them(tmp_path: Path) -> None:
    with probing(modules={"prod": {"timeout": 0.5}}) as server:
        response = server.get("/probe?target=127.0.0.1:3000")
    assert (response.status_code, response.text) == (400, "module: there is none of that name in probe.modules\n")
