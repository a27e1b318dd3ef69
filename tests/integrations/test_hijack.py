"""Handles in the wrong hands: whatever way they came and whatever is tried, they are unknown keys there."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable, Iterator
from typing import Any, Final

import pydantic
import pytest

from liveref import (
    MarkerAuthError,
    Owner,
    RefNotFoundError,
    RegistryKey,
    Session,
    SessionRefRegistry,
    SessionSnapshot,
    SnapshotKeys,
    acting_as,
    reopener,
)
from liveref.integrations import pickle as pickles
from liveref.jsonable import decode, encode

RING: Final = SnapshotKeys({"a": b"a" * 32}, current="a")
ANN: Final = ("iss=a", "sub=ann")
WHO: Final[dict[str, Owner | None]] = {"nobody": None, "another": "bob", "half of it": ("iss=a",)}


class Thing:
    """A live object."""


Call = Callable[[SessionRefRegistry, RegistryKey[Thing]], object]


@reopener("tests.hijack.thing")
def make() -> Thing:
    return Thing()


class Field(pydantic.BaseModel):
    key: RegistryKey[Thing]


class Kept:
    """What holds a session with one ref of Ann's, and of each other."""

    def __init__(self) -> None:
        self.session = Session()
        self.key = self.session.refs.open(make.recipe(), owner=ANN)
        for who in ("bob", None):
            self.session.refs.open(make.recipe(), owner=who)

    @property
    def refs(self) -> SessionRefRegistry:
        return self.session.refs

    def resume(self) -> None:
        data = self.session.snapshot().to_bytes()
        self.session.close()
        self.session = Session.resume(SessionSnapshot.from_bytes(data, trusted=True))


@pytest.fixture
def kept() -> Iterator[Kept]:
    found = Kept()
    yield found
    found.session.close()


def by_langgraph(refs: SessionRefRegistry, value: object, live: tuple[type, ...] = ()) -> Any:
    pytest.importorskip("langgraph", reason="needs liveref[langgraph]")
    from liveref.integrations.langgraph import LiveRefSerializer

    serde = LiveRefSerializer(refs, live=live)
    with acting_as(ANN):
        written = serde.dumps_typed(value)
    return serde.loads_typed(written)


def by_llama_index(refs: SessionRefRegistry, value: object, live: tuple[type, ...] = ()) -> Any:
    pytest.importorskip("workflows", reason="needs liveref[llama-index]")
    from liveref.integrations.llama_index import LiveRefSerializer

    serializer = LiveRefSerializer(refs, live=live)
    with acting_as(ANN):
        written = serializer.serialize(value)
    return serializer.deserialize(written)


def by_prefect(refs: SessionRefRegistry, value: object, live: tuple[type, ...] = ()) -> Any:
    pytest.importorskip("prefect", reason="needs liveref[prefect]")
    from liveref.integrations.prefect import LiveRefSerializer

    serializer = LiveRefSerializer(refs, live=live)
    with acting_as(ANN):
        written = serializer.dumps(value)
    return serializer.loads(written)


def by_dbos(refs: SessionRefRegistry, value: object, live: tuple[type, ...] = ()) -> Any:
    pytest.importorskip("dbos", reason="needs liveref[dbos]")
    from liveref.integrations.dbos import LiveRefSerializer

    serializer = LiveRefSerializer(refs, live=live)
    with acting_as(ANN):
        written = serializer.serialize(value)
    return serializer.deserialize(written)


def by_pickle(refs: SessionRefRegistry, value: object, live: tuple[type, ...] = ()) -> Any:
    with acting_as(ANN):
        written = pickles.dumps(value, refs, live=live)
    return pickles.loads(written, refs)


def by_json(refs: SessionRefRegistry, value: object, live: tuple[type, ...] = ()) -> Any:
    with acting_as(ANN):
        written = encode(value, registry=refs, live=live)
    return decode(written, registry=refs)


def by_msgspec(_refs: SessionRefRegistry, key: RegistryKey[Thing]) -> Any:
    msgspec = pytest.importorskip("msgspec", reason="needs liveref[msgspec]")
    from liveref.integrations.msgspec import dec_hook, enc_hook

    written = msgspec.json.encode(key, enc_hook=enc_hook)
    return msgspec.json.decode(written, type=RegistryKey[Thing], dec_hook=dec_hook)


def by_kombu(_refs: SessionRefRegistry, key: RegistryKey[Thing]) -> Any:
    pytest.importorskip("kombu", reason="needs liveref[kombu]")
    from kombu.utils import json

    from liveref.integrations.kombu import register

    register()
    return json.loads(json.dumps(key))


def by_temporal(_refs: SessionRefRegistry, key: RegistryKey[Thing]) -> Any:
    pytest.importorskip("temporalio", reason="needs liveref[temporal]")
    from liveref.integrations.temporal import data_converter

    converter = data_converter().payload_converter
    return converter.from_payload(converter.to_payload(key), RegistryKey[Thing])


def by_dask(_refs: SessionRefRegistry, key: RegistryKey[Thing]) -> Any:
    protocol = pytest.importorskip("distributed.protocol", reason="needs liveref[dask]")
    from liveref.integrations.dask import register

    register()
    return protocol.deserialize(*protocol.serialize(key))


WAYS: Final[dict[str, Callable[[SessionRefRegistry, RegistryKey[Thing]], RegistryKey[Thing]]]] = {
    "itself": lambda _refs, key: key,
    "marker": lambda _refs, key: RegistryKey.from_marker(key.to_marker(), Thing),
    "typed marker": lambda _refs, key: RegistryKey.read(key.to_marker(typed=True), Thing),
    "text": lambda _refs, key: RegistryKey.parse(str(key), Thing),
    "standard pickle": lambda _refs, key: pickle.loads(pickle.dumps(key)),
    "pydantic": lambda _refs, key: Field.model_validate_json(Field(key=key).model_dump_json()).key,
    "pickle": by_pickle,
    "jsonable": by_json,
    "langgraph": by_langgraph,
    "llama_index": by_llama_index,
    "prefect": by_prefect,
    "dbos": by_dbos,
    "msgspec": by_msgspec,
    "kombu": by_kombu,
    "temporal": by_temporal,
    "dask": by_dask,
}


async def aborrow(refs: SessionRefRegistry, key: RegistryKey[Thing]) -> object:
    async with refs.borrow(key) as thing:
        return thing


async def aget(refs: Any, key: RegistryKey[Thing]) -> object:
    found: object = await refs.aget(key)
    return found


RAISE: Final[dict[str, Call]] = {
    "get": lambda refs, key: refs.get(key),
    "get hint": lambda refs, key: refs.get(key, object),
    "[]": lambda refs, key: refs[key],
    "get_any": lambda refs, key: refs.get_any(key),
    "typed": lambda refs, key: refs.typed(Thing).get(key),
    "verify": lambda refs, key: refs.verify(key),
    "borrow": lambda refs, key: refs.borrow(key).__enter__(),
    "async borrow": lambda refs, key: asyncio.run(aborrow(refs, key)),
    "lifetime_of": lambda refs, key: refs.lifetime_of(key),
    "remove": lambda refs, key: refs.remove(key),
    "clone_ref": lambda refs, key: refs.clone_ref(key),
    "transfer_ref": lambda refs, key: refs.transfer_ref(key, SessionRefRegistry()),
    "transfer_ref to itself": lambda refs, key: refs.transfer_ref(key, refs),
    "renew": lambda refs, key: refs.renew(key),
    "sturdy_marker": lambda refs, key: refs.sturdy_marker(key, keys=RING),
}
if hasattr(SessionRefRegistry, "aget"):
    RAISE["aget"] = lambda refs, key: asyncio.run(aget(refs, key))
DENY: Final[dict[str, Call]] = {
    "in": lambda refs, key: key in refs,
    "release": lambda refs, key: refs.release(key),
    "arelease": lambda refs, key: asyncio.run(refs.arelease(key)),
    "default": lambda refs, key: refs.get(key, default=False),
    "default of typed": lambda refs, key: refs.typed(Thing).get(key, default=False),
    "keys": lambda refs, key: is_named(refs, key),
}


def is_named(refs: SessionRefRegistry, key: RegistryKey[Thing]) -> bool:
    """Whether a listing names the ref to somebody who acts; where nobody does it is the run's own code that asks."""
    with acting_as("bob"):
        return key in refs.keys() or any(info.owner == ANN for info in refs.describe())


@pytest.mark.parametrize("when", ["at once", "after a resume"])
@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("way", WAYS)
def test_nobody_else_gets_through_by_any_verb(kept: Kept, way: str, who: str, when: str) -> None:
    if when == "after a resume":
        kept.resume()
    refs, tried = kept.refs, 0
    with acting_as(WHO[who]):
        stolen = WAYS[way](refs, kept.key)
        assert stolen == kept.key
        for call in RAISE.values():
            fresh: RegistryKey[Thing] = RegistryKey.new(Thing)
            errors = list[RefNotFoundError]()
            for key in (stolen, fresh):
                with pytest.raises(RefNotFoundError) as caught:
                    call(refs, key)
                errors.append(caught.value)
            for show in (str, repr, lambda error: repr(error.args)):
                assert show(errors[0]) == show(errors[1]).replace(str(fresh)[:6], str(stolen)[:6])
            assert vars(errors[0]).keys() == vars(errors[1]).keys()
            tried += 1
        for call in DENY.values():
            assert call(refs, stolen) is False
            tried += 1
    assert tried == len(RAISE) + len(DENY)
    with acting_as(ANN):
        assert isinstance(refs[stolen], Thing)
        assert len(refs) == 3


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("read", [by_json, by_pickle, by_langgraph, by_llama_index, by_prefect, by_dbos])
def test_what_an_engine_reads_for_somebody_else_it_does_not_find(kept: Kept, read: Any, who: str) -> None:
    with acting_as(ANN):
        thing = kept.refs[kept.key]
        assert read(kept.refs, [thing], live=(Thing,)) == [thing]
    with acting_as(WHO[who]), pytest.raises(Exception, match="no ref") as caught:
        read(kept.refs, [thing], live=(Thing,))
    causes = [caught.value, caught.value.__cause__, caught.value.__context__]
    assert any(type(error) is RefNotFoundError for error in causes)


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("where", ["where it is", "elsewhere", "after a resume", "where it was released"])
def test_a_stolen_sturdy_marker_is_refused_whatever_the_registry_holds(kept: Kept, where: str, who: str) -> None:
    with acting_as(ANN):
        marker = kept.refs.sturdy_marker(kept.key, keys=RING)
        if where == "where it was released":
            kept.refs.release(kept.key)
    if where == "after a resume":
        kept.resume()
    elsewhere = SessionRefRegistry()
    refs = elsewhere if where == "elsewhere" else kept.refs
    held = len(refs)
    with acting_as(WHO[who]), pytest.raises(MarkerAuthError, match="another owner's marker"):
        refs.admit(marker, Thing, keys=RING)
    assert len(refs) == held
    elsewhere.close()
