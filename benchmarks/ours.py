"""The lookups, changes and markers of liveref, and its sessions; every lookup checks the value."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final, Protocol, runtime_checkable

from benchmarks import sessions
from benchmarks.timing import Contender
from liveref import RegistryKey, SessionRefRegistry
from liveref.jsonable import decode, encode

FEW: Final = 100


class Store:
    """What is looked up."""

    def read(self) -> bytes:
        """Make it a `Readable`."""
        return b""


@runtime_checkable
class Readable(Protocol):
    """A Protocol of methods only."""

    def read(self) -> bytes:
        """Give bytes."""
        ...


def contenders() -> Iterator[Contender]:
    """All of them, but for what is awaited."""
    yield from _lookups()
    yield from _changes()
    yield from _markers()
    yield from sessions.contenders()


def references() -> dict[str, Contender]:
    """What a ratio of 1 is, in each group."""
    d = {f"{number:032x}": Store() for number in range(FEW)}
    lookup = {"d": d, "k": next(iter(d))}
    marker = {"json": json, "marker": RegistryKey.new().to_marker()}
    return {
        "lookup": Contender("lookup", "d[k]", "d[k]", lookup),
        "insert and release": Contender("insert and release", "d[k]", "d[k]", lookup),
        "marker": Contender("marker", "json.loads(json.dumps(marker))", "json.loads(json.dumps(marker))", marker),
        **sessions.references(),
    }


def _some_refs() -> SessionRefRegistry:
    registry = SessionRefRegistry()
    for _ in range(FEW):
        registry.insert(Store())
    return registry


def _lookups() -> Iterator[Contender]:
    r, store, ints = _some_refs(), Store(), [1, 2, 3]
    key = r.insert(store)
    by_class = {"r": r, "key": key}
    union = {"r": r, "key": r.insert(store, Store | None)}
    container = {"r": r, "key": r.insert(ints, list[int])}
    protocol = {"r": r, "key": r.insert(store, Readable)}  # type: ignore[liveref-shallow]  # its outside is timed
    untyped = {"r": r, "key": RegistryKey.parse(str(key)), "Store": Store}
    untyped_ints = {"r": r, "key": RegistryKey.parse(str(r.insert(ints)))}
    yield _lookup("get(key): a class", "r.get(key)", by_class, pure=5.5, compiled=2.4)
    yield _lookup("registry[key]: a class", "r[key]", by_class, pure=5.5, compiled=2.4)
    yield _lookup("get(key): Store | None", "r.get(key)", union, pure=8, compiled=4)
    yield _lookup("get(key): list[int]", "r.get(key)", container, pure=30, compiled=20)
    yield _lookup("get(key): Protocol", "r.get(key)", protocol, pure=15)
    yield _lookup("get(key, Store): a downcast", "r.get(key, Store)", untyped)
    yield _lookup("get(key, list[int]): a downcast", "r.get(key, list[int])", untyped_ints)
    for said, registry in (("", _some_refs()), (", after 10,000 departures", _after_departures())):
        missed = {"r": registry, "key": RegistryKey.new()}
        yield _lookup(f"get(key, default=None): a miss{said}", "r.get(key, default=None)", missed, pure=110)
        yield _lookup(f"get(key): a miss that raises{said}", _RAISING, missed, pure=110)


_RAISING: Final = """
try:
    r.get(key)
except LookupError:
    pass
"""


def _after_departures() -> SessionRefRegistry:
    registry = _some_refs()
    for _ in range(10_000):
        registry.release(registry.insert(Store()))
    return registry


def _lookup(name: str, statement: str, names: Mapping[str, object], **targets: float) -> Contender:
    return Contender("lookup", f"liveref {name}", statement, names, targets)


def _changes() -> Iterator[Contender]:
    names = {"r": _some_refs(), "store": Store(), "close": Store.read}
    one_place = "r.release(r.insert(store))"
    several_places = "r.release(r.insert(store)); r.release(r.insert(store))"
    with_finalizer = "r.release(r.insert(store, finalizer=close))"
    group, targets = "insert and release", {"pure": 30, "compiled": 12}
    yield Contender(group, "liveref release(insert(value))", one_place, names, targets)
    yield Contender(group, "liveref, from places in turn", several_places, names, operations=2)
    yield Contender(group, "liveref, with a finalizer", with_finalizer, names)


def _markers() -> Iterator[Contender]:
    registry, store = _some_refs(), Store()
    names = {
        "json": json,
        "r": registry,
        "key": registry.insert(store),
        "Store": Store,
        "RegistryKey": RegistryKey,
        "encode": encode,
        "decode": decode,
        "live": (Store,),
        "store": store,
    }
    read = "RegistryKey.from_marker(json.loads(json.dumps(key.to_marker())), Store)"
    through_json = "decode(json.loads(json.dumps(encode(key))))"
    live_object = "decode(json.loads(json.dumps(encode(store, registry=r, live=live))), registry=r)"
    yield Contender("marker", "liveref to_marker, from_marker", read, names, {"pure": 1.5, "compiled": 1.5})
    yield Contender("marker", "liveref the same, and get", f"r.get({read})", names)
    yield Contender("marker", "liveref jsonable, of a key", through_json, names)
    yield Contender("marker", "liveref jsonable, of a live object", live_object, names)
