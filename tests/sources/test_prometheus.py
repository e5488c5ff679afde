"""The HTTP API of a Prometheus, answered by a fake that speaks HTTP and nothing else of ours."""

from __future__ import annotations

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import ConnectError, ExporterError, LoginError, NoAnswerError, ParseError, SourceError
from exporter.sources import prometheus
from exporter.sources.prometheus import Access, PrometheusSource, pieces, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = "hunter2"
Reply = tuple[int, dict[str, str], bytes]


class Asked:
    """What a fake was asked: the path, the form and the headers of each request."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], dict[str, str]]] = []


@contextlib.contextmanager
def answering(reply: Callable[[dict[str, str]], Reply]) -> Iterator[tuple[str, Asked]]:
    """A server that answers each form so."""
    asked = Asked()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {key: values[0] for key, values in parse_qs(body).items()}
            asked.requests.append((self.path, form, dict(self.headers)))
            status, headers, content = reply(form)
            with contextlib.suppress(OSError):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", headers.get("Content-Length", str(len(content))))
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


def told(data: object, **others: object) -> Reply:
    return 200, {"Content-Type": "application/json"}, json.dumps({"status": "success", "data": data, **others}).encode()


def refused(status: int, kind: str, text: str) -> Reply:
    return status, {}, json.dumps({"status": "error", "errorType": kind, "error": text}).encode()


def vector(*entries: tuple[dict[str, str], list[object]]) -> object:
    return {"resultType": "vector", "result": [{"metric": labels, "value": value} for labels, value in entries]}


def test_an_instant_query_gives_the_series_that_have_a_number() -> None:
    found = vector(({"a": "1"}, [10.5, "3"]), ({"a": "2"}, [10.5, "NaN"]), ({"a": "3"}, [10.5, "+Inf"]))
    with answering(lambda _: told(found)) as (url, asked):
        source = PrometheusSource(Access(f"{url}/prefix/"))
        series = source.query("up", 10.5)
        source.close()
    assert [(one.labels["a"], one.points) for one in series] == [("1", ((10.5, 3.0),)), ("2", ()), ("3", ())]
    path, form, headers = asked.requests[0]
    assert (path, form) == ("/prefix/api/v1/query", {"query": "up", "time": "10.500", "timeout": "30s"})
    assert "Authorization" not in headers


def test_a_long_range_is_asked_for_in_parts_and_comes_back_as_one() -> None:
    def range_of(form: dict[str, str]) -> Reply:
        start, end, step = (float(form[key]) for key in ("start", "end", "step"))
        count = round((end - start) / step) + 1
        assert count <= 11_000
        values = [[start + index * step, str(index)] for index in range(count)]
        return told({"resultType": "matrix", "result": [{"metric": {"a": "1"}, "values": values}]})

    with answering(range_of) as (url, asked):
        source = PrometheusSource(Access(url))
        (series,) = source.query_range("up", 1000.0, 1000.0 + 60 * 24_999, 60)
        source.close()
    assert [moment for moment, _ in series.points] == [1000.0 + 60 * index for index in range(25_000)]
    assert len(asked.requests) == 3


@given(st.floats(0, 1e9), st.integers(0, 30_000), st.sampled_from([15.0, 60.0, 300.0]))
def test_the_parts_of_a_range_have_every_point_once(start: float, count: int, step: float) -> None:
    found = pieces(start, start + count * step, step, most=1000)
    points = [first + index * step for first, last in found for index in range(round((last - first) / step) + 1)]
    assert points == pytest.approx([start + index * step for index in range(count + 1)])
    assert all(last - first <= 999.5 * step for first, last in found)


@pytest.mark.parametrize(
    ("access", "expected"),
    [
        ({"user": "ü", "password": f"{SECRET}€"}, "Basic w7w6aHVudGVyMuKCrA=="),
        ({"bearer_token": SECRET}, f"Bearer {SECRET}"),
    ],
)
def test_a_login_is_sent_and_shown_nowhere(access: dict[str, str], expected: str) -> None:
    with answering(lambda _: told(vector())) as (url, asked):
        chosen = Access(url, **access)  # type: ignore[arg-type] # only texts are given
        source = PrometheusSource(chosen)
        assert source.query("up", 0) == []
        source.close()
    assert asked.requests[0][2]["Authorization"] == expected
    assert SECRET not in repr(chosen)


def test_a_login_in_the_surroundings_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login x password {SECRET}\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with answering(lambda _: told(vector())) as (url, asked):
        source = PrometheusSource(Access(url))
        source.query("up", 0)
        source.close()
    assert "Authorization" not in asked.requests[0][2]


def test_warnings_are_kept_once() -> None:
    with answering(lambda _: told(vector(), warnings=["a store\nis down", "a store is down"])) as (url, _):
        source = PrometheusSource(Access(url))
        source.query("up", 0)
        source.query("up", 0)
        source.close()
    assert source.warnings == ("a store is down",)


HTML = b"<!doctype html><title>hello</title>"
REFUSALS: list[tuple[Reply, type[ExporterError], str]] = [
    (refused(401, "x", SECRET), LoginError, "URL refused the login (HTTP 401)"),
    ((403, {}, b"no"), LoginError, "URL refused the login (HTTP 403)"),
    (refused(400, "bad_data", "parse\nerror"), SourceError, "URL does not understand up{: parse error"),
    (refused(503, "timeout", "expired"), NoAnswerError, "URL did not finish a query in time: expired"),
    (refused(422, "execution", "too many"), SourceError, "URL refused a query (execution): too many"),
    ((200, {}, HTML), SourceError, "URL is no Prometheus: it answers with a web page"),
    ((404, {}, HTML), SourceError, "URL is no Prometheus: it answers HTTP 404 at /api/v1"),
    ((302, {"Location": "/login"}, b""), SourceError, "URL is no Prometheus: it leads elsewhere, perhaps to log in"),
    ((200, {}, b'{"status": "ok"}'), SourceError, "URL is no Prometheus: its answer is not of the API's form"),
    ((200, {}, b"[" * 100_000), SourceError, "URL is no Prometheus: its answer is not of the API's form"),
    ((200, {"Content-Length": "100"}, b"{"), SourceError, "URL ended the connection"),
    ((200, {"Content-Encoding": "gzip"}, b"not gzip"), ConnectError, "no connection to URL: the connection broke"),
    (told({"resultType": "matrix", "result": []}), ParseError, "URL does not answer as a Prometheus does: its result"),
    (told({"resultType": "vector", "result": [7]}), ParseError, "Prometheus answered with a series that has no labels"),
    (told(vector(({}, [1, "x"]))), ParseError, "Prometheus answered with a value that is no number"),
    (told(vector(({}, [1]))), ParseError, "Prometheus answered with a value that is no number"),
]


@pytest.mark.parametrize(("reply", "kind", "line"), REFUSALS, ids=[line for _, _, line in REFUSALS])
def test_each_failure_is_one_line(reply: Reply, kind: type[ExporterError], line: str) -> None:
    with answering(lambda _: reply) as (url, _):
        source = PrometheusSource(Access(url, timeout=5, bearer_token=SECRET))
        with pytest.raises(kind) as caught:
            source.query("up{", 0)
        source.close()
    text = str(caught.value)
    assert text.startswith(line.replace("URL", url))
    assert "\n" not in text


@pytest.mark.parametrize(
    ("url", "ca_file", "line"),
    [
        ("http://127.0.0.1:1", None, "no connection to http://127.0.0.1:1: Connection refused"),
        ("http://x:hunter2@127.0.0.1:1/p?hunter2", None, "no connection to http://127.0.0.1:1/p: Connection refused"),
        ("https://127.0.0.1:1", "/nowhere.pem", "no connection to https://127.0.0.1:1: cannot read prometheus.ca_file"),
    ],
)
def test_what_cannot_be_reached_is_named_without_a_secret(url: str, ca_file: str | None, line: str) -> None:
    source = PrometheusSource(Access(url, ca_file=ca_file))
    with pytest.raises(ConnectError) as caught:
        source.query("up", 0)
    assert str(caught.value) == line


def test_a_server_without_tls_is_told_from_one_that_is_not_there() -> None:
    with answering(lambda _: told(vector())) as (url, _):
        source = PrometheusSource(Access(url.replace("http:", "https:"), timeout=5))
        with pytest.raises(ConnectError, match="its certificate is not trusted, or it has none"):
            source.query("up", 0)
        source.close()


def test_one_that_is_silent_costs_the_time_out_and_no_more() -> None:
    over = threading.Event()

    def silent(_: dict[str, str]) -> Reply:
        over.wait(30)
        return told(vector())

    with answering(silent) as (url, _):
        source = PrometheusSource(Access(url, timeout=0.2))
        with pytest.raises(NoAnswerError, match=r"did not answer within 0\.2 s"):
            source.query("up", 0)
        over.set()
        source.close()


def test_a_reply_that_is_too_large_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus, "MOST_BYTES", 1 << 20)
    with answering(lambda _: (200, {}, b" " * (2 << 20))) as (url, _):
        source = PrometheusSource(Access(url))
        with pytest.raises(SourceError, match="answers with more than 1 MiB"):
            source.query("up", 0)
        source.close()


def test_a_text_is_quoted_as_promql_quotes_it() -> None:
    assert quoted('a"b\\c\nd') == '"a\\"b\\\\c\\nd"'
