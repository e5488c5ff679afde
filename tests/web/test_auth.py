"""Who may read the endpoint: as the web configuration file says, also after it changed, and never by a guess."""

from __future__ import annotations

import base64
import os
import ssl
from pathlib import Path

import bcrypt
import pytest
import trustme

from exporter.errors import SettingsError
from exporter.web.auth import LOOK_SECONDS, Access

SECRET = "open sesame"
HASH = bcrypt.hashpw(SECRET.encode(), bcrypt.gensalt(4)).decode()


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def later(self) -> None:
        self.seconds += LOOK_SECONDS


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def certificate(directory: Path, name: str = "localhost") -> trustme.CA:
    authority = trustme.CA()
    leaf = authority.issue_cert(name)
    leaf.private_key_pem.write_to_path(directory / "key.pem")
    leaf.cert_chain_pems[0].write_to_path(directory / "cert.pem")
    authority.cert_pem.write_to_path(directory / "ca.pem")
    return authority


TLS = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n"


def test_without_a_file_everybody_may_read_in_the_clear() -> None:
    access = Access()
    assert not access.asks
    assert access.tls is None


def test_an_empty_file_asks_for_nothing(tmp_path: Path) -> None:
    access = Access(written(tmp_path / "web.yml", ""))
    assert not access.asks
    assert access.tls is None


@pytest.mark.parametrize(
    ("authorization", "right"),
    [
        (basic("prometheus", SECRET), True),
        (basic("prometheus", SECRET).replace("Basic", "bASIC"), True),
        (basic("prometheus", "wrong"), False),
        (basic("prometheus", ""), False),
        (basic("nobody", SECRET), False),
        (basic("", SECRET), False),
        (basic("prometheus", "x" * 500), False),
        ("Bearer " + SECRET, False),
        ("Basic", False),
        ("Basic ===", False),
        ("Basic " + base64.b64encode(b"\xff\xfe:x").decode(), False),
        ("", False),
    ],
)
@pytest.mark.parametrize("prefix", ["$2b$", "$2y$"])
def test_only_the_right_name_with_the_right_password_is_let_in(
    tmp_path: Path, authorization: str, right: bool, prefix: str
) -> None:
    hashed = HASH.replace("$2b$", prefix)
    access = Access(written(tmp_path / "web.yml", f"basic_auth_users:\n  prometheus: {hashed}\n"))
    assert access.asks
    assert access.remembered(authorization) is None
    assert access.allows(authorization) is right
    assert access.remembered(authorization) is right


def test_what_is_remembered_of_passwords_is_bounded_and_ends_with_the_users(tmp_path: Path) -> None:
    clock, path = Clock(), written(tmp_path / "web.yml", f"basic_auth_users:\n  prometheus: {HASH}\n")
    access = Access(path, clock)
    header = basic("prometheus", SECRET)
    assert access.allows(header)
    for number in range(100):
        access.allows(basic("nobody", str(number)))
    assert access.remembered(header) is None
    assert access.allows(header)
    other = bcrypt.hashpw(b"changed", bcrypt.gensalt(4)).decode()
    written(path, f"basic_auth_users:\n  prometheus: {other}\n")
    clock.later()
    assert access.remembered(header) is None
    assert not access.allows(header)
    assert access.allows(basic("prometheus", "changed"))


def test_a_certificate_that_was_renewed_is_used_for_the_next_connection(tmp_path: Path) -> None:
    certificate(tmp_path)
    clock = Clock()
    access = Access(written(tmp_path / "web.yml", TLS), clock)
    first = access.tls
    assert first is not None
    assert access.tls is first
    certificate(tmp_path)
    assert access.tls is first, "looked at again too soon"
    clock.later()
    assert access.tls is not first


def test_a_change_for_the_worse_is_told_once_and_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificate(tmp_path)
    clock, path = Clock(), written(tmp_path / "web.yml", TLS)
    access = Access(path, clock)
    first = access.tls
    with caplog.at_level("INFO", "exporter"):
        written(path, TLS.replace("cert.pem", "new.pem"))
        for _ in range(3):
            clock.later()
            assert access.tls is first
        (line,) = [record.getMessage() for record in caplog.records]
        assert "tls_server_config.cert_file: cannot read" in line
        assert "new.pem" in line
        # The file that was missing is none of those in force, and yet it is seen when it comes.
        os.link(tmp_path / "cert.pem", tmp_path / "new.pem")
        clock.later()
        assert access.tls is not first
    assert caplog.records[-1].getMessage() == f"web.config.file: read {path} again"


def test_what_was_put_right_and_goes_wrong_again_is_told_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock, path = Clock(), written(tmp_path / "web.yml", f"basic_auth_users:\n  prometheus: {HASH}\n")
    access = Access(path, clock)
    with caplog.at_level("INFO", "exporter"):
        # Moved, so that the very file comes back.
        for old, new in [("web.yml", "away"), ("away", "web.yml"), ("web.yml", "away")]:
            (tmp_path / old).rename(tmp_path / new)
            clock.later()
            assert access.asks
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO", "ERROR"]


def test_nobody_gets_in_by_the_password_that_unknown_names_are_compared_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.web.auth._NOBODY", HASH.encode())
    other = bcrypt.hashpw(b"another", bcrypt.gensalt(4)).decode()
    access = Access(written(tmp_path / "web.yml", f"basic_auth_users:\n  prometheus: {other}\n"))
    assert not access.allows(basic("nobody", SECRET))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tls_server_config: [", r"web\.yml is not YAML \(line 1\)"),
        ("[1, 2]", "the file: Input should be"),
        ("basic_auth_users:\n  a: open sesame\n", "basic_auth_users.a: not a bcrypt hash"),
        ("basic_auth_users:\n  a: $2b$31$" + "x" * 53, "basic_auth_users.a: not a bcrypt hash of cost 4 to 19"),
        ("rate_limit:\n  burst: 1\n", "rate_limit: unknown, or not supported"),
        (TLS + "  cipher_suites: [x]\n", "tls_server_config.cipher_suites: unknown, or not supported"),
        (TLS + "  min_version: TLS10\n", "tls_server_config.min_version: "),
        (TLS + "  min_version: TLS13\n  max_version: TLS12\n", "min_version is above max_version"),
        (TLS + "  client_auth_type: RequireAndVerifyClientCert\n", "client_auth_type and client_ca_file go together"),
        (TLS + "  client_auth_type: RequireAnyClientCert\n", "tls_server_config.client_auth_type: "),
        (TLS + "  client_ca_file: ca.pem\n", "client_auth_type and client_ca_file go together"),
        (TLS.replace("key.pem", "cert.pem"), r"cannot use .*cert\.pem with .*cert\.pem: "),
        (TLS.replace("key.pem", "other.pem"), r"key_file: cannot read .*other\.pem: No such file"),
        (
            TLS + "  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: web.yml\n",
            r"client_ca_file: cannot use .*web\.yml: ",
        ),
    ],
)
def test_what_cannot_be_used_is_named_in_one_line_and_no_secret_is_repeated(
    tmp_path: Path, text: str, message: str
) -> None:
    certificate(tmp_path)
    with pytest.raises(SettingsError, match=message) as problem:
        Access(written(tmp_path / "web.yml", text))
    assert len(str(problem.value).splitlines()) == 1
    assert SECRET not in str(problem.value)


def test_a_file_that_is_missing_or_endless_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"web\.config\.file: cannot read .*: No such file"):
        Access(tmp_path / "web.yml")
    with pytest.raises(SettingsError, match="is too large"):
        Access(written(tmp_path / "web.yml", "#" * (1 << 20) + "\n"))


def test_versions_and_who_must_show_a_certificate_are_as_told(tmp_path: Path) -> None:
    certificate(tmp_path)
    text = TLS + "  client_ca_file: ca.pem\n  client_auth_type: RequireAndVerifyClientCert\n  min_version: TLS13\n"
    tls = Access(written(tmp_path / "web.yml", text)).tls
    assert tls is not None
    assert tls.verify_mode is ssl.CERT_REQUIRED
    assert tls.minimum_version is ssl.TLSVersion.TLSv1_3
    lenient = Access(
        written(tmp_path / "web.yml", text.replace("RequireAndVerifyClientCert", "VerifyClientCertIfGiven"))
    )
    assert lenient.tls is not None
    assert lenient.tls.verify_mode is ssl.CERT_OPTIONAL
