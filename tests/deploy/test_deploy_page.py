"""The page on deployment: its links lead somewhere, it leaves out no file, and it quotes what the exporter says."""

from __future__ import annotations

import re

import pytest

from exporter.rules.site import JOB
from tests.deploy.manifests import DEPLOY, ROOT

PAGE = (ROOT / "docs" / "deploy.md").read_text()
SOURCES = "\n".join(path.read_text() for path in (ROOT / "exporter" / "sources").glob("*.py"))
MESSAGES = re.findall(r"^\| `([^`]+)` \|", PAGE.split("## When it does not start")[1], re.MULTILINE)


def test_links_lead_somewhere() -> None:
    headings = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = re.findall(r"\]\(([^)]+)\)", PAGE)
    assert links
    for link in links:
        assert link[1:] in anchors if link.startswith("#") else (ROOT / "docs" / link).exists(), link


def test_every_variant_and_addition_is_on_the_page() -> None:
    additions = [path.name for path in DEPLOY.glob("compose/with-*.yaml")]
    additions += [f"with/{path.name}" for path in DEPLOY.glob("systemd/with/*.conf")]
    additions += [path.parent.name for path in DEPLOY.glob("kubernetes/*/kustomization.yaml")]
    assert len(additions) == 11
    additions += ["deploy/kubernetes/aerospike-operator", "deploy/helm/aerospike-memory-exporter"]
    assert all((ROOT / name).is_dir() for name in additions[11:])
    assert [name for name in additions if name not in PAGE] == []


@pytest.mark.parametrize("message", MESSAGES)
def test_what_is_quoted_is_what_the_exporter_says(message: str) -> None:
    written = message.replace("asd", "{self._name}").replace("/proc", "{self._root}")
    assert written in SOURCES


def test_alerts_that_are_named_exist() -> None:
    rules = (DEPLOY / "prometheus" / f"{JOB}.alerts.yml").read_text()
    named = set(re.findall(r"`(AerospikeMemory\w+)`", PAGE))
    assert named
    assert all(f"- alert: {name}\n" in rules for name in named)
