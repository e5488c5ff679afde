"""The image without a container engine: its file is read, and its steps are run in a directory."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import bcrypt
import pytest
import requests
import trustme

from exporter import __version__
from tests.deploy.manifests import PORT, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = "/opt/exporter"
START_SECONDS = 60.0


class Instruction(NamedTuple):
    """A line of the Dockerfile, and the stage that it is in."""

    stage: int
    word: str
    rest: str


def _instructions() -> list[Instruction]:
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    found = []
    stage = 0
    for line in filter(None, "\n".join(lines).replace("\\\n", " ").splitlines()):
        word, rest = line.split(None, 1)
        stage += word == "FROM"
        found.append(Instruction(stage, word, " ".join(rest.split())))
    return found


INSTRUCTIONS = _instructions()
BUILD, FINAL = 1, 2


def _of(stage: int, word: str) -> list[str]:
    return [each.rest for each in INSTRUCTIONS if (each.stage, each.word) == (stage, word)]


def _commands(stage: int) -> list[str]:
    return [command.strip() for step in _of(stage, "RUN") for command in step.split("&&")]


def _copied() -> list[tuple[list[str], str]]:
    """The sources and the target of each copy from the repository."""
    copies = [shlex.split(copy) for copy in _of(BUILD, "COPY") + _of(FINAL, "COPY")]
    return [(words[:-1], words[-1]) for words in copies if not words[0].startswith("--from")]


def test_both_stages_are_of_one_pinned_python() -> None:
    (base,) = _of(0, "ARG")
    assert re.fullmatch(r"BASE=python:3\.\d+\.\d+-slim-[a-z]+", base)
    assert _of(BUILD, "FROM") == ["${BASE} AS build"]
    assert _of(FINAL, "FROM") == ["${BASE}"]
    assert {each.stage for each in INSTRUCTIONS} == {0, BUILD, FINAL}


def test_what_is_copied_is_there_and_nothing_else_is_sent_to_the_builder() -> None:
    sources = [source for sources, _ in _copied() for source in sources]
    assert all((ROOT / source).exists() for source in sources)
    first, *allowed = (ROOT / ".dockerignore").read_text().split()
    assert first == "*"
    assert sorted(allowed) == sorted([*(f"!{source}" for source in sources), "**/__pycache__"])


def test_all_that_is_installed_is_pinned_by_its_hash() -> None:
    installs = [command for command in _commands(BUILD) if re.search(r"\bpip\b.*\b(install|wheel)\b", command)]
    assert len(installs) == 4
    for command in installs:
        assert re.search(r"--require-hashes|--no-index|--no-build-isolation", command), command


def test_the_last_stage_builds_nothing_and_is_not_root() -> None:
    assert _commands(FINAL) == ["python -m pip uninstall --yes --root-user-action=ignore setuptools wheel pip"]
    assert [shlex.split(copy)[0] for copy in _of(FINAL, "COPY")] == ["--from=build"]
    (user,) = _of(FINAL, "USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    words = [each.word for each in INSTRUCTIONS if each.stage == FINAL]
    assert words.index("USER") > words.index("COPY")
    assert _of(FINAL, "EXPOSE") == [str(PORT)]


def test_the_labels_say_what_it_is_and_of_which_commit() -> None:
    (given,) = _of(FINAL, "LABEL")
    labels = dict(word.split("=", 1) for word in shlex.split(given))
    assert labels["org.opencontainers.image.version"] == __version__
    assert {"org.opencontainers.image.title", "org.opencontainers.image.licenses"} <= labels.keys()
    arguments = {argument.partition("=")[0] for argument in _of(FINAL, "ARG")}
    assert {labels[f"org.opencontainers.image.{name}"] for name in ("source", "revision")} == {
        f"${{{argument}}}" for argument in arguments
    }


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that stands for the root, after the steps of the first stage.

    The two that fetch what the locks name are left out, and the environment of the tests, which was installed from
    the same versions in the same way, takes the place of what they install.
    """
    root = tmp_path_factory.mktemp("image")
    source = root / "src"
    source.mkdir()
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    for each in INSTRUCTIONS:
        if each.stage != BUILD:
            continue
        if each.word == "COPY":
            *sources, target = shlex.split(each.rest)
            for name in sources:
                _copy(ROOT / name, Path(f"{root}{target}") if target.startswith("/") else source / target, target)
        if each.word == "RUN":
            for command in map(str.strip, each.rest.split("&&")):
                if "--require-hashes" in command:
                    continue
                local = re.sub(rf"{HERE}|/wheels", lambda path: f"{root}{path[0]}", command)
                local = re.sub(r"^(python|pip)\b", lambda word: _program(word[0]), local)
                done = subprocess.run(
                    local, shell=True, cwd=source, env=environment, capture_output=True, text=True, check=False
                )
                assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    packages = next(Path(f"{root}{HERE}").glob("lib/python3*/site-packages"))
    assert {path.name.split("-")[0] for path in packages.iterdir()} == {"exporter", "aerospike_memory_exporter"}
    (packages / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return root


def _copy(source: Path, place: Path, target: str) -> None:
    if source.is_dir():
        shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        place = place / source.name if target.endswith("/") else place
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, place)
        place.chmod(0o600)  # as in a checkout under umask 077


def _program(name: str) -> str:
    python = shlex.quote(sys.executable)
    return python if name == "python" else f"{python} -m pip"


def _argument(word: str, image: Path) -> list[str]:
    """The command of an instruction in its JSON form, in the directory."""
    (rest,) = _of(FINAL, word)
    return [part.replace(HERE, f"{image}{HERE}") for part in json.loads(rest[rest.index("[") :])]


def _check(image: Path, address: str) -> subprocess.CompletedProcess[str]:
    variables = {"AMX_WEB__LISTEN_ADDRESS": address}
    command = _argument("HEALTHCHECK", image)
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=10, check=False)


@contextlib.contextmanager
def _started(image: Path, **variables: str) -> Iterator[str]:
    """The entry point as it was installed, by the address that it listens on."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        address = f"127.0.0.1:{unused.getsockname()[1]}"
    given = {"AMX_WEB__LISTEN_ADDRESS": address, "AMX_AEROSPIKE__PORT": "1", **variables}
    # Nothing of the caller's: what it needs must be in the image.
    with subprocess.Popen(_argument("ENTRYPOINT", image), env=given, cwd="/", stderr=subprocess.PIPE, text=True) as run:
        try:
            assert run.stderr is not None
            line = run.stderr.readline()
            assert f"://{address}/metrics" in line, line
            yield address
        finally:
            run.send_signal(signal.SIGTERM)
            assert run.wait(START_SECONDS) == 0


def test_the_entry_point_serves_what_was_installed(image: Path) -> None:
    with _started(image) as address:
        assert f'version="{__version__}"' in requests.get(f"http://{address}/metrics", timeout=10).text
    told = subprocess.run(
        [f"{image}{HERE}/bin/python", "-I", "-c", "import exporter; print(exporter.__file__)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.startswith(f"{image}{HERE}/lib/")


def test_nothing_is_in_bin_but_python_and_the_exporter(image: Path) -> None:
    programs = {path.name for path in Path(f"{image}{HERE}/bin").iterdir()}
    assert {name for name in programs if not re.fullmatch(r"python[\d.]*", name)} == {"aerospike-memory-exporter"}
    assert "python" in programs


def test_every_user_may_read_the_health_check_whatever_the_checkout_s_modes(image: Path) -> None:
    assert stat.S_IMODE(Path(f"{image}{HERE}/healthy.py").stat().st_mode) == 0o644


def test_what_is_compiled_names_no_time_of_a_file(image: Path) -> None:
    compiled = [path.read_bytes()[4:8] for path in Path(f"{image}{HERE}/lib").rglob("exporter/**/*.pyc")]
    assert len(compiled) > 100
    assert set(compiled) == {b"\x01\0\0\0"}, "by a hash that is not checked: PEP 552"


def test_what_is_installed_is_every_module_of_the_exporter(image: Path) -> None:
    (installed,) = Path(f"{image}{HERE}").glob("lib/python3*/site-packages/exporter")
    files = [path.relative_to(ROOT) for path in (ROOT / "exporter").rglob("*") if path.suffix in (".py", ".typed")]
    assert Path("exporter/rules/__init__.py") in files
    assert sorted(installed.parent / file for file in files) == sorted(
        path for path in installed.rglob("*") if path.is_file() and path.suffix != ".pyc"
    )


def test_the_health_check_needs_no_password_and_no_certificate(image: Path, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n"
    hashed = bcrypt.hashpw(b"open sesame", bcrypt.gensalt(4)).decode()
    users = f"basic_auth_users:\n  prometheus: {hashed}\n"
    clients = "  client_ca_file: ca.pem\n  client_auth_type: RequireAndVerifyClientCert\n"
    for number, text in enumerate(("", users, tls, tls + clients + users)):
        config = tmp_path / f"web{number}.yml"
        config.write_text(text)
        with _started(image, AMX_WEB__CONFIG__FILE=str(config)) as address:
            done = _check(image, address)
            assert (done.returncode, done.stderr) == (0, ""), text
        assert _check(image, address).returncode == 1


def test_the_health_check_sees_an_exporter_that_hangs(image: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = _check(image, f"127.0.0.1:{silent.getsockname()[1]}")
    assert done.returncode == 1
    assert done.stderr == "the exporter does not answer: timed out\n"


def test_the_health_check_ends_before_it_is_ended() -> None:
    (rest,) = _of(FINAL, "HEALTHCHECK")
    limit = re.search(r"--timeout=(\d+)s", rest)
    seconds = re.search(r"^SECONDS = ([\d.]+)$", (ROOT / "deploy/docker/healthy.py").read_text(), re.MULTILINE)
    assert limit
    assert seconds
    assert float(seconds[1]) < int(limit[1])
