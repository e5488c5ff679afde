"""The manifests and the chart on the cluster that KUBECONFIG names: what its API server makes of them, and the pods.

Everything is in namespaces of its own. Pods are run where a machine is ready and DEPLOY_IMAGE_EXPORTER names an image
that it can pull, those of the sidecar where DEPLOY_IMAGE_AEROSPIKE names one of a server as well.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from docs.generate.chart import CHART
from tests.deploy.chart import NEEDED, VALUES
from tests.deploy.manifests import PORT
from tests.deploy.real.cluster import (
    KUBERNETES,
    OPERATED,
    SERVER_SIDE,
    built,
    can_run_pods,
    missing,
    namespace,
    overlay,
    run,
    tell,
)
from tests.support import series

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(900), pytest.mark.usefixtures("cluster")]

VARIANTS = sorted({path.parent.name for path in KUBERNETES.glob("*/*.yaml")})
LEVELS = ("restricted", "baseline", "privileged")
STANDARDS = {
    "probe": "restricted",
    "sidecar": "baseline",
    "sidecar-with-jemalloc": "baseline",
    "sidecar-with-cgroups": "privileged",
    "sidecar-with-smaps": "privileged",
}
"""The strictest Pod Security Standard under which the pods of each are let in."""

SIDECARS_ALONE = [name for name, level in STANDARDS.items() if level == "baseline"]
IMAGES = {
    "probe": {"aerospike-memory-exporter": "DEPLOY_IMAGE_EXPORTER"},
    "sidecar": {
        "aerospike-memory-exporter": "DEPLOY_IMAGE_EXPORTER",
        "aerospike/aerospike-server": "DEPLOY_IMAGE_AEROSPIKE",
    },
}
"""Which variable names the image that takes the place of one."""

WORKLOADS = {
    "probe": ("deployment/aerospike-memory-exporter", "exporter_build_info"),
    "sidecar": ("statefulset/aerospike", "up"),
}
"""What runs the pods, and a series that is 1 where all is well."""

CLUSTERS = "aerospikeclusters.asdb.aerospike.com"
GET = f"import urllib.request as u; print(u.urlopen('http://127.0.0.1:{PORT}/metrics', timeout=10).read().decode())"


@pytest.fixture(scope="module")
def cluster() -> None:
    """It answers."""
    if not os.environ.get("KUBECONFIG") or not shutil.which("kubectl"):
        pytest.skip("needs kubectl and a cluster that KUBECONFIG names")
    tell("kubectl", "version")


def _needs(*definitions: str) -> None:
    if lacking := missing(*definitions):
        pytest.skip(f"the cluster has no {', '.join(lacking)}")


def _pod(variant: str) -> dict[str, Any]:
    """The pod that a controller would make of a variant, without the volumes that it would claim."""
    (workload,) = [each for each in built(KUBERNETES / variant) if each["kind"] in ("Deployment", "StatefulSet")]
    pod: dict[str, Any] = copy.deepcopy(workload["spec"]["template"])
    for claim in workload["spec"].get("volumeClaimTemplates", []):
        pod["spec"]["volumes"].append({"name": claim["metadata"]["name"], "emptyDir": {}})
    return {"apiVersion": "v1", "kind": "Pod", **pod, "metadata": {"name": "tried"}}


def _let_in(pod: dict[str, Any], level: str) -> tuple[bool, str]:
    """Whether a namespace of a standard takes a pod, and what the API server says."""
    with namespace(level) as space:
        done = run("kubectl", "create", f"--namespace={space}", *SERVER_SIDE, "--filename=-", text=json.dumps(pod))
    return done.returncode == 0, done.stderr


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_api_server_takes_it_strictly(variant: str, tmp_path: Path) -> None:
    _needs(*OPERATED, *([CLUSTERS] if variant == "aerospike-operator" else []))
    with namespace() as space:
        directory = overlay(tmp_path / "overlay", variant, space)
        said = tell("kubectl", "apply", *SERVER_SIDE, f"--kustomize={directory}")
    assert len(said.splitlines()) == len(built(directory))
    assert all(line.endswith("(server dry run)") for line in said.splitlines())


def test_the_api_server_would_name_a_key_that_it_does_not_know() -> None:
    (workload,) = [each for each in built(KUBERNETES / "probe") if each["kind"] == "Deployment"]
    workload["spec"]["template"]["spec"]["containers"][0]["enviroment"] = []
    with namespace() as space:
        workload["metadata"]["namespace"] = space
        done = run("kubectl", "apply", *SERVER_SIDE, "--filename=-", text=json.dumps(workload))
    assert done.returncode == 1
    assert 'unknown field "spec.template.spec.containers[0].enviroment"' in done.stderr


@pytest.mark.parametrize("variant", STANDARDS)
def test_its_pods_keep_to_the_standard_that_the_page_names_and_to_none_that_is_stricter(variant: str) -> None:
    pod, needed = _pod(variant), STANDARDS[variant]
    assert _let_in(pod, needed) == (True, "")
    for stricter in LEVELS[: LEVELS.index(needed)]:
        taken, said = _let_in(pod, stricter)
        assert not taken
        assert f'violates PodSecurity "{stricter}:' in said


@pytest.mark.parametrize("variant", SIDECARS_ALONE)
def test_the_exporter_of_a_sidecar_keeps_to_restricted(variant: str) -> None:
    pod = _pod(variant)
    pod["spec"]["containers"] = [each for each in pod["spec"]["containers"] if each["name"] == "exporter"]
    for variable in pod["spec"]["containers"][0]["env"]:
        # The other container, whose limit is asked for, is not there.
        if "valueFrom" in variable:
            variable.update(value="3221225472")
            del variable["valueFrom"]
    assert _let_in(pod, "restricted") == (True, "")


@pytest.mark.parametrize("name", VALUES)
def test_helm_installs_the_chart(name: str, tmp_path: Path) -> None:
    if not shutil.which("helm"):
        pytest.skip("needs helm")
    values = {**NEEDED, **VALUES[name]}
    if values.get("scrape", {}).get("by") == "operator":
        _needs(*OPERATED)
    file = tmp_path / "values.yaml"
    file.write_text(json.dumps(values))
    with namespace("restricted") as space:
        words = ("memory", f"--namespace={space}")
        said = tell("helm", "install", *words, f"--values={file}", "--output=json", str(CHART))
        assert json.loads(said)["info"]["status"] == "deployed"
        for each in yaml.safe_load_all(tell("helm", "get", "manifest", *words)):
            kind, named = each["kind"], each["metadata"]["name"]
            assert tell("kubectl", "get", f"--namespace={space}", "--output=name", kind, named).endswith(f"/{named}\n")
        tell("helm", "uninstall", *words)
        left = tell("kubectl", "get", f"--namespace={space}", "--output=name", "deployments,services,networkpolicies")
        assert left == ""


@pytest.mark.parametrize(
    ("variant", "workload", "answer"),
    [
        ("probe", "deployment/aerospike-memory-exporter", "exporter_build_info"),
        ("sidecar", "statefulset/aerospike", "up"),
    ],
    ids=["probe", "sidecar"],
)
def test_pods_come_up_and_are_scraped(variant: str, workload: str, answer: str, tmp_path: Path) -> None:
    _needs(*OPERATED)
    images = {name: os.environ[variable] for name, variable in IMAGES[variant].items() if variable in os.environ}
    if not can_run_pods() or len(images) < len(IMAGES[variant]):
        pytest.skip(f"needs a machine that is ready, and {' and '.join(IMAGES[variant].values())}")
    with namespace(STANDARDS[variant]) as space:
        tell("kubectl", "apply", f"--kustomize={overlay(tmp_path / 'overlay', variant, space, images)}")
        tell("kubectl", "rollout", "status", f"--namespace={space}", "--timeout=240s", workload)
        inside = ("--container=exporter", "--", "/opt/exporter/bin/python", "-Ic", GET)
        metrics = series(tell("kubectl", "exec", f"--namespace={space}", workload, *inside))
    assert [value for name, value in metrics.items() if name.split("{")[0] == answer] == [1]
