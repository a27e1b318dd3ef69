"""Write the golden snapshots of this version: ``python -c "from tests.golden.make import main; main()"``.

They are written once, at a release, and never again: later versions must load them for ever.
"""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from pickle import PickleBuffer

import numpy as np

from liveref import (
    RefLifetime,
    RegistryKey,
    Session,
    SessionPausePolicy,
    SessionRefRegistry,
    SessionSnapshot,
    SnapshotKeys,
    register_serializer,
    reopener,
)
from liveref._snapshot.container import pack
from liveref._snapshot.contents import BLOBS

FOLDER = Path(__file__).parent
KEYS = SnapshotKeys({"golden": b"the key of the golden snapshots!"}, current="golden")
EARLIER = RegistryKey.parse("0f0e1d2c-3b4a-4958-8776-655443322110")
closed: list[object] = []


class Celsius:
    def __init__(self, degrees: float) -> None:
        self.degrees = degrees


class Color:
    def __init__(self, name: str, alpha: int = 255) -> None:
        self.name = name
        self.alpha = alpha


register_serializer("golden.celsius", Celsius, lambda t: str(t.degrees).encode(), lambda b: Celsius(float(b)))
register_serializer(
    "golden.color", Color, lambda c: c.name.encode(), lambda b: Color(b.decode()), version=2, finalizer=closed.append
)


@reopener("golden.range", finalizer=closed.append)
def numbers(start: int, stop: int, *, step: int = 1) -> range:
    return range(start, stop, step)


@reopener("golden.store")
def store(config: dict[str, object]) -> dict[str, object]:
    return config


Keys = dict[str, RegistryKey[object]]


def pickles(refs: SessionRefRegistry) -> Keys:
    shared = ["shared"]
    local = RegistryKey.parse(str(EARLIER), type("Local", (), {}))
    keys = {"plain": EARLIER, "typed": RegistryKey.parse(str(EARLIER), dict[str, int] | None), "local": local}
    twice = refs.insert({"number": Fraction(1, 3), "price": Decimal("9.90"), "shared": shared})
    return {
        "first": twice,
        "second": refs.clone_ref(twice),
        "holder": refs.insert([shared, shared], list[list[str]], lifetime=RefLifetime.UNTIL_PARENT_FINISH),
        "shared": refs.insert(shared),
        "keys": refs.insert(keys),
        "enums": refs.insert([RefLifetime.UNTIL_SNAPSHOT, SessionPausePolicy.WARN_DROP]),
        "none": refs.insert(None),
    }


def serializers(refs: SessionRefRegistry) -> Keys:
    warm = Celsius(21.5)
    return {
        "warm": refs.insert(warm),
        "again": refs.insert(warm),
        "cold": refs.insert(Celsius(-4)),
        "color": refs.insert(Color("red")),
        "held": refs.insert({"warm": warm}),
    }


def recipes(refs: SessionRefRegistry) -> Keys:
    even = refs.open(numbers.recipe(0, 10, step=2))
    return {
        "even": even,
        "clone": refs.clone_ref(even),
        "few": refs.open(numbers.recipe(0, 3)),
        "store": refs.open(store.recipe({"deep": [1, 2.5, None, True, "é"]})),
        "held": refs.insert(["holds", refs[even]]),
    }


def expected(refs: SessionRefRegistry) -> Keys:
    pool = {"pool": 1}
    return {
        "bare": refs.insert(pool, lifetime=RefLifetime.UNTIL_EXPLICIT_DROP),
        "recipe": refs.open(numbers.recipe(1, 2), lifetime=RefLifetime.UNTIL_EXPLICIT_DROP),
        "run": refs.insert("of the run"),
    }


def dropped(refs: SessionRefRegistry) -> Keys:
    lock = threading.Lock()
    return {"lock": refs.insert(lock), "holder": refs.insert([lock]), "kept": refs.insert("kept")}


def buffers(refs: SessionRefRegistry) -> Keys:
    array = np.arange(6, dtype="<i4").reshape(2, 3)
    return {
        "array": refs.insert(array),
        "column": refs.insert(np.asfortranarray(array)),
        "bytes": refs.insert({"raw": PickleBuffer(bytearray(b"out of band")), "array": array}),
        "empty": refs.insert(np.zeros((0, 3))),
    }


def empty(_refs: SessionRefRegistry) -> Keys:
    return {}


def unsigned(refs: SessionRefRegistry) -> Keys:
    return {"number": refs.insert(42)}


BUILDERS: dict[str, Callable[[SessionRefRegistry], Keys]] = {
    build.__name__: build for build in (pickles, serializers, recipes, expected, dropped, buffers, empty, unsigned)
}


def snapshot(name: str) -> tuple[SessionSnapshot, dict[str, str]]:
    """A golden snapshot, made anew, and the keys of its refs."""
    session = Session(
        policy=SessionPausePolicy.PICKLE_OR_DROP if name == "dropped" else SessionPausePolicy.PICKLE_OR_ERROR
    )
    keys = BUILDERS[name](session.refs)
    with warnings.catch_warnings(action="ignore"):
        taken = session.snapshot()
    session.refs.close()
    return taken, {label: str(key) for label, key in keys.items()}


def future(*, used: bool) -> bytes:
    """What a later writer may write, which knows one more lifetime and one more kind, and has used them or not."""
    header, blobs = snapshot("unsigned")[0]._contents.encode()
    lifetimes, kinds = 5, 6
    for at, name, later in ((lifetimes, "lifetimes", "until_the_end"), (kinds, "kinds", "teleport")):
        known = header[name]
        assert isinstance(known, list)
        header[name] = [*known, later]
        if used:
            blobs[at] = bytes([len(known)]) * memoryview(blobs[at]).nbytes
    return pack(header, blobs, KEYS, copied=BLOBS)


FUTURES = {"future_unused": False, "future_used": True}


def main() -> None:
    folder = FOLDER / version("liveref")
    folder.mkdir()  # raises where they are written already
    keys: dict[str, dict[str, str]] = {}
    for name in BUILDERS:
        taken, keys[name] = snapshot(name)
        (folder / f"{name}.snapshot").write_bytes(taken.to_bytes(keys=None if name == "unsigned" else KEYS))
    for name, used in FUTURES.items():
        (folder / f"{name}.snapshot").write_bytes(future(used=used))
    (folder / "keys.json").write_text(json.dumps(keys, indent=1) + "\n")
