"""What the simulated node answers to info commands, in the words of release 8.1 or 6.4."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.demo.changes import Changes
from exporter.demo.config import RELEASES
from exporter.demo.config_answers import namespace_config, service_config
from exporter.demo.histograms import KINDS, RecordCounts, counted
from exporter.demo.jemalloc_text import add_to_file, jemalloc_text
from exporter.demo.members import View
from exporter.demo.request import parsed
from exporter.demo.stat_answers import namespace_stats, node_stats, set_stats, sindex_entry, sindex_stats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from exporter.demo.config import SecondaryIndex
    from exporter.demo.namespace import Namespace
    from exporter.demo.request import Request
    from exporter.demo.shop import Shop

CLUSTER_NAME = "embedded-shop-simulation"
EDITION = "Aerospike Community Edition"

DEPRECATED = frozenset(
    {
        "edition",
        "features",
        "mcast",
        "mesh",
        "name",
        "objects",
        "partitions",
        "replicas-all",
        "replicas-master",
        "sindex",
        "version",
    }
)
DEPRECATED_PARAMETERS = frozenset({"id", "ns", "enable-index"})
NEED_COLON = frozenset(
    {
        "get-config",
        "histogram",
        "jem-stats",
        "set-config",
        "sindex-delete",
        "sindex-list",
        "sindex-stat",
        "truncate",
        "truncate-namespace",
    }
)
"""Commands that releases up to 7.0 know only with their colon."""


class Words:
    """The answers of a node, from the state of the shop. `address` is where clients reach the node.

    `cluster` is the cluster as the node sees it; without it, the node is alone.
    """

    def __init__(
        self, shop: Shop, release: str, address: Callable[[], tuple[str, int]], cluster: Callable[[], View] = View
    ) -> None:
        self.deprecated_requests = 0
        self._shop = shop
        self._build = RELEASES[release]
        self._new = release != "6.4"
        self._address = address
        self._cluster = cluster
        self._namespaces = {namespace.config.name: namespace for namespace in shop.namespaces}
        self._counts: dict[str, tuple[int, RecordCounts]] = {}
        self._changes = Changes(self._namespaces, new=self._new)
        self._commands: dict[str, Callable[[Request], str | None]] = {
            "get-config": self._get_config,
            "histogram": self._histogram,
            "jem-stats": self._jem_stats,
            "namespace": self._namespace,
            "node": lambda _: self._cluster().own,
            "partition-generation": lambda _: str(self._cluster().generation),
            "peers-clear-alt": lambda _: self._cluster().listing,
            "peers-clear-std": lambda _: self._cluster().listing,
            "peers-generation": lambda _: str(self._cluster().generation),
            "rebalance-generation": lambda _: str(self._cluster().generation + 1),
            "replicas": lambda _: self._replicas(),
            "service-clear-std": lambda _: self._service(),
            "service": lambda _: self._service(),
            "set-config": self._changes.set_config,
            "sets": self._sets,
            "sindex": self._sindex,
            "sindex-delete": self._changes.delete_sindex,
            "sindex-list": self._sindex_list,
            "sindex-stat": self._sindex_stat,
            "statistics": lambda _: self._statistics(),
            "truncate": self._changes.truncate,
            "truncate-namespace": self._changes.truncate,
        }
        self._constants = {
            "best-practices": "failed_best_practices=none",
            "build": self._build,
            "cluster-name": CLUSTER_NAME,
            "edition": EDITION,
            "features": "batch-any;blob-bits;cdt-list;cdt-map;float;geo;peers;pipelining;pquery;replicas",
            "health-stats": "",
            "namespaces": ";".join(self._namespaces),
            "rack-ids": "ERROR:25:enterprise only" if self._new else "ERROR::enterprise-only",
            "status": "ok",
            "version": f"{EDITION} build {self._build}",
        }
        if self._new:
            self._constants |= {
                "release": f"edition={EDITION};version={self._build};os=simulation;arch=simulation;sha=0",
                "user-agent-set": "ok",
            }

    def answer(self, command: str) -> str | None:
        """The value of an info command. What it does not know, 8.1 says with an error and 6.4 with silence."""
        request = parsed(command)
        if not self._new and request.name in NEED_COLON and ":" not in command:
            return None
        if request.name in self._constants:
            value: str | None = self._constants[request.name]
        elif request.name in self._commands:
            value = self._commands[request.name](request)
        else:
            return "ERROR:4:unrecognized command" if self._new else None
        if self._new and (request.name in DEPRECATED or DEPRECATED_PARAMETERS & request.parameters.keys()):
            self.deprecated_requests += 1
        return value

    def _service(self) -> str | None:
        """Where to connect to. Left out when it listens on all addresses, as it cannot know its own."""
        host, port = self._address()
        if host in ("0.0.0.0", "::"):  # noqa: S104 (compared, not bound)
            return None
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def _replicas(self) -> str:
        """One copy of each partition, and where this node has it."""
        bitmap = self._cluster().bitmap
        return ";".join(f"{name}:0,1,{bitmap}" for name in self._namespaces)

    def _statistics(self) -> str:
        return _joined(node_stats(self._shop, self.deprecated_requests, self._cluster(), flat=self._new), ";")

    def _namespace(self, request: Request) -> str:
        namespace = self._namespaces.get("/".join(request.path))
        if namespace is None:
            return "type=unknown"
        stats = namespace_stats(namespace, self._shop.now, len(self._cluster().nodes))
        return _joined({**stats, **namespace_config(namespace)}, ";")

    def _sets(self, request: Request) -> str:
        if not request.path:
            return "".join(self._sets_of(namespace) for namespace in self._namespaces.values())
        namespace = self._namespaces.get(request.path[0])
        if namespace is None:
            return "ns_type=unknown"
        if len(request.path) == 1:
            return self._sets_of(namespace)
        if request.path[1] not in namespace.sets:
            return "set_type=unknown"
        return _joined(set_stats(namespace, request.path[1]), ":") + ";"

    def _sets_of(self, namespace: Namespace) -> str:
        """The sets that ever held a record: a server learns a set's name with its first one."""
        known = [name for name, use in namespace.sets.items() if use.known]
        return "".join(
            _joined({"ns": namespace.config.name, "set": name, **set_stats(namespace, name)}, ":") + ";"
            for name in known
        )

    def _sindex_list(self, request: Request) -> str:
        # Releases before 7.2 do not know the parameter `namespace`, and then list the indexes of all namespaces.
        name = request.namespace if self._new else request.parameters.get("ns")
        if name is not None and name not in self._namespaces:
            return self._error(20, "namespace not found on node", "ns_type=unknown")
        chosen = self._namespaces.values() if name is None else [self._namespaces[name]]
        return self._list_of(chosen)

    def _list_of(self, namespaces: Iterable[Namespace]) -> str:
        entries = (sindex_entry(namespace, index) for namespace in namespaces for index in namespace.config.sindexes)
        return ";".join(_joined(entry, ":") for entry in entries)

    def _sindex(self, request: Request) -> str:
        if not request.path:
            return self._list_of(self._namespaces.values())
        namespace = self._namespaces.get(request.path[0])
        if namespace is None:
            return self._error(20, "namespace not found on node", "ns_type=unknown")
        if len(request.path) == 1:
            return self._list_of([namespace])
        return self._sindex_stats(namespace, request.path[1])

    def _sindex_stat(self, request: Request) -> str:
        name = request.namespace if self._new else request.parameters.get("ns")
        if name is None:
            return self._error(4, "missing 'namespace'", "FAIL:4:Namespace Not Specified")
        namespace = self._namespaces.get(name)
        if namespace is None:
            return self._error(20, "namespace not found on node", "FAIL:4:Namespace Not Found")
        return self._sindex_stats(namespace, request.parameters.get("indexname", ""))

    def _sindex_stats(self, namespace: Namespace, name: str) -> str:
        found: SecondaryIndex | None = next((x for x in namespace.config.sindexes if x.name == name), None)
        if found is None:
            return self._error(201, "no index", "FAIL:201:no-index")
        return _joined(sindex_stats(namespace, found), ";")

    def _get_config(self, request: Request) -> str:
        context = request.parameters.get("context", "service")
        if context == "service":
            return _joined(
                service_config(CLUSTER_NAME, self._cluster().own, self._changes.service, flat=self._new), ";"
            )
        if context != "namespace":
            return self._error(4, "invalid 'context'", "Error::invalid context")
        name = request.namespace if self._new else request.parameters.get("id")
        if name is None:
            return self._error(4, "missing 'namespace'", "Error::invalid id")
        if name not in self._namespaces:
            return self._error(20, "namespace not found on node", "ERROR::namespace not found")
        return _joined(namespace_config(self._namespaces[name]), ";")

    def _histogram(self, request: Request) -> str:
        name = request.namespace
        if name not in self._namespaces:
            return self._error(20, "namespace not found on node", "error-unknown-namespace")
        kind, set_name = request.parameters.get("type", ""), request.parameters.get("set", "")
        if kind not in KINDS:
            return self._error(4, "unknown hist name", "error-unknown-hist-name")
        namespace = self._namespaces[name]
        # Counted when first asked for in a period, not at its start: few ask.
        period = self._shop.now // namespace.config.nsup_hist_period
        if self._counts.get(name, (-1,))[0] != period:
            self._counts[name] = (period, counted(namespace, self._shop.now))
        return self._counts[name][1].reply(kind, set_name) or "hist-unavailable"

    def _jem_stats(self, request: Request) -> str:
        # The server says nothing else when it cannot write, and without a file it writes to its log.
        if "file" in request.parameters:
            add_to_file(request.parameters["file"], jemalloc_text(self._shop.heap(), self._shop.now))
        return "ok"

    def _error(self, code: int, text: str, old: str) -> str:
        return f"ERROR:{code}:{text}" if self._new else old


def _joined(words: Mapping[str, object], separator: str) -> str:
    return separator.join(f"{key}={value}" for key, value in words.items())
