"""The files of deploy/ as data, and what they tell the exporter."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import yaml

from exporter.settings import load as settings
from exporter.settings.schema import WebSettings
from tests.support import TESTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pytest

    from exporter.settings.schema import Settings

ROOT = TESTS.parent
DEPLOY = ROOT / "deploy"
PORT = int(WebSettings().listen_address.removeprefix(":"))


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


def settings_of(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str], words: Sequence[str] = ()) -> Settings:
    """What the exporter makes of variables and words; an unknown or a wrong one is an error."""
    with monkeypatch.context() as patch:
        for name in os.environ:
            if name.upper().startswith("AMX_"):
                patch.delenv(name)
        for name, value in variables.items():
            patch.setenv(name, value)
        return settings.load([word for word in words if word != "demo"])
