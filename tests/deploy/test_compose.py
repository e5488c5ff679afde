"""The compose files: as their published schema wants them, closed to other hosts, and in step with what they start."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

from exporter import __version__
from exporter.rules.site import JOB
from tests.deploy.manifests import DEPLOY, PORT, documents, settings_of
from tests.support import promtool

COMPOSE = DEPLOY / "compose"
FILES = sorted(COMPOSE.glob("*.yaml"))
(MAIN,) = documents(COMPOSE / "compose.yaml")
SERVICES: dict[str, dict[str, Any]] = MAIN["services"]
OURS = ("pod", "exporter", "demo")
EXAMPLES = ("prometheus.yml", "prometheus.fleet.yml")


def _together(extra: str, service: str) -> dict[str, Any]:
    """A service with what a further file adds to it; lists are joined, as compose does."""
    (added,) = documents(COMPOSE / extra)
    merged = dict(SERVICES[service])
    for key, value in added["services"][service].items():
        if isinstance(value, dict):
            merged[key] = {**merged.get(key, {}), **value}
        else:
            merged[key] = [*merged.get(key, []), *value] if isinstance(value, list) else value
    return merged


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_published_schema_accepts_it(path: Any) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_port_is_of_this_host_alone_and_each_comes_once_in_a_profile() -> None:
    for profile in ("server", "demo"):
        started = [service for service in SERVICES.values() if profile in service.get("profiles", [profile])]
        ports = [port for service in started for port in service.get("ports", [])]
        assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports)
        assert len({port.split(":")[1] for port in ports}) == len(ports)
        assert f"127.0.0.1:{PORT}:{PORT}" in ports


def test_images_are_pinned_by_version_and_ours_is_that_of_this_release() -> None:
    for name, service in SERVICES.items():
        assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+\.\d+(?:\.\d+)?", service["image"]), name
    assert {SERVICES[name]["image"] for name in OURS} == {f"aerospike-memory-exporter:{__version__}"}
    assert (COMPOSE / SERVICES["exporter"]["build"]["context"] / "Dockerfile").is_file()


def test_every_file_that_is_mounted_exists_is_read_only_and_every_volume_has_a_name() -> None:
    named = set()
    for service in SERVICES.values():
        for source, target, *mode in (volume.split(":") for volume in service.get("volumes", [])):
            assert target.startswith("/")
            if source.startswith("."):
                assert (COMPOSE / source).exists(), source
                assert mode == ["ro"], source
            else:
                named.add(source)
    assert named == set(MAIN["volumes"])


def test_every_service_is_looked_after() -> None:
    for name, service in SERVICES.items():
        assert service["restart"] == "unless-stopped"
        assert "no-new-privileges:true" in service["security_opt"]
        # The image of the exporter brings its own; a container that only waits has none.
        assert ("healthcheck" in service) == (name not in ("exporter", "demo")), name
    assert SERVICES["pod"]["healthcheck"] == {"disable": True}


@pytest.mark.parametrize("name", OURS)
def test_the_exporter_has_no_privilege(name: str) -> None:
    service = SERVICES[name]
    assert service["user"] == "65534:65534"
    assert service["cap_drop"] == ["ALL"]
    assert service["read_only"] is True
    assert not {"privileged", "cap_add", "devices", "volumes"} & service.keys()
    assert "host" not in (service.get("pid"), service.get("network_mode"), service.get("ipc"))


def test_processes_and_threads_are_limited_with_room_for_workers() -> None:
    text = (DEPLOY / "systemd" / "aerospike-memory-exporter.service").read_text()
    unit = dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))
    assert {SERVICES[name]["pids_limit"] for name in OURS} == {int(unit["TasksMax"])}
    assert unit["PrivateTmp"] == "yes"
    assert SERVICES["demo"]["tmpfs"] == ["/tmp:size=16m,mode=1777"]


def test_node_and_exporter_share_namespaces_that_outlive_both() -> None:
    for name in ("aerospike", "exporter"):
        service = SERVICES[name]
        assert (service["pid"], service["network_mode"]) == ("service:pod", "service:pod")
        assert "ports" not in service, "the network is the pod's, and so are its ports"
        assert service["depends_on"].keys() == {"pod"}


def test_the_limit_that_the_exporter_is_told_is_the_node_s(monkeypatch: pytest.MonkeyPatch) -> None:
    told = settings_of(monkeypatch, SERVICES["exporter"]["environment"]).process.memory_limit
    assert SERVICES["aerospike"]["mem_limit"] == "3g"
    assert told == 3 << 30


def test_more_sources_take_the_one_capability_and_the_one_directory_that_they_need(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    smaps = _together("with-smaps.yaml", "exporter")
    assert (smaps["cap_drop"], smaps["cap_add"], smaps["user"]) == (["ALL"], ["SYS_PTRACE"], "0:0")
    assert settings_of(monkeypatch, smaps["environment"]).sampler.smaps
    jemalloc = _together("with-jemalloc.yaml", "exporter")
    assert "cap_add" not in jemalloc
    sampler = settings_of(monkeypatch, jemalloc["environment"]).sampler
    assert sampler.jemalloc
    shared = {*jemalloc["volumes"]} & {*_together("with-jemalloc.yaml", "aerospike")["volumes"]}
    assert shared == {f"heap-statistics:{sampler.jemalloc_directory}"}


@pytest.mark.parametrize("name", ["exporter", "demo"])
def test_its_settings_are_known_and_lead_to_the_published_port(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = settings_of(monkeypatch, SERVICES[name]["environment"], SERVICES[name].get("command", ()))
    assert chosen.web.listen_address == f":{PORT}"


def test_no_secret_is_in_it_and_nobody_can_log_in() -> None:
    for path in (*FILES, COMPOSE / ".env"):
        for line in path.read_text().splitlines():
            assert line.lstrip().startswith("#") or not re.search(r"(?i)passw|secret|token|api_?key", line), line
    environment = SERVICES["grafana"]["environment"]
    assert environment["GF_AUTH_DISABLE_LOGIN_FORM"] == "true"
    assert environment["GF_AUTH_BASIC_ENABLED"] == "false"
    assert environment["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"


def test_the_default_is_a_real_node_and_the_demo_takes_its_place() -> None:
    (profile,) = re.findall(r"^COMPOSE_PROFILES=(\w+)$", (COMPOSE / ".env").read_text(), re.MULTILINE)
    assert profile == "server"
    assert {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service} == {
        "pod": ["server"],
        "aerospike": ["server"],
        "exporter": ["server"],
        "demo": ["demo"],
    }


def test_prometheus_finds_the_exporter_of_either_profile_and_alertmanager() -> None:
    (config,) = documents(DEPLOY / "prometheus" / "prometheus.yml")
    (scrape,) = config["scrape_configs"]
    assert scrape["static_configs"] == [{"targets": [f"exporter:{PORT}"]}]
    for name in ("pod", "demo"):
        assert SERVICES[name]["networks"]["default"]["aliases"] == ["exporter"]
    (alertmanagers,) = config["alerting"]["alertmanagers"]
    assert alertmanagers["static_configs"] == [{"targets": ["alertmanager:9093"]}]
    assert "alertmanager" in SERVICES
    assert SERVICES["prometheus"]["volumes"][0] == "../prometheus:/etc/prometheus:ro"


def test_grafana_finds_prometheus_and_the_dashboards() -> None:
    provisioning = DEPLOY / "grafana" / "provisioning"
    (sources,) = documents(provisioning / "datasources" / "prometheus.yml")
    assert [source["url"] for source in sources["datasources"]] == ["http://prometheus:9090"]
    (boards,) = documents(provisioning / "dashboards" / "aerospike-memory.yml")
    (path,) = [provider["options"]["path"] for provider in boards["providers"]]
    mounted = dict(volume.split(":")[1::-1] for volume in SERVICES["grafana"]["volumes"])
    directory = COMPOSE / mounted[path]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert json.loads((directory / home.removeprefix(f"{path}/")).read_text())["panels"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_promtool_accepts_the_example(name: str) -> None:
    path = DEPLOY / "prometheus" / name
    done = subprocess.run([promtool(), "check", "config", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 rule files found" in done.stdout


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_scrapes_under_the_job_of_the_rules(name: str) -> None:
    config = yaml.safe_load((DEPLOY / "prometheus" / name).read_text())
    first, *others = config["scrape_configs"]
    assert first["job_name"] == JOB
    assert all(other["job_name"] != JOB for other in others)
