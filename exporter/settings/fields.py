"""What a setting can be: types that check and read the text of a file, a flag or a variable."""

from __future__ import annotations

import json
import re
from collections.abc import Callable  # noqa: TC003 - pydantic needs it at run time
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from exporter.errors import ParseError
from exporter.model.endpoint import endpoint, entry
from exporter.model.operator import Amount
from exporter.units import BYTES

_UNITS = {**BYTES, "B": 1, **{f"{unit}IB": size for unit, size in BYTES.items() if unit}}


def patterns(value: object) -> object:
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


def _host(value: str) -> str:
    # One colon is before a port; an IPv6 address has two or more.
    if not value or value.count(":") == 1 or re.search(r"[\s/@\[\]]", value):
        raise ValueError("give a host, as in node1.example.com, 10.0.0.1 or 2001:db8::1; its port is aerospike.port")
    return value


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        valid = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid or parts.query or parts.fragment:
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


def _level(value: object) -> object:
    """In whatever case, and by the name that other programs have for a warning."""
    level = value.lower() if isinstance(value, str) else value
    return "warning" if level == "warn" else level


def _parsed_by(parse: Callable[[str], object]) -> Callable[[str], str]:
    """Lets a text pass that can be parsed."""

    def check(text: str) -> str:
        try:
            parse(text)
        except ParseError as problem:
            raise ValueError(str(problem)) from None
        return text

    return check


Patterns = Annotated[tuple[str, ...], BeforeValidator(patterns)]
Host = Annotated[str, AfterValidator(_host)]
Url = Annotated[str, AfterValidator(_url)]
EndpointPatterns = Annotated[tuple[Annotated[str, AfterValidator(_parsed_by(entry))], ...], BeforeValidator(patterns)]
Endpoints = Annotated[tuple[Annotated[str, AfterValidator(_parsed_by(endpoint))], ...], BeforeValidator(patterns)]
ModuleName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Address = Annotated[str, AfterValidator(_address)]
Bytes = Annotated[int, BeforeValidator(_bytes), Field(gt=0)]
Level = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_level)]
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
AmountField = Annotated[Amount, BeforeValidator(_amount)]


class Table(BaseModel):
    """A table of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
