"""How the cost of one ref grows with their number, beside the same work on a plain dict of that size."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final

from benchmarks.million import Value, fill_dict, fill_registry, seconds
from benchmarks.rows import Group
from benchmarks.sessions import Store, close
from benchmarks.snapshots import session_of
from liveref import Session, SessionRefRegistry

SIZES: Final = (100, 1_000, 10_000, 100_000, 1_000_000)
SESSIONS: Final = (1, 100, 10_000)
"""Refs of a session, which ends each of them."""
WORK: Final = 20_000
"""Refs in one timing at least: small registries are taken many at a time."""


def growth(operation: str, size: int) -> Group:
    """One operation at one size."""
    prepare, reference = OPERATIONS[operation]
    ratio = prepare(size)
    return Group(f"growth: {operation}", reference, lambda: {f"{size:,} ref{'s' * (size > 1)}": ratio()})


def _lookup(size: int) -> Callable[[], float]:
    """Keys come in a random order: at a million of them the caches of the processor miss, for the dict as well."""
    values = [Value() for _ in range(size)]
    registry = fill_registry(values)
    keys = registry.keys()
    texts = [f"{number:032x}" for number in range(size)]
    d = dict(zip(texts, values, strict=True))
    order = random.Random(7).choices(range(size), k=WORK)  # noqa: S311  no secret
    some_keys, some_texts = [keys[index] for index in order], [texts[index] for index in order]

    def get() -> None:
        for key in some_keys:
            registry.get(key)

    def look_up() -> None:
        for text in some_texts:
            d[text]

    return lambda: seconds(get) / seconds(look_up)


def _insert(size: int) -> Callable[[], float]:
    values = [Value() for _ in range(size)]
    texts = [f"{number:032x}" for number in range(size)]
    several = range(_times(size))

    def ratio() -> float:
        spent = seconds(lambda: [fill_registry(values) for _ in several])
        return spent / seconds(lambda: [fill_dict(texts, values) for _ in several])

    return ratio


def _drain(size: int) -> Callable[[], float]:
    values = [Value() for _ in range(size)]
    texts = [f"{number:032x}" for number in range(size)]
    several = range(_times(size))

    def ratio() -> float:
        registries = [fill_registry(values) for _ in several]
        spent = seconds(lambda: _drain_all(registries))
        dicts = [dict(zip(texts, values, strict=True)) for _ in several]
        return spent / seconds(lambda: _empty_all(dicts))

    return ratio


def _snapshot(size: int) -> Callable[[], float]:
    session = session_of(size)
    notes = [session.refs.get(key) for key in session.refs]
    several = range(_times(size))

    def ratio() -> float:
        spent = seconds(lambda: [session.snapshot() for _ in several])
        return spent / seconds(lambda: [pickle.dumps(notes) for _ in several])

    return ratio


def _session(size: int) -> Callable[[], float]:
    stores = [Store() for _ in range(size)]
    several = range(max(1, _times(size) // 4))  # each takes as long as several inserts

    def ratio() -> float:
        return seconds(lambda: _in_sessions(stores, several)) / seconds(lambda: _in_stacks(stores, several))

    return ratio


def _in_sessions(stores: Sequence[Store], several: range) -> None:
    for _ in several:
        with Session() as session:
            for store in stores:
                session.refs.insert(store, finalizer=close)


def _in_stacks(stores: Sequence[Store], several: range) -> None:
    for _ in several:
        with ExitStack() as stack:
            for store in stores:
                stack.callback(close, store)


def _drain_all(registries: Sequence[SessionRefRegistry]) -> None:
    for registry in registries:
        registry.drain()


def _empty_all(dicts: Sequence[dict[str, Value]]) -> None:
    for d in dicts:
        while d:
            d.popitem()


def _times(size: int) -> int:
    return max(1, WORK // size)


OPERATIONS: Final = {
    "lookup": (_lookup, "d[k] of that size, in the same loop"),
    "insert": (_insert, "d[k] = v, in the same loop"),
    "drain": (_drain, "d.popitem(), until it is empty"),
    "snapshot": (_snapshot, "pickle.dumps(values)"),
    "session": (_session, "ExitStack of as many callbacks"),
}
