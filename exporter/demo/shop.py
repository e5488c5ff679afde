"""The shop: people who browse, fill carts and buy, and what they leave in the two namespaces of a node."""

from __future__ import annotations

import math
import random
from collections import deque

from exporter.demo.blocks import MIB
from exporter.demo.config import GIB, NamespaceConfig, SecondaryIndex
from exporter.demo.heap import TREES, Heap, heap_of
from exporter.demo.namespace import Namespace, Record

HOUR = 3600
DAY = 24 * HOUR

TICK = 10
"""The seconds of a step. All that happens depends on the number of steps alone, not on how they were called for."""

MAX_STEPS = 360
"""Steps of one call to `advance`, an hour of the shop: it holds a lock that answers wait for."""

OPENING_HOUR = 8
"""The hour of the day at which the simulation starts."""

HOST_BYTES = 16 * GIB
OTHER_PROCESSES_BYTES = 3 * GIB

CARTS = NamespaceConfig(
    name="carts",
    sets=("cart", "wishlist"),
    indexed_sets=frozenset({"cart"}),
    data_size=GIB,
    default_ttl=HOUR,
    nsup_period=120,
    evict_tenths_pct=50,
    evict_used_pct=40,
    stop_writes_used_pct=70,
    indexes_memory_budget=64 * MIB,
    evict_indexes_memory_pct=80,
    memory_size=GIB,
    high_water_memory_pct=40,
    stop_writes_pct=85,
)

ORDERS = NamespaceConfig(
    name="orders",
    sets=("order", "payment", "view", "purchase", "error"),
    indexed_sets=frozenset({"order"}),
    sindexes=(SecondaryIndex("order_uid", "order", "uid"),),
    data_size=0,
    files=("/var/lib/aerospike/data/orders1.dat", "/var/lib/aerospike/data/orders2.dat"),
    filesize=512 * MIB,
    indexes_memory_budget=64 * MIB,
    evict_indexes_memory_pct=80,
    memory_size=GIB,
    stop_writes_pct=85,
)

MEAN_BYTES = {
    "cart": 24_000,
    "wishlist": 18_000,
    "order": 22_000,
    "payment": 6_000,
    "view": 16_000,
    "purchase": 12_000,
    "error": 9_000,
}
"""The mean size of the large bin of a record, by set."""

FIRST_RECORDS = {"cart": 4_500, "wishlist": 8_500, "order": 5_000, "payment": 5_000, "view": 6_000, "purchase": 5_000}
"""The records that the shop opens with."""

FIRST_ERRORS = 24
"""Those that the shop opens with, too, all of the mean size."""

WISHLIST_TTL = 14 * DAY

LIVES = {"cart": CARTS.default_ttl, "wishlist": WISHLIST_TTL}
"""The seconds for which a record of a set lives from its last write; those of other sets are kept for ever."""


def free_bytes(heap: Heap) -> int:
    """Memory of the host that is available. Lazily freed pages are, as the kernel may take them at any time."""
    return HOST_BYTES - OTHER_PROCESSES_BYTES - heap.resident + heap.lazily_freed


class Shop:
    """The shop and its node's memory, from a seed; `release` is the way the server keeps records, 8.1 or 6.4.

    Over a week the wish lists grow until `carts` evicts, which takes the carts first because they have least time to
    live, and the files of the orders, kept for ever, come near their last free blocks. It opens with the records of
    earlier days unless `load` is false. `scale` multiplies its records and its visitors.
    """

    def __init__(self, seed: int = 1, release: str = "8.1", *, load: bool = True, scale: float = 1.0) -> None:
        flat = release != "6.4"
        self.carts = Namespace(CARTS, flat=flat)
        self.orders = Namespace(ORDERS, flat=flat)
        self.namespaces: tuple[Namespace, ...] = (self.orders, self.carts)
        self.now = 0
        self.partitions = TREES  # that the node has, of all that the cluster has
        self._scale = scale
        self._chance = random.Random(seed)  # noqa: S311 (figures of a simulation)
        self._next_key = 0
        self._open_carts: deque[int] = deque(maxlen=2_000)
        self._recent_views: deque[int] = deque(maxlen=3_000)
        self._errors_until = 0
        if load:
            self._load()
        self._housekeeping()

    def advance(self, seconds: float) -> bool:
        """Let the shop live until `seconds` after its start; False when a further call is needed to get there."""
        for _ in range(MAX_STEPS):
            if self.now + TICK > seconds:
                return True
            self._step()
        return self.now + TICK > seconds

    def heap(self) -> Heap:
        """What the allocator of the node would report now."""
        return heap_of(self.namespaces, self.partitions)

    def activity(self) -> float:
        """How busy the shop is, from 0.05 before dawn to 0.95 in the afternoon."""
        hour = (self.now / HOUR + OPENING_HOUR) % 24
        return 0.5 - 0.45 * math.cos((hour - 4.5) / 24 * 2 * math.pi)

    def _load(self) -> None:
        """The records of earlier days. Some are written again or deleted, which leaves holes in the blocks."""
        for name, usual in FIRST_RECORDS.items():
            count = round(usual * self._scale)
            keys = [self._add(name, aged=True) for _ in range(count)]
            for key in self._chance.sample(keys, count // 5):
                self._rewrite(key, 1.1)
            for key in self._chance.sample(keys, count // 8):
                self._namespace(name).delete(key)
        for _ in range(round(FIRST_ERRORS * self._scale)):
            self._next_key += 1
            self.orders.write(self._next_key, Record("error", MEAN_BYTES["error"], 0))
        for namespace in self.namespaces:
            namespace.written = namespace.deleted = 0

    def _step(self) -> None:
        self.now += TICK
        busy = self.activity()
        for _ in range(self._arrivals(busy * 1.2)):
            self._open_carts.append(self._add("cart"))
        for _ in range(self._arrivals(busy * 1.2)):
            self._change_cart()
        for _ in range(self._arrivals(busy * 0.065)):
            self._add("wishlist")
        for _ in range(self._arrivals(busy * 0.025)):
            self._recent_views.append(self._add("view"))
        for _ in range(self._arrivals(busy * 0.3)):
            self._view_again()
        for _ in range(self._arrivals(busy * 0.0135)):
            self._buy()
        self._go_wrong(busy)
        self._housekeeping()

    def _housekeeping(self) -> None:
        # The memory of the whole process changes slowly: once in five minutes is enough for the host's share.
        if self.now % 300 == 0:
            used = HOST_BYTES - free_bytes(self.heap())
            self._system_used_pct = -(-used * 100 // HOST_BYTES)
        for namespace in self.namespaces:
            namespace.tick(self.now, TICK, self._system_used_pct)

    def _arrivals(self, per_second: float) -> int:
        """How often something that happens so many times per second happened in this step."""
        expected = per_second * self._scale * TICK * self._chance.uniform(0.7, 1.3)
        return int(expected + self._chance.random())

    def _change_cart(self) -> None:
        if not self._open_carts:
            return
        key = self._chance.choice(self._open_carts)
        if key in self.carts.records:
            self._rewrite(key, 1.15)

    def _view_again(self) -> None:
        """A visitor who was here lately looks at more: the record of the views grows."""
        if self._recent_views:
            self._rewrite(self._chance.choice(self._recent_views), 1.02)

    def _buy(self) -> None:
        for name in ("order", "payment", "purchase"):
            self._add(name)
        if self._open_carts:
            cart = self._open_carts.popleft()
            if cart in self.carts.records:
                self.carts.delete(cart)

    def _go_wrong(self, busy: float) -> None:
        """Errors come in bursts of up to forty minutes, about three a day; in between there are few."""
        if self.now >= self._errors_until and self._chance.random() < 3 * TICK / DAY:
            self._errors_until = self.now + self._chance.randrange(10 * 60, 40 * 60)
        rate = 0.2 if self.now < self._errors_until else 0.0004
        for _ in range(self._arrivals(busy * rate)):
            self._add("error")

    def _namespace(self, set_name: str) -> Namespace:
        return self.carts if set_name in CARTS.sets else self.orders

    def _void_time(self, set_name: str, aged: bool) -> int:
        life = LIVES.get(set_name, 0)
        if life and aged:
            life = self._chance.randrange(life // 20, life)
        return self.now + life if life else 0

    def _add(self, set_name: str, *, aged: bool = False) -> int:
        self._next_key += 1
        body = int(MEAN_BYTES[set_name] * self._chance.lognormvariate(-0.18, 0.6))
        record = Record(set_name, body, self._void_time(set_name, aged))
        self._namespace(set_name).write(self._next_key, record)
        return self._next_key

    def _rewrite(self, key: int, growth: float) -> None:
        for namespace in self.namespaces:
            record = namespace.records.get(key)
            if record is not None:
                body = min(int(record.body_bytes * growth), MIB // 4)
                void_time = self._void_time(record.set_name, aged=False)
                namespace.write(key, Record(record.set_name, body, void_time))
