"""The info commands that the exporter asks, as each release wants them (thr_info.c, cfg_info.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exporter.model.release import NAMESPACE_PARAMETER, SINDEX_PATH

if TYPE_CHECKING:
    from exporter.model.release import Release

BUILD = "build"
EDITION = "edition"
RELEASE = "release"
NODE = "node"
CLUSTER_NAME = "cluster-name"
STATISTICS = "statistics"
BEST_PRACTICES = "best-practices"
NAMESPACES = "namespaces"

NAMESPACE = "namespace/"
SETS = "sets/"
SINDEX = "sindex/"
SINDEX_STAT = "sindex-stat:"
"""How the commands about one namespace or index begin."""

SINDEX_LIST = "sindex-list:"
"""The secondary indexes of all namespaces. Up to 7.0 not known without its colon."""

STRAY = "stray lines"
"""What stands among the replies for lines that answer no command; no command has a blank."""

SIZES, LIVES = "object-size", "ttl"
"""The types of the histograms of records by size and by remaining life."""


_NAME = re.compile(r"[^\s;:=/,]{1,64}")


def plain(name: str) -> bool:
    """Whether a name cannot be taken for another part of a command."""
    return _NAME.fullmatch(name) is not None


def names(reply: str) -> list[str]:
    """The namespaces in a reply to NAMESPACES."""
    return [name for name in reply.strip().split(";") if name]


def namespace(name: str) -> str:
    """Statistics and configuration of a namespace."""
    return f"{NAMESPACE}{name}"


def sets(namespace: str, name: str = "") -> str:
    """The sets of a namespace, or one of them."""
    return f"{SETS}{namespace}/{name}" if name else f"{SETS}{namespace}"


def bears_names(command: str) -> bool:
    """Whether the reply holds names that users gave, which may read as the end of it and as other replies."""
    return command.startswith(SINDEX_LIST) or (command.startswith(SETS) and command.count("/") == 1)


def sindex_list(release: Release, namespace: str) -> str:
    """The secondary indexes of one namespace, for where SINDEX_LIST cannot be read."""
    return f"{SINDEX_LIST}{'namespace' if release in NAMESPACE_PARAMETER else 'ns'}={namespace}"


def sindex(release: Release, namespace: str, name: str) -> str:
    """The figures of a secondary index, by the command that the release does not count as deprecated."""
    if release in SINDEX_PATH:
        return f"{SINDEX}{namespace}/{name}"
    return f"{SINDEX_STAT}namespace={namespace};indexname={name}"


def histogram(namespace: str, kind: str) -> str:
    """The records of a namespace by SIZES or LIVES."""
    return f"histogram:namespace={namespace};type={kind}"


def peers(tls: bool) -> str:
    """The other nodes of the cluster."""
    return "peers-tls-std" if tls else "peers-clear-std"


def service(tls: bool) -> str:
    """Where clients reach the node."""
    return "service-tls-std" if tls else "service-clear-std"


def jem_stats(path: str) -> str:
    """Have jemalloc's statistics appended to a file of the server's host, as JSON, arenas merged."""
    return f"jem-stats:file={path};options=Ja"


SERVICE_CONTEXT = "context=service"
"""What names the configuration of the node as a whole."""


def namespace_context(release: Release, namespace: str) -> str:
    """What names the configuration of a namespace."""
    return f"context=namespace;{'namespace' if release in NAMESPACE_PARAMETER else 'id'}={namespace}"


def get_config(context: str) -> str:
    """The configuration in force."""
    return f"get-config:{context}"


def set_config(context: str, parameter: str, value: object) -> str:
    """Set a parameter until the server restarts. One per command: of several, `cfg_set_namespace` takes the first."""
    return f"set-config:{context};{parameter}={value}"


def truncate(namespace: str, set_name: str) -> str:
    """Delete all records of a set, on all nodes."""
    return f"truncate:namespace={namespace};set={set_name}"


def sindex_delete(release: Release, namespace: str, name: str) -> str:
    """Delete a secondary index, on all nodes."""
    return f"sindex-delete:{'namespace' if release in NAMESPACE_PARAMETER else 'ns'}={namespace};indexname={name}"
