"""The HTTP endpoint over real connections: what it answers, and what it does with clients that misbehave."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import gc
import socket
import threading
import time
import warnings
from typing import TYPE_CHECKING

import pytest
import requests

from exporter.errors import SettingsError
from exporter.settings.schema import WebSettings
from exporter.web.app import WebServer
from exporter.web.handler import Exposed
from tests.serving import OPENMETRICS, Held, Registry, answer, received, said, serving
from tests.support import SCENARIOS, registry_of, replies, series

if TYPE_CHECKING:
    pass

# What it answers


def test_metrics_are_text_for_who_asks_for_nothing_else() -> None:
    with serving(Registry()) as server:
        response = server.get()
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert series(response.text)['set_used_bytes{ns="carts",set="cart99"}'] == 99


def test_metrics_are_openmetrics_for_who_prefers_that() -> None:
    with serving(Registry()) as server:
        response = server.get(Accept=f"{OPENMETRICS};q=0.6,text/plain;q=0.3")
    assert response.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert response.text.endswith("# EOF\n")


def test_metrics_are_compressed_for_who_takes_it() -> None:
    with serving(Registry()) as server:
        plain, small, refused = (server.get(Accept_Encoding=coding) for coding in ("identity", "gzip", "gzip;q=0"))
    assert small.headers["Content-Encoding"] == "gzip"
    assert int(small.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 4
    assert small.text == plain.text == refused.text
    assert "Content-Encoding" not in refused.headers


@pytest.mark.parametrize("path", ["/metrics", "/", "/-/healthy", "/-/ready"])
def test_head_tells_the_length_and_sends_nothing(path: str) -> None:
    with serving(Registry()) as server:
        length = server.get(path).headers["Content-Length"]
        client = server.connect(f"HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        with client:
            head = received(client)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert f"Content-Length: {length}\r\n".encode() in head
    assert head.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("path", ["/metric", "/metrics/", "/-/", "/favicon.ico", "//", "/../metrics", "/%00"])
def test_every_other_path_is_not_found(path: str) -> None:
    with serving(Registry()) as server, server.connect() as client:
        head, _, body = answer(client, path).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 ")
    assert b"Content-Type: text/plain" in head
    assert body == b"404 Not Found\n"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_what_is_not_reading_is_not_allowed(method: str) -> None:
    with serving(Registry()) as server:
        response = requests.request(method, f"{server.url}/metrics", timeout=10)
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"
    assert response.text == "405 Method Not Allowed\n"


def test_the_page_leads_to_the_others_and_shows_its_note_as_text() -> None:
    with serving(Registry(), note="<b>a simulation</b>") as server:
        page = server.get("/")
        assert "&lt;b&gt;a simulation&lt;/b&gt;" in page.text
        links = [part.split('"')[0] for part in page.text.split('href="/')[1:]]
        assert sorted(links) == ["-/healthy", "-/ready", "metrics"]
        assert all(server.get(f"/{link}").status_code == 200 for link in links)


def test_the_page_may_do_nothing_and_is_kept_nowhere() -> None:
    with serving(Registry()) as server:
        headers = server.get("/").headers
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_health_asks_nothing_of_the_node() -> None:
    registry = Registry()
    with serving(registry) as server:
        assert server.get("/-/healthy").text == "Healthy.\n"
        assert server.get("/-/ready").text == "Ready.\n"
    assert registry.timeouts == []


@pytest.mark.parametrize("path", ["/metrics", "/", "/nothing", "/-/ready"])
def test_no_answer_names_the_library(path: str) -> None:
    with serving(Registry()) as server:
        assert server.get(path).headers["Server"] == "aerospike-memory-exporter"


def test_a_node_is_scraped_through_all_of_it() -> None:
    with registry_of(replies(SCENARIOS[-1]).get) as registry, serving(registry) as server:
        found = series(server.get().text)
    assert found["up"] == 1
    assert any(name.startswith("pool_used_bytes") for name in found)


def test_it_listens_on_an_address_of_the_new_kind() -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    with serving(Registry(), listen_address="[::1]:0") as server:
        assert requests.get(f"http://[::1]:{server.port}/-/healthy", timeout=10).status_code == 200


# The time that a scrape gets


@pytest.mark.parametrize(
    ("asked", "got"), [("5", 4.75), ("0.4", 0.2), ("0.001", 0.0005), ("8.5e0", 8.25), ("10", 9.75), ("1e9", 10)]
)
def test_a_scrape_gets_the_scraper_s_time_less_a_margin_and_no_more_than_our_own(asked: str, got: float) -> None:
    registry = Registry()
    with serving(registry) as server:
        server.get(X_Prometheus_Scrape_Timeout_Seconds=asked)
    assert got - 0.5 < registry.timeouts[0] <= got


@pytest.mark.parametrize("asked", ["", "x", "0", "-1", "nan", "inf", "1,5", "0x10", "1" * 400])
def test_a_time_that_is_none_is_overlooked(asked: str) -> None:
    registry = Registry()
    with serving(registry, timeout=3) as server:
        assert server.get(X_Prometheus_Scrape_Timeout_Seconds=asked).status_code == 200
    assert 2.5 < registry.timeouts[0] <= 3


def test_the_time_that_a_scrape_waits_for_a_thread_is_taken_off() -> None:
    registry = Held()
    with serving(registry, threads=1, timeout=5) as server, server.begin() as first:
        assert registry.scraping.wait(5)
        with server.begin() as second:
            time.sleep(0.4)
            registry.release.set()
            for client in (first, second):
                assert received(client).startswith(b"HTTP/1.1 200")
    assert registry.timeouts[1] <= 4.6 < registry.timeouts[0]


def test_a_scrape_that_does_not_keep_to_its_time_is_answered_all_the_same() -> None:
    release = threading.Event()
    with serving(Registry(lambda: release.wait(10)), threads=1) as server:
        for _ in range(2):  # the second waits for the only thread
            start = time.monotonic()
            assert series(server.get(X_Prometheus_Scrape_Timeout_Seconds="0.4").text) == {"up": 0}
            assert time.monotonic() - start < 5
        release.set()


def test_scrapes_run_at_the_same_time() -> None:
    together = threading.Barrier(4)
    with (
        serving(Registry(lambda: together.wait(5)), threads=4) as server,
        concurrent.futures.ThreadPoolExecutor(4) as clients,
    ):
        assert [response.status_code for response in clients.map(lambda _: server.get(), range(4))] == [200] * 4


def test_health_answers_while_every_thread_is_busy() -> None:
    release = threading.Event()
    with (
        serving(Registry(lambda: release.wait(10)), threads=1) as server,
        concurrent.futures.ThreadPoolExecutor(1) as clients,
    ):
        scrape = clients.submit(server.get)
        assert server.get("/-/healthy").status_code == 200
        assert not scrape.done()
        release.set()
        assert scrape.result(10).status_code == 200


# Clients that misbehave


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /met",
        b"GET /metrics HTTP/1.1\r\nHost: x\r\n",
        b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf",
    ],
)
def test_a_client_that_sends_half_a_request_is_cut_off(sent: bytes) -> None:
    with serving(Registry(), idle_timeout=0.3) as server:
        start = time.monotonic()
        with server.connect(sent) as client:
            received(client)
        assert 0.2 < time.monotonic() - start < 8


def test_a_client_that_sends_a_little_at_a_time_is_cut_off_all_the_same() -> None:
    with serving(Registry(), idle_timeout=0.3) as server:
        start = time.monotonic()
        with server.connect(b"GET / HTTP/1.1\r\nX: ") as client, contextlib.suppress(OSError):
            while time.monotonic() - start < 10:
                client.sendall(b"x")
                time.sleep(0.02)
        assert time.monotonic() - start < 8


def test_a_client_that_stays_silent_after_its_answer_is_cut_off() -> None:
    with serving(Registry(), idle_timeout=0.3) as server, server.connect() as client:
        assert answer(client).startswith(b"HTTP/1.1 200")
        assert received(client) == b""


def test_a_client_that_never_reads_its_answer_is_cut_off() -> None:
    # More than the buffers of both sides take.
    registry = Registry(name="x" * 100_000, sets=200)
    with serving(registry, idle_timeout=0.3) as server:
        with server.connect(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", receive_buffer=4096) as client:
            time.sleep(1)
            assert len(received(client)) < 20_000_000
        # The same answer, for who reads it.
        assert len(server.get().content) > 20_000_000


def test_a_client_that_reads_slowly_gets_all_of_its_answer() -> None:
    with serving(Registry(sets=20_000), idle_timeout=5) as server:
        whole = server.get().content
        request = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        with server.connect(request, receive_buffer=4096) as client:
            time.sleep(0.3)
            assert received(client).partition(b"\r\n\r\n")[2] == whole


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",
        b"rubbish\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
    ],
    ids=["tls", "rubbish", "no-host", "large-body", "negative-body", "large-head"],
)
def test_rubbish_is_refused_and_harms_nobody_else(sent: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with serving(Registry()) as server:
        with server.connect() as client:
            with contextlib.suppress(OSError):
                client.sendall(sent)
            refused = received(client)
        assert refused.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 404 ")) or refused == b""
        assert b"Traceback" not in refused
        assert server.get().status_code == 200
    assert said(caplog) == []


def test_of_too_many_connections_the_one_that_was_idle_longest_gives_way() -> None:
    with serving(Registry(), connections=3) as server, contextlib.ExitStack() as stack:
        first, second, third = [stack.enter_context(server.connect()) for _ in range(3)]
        for client in (first, second, third):
            assert answer(client).startswith(b"HTTP/1.1 200")
        fourth = stack.enter_context(server.connect())
        assert answer(fourth, "/metrics").startswith(b"HTTP/1.1 200")
        assert received(first) == b""
        for client in (second, third, fourth):
            assert answer(client).startswith(b"HTTP/1.1 200")


def test_a_request_that_is_being_answered_never_gives_way() -> None:
    registry = Held()
    with serving(registry, connections=1) as server:
        with server.connect(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") as busy:
            assert registry.scraping.wait(5)
            with server.connect() as other:
                assert received(other) == b""
            registry.release.set()
            assert received(busy).startswith(b"HTTP/1.1 200")
        # The place is free again.
        deadline = time.monotonic() + 5
        status = None
        while status is None and time.monotonic() < deadline:
            with contextlib.suppress(requests.ConnectionError):
                status = server.get("/-/healthy").status_code
        assert status == 200


def test_a_thousand_silent_connections_leave_room_for_a_scrape() -> None:
    with serving(Registry(), connections=64) as server, contextlib.ExitStack() as stack:
        for _ in range(1000):
            # Each is closed by the server when its turn comes, and kept open here.
            stack.enter_context(server.connect())
        for _ in range(3):
            assert server.get().status_code == 200


def test_idle_connections_do_not_hold_up_a_scrape() -> None:
    with serving(Registry()) as server, contextlib.ExitStack() as stack:
        for number in range(20):
            stack.enter_context(server.connect(b"GET /metrics HTTP/1.1\r\n" if number % 2 else b""))
        assert server.get().status_code == 200


@pytest.mark.parametrize("waits", [False, True], ids=["before", "during"])
def test_a_client_that_leaves_before_its_answer_is_no_fault(waits: bool, caplog: pytest.LogCaptureFixture) -> None:
    # An answer of more than the buffers take, of which little is text to make.
    registry = Held(name="x" * 100_000)
    with serving(registry, threads=1) as server:
        with server.begin() as client:
            assert registry.scraping.wait(5)
            if waits:
                registry.release.set()
                assert client.recv(100).startswith(b"HTTP/1.1 200")
        registry.release.set()
        # With one thread this is answered after the other.
        assert server.get().status_code == 200
    assert said(caplog) == []


# Faults and the end


def test_a_registry_that_fails_is_one_line_in_the_answer_and_one_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    def act() -> None:
        raise ZeroDivisionError("hunter2")

    with serving(Registry(act)) as server:
        response = server.get()
        assert (response.status_code, response.text) == (500, "500 Internal Server Error\n")
        assert server.get("/-/healthy").status_code == 200
    assert said(caplog) == ["/metrics failed: ZeroDivisionError"]


def started_at(address: str) -> str:
    async def main() -> str:
        server = WebServer(Exposed(Registry()), WebSettings(listen_address=address))
        with pytest.raises(SettingsError) as caught:
            server.start()
        return str(caught.value)

    with warnings.catch_warnings():
        # tornado leaves the socket of an address that is taken to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        message = asyncio.run(main())
        gc.collect()
    return message


def test_an_address_that_is_taken_is_one_clear_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert started_at(address) == f"web.listen_address: cannot listen on {address}: Address already in use"


@pytest.mark.parametrize("address", ["192.0.2.1:0", "nowhere.invalid:0", "a..b:0", f"{'x' * 64}.y:0"])
def test_an_address_that_is_not_ours_is_one_clear_error(address: str) -> None:
    message = started_at(address)
    assert message.startswith(f"web.listen_address: cannot listen on {address}: ")
    assert "\n" not in message


def test_stop_frees_the_port_and_ends_the_connections() -> None:
    with serving(Registry()) as server:
        client = server.connect()
        assert answer(client).startswith(b"HTTP/1.1 200")
    with client:
        assert received(client) == b""
    with pytest.raises(requests.ConnectionError):
        server.get()
    with serving(Registry(), listen_address=f"127.0.0.1:{server.port}") as again:
        assert again.get().status_code == 200


def test_a_scrape_under_way_is_answered_before_the_end() -> None:
    registry = Held()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(serving(registry))
        client = server.connect(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        assert registry.scraping.wait(5)
        threading.Timer(0.3, registry.release.set).start()
        stack.close()
    with client:
        assert received(client).startswith(b"HTTP/1.1 200")


def test_stop_waits_less_than_two_seconds_for_a_scrape_that_hangs() -> None:
    registry = Held()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(serving(registry))
        client = server.connect(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        assert registry.scraping.wait(5)
        start = time.monotonic()
        stack.close()
        stopped = time.monotonic() - start
        registry.release.set()
    with client:
        assert received(client) == b""
    assert stopped < 5
