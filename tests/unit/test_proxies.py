"""Objects that say they are of another class than their type: what `isinstance` believes, tags believe."""

from __future__ import annotations

import sqlite3
from contextlib import nullcontext
from typing import Any, Protocol
from unittest.mock import MagicMock, Mock, create_autospec

import pytest
from pydantic import BaseModel, ValidationError

from liveref import (
    NotJSONableError,
    RefLifetime,
    RegistryKey,
    Session,
    SessionRefRegistry,
    register_serializer,
    reopener,
)
from liveref._payloads.swap import Swap
from liveref.jsonable import decode, encode


class Proxy:
    """As wrapt and OpenTelemetry wrap what they watch."""

    def __init__(self, wrapped: object) -> None:
        self.wrapped = wrapped

    @property
    def __class__(self) -> type:
        return self.wrapped.__class__

    def __getattr__(self, name: str) -> object:
        return getattr(self.wrapped, name)


class Conn: ...


class SubConn(Conn): ...


class Closes(Protocol):
    def close(self) -> None: ...


class Refusing(type):
    def __instancecheck__(cls, instance: object) -> bool:
        raise ZeroDivisionError


class Odd(metaclass=Refusing): ...


class Says:
    """Says what it is told to say."""

    def __init__(self, said: object) -> None:
        self.said = said

    @property
    def __class__(self) -> type:
        if isinstance(self.said, Exception):
            raise self.said
        return self.said  # type: ignore[return-value]


class Broken:
    def __getattribute__(self, name: str) -> object:
        raise ValueError(name)


class Task(BaseModel):
    conn: RegistryKey[Conn]


PROXIES = {
    "a proxy": Proxy(Conn()),
    "a proxy of a proxy": Proxy(Proxy(Conn())),
    "a mock with a spec": Mock(spec=Conn),
    "a magic mock": MagicMock(spec=Conn()),
    "an autospec": create_autospec(Conn, instance=True),
}


@pytest.mark.parametrize("name", PROXIES)
def test_a_proxy_is_tagged_by_the_class_that_it_says_it_is(name: str) -> None:
    registry, proxy = SessionRefRegistry(), PROXIES[name]
    for key in (
        registry.insert(proxy),
        registry.insert(proxy, finalizer=id),
        registry.enter_context(nullcontext(proxy)),
    ):
        assert key.hint is Conn
        assert registry.get(key) is registry[key] is registry.get(key, Conn) is proxy
        registry.verify(key)
        assert Task(conn=key).conn == key
    assert {info.type_tag for info in registry.describe()} == {f"{__name__}:Conn"}
    registry.close()


@pytest.mark.parametrize("name", PROXIES)
@pytest.mark.parametrize("live", [[Conn], [int, Conn], [object]], ids=str)
def test_a_live_proxy_is_tagged_by_the_class_that_matched(name: str, live: list[type]) -> None:
    registry, proxy = SessionRefRegistry(), PROXIES[name]
    written = encode({"conn": proxy}, registry=registry, live=live)
    assert written["conn"]["type"] == RegistryKey.new(live[-1]).to_marker(typed=True)["type"]
    assert decode(written, registry=registry) == {"conn": proxy}
    task = Task.model_validate(written)
    assert registry.get(task.conn) is proxy


def test_of_a_proxy_the_class_in_live_counts_and_of_any_other_object_its_own() -> None:
    swap = Swap(live=[Conn])
    assert swap.tagged_as(Proxy(SubConn())) is Conn
    assert swap.tagged_as(SubConn()) is SubConn


def test_a_proxy_of_a_subclass_is_a_key_of_the_class_and_of_no_other() -> None:
    key = SessionRefRegistry().insert(Proxy(SubConn()))
    assert key.hint is SubConn
    assert Task(conn=key).conn == key
    with pytest.raises(ValidationError):
        Task(conn=SessionRefRegistry().insert(Proxy(5)))


ODD = {  # made in the test, for pytest asks its parameters what they are
    "no class": lambda: Says(5),
    "a Protocol": lambda: Says(Closes),
    "a class that raises": lambda: Says(Odd),
    "raises": lambda: Says(RuntimeError("unbound")),
    "broken": Broken,
    "a mock": Mock,
    "a magic mock": MagicMock,
}


@pytest.mark.parametrize("name", ODD)
def test_what_says_nothing_that_isinstance_believes_is_of_its_type(name: str) -> None:
    registry, odd = SessionRefRegistry(), ODD[name]()
    for key in (registry.insert(odd), registry.insert(odd, finalizer=id)):
        assert key.hint is type(odd)
        assert registry.get(key) is odd
    assert registry.drain() == 2


@pytest.mark.parametrize("name", ["raises", "broken"])
def test_what_can_not_be_asked_for_its_class_is_not_live_and_told_with_its_path(name: str) -> None:
    with pytest.raises(NotJSONableError, match=r"^\$\.a is not JSON: found "):
        encode({"a": ODD[name]()}, live=[Conn])


@reopener("test_proxies.open")
def open_proxy() -> Conn:
    return Proxy(Conn())  # type: ignore[return-value]


def test_so_is_a_proxy_that_a_recipe_opens_after_a_pause() -> None:
    with Session() as session:
        key = session.refs.open(open_proxy.recipe())
        assert key.hint is Conn
        snapshot = session.snapshot()
    with Session.resume(snapshot) as resumed:
        assert type(resumed.refs.get(key)) is Proxy
        assert [info.type_tag for info in resumed.refs.describe()] == [f"{__name__}:Conn"]
        assert [home.hint for home in resumed.refs] == [Conn]


class Pretends:
    """It is pickled as what it is, and says that it is another."""

    @property
    def __class__(self) -> type:
        return Conn

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return Pretends, ()


class Refuses(Pretends):
    @property
    def __class__(self) -> type:
        raise LookupError

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return Refuses, ()


@pytest.mark.parametrize("lifetime", [RefLifetime.UNTIL_CONTEXT_DROP, RefLifetime.UNTIL_PARENT_FINISH])
@pytest.mark.parametrize("beside", [[], [b"x"]], ids=["alone", "beside what is serialized"])
def test_a_resume_tags_an_object_as_its_insert_did(beside: list[bytes], lifetime: RefLifetime) -> None:
    register_serializer("test_proxies.bytes", bytes, bytes, bytes)
    with Session() as session:
        for value in (Pretends(), Refuses(), *beside):
            session.refs.insert(value, lifetime=lifetime)
        hints = [key.hint for key in session.refs]
        assert hints[:2] == [Conn, Refuses]
        snapshot = session.snapshot()
    with Session.resume(snapshot) as resumed:
        assert [key.hint for key in resumed.refs] == hints
        assert [info.type_tag for info in resumed.refs.describe()][:2] == [f"{__name__}:Conn", f"{__name__}:Refuses"]


def test_objects_of_all_kinds_are_of_their_type() -> None:
    registry = SessionRefRegistry()
    kinds = [1, "x", None, print, int, sqlite3, Conn(), Conn, [1], {}, Exception(), Refusing, Odd, lambda: 1, type]
    for value in kinds:
        assert registry.insert(value).hint is type(value)
