"""Right and wrong lookups, for a type checker. WRONG ON PURPOSE, so left out of the project's own type checks.

`catalogue.py` runs mypy and pyright over this file: both flag every line that ends in "wrong", and no
other. The file is never imported.
"""
# pyright: strict

from __future__ import annotations

import re
import sqlite3
from io import TextIOWrapper
from typing import TextIO

from liveref import RegistryKey, SessionRefRegistry


def right(refs: SessionRefRegistry, key: RegistryKey[sqlite3.Connection], marker: object) -> None:
    """What `get` gives has the type of the key, without a cast."""
    refs.get(key).execute("select 1")
    refs[key].commit()
    log = RegistryKey.from_marker(marker, TextIO)
    refs.get(log).write("done")
    untyped = RegistryKey.from_marker(marker)
    refs.get(untyped, re.Pattern[str]).findall("a hint where the key has none: checked at run time too")
    database = refs.get(key, default=None)
    if database is not None:
        database.close()


def wrong(refs: SessionRefRegistry, key: RegistryKey[sqlite3.Connection], text: str) -> None:
    """What a checker says at the desk would otherwise be said at night, by the running program."""
    refs.get(key).excute("select 1")  # wrong
    refs.get(key).write("a connection is no file")  # wrong
    log: RegistryKey[TextIO] = key  # wrong
    refs.get(log).write("done")
    refs.get(key, default=None).commit()  # wrong
    refs.get(text)  # wrong
    refs.get(RegistryKey.parse(text)).commit()  # wrong
    refs.typed(re.Pattern[str]).get(key)  # wrong
    refs.insert(sqlite3.connect(":memory:"), finalizer=TextIOWrapper.close)  # wrong
