"""The examples of docs/fleet.md are what they say: settings of ours, and a configuration of Prometheus."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from exporter.fleet.modules import modules_of
from exporter.model.endpoint import endpoint
from exporter.settings import load as settings
from tests.deploy.rule_files import ALERTS, RULES
from tests.support import TESTS, promtool

PAGE = (TESTS.parent / "docs" / "fleet.md").read_text()


def examples(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_settings_are_accepted_and_list_what_the_page_says(tmp_path: Path) -> None:
    secrets = {name: tmp_path / name for name in ("password", "ca.pem")}
    text = examples("toml")[0]
    for name, path in secrets.items():
        path.write_text("x")
        text = text.replace(f"/etc/exporter/{name}", str(path))
    (tmp_path / "exporter.toml").write_text(text)
    chosen = settings.load(["--config.file", str(tmp_path / "exporter.toml")])
    modules = modules_of(chosen.probe)
    assert chosen.probe.only
    assert "default" in modules
    for target, allowed in {
        "10.1.2.3:3000": True,
        "a.db.example.com:3010": True,
        "db.example.com:3000": False,
        "11.0.0.1:3000": False,
    }.items():
        assert modules.allowed.allows(endpoint(target)) is allowed
    assert all(modules.allowed.allows(endpoint(seed)) for seed in chosen.sd.seeds)


@pytest.mark.parametrize("number", [0, 1], ids=["one exporter", "the plan"])
def test_prometheus_accepts_its_configuration(number: int, tmp_path: Path) -> None:
    for rules in (RULES, ALERTS):
        shutil.copy(rules, tmp_path)
    file = tmp_path / "prometheus.yml"
    file.write_text(examples("yaml")[number])
    run = subprocess.run([promtool(), "check", "config", str(file)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
