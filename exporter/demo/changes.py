"""What a server lets be changed while it runs, parameter by parameter in the order of its code (`cfg_info.c`).

The server asks for one parameter after the other and takes the first that the command has: others are ignored, and the
reply is `ok` all the same. It checks a range only where one is given here.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from exporter.demo.blocks import MIB
from exporter.demo.namespace import SetUse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.demo.namespace import Namespace
    from exporter.demo.request import Request

_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_SPANS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


class Parameter(NamedTuple):
    """A parameter of a namespace: its name, what it is written in, and the range that the server checks."""

    name: str
    kind: str = "number"  # number, bytes (no sign) or seconds
    least: int | None = None
    most: int | None = None

    @property
    def field(self) -> str:
        """Its name in a `NamespaceConfig`; the newer one where it was renamed."""
        return {"min-avail-pct": "stop_writes_avail_pct"}.get(self.name, self.name.replace("-", "_"))


def _percent(name: str) -> Parameter:
    return Parameter(name, "number", 0, 100)


_EVICTION = (Parameter("evict-hist-buckets", "number", 100, 10_000_000),)
_NSUP = (
    Parameter("nsup-hist-period", "seconds"),
    Parameter("nsup-period", "seconds"),
    Parameter("nsup-threads", "number", 1, 128),
)
_DEFRAG = (Parameter("defrag-lwm-pct"), Parameter("defrag-queue-min"), Parameter("defrag-sleep"))
_WRITE_CACHE = Parameter("max-write-cache", "bytes", 64 * MIB)

NAMESPACE_8 = (
    *_EVICTION,
    _percent("evict-indexes-memory-pct"),
    Parameter("evict-tenths-pct"),
    Parameter("indexes-memory-budget", "bytes"),
    *_NSUP,
    _percent("stop-writes-sys-memory-pct"),
    *_DEFRAG,
    _percent("evict-used-pct"),
    _WRITE_CACHE,
    _percent("stop-writes-avail-pct"),
    _percent("stop-writes-used-pct"),
)

NAMESPACE_6 = (
    *_EVICTION,
    Parameter("evict-tenths-pct"),
    _percent("high-water-disk-pct"),
    _percent("high-water-memory-pct"),
    Parameter("memory-size", "bytes"),
    *_NSUP,
    _percent("stop-writes-pct"),
    _percent("stop-writes-sys-memory-pct"),
    *_DEFRAG,
    _percent("max-used-pct"),
    _WRITE_CACHE,
    _percent("min-avail-pct"),
)

SERVICE = ("batch-max-buffers-per-queue", "batch-max-unused-buffers")


class Changes:
    """The commands that change a node; `service` holds what was changed of the service's configuration."""

    def __init__(self, namespaces: Mapping[str, Namespace], *, new: bool) -> None:
        self.service: dict[str, str] = {}
        self._namespaces = namespaces
        self._new = new

    def set_config(self, request: Request) -> str:
        """Change one parameter."""
        context, name = request.parameters.get("context"), self._namespace(request, "id")
        if context == "service":
            done = self._change_service(request.parameters)
        elif context != "namespace":
            return self._error(4, "missing 'context'" if context is None else "invalid context", "error")
        elif name is None or name not in self._namespaces:
            return self._error(20, "missing 'namespace'" if name is None else "namespace not found on node", "error")
        else:
            done = _change_namespace(self._namespaces[name], request.parameters)
        return "ok" if done else self._error(4, "invalid set-config parameter", "error")

    def delete_sindex(self, request: Request) -> str:
        """Drop a secondary index; one that is not there is no error."""
        index, name = request.parameters.get("indexname"), self._namespace(request, "ns")
        if index is None:
            return self._error(4, "missing 'indexname'", "FAIL:4:missing 'indexname'")
        if name is None:
            return self._error(20, "missing 'namespace'", "FAIL:4:missing 'ns'")
        if name in self._namespaces:
            config = self._namespaces[name].config
            left = tuple(one for one in config.sindexes if one.name != index)
            self._namespaces[name].reconfigure(replace(config, sindexes=left))
        return "ok" if self._new else "OK"

    def truncate(self, request: Request) -> str:
        """Remove all records of a set, or of a namespace."""
        name, set_name = request.parameters.get("namespace"), request.parameters.get("set")
        if name is None:
            return self._error(20, "missing 'namespace'", "ERROR::namespace-name")
        if request.name == "truncate" and set_name is None:
            return self._error(4, "missing 'set'", "ERROR::set-name")
        if request.name == "truncate-namespace" and set_name is not None:
            return self._error(4, "unexpected set name", "ERROR::unexpected-set-name")
        if name in self._namespaces:
            self._namespaces[name].truncate(set_name)
        return "ok"

    def _namespace(self, request: Request, old_key: str) -> str | None:
        return request.namespace if self._new else request.parameters.get(old_key)

    def _change_service(self, words: Mapping[str, str]) -> bool:
        for name in SERVICE:
            if name in words:
                value = _number(words[name], Parameter(name))
                if value is not None:
                    self.service[name] = str(value)
                return value is not None
        return False

    def _error(self, code: int, text: str, old: str) -> str:
        return f"ERROR:{code}:{text}" if self._new else old


def _change_namespace(namespace: Namespace, words: Mapping[str, str]) -> bool:
    """Change the first parameter of the code's order that is in `words`; False where the server refuses."""
    if "set" in words:
        return _change_set(namespace, words["set"], words)
    for parameter in NAMESPACE_8 if namespace.flat else NAMESPACE_6:
        if parameter.name in words:
            value = _number(words[parameter.name], parameter)
            if value is None or (parameter.name == "memory-size" and value < namespace.config.memory_size // 2):
                return False
            changed: dict[str, Any] = {parameter.field: value}
            namespace.reconfigure(replace(namespace.config, **changed))
            return True
    return False


def _change_set(namespace: Namespace, name: str, words: Mapping[str, str]) -> bool:
    """The index of a set, on or off; a set that is not there yet is known from now on, as the server has it."""
    namespace.sets.setdefault(name, SetUse()).known = True
    wanted, indexed = words.get("enable-index"), namespace.config.indexed_sets
    if wanted not in ("true", "false"):
        return False
    indexed = indexed | {name} if wanted == "true" else indexed - {name}
    namespace.reconfigure(replace(namespace.config, indexed_sets=indexed))
    return True


def _number(text: str, parameter: Parameter) -> int | None:
    """The number as the server reads it: `64M` of bytes and other numbers, `2m` of seconds; None where it cannot."""
    units: Mapping[str, int] = _SPANS
    if parameter.kind != "seconds":
        units = {unit: 1024**power for unit, power in _POWERS.items()}
    sign = "-?" if parameter.kind == "number" else ""
    match = re.fullmatch(rf"({sign}[0-9]*)([a-z]?)", text.lower(), re.ASCII)
    if match is None or match[2] not in units:
        return None
    value = int(match[1] if match[1] not in ("", "-") else 0) * units[match[2]]
    below = parameter.least is not None and value < parameter.least
    above = parameter.most is not None and value > parameter.most
    return None if below or above else value
