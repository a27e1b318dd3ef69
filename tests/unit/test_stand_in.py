"""Payloads with keys and live objects, written by a serializer that writes classes and fields: here pickle."""

from __future__ import annotations

import dataclasses
import json
import pickle
from abc import ABCMeta
from collections import deque
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel, ConfigDict

from liveref import MarkerError, NotJSONableError, RefReleasedError, RegistryKey, SessionRefRegistry
from liveref._payloads.parts import Scan, opener_of
from liveref._payloads.stand_in import KeyStandIn, LiveStandIn, read, write
from liveref._payloads.swap import Swap


class Conn:
    """A live object, which can't be pickled."""

    def __reduce__(self) -> str:
        raise TypeError


@dataclasses.dataclass(frozen=True)
class Deps:
    conn: object


class Pair(NamedTuple):
    conn: object
    number: int


class Model(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True, extra="allow")
    conn: Conn


conn = Conn()
HOLDERS: dict[str, Any] = {
    "containers": {"a": [conn, (conn, 1)], "b": {conn}, "c": frozenset([conn]), "d": deque([conn], maxlen=None)},
    "dataclass": Deps([Deps(conn)]),
    "NamedTuple": Pair(conn, 1),
    "model": Model(conn=conn, more=Model(conn=conn)),
}


@pytest.mark.parametrize("value", HOLDERS.values(), ids=HOLDERS)
def test_live_objects_come_back_as_themselves_wherever_they_were(value: Any) -> None:
    registry = SessionRefRegistry()
    swap = Swap(registry, live=[Conn])
    written = write(swap, pickle.dumps, value, opener_of)
    assert read(swap, pickle.loads, written) == value
    assert len(registry) == 1


def test_what_holds_none_is_given_to_the_serializer_as_it_is() -> None:
    value = {"deps": Deps(1), "key": [(1, 2)]}
    assert write(Swap(live=[Conn]), lambda payload: payload, value, opener_of) is value


def test_what_is_written_already_is_not_written_again() -> None:
    assert write(Swap(), pytest.fail, [1], opener_of, written="before") == "before"
    key = RegistryKey.new(int)
    assert read(Swap(), pickle.loads, write(Swap(), pickle.dumps, [key], opener_of, written=b"before")) == [key]


def test_a_ref_that_is_gone_is_told_even_if_the_serializer_swallows_it() -> None:
    registry = SessionRefRegistry()
    swap = Swap(registry, live=[Conn])
    written = write(swap, pickle.dumps, [conn], opener_of)
    registry.drain()

    def swallow(payload: bytes) -> object:
        try:
            return pickle.loads(payload)
        except Exception:
            return None

    with pytest.raises(RefReleasedError):
        read(swap, swallow, written)


def test_what_the_serializer_raises_is_passed_on() -> None:
    with pytest.raises(pickle.UnpicklingError):
        read(Swap(), pickle.loads, b"not a pickle")


def test_a_stand_in_outside_of_a_read_gives_a_key_or_raises() -> None:
    key = RegistryKey.new(int)
    assert LiveStandIn(**key.to_marker()) == key
    with pytest.raises(MarkerError):
        KeyStandIn(type="builtins:int")


class Odd(type):
    """A class of classes that have no hash."""

    def __eq__(cls, other: object) -> bool:
        return cls is other

    __hash__ = None  # type: ignore[assignment]


class Unhashed(Conn, metaclass=Odd):
    """Can't be pickled either."""


class Unasked(Conn):
    """Can't be asked what it is."""

    @property
    def __class__(self) -> type:  # pyright: ignore[reportIncompatibleMethodOverride]
        raise ZeroDivisionError


@pytest.mark.parametrize("cls", [Unhashed, Unasked], ids=["unhashed", "unasked"])
def test_what_has_no_hash_or_tells_no_class_is_named_all_the_same(cls: type[Conn]) -> None:
    with pytest.raises(NotJSONableError, match=rf"^\$\.a\[1\] is not JSON: found .*{cls.__name__}"):
        write(Swap(), pickle.dumps, {"a": [1, cls()]}, opener_of)


def test_a_live_object_needs_no_class_with_a_hash() -> None:
    swap, live = Swap(SessionRefRegistry(), live=[Unhashed]), Unhashed()
    assert read(swap, pickle.loads, write(swap, pickle.dumps, [live], opener_of)) == [live]


def test_the_culprit_is_named_by_its_path() -> None:
    with pytest.raises(NotJSONableError, match=r"^\$\.deps\.conn\[1\] is not JSON: found .*\.Conn\. Insert it"):
        write(Swap(), pickle.dumps, {"deps": Deps([1, conn])}, opener_of)


def pack(payload: object, default: Any) -> bytes:
    return json.dumps(payload, default=default).encode()


class Pretender:
    """A proxy: of which class it is, each says for itself."""

    def __init__(self, cls: type) -> None:
        self.cls = cls

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return self.cls


LOOKS = {"look alone": None, "encode": str}
WANTED_WITHIN = {
    "dataclass": Deps(conn),
    "NamedTuple": Pair(conn, 1),
    "model": Model(conn=conn),
    "more than a model has": Model.model_construct(more=conn),
}


@pytest.mark.parametrize("encode", LOOKS.values(), ids=LOOKS)
@pytest.mark.parametrize("holder", WANTED_WITHIN.values(), ids=WANTED_WITHIN)
def test_a_scan_ends_at_what_it_looks_for(holder: object, encode: Any) -> None:
    scan = Scan((Conn,), opener_of, pack, encode)
    assert scan.run([Deps(MarkerError), Pair(None, 1), Model.model_construct(conn=None), 1.5])
    for _ in range(2):
        with pytest.raises(TypeError):
            scan.run([1, holder])


@pytest.mark.parametrize("encode", LOOKS.values(), ids=LOOKS)
def test_a_scan_asks_each_proxy_what_it_is(encode: Any) -> None:
    scan = Scan((Conn,), opener_of, pack, encode)
    assert scan.run([Pretender(int), Pretender(int)])
    with pytest.raises(TypeError):
        scan.run([Pretender(int), Pretender(Conn)])


@pytest.mark.parametrize("encode", LOOKS.values(), ids=LOOKS)
@pytest.mark.parametrize("joins", [Conn, Model])
def test_a_scan_finds_a_class_that_joined_an_abstract_one_later(joins: type, encode: Any) -> None:
    closable = ABCMeta("closable", (), {})
    scan = Scan((closable,), opener_of, pack, encode)
    assert scan.run([Model(conn=conn), conn])
    closable.register(joins)
    with pytest.raises(TypeError):
        scan.run([Model(conn=conn)])
