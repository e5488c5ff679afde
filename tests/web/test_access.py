"""The endpoint with passwords and TLS, over real connections."""

from __future__ import annotations

import concurrent.futures
from pathlib import Path

import bcrypt
import pytest
import requests
import trustme

from exporter import NAME
from exporter.settings.schema import WebConfigSettings
from tests.serving import Registry, serving


def protected(directory: Path, text: str) -> Path:
    path = directory / "web.yml"
    path.write_text(text)
    return path


def test_without_the_password_nothing_is_shown(tmp_path: Path) -> None:
    hashed = bcrypt.hashpw(b"open sesame", bcrypt.gensalt(4)).decode()
    config = WebConfigSettings(file=protected(tmp_path, f"basic_auth_users:\n  prometheus: {hashed}\n"))
    with serving(Registry(), config=config) as server:
        for path in ("/metrics", "/", "/-/healthy", "/nothing"):
            response = server.get(path)
            assert response.status_code == 401
            assert response.headers["WWW-Authenticate"] == f'Basic realm="{NAME}"'
            assert response.text == "401 Unauthorized\n"
        for _ in range(2):
            response = requests.get(server.url + "/metrics", auth=("prometheus", "open sesame"), timeout=10)
            assert response.status_code == 200
            assert requests.get(server.url, auth=("prometheus", "guess"), timeout=10).status_code == 401


def test_who_guesses_passwords_does_not_hold_up_those_who_know_them(tmp_path: Path) -> None:
    hashed = bcrypt.hashpw(b"open sesame", bcrypt.gensalt(10)).decode()
    config = WebConfigSettings(file=protected(tmp_path, f"basic_auth_users:\n  prometheus: {hashed}\n"))
    with serving(Registry(), config=config) as server, concurrent.futures.ThreadPoolExecutor(16) as guessers:
        assert requests.get(server.url + "/metrics", auth=("prometheus", "open sesame"), timeout=10).status_code == 200
        guesses = [
            guessers.submit(requests.get, server.url, auth=("prometheus", f"guess{number}"), timeout=30)
            for number in range(40)
        ]
        response = requests.get(server.url + "/metrics", auth=("prometheus", "open sesame"), timeout=10)
        assert response.status_code == 200
        assert not all(guess.done() for guess in guesses), "the guesses were over before"
        assert {guess.result().status_code for guess in guesses} <= {401, 429}


def test_tls_is_spoken_as_the_file_says_and_a_client_without_a_certificate_is_refused(tmp_path: Path) -> None:
    authority = trustme.CA()
    server_certificate, client_certificate = authority.issue_cert("127.0.0.1"), authority.issue_cert("prometheus@host")
    server_certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    server_certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    client_certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "client.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    text = (
        "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n"
        "  client_ca_file: ca.pem\n  client_auth_type: RequireAndVerifyClientCert\n"
    )
    config = WebConfigSettings(file=protected(tmp_path, text))
    with serving(Registry(), config=config) as server:
        url, trusted = server.url.replace("http:", "https:") + "/metrics", str(tmp_path / "ca.pem")
        response = requests.get(url, verify=trusted, cert=str(tmp_path / "client.pem"), timeout=10)
        assert response.status_code == 200
        with pytest.raises(requests.exceptions.ConnectionError):
            requests.get(url, verify=trusted, timeout=10)
        with pytest.raises(requests.exceptions.ConnectionError):
            requests.get(server.url + "/metrics", timeout=10)
        # A handshake that never ends holds nobody up.
        with server.connect():
            response = requests.get(url, verify=trusted, cert=str(tmp_path / "client.pem"), timeout=10)
            assert response.status_code == 200
