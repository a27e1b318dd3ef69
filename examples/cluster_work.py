"""The work of `cluster.py`: what its homes and tasks import."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from liveref import Pinned, RegistryKey, reopener
from liveref.engine import RefEngine

Weights: TypeAlias = NDArray[np.int64]
Row: TypeAlias = tuple[str, str, int]


@reopener("cluster.index", finalizer=sqlite3.Connection.close)
def open_index(path: str) -> sqlite3.Connection:
    """The index, in a file that outlives its process."""
    db = sqlite3.connect(path)
    db.execute("create table if not exists files (path text primary key, digest text, weight integer)")
    return db


def index(paths: Sequence[str], weights: Weights) -> list[Row]:
    """For each file its name, its digest and the weighted sum of its bytes."""
    rows: list[Row] = []
    for path in paths:
        data = Path(path).read_bytes()
        counts = np.bincount(np.frombuffer(data, dtype=np.uint8), minlength=256)
        rows.append((path, hashlib.sha256(data).hexdigest(), int(counts @ weights)))
    return rows


def store(rows: list[Row]) -> Callable[[sqlite3.Connection], None]:
    """What is to be done with the index, where that is."""

    def insert(db: sqlite3.Connection) -> None:
        with db:
            db.executemany("insert or replace into files values (?, ?, ?)", rows)

    return insert


def result_of(db: sqlite3.Connection) -> tuple[int, str]:
    """How many files there are, and the digest of all rows."""
    rows: list[Row] = db.execute("select * from files order by path").fetchall()
    return len(rows), hashlib.sha256(repr(rows).encode()).hexdigest()


def work(refs_of: Callable[[], RefEngine], payload: dict[str, Any], paths: Sequence[str]) -> int:
    """One task, on whatever node: read the shared array, and bring the rows to the one connection."""
    refs = refs_of().refs
    weights: Weights = refs.get(RegistryKey.from_marker(payload["weights"], np.ndarray))
    index_key = RegistryKey.from_marker(payload["index"], Pinned[sqlite3.Connection])
    refs[index_key].run(store(index(paths, weights)))
    return len(paths)
