"""Secrets planted in every place that takes one, and all that the exporter says searched for them."""

from __future__ import annotations

import base64
import gzip
import http.server
import json
import os
import threading
import time
from pathlib import Path

import bcrypt
import psutil
import pytest
import requests
import trustme
from cryptography.hazmat.primitives import serialization
from pydantic import SecretStr

from exporter import cli
from exporter.demo.wire import InfoServer
from exporter.settings.keys import keys
from tests.logins import Logins
from tests.serving import OPENMETRICS
from tests.support import logging_as_before, replies
from tests.test_cli import ENVIRONMENT, running

NODE = replies("8.1/cache-steady")
CLIENTS_SALT = b"$2a$10$7EqJtq98hPqEX7fNZaFWoO"

PASSWORD = "hush-password-1f"
WRONG_PASSWORD = "hush-wrong-password-2e"
PASSPHRASE = "hush-passphrase-3d"
WEB_PASSWORD = "hush-web-password-4c"
TOKEN = "hush-bearer-token-97"
STRAY = "hush-stray-value-5b"
IN_URL = "hush-in-url-6a"
IN_HEADER = "hush-in-header-79"
EXCLUDED_SET = "hush-excluded-set-88"

NODE_HASH = bcrypt.hashpw(PASSWORD.encode(), CLIENTS_SALT).decode()
WEB_HASH = bcrypt.hashpw(WEB_PASSWORD.encode(), bcrypt.gensalt(4)).decode()
LOGIN = base64.b64encode(f"prometheus:{WEB_PASSWORD}".encode()).decode()

# What stands for a secret is one, too: the node takes the hash of a password for the password.
SECRETS = (
    *(PASSWORD, WRONG_PASSWORD, PASSPHRASE, WEB_PASSWORD, TOKEN, STRAY, IN_URL, IN_HEADER, EXCLUDED_SET),
    *(NODE_HASH, bcrypt.hashpw(WRONG_PASSWORD.encode(), CLIENTS_SALT).decode(), WEB_HASH, LOGIN),
)


def leaks(outputs: dict[str, str]) -> list[str]:
    return [f"{secret} in {name}" for name, text in outputs.items() for secret in SECRETS if secret in text]


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ.keys() - ENVIRONMENT.keys():
        monkeypatch.delenv(name)


@pytest.fixture
def node() -> InfoServer:
    sets = f"{NODE['sets/carts']}".replace("set=cart:", f"set={EXCLUDED_SET}:")
    assert EXCLUDED_SET in sets
    return InfoServer({**NODE, "sets/carts": sets}.get, logins=Logins({"exporter": NODE_HASH}))


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_every_setting_that_takes_a_secret_is_known_here() -> None:
    kept = {key.name for key in keys() if SecretStr in getattr(key.field.annotation, "__args__", ())}
    files = {key.name for key in keys() if key.name.endswith(("password_file", "token_file"))}
    assert kept == {"aerospike.password", "prometheus.password", "prometheus.bearer_token"}
    assert files == {f"{name}_file" for name in (*kept, "aerospike.tls.key_password")}


def test_nothing_that_is_served_logged_or_listed_holds_a_secret(node: InfoServer, tmp_path: Path) -> None:
    web = written(tmp_path / "web.yml", f"basic_auth_users:\n  prometheus: {WEB_HASH}\n")
    log = tmp_path / "log"
    outputs: dict[str, str] = {}
    flags = ["--web.listen-address=127.0.0.1:0", f"--web.config.file={web}", f"--log.file={log}"]
    flags += ["--log.level=debug", "--log.format=json", "--aerospike.user=exporter", "--collector.sets.exclude=carts/*"]
    with node, running(*flags, AMX_AEROSPIKE__PASSWORD=PASSWORD, AMX_AEROSPIKE__PORT=str(node.address[1])) as process:
        url = address(log)
        outputs["ps"] = " ".join(psutil.Process(process.pid).cmdline())
        for accept in ("text/plain", OPENMETRICS, "*/*"):
            found = asked(f"{url}/metrics?token={IN_URL}", Accept=accept)
            outputs[f"/metrics as {accept}"] = found
            assert "up 1" in found
        for path in ("/", "/-/healthy", "/-/ready", f"/{IN_URL}", f"/metrics/{IN_URL}?{IN_URL}", f"/%0d%0a{IN_URL}"):
            outputs[path.replace(IN_URL, "...")] = asked(url + path)
        outputs["a method"] = asked(f"{url}/metrics", "POST")
        outputs["an unknown user"] = asked(f"{url}/metrics", Authorization=f"Basic {IN_HEADER}")
        # Nobody can log in any more: what the log says of that counts, too.
        node.logins.answer = lambda message: (bytes([0, 65, message[2], 0]).ljust(16, b"\0"), False)  # type: ignore[method-assign]
        node.close()
        node.start()
        for _ in range(2):
            asked(f"{url}/metrics")
        process.terminate()
        outputs["stdout"], outputs["stderr"] = process.communicate(timeout=30)
    outputs["log"] = log.read_text()
    assert "refused the login" in outputs["log"]
    assert all(json.loads(line) for line in outputs["log"].splitlines())
    assert "404 Not Found" in outputs["/..."]
    assert "401 Unauthorized" in outputs["an unknown user"]
    assert leaks(outputs) == []


def address(log: Path) -> str:
    deadline = time.monotonic() + 60
    while not (log.exists() and "listens on" in log.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return "http://127.0.0.1:" + log.read_text().split("listens on http://127.0.0.1:")[1].split("/")[0]


def asked(url: str, method: str = "GET", **headers: str) -> str:
    """All of an answer, head and body."""
    given = {"Authorization": f"Basic {LOGIN}", "X-Secret": IN_HEADER, "Cookie": IN_HEADER, "Referer": IN_HEADER}
    response = requests.request(method, url, headers={**given, **headers}, timeout=30)
    return f"{response.status_code} {response.reason}\n{response.headers}\n{response.text}"


def test_a_look_at_a_node_shows_and_saves_no_secret(
    node: InfoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs: dict[str, str] = {}
    saved = tmp_path / "saved.json"
    right = written(tmp_path / "right", f"{PASSWORD}\n")
    wrong = written(tmp_path / "wrong", f"{WRONG_PASSWORD}\n")
    with node:
        common = ["analyze", f"--aerospike.port={node.address[1]}", "--aerospike.user=exporter"]
        common += ["--collector.sets.exclude=carts/*"]
        runs = {
            "text": [f"--aerospike.password-file={right}", "--save", str(saved)],
            "json": [f"--aerospike.password-file={right}", "--output", "json"],
            "refused": [f"--aerospike.password-file={wrong}"],
        }
        codes = {}
        for name, words in runs.items():
            codes[name] = cli.main([*common, *words])
            outputs[name] = "".join(capsys.readouterr())
    assert (codes, "refused the login" in outputs["refused"]) == ({"text": 0, "json": 0, "refused": 1}, True)
    content = saved.read_bytes()
    outputs["saved"] = (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode()
    assert NODE["node"] in outputs["saved"]
    assert leaks(outputs) == []


class Refusing(http.server.BaseHTTPRequestHandler):
    """A Prometheus that wants another login."""

    def do_POST(self) -> None:
        self.send_response(401)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.mark.parametrize(
    "variables",
    [
        {"AMX_PROMETHEUS__BEARER_TOKEN": TOKEN},
        {"AMX_PROMETHEUS__USER": "prometheus", "AMX_PROMETHEUS__PASSWORD": WEB_PASSWORD},
    ],
)
def test_a_report_that_is_refused_shows_no_secret(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with http.server.HTTPServer(("127.0.0.1", 0), Refusing) as server, logging_as_before():
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        cli.main(["report", f"--prometheus.url=http://127.0.0.1:{server.server_port}"])
        server.shutdown()
        thread.join()
    text = "".join(capsys.readouterr())
    assert "refused the login" in text
    assert leaks({"report": text}) == []


def test_no_complaint_about_settings_repeats_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    certificate = trustme.CA().issue_cert("node")
    (chain,) = certificate.cert_chain_pems
    chain.write_to_path(tmp_path / "cert.pem")
    key = serialization.load_pem_private_key(certificate.private_key_pem.bytes(), None)
    formats = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    encrypted = key.private_bytes(*formats, serialization.BestAvailableEncryption(b"another passphrase"))
    (tmp_path / "key.pem").write_bytes(encrypted)
    passphrase = written(tmp_path / "passphrase", PASSPHRASE)
    tls = ["--aerospike.tls.enable", f"--aerospike.tls.cert-file={tmp_path}/cert.pem", "--aerospike.port=1"]
    tls += [f"--aerospike.tls.key-file={tmp_path}/key.pem", f"--aerospike.tls.key-password-file={passphrase}"]
    file = written(tmp_path / "a.toml", f'[aerospike]\nuser = "x"\npassword = ["{PASSWORD}"]\nnope = "{STRAY}"\n')
    broken = written(tmp_path / "b.toml", f'[aerospike]\npassword = "{PASSWORD}\n')
    web = written(tmp_path / "web.yml", f"basic_auth_users:\n  prometheus: {WEB_PASSWORD}\nnope: {STRAY}\n")
    tries: dict[str, tuple[list[str], dict[str, str]]] = {
        "help": (["--help-all"], {"AMX_AEROSPIKE__PASSWORD": PASSWORD}),
        "a passphrase": (["analyze", *tls], {}),
        "a file": ([f"--config.file={file}"], {}),
        "a broken file": ([f"--config.file={broken}"], {}),
        "a web file": ([f"--web.config.file={web}", "--web.listen-address=127.0.0.1:0"], {}),
        "a password as a flag": ([f"--aerospike.password={PASSWORD}"], {}),
        "a token as a flag": ([f"--prometheus.bearer-token={TOKEN}"], {}),
        "a password in an address": (["report", f"--prometheus.url=ftp://x:{STRAY}@127.0.0.1:1"], {}),
        "a stray word": (["serve", STRAY], {}),
        "a stray command": ([STRAY], {}),
        "a stray variable": ([], {"AMX_TOKEN": STRAY, "AMX_AEROSPIKE__PORT": STRAY, "AMX_OPERATOR": STRAY}),
        "a password alone": ([], {"AMX_AEROSPIKE__PASSWORD": PASSWORD}),
    }
    outputs: dict[str, str] = {}
    for name, (words, variables) in tries.items():
        with monkeypatch.context() as patch, logging_as_before():
            for variable, value in variables.items():
                patch.setenv(variable, value)
            code = cli.main(words)
            outputs[name] = "".join(capsys.readouterr())
            assert (code == 0) == (name == "help"), (name, code)
            assert outputs[name]
            assert "Traceback" not in outputs[name]
    assert leaks(outputs) == []
