"""The peers of a node, asked over TCP: what they use, and what one that fails costs."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from exporter.demo.cluster import EmbeddedCluster
from exporter.demo.members import Member
from exporter.demo.node import EmbeddedNode
from exporter.demo.wire import InfoServer
from exporter.errors import ConnectError, LoginError, ParseError, SourceError
from exporter.memory.peers import peers_use
from exporter.model.snapshot import Peers, PeerUse
from exporter.sources import peers as peers_module
from exporter.sources.connection import Connection
from exporter.sources.peers import MOST_SECONDS, PeersSource
from tests.logins import EXAMPLE_USERS, Logins
from tests.support import replies

STILL = 1e-6
PAIR = replies("8.1/pair-a")
PAIR_USE = 8 * (8 << 20) + 13181 * 64 + (16 << 20) + 9343 * 16
"""In each of 8 stripes one block beside the header; 13181 records, 9343 of them in the index of a set; one index."""


class Peer(InfoServer):
    """A node with answers of its own that notes what it is asked."""

    def __init__(
        self, node_id: str, answers: Mapping[str, str] | None = None, users: Mapping[str, str] | None = None
    ) -> None:
        self.answers = {**PAIR, "node": node_id, **(answers or {})}
        self.asked: list[str] = []
        self.hook: Callable[[], object] = lambda: None
        super().__init__(self._told, logins=Logins(users) if users else None)

    def _told(self, command: str) -> str | None:
        self.asked.append(command)
        if command.startswith("namespace/"):
            self.hook()
        return self.answers.get(command)

    def names(self, *others: tuple[str, InfoServer]) -> None:
        entries = ",".join(f"[{node_id},,[127.0.0.1:{server.address[1]}]]" for node_id, server in others)
        self.answers["peers-clear-std"] = f"1,3000,[{entries}]"


@contextmanager
def running(*peers: Peer) -> Iterator[None]:
    with ExitStack() as started:
        for peer in peers:
            started.enter_context(peer)
        yield


def source_for(node: InfoServer | EmbeddedNode, timeout: float = 2.0) -> PeersSource:
    return PeersSource(Connection(*node.address, timeout))


def uses(node: EmbeddedNode) -> dict[str, int]:
    """What a node uses, by the books of its shop."""
    used = {}
    for namespace in node.shop.namespaces:
        usage = namespace.usage()
        blocks = sum(stripe.occupied_bytes for stripe in namespace.stripes)
        used[namespace.config.name] = usage.indexes_bytes + (blocks if namespace.flat else usage.heap_data_bytes)
    return used


@pytest.fixture(scope="module")
def cluster() -> Iterator[EmbeddedCluster]:
    with EmbeddedCluster(3, speed=STILL, scales={1: 0.5}) as nodes:
        yield nodes


@pytest.fixture
def dead() -> Member:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return Member("DEAD", "127.0.0.1", free.getsockname()[1])


@pytest.mark.parametrize(("release", "build"), [("8.1", (8, 1, 2, 0)), ("6.4", (6, 4, 0, 34))])
def test_each_peer_tells_what_its_namespaces_use(release: str, build: tuple[int, ...]) -> None:
    with EmbeddedCluster(3, release, speed=STILL, scales={2: 0.5}) as nodes:
        first, second, third = nodes.nodes
        wanted = {node.node_id: PeerUse(build, uses(node)) for node in (second, third)}
        assert peers_use(source_for(first).read()) == Peers(wanted)
        assert uses(third)["carts"] < 0.8 * uses(second)["carts"]


def test_a_node_that_is_alone_has_no_peers() -> None:
    with EmbeddedNode(speed=STILL) as node:
        assert peers_use(source_for(node).read()) == Peers({})


def test_a_peer_that_is_down_costs_only_itself_and_is_told_once(
    cluster: EmbeddedCluster, dead: Member, caplog: pytest.LogCaptureFixture
) -> None:
    first, second, third = cluster.nodes
    source = source_for(first)
    cluster.members.join(dead)
    try:
        for _ in range(2):
            answers = source.read()
            assert (set(answers.by_node), answers.silent) == ({second.node_id, third.node_id}, 1)
        with caplog.at_level("INFO", "exporter"), Peer("DEAD") as back:
            cluster.members.join(Member("DEAD", *back.address))
            assert source.read().silent == 0
    finally:
        cluster.members.leave("DEAD")
    assert peers_use(source.read()) == Peers(
        {node.node_id: PeerUse((8, 1, 2, 0), uses(node)) for node in (second, third)}
    )
    assert caplog.messages == [
        f"peer DEAD of {first.node_id} does not tell what it uses: "
        f"no connection to 127.0.0.1:{dead.port}: Connection refused",
        f"peer DEAD of {first.node_id} tells what it uses again",
    ]


def test_a_peer_that_hangs_costs_its_time_out(cluster: EmbeddedCluster) -> None:
    first, second, third = cluster.nodes
    source = source_for(first, timeout=1)
    with socket.create_server(("127.0.0.1", 0)) as hung:
        cluster.members.join(Member("1", *hung.getsockname()))
        try:
            start = time.monotonic()
            answers = source.read()
            assert time.monotonic() - start < 10
        finally:
            cluster.members.leave("1")
    assert (set(answers.by_node), answers.silent) == ({second.node_id, third.node_id}, 1)


def test_the_node_itself_is_not_asked_and_no_peer_twice() -> None:
    own, other = Peer("A1"), Peer("B2")
    with running(own, other):
        own.names(("B2", other), ("A1", own), ("B2", other))
        assert peers_use(source_for(own).read()) == Peers({"B2": PeerUse((8, 1, 1, 2), {"carts": PAIR_USE})})
    assert "namespace/carts" not in own.asked
    assert other.asked.count("namespace/carts") == 1


def test_only_the_figures_of_the_peer_that_was_meant_count() -> None:
    own, other = Peer("A1"), Peer("B2")
    with running(own, other):
        own.names(("C3", other))
        assert peers_use(source_for(own).read()) == Peers({}, silent=1)


def test_another_address_is_tried_when_the_first_is_not_reached(dead: Member) -> None:
    own, other = Peer("A1"), Peer("B2")
    with running(own, other):
        own.answers["peers-clear-std"] = f"1,3000,[[B2,,[127.0.0.1:{dead.port},127.0.0.1:{other.address[1]}]]]"
        assert set(source_for(own).read().by_node) == {"B2"}


@pytest.mark.parametrize("stats", ["type=unknown", "ERROR:20:namespace not found", "objects=1"])
def test_a_namespace_that_a_peer_does_not_tell_enough_of_is_absent(stats: str) -> None:
    own, other = Peer("A1"), Peer("B2", {"namespace/carts": stats})
    with running(own, other):
        own.names(("B2", other))
        assert peers_use(source_for(own).read()).by_node["B2"].used_bytes == {}


@pytest.mark.parametrize(("command", "reply"), [("build", "new"), ("namespace/carts", "objects"), ("node", "")])
def test_a_peer_that_speaks_rubbish_costs_only_itself(command: str, reply: str) -> None:
    own, wrong, good = Peer("A1"), Peer("B2", {command: reply}), Peer("C3")
    with running(own, wrong, good):
        own.names(("B2", wrong), ("C3", good))
        answers = source_for(own).read()
    assert (set(answers.by_node), answers.silent) == ({"C3"}, 1)


@pytest.mark.parametrize(
    ("listing", "problem"),
    [
        ("ERROR:4:unrecognized command", "^ERROR:4:unrecognized command from "),
        ("rubbish", "^not a list of peers: 'rubbish'$"),
    ],
)
def test_a_node_that_does_not_tell_its_peers_is_one_clear_line(listing: str, problem: str) -> None:
    own = Peer("A1", {"peers-clear-std": listing})
    with running(own), pytest.raises(ParseError, match=problem):
        source_for(own).read()


def test_a_node_that_does_not_know_the_question_is_one_clear_line() -> None:
    own = Peer("A1")
    with running(own):
        del own.answers["peers-clear-std"]
        with pytest.raises(SourceError, match=r"does not answer peers-clear-std$"):
            source_for(own).read()


def test_a_node_that_is_down_is_one_clear_line(dead: Member) -> None:
    with pytest.raises(ConnectError, match=r"Connection refused$"):
        PeersSource(Connection(dead.host, dead.port, 0.3)).read()


def test_of_many_peers_the_next_in_order_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers_module, "MOST_PEERS", 2)
    own = Peer("B0")
    others = {node_id: Peer(node_id) for node_id in ("A0", "A1", "C0", "C1")}
    with running(own, *others.values()):
        own.names(*others.items())
        answers = source_for(own).read()
        assert (list(answers.by_node), answers.left_out) == (["C0", "C1"], 2)
        own.answers["node"] = "C0"
        assert list(source_for(own).read().by_node) == ["C1", "A0"]


def test_peers_that_a_reading_has_no_time_for_are_left_out() -> None:
    now = [1000.0]
    own, others = Peer("A1"), {node_id: Peer(node_id) for node_id in ("B1", "B2", "B3", "B4")}
    for peer in others.values():
        peer.hook = lambda: now.__setitem__(0, now[0] + 0.4 * MOST_SECONDS)
    with running(own, *others.values()):
        own.names(*others.items())
        answers = PeersSource(Connection(*own.address, 2.0), clock=lambda: now[0]).read()
    assert (list(answers.by_node), answers.silent, answers.left_out) == (["B1", "B2", "B3"], 0, 1)


def test_a_reading_that_is_told_to_stop_asks_no_further_peer() -> None:
    own, others = Peer("A1"), {node_id: Peer(node_id) for node_id in ("B1", "B2")}
    with running(own, *others.values()):
        own.names(*others.items())
        source = source_for(own)
        others["B1"].hook = source.stop
        answers = source.read()
    assert (list(answers.by_node), answers.left_out) == (["B1"], 1)


def test_no_connection_is_left_open(cluster: EmbeddedCluster) -> None:
    source_for(cluster.nodes[0]).read()
    ports = {node.address[1] for node in cluster.nodes}

    def ours() -> list[str]:
        connections = psutil.Process().net_connections("tcp")
        return [first.status for first in connections if getattr(first.raddr, "port", None) in ports]

    deadline = time.monotonic() + 30
    while "ESTABLISHED" in ours() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "ESTABLISHED" not in ours()


def test_peers_are_logged_in_to_as_the_node_is() -> None:
    with EmbeddedCluster(2, speed=STILL, logins=Logins(EXAMPLE_USERS)) as nodes:
        first, second = nodes.nodes
        source = PeersSource(Connection(*first.address, 2, "internal", "exporter", "simulation"))
        assert set(source.read().by_node) == {second.node_id}
        guess = PeersSource(Connection(*first.address, 2, "internal", "exporter", "guess"))
        for _ in range(2):
            with pytest.raises(LoginError, match="refused the login") as refused:
                guess.read()
            assert "guess" not in str(refused.value)


def test_a_peer_that_refuses_the_login_is_tried_at_one_address_only() -> None:
    own, other = Peer("A1"), Peer("B2", users={"someone": "else"})
    tries, judge = [], other.logins.answer

    def noted(message: bytes) -> tuple[bytes, bool]:
        tries.append(message)
        return judge(message)

    other.logins.answer = noted  # type: ignore[method-assign]
    with running(own, other):
        address = f"127.0.0.1:{other.address[1]}"
        own.answers["peers-clear-std"] = f"1,3000,[[B2,,[{address},{address}]]]"
        source = PeersSource(Connection(*own.address, 2, "internal", "exporter", "simulation"))
        assert peers_use(source.read()) == Peers({}, silent=1)
    assert len(tries) == 1


class TlsPeer(Peer):
    """The same over TLS."""

    def __init__(self, node_id: str, context: ssl.SSLContext) -> None:
        super().__init__(node_id)
        self._context = context

    def start(self) -> TlsPeer:
        super().start()
        listener = self._listener
        assert listener is not None
        accept = listener.get_request

        def accept_with_tls() -> tuple[socket.socket, object]:
            connection, address = accept()
            # The handshake is part of the first reading, in the connection's own thread.
            return self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

        listener.get_request = accept_with_tls  # type: ignore[method-assign]
        return self


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """An authority to trust, and a server's certificate from it for the name `shop`.

    The client does not check the name of a certificate that is itself the one to trust.
    """
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl")
    directory = tmp_path_factory.mktemp("tls")
    for command in (
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem",
        "req -newkey rsa:2048 -nodes -subj /CN=shop -keyout key.pem -out request.pem",
        "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out cert.pem",
    ):
        subprocess.run([openssl, *command.split()], check=True, capture_output=True, timeout=60, cwd=directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    return directory / "ca.pem", context


@pytest.mark.parametrize(("tls_name", "answers"), [("shop", True), ("", True), ("other", False)])
def test_with_tls_peers_are_reached_by_the_name_of_their_certificate(
    certificate: tuple[Path, ssl.SSLContext], tls_name: str, answers: bool
) -> None:
    authority, context = certificate
    own, other = TlsPeer("A1", context), TlsPeer("B2", context)
    with running(own, other):
        own.names()
        own.answers["peers-tls-std"] = f"1,4333,[[B2,{tls_name},[127.0.0.1:{other.address[1]}]]]"
        source = PeersSource(Connection(*own.address, 2, tls_name="shop", tls={"cafile": str(authority)}))
        reply = source.read()
    assert (set(reply.by_node), reply.silent) == (({"B2"}, 0) if answers else (set(), 1))
