"""Live objects that travel as keys, as `encode` and the engines swap them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypedDict

import pytest

from liveref import (
    InvalidArgumentError,
    NoCurrentRegistryError,
    RefReleasedError,
    Session,
    SessionRefRegistry,
    use_session_registry,
)
from liveref._payloads.swap import Swap


class Conn:
    """A live object."""


class Closes(Protocol):
    def close(self) -> None: ...


class State(TypedDict):
    conn: Conn


def test_an_object_has_one_key_over_many_writes_and_comes_back() -> None:
    registry, conn = SessionRefRegistry(), Conn()
    swap = Swap(registry, live=[Conn])
    with swap.write() as writing:
        key = writing.key_of(conn)
        assert writing.key_of(conn) is key
    with swap.write() as writing:
        assert writing.key_of(conn) is key
    assert swap.read(key) is conn
    assert swap.is_live(conn)
    assert not swap.is_live(registry)


def test_a_marker_is_typed_for_an_object_and_stands_for_what_it_was_written_of() -> None:
    registry, conn = SessionRefRegistry(), Conn()
    key = registry.insert(1)
    swap = Swap(registry, live=[Conn])
    with swap.write() as writing:
        markers = [writing.marker_of(value) for value in (conn, key, "else")]
    assert markers == [registry.keys()[1].to_marker(typed=True), key.to_marker(), None]
    assert swap.read_marker(markers[0] or {}) is conn
    assert swap.read_marker(markers[1] or {}) == key


def test_a_write_that_fails_leaves_nothing_behind_but_what_was_there() -> None:
    registry, old = SessionRefRegistry(), Conn()
    kept = registry.insert(old)
    with pytest.raises(ZeroDivisionError), Swap(registry, live=[Conn]).write() as writing:
        assert writing.key_of(old) is kept
        writing.key_of(Conn())
        raise ZeroDivisionError
    assert registry.keys() == [kept]


def test_the_registry_is_the_one_that_is_current_at_the_call() -> None:
    swap = Swap(live=[Conn])
    with swap.write() as writing, pytest.raises(NoCurrentRegistryError):
        writing.key_of(Conn())
    for _ in range(2):
        with Session() as session, swap.write() as writing:
            assert writing.key_of(Conn()) in session.refs


def test_a_write_that_fails_before_the_first_object_is_no_trouble() -> None:
    with pytest.raises(ZeroDivisionError), Swap().write():
        raise ZeroDivisionError


def test_a_ref_that_is_gone_raises_or_comes_back_as_its_key() -> None:
    registry = SessionRefRegistry()
    key = registry.insert(Conn())
    registry.release(key)
    with pytest.raises(RefReleasedError):
        Swap(registry).read(key)
    assert Swap(registry, missing="key").read(key) is key


def test_two_writes_of_one_object_at_a_time_agree_on_its_key() -> None:
    registry, conn, other = SessionRefRegistry(), Conn(), Conn()
    swap = Swap(registry, live=[Conn])
    with swap.write() as one, swap.write() as two:
        one.key_of(other)
        two.key_of(other)
        key = one.key_of(conn)
        assert two.key_of(conn) is key
        assert one.key_of(conn) is key
    assert len(registry) == 2


def test_a_registry_that_came_between_two_inserts_is_looked_at_again() -> None:
    registry, conn = SessionRefRegistry(), Conn()
    with Swap(registry, live=[Conn]).write() as writing:
        writing.key_of(Conn())
        key = registry.insert(Conn())
        assert writing.key_of(conn) is not key
    assert len(registry) == 3


def in_a_bare_thread(call: Callable[[], object]) -> object:
    with ThreadPoolExecutor() as pool:
        return pool.submit(call).result()


def test_a_thread_without_the_context_of_the_run_finds_the_registry_that_was_noted() -> None:
    swap = Swap(live=[Conn])
    with Session() as session:
        with pytest.raises(NoCurrentRegistryError):
            in_a_bare_thread(lambda: swap.registry)
        swap.note()
        assert in_a_bare_thread(lambda: swap.registry) is session.refs
    with pytest.raises(NoCurrentRegistryError):
        in_a_bare_thread(lambda: swap.registry)


def test_of_two_runs_at_a_time_none_is_guessed() -> None:
    swap = Swap(live=[Conn])
    with Session() as one, Session():
        swap.note()
        with use_session_registry(one.refs):
            swap.note()
            assert swap.registry is one.refs
        with pytest.raises(NoCurrentRegistryError):
            in_a_bare_thread(lambda: swap.registry)


def test_an_object_is_told_from_where_it_is_known() -> None:
    swap, conn = Swap(), Conn()
    assert str(swap.refusal("$.db", conn, "Advice.")) == f"$.db is not JSON: found {__name__}.Conn. Advice."
    with Session() as session:
        assert swap.whereabouts(conn) is None
        session.refs.insert(conn)
        (info,) = session.refs.describe()
        assert swap.whereabouts(conn) == f"which is ref {info.key} (inserted at {info.where})"
        told = f"{__name__}.Conn, {swap.whereabouts(conn)}. Pass the key of that ref, or {__name__}.Conn in live=."
        assert str(swap.refusal("$.db", conn, "Advice.")) == f"$.db is not JSON: found {told}"
        snapshot = session.snapshot()
    with Session.resume(snapshot) as resumed:
        (restored,) = map(resumed.refs.get_any, resumed.refs)
        assert str(swap.whereabouts(restored)).endswith("(inserted at the resume of its session)")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"live": ["Conn"]}, "live must be classes, found str"),
        ({"live": Conn}, "live must be an iterable of classes, found type"),
        ({"live": None}, "live must be an iterable of classes, found None"),
        ({"live": [int, Closes]}, "live must be classes that isinstance can check, found .*Closes"),
        ({"live": [State]}, "live must be classes that isinstance can check, found .*State"),
        ({"registry": {}}, "registry"),
        ({"missing": "drop"}, "missing"),
    ],
)
def test_wrong_arguments_are_told_when_the_swap_is_made(arguments: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidArgumentError, match=told):
        Swap(**arguments)  # type: ignore[arg-type]
