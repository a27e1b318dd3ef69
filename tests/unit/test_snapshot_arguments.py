"""Callers without a type checker: a wrong argument is told by name, and changes nothing."""

from __future__ import annotations

import copy
import functools
import pickle
import secrets
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from liveref import (
    InvalidArgumentError,
    RefLifetime,
    Session,
    SessionPausePolicy,
    SessionSnapshot,
    SnapshotKeys,
    SnapshotLimits,
    register_serializer,
    reopener,
    serializer,
)
from liveref import _recipe
from liveref._pause import serializer as _serializer

KEYS = SnapshotKeys({"test": secrets.token_bytes(32)}, current="test")


class Telltale:
    """A wrong argument whose text must not be told."""

    def __repr__(self) -> str:
        return "hunter2"

    __str__ = __repr__


WRONG: list[object] = [None, 0, 1, "x", b"x", [], {}, Telltale(), Telltale, len]


def wrong(*right: object) -> list[object]:
    """What is no such thing."""
    return [value for value in WRONG if not any(value is each or type(value) is each for each in right)]


def refuse(call: Callable[[Any], object], argument: str, values: list[object]) -> None:
    for value in values:
        with pytest.raises(InvalidArgumentError) as caught:
            call(value)
        assert caught.value.args[0] == argument
        assert "hunter2" not in "".join(traceback.format_exception(caught.value))
        assert caught.value.__context__ is None


@pytest.fixture
def snapshot() -> SessionSnapshot:
    with Session() as session:
        session.refs.insert("x")
        return session.snapshot()


def test_taking_a_snapshot(tmp_path: Path) -> None:
    with Session() as session:
        session.refs.insert("x", lifetime=RefLifetime.UNTIL_SNAPSHOT)
        path = tmp_path / "run.snapshot"
        refuse(lambda value: session.snapshot(policy=value), "policy", wrong(None))
        refuse(lambda value: session.save(path, policy=value), "policy", wrong(None))
        refuse(lambda value: session.save(path, keys=value), "keys", wrong(None))
        refuse(lambda value: session.save(value, keys=KEYS), "path", wrong(str))
        assert len(session.refs) == 1
        assert list(tmp_path.iterdir()) == []


def test_resuming(snapshot: SessionSnapshot) -> None:
    with Session() as session:
        refuse(Session.resume, "snapshot", WRONG)
        refuse(lambda value: Session.resume(snapshot, carry=value), "carry", [*wrong(None), session])
        refuse(lambda value: Session.resume(snapshot, capacity=value), "capacity", [*wrong(1, int), 0, -1, True, 1.5])
        refuse(lambda value: Session.resume(snapshot, policy=value), "policy", [*WRONG, "warn_drop"])


def test_reading_bytes(snapshot: SessionSnapshot) -> None:
    data = snapshot.to_bytes()
    released = memoryview(b"x")
    released.release()
    read = SessionSnapshot.from_bytes
    refuse(lambda value: read(value, trusted=True), "data", [*wrong(bytes), released])
    refuse(lambda value: read(data, keys=value, trusted=True), "keys", wrong(None))
    refuse(lambda value: read(data, trusted=value), "trusted", [*WRONG, "false"])
    refuse(lambda value: read(data, trusted=True, limits=value), "limits", WRONG)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_of_any_kind_are_read(snapshot: SessionSnapshot, kind: Callable[[bytes], bytes]) -> None:
    assert SessionSnapshot.from_bytes(kind(snapshot.to_bytes()), trusted=True).refs == snapshot.refs


def test_reading_a_file(snapshot: SessionSnapshot, tmp_path: Path) -> None:
    path = tmp_path / "run.snapshot"
    snapshot.write(path)
    read = SessionSnapshot.read
    refuse(lambda value: read(value, trusted=True), "path", wrong(str))
    refuse(lambda value: read(path, keys=value, trusted=True), "keys", wrong(None))
    refuse(lambda value: read(path, trusted=value), "trusted", WRONG)
    refuse(lambda value: read(path, trusted=True, limits=value), "limits", WRONG)


class BytesPath:
    """A path that is no text."""

    def __fspath__(self) -> bytes:
        return b"x"


def test_writing(snapshot: SessionSnapshot, tmp_path: Path) -> None:
    refuse(lambda value: snapshot.to_bytes(keys=value), "keys", wrong(None))
    refuse(lambda value: snapshot.write(tmp_path / "x", keys=value), "keys", wrong(None))
    refuse(snapshot.write, "path", [*wrong(str), BytesPath()])
    assert list(tmp_path.iterdir()) == []


def test_keys_and_limits() -> None:
    secret = secrets.token_bytes(32)
    refuse(lambda value: SnapshotKeys(value, current="a"), "secrets", [*wrong({}, dict)])
    refuse(lambda value: SnapshotKeys({"a": value}, current="a"), "the secret of key 'a'", WRONG)
    refuse(lambda value: SnapshotKeys({value: secret}, current="a"), "a key's name", [0, None, b"x", ""])
    refuse(lambda value: SnapshotKeys({"a": secret}, current=value), "current", WRONG)
    refuse(lambda value: SnapshotLimits(max_refs=value), "max_refs", wrong(1))


def test_a_snapshot_has_no_constructor_and_no_copies(snapshot: SessionSnapshot) -> None:
    with pytest.raises(TypeError, match=r"comes from Session\.snapshot"):
        SessionSnapshot(1)  # type: ignore[arg-type]
    for make in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="use to_bytes"):
            make(snapshot)


def test_registering_a_serializer() -> None:
    before = dict(_serializer._BY_TAG), dict(_serializer._BY_CLASS)
    register: Callable[..., object] = register_serializer
    right = ("tests.arguments", Telltale, repr, eval)
    refuse(lambda value: register(value, *right[1:]), "tag", [*wrong(str), ""])
    refuse(lambda value: register(right[0], value, *right[2:]), "cls", wrong(type))
    refuse(lambda value: register(*right[:2], value, eval), "dump", wrong(type, len))
    refuse(lambda value: register(*right[:3], value), "load", wrong(type, len))
    refuse(lambda value: register(*right, version=value), "version", [*wrong(1), True, -1])
    refuse(lambda value: register(*right, finalizer=value), "finalizer", wrong(None, type, len))
    refuse(serializer, "tag", [*wrong(str), ""])
    refuse(lambda value: serializer("x", version=value), "version", wrong(1))
    refuse(serializer("tests.arguments"), "cls", WRONG)
    assert before == (_serializer._BY_TAG, _serializer._BY_CLASS)


class Half:
    """A class with half of what a serializer needs."""

    def __liveref_serialize__(self) -> bytes:
        raise AssertionError


def test_a_class_needs_both_methods() -> None:
    with pytest.raises(InvalidArgumentError, match="a class with __liveref_deserialize__, found .*Half"):
        serializer("tests.arguments")(Half)  # type: ignore[type-var]


class Own:
    """A class of this module."""


def dump(_value: object) -> bytes:
    return b""


def load(_data: bytes) -> Own:
    return Own()


def load_otherwise(_data: bytes) -> Own:
    return Own()


class Other:
    """Another one."""


@pytest.fixture
def _registered() -> object:
    register_serializer("tests.arguments.own", Own, dump, load)
    yield
    del _serializer._BY_TAG["tests.arguments.own"], _serializer._BY_CLASS[id(Own)]


@pytest.mark.usefixtures("_registered")
def test_a_tag_stands_for_one_serializer() -> None:
    register_serializer("tests.arguments.own", Own, dump, load, version=2)
    found = _serializer.serializers_of([id(Own)]).get(id(Own))
    assert found is not None
    assert found.version == 2
    with pytest.raises(ValueError, match=r"tag must be one that no other class and functions have"):
        register_serializer("tests.arguments.own", Other, dump, lambda _data: Other())
    with pytest.raises(ValueError, match="tag must be one"):
        register_serializer("tests.arguments.own", Own, dump, load_otherwise)
    with pytest.raises(ValueError, match=r"Own, which has 'tests\.arguments\.own'"):
        register_serializer("tests.arguments.other", Own, dump, load)
    assert _serializer.serializers_of([id(Own)]).get(id(Own)) is found
    assert _serializer.serializers_of([id(Other)]).get(id(Other)) is None
    assert "tests.arguments.other" not in _serializer._BY_TAG


@pytest.mark.usefixtures("_registered")
def test_a_module_that_is_loaded_again_takes_its_place() -> None:
    former = Own
    again = type("Own", (), {"__module__": __name__, "__qualname__": "Own"})
    register_serializer("tests.arguments.own", again, dump, load)
    assert _serializer.serializers_of([id(former)]).get(id(former)) is None
    assert _serializer.serializers_of([id(again)]).get(id(again)) is not None
    del _serializer._BY_CLASS[id(again)]
    _serializer._BY_CLASS[id(former)] = _serializer._BY_TAG["tests.arguments.own"]


def test_registering_a_reopener() -> None:
    before = dict(_recipe._REOPENERS)
    register: Callable[..., Any] = reopener
    refuse(register, "tag", [*wrong(str), ""])
    refuse(lambda value: register("tests.arguments", finalizer=value), "finalizer", wrong(type, len))
    refuse(register("tests.arguments"), "function", [value for value in WRONG if not callable(value)])
    refuse(register("tests.arguments"), "function", [dict])  # it has no signature
    assert before == _recipe._REOPENERS


def test_methods_that_are_written_in_c_can_be_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_recipe, "_REOPENERS", {})
    monkeypatch.setattr(_serializer, "_BY_TAG", {})
    monkeypatch.setattr(_serializer, "_BY_CLASS", {})
    assert reopener("tests.arguments.c")(str.upper).origin == "builtins.str.upper"
    reopener("tests.arguments.c")(str.upper)
    for _ in range(2):
        register_serializer("tests.arguments.c", bytearray, bytearray.strip, bytearray)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="tag must be one that no other class and functions have"):
        register_serializer("tests.arguments.c", bytearray, bytearray.lstrip, bytearray)  # type: ignore[arg-type]


def octal(first: str, second: str) -> int:
    return int(first + second, 8)


def test_what_can_be_called_can_be_a_reopener(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_recipe, "_REOPENERS", {})
    opened = reopener("tests.arguments.partial")(functools.partial(octal, "1")).recipe("7")
    with Session() as session:
        assert session.refs[session.refs.open(opened)] == 15
    with pytest.raises(ValueError, match="tag must be one that no other function has"):
        reopener("tests.arguments.partial")(functools.partial(octal, "2"))
    assert reopener("tests.arguments.class")(Telltale).recipe().tag == "tests.arguments.class"


def test_wrong_arguments_of_a_recipe_are_told_without_defaults() -> None:
    def connect(path: str, password: str = "hunter2") -> object:
        raise AssertionError

    made = _recipe.Reopener("tests.arguments", connect, None)
    with pytest.raises(InvalidArgumentError, match=r"must be those of \(path, password\), found missing a required"):
        made.recipe()  # type: ignore[call-arg]


def test_a_policy_is_read_from_its_value() -> None:
    assert Session(policy=SessionPausePolicy("warn_drop")).policy is SessionPausePolicy.WARN_DROP
