"""The pages of a fleet: `/probe`, a scrape of a node over the network, and `/sd`, the nodes of clusters."""

from __future__ import annotations

import asyncio
import json
from functools import cache
from typing import TYPE_CHECKING

from exporter import NAME
from exporter.errors import LostError, RequestError
from exporter.fleet.modules import DEFAULT
from exporter.scrape.exposition import form
from exporter.web.handler import GRACE_SECONDS, Handler

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@cache
def alone() -> str:
    """The page at `/` where there is no node."""
    from exporter.render import document

    return document.page(
        NAME,
        f"""<h1>{NAME}</h1>
<p>This exporter has no node of its own. It reads others when <code>/probe?target=HOST:PORT</code> is asked for them,
and lists the nodes of clusters on <code>/sd</code> where it has a seed.</p>
<ul>
<li><a href="/metrics">/metrics</a>, what it says of itself, for Prometheus</li>
<li><a href="/-/healthy">/-/healthy</a> and <a href="/-/ready">/-/ready</a>, for whoever starts it</li>
</ul>""",
    )


class Probe(Handler):
    """A scrape of the node that `target` names, with the login that `module` names."""

    async def get(self) -> None:
        """Answer with what the node says, or in one line why not."""
        fleet = self._shared.exposed.fleet
        if fleet is None:
            self.refuse(404, "there is no /probe: probe.targets lists no target")
            return
        timeout = self.scrape_timeout()
        headers = self.request.headers
        wanted = form(headers.get("Accept", ""), headers.get("Accept-Encoding", ""))
        try:
            asked = _parameters(self.request.query_arguments, ("target", "module"))
            if "target" not in asked:
                raise RequestError(400, "target: give one, as in /probe?target=10.0.0.1:3000")
            scrape = fleet.scrape(asked["target"], asked.get("module", DEFAULT), timeout, wanted)
        except RequestError as refusal:
            self.refuse(refusal.status, str(refusal))
            return
        done, _ = await asyncio.wait([asyncio.wrap_future(scrape)], timeout=timeout + GRACE_SECONDS)
        try:
            answer = scrape.result() if done else fleet.unanswered(wanted)
        except LostError:
            answer = fleet.unanswered(wanted)
        for name, value in answer.headers.items():
            self.set_header(name, value)
        await self.answer(answer.content)

    head = get


class Sd(Handler):
    """The nodes of the cluster of `seed`, or of all clusters, for Prometheus' `http_sd_configs`."""

    async def get(self) -> None:
        """Answer with a list of targets, or in one line why not."""
        discovery = self._shared.exposed.discovery
        if discovery is None:
            self.refuse(404, "there is no /sd: sd.seeds lists no seed")
            return
        try:
            asked = _parameters(self.request.query_arguments, ("seed",))
            clusters = discovery.ask(asked.get("seed"))
            readings = [asyncio.wrap_future(cluster.under_way) for cluster in clusters if cluster.under_way]
            await asyncio.wait(readings, timeout=self.scrape_timeout())
            groups = discovery.groups(clusters)
        except RequestError as refusal:
            self.refuse(refusal.status, str(refusal))
            return
        self.set_header("Content-Type", "application/json")
        await self.answer(json.dumps(groups) + "\n")

    head = get


def _parameters(given: Mapping[str, Sequence[bytes]], names: tuple[str, ...]) -> dict[str, str]:
    """The parameters of a request, each at most once; raises `RequestError`, which repeats none."""
    if given.keys() - set(names):
        raise RequestError(400, f"give no parameters but {' and '.join(names)}")
    parameters = {}
    for name, values in given.items():
        if len(values) > 1:
            raise RequestError(400, f"{name}: give one")
        try:
            parameters[name] = values[0].decode()
        except UnicodeDecodeError:
            raise RequestError(400, f"{name}: not text") from None
    return parameters
