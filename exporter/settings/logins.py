"""The tables of the settings that say where to read from, and how to log in there."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic needs it at run time
from typing import Literal

from pydantic import Field, SecretStr, model_validator

from exporter.settings.fields import Host, Seconds, Table, Url


class TlsSettings(Table):
    """TLS to the node; a certificate and key of our own make it mutual."""

    enable: bool = Field(False, description="connect with TLS")
    name: str | None = Field(None, description="name that the node's certificate must have")
    ca_file: Path | None = Field(None, description="certificates of the authorities to trust")
    ca_path: Path | None = Field(None, description="directory of such certificates")
    cert_file: Path | None = Field(None, description="our certificate chain, for mutual TLS")
    key_file: Path | None = Field(None, description="our private key")
    key_password_file: Path | None = Field(None, description="file with the passphrase of the key")
    protocols: str | None = Field(None, description="as in `-all +TLSv1.2`")
    cipher_suite: str | None = Field(None, description="OpenSSL cipher list")

    @model_validator(mode="after")
    def _decided(self) -> TlsSettings:
        # Who names a certificate and forgets the switch would send the password in the clear.
        if self.model_fields_set and "enable" not in self.model_fields_set:
            raise ValueError("give enable, too: true or false")
        return self


class _HostSettings(Table):
    """Where the node is."""

    host: Host = Field("127.0.0.1", description="host of the node")
    port: int = Field(3000, ge=1, le=65535, description="service or admin port")


class ModuleSettings(Table):
    """How to log in to nodes."""

    timeout: Seconds = Field(1.0, description="seconds for one request")
    auth: Literal["internal", "external", "external_insecure", "pki"] | None = Field(
        None, description="internal, external, external_insecure or pki"
    )
    user: str | None = Field(None, min_length=1, description="user name")
    password_file: Path | None = Field(None, description="file with the password")
    tls: TlsSettings = Field(default_factory=TlsSettings)

    @model_validator(mode="after")
    def _login(self) -> ModuleSettings:
        password = self._has_password()
        if self.auth == "pki" and password:
            raise ValueError("auth = pki takes no password")
        if self.auth in ("external", "pki") and not self.tls.enable:
            raise ValueError(f"auth = {self.auth} needs tls.enable")
        if password and not self.user:
            raise ValueError("a password needs a user")
        if self.user and self.auth != "pki" and not password:
            raise ValueError("a user needs a password")
        if self.auth in ("internal", "external", "external_insecure") and not self.user:
            raise ValueError(f"auth = {self.auth} needs a user")
        return self

    def _has_password(self) -> bool:
        return self.password_file is not None


class AerospikeSettings(ModuleSettings, _HostSettings):
    """The node, and how to log in to it."""

    password: SecretStr | None = Field(None, description="not as a flag: `ps` shows those")

    @model_validator(mode="after")
    def _one_password(self) -> AerospikeSettings:
        if self.password is not None and self.password_file is not None:
            raise ValueError("give password or password_file, not both")
        return self

    def _has_password(self) -> bool:
        return bool(self.password or self.password_file)


class PrometheusSettings(Table):
    """The Prometheus that a report is made from (command `report`)."""

    url: Url = Field("http://127.0.0.1:9090", description="address of a Prometheus, for report")
    timeout: Seconds = Field(30.0, description="seconds for one query")
    user: str | None = Field(None, min_length=1, description="user name")
    password_file: Path | None = Field(None, description="file with the password")
    password: SecretStr | None = Field(None, description="not as a flag: `ps` shows those")
    bearer_token_file: Path | None = Field(None, description="file with a bearer token")
    bearer_token: SecretStr | None = Field(None, description="not as a flag: `ps` shows those")
    ca_file: Path | None = Field(None, description="certificates of the authorities to trust")

    @model_validator(mode="after")
    def _login(self) -> PrometheusSettings:
        if self.password is not None and self.password_file is not None:
            raise ValueError("give password or password_file, not both")
        if self.bearer_token is not None and self.bearer_token_file is not None:
            raise ValueError("give bearer_token or bearer_token_file, not both")
        password, token = self.password or self.password_file, self.bearer_token or self.bearer_token_file
        if bool(password) != bool(self.user):
            raise ValueError("user and password go together")
        if password and token:
            raise ValueError("give a password or a bearer token, not both")
        return self
