"""What the checks of an application are there for; not a part of it until a test puts it there."""

from __future__ import annotations

import sqlite3

from liveref import RegistryKey, SessionRefRegistry


def lookup(refs: SessionRefRegistry, key: RegistryKey[sqlite3.Connection]) -> object:
    refs.insert(1, str)  # lint mypy
    refs.get(key, str)  # lint mypy
    refs.typed(str).get(key)  # mypy pyright
    refs.release(key)
    return refs.get_any(key)  # lint mypy
