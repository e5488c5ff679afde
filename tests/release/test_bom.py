"""The bill of materials lists what the wheel installs, and nothing else."""

from __future__ import annotations

import json
import zipfile
from email import message_from_string
from importlib import metadata
from typing import TYPE_CHECKING, Any

import pytest

from exporter import NAME, __version__
from release.bom import Component, bom, installed, locked, required
from release.errors import ReleaseError
from tests.release.conftest import EPOCH, ROOT

if TYPE_CHECKING:
    from tests.release.conftest import Release

LOCK = """\
certifi==2026.1.1 \\
    --hash=sha256:00
tomli==2.5.0 ; python_full_version < '3' \\
    --hash=sha256:01 \\
    --hash=sha256:02
Typing_Extensions==4.1 ; python_full_version >= '3' \\
    --hash=sha256:03
"""


@pytest.fixture(scope="module")
def document(release: Release) -> dict[str, Any]:
    """The one of the release."""
    found: dict[str, Any] = json.loads(release.file("*.cdx.json").read_text())
    return found


def test_it_lists_what_the_wheel_installs_at_the_locked_versions(release: Release, document: dict[str, Any]) -> None:
    with zipfile.ZipFile(release.file("*.whl")) as wheel:
        (said,) = (wheel.read(name).decode() for name in wheel.namelist() if name.endswith("/METADATA"))
    reached: set[str] = set()
    waiting = set(required(message_from_string(said).get_all("Requires-Dist", [])))
    while waiting:
        reached |= waiting
        waiting = {name for each in waiting for name in required(metadata.requires(each) or ())} - reached
    assert {component["name"] for component in document["components"]} == reached
    pins = locked((ROOT / "requirements.lock").read_text())
    assert {component["name"]: component["version"] for component in document["components"]} == pins


def test_it_is_of_the_format_and_the_release(document: dict[str, Any]) -> None:
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert document["serialNumber"].startswith("urn:uuid:")
    assert document["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"
    described = document["metadata"]["component"]
    assert (described["name"], described["version"], described["type"]) == (NAME, __version__, "application")
    assert described["purl"] == f"pkg:pypi/{NAME}@{__version__}"


def test_every_dependency_is_a_component_and_every_licence_is_named(document: dict[str, Any]) -> None:
    references = {component["bom-ref"] for component in document["components"]}
    root, *others = document["dependencies"]
    assert {each["ref"] for each in others} == references
    assert root["ref"] not in references
    assert {name for each in document["dependencies"] for name in each["dependsOn"]} == references
    assert [component["name"] for component in document["components"] if not component.get("licenses")] == []


def test_another_version_has_another_serial_number() -> None:
    root, library = Component("root", "1", ("library",)), Component("library", "1", ())
    documents = [bom(root, [each], EPOCH) for each in (library, library._replace(version="2"), library)]
    serials = [json.loads(text)["serialNumber"] for text in documents]
    assert serials[0] == serials[2] != serials[1]


def test_a_lock_is_read_for_this_python() -> None:
    assert locked(LOCK) == {"certifi": "2026.1.1", "typing-extensions": "4.1"}


def test_requirements_of_extras_and_of_other_pythons_are_not_installed() -> None:
    lines = ("Brotli>1; extra == 'br'", "idna<4,>=2.5", "tomli; python_version < '3'", "certifi[x]>=1")
    assert required(lines) == ("certifi", "idna")


def test_an_environment_that_is_not_the_lock_s_is_refused() -> None:
    with pytest.raises(ReleaseError, match=r"^certifi .* is installed, requirements\.lock has 1\.0: remove"):
        installed({"certifi": "1.0"})
    with pytest.raises(ReleaseError, match=r"^no-such-thing 1\.0 of requirements\.lock is not installed: remove"):
        installed({"no-such-thing": "1.0"})
