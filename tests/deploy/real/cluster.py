"""The cluster that KUBECONFIG names, by `kubectl` and `helm`, in namespaces that are made and removed."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import yaml

from tests.deploy.manifests import DEPLOY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

KUBERNETES = DEPLOY / "kubernetes"
SERVER_SIDE = ("--dry-run=server", "--validate=strict")
OPERATED = (
    *("podmonitors.monitoring.coreos.com", "servicemonitors.monitoring.coreos.com"),
    *("scrapeconfigs.monitoring.coreos.com", "prometheusrules.monitoring.coreos.com"),
)
"""The resource definitions of the Prometheus Operator that the manifests use."""


def run(*command: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """The exit code of a command that is given a text, and what it says."""
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=300, check=False)


def tell(*command: str, text: str = "") -> str:
    """What a command says that does what it is told."""
    done = run(*command, text=text)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def missing(*names: str) -> list[str]:
    """Which resource definitions the cluster lacks."""
    found = json.loads(tell("kubectl", "get", "customresourcedefinitions", "--output=json"))["items"]
    return [name for name in names if name not in {each["metadata"]["name"] for each in found}]


def can_run_pods() -> bool:
    """Whether a machine of it is ready."""
    machines = json.loads(tell("kubectl", "get", "nodes", "--output=json"))["items"]
    states = [each for machine in machines for each in machine["status"].get("conditions", [])]
    return any(each["type"] == "Ready" and each["status"] == "True" for each in states)


@contextlib.contextmanager
def namespace(level: str = "privileged") -> Iterator[str]:
    """A namespace in which a Pod Security Standard is enforced."""
    name = f"exporter-test-{secrets.token_hex(4)}"
    labels = {"pod-security.kubernetes.io/enforce": level}
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    tell("kubectl", "create", "--filename=-", text=json.dumps(manifest))
    try:
        yield name
    finally:
        tell("kubectl", "delete", "namespace", name, "--wait=false")


def overlay(directory: Path, variant: str, space: str, images: Mapping[str, str] | None = None) -> Path:
    """A kustomization that has a variant in another namespace and with other images, by `NAME: NEW:TAG`."""
    directory.mkdir()
    content: dict[str, Any] = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    if (KUBERNETES / variant / "kustomization.yaml").exists():
        content["resources"] = [os.path.relpath(KUBERNETES / variant, directory)]
    else:
        for path in (KUBERNETES / variant).glob("*.yaml"):
            shutil.copy(path, directory)
        content["resources"] = sorted(path.name for path in directory.iterdir())
    content["namespace"] = space
    split = {name: image.rpartition(":") for name, image in (images or {}).items()}
    content["images"] = [{"name": name, "newName": new, "newTag": tag} for name, (new, _, tag) in split.items()]
    (directory / "kustomization.yaml").write_text(json.dumps(content))
    return directory


def built(directory: Path) -> list[dict[str, Any]]:
    """The manifests of a kustomization."""
    return [each for each in yaml.safe_load_all(tell("kubectl", "kustomize", str(directory))) if each]
