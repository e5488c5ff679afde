"""The Helm chart: what it renders for each set of values is as the schemas and the rules' command want it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from docs.generate.chart import CHART, ROOT, files
from exporter import __version__, cli
from exporter.demo.wire import InfoServer
from exporter.rules.formats import as_one
from exporter.rules.site import JOB, PER_TARGET_LABELS, Site
from exporter.settings.keys import CONFIG_FLAG
from tests.commands.test_serve import Running
from tests.deploy.chart import ALL, DOCS, GRAFANA, NEEDED, OPERATOR, VALUES, helm, named, notes_of, render, rendered
from tests.deploy.manifests import PORT, RESTRICTED, SCRATCH, check, documents, settings_of
from tests.support import promtool, replies, series
from tests.test_cli import running

if TYPE_CHECKING:
    from collections.abc import Iterator

POLICY, BUDGET, MONITOR = "NetworkPolicy", "PodDisruptionBudget", "ServiceMonitor"
ALWAYS = ["ConfigMap", "Deployment", "Service"]
KINDS = {
    "default": [*ALWAYS, *["ConfigMap"] * 5, POLICY, BUDGET],
    "operator": [*ALWAYS, *["ConfigMap"] * 5, POLICY, BUDGET, MONITOR, "ScrapeConfig", "PrometheusRule"],
    "all": [*ALWAYS, *["ConfigMap"] * 5, POLICY, BUDGET, MONITOR, "ScrapeConfig", "PrometheusRule"],
    "least": ALWAYS,
}
SITES = {
    "nothing": ({}, Site()),
    "one cache": ({"cacheNamespaces": ["a.b"]}, Site(cache_namespaces=("a.b",))),
    "all": (
        ALL["rules"],
        Site("aerospike", (*PER_TARGET_LABELS, "vm", "rack"), ("sessions", "a.b$c"), DOCS, GRAFANA),
    ),
}


def _keys(schema: dict[str, Any], values: object, path: str = "") -> Iterator[tuple[str, bool]]:
    """Each key of a schema without free mappings, with whether the values have it."""
    for key, part in schema.get("properties", {}).items():
        inside = isinstance(values, dict) and key in values
        yield f"{path}{key}", inside
        if part.get("type") == "object":
            yield from _keys(part, values[key] if isinstance(values, dict) and inside else None, f"{path}{key}.")


def test_the_generated_files_are_what_the_rules_the_dashboards_and_the_values_give() -> None:
    generated = files()
    assert {path: path.read_text() for path in generated} == generated, "run `make rules`"
    assert {path for path in (CHART / "files").rglob("*") if path.is_file()} == generated.keys() - {CHART / "README.md"}


def test_the_versions_are_those_of_the_package() -> None:
    (chart,) = documents(CHART / "Chart.yaml")
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


def test_the_schema_knows_every_value_and_the_page_tells_of_each() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    (values,) = documents(CHART / "values.yaml")
    jsonschema.validate(values, schema)
    keys = dict(_keys(schema, values))
    assert [key for key, there in keys.items() if not there] == ["global"]
    page = (CHART / "README.md").read_text()
    leaves = [key for key in keys if not any(other.startswith(f"{key}.") for other in keys)]
    assert len(leaves) > 30
    assert [key for key in leaves if f"| `{key}` |" not in page] == ["global"]
    for path in ((), ("scrape",), ("rules",), ("image",), ("dashboards",), ("networkPolicy",)):
        wrong: dict[str, Any] = {"nobody-knows-it": 1}
        for key in reversed(path):
            wrong = {key: wrong}
        with pytest.raises(jsonschema.ValidationError, match="nobody-knows-it"):
            jsonschema.validate(wrong, schema)


@pytest.mark.parametrize("name", VALUES)
def test_helm_finds_nothing_wrong(name: str, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(json.dumps({**NEEDED, **VALUES[name]}))
    done = helm("lint", "--strict", "--quiet", str(CHART), "--values", str(file))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", VALUES)
def test_the_published_schemas_accept_what_is_rendered(name: str, tmp_path: Path) -> None:
    manifests = rendered(tmp_path, VALUES[name])
    assert sorted(document["kind"] for document in manifests) == sorted(KINDS[name])
    names = [(document["kind"], document["metadata"]["name"]) for document in manifests]
    assert len(set(names)) == len(names)
    for document in manifests:
        check(document)


@pytest.mark.parametrize(
    ("wrong", "named_so"),
    [
        ({"seeds": []}, "set seeds"),
        ({"targets": []}, "targets"),
        ({"seeds": ["aerospike"]}, "seeds"),
        ({"replica": 2}, "replica"),
        ({"scrape": {"by": "hand"}}, "by"),
        ({"networkPolicy": {"from": []}}, "from"),
        ({"rules": {"job": 'a"b'}}, "job"),
    ],
    ids=str,
)
def test_wrong_values_are_named(wrong: dict[str, Any], named_so: str, tmp_path: Path) -> None:
    done = render(tmp_path, wrong)
    assert done.returncode != 0
    assert named_so in done.stderr


@pytest.mark.parametrize("name", VALUES)
def test_the_exporter_has_no_privilege_and_is_reached_on_its_port(name: str, tmp_path: Path) -> None:
    manifests = rendered(tmp_path, VALUES[name])
    template = named(manifests, "Deployment")["spec"]["template"]
    (container,) = template["spec"]["containers"]
    in_force = {**template["spec"]["securityContext"], **container["securityContext"]}
    assert {key: in_force.get(key) for key in RESTRICTED} == RESTRICTED
    assert template["spec"]["automountServiceAccountToken"] is False
    assert container["ports"] == [{"name": "metrics", "containerPort": PORT}]
    assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]
    assert {"name": "tmp", "emptyDir": SCRATCH} in template["spec"]["volumes"]
    service = named(manifests, "Service")["spec"]
    assert service["ports"] == [{"name": "metrics", "port": PORT, "targetPort": "metrics"}]
    labels = template["metadata"]["labels"]
    for document in manifests:
        spec = document.get("spec", {})
        selector = spec.get("podSelector", spec.get("selector", {}))
        if document["kind"] in ("Deployment", POLICY, BUDGET):
            assert selector["matchLabels"].items() <= labels.items()
    assert service["selector"].items() <= labels.items()


@pytest.mark.parametrize("name", VALUES)
def test_its_settings_are_known(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifests = rendered(tmp_path, VALUES[name])
    pod = named(manifests, "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["args"] == [CONFIG_FLAG, "/etc/exporter/config/exporter.toml"]
    (config,) = [each for each in manifests if "exporter.toml" in each.get("data", {})]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["config"]["configMap"]["name"] == config["metadata"]["name"]
    file = tmp_path / "exporter.toml"
    file.write_text(config["data"]["exporter.toml"])
    variables = {each["name"]: each["value"] for each in container["env"]}
    chosen = settings_of(monkeypatch, variables, [CONFIG_FLAG, str(file)])
    assert chosen.web.listen_address == f":{PORT}"
    assert chosen.probe.only
    assert [str(seed) for seed in chosen.sd.seeds] == NEEDED["seeds"]
    assert len(chosen.probe.targets) == len(NEEDED["targets"])
    assert chosen.probe.clients == (20 if name == "all" else 200)
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    password = {module: each.password_file for module, each in chosen.probe.modules.items()}
    if name == "all":
        assert password == {"default": Path(mounts["login"]) / "password"}
        assert volumes["login"]["secret"] == {"secretName": "aerospike-exporter-login", "defaultMode": 0o440}
    else:
        assert password == {}
        assert "login" not in {**mounts, **volumes}


def test_an_exporter_with_what_is_rendered_lists_and_reads_a_node(tmp_path: Path) -> None:
    with InfoServer(replies("8.1/cache-fragmented").get) as node:
        address = f"127.0.0.1:{node.address[1]}"
        log = f'[log]\nfile = "{tmp_path / "exporter.log"}"\n'
        manifests = rendered(tmp_path, {"seeds": [address], "targets": [address], "config": log})
        (config,) = [each["data"] for each in manifests if "exporter.toml" in each.get("data", {})]
        (container,) = named(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
        variables = {each["name"]: each["value"] for each in container["env"]}
        variables["AMX_WEB__LISTEN_ADDRESS"] = "127.0.0.1:0"
        file = tmp_path / "exporter.toml"
        file.write_text(config["exporter.toml"])
        with running(CONFIG_FLAG, str(file), **variables) as process:
            exporter = Running(process, tmp_path)
            for probe in ("readinessProbe", "livenessProbe"):
                assert exporter.get(container[probe]["httpGet"]["path"]).status_code == 200
            assert exporter.get("/sd").status_code == 200
            assert series(exporter.get(f"/probe?target={address}").text)["up"] == 1
            assert "up" not in series(exporter.get().text)


def test_prometheus_lists_and_reads_the_nodes_through_the_service(tmp_path: Path) -> None:
    manifests = rendered(tmp_path, ALL)
    service = named(manifests, "Service")
    address = f"{service['metadata']['name']}.db.svc:{PORT}"
    scrape = named(manifests, "ScrapeConfig")
    spec = scrape["spec"]
    assert (spec["jobName"], spec["scrapeInterval"], spec["scrapeTimeout"]) == ("aerospike", "30s", "20s")
    assert [each["url"] for each in spec["httpSDConfigs"]] == [f"http://{address}/sd"]
    assert spec["relabelings"][-1] == {"targetLabel": "__address__", "replacement": address}
    monitor = named(manifests, MONITOR)
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"][0]["relabelings"][0]["replacement"] not in (JOB, "aerospike")
    for document in (scrape, monitor, named(manifests, "PrometheusRule")):
        assert document["metadata"]["labels"]["release"] == "prometheus"


def test_annotations_are_there_only_where_they_are_wanted(tmp_path: Path) -> None:
    wanted = named(rendered(tmp_path, {}), "Service")["metadata"]["annotations"]
    assert wanted == {"prometheus.io/scrape": "true", "prometheus.io/port": str(PORT)}
    assert "annotations" not in named(rendered(tmp_path, OPERATOR), "Service")["metadata"]


@pytest.mark.parametrize("name", SITES)
def test_the_rules_are_those_of_the_command_for_the_same_site(name: str, tmp_path: Path) -> None:
    values, site = SITES[name]
    rule = named(rendered(tmp_path, {**OPERATOR, "rules": values}), "PrometheusRule")
    assert rule["spec"] == yaml.safe_load(as_one("prometheus", site) or "")


def test_the_output_of_the_command_takes_the_place_of_the_rules(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["rules", "--rules.thresholds.areas-left", "12345"]) == 0
    file = tmp_path / "rules.yml"
    file.write_text(capsys.readouterr().out)
    rule = named(rendered(tmp_path, OPERATOR, "--set-file", f"rules.file={file}"), "PrometheusRule")
    assert rule["spec"] == yaml.safe_load(file.read_text())
    assert "12345" in file.read_text()


def test_each_dashboard_is_there_under_the_labels_of_the_sidecar(tmp_path: Path) -> None:
    boards: dict[str, Any] = {}
    for document in rendered(tmp_path, ALL):
        if document["metadata"]["labels"].get("grafana_dashboard") == "1":
            assert document["metadata"]["annotations"] == {"grafana_folder": "Aerospike"}
            boards |= {name: json.loads(text) for name, text in document["data"].items()}
    written = {f"{JOB}-{path.name}": json.loads(path.read_text()) for path in (ROOT / "dashboards").glob("*.json")}
    assert len(written) == 5
    assert boards == written


def test_the_policy_lets_in_whom_the_values_name(tmp_path: Path) -> None:
    spec = named(rendered(tmp_path, ALL), POLICY)["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    (ingress,) = spec["ingress"]
    assert ingress == {"from": ALL["networkPolicy"]["from"], "ports": [{"protocol": "TCP", "port": PORT}]}
    nodes, names = spec["egress"]
    assert nodes["to"] == ALL["networkPolicy"]["to"]
    assert [port["port"] for port in nodes["ports"]] == [3000, 4333]
    assert {port["port"] for port in names["ports"]} == {53}


def test_the_notes_have_the_job_for_the_nodes_where_no_operator_has_it(tmp_path: Path) -> None:
    notes = notes_of(tmp_path, {"scrape": {"by": "none"}, "rules": {"job": "aerospike"}})
    (text,) = re.findall(r"^  - job_name: .*\n(?:    .*\n)+", notes, re.MULTILINE)
    file = tmp_path / "prometheus.yml"
    file.write_text(f"scrape_configs:\n{text}")
    done = subprocess.run(
        [promtool(), "check", "config", str(file)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (job,) = yaml.safe_load(text)
    spec = named(rendered(tmp_path, {**OPERATOR, "rules": {"job": "aerospike"}}), "ScrapeConfig")["spec"]
    assert (job["job_name"], job["metrics_path"]) == (spec["jobName"], spec["metricsPath"])
    assert [each["url"] for each in job["http_sd_configs"]] == [each["url"] for each in spec["httpSDConfigs"]]
    # The first is for the Operator's shards alone.
    relabelings = [{_snake(key): value for key, value in each.items()} for each in spec["relabelings"][1:]]
    assert job["relabel_configs"] == relabelings


def test_the_shards_of_the_operator_take_whole_clusters(tmp_path: Path) -> None:
    first, *others = named(rendered(tmp_path, OPERATOR), "ScrapeConfig")["spec"]["relabelings"]
    assert first == {"sourceLabels": ["__meta_aerospike_cluster_name"], "targetLabel": "__tmp_hash"}
    # One of our own would have the Operator leave out its shards (appendShardingRelabelingWithAddressIfMissing).
    assert [each for each in others if "modulus" in each] == []


def test_a_drain_takes_one_exporter_at_a_time(tmp_path: Path) -> None:
    budget = named(rendered(tmp_path, {"replicas": 5}), BUDGET)["spec"]
    assert (budget["maxUnavailable"], budget.get("minAvailable")) == (1, None)


def test_the_notes_have_no_job_where_the_operator_has_it(tmp_path: Path) -> None:
    assert "job_name" not in notes_of(tmp_path, OPERATOR)


def _snake(name: str) -> str:
    return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)
