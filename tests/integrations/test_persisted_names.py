"""What each engine stores names nothing of liveref but public and persisted names."""

from __future__ import annotations

import re
from asyncio import Lock
from collections.abc import Callable, Iterator

import pytest

from liveref import RegistryKey, SessionRefRegistry, SnapshotKeys, reopener

from .engines import MODULES

RING = SnapshotKeys({"test": b"0123456789abcdef" * 2}, current="test")
ALLOWED = {"liveref", "liveref._persisted"}


def langgraph(payload: object, registry: SessionRefRegistry) -> bytes:
    from liveref.integrations.langgraph import LiveRefSerializer

    return LiveRefSerializer(registry, live=[Lock], recipes=RING).dumps_typed(payload)[1]


def llama_index(payload: object, registry: SessionRefRegistry) -> bytes:
    from liveref.integrations.llama_index import LiveRefSerializer

    return LiveRefSerializer(registry, live=[Lock], recipes=RING).serialize(payload).encode()


def pickle(payload: object, registry: SessionRefRegistry) -> bytes:
    from liveref.integrations.pickle import dumps

    return dumps(payload, registry, live=[Lock], recipes=RING)


def dbos(payload: object, registry: SessionRefRegistry) -> bytes:
    import base64

    from liveref.integrations.dbos import LiveRefSerializer

    return base64.b64decode(LiveRefSerializer(registry, live=[Lock], recipes=RING).serialize(payload))


def prefect(payload: object, registry: SessionRefRegistry) -> bytes:
    import base64

    from liveref.integrations.prefect import LiveRefSerializer

    return base64.decodebytes(LiveRefSerializer(registry, live=[Lock], recipes=RING).dumps(payload))


def kombu(payload: object, _registry: SessionRefRegistry) -> bytes:
    from kombu.utils.json import dumps

    from liveref.integrations.kombu import register

    register()
    return dumps(keys_of(payload)).encode()


def dask(payload: object, _registry: SessionRefRegistry) -> bytes:
    from distributed.protocol import serialize

    from liveref.integrations.dask import register

    register()
    return repr([serialize(key) for key in keys_of(payload)]).encode()


def keys_of(payload: object) -> list[object]:
    assert isinstance(payload, dict)
    return [found for found in payload.values() if type(found) is RegistryKey]


@reopener("tests.persisted_names")
def lock() -> Lock:
    return Lock()


def payloads(registry: SessionRefRegistry) -> Iterator[object]:
    local = type("Local", (), {})
    yield {"key": RegistryKey.new(int), "local": RegistryKey.new(local), "live": Lock()}
    key = registry.open(lock.recipe())
    yield {"key": key, "local": RegistryKey.parse(str(key), local), "live": registry[key]}


WRITERS = [langgraph, llama_index, pickle, dbos, prefect, kombu, dask]
WRITE_NO_NAMES = {
    "fastapi": "nothing",
    "fastmcp": "nothing",
    "msgspec": "markers alone",
    "pytest_plugin": "nothing",
    "ray": "nothing",
    "temporal": "markers alone",
}


def test_every_engine_is_asked() -> None:
    assert sorted([*(write.__name__ for write in WRITERS), *WRITE_NO_NAMES]) == MODULES


@pytest.mark.parametrize("write", WRITERS)
def test_an_engine_stores_public_and_persisted_names_alone(
    write: Callable[[object, SessionRefRegistry], bytes],
) -> None:
    registry = SessionRefRegistry()
    for payload in payloads(registry):
        written = write(payload, registry)
        named = {name.decode() for name in re.findall(rb"\bliveref(?:\.\w+)*", written)}
        named = {name.removesuffix(".RegistryKey") for name in named}
        assert named <= ALLOWED
    registry.close()
