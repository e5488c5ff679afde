"""The HTTP API of a Prometheus, or of what speaks like one (Thanos, Mimir, VictoriaMetrics).

Every failure is one line that names the address and never a secret. Neither proxies nor passwords are taken from the
surroundings (`trust_env`), and no redirect is followed: it leads to a page for logging in, and would take the
credentials along.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import requests

from exporter.errors import ConnectError, LoginError, NoAnswerError, ParseError, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MOST_POINTS = 11_000
"""Prometheus refuses a range of more points per series."""

MOST_BYTES = 256 << 20
"""Of one reply. A report on a hundred nodes takes about a tenth of it."""

_PIECE_BYTES = 1 << 16
_COMPLAINT_LETTERS = 300


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach and log in to a Prometheus; time in seconds. `repr` shows no secret."""

    url: str = "http://127.0.0.1:9090"
    timeout: float = 30.0
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    bearer_token: str | None = field(default=None, repr=False)
    ca_file: str | None = None


class Series(NamedTuple):
    """A series: its labels, and its points as pairs of Unix time and value. What is no number (NaN) is left out."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


class PrometheusSource:
    """One Prometheus. For one thread at a time. `warnings` are those that came with its replies."""

    def __init__(self, access: Access, clock: Callable[[], float] = time.monotonic) -> None:
        self.warnings: tuple[str, ...] = ()
        self._access = access
        self._clock = clock
        self._base = access.url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Accept"] = "application/json"
        self._session.verify = access.ca_file or True
        if access.bearer_token is not None:
            self._session.headers["Authorization"] = f"Bearer {access.bearer_token}"
        elif access.user is not None:
            # The library encodes them as Latin 1, which these are the bytes of UTF-8 in.
            self._session.auth = (_latin(access.user), _latin(access.password or ""))

    def query(self, expression: str, moment: float) -> list[Series]:
        """The value of each series of an instant vector; raises `SourceError` or `ParseError`."""
        result = self._result("query", {"query": expression, "time": f"{moment:.3f}"}, "vector")
        return [Series(labels, _points([value])) for labels, value in _entries(result, "value")]

    def query_range(self, expression: str, start: float, end: float, step: float) -> list[Series]:
        """The points from `start` to `end`, both included, in as many requests as their number takes."""
        found: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
        for first, last in pieces(start, end, step):
            words = {"query": expression, "start": f"{first:.3f}", "end": f"{last:.3f}", "step": f"{step:g}"}
            for labels, values in _entries(self._result("query_range", words, "matrix"), "values"):
                found.setdefault(tuple(sorted(labels.items())), []).extend(_points(values))
        return [Series(dict(labels), tuple(points)) for labels, points in found.items()]

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    @property
    def where(self) -> str:
        """The address for a person, without what may be a secret in it."""
        parts = urlsplit(self._base)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def _result(self, endpoint: str, words: Mapping[str, str], kind: str) -> Any:
        """The `result` of a reply, of the expected type."""
        data = self._data(endpoint, {**words, "timeout": f"{self._access.timeout:g}s"})
        if not isinstance(data, dict) or data.get("resultType") != kind or not isinstance(data.get("result"), list):
            raise ParseError(f"{self.where} does not answer as a Prometheus does: its result is no {kind}")
        return data["result"]

    def _data(self, endpoint: str, words: Mapping[str, str]) -> Any:
        status, body = self._answer(endpoint, words)
        try:
            reply = json.loads(body)
        except (ValueError, RecursionError):
            reply = None
        told = reply if isinstance(reply, dict) else {}
        if status in (401, 403):
            raise LoginError(f"{self.where} refused the login (HTTP {status})")
        if told.get("status") == "error":
            raise _refused(self.where, told, words["query"])
        if status != 200 or told.get("status") != "success":
            raise SourceError(f"{self.where} is no Prometheus: {_kind(status, body)}")
        self._warn(told.get("warnings"))
        return told.get("data")

    def _answer(self, endpoint: str, words: Mapping[str, str]) -> tuple[int, bytes]:
        """The HTTP status and the body, within the time-out altogether; the API takes a form as it takes a query."""
        deadline = self._clock() + self._access.timeout
        try:
            with self._session.post(
                f"{self._base}/api/v1/{endpoint}",
                data=dict(words),
                timeout=self._access.timeout,
                stream=True,
                allow_redirects=False,
            ) as response:
                body = bytearray()
                for piece in response.iter_content(_PIECE_BYTES):
                    body += piece
                    if len(body) > MOST_BYTES:
                        raise SourceError(f"{self.where} answers with more than {MOST_BYTES >> 20} MiB")
                    if self._clock() > deadline:
                        raise requests.Timeout
                return response.status_code, bytes(body)
        except requests.Timeout:
            raise NoAnswerError(f"{self.where} did not answer within {self._access.timeout:g} s") from None
        except requests.exceptions.SSLError:
            raise ConnectError(
                f"no connection to {self.where}: its certificate is not trusted, or it has none"
            ) from None
        except requests.exceptions.ChunkedEncodingError:
            raise SourceError(f"{self.where} ended the connection") from None
        except requests.RequestException as problem:
            raise ConnectError(f"no connection to {self.where}: {_reason(problem)}") from None
        except OSError:
            # The library says of a missing file with authorities that it is no valid path, with the path.
            raise ConnectError(f"no connection to {self.where}: cannot read prometheus.ca_file") from None

    def _warn(self, warnings: object) -> None:
        for text in warnings if isinstance(warnings, list) else ():
            line = _one_line(text)
            if line not in self.warnings:
                self.warnings = (*self.warnings, line)


def pieces(start: float, end: float, step: float, most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """The ranges, first and last point, that together have all points from `start` to `end` and at most `most` each."""
    count = math.floor((end - start) / step + 1e-9) + 1
    return [
        (start + first * step, start + min(first + most, count) * step - step)
        for first in range(0, max(0, count), most)
    ]


def quoted(text: str) -> str:
    """A string literal of PromQL."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _entries(result: list[Any], key: str) -> list[tuple[dict[str, str], Any]]:
    """The labels and the values of each series of a result."""
    try:
        return [({str(k): str(v) for k, v in entry["metric"].items()}, entry[key]) for entry in result]
    except (TypeError, KeyError, AttributeError):
        raise ParseError("Prometheus answered with a series that has no labels or no values") from None


def _points(values: Any) -> tuple[tuple[float, float], ...]:
    try:
        points = [(float(moment), float(value)) for moment, value in values]
    except (TypeError, ValueError):
        raise ParseError("Prometheus answered with a value that is no number") from None
    return tuple((moment, value) for moment, value in points if math.isfinite(value))


def _refused(where: str, told: Mapping[str, Any], expression: str) -> SourceError:
    """What Prometheus has against a query, by its own `errorType`."""
    kind, text = told.get("errorType"), _one_line(told.get("error"))
    if kind in ("timeout", "canceled"):
        return NoAnswerError(f"{where} did not finish a query in time: {text}")
    if kind == "bad_data":
        return SourceError(f"{where} does not understand {expression[:_COMPLAINT_LETTERS]}: {text}")
    return SourceError(f"{where} refused a query ({_one_line(kind)}): {text}")


def _kind(status: int, body: bytes) -> str:
    """What an answer is that is none of the API's."""
    if 300 <= status < 400:
        return "it leads elsewhere, perhaps to log in"
    if status != 200:
        return f"it answers HTTP {status} at /api/v1"
    return "it answers with a web page" if body.lstrip()[:1] == b"<" else "its answer is not of the API's form"


def _reason(problem: Exception) -> str:
    """Why there is no connection, without the addresses in the library's text."""
    cause: BaseException | None = problem
    for _ in range(8):
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, requests.RequestException):
            return cause.strerror
        inner = getattr(cause, "reason", None) or next(
            (argument for argument in getattr(cause, "args", ()) if isinstance(argument, BaseException)), None
        )
        following = (
            inner if isinstance(inner, BaseException) else (cause.__cause__ or cause.__context__) if cause else None
        )
        if following is None:
            break
        cause = following
    return "not an address" if isinstance(problem, ValueError) else "the connection broke"


def _latin(text: str) -> str:
    return text.encode().decode("latin-1")


def _one_line(text: object) -> str:
    line = " ".join(str(text or "").split())
    return "".join(letter if letter.isprintable() else "?" for letter in line[:_COMPLAINT_LETTERS])
