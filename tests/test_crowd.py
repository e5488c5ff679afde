"""Many clients that do nothing or little beside one that scrapes; `make bench` has what that costs in time."""

from __future__ import annotations

import http.client

from tests.crowd import Crowd
from tests.serving import Registry, serving


def test_200_idle_and_50_slow_clients_leave_a_scraper_its_connection_and_all_keep_theirs() -> None:
    # An answer that is more than the buffers of both sides take.
    with serving(Registry(sets=20_000)) as server, Crowd(server.port, idle=200, slow=50) as crowd:
        scraper = http.client.HTTPConnection("127.0.0.1", server.port, 10)
        scraper.connect()
        connection = scraper.sock
        for _ in range(10):
            scraper.request("GET", "/metrics")
            response = scraper.getresponse()
            assert (response.status, len(response.read()) > 100_000) == (200, True)
            assert scraper.sock is connection
        scraper.close()
        assert crowd.connected == 250
