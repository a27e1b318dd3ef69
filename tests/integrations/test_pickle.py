"""pickle with keys in place of live objects: identity, keys, what can't be read."""

from __future__ import annotations

import copyreg
import io
import pickle
import re
import sqlite3
import threading
from dataclasses import dataclass

import pytest

from liveref import (
    InvalidArgumentError,
    KeyFormatError,
    NoCurrentRegistryError,
    NotPicklableError,
    PickleFormatError,
    RefReleasedError,
    RefTypeError,
    RegistryKey,
    Session,
    SessionRefRegistry,
    SnapshotKeys,
    reopener,
)
from liveref.integrations.pickle import dumps, loads

LOCK = type(threading.Lock())


@dataclass
class State:
    lock: object
    again: list[object]
    rows: RegistryKey[list[int]]
    text: str = "plain"


def test_live_objects_come_back_as_themselves_and_keys_as_keys(registry: SessionRefRegistry) -> None:
    lock, rows = threading.Lock(), registry.insert([1], list[int])
    found = loads(dumps(State(lock, [lock], rows), registry, live=[LOCK]), registry)
    assert isinstance(found, State)
    assert found.lock is found.again[0] is lock
    assert (found.rows, found.rows.hint, found.text) == (rows, list[int], "plain")


def test_an_object_keeps_its_key_from_hop_to_hop(registry: SessionRefRegistry) -> None:
    lock = threading.Lock()
    payload: object = [lock]
    for _ in range(3):
        payload = loads(dumps(payload, registry, live=[LOCK]), registry)
    assert len(registry) == 1


def test_the_registry_is_the_current_one_unless_named() -> None:
    lock = threading.Lock()
    with Session():
        data = dumps(lock, live=[LOCK])
        assert loads(data) is lock
    with pytest.raises(NoCurrentRegistryError):
        loads(data)
    with pytest.raises(NoCurrentRegistryError):
        dumps(lock, live=[LOCK])
    assert loads(dumps([1])) == [1]


class Box(list[int]):
    """What a snapshot can pickle."""


def test_after_a_resume_a_pickle_gives_what_was_restored() -> None:
    with Session() as session:
        data = dumps({"box": Box([1])}, live=[Box])
        snapshot = session.snapshot()
    with Session.resume(snapshot) as resumed:
        (key,) = resumed.refs
        found = loads(data)
        assert found == {"box": Box([1])}
        assert found["box"] is resumed.refs.get_any(key)


def test_what_can_not_be_pickled_is_told_with_its_path_and_inserts_nothing(registry: SessionRefRegistry) -> None:
    with pytest.raises(NotPicklableError, match=r"^\$\.event\[1\] can't be pickled: found sqlite3\.Connection"):
        connection = sqlite3.connect(":memory:")
        try:
            dumps({"event": [threading.Lock(), connection]}, registry, live=[LOCK])
        finally:
            connection.close()
    assert registry.is_empty()


def test_a_ref_that_can_not_be_pickled_is_told_with_where_it_was_inserted(registry: SessionRefRegistry) -> None:
    lock = threading.Lock()
    registry.insert(lock)
    (info,) = registry.describe()
    told = f"$.event[0] can't be pickled: found _thread.lock, which is ref {info.key} (inserted at {info.where})."
    with pytest.raises(NotPicklableError, match=re.escape(told)):
        dumps({"event": [lock]}, registry)


def test_a_live_object_that_has_gone_is_told(registry: SessionRefRegistry) -> None:
    data = dumps(threading.Lock(), registry, live=[LOCK])
    registry.drain()
    with pytest.raises(RefReleasedError, match="is gone: drained"):
        loads(data, registry)


class Secret:
    """Its repr must not get into an error."""

    def __reduce__(self) -> tuple[object, ...]:
        return int, ("secret",)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "EOFError"),
        (b"garbage", "UnpicklingError"),
        (pickle.dumps([1, "x"])[:-3], "UnpicklingError|EOFError"),
        (b"cliveref_no_such_module\nfoo\n.", "ModuleNotFoundError, for 'liveref_no_such_module' is missing here"),
        (b"cos\nno_such_name\n.", "AttributeError, for '(os.)?no_such_name' is missing here"),
        (pickle.dumps(Secret()), "ValueError"),
    ],
    ids=["empty", "garbage", "cut", "module", "name", "raising"],
)
def test_broken_bytes_are_told_without_what_they_hold(data: bytes, told: str) -> None:
    with pytest.raises(PickleFormatError, match=f"can't be unpickled: .*({told})") as caught:
        loads(data)
    error: BaseException = caught.value
    assert error.__cause__ is error.__context__ is None
    assert "secret" not in str(error)


class Strict(Exception):
    """Pickles its text alone, and needs more to be made."""

    def __init__(self, text: str, more: object) -> None:
        super().__init__(text)


class Raising:
    """Can't take its state."""

    def __setstate__(self, state: object) -> None:
        raise ValueError("of the user's")

    def __getstate__(self) -> object:
        return 1


@pytest.mark.parametrize(
    ("value", "told", "cause"),
    [(Strict("a", 1), "TypeError. Mend", TypeError), (Raising(), f"ValueError at {__file__}:", ValueError)],
)
def test_what_code_of_the_users_raised_is_the_cause_and_told_as_that(
    value: object, told: str, cause: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(copyreg.dispatch_table, Strict, raising=False)  # Dask lets all exceptions be pickled
    with pytest.raises(PickleFormatError, match=f"unpickled: {re.escape(told)}") as caught:
        loads(dumps(value))
    assert isinstance(caught.value.__cause__, cause)
    assert str(caught.value).endswith("Mend what makes the object again: its __init__, __new__, __setstate__ or what __reduce__ names.")  # fmt: skip


@pytest.mark.parametrize("data", [b"Pfoo\n.", b"I5\nQ."], ids=["text", "int"])
def test_a_persistent_id_of_somebody_else_is_no_key(data: bytes) -> None:
    with pytest.raises(KeyFormatError, match="not a session reference"):
        loads(data)


def test_live_takes_classes(registry: SessionRefRegistry) -> None:
    with pytest.raises(InvalidArgumentError, match="live must be classes"):
        dumps(1, registry, live=["Lock"])  # type: ignore[list-item]


class Fussy:
    def __setstate__(self, state: object) -> None:
        raise ZeroDivisionError("mine")


class Constructed(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__("hunter2")


def test_what_code_of_the_users_raises_is_the_cause_and_the_text_of_pickle_is_not(
    registry: SessionRefRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(copyreg.dispatch_table, Constructed, raising=False)  # Dask lets all exceptions be pickled
    fussy = Fussy()
    fussy.n = 1
    with pytest.raises(PickleFormatError, match="ZeroDivisionError") as caught:
        loads(dumps(fussy, registry), registry)
    assert str(caught.value.__cause__) == "mine"
    with pytest.raises(PickleFormatError) as caught:
        loads(dumps(Constructed(1, 2), registry), registry)
    assert isinstance(caught.value.__cause__, TypeError)  # its class was called with too little
    assert "hunter2" not in f"{caught.value} {caught.value.__cause__}"
    for data in (b"", b"cno.such.module\nThing\n."):
        with pytest.raises(PickleFormatError) as caught:
            loads(data, registry)
        assert caught.value.__cause__ is caught.value.__context__ is None


def test_what_is_gone_is_told_with_advice_that_fits(registry: SessionRefRegistry) -> None:
    data = dumps(threading.Lock(), registry, live=[LOCK])
    registry.drain()
    with pytest.raises(RefReleasedError, match=r"Session\.resume brought back\.$") as caught:
        loads(data, registry)
    assert "missing=" not in str(caught.value)
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)


class Hinted:
    """What a hint of this module names."""


RING = SnapshotKeys({"test": b"0123456789abcdef" * 2}, current="test")


@reopener("tests.pickle.rows")
def rows(count: int) -> list[int]:
    return [*range(count)]


def test_a_key_with_its_recipe_comes_back_with_its_hint(registry: SessionRefRegistry) -> None:
    key = registry.insert([0, 1], list[int], reopen=rows.recipe(2))
    local = RegistryKey.parse(str(key), type("Local", (), {}))
    again = SessionRefRegistry()
    first, second, third = loads(dumps([key, local, key], registry, recipes=RING), again, recipes=RING)  # type: ignore[misc]
    assert (first.hint, first, third) == (list[int], key, key)
    assert again[first] == [0, 1]
    with pytest.raises(RefTypeError, match="Local"):
        again[second]


@pytest.mark.parametrize("pid", [{}, {"a": 1}, ({}, len, ()), ({}, 1), ((), len, ()), (1, 2, 3)], ids=str)
def test_a_persistent_id_that_is_no_marker_is_refused(pid: object) -> None:
    class Pickler(pickle.Pickler):
        def persistent_id(self, value: object, /) -> object:
            return pid if value is Hinted else None

    file = io.BytesIO()
    Pickler(file).dump(Hinted)
    with pytest.raises(KeyFormatError, match="not a session reference"):
        loads(file.getvalue(), recipes=RING)


def test_a_pickle_with_recipes_is_read_without_a_ring_too(registry: SessionRefRegistry) -> None:
    key = registry.insert(lock := threading.Lock(), reopen=rows.recipe(2))
    data = dumps([lock, key], registry, live=[type(lock)], recipes=RING)
    assert loads(data, registry) == [lock, key]
