"""The container engine at hand, as its command line: Docker, Podman, or Buildah, which builds and runs nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

NAMES = ("docker", "podman", "buildah")
SECONDS = 900.0
UNPRIVILEGED = (
    *("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges"),
    # Podman would raise these limits, which a machine may not allow.
    *("--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"),
)
"""How the exporter is run everywhere."""


class EngineError(Exception):
    """The engine did not do what it was told; its last line."""


@dataclass(frozen=True)
class Engine:
    """An engine by the name of its program."""

    name: str

    @property
    def runs(self) -> bool:
        """Whether it runs containers."""
        return self.name != "buildah"

    @property
    def compose(self) -> tuple[str, ...]:
        """The command that brings up compose files with it; empty where there is none."""
        if self.name == "docker" and self.ask("compose", "version").returncode == 0:
            return ("docker", "compose")
        return ("podman-compose",) if self.name == "podman" and shutil.which("podman-compose") else ()

    def ask(self, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Its exit code and what it says."""
        return _ask((self.name, *words), cwd)

    def tell(self, *words: str, cwd: Path | None = None) -> str:
        """What it says; raises `EngineError`."""
        return _tell((self.name, *words), cwd)

    def tell_compose(self, *words: str) -> str:
        """What compose says; raises `EngineError`."""
        return _tell((*self.compose, *words))

    def build(self, context: Path, tag: str, arguments: Mapping[str, str], *, network: bool) -> None:
        """Build the Dockerfile of a directory; raises `EngineError`."""
        given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        # The OCI format has no health check.
        given += [] if self.name == "docker" else ["--format=docker"]
        given += [] if network else ["--network=none"]
        self.tell("build", *given, f"--tag={tag}", ".", cwd=context)

    def has(self, image: str) -> bool:
        """Whether it has an image."""
        return self.ask("inspect", "--type=image", image).returncode == 0

    def config(self, image: str) -> dict[str, Any]:
        """The configuration of an image: entry point, user, labels, health check."""
        (told,) = _list(json.loads(self.tell("inspect", "--type=image", image)))
        # Buildah has both formats in its answer.
        found: dict[str, Any] = told["Docker"]["config"] if "Docker" in told else told["Config"]
        # Podman has it beside the rest.
        return {"Healthcheck": told.get("Healthcheck"), **found}


def _ask(command: Sequence[str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def _tell(command: Sequence[str], cwd: Path | None = None) -> str:
    done = _ask(command, cwd)
    if done.returncode != 0:
        raise EngineError(f"{' '.join(command[:2])}: {(done.stderr or done.stdout).strip()[-1500:]}")
    return done.stdout


def _list(told: Any) -> list[dict[str, Any]]:
    return told if isinstance(told, list) else [told]


def engine() -> Engine | None:
    """The one that DEPLOY_ENGINE names, or the first that answers."""
    wanted = os.environ.get("DEPLOY_ENGINE")
    for name in (wanted,) if wanted else NAMES:
        if shutil.which(name) and Engine(name).ask("info").returncode == 0:
            return Engine(name)
    return None
