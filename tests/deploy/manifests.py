"""The files of deploy/ as data, and what they tell the exporter."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import kubernetes_validate
import yaml

from exporter.settings import load as settings
from exporter.settings.schema import WebSettings
from tests.support import TESTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pytest

    from exporter.settings.schema import Settings

ROOT = TESTS.parent
DEPLOY = ROOT / "deploy"
SCHEMAS = Path(__file__).parent / "schemas"
PORT = int(WebSettings().listen_address.removeprefix(":"))
RELEASES = ("1.29.0", "1.37.0")
"""The oldest and the newest release of Kubernetes whose schemas are looked at."""

RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 65534,
    "runAsGroup": 65534,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""What a container without any privilege says, it or its pod."""


SCRATCH = {"medium": "Memory", "sizeLimit": "1Mi"}
"""The volume at /tmp of an exporter that may start worker processes: their sockets are there."""


def documents(path: Path) -> list[dict[str, Any]]:
    """The documents of a YAML file."""
    return [document for document in yaml.safe_load_all(path.read_text()) if document is not None]


def parts(document: object) -> Iterator[dict[str, Any]]:
    """Every mapping in a document, from the outside to the inside."""
    if isinstance(document, dict):
        yield document
        for value in document.values():
            yield from parts(value)
    elif isinstance(document, list):
        for value in document:
            yield from parts(value)


def check(document: dict[str, Any]) -> None:
    """Raise where the published schemas do not accept a manifest, or do not know one of its keys."""
    version = document["apiVersion"].rpartition("/")[2]
    custom = SCHEMAS / f"{document['kind']}-{version}.json"
    if custom.exists():
        jsonschema.validate(document, _strict(json.loads(custom.read_text())))
        return
    for release in RELEASES:
        kubernetes_validate.validate(document, release, strict=True)


def _strict(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a custom resource, in which a key that it does not know is an error."""
    for part in parts(schema):
        if part.get("type") == "object" and "properties" in part:
            part["additionalProperties"] = False
    return schema


def settings_of(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str], words: Sequence[str] = ()) -> Settings:
    """What the exporter makes of variables and words; an unknown or a wrong one is an error."""
    with monkeypatch.context() as patch:
        for name in os.environ:
            if name.upper().startswith("AMX_"):
                patch.delenv(name)
        for name, value in variables.items():
            patch.setenv(name, value)
        return settings.load([word for word in words if word != "demo"])
