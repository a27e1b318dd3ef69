"""Live objects that travel as keys, as `encode` and the engines swap them."""

from __future__ import annotations

import pytest

from liveref import InvalidArgumentError, NoCurrentRegistryError, RefReleasedError, Session, SessionRefRegistry
from liveref._swap import Swap


class Conn:
    """A live object."""


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


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"live": ["Conn"]}, "live"),
        ({"registry": {}}, "registry"),
        ({"missing": "drop"}, "missing"),
    ],
)
def test_wrong_arguments_are_told_when_the_swap_is_made(arguments: dict[str, object], told: str) -> None:
    with pytest.raises(InvalidArgumentError, match=told):
        Swap(**arguments)  # type: ignore[arg-type]
