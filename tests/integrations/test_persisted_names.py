"""What an engine keeps of the names of liveref: public ones, and those of the room of persisted names."""

from __future__ import annotations

import base64
import importlib
import re
import sqlite3
from collections.abc import Callable
from typing import Any, Final

import pytest

import liveref
from liveref import RegistryKey, SessionRefRegistry, _persisted

from .engines import MODULES

KEY: Final = RegistryKey.new(dict[str, int])
SEALED: Final = RegistryKey.parse(str(KEY), type("Local", (), {}))
NAMED: Final = {
    "dask": set[str](),
    "dbos": {"key", "sealed_key"},
    "kombu": set[str](),
    "langgraph": {"KeyStandIn", "LiveStandIn"},
    "llama_index": set[str](),
    "msgspec": set[str](),
    "pickle": {"key", "sealed_key"},
    "prefect": {"key", "sealed_key"},
    "temporal": set[str](),
}
"""For each engine the persisted names that it keeps."""
KEEPS_NOTHING: Final = {"pytest_plugin"}
ALLOWED: Final = {b"liveref._persisted", *(f"liveref.{name}".encode() for name in liveref.__all__)}


def written(module: str, payload: dict[str, object], registry: SessionRefRegistry) -> bytes:
    """What an engine keeps of a payload, where it can of its live objects too."""
    ours: Any = importlib.import_module(f"liveref.integrations.{module}")
    live = {"live": [sqlite3.Connection]}
    keys = {name: value for name, value in payload.items() if isinstance(value, RegistryKey)}
    ways: dict[str, Callable[[], object]] = {
        "dask": lambda: _by_dask(ours),
        "dbos": lambda: base64.b64decode(ours.LiveRefSerializer(registry, **live).serialize(payload)),
        "kombu": lambda: _by_kombu(ours, keys),
        "langgraph": lambda: ours.LiveRefSerializer(registry, **live).dumps_typed(payload)[1],
        "llama_index": lambda: ours.LiveRefSerializer(registry, **live).serialize(payload),
        "msgspec": lambda: importlib.import_module("msgspec").json.encode(keys, enc_hook=ours.enc_hook),
        "pickle": lambda: ours.dumps(payload, registry, **live),
        "prefect": lambda: base64.b64decode(ours.LiveRefSerializer(registry, **live).dumps(payload)),
        "temporal": lambda: ours.data_converter().payload_converter.to_payload(keys).SerializeToString(),
    }
    found = ways[module]()
    return found if isinstance(found, bytes) else str(found).encode()


def _by_dask(ours: Any) -> object:
    ours.register()
    header, frames = importlib.import_module("distributed.protocol").serialize(KEY, serializers=["dask"])
    return {name: value for name, value in header.items() if name != "type-serialized"}, frames


def _by_kombu(ours: Any, keys: dict[str, object]) -> object:
    ours.register()
    return importlib.import_module("kombu.utils.json").dumps(keys)


def test_every_engine_that_keeps_something_is_asked() -> None:
    assert sorted([*NAMED, *KEEPS_NOTHING]) == MODULES


@pytest.mark.parametrize("module", NAMED)
def test_what_an_engine_keeps_names_persisted_names_alone(
    module: str, registry: SessionRefRegistry, db: sqlite3.Connection
) -> None:
    kept = written(module, {"one": KEY, "two": SEALED, "live": db}, registry)
    assert set(re.findall(rb"liveref\.[\w.]+", kept)) <= ALLOWED
    assert {name for name in _persisted.__all__ if re.search(rf"\b{name}\b".encode(), kept)} == NAMED[module]
