"""The manifests: as the published schemas want them, without a privilege, and in step with each other."""

from __future__ import annotations

import copy
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from exporter import __version__
from exporter.rules.site import JOB
from exporter.settings.keys import CONFIG_FLAG
from tests.deploy.manifests import DEPLOY, PORT, RESTRICTED, SCRATCH, check, documents, settings_of
from tests.deploy.rule_files import ALERTS, RULES, groups

if TYPE_CHECKING:
    from pathlib import Path

KUBERNETES = DEPLOY / "kubernetes"
DIRECTORIES = sorted(path.parent.name for path in KUBERNETES.glob("*/kustomization.yaml"))
VARIANTS = ("sidecar", "probe")
OVERLAYS = ("sidecar-with-smaps", "sidecar-with-jemalloc", "sidecar-with-cgroups")
MANIFESTS = sorted(path for path in KUBERNETES.glob("*/*.yaml") if path.name != "kustomization.yaml")


def _one(path: Path) -> dict[str, Any]:
    (document,) = documents(path)
    return document


def _named(variant: str, kind: str) -> dict[str, Any]:
    return _one(KUBERNETES / variant / f"{kind.lower()}.yaml")


def _kustomization(name: str) -> dict[str, Any]:
    return _one(KUBERNETES / name / "kustomization.yaml")


def _pod(workload: dict[str, Any]) -> dict[str, Any]:
    pod: dict[str, Any] = workload["spec"]["template"]["spec"]
    return pod


def _exporter(workload: dict[str, Any]) -> dict[str, Any]:
    (container,) = [each for each in _pod(workload)["containers"] if each["name"] == "exporter"]
    return dict(container)


def _patched(overlay: str) -> dict[str, Any]:
    """The StatefulSet with the patches of an overlay (RFC 6902, as far as they use it)."""
    document = copy.deepcopy(_named("sidecar", "StatefulSet"))
    for patch in _kustomization(overlay)["patches"]:
        assert patch["target"] == {"kind": "StatefulSet", "name": document["metadata"]["name"]}
        for operation in yaml.safe_load(patch["patch"]):
            *path, last = operation["path"].strip("/").split("/")
            place: Any = document
            for key in path:
                place = place[int(key) if isinstance(place, list) else key]
            value = operation["value"]
            if operation["op"] == "test":
                assert place[last] == value
            elif last == "-":
                place.append(value)
            else:
                assert (last in place) == (operation["op"] == "replace"), operation["path"]
                place[last] = value
    return document


def _workload(name: str) -> dict[str, Any]:
    if name in OVERLAYS:
        return _patched(name)
    return _named(name, "StatefulSet" if name == "sidecar" else "Deployment")


def _operated() -> dict[str, Any]:
    """The pod that the Aerospike Kubernetes Operator makes of its resource, as far as the exporter is concerned."""
    spec = _named("aerospike-operator", "AerospikeCluster")["spec"]["podSpec"]
    server = {"name": "aerospike-server", **spec["aerospikeContainer"]}
    return {"spec": {"template": {"spec": {"containers": [server, *spec["sidecars"]]}}}}


def _variables(workload: dict[str, Any]) -> dict[str, str]:
    """The variables of the exporter, with what the kubelet would put where the limit of another container is asked."""
    container, containers = _exporter(workload), _pod(workload)["containers"]
    values = {}
    for each in container.get("env", []):
        asked = each.get("valueFrom", {}).get("resourceFieldRef")
        if asked is None:
            values[each["name"]] = each["value"]
        else:
            (other,) = [one for one in containers if one["name"] == asked["containerName"]]
            amount = other["resources"][asked["resource"].split(".")[0]][asked["resource"].split(".")[1]]
            values[each["name"]] = str(int(amount.removesuffix("Gi")) << 30)
    return values


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_published_schemas_accept_it(path: Path) -> None:
    for document in documents(path):
        check(document)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_published_schemas_accept_what_an_overlay_makes(overlay: str) -> None:
    check(_patched(overlay))


def test_the_schemas_would_name_a_key_that_is_not_known() -> None:
    monitor, workload = _named("sidecar", "PodMonitor"), _named("probe", "Deployment")
    cluster = _named("aerospike-operator", "AerospikeCluster")
    cluster["spec"]["podSpec"]["sidecars"][0]["enviroment"] = []
    with pytest.raises(jsonschema.ValidationError, match="enviroment"):
        check(cluster)
    monitor["spec"]["podMetricsEndpoints"][0]["intervall"] = "15s"
    _pod(workload)["containers"][0]["securityContext"]["readonly"] = True
    with pytest.raises(jsonschema.ValidationError, match="intervall"):
        check(monitor)
    with pytest.raises(kubernetes_validate.ValidationError):
        check(workload)


@pytest.mark.parametrize("name", DIRECTORIES)
def test_a_kustomization_lists_all_that_is_beside_it(name: str) -> None:
    kustomization = _kustomization(name)
    here = KUBERNETES / name
    listed = {each for each in kustomization["resources"] if each.endswith(".yaml")}
    listed |= {file for generator in kustomization.get("configMapGenerator", []) for file in generator["files"]}
    assert listed == {path.name for path in here.iterdir()} - {"kustomization.yaml"}
    assert all((here / each).exists() for each in kustomization["resources"])
    assert {image["newTag"] for image in kustomization.get("images", [])} <= {__version__}


def test_the_whole_is_the_rules_and_the_variants() -> None:
    assert _one(KUBERNETES / "kustomization.yaml")["resources"] == ["rules", *VARIANTS]
    assert {*DIRECTORIES} == {"rules", *VARIANTS, *OVERLAYS}


@pytest.mark.parametrize("name", [".", *DIRECTORIES])
def test_kustomize_builds_it(name: str) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("needs kubectl, which Debian has only in releases that are too old")
    done = subprocess.run(
        [kubectl, "kustomize", str(KUBERNETES / name)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    built = [document for document in yaml.safe_load_all(done.stdout) if document]
    for document in built:
        check(document)
    if name in OVERLAYS:
        (workload,) = [document for document in built if document["kind"] == "StatefulSet"]
        assert _exporter(workload) == _exporter(_patched(name))


@pytest.mark.parametrize("name", [*VARIANTS, "sidecar-with-jemalloc", "sidecar-with-cgroups"])
def test_the_exporter_has_no_privilege(name: str) -> None:
    workload = _workload(name)
    container = _exporter(workload)
    in_force = {**_pod(workload)["securityContext"], **container["securityContext"]}
    assert {key: in_force.get(key) for key in RESTRICTED} == RESTRICTED


def test_reading_smaps_takes_root_with_one_capability_and_changes_nothing_else() -> None:
    context = _exporter(_patched("sidecar-with-smaps"))["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"], "add": ["SYS_PTRACE"]}
    changed = {"runAsNonRoot": False, "runAsUser": 0, "runAsGroup": 0, "capabilities": context["capabilities"]}
    assert context == {**RESTRICTED, **changed}


def test_heap_statistics_are_written_to_a_directory_that_both_see(monkeypatch: pytest.MonkeyPatch) -> None:
    workload = _patched("sidecar-with-jemalloc")
    sampler = settings_of(monkeypatch, _variables(workload)).sampler
    assert sampler.jemalloc
    for container in _pod(workload)["containers"]:
        paths = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert paths["heap-statistics"] == str(sampler.jemalloc_directory)
    (volume,) = [volume for volume in _pod(workload)["volumes"] if volume["name"] == "heap-statistics"]
    # The kubelet leaves the sticky bit of a tmpfs, in which the server may not write to the file of the exporter.
    assert "medium" not in volume["emptyDir"]


def test_the_cgroups_of_the_machine_are_where_the_exporter_looks_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    workload = _patched("sidecar-with-cgroups")
    (mount,) = _exporter(workload)["volumeMounts"]
    assert mount["readOnly"] is True
    assert mount["mountPath"] == str(settings_of(monkeypatch, _variables(workload)).process.cgroupfs)
    (volume,) = [volume for volume in _pod(workload)["volumes"] if volume["name"] == mount["name"]]
    assert volume["hostPath"] == {"path": "/sys/fs/cgroup", "type": "Directory"}


@pytest.mark.parametrize("name", [*VARIANTS, *OVERLAYS])
def test_its_settings_are_known(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    workload = _workload(name)
    container = _exporter(workload)
    words = list(container.get("args", []))
    if words:
        assert words[:-1] == [CONFIG_FLAG]
        directory, file = words[-1].rsplit("/", 1)
        (mount,) = [mount for mount in container["volumeMounts"] if mount["mountPath"] == directory]
        (volume,) = [volume for volume in _pod(workload)["volumes"] if volume["name"] == mount["name"]]
        (generator,) = _kustomization(name)["configMapGenerator"]
        assert (volume["configMap"]["name"], [file]) == (generator["name"], generator["files"])
        words[-1] = str(KUBERNETES / name / file)
    chosen = settings_of(monkeypatch, _variables(workload), words)
    assert chosen.web.listen_address == f":{PORT}"
    assert chosen.process.memory_limit == (None if name == "probe" else 3 << 30)
    if name == "sidecar-with-smaps":
        assert chosen.sampler.smaps


def test_the_sidecar_of_an_operated_cluster_reads_its_node_and_looks_for_no_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = _named("aerospike-operator", "AerospikeCluster")["spec"]
    chosen = settings_of(monkeypatch, _variables(_operated()))
    assert chosen.web.listen_address == f":{PORT}"
    assert (chosen.process.enable, chosen.process.memory_limit) == (False, 3 << 30)
    assert chosen.aerospike.port == cluster["aerospikeConfig"]["network"]["service"]["port"]
    (user,) = [each for each in cluster["aerospikeAccessControl"]["users"] if each["name"] == chosen.aerospike.user]
    assert user["roles"] == []
    (login,) = [each for each in cluster["storage"]["volumes"] if each["name"] == "exporter-login"]
    assert login["source"]["secret"]["secretName"] == user["secretName"]
    password = chosen.aerospike.password_file
    assert password is not None
    assert login["sidecars"] == [{"containerName": "exporter", "path": str(password.parent)}]
    assert password.name == "password"


def test_the_sidecar_of_an_operated_cluster_is_that_of_the_others() -> None:
    operated, shown = _exporter(_operated()), _exporter(_workload("sidecar"))
    same = ("image", "ports", "livenessProbe", "securityContext", "resources")
    assert {key: operated[key] for key in same} == {key: shown[key] for key in same}
    assert "readinessProbe" not in operated
    monitors = [_named(name, "PodMonitor")["spec"] for name in ("aerospike-operator", "sidecar")]
    assert monitors[0]["podMetricsEndpoints"] == monitors[1]["podMetricsEndpoints"]
    # pkg/utils/utils.go of the operator, LabelsForAerospikeCluster.
    assert monitors[0]["selector"] == {"matchLabels": {"app": "aerospike-cluster"}}


def test_a_node_of_the_community_edition_is_sent_no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    probe = settings_of(monkeypatch, {}, [CONFIG_FLAG, str(KUBERNETES / "probe" / "exporter.toml")]).probe
    assert probe.only
    assert probe.modules == {}
    volumes = {volume["name"]: volume for volume in _pod(_named("probe", "Deployment"))["volumes"]}
    assert volumes["login"]["secret"]["optional"] is True


def test_the_password_comes_from_a_secret_that_is_not_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for path in MANIFESTS:
        assert all(document["kind"] != "Secret" for document in documents(path))
    workload = _named("probe", "Deployment")
    file = tmp_path / "exporter.toml"
    text = (KUBERNETES / "probe" / "exporter.toml").read_text()
    file.write_text(re.sub(r"^#(?=[a-z\[])", "", text, flags=re.MULTILINE))
    password = settings_of(monkeypatch, {}, [CONFIG_FLAG, str(file)]).probe.modules["default"].password_file
    assert password is not None
    (mount,) = [each for each in _exporter(workload)["volumeMounts"] if each["mountPath"] == str(password.parent)]
    (volume,) = [each for each in _pod(workload)["volumes"] if each["name"] == mount["name"]]
    assert volume["secret"]["secretName"] == "aerospike-exporter-login"
    assert volume["secret"]["defaultMode"] == 0o440
    how = f"create secret generic {volume['secret']['secretName']} --from-file={password.name}"
    assert how in (KUBERNETES / "probe" / "kustomization.yaml").read_text()


def test_worker_processes_have_a_tmp_for_their_sockets() -> None:
    workload = _named("probe", "Deployment")
    assert {"name": "tmp", "mountPath": "/tmp"} in _exporter(workload)["volumeMounts"]
    assert {"name": "tmp", "emptyDir": SCRATCH} in _pod(workload)["volumes"]


@pytest.mark.parametrize("name", VARIANTS)
def test_nothing_of_the_cluster_is_given_to_the_pod(name: str) -> None:
    pod = _pod(_workload(name))
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert not {"hostPID", "hostNetwork", "hostIPC", "serviceAccountName"} & pod.keys()
    assert not any("hostPath" in volume for volume in pod["volumes"])
    assert pod.get("shareProcessNamespace", False) == (name == "sidecar")


@pytest.mark.parametrize("name", VARIANTS)
def test_the_port_is_found_by_its_name(name: str) -> None:
    container = _exporter(_workload(name))
    assert container["ports"] == [{"name": "metrics", "containerPort": PORT}]
    for probe in ("readinessProbe", "livenessProbe"):
        assert container.get(probe, {"httpGet": {"port": "metrics"}})["httpGet"]["port"] == "metrics"


def test_a_database_is_not_taken_out_of_service_for_its_exporter() -> None:
    assert "readinessProbe" not in _exporter(_workload("sidecar"))
    assert "readinessProbe" in _exporter(_workload("probe"))


def test_memory_is_limited_above_what_was_measured_and_processors_are_not() -> None:
    for name, measured in (("sidecar", 117e6), ("probe", 110e6)):
        resources = _exporter(_workload(name))["resources"]
        amounts = {"Mi": 1 << 20}
        limit = int(resources["limits"]["memory"][:-2]) * amounts[resources["limits"]["memory"][-2:]]
        assert limit > 2 * measured
        assert resources["limits"].keys() == {"memory"}
        assert resources["requests"].keys() == {"cpu", "memory"}


def test_monitors_and_budgets_select_the_pods_that_there_are() -> None:
    labels = {name: _workload(name)["spec"]["template"]["metadata"]["labels"] for name in VARIANTS}
    monitor = _named("sidecar", "PodMonitor")["spec"]
    assert monitor["selector"]["matchLabels"].items() <= labels["sidecar"].items()
    assert [endpoint["port"] for endpoint in monitor["podMetricsEndpoints"]] == ["metrics"]
    service, monitor = _named("probe", "Service"), _named("probe", "ServiceMonitor")["spec"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert service["spec"]["ports"] == [{"name": "metrics", "port": PORT, "targetPort": "metrics"}]
    assert [endpoint["port"] for endpoint in monitor["endpoints"]] == ["metrics"]
    for name in VARIANTS:
        service = _named(name, "Service")
        assert service["spec"]["selector"].items() <= labels[name].items()
        for kind, key in (("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")):
            assert _named(name, kind)["spec"][key]["matchLabels"].items() <= labels[name].items()
        assert _workload(name)["spec"]["selector"]["matchLabels"].items() <= labels[name].items()


def test_a_drain_waits_for_the_database_and_not_for_an_exporter_that_is_not_ready() -> None:
    policies = {name: _named(name, "PodDisruptionBudget")["spec"]["unhealthyPodEvictionPolicy"] for name in VARIANTS}
    assert policies == {"sidecar": "IfHealthyBudget", "probe": "AlwaysAllow"}


def test_a_drain_takes_one_exporter_at_a_time_however_many_there_are() -> None:
    budgets = [_named(name, "PodDisruptionBudget")["spec"] for name in VARIANTS]
    assert [(each.get("maxUnavailable"), each.get("minAvailable")) for each in budgets] == [(1, None)] * len(VARIANTS)


@pytest.mark.parametrize("name", VARIANTS)
def test_copies_are_not_on_one_machine_where_there_are_several(name: str) -> None:
    workload = _workload(name)
    (spread,) = _pod(workload)["topologySpreadConstraints"]
    assert spread["topologyKey"] == "kubernetes.io/hostname"
    assert spread["labelSelector"]["matchLabels"].items() <= workload["spec"]["template"]["metadata"]["labels"].items()


def test_nodes_come_under_the_job_of_the_rules_and_exporters_under_another() -> None:
    def job(relabelings: list[dict[str, Any]]) -> str:
        (name,) = [each["replacement"] for each in relabelings if each["targetLabel"] == "job"]
        return str(name)

    (endpoint,) = _named("sidecar", "PodMonitor")["spec"]["podMetricsEndpoints"]
    assert job(endpoint["relabelings"]) == JOB
    assert _named("probe", "ScrapeConfig")["spec"]["jobName"] == JOB
    (endpoint,) = _named("probe", "ServiceMonitor")["spec"]["endpoints"]
    assert job(endpoint["relabelings"]) != JOB


def test_nodes_over_the_network_are_listed_and_read_through_the_service() -> None:
    spec = _named("probe", "ScrapeConfig")["spec"]
    name = _named("probe", "Service")["metadata"]["name"]
    address = f"{name}.{_kustomization('probe')['namespace']}.svc:{PORT}"
    assert [each["url"] for each in spec["httpSDConfigs"]] == [f"http://{address}/sd"]
    assert spec["metricsPath"] == "/probe"
    written = {each["targetLabel"]: each.get("replacement", each.get("sourceLabels")) for each in spec["relabelings"]}
    # The Operator's shards go by this label, where there is one, else by the address, which is that of the Service.
    assert written.pop("__tmp_hash") == ["__meta_aerospike_cluster_name"]
    assert written == {
        "__param_target": ["__address__"],
        "__param_module": ["__meta_aerospike_module"],
        "instance": ["__address__"],
        "__address__": address,
    }


@pytest.mark.parametrize("name", VARIANTS)
def test_only_prometheus_reaches_the_exporter(name: str) -> None:
    spec = _named(name, "NetworkPolicy")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    prometheus = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
    }
    reached = [rule["from"] for rule in spec["ingress"] if any(port["port"] == PORT for port in rule["ports"])]
    assert reached == [[prometheus]]
    assert all(rule["from"] and rule["ports"] for rule in spec["ingress"])


@pytest.mark.parametrize("name", VARIANTS)
def test_it_reaches_nodes_and_names_only(name: str) -> None:
    rules = _named(name, "NetworkPolicy")["spec"]["egress"]
    nodes, names = rules
    assert nodes["to"] == [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "aerospike"}}}]
    assert {port["port"] for port in nodes["ports"]} == ({3000, 3001, 3002} if name == "sidecar" else {3000})
    assert names["to"][0]["podSelector"]["matchLabels"] == {"k8s-app": "kube-dns"}
    assert {port["port"] for port in names["ports"]} == {53}


def test_the_rules_are_those_of_the_files() -> None:
    rules = _named("rules", "PrometheusRule")
    assert rules["spec"]["groups"] == [*groups(RULES.name), *groups(ALERTS.name)]
