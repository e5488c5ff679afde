"""The web configuration file that Prometheus' own programs share: TLS and passwords of the HTTP endpoint.

The format is that of the exporter-toolkit: `tls_server_config` and `basic_auth_users`. What Python's TLS cannot do is
refused by name rather than ignored.
"""

from __future__ import annotations

import re
import ssl
from pathlib import Path  # noqa: TC003 - pydantic needs it at run time
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from exporter.errors import SettingsError

_TLS = "web.config.file: tls_server_config"
_MOST_BYTES = 1 << 20
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}


def _hash(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"\$2[abxy]\$(0[4-9]|1[0-9])\$[./A-Za-z0-9]{53}", value.get_secret_value()):
        raise ValueError("not a bcrypt hash of cost 4 to 19, as `htpasswd -nBC 10 NAME` writes it")
    return value


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class TlsServer(_Table):
    """The certificate that the endpoint shows, and whose it wants to see."""

    cert_file: Path
    key_file: Path
    client_auth_type: Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"] = "NoClientCert"
    client_ca_file: Path | None = None
    min_version: Literal["TLS12", "TLS13"] = "TLS12"
    max_version: Literal["TLS12", "TLS13"] = "TLS13"

    @model_validator(mode="after")
    def _whole(self) -> TlsServer:
        if (self.client_auth_type == "NoClientCert") != (self.client_ca_file is None):
            raise ValueError("client_auth_type and client_ca_file go together")
        if self.min_version > self.max_version:
            raise ValueError("min_version is above max_version")
        return self


class WebConfig(_Table):
    """The file."""

    tls_server_config: TlsServer | None = None
    basic_auth_users: dict[str, Annotated[SecretStr, AfterValidator(_hash)]] = Field(default_factory=dict)


def parsed(path: Path) -> WebConfig:
    """What a file says; raises `SettingsError` with a line per wrong key, never with a value."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise SettingsError(f"web.config.file: {path} is too large")
        read = yaml.safe_load(content.decode())
    except OSError as problem:
        raise SettingsError(f"web.config.file: cannot read {path}: {problem.strerror}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        # Where, and not what: it may be a secret.
        mark = getattr(problem, "problem_mark", None)
        place = f" (line {mark.line + 1})" if mark else ""
        raise SettingsError(f"web.config.file: {path} is not YAML{place}") from None
    try:
        return WebConfig.model_validate({} if read is None else read)
    except ValidationError as errors:
        lines = []
        for error in errors.errors(include_input=False, include_context=False, include_url=False):
            place = ".".join(str(part) for part in error["loc"]) or "the file"
            reason = "unknown, or not supported" if error["type"] == "extra_forbidden" else error["msg"]
            lines.append(f"web.config.file: {place}: {reason.removeprefix('Value error, ')}")
        raise SettingsError("\n".join(lines)) from None


def context(tls: TlsServer, certificate: Path, key: Path, authority: Path | None) -> ssl.SSLContext:
    """What the files say; raises `SettingsError`."""
    # Each is opened first, because the library does not say which one it could not read.
    for name, path in (("cert_file", certificate), ("key_file", key), ("client_ca_file", authority)):
        try:
            if path is not None:
                path.open("rb").close()
        except OSError as problem:
            raise SettingsError(f"{_TLS}.{name}: cannot read {path}: {problem.strerror}") from None
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version, made.maximum_version = _VERSIONS[tls.min_version], _VERSIONS[tls.max_version]
    try:
        # With an empty passphrase, because nobody would answer a question.
        made.load_cert_chain(certificate, key, password=lambda: "")
    except (ssl.SSLError, ValueError) as problem:
        raise SettingsError(f"{_TLS}: cannot use {certificate} with {key}: {_reason(problem)}") from None
    if authority is not None:
        try:
            made.load_verify_locations(authority)
        except ssl.SSLError as problem:
            raise SettingsError(f"{_TLS}.client_ca_file: cannot use {authority}: {_reason(problem)}") from None
        required = tls.client_auth_type == "RequireAndVerifyClientCert"
        made.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    return made


def _reason(problem: Exception) -> str:
    return (getattr(problem, "reason", None) or "not PEM").lower().replace("_", " ")
