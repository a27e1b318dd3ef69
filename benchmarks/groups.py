"""The groups of rounds by name: what a worker can be asked for."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Final

from benchmarks import growth, imports, million, ours, sessions, snapshots, threads
from benchmarks.rows import Group
from benchmarks.timing import Contender, Duel

DUELS: Final = ("lookup", "insert and release", "marker", sessions.SYNC, sessions.TEN, sessions.AWAITED)
SHARED: Final = (
    *("d[k]", "dict d[k]", "pytest stash[StashKey]", "liveref get(key): a class"),
    *("svcs Container with one cleanup", "liveref Session with one ref"),
)
"""Of the lookups and the sessions, those that four threads do too."""


def make(name: str, size: int, *, peers: bool) -> Group:
    """A group, set up.

    Args:
        name: one of `DUELS`, `OTHERS`, or ``"growth: "`` with an operation.
        size: how many refs, where that matters.
        peers: whether the peers take part; they must be installed then.
    """
    others = importlib.import_module("benchmarks.peers") if peers else None
    if name in DUELS:
        return _duel(name, others)
    if name.startswith("growth: "):
        return growth.growth(name.removeprefix("growth: "), size)
    return OTHERS[name](others, size)


def _duel(name: str, peers: ModuleType | None) -> Group:
    references = {**ours.references(), **sessions.awaited_references()}
    reference, contenders = references[name], _contenders(name, peers)
    targets = {contender.name: contender.targets for contender in contenders}
    return Group(name, reference.name, Duel(reference, contenders).round, targets)


def _contenders(group: str, peers: ModuleType | None) -> Sequence[Contender]:
    everyone = [*_peers_of(peers), *ours.contenders(), *sessions.awaited()]
    return [contender for contender in everyone if contender.group == group]


def _peers_of(peers: ModuleType | None) -> Sequence[Contender]:
    return () if peers is None else _all_peers(peers)


@functools.cache
def _all_peers(peers: ModuleType) -> Sequence[Contender]:
    """Made once: one of them starts a process."""
    return tuple(peers.contenders())


def _throughput(peers: ModuleType | None, _: int) -> Group:
    return threads.lookups([each for each in _contenders("lookup", peers) if each.name in SHARED])


def _throughput_of_sessions(peers: ModuleType | None, _: int) -> Group:
    return threads.sessions([each for each in _contenders(sessions.SYNC, peers) if each.name in SHARED])


def _fills(peers: ModuleType | None) -> Mapping[str, million.Fill]:
    return million.OURS if peers is None else {**peers.FILLS, **million.OURS}


OTHERS: Final[Mapping[str, Callable[[ModuleType | None, int], Group]]] = {
    "time of many": lambda peers, size: million.time(_fills(peers), size),
    "memory of many": lambda peers, size: million.memory(_fills(peers), size),
    "throughput": _throughput,
    "throughput of sessions": _throughput_of_sessions,
    "cap": lambda _peers, _size: threads.cap(),
    "locks": lambda _peers, _size: threads.locks(),
    "snapshot": lambda _peers, size: snapshots.taking(size),
    "resume": lambda _peers, size: snapshots.resuming(size),
    "import": lambda _peers, _size: imports.ratio(),
    "import time": lambda _peers, _size: imports.milliseconds(),
    "packages": lambda _peers, _size: imports.packages(),
}
