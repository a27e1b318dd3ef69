"""Refs that can be pickled but not loaded: what a resume tells of them, what it saves, and how a pause finds out."""

from __future__ import annotations

import copyreg
import enum
import random
import sys
import threading
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from pickle import PickleBuffer
from typing import Any, NamedTuple

import numpy as np
import pytest

from liveref import (
    InvalidArgumentError,
    RefDroppedError,
    RefDroppedWarning,
    RefLoadError,
    RegistryKey,
    ReopenError,
    Session,
    SessionPausePolicy,
    SessionRefsNotSerializableError,
    SessionSnapshot,
    UnknownTypeTagError,
    register_serializer,
    reopener,
)
from liveref import _recipe
from liveref._pause import serializer as _serializer

from .refs_of_all_kinds import EXPLICIT, Blob, Box, Handle, counting, open_handle, redacted

DROP = SessionPausePolicy.PICKLE_OR_DROP


class JobFailed(Exception):
    """Pickles its text alone, and needs more to be made."""

    def __init__(self, text: str, job: object) -> None:
        super().__init__(text)
        self.job = job


class Proxy:
    """Asks what it holds for what it has not, which it does not hold yet when it is made again."""

    def __init__(self, held: object) -> None:
        self.held = held

    def __getattr__(self, name: str) -> object:
        return getattr(self.held, name)


@dataclass(frozen=True)
class Frozen:
    """Can't be given its attributes by the state that its slots have."""

    __slots__ = ("number",)
    number: int

    def __getstate__(self) -> object:
        return None, {"number": self.number}


class Pair(NamedTuple):
    first: int
    second: int


class Doubled(Pair):
    """A tuple that is made of other arguments than its items."""

    def __new__(cls, both: int) -> Doubled:
        return super().__new__(cls, both, both)

    def __getnewargs__(self) -> tuple[int, int]:
        return tuple(self)  # type: ignore[return-value]


class Hashed:
    """Has a hash only once it has its state."""

    def __init__(self) -> None:
        self.name = "x"
        self.peers = {self}

    def __hash__(self) -> int:
        return hash(self.name)


class Status(enum.Enum):
    DONE = enum.auto()
    MARK = object()


class Loads(Box):
    """Counts how often it is loaded."""

    count: list[object] = []

    def __setstate__(self, state: dict[str, object]) -> None:
        Loads.count.append(state["content"])
        vars(self).update(state)


class Broken(Loads):
    """Can't be loaded; counts how often that is tried."""

    def __setstate__(self, state: dict[str, object]) -> None:
        super().__setstate__(state)
        raise ValueError("of the user's")


class Late(Box):
    """What it holds is loaded; then it can't be made."""

    def __reduce__(self) -> tuple[object, ...]:
        return late, (self.content, 0)


def late(content: object) -> Late:
    return Late(content)


@pytest.fixture(autouse=True)
def as_the_interpreter_pickles_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dask, where it was imported, lets all exceptions be pickled."""
    monkeypatch.delitem(copyreg.dispatch_table, JobFailed, raising=False)


@pytest.fixture
def session() -> Iterator[Session]:
    Loads.count.clear()
    with Session() as made:
        yield made
        made.refs.drain()


def dropping(snapshot: SessionSnapshot, **options: Any) -> Session:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RefDroppedWarning)
        return Session.resume(snapshot, broken="drop", **options)


# What is told


UNLOADABLE: dict[str, tuple[Callable[[], object], str]] = {
    "exception": (lambda: JobFailed("no", 7), "TypeError"),
    "proxy": (lambda: Proxy([1]), "RecursionError"),
    "frozen": (lambda: Frozen(1), "FrozenInstanceError"),
    "named tuple": (lambda: Doubled(1), "TypeError"),
    "set in a cycle": (Hashed, "AttributeError"),
    "by identity": (lambda: Status.MARK, "ValueError"),
    "own state": (lambda: Broken(1), "ValueError"),
    "late": (lambda: Late(1), "TypeError"),
}


@pytest.mark.parametrize(("made", "raised"), UNLOADABLE.values(), ids=UNLOADABLE)
def test_what_can_not_be_loaded_is_told_with_its_cause_and_the_rest_comes_back(
    session: Session, made: Callable[[], object], raised: str
) -> None:
    work = session.refs.insert(["hours of work"])
    broken = session.refs.insert(made())
    more = session.refs.insert({"more": Status.DONE})
    snapshot = session.snapshot()
    with pytest.raises(RefLoadError, match=rf"^ref {redacted(broken)} \(.*\) can't be restored: .*{raised}") as caught:
        Session.resume(snapshot)
    assert type(caught.value.__cause__).__name__ == raised
    with dropping(snapshot) as resumed:
        assert (resumed.refs[work], resumed.refs[more]) == (["hours of work"], {"more": Status.DONE})
        with pytest.raises(
            RefDroppedError, match=rf"dropped by a resume with broken=\"drop\" of the snapshot of .*: .*{raised}"
        ):
            resumed.refs[broken]


def test_all_that_can_not_be_loaded_are_named_with_the_place_in_the_users_code(session: Session) -> None:
    keys = [session.refs.insert(Broken(1)), session.refs.insert(JobFailed("no", 8)), session.refs.insert(Broken(2))]
    with pytest.raises(RefLoadError, match="^3 refs can't be restored: ") as caught:
        Session.resume(session.snapshot())
    text = str(caught.value)
    line = Broken.__setstate__.__code__.co_firstlineno + 2
    assert text.count(f"raised ValueError at {__file__}:{line}") == 2
    assert "loading its pickle raised TypeError;" in text
    assert [text.count(redacted(key)) for key in keys] == [1, 1, 1]
    assert isinstance(caught.value.__cause__, ValueError)
    assert 'broken="drop"' in text
    assert [content for content in Loads.count] == [1, 2]


@pytest.fixture
def gone(session: Session, monkeypatch: pytest.MonkeyPatch) -> tuple[SessionSnapshot, list[RegistryKey[object]]]:
    """A snapshot that names a class that is there no more, in a module that is, and one in a module that is not."""
    module = types.ModuleType("tests_gone")
    for name in ("First", "Second"):
        setattr(module, name, type(name, (), {"__module__": "tests_gone"}))
    monkeypatch.setitem(sys.modules, "tests_gone", module)
    keys: list[RegistryKey[object]] = [session.refs.insert(module.First()), session.refs.insert([module.Second()])]
    snapshot = session.snapshot()
    del module.First
    return snapshot, keys


def test_a_class_that_is_gone_is_named(gone: tuple[SessionSnapshot, list[RegistryKey[object]]]) -> None:
    snapshot, _ = gone
    with pytest.raises(RefLoadError, match=r"its pickle names tests_gone\.First, which is gone\. ") as caught:
        Session.resume(snapshot)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    del sys.modules["tests_gone"]
    with pytest.raises(
        RefLoadError, match=r"names tests_gone\.First, which is gone; .* names tests_gone\.Second, which"
    ):
        Session.resume(snapshot)


def test_what_a_module_raises_while_it_is_imported_is_the_cause(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "tests_importing.py"
    file.write_text("class Thing: ...\n")
    session.refs.insert(__import__("tests_importing").Thing())
    snapshot = session.snapshot()
    del sys.modules["tests_importing"]
    file.write_text("import json.no_such_module_at_all\nclass Thing: ...\n\n\n")
    with pytest.raises(RefLoadError, match=rf"raised ModuleNotFoundError at {file}:1") as caught:
        Session.resume(snapshot)
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


# What is dropped


def test_each_ref_that_is_dropped_has_a_warning_and_the_next_pause_tells_of_it(session: Session) -> None:
    broken = Broken(1)
    keys = [session.refs.insert(broken), session.refs.insert(broken), session.refs.insert([broken])]
    kept = session.refs.insert([1])
    with pytest.warns(RefDroppedWarning) as warned:
        resumed = Session.resume(session.snapshot(), broken="drop")
    assert [str(warning.message).split()[4] for warning in warned] == list(map(redacted, keys))
    assert {warning.filename for warning in warned} == {__file__}
    assert str(warned[0].message).startswith("the resume dropped ref ")
    assert resumed.refs.keys() == [kept]
    assert [ref.key for ref in resumed.snapshot().dropped] == list(map(redacted, keys))
    resumed.close()


def test_a_warning_that_is_an_error_leaves_nothing_behind(session: Session) -> None:
    pool = session.refs.insert(threading.Lock(), lifetime=EXPLICIT)
    session.refs.insert(Box(session.refs[session.refs.open(open_handle.recipe("db"))]))
    session.refs.insert(Broken(1))
    snapshot = session.snapshot()
    with counting() as handles, warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RefDroppedWarning):
            Session.resume(snapshot, broken="drop", carry=session.refs)
        assert handles.closed == ["db"] * len(handles.opened) == ["db"]
    assert pool in session.refs


def reasons(session: Session, **options: Any) -> dict[RegistryKey[object], str]:
    """Why each ref is dropped; all others are there."""
    resumed = dropping(session.snapshot(), **options)
    found: dict[RegistryKey[object], str] = {}
    for key in session.refs:
        try:
            resumed.refs.get_any(key)
        except RefDroppedError as error:
            found[key] = str(error.args[4])
    resumed.close()
    return found


@pytest.mark.parametrize("holder_first", [False, True])
def test_what_holds_a_broken_ref_is_dropped_with_that_as_its_reason(session: Session, holder_first: bool) -> None:
    broken, between = Broken(1), Box()
    between.content = [broken]
    values = [{"deep": between}, between, broken]
    keys = [session.refs.insert(value) for value in (values if holder_first else values[::-1])]
    outer, middle, inner = keys if holder_first else keys[::-1]
    found = reasons(session)
    assert found.pop(inner).startswith("loading its pickle raised ValueError")
    held = rf"its state holds ref {redacted(inner)} ({__name__}:Broken), which can't be restored"
    if holder_first:
        assert found == {outer: held, middle: held}
    else:
        assert found == {
            middle: held,
            outer: held.replace(redacted(inner), redacted(middle))
            .replace("Broken", "Box")
            .replace(__name__, Box.__module__),
        }
    assert len(Loads.count) <= 2  # whether it was the inner one or what holds it is found out by a second try


@pytest.mark.parametrize("broken", [Broken, Late])
def test_refs_inside_of_a_broken_one_come_back(session: Session, broken: type[Box]) -> None:
    inner = [Loads("a"), ["b"], Status.DONE, ("c", Loads("d"))]
    keys = [session.refs.insert(broken([*inner, JobFailed, "e"]))]
    keys += [session.refs.insert(each) for each in inner]
    snapshot = session.snapshot()
    with dropping(snapshot) as resumed:
        assert [key in resumed.refs for key in keys] == [False, True, True, True, True]
        first, second, third, fourth = (resumed.refs[key] for key in keys[1:])
        assert (first.content, second, third, fourth[1].content) == ("a", ["b"], Status.DONE, "d")
    assert sorted(map(str, Loads.count)) == sorted(set(map(str, Loads.count)))


@pytest.mark.parametrize("early", [False, True], ids=["before the failure", "after it"])
def test_state_that_is_shared_with_a_broken_ref_comes_back_shared(session: Session, early: bool) -> None:
    shared = Loads(["shared", np.arange(3), (1, 2), {Status.DONE: ...}])
    left, right = Box(shared), Box([shared])
    state = [shared, Broken(1), ["after"]] if early else [Broken(1), shared, ["after"]]
    session.refs.insert(state)
    keys = [session.refs.insert(left), session.refs.insert(right), session.refs.insert([state[2]])]
    with dropping(session.snapshot()) as resumed:
        one, other = resumed.refs[keys[0]].content, resumed.refs[keys[1]].content[0]
        assert one is other
        assert isinstance(one, Loads)
        assert one.content[0] == "shared"
        assert one.content[1].tolist() == [0, 1, 2]
        assert resumed.refs[keys[2]] == [["after"]]
    assert len(Loads.count) == 2


def test_buffers_are_those_of_their_objects_though_others_fail(session: Session) -> None:
    arrays = [np.full(100, number) for number in range(6)]
    keys = [
        session.refs.insert([arrays[0], Broken(1), arrays[1], PickleBuffer(bytearray(b"a"))]),
        session.refs.insert(arrays[1]),
        session.refs.insert([arrays[2]]),
        session.refs.insert(Broken(arrays[3])),
        session.refs.insert([arrays[3], arrays[4], arrays[0]]),
        session.refs.insert(PickleBuffer(bytearray(b"b"))),
    ]
    with dropping(session.snapshot()) as resumed:
        found = [resumed.refs.get_any(key) for key in keys if key in resumed.refs]
    assert [int(found[0][0]), int(found[1][0][0]), [int(each[0]) for each in found[2]]] == [1, 2, [3, 4, 0]]
    assert bytes(found[3]) == b"b"


def test_a_part_that_can_not_be_loaded_fails_all_that_share_it(session: Session) -> None:
    shared = Broken(1)
    keys = [session.refs.insert([shared]), session.refs.insert({"also": shared}), session.refs.insert([[1]])]
    found = reasons(session)
    assert list(found) == keys[:2]
    assert {reason.partition(" at ")[0] for reason in found.values()} == {"loading its pickle raised ValueError"}
    assert Loads.count == [1]


def test_what_is_shared_with_an_object_that_was_not_tried_comes_back(session: Session) -> None:
    broken = Broken(1)
    session.refs.insert(broken)
    holder = session.refs.insert([broken, shared := ["shared", {"deep": (1, "two")}]])
    keys = [session.refs.insert({"also": shared}), session.refs.insert([shared[1]])]
    with dropping(session.snapshot()) as resumed:
        assert holder not in resumed.refs
        assert resumed.refs[keys[0]] == {"also": shared}
        assert resumed.refs[keys[0]]["also"][1] is resumed.refs[keys[1]][0]


def test_a_cycle_that_can_not_be_loaded_is_dropped_whole(session: Session) -> None:
    left, right = Box(), Broken()
    left.content, right.content = right, left
    keys = [session.refs.insert(left), session.refs.insert(right), session.refs.insert([1])]
    assert list(reasons(session)) == keys[:2]


def test_what_two_failing_parts_share_is_found_once(session: Session) -> None:
    left: list[object] = []
    right: list[object] = [left]
    left.append(right)
    session.refs.insert([Broken(1), {"left": left}, {"right": right}])
    keys = [session.refs.insert([right]), session.refs.insert([left])]
    with dropping(session.snapshot()) as resumed:
        (again,) = resumed.refs[keys[0]]
        assert again[0][0] is again
        assert resumed.refs[keys[1]][0] is again[0]


def test_large_objects_are_saved_as_small_ones_are(session: Session) -> None:
    numbers, text = list(range(100_000)), "x" * 200_000
    session.refs.insert([Broken(1), numbers, text])
    keys = [session.refs.insert([numbers]), session.refs.insert([text])]
    with dropping(session.snapshot()) as resumed:
        assert resumed.refs[keys[0]] == [numbers]
        assert resumed.refs[keys[1]] == [text]


def test_what_can_not_be_read_any_more_is_dropped_from_there_on(session: Session) -> None:
    kept = session.refs.insert([1])
    session.refs.insert(Broken(1))
    again = session.refs.insert([3])
    lost = session.refs.insert([2])
    snapshot = session.snapshot()
    snapshot._contents.stream = bytes(snapshot._contents.stream).replace(b"K\x02a.", b"\xff\x02a.")
    with dropping(snapshot) as resumed:
        assert (resumed.refs[kept], resumed.refs[again]) == ([1], [3])
        with pytest.raises(RefDroppedError, match="ValueError"):
            resumed.refs[lost]
    snapshot._contents.stream = bytes(snapshot._contents.stream).replace(b"\xff\x02a.", b"q\x02a.")
    assert lost not in dropping(snapshot).refs


# Serializers and recipes


class Fragile:
    """Has a serializer whose loader fails."""

    tries = 0


def fail(_data: bytes) -> Fragile:
    Fragile.tries += 1
    raise OSError("of the user's")


register_serializer("tests.broken.fragile", Fragile, lambda _value: b"x", fail)


@pytest.mark.parametrize("held", [False, True])
def test_what_a_serializer_can_not_load_is_dropped_and_tried_once(session: Session, held: bool) -> None:
    Fragile.tries = 0
    fragile = Fragile()
    key = session.refs.insert(fragile)
    holders = [session.refs.insert([fragile]), session.refs.insert({1: fragile})] if held else []
    session.refs.insert([1])
    with pytest.raises(RefLoadError, match="serializer 'tests.broken.fragile' raised OSError") as caught:
        Session.resume(session.snapshot())
    assert isinstance(caught.value.__cause__, OSError)
    found = reasons(session)
    assert found.pop(key) == "serializer 'tests.broken.fragile' raised OSError"
    assert list(found) == holders
    assert all(f"its state holds ref {redacted(key)}" in reason for reason in found.values())
    assert Fragile.tries == 2


@pytest.mark.parametrize("held", [False, True])
def test_what_is_not_registered_any_more_is_dropped(
    session: Session, monkeypatch: pytest.MonkeyPatch, held: bool
) -> None:
    blob, handle = Blob(b"x"), Handle("db")
    keys = [session.refs.insert(blob), session.refs.insert(handle, reopen=open_handle.recipe("db"))]
    kept = session.refs.insert([1])
    keys += [session.refs.insert([blob]), session.refs.insert([handle])] if held else []
    monkeypatch.delitem(_serializer._BY_TAG, "tests.kinds.blob")
    monkeypatch.delitem(_recipe._REOPENERS, "tests.kinds.handle")
    with pytest.raises(UnknownTypeTagError):
        Session.resume(session.snapshot())
    found = reasons(session)
    assert kept not in found
    assert set(found) == set(keys)
    assert found[keys[0]] == "the snapshot needs serializer 'tests.kinds.blob', which is not registered"
    assert found[keys[1]] == "the snapshot needs recipe 'tests.kinds.handle', which is not registered"


@reopener("tests.broken.shut")
def shut() -> Handle:
    raise OSError("of the user's")


def test_a_recipe_that_raises_takes_down_what_holds_its_object_and_may_be_tried_again(session: Session) -> None:
    handle = Handle("db")
    recipe = session.refs.insert(handle, reopen=shut.recipe())
    holder = session.refs.insert([handle])
    with pytest.raises(ReopenError):
        Session.resume(session.snapshot())
    with dropping(session.snapshot()) as resumed:
        with pytest.raises(RefDroppedError, match=r"recipe 'tests\.broken\.shut' of what it holds raised OSError at "):
            resumed.refs[holder]
        with pytest.raises(ReopenError):
            resumed.refs[recipe]


def test_what_holds_an_expected_ref_that_is_not_carried_is_dropped(session: Session) -> None:
    lock = threading.Lock()
    session.refs.insert(lock, lifetime=EXPLICIT)
    holder = session.refs.insert([lock])
    assert list(reasons(session, carry=session.refs)) == []
    session = Session()
    pool, holder = session.refs.insert(lock, lifetime=EXPLICIT), session.refs.insert([lock])
    assert "was not carried over: pass carry=" in reasons(session)[holder]
    assert pool in session.refs
    session.refs.close()


@pytest.mark.parametrize("broken", ["Drop", True, None, ["drop"]], ids=str)
def test_broken_is_one_of_two(session: Session, broken: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="broken must be 'raise' or 'drop'"):
        Session.resume(session.snapshot(), broken=broken)


# verify=True


@pytest.fixture(params=["snapshot", "save"])
def take(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., SessionSnapshot]:
    if request.param == "snapshot":
        return Session.snapshot
    return lambda session, **options: session.save(tmp_path / "run.snapshot", **options)


@pytest.mark.parametrize(("made", "raised"), UNLOADABLE.values(), ids=UNLOADABLE)
def test_verify_refuses_what_can_not_be_loaded(
    session: Session, take: Callable[..., SessionSnapshot], made: Callable[[], object], raised: str, tmp_path: Path
) -> None:
    holder_first = [made()]
    session.refs.insert(holder_first)
    key = session.refs.insert(holder_first[0])
    session.refs.insert({"holder": holder_first[0]})
    session.refs.insert([1])
    with pytest.raises(SessionRefsNotSerializableError) as caught:
        take(session, verify=True)
    (failure,) = caught.value.failures
    assert failure.key == redacted(key)
    assert failure.reason.startswith(f"it can be pickled but not loaded: loading its pickle raised ")
    assert raised in failure.reason
    assert type(caught.value.__cause__).__name__ == raised
    assert list(tmp_path.iterdir()) == []


def test_verify_drops_what_can_not_be_loaded_and_what_holds_it(
    session: Session, take: Callable[..., SessionSnapshot]
) -> None:
    broken = Broken(1)
    keys = [session.refs.insert([broken]), session.refs.insert(broken)]
    kept = session.refs.insert(Loads("kept"))
    with pytest.warns(RefDroppedWarning) as warned:
        snapshot = take(session, verify=True, policy=DROP)
    assert len(warned) == 2
    assert [ref.reason.partition(" at ")[0] for ref in snapshot.dropped] == [
        f"its state holds the dropped ref {redacted(keys[1])}",
        "it can be pickled but not loaded: loading its pickle raised ValueError",
    ]
    assert Loads.count == [1, "kept"]
    with Session.resume(snapshot) as resumed:
        assert resumed.refs[kept].content == "kept"


def test_verify_loads_apart_from_the_live_objects(session: Session, take: Callable[..., SessionSnapshot]) -> None:
    class_of_array = np.zeros(3)
    key = session.refs.insert(Scribbler(class_of_array))
    with counting() as handles:
        session.refs.insert([session.refs[session.refs.open(open_handle.recipe("db"))]])
        snapshot = take(session, verify=True)
        assert len(handles.opened) == 1
        assert handles.closed == []
    assert session.refs[key].content is class_of_array
    assert class_of_array.tolist() == [0, 0, 0]
    assert len(snapshot.refs) == 3


class Scribbler(Box):
    """Changes what it is made of when it is loaded."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        state["content"][:] = 7


class Using(Box):
    """Uses what it holds when it is loaded."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        state["content"].name.upper()


def test_verify_can_not_tell_of_code_that_uses_what_is_not_opened(session: Session) -> None:
    handle = session.refs.open(open_handle.recipe("db"))
    key = session.refs.insert(Using(session.refs[handle]))
    with Session.resume(session.snapshot(verify=True)) as resumed:
        assert resumed.refs[key].content.name == "db"
    session.refs.insert(JobFailed(session.refs[handle], 1))  # type: ignore[arg-type]
    with pytest.raises(SessionRefsNotSerializableError, match="JobFailed"):
        session.snapshot(verify=True)


@pytest.mark.parametrize("verify", [1, None, "yes"])
def test_verify_is_true_or_false(session: Session, take: Callable[..., SessionSnapshot], verify: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="verify must be True or False"):
        take(session, verify=verify)


# Whatever the objects are


class Atom(enum.Enum):
    A = 1
    B = 2


def random_graph(chance: random.Random) -> list[object]:
    """Objects that hold one another, some of which can't be loaded."""
    made: list[object] = [["x"], Atom.A, "text", 1.5, (1, "two")]
    for number in range(chance.randrange(3, 12)):
        parts = [chance.choice(made) for _ in range(chance.randrange(4))]
        kind = chance.choice([list, tuple, Box, Loads, dict, Broken if chance.random() < 0.5 else list])
        if kind in {list, tuple}:
            made.append(kind([number, *parts]))
        elif kind is dict:
            made.append({number: number, **dict(enumerate(parts, 100))})
        else:
            made.append(kind([number, *parts]))
    return made


def holds_broken(value: object) -> bool:
    if isinstance(value, Broken):
        return True
    inside = value.content if isinstance(value, Box) else list(value.values()) if isinstance(value, dict) else value
    return isinstance(inside, list | tuple) and any(map(holds_broken, inside))


def shape(value: object) -> object:
    if isinstance(value, Box):
        return type(value).__name__, shape(value.content)
    if isinstance(value, dict):
        return {name: shape(part) for name, part in value.items()}
    return type(value)(map(shape, value)) if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("seed", range(300))
def test_all_that_holds_nothing_broken_comes_back_whatever_the_order(seed: int) -> None:
    chance = random.Random(seed)
    session = Session()
    values = random_graph(chance)
    chance.shuffle(values)
    keys = {session.refs.insert(value): value for value in values[: chance.randrange(1, len(values) + 1)]}
    with dropping(session.snapshot()) as resumed:
        assert {key for key in keys if key not in resumed.refs} == {key for key in keys if holds_broken(keys[key])}
        found = {key: resumed.refs.get_any(key) for key in keys if key in resumed.refs}
    assert {key: shape(value) for key, value in found.items()} == {key: shape(keys[key]) for key in found}
    same = [(a, b) for a in found for b in found if keys[a] is keys[b]]
    assert all(found[a] is found[b] for a, b in same)
    session.refs.close()


# Near the recursion limit


def at_every_depth(call: Callable[[], object]) -> list[type[Exception]]:
    """What a call raises near the recursion limit, from there on outwards until it raises nothing."""
    met: list[type[Exception]] = []

    def descend() -> object:
        try:
            return descend()
        except RecursionError:
            try:
                return call()
            except Exception as error:
                met.append(type(error))
                raise RecursionError from None

    descend()
    return met


@pytest.mark.parametrize("policy", [DROP, SessionPausePolicy.PICKLE_OR_ERROR])
@pytest.mark.parametrize("verify", [False, True])
def test_near_the_recursion_limit_no_sound_ref_is_dropped_or_refused(
    session: Session, policy: SessionPausePolicy, verify: bool
) -> None:
    session.refs.insert({"deep": [[[[[["x"]]]]]]})
    session.refs.insert(Box([Box()]))
    session.refs.insert(Blob(b"x"))
    session.refs.open(open_handle.recipe("db"))

    def take() -> None:
        assert session.snapshot(policy=policy, verify=verify).dropped == []

    take()
    assert set(at_every_depth(take)) <= {RecursionError}


def test_near_the_recursion_limit_a_policy_still_drops_what_it_never_keeps(session: Session) -> None:
    session.refs.insert([])
    with warnings.catch_warnings(action="ignore"):
        met = at_every_depth(lambda: session.snapshot(policy=SessionPausePolicy.WARN_DROP))
    assert len(met) < 150


@pytest.mark.parametrize("what", ["from_bytes", "read", "resume", "refs"])
def test_near_the_recursion_limit_a_sound_snapshot_is_not_called_damaged(
    session: Session, tmp_path: Path, what: str
) -> None:
    session.refs.insert({"deep": [[[[["x"]]]]]})
    session.refs.insert(Blob(b"x"))
    deep: Any = "db"
    for _ in range(50):
        deep = [deep]
    session.refs.open(open_handle.recipe(deep))
    session.refs.insert([session.refs.get_any(key) for key in session.refs])
    snapshot = session.snapshot()
    data = snapshot.to_bytes()
    snapshot.write(tmp_path / "snapshot")
    calls: dict[str, Callable[[], object]] = {
        "from_bytes": lambda: SessionSnapshot.from_bytes(data, trusted=True),
        "read": lambda: SessionSnapshot.read(tmp_path / "snapshot", trusted=True),
        "resume": lambda: Session.resume(snapshot).close(),
        "refs": lambda: snapshot.refs,
    }
    calls[what]()
    assert set(at_every_depth(calls[what])) <= {RecursionError}
