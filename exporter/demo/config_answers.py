"""How a server words the configuration of a namespace and of its service, with the names and the order of a release."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.demo.config import NamespaceConfig
    from exporter.demo.namespace import Namespace

# What the simulation does not vary, as real servers answer it by default; a value left empty comes from the namespace.
_COMMON_8 = """
active-rack=0 allow-ttl-without-nsup=false apply-ttl-reductions=true auto-revive=false
background-query-max-rps=10000 conflict-resolution-policy=generation conflict-resolve-writes=false
default-read-touch-ttl-pct=0 default-ttl= disable-cold-start-eviction=false disable-mrt-writes=false
disable-write-dup-res=false disallow-expunge=false disallow-null-setname=false enable-hist-proxy=false
evict-hist-buckets= evict-indexes-memory-pct= evict-tenths-pct= force-long-queries=false
ignore-migrate-fill-delay=false index-stage-size= indexes-memory-budget= inline-short-queries=false
max-record-size=1048576 migrate-order=5 migrate-sleep=1 mrt-duration=0 nsup-hist-period= nsup-period=
nsup-threads= partition-tree-sprigs=256 prefer-uniform-balance=false rack-id=0 replication-factor=1
sindex-stage-size= single-query-threads=4 stop-writes-sys-memory-pct= strong-consistency=false
transaction-pending-limit=20 truncate-threads=4 index-type=mem sindex-type=mem
"""

_STORAGE_8 = """
commit-to-device=false compression=none data-size= defrag-lwm-pct= defrag-queue-min= defrag-sleep=
defrag-startup-minimum=0 direct-files=false evict-used-pct= filesize= flush-max-ms=1000 flush-size=1048576
max-write-cache= stop-writes-avail-pct= stop-writes-used-pct= tomb-raider-sleep=1000
"""

_COMMON_6 = """
allow-ttl-without-nsup=false background-query-max-rps=10000 conflict-resolution-policy=generation
conflict-resolve-writes=false default-ttl= disable-cold-start-eviction=false disable-write-dup-res=false
disallow-expunge=false disallow-null-setname=false enable-hist-proxy=false evict-hist-buckets=
evict-tenths-pct= force-long-queries=false high-water-disk-pct= high-water-memory-pct=
ignore-migrate-fill-delay=false index-stage-size= inline-short-queries=false max-record-size=0 memory-size=
migrate-order=5 migrate-sleep=1 nsup-hist-period= nsup-period= nsup-threads= partition-tree-sprigs=256
prefer-uniform-balance=false rack-id=0 replication-factor=1 sindex-stage-size= single-query-threads=4
stop-writes-pct= stop-writes-sys-memory-pct= strong-consistency=false transaction-pending-limit=20
truncate-threads=4 index-type=mem sindex-type=mem
"""

_STORAGE_6 = """
cold-start-empty=false commit-to-device=false compression=none data-in-memory=true defrag-lwm-pct=
defrag-queue-min= defrag-sleep= defrag-startup-minimum=0 direct-files=false filesize= flush-max-ms=1000
max-used-pct= max-write-cache= min-avail-pct= post-write-queue=0 read-page-cache=false
tomb-raider-sleep=1000 write-block-size=1048576
"""

_SERVICE = """
advertise-ipv6=false auto-pin=none batch-index-threads=2 batch-max-buffers-per-queue=255
batch-max-unused-buffers=256 cgroup-mem-tracking=false cluster-name= debug-allocations=false
indent-allocations=false info-max-ms=10000 info-threads=16 migrate-threads=1 min-cluster-size=1 node-id=
poison-allocations=false proto-fd-idle-ms=0 proto-fd-max=1024 quarantine-allocations=0 query-threads-limit=128
service-threads=2 sindex-builder-threads=4 ticker-interval=10
"""

_NEW_SERVICE_KEYS = frozenset({"cgroup-mem-tracking", "poison-allocations", "quarantine-allocations"})


def namespace_config(namespace: Namespace) -> dict[str, str]:
    """The configuration of a namespace."""
    config = namespace.config
    common, storage = (_COMMON_8, _STORAGE_8) if namespace.flat else (_COMMON_6, _STORAGE_6)
    words = _filled(common, config)
    if not namespace.flat and not config.files:
        return words | {"storage-engine": "memory"}
    words["storage-engine"] = "memory" if namespace.flat else "device"
    for index in range(len(namespace.stripes)):
        if namespace.flat:
            words[f"storage-engine.stripe[{index}]"] = f"stripe-{index}"
        if config.files:
            words[f"storage-engine.file[{index}]"] = config.files[index]
    words |= {f"storage-engine.{key}": value for key, value in _filled(storage, config).items()}
    if not config.files:
        del words["storage-engine.flush-size"]
    return words


def service_config(cluster_name: str, node_id: str, changed: Mapping[str, str], *, flat: bool) -> dict[str, str]:
    """The configuration of the service of a node, with what was changed since its start."""
    words = _pairs(_SERVICE) | {"cluster-name": cluster_name, "node-id": node_id, **changed}
    if not flat:
        words = {key: value for key, value in words.items() if key not in _NEW_SERVICE_KEYS}
        words["debug-allocations"] = "none"
    return words


def _pairs(template: str) -> dict[str, str]:
    return {key: value for key, _, value in (pair.partition("=") for pair in template.split())}


def _filled(template: str, config: NamespaceConfig) -> dict[str, str]:
    """The pairs of a template; an empty value is the field of the same name, whose old name may differ."""
    renamed = {"min_avail_pct": "stop_writes_avail_pct"}
    words = _pairs(template)
    for key, value in words.items():
        if not value:
            name = key.replace("-", "_")
            words[key] = str(getattr(config, renamed.get(name, name)))
    return words
