"""The connection that the settings of a login describe, with the secrets that they name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from exporter.errors import SettingsError
from exporter.scrape.login import connection_to
from exporter.settings.schema import Settings
from exporter.sources.connection import Connection


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def connection(**table: Any) -> Connection:
    return connection_to(Settings.model_validate({"aerospike": table}).aerospike)


def refusal(**table: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        connection(**table)
    return str(caught.value)


def test_the_password_file_loses_its_line_end_and_nothing_else(tmp_path: Path) -> None:
    for text in (" pass word \n", " pass word \r\n", " pass word "):
        file = written(tmp_path / "password", text)
        assert connection(user="x", password_file=str(file)).password == " pass word "


def test_a_password_file_without_a_password_is_named(tmp_path: Path) -> None:
    file = tmp_path / "password"
    assert refusal(user="x", password_file=str(file)) == (
        f"aerospike.password_file: cannot read {file}: No such file or directory"
    )
    assert refusal(user="x", password_file=str(tmp_path)).endswith(f"cannot read {tmp_path}: Is a directory")
    file.write_bytes(b"\xff\xff")
    assert refusal(user="x", password_file=str(file)).endswith(f"cannot read {file}: not text")
    file.write_bytes(b"\n")
    assert refusal(user="x", password_file=str(file)) == f"aerospike.password_file: {file} is empty"


def test_the_tls_settings_are_handed_on_in_the_client_s_words(tmp_path: Path) -> None:
    files = {
        name: written(tmp_path / name, "x\n") for name in ("ca_file", "cert_file", "key_file", "key_password_file")
    }
    tls = {"enable": True, "name": "node", "ca_path": tmp_path, "protocols": "-all +TLSv1.2", "cipher_suite": "HIGH"}
    found = connection(host="h", port=4333, timeout=2, auth="pki", tls={**tls, **files})
    assert found == Connection(
        "h",
        4333,
        2,
        "pki",
        tls_name="node",
        tls={
            "cafile": str(files["ca_file"]),
            "capath": str(tmp_path),
            "certfile": str(files["cert_file"]),
            "keyfile": str(files["key_file"]),
            "keyfile_pw": "x",
            "protocols": "-all +TLSv1.2",
            "cipher_suite": "HIGH",
        },
    )


@pytest.mark.parametrize("name", ["ca_file", "ca_path", "cert_file", "key_file", "key_password_file"])
def test_a_tls_file_that_is_missing_is_named(tmp_path: Path, name: str) -> None:
    missing = tmp_path / "missing"
    expected = f"aerospike.tls.{name}: cannot read {missing}: No such file or directory"
    assert refusal(tls={"enable": True, name: missing}) == expected


def test_a_path_that_cannot_be_one_is_named() -> None:
    assert refusal(tls={"enable": True, "ca_file": "a\0b"}).startswith("aerospike.tls.ca_file: cannot read")
    assert refusal(user="x", password_file="a\0b").startswith("aerospike.password_file: cannot read")


def test_without_tls_nothing_of_it_is_handed_on() -> None:
    assert connection(tls={"enable": False, "ca_file": "missing"}).tls is None
