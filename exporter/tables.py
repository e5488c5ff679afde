"""The tables of the settings: every key with its type, bounds, default and help."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping  # noqa: TC003 - pydantic needs it at run time
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from exporter.endpoints import endpoint, entry
from exporter.errors import ParseError
from exporter.memory.config import Amount, Operator

ENV_PREFIX = "AMX_"

_UNITS = {"": 1, "B": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40, "K": 1 << 10, "M": 1 << 20}
_UNITS |= {"G": 1 << 30, "T": 1 << 40}


def _patterns(value: object) -> object:
    """From a flag or a variable a comma list; a JSON list there is meant as one, too."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith('["'):
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError("give a list with commas") from None
    return [part.strip() for part in value.split(",") if part.strip()]


def _address(value: str) -> str:
    match = re.fullmatch(r"(?:\[[0-9a-fA-F:.]+\]|[^:\[\]\s]*):(\d{1,5})", value, re.ASCII)
    # The resolver takes 99999 for 34463.
    if not match or int(match[1]) > 65535:
        raise ValueError("give an address and a port up to 65535, as in :9845 or [::1]:9845")
    return value


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        known = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        known = False
    if not known or parts.query or parts.fragment:
        raise ValueError("give an address as in http://prometheus.example.com:9090")
    if "@" in parts.netloc:
        raise ValueError("give user and password_file, and no login in the address")
    return value


def _bytes(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("give bytes, as in 512MiB")  # to pydantic, true is 1
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d{1,18})\s*([A-Za-z]{0,3})", value.strip(), re.ASCII)
    if not match or match[2].upper() not in _UNITS:
        raise ValueError("give bytes, as in 512MiB")
    return int(match[1]) * _UNITS[match[2].upper()]


def _amount(value: object) -> object:
    """Bytes, or a percentage of what the server allows."""
    if isinstance(value, str) and (match := re.fullmatch(r"(\d{1,3}(?:\.\d{1,6})?)\s*%", value.strip(), re.ASCII)):
        share = float(match[1]) / 100
        if not 0 < share <= 1:
            raise ValueError("give a share above 0 % and up to 100 %")
        return Amount(share=share)
    try:
        size = _bytes(value)
    except ValueError:
        size = None
    if isinstance(size, int) and not isinstance(size, bool) and size > 0:
        return Amount(bytes=size)
    raise ValueError("give bytes, as in 512MiB, or a share of what the server allows, as in 80%")


def _parsed_by(parse: Callable[[str], object]) -> Callable[[str], str]:
    """Lets a text pass that can be parsed."""

    def check(text: str) -> str:
        try:
            parse(text)
        except ParseError as problem:
            raise ValueError(str(problem)) from None
        return text

    return check


Patterns = Annotated[tuple[str, ...], BeforeValidator(_patterns)]
Url = Annotated[str, AfterValidator(_url)]
EndpointPatterns = Annotated[tuple[Annotated[str, AfterValidator(_parsed_by(entry))], ...], BeforeValidator(_patterns)]
Endpoints = Annotated[tuple[Annotated[str, AfterValidator(_parsed_by(endpoint))], ...], BeforeValidator(_patterns)]
ModuleName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Address = Annotated[str, AfterValidator(_address)]
Bytes = Annotated[int, BeforeValidator(_bytes), Field(gt=0)]
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
AmountField = Annotated[Amount, BeforeValidator(_amount)]


class _Table(BaseModel):
    """A table of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class TlsSettings(_Table):
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


class _HostSettings(_Table):
    """Where the node is."""

    host: str = Field("127.0.0.1", min_length=1, description="host of the node")
    port: int = Field(3000, ge=1, le=65535, description="service or admin port")


class ModuleSettings(_Table):
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


class WebConfigSettings(_Table):
    """TLS and passwords of the HTTP endpoint."""

    file: Path | None = Field(None, description="web configuration file: TLS and basic authentication")


class WebSettings(_Table):
    """The HTTP endpoint."""

    listen_address: Address = Field(":9845", description="address and port to listen on")
    timeout: Seconds = Field(10.0, description="seconds for a scrape, fewer where the scraper says so")
    timeout_margin: float = Field(0.25, ge=0, le=60, description="seconds to stay below the scraper's time-out")
    idle_timeout: Seconds = Field(30.0, description="seconds after which a silent client is cut off")
    threads: int = Field(4, ge=1, le=64, description="scrapes that are worked on at once")
    connections: int = Field(512, ge=1, le=65536, description="open connections at most; idle ones give way")
    config: WebConfigSettings = Field(default_factory=WebConfigSettings)


class LogSettings(_Table):
    """The log."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="debug, info, warning or error")
    format: Literal["text", "json"] = Field("text", description="text or json")
    file: Path | None = Field(None, description="write to this file, not to the console")
    file_size: Bytes = Field(10 << 20, description="rotate at this size")
    file_count: int = Field(5, ge=1, le=1000, description="keep so many rotated files")


class SetsSettings(_Table):
    """Which sets become series."""

    include: Patterns = Field(("*",), description="patterns of SET or NS/SET to show")
    exclude: Patterns = Field((), description="patterns not to show; NS/* is not asked for")
    largest: int = Field(100, ge=0, le=1_000_000, description="so many per namespace, the rest as _other; 0: none")


class SindexesSettings(_Table):
    """Which secondary indexes become series."""

    include: Patterns = Field(("*",), description="patterns of INDEX or NS/INDEX to show")
    exclude: Patterns = Field((), description="patterns not to show; they are not asked for")
    largest: int = Field(100, ge=0, le=1_000_000, description="as for sets")
    stat: bool = Field(False, description="on 8.1: ask sindex-stat, a log line per index and scrape")


class CollectorSettings(_Table):
    """The collectors."""

    sets: SetsSettings = Field(default_factory=SetsSettings)
    sindexes: SindexesSettings = Field(default_factory=SindexesSettings)


class OperatorSettings(_Table):
    """The operator's own maximum, minimum and page size for a namespace."""

    max: AmountField | None = None
    min: AmountField | None = None
    page: Bytes | None = None

    @model_validator(mode="after")
    def _ordered(self) -> OperatorSettings:
        least, most = self.min, self.max
        if least and most and ((least.bytes or 0) > (most.bytes or math.inf) or (least.share or 0) > (most.share or 1)):
            raise ValueError("min is above max")
        return self

    @property
    def value(self) -> Operator:
        """As the memory model takes it."""
        return Operator(self.max, self.min, self.page)


class ProcessSettings(_Table):
    """The server's process, where it runs on this host."""

    pid: int | None = Field(None, ge=1, le=1 << 22, description="the server's process, where it is not found by itself")
    procfs: Path = Field(Path("/proc"), description="where the host's /proc is mounted")
    cgroupfs: Path = Field(Path("/sys/fs/cgroup"), description="where the host's cgroups are mounted")


class SamplerSettings(_Table):
    """The slow sources, read in the background."""

    histograms: bool = Field(True, description="ask for the histograms of records by size and remaining life")
    histograms_interval: float = Field(60.0, ge=10, le=86400, description="seconds between two such questions")
    smaps: bool = Field(False, description="read the server's smaps")
    smaps_interval: float = Field(300.0, ge=300, le=86400, description="seconds between two such readings")
    smaps_budget: float = Field(0.5, gt=0, le=60, description="seconds that one may be predicted to take")
    jemalloc: bool = Field(False, description="have the server write heap statistics, and read them")
    jemalloc_interval: float = Field(300.0, ge=60, le=86400, description="seconds between two of them")
    jemalloc_directory: Path | None = Field(None, description="where; both must reach it, and it must not be sticky")
    jemalloc_server_directory: str | None = Field(None, description="the same as the server sees it, if different")

    peers: bool = Field(False, description="ask the other nodes of the cluster what they use")
    peers_interval: float = Field(300.0, ge=60, le=86400, description="seconds between two such rounds")

    @model_validator(mode="after")
    def _directory(self) -> SamplerSettings:
        if self.jemalloc and self.jemalloc_directory is None:
            raise ValueError("jemalloc needs jemalloc_directory")
        return self


class ProbeSettings(_Table):
    """Nodes that are read over the network, when /probe is asked for them."""

    targets: EndpointPatterns = Field((), description="HOST:PORT that may be asked for; none: no /probe")
    modules: Annotated[Mapping[ModuleName, ModuleSettings], AfterValidator(MappingProxyType)] = Field(
        default_factory=lambda: MappingProxyType({}),
        description='JSON: {"MODULE": {"user": "x", "password_file": "y"}}, as in [aerospike]',
    )
    clients: int = Field(200, ge=1, le=2000, description="so many nodes stay connected at most")
    idle: Seconds = Field(300.0, description="seconds after which one that nobody asks for is let go")
    only: bool = Field(False, description="no node of its own: /metrics tells of the exporter alone")


class SdSettings(_Table):
    """Nodes of clusters for Prometheus' HTTP service discovery, on /sd."""

    seeds: Endpoints = Field((), description="HOST:PORT of a node of each cluster to list")
    module: ModuleName = Field("default", description="how to log in to them: a name in probe.modules")
    refresh: Seconds = Field(30.0, description="seconds for which a list is good")


class ReclaimSettings(_Table):
    """Changes to a node (command `reclaim`)."""

    journal: Path = Field(
        Path("~/.local/state/aerospike-memory-exporter/reclaim.jsonl"), description="where changes are noted, for undo"
    )


class PrometheusSettings(_Table):
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


class DemoSettings(_Table):
    """The embedded shop (command `demo`)."""

    release: Literal["8.1", "6.4"] = Field("8.1", description="speak as this server release: 8.1 or 6.4")
    speed: float = Field(60.0, gt=0, le=100_000, allow_inf_nan=False, description="simulated seconds per second")
    seed: int = Field(1, ge=0, description="seed of the simulation")


class Settings(BaseSettings):
    """All settings."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    aerospike: AerospikeSettings = Field(default_factory=AerospikeSettings)
    web: WebSettings = Field(default_factory=WebSettings)
    log: LogSettings = Field(default_factory=LogSettings)
    collector: CollectorSettings = Field(default_factory=CollectorSettings)
    operator: Annotated[Mapping[str, OperatorSettings], AfterValidator(MappingProxyType)] = Field(
        default_factory=lambda: MappingProxyType({}),
        description='JSON: {"NS": {"max": "80%", "min": "512MiB", "page": "8MiB"}}',
    )
    process: ProcessSettings = Field(default_factory=ProcessSettings)
    sampler: SamplerSettings = Field(default_factory=SamplerSettings)
    probe: ProbeSettings = Field(default_factory=ProbeSettings)
    sd: SdSettings = Field(default_factory=SdSettings)
    reclaim: ReclaimSettings = Field(default_factory=ReclaimSettings)
    prometheus: PrometheusSettings = Field(default_factory=PrometheusSettings)
    demo: DemoSettings = Field(default_factory=DemoSettings)
