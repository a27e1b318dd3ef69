"""What a resumed session holds: the same objects under the same keys, and why others are not there."""

from __future__ import annotations

import gc
import json
import secrets
import threading
import traceback
import warnings
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from liveref import (
    CapacityExceededError,
    RefDroppedError,
    RefDroppedWarning,
    RefLifetime,
    RefLoadError,
    RefNotFoundError,
    RefTypeError,
    RegistryKey,
    ReopenError,
    Session,
    SessionPausePolicy,
    SessionRefRegistry,
    SessionSnapshot,
    SnapshotKeys,
    SnapshotVersionError,
    UnknownTypeTagError,
    register_serializer,
    reopener,
)
from liveref import _recipe
from liveref._pause import serializer as _serializer
from liveref.jsonable import decode, encode

from .refs_of_all_kinds import EXPLICIT, SECRET, Blob, Box, Handle, SubBlob, counting, open_handle, redacted

KEYS = SnapshotKeys({"test": secrets.token_bytes(32)}, current="test")

Through = Callable[[Session], SessionSnapshot]


def in_memory(session: Session, _folder: Path) -> SessionSnapshot:
    return session.snapshot()


def as_bytes(session: Session, _folder: Path) -> SessionSnapshot:
    return SessionSnapshot.from_bytes(session.snapshot().to_bytes(keys=KEYS), keys=KEYS)


def as_a_file(session: Session, folder: Path) -> SessionSnapshot:
    session.snapshot().write(folder / "run.snapshot", keys=KEYS)
    return SessionSnapshot.read(folder / "run.snapshot", keys=KEYS)


def saved(session: Session, folder: Path) -> SessionSnapshot:
    return session.save(folder / "run.snapshot", keys=KEYS)


@pytest.fixture(params=[in_memory, as_bytes, as_a_file, saved], ids=lambda way: way.__name__)
def through(request: pytest.FixtureRequest, tmp_path: Path) -> Through:
    """Takes a snapshot and brings it through one of the ways that there are."""
    return lambda session: request.param(session, tmp_path)


@pytest.fixture
def session() -> Iterator[Session]:
    with Session() as made:
        yield made
        made.refs.drain()


def quietly(session: Session, policy: SessionPausePolicy = SessionPausePolicy.PICKLE_OR_DROP) -> SessionSnapshot:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RefDroppedWarning)
        return session.snapshot(policy=policy)


# One object stays one object


def test_two_keys_of_one_object_give_one_object(session: Session, through: Through) -> None:
    box = Box()
    first, second, clone = session.refs.insert(box), session.refs.insert(box), RegistryKey.new()
    clone = session.refs.clone_ref(first)
    with Session.resume(through(session)) as resumed:
        assert resumed.refs[first] is resumed.refs[second] is resumed.refs[clone]


def test_state_that_refs_share_stays_shared(session: Session, through: Through) -> None:
    shared = ["shared"]
    left, right = session.refs.insert(Box(shared)), session.refs.insert({"also": shared})
    with Session.resume(through(session)) as resumed:
        cast("list[str]", resumed.refs[left].content).append("changed")
        assert resumed.refs[right] == {"also": ["shared", "changed"]}


def test_a_ref_that_is_part_of_another_refs_state_stays_it(session: Session, through: Through) -> None:
    inner = Box("inner")
    outer, part = session.refs.insert(Box([inner])), session.refs.insert(inner)
    with Session.resume(through(session)) as resumed:
        assert cast("list[Box]", resumed.refs[outer].content)[0] is resumed.refs[part]


def test_a_cycle_of_refs_comes_back_as_one(session: Session, through: Through) -> None:
    left, right = Box(), Box()
    left.content, right.content = right, left
    keys = session.refs.insert(left), session.refs.insert(right)
    with Session.resume(through(session)) as resumed:
        left, right = resumed.refs[keys[0]], resumed.refs[keys[1]]
        assert left.content is right
        assert right.content is left
        assert type(left) is Box


def test_a_recipe_inside_a_pickle_is_opened_once_for_both(session: Session, through: Through) -> None:
    part = session.refs.open(open_handle.recipe("db"))
    outer = session.refs.insert(Box(session.refs[part]))
    snapshot = through(session)
    with counting() as handles:
        with Session.resume(snapshot) as resumed:
            assert len(handles.opened) == 1
            assert resumed.refs[outer].content is resumed.refs[part]
            assert resumed.refs.describe()[0].type_tag.endswith(":Handle")
            assert len(handles.opened) == 1
        assert handles.closed == ["db"]


def test_a_serialized_ref_inside_a_pickle_is_loaded_once_for_both(session: Session, through: Through) -> None:
    blob = Blob(b"abc")
    outer, part = session.refs.insert([blob, blob]), session.refs.insert(blob)
    with Session.resume(through(session)) as resumed:
        first, second = resumed.refs[outer]
        assert first is second is resumed.refs[part]
        assert first.data == b"abc"


def test_a_carried_ref_inside_a_pickle_is_the_one_that_was_carried(session: Session, through: Through) -> None:
    lock = threading.Lock()
    pool, outer = session.refs.insert(lock, lifetime=EXPLICIT), session.refs.insert(Box(lock))
    with Session.resume(through(session), carry=session.refs) as resumed:
        assert resumed.refs[outer].content is resumed.refs[pool] is lock
        resumed.refs.drain()


def test_a_pickle_that_holds_an_expected_ref_is_told_to_carry_it(session: Session, through: Through) -> None:
    lock = threading.Lock()
    pool = session.refs.insert(lock, lifetime=EXPLICIT)
    session.refs.insert(Box(lock))
    with pytest.raises(RefLoadError, match=rf"ref {redacted(pool)} \(_thread:lock\).*pass carry= to Session\.resume"):
        Session.resume(through(session))


def test_the_interpreters_own_objects_are_no_parts_of_a_state(session: Session, through: Through) -> None:
    values: list[object] = [None, True, 0, "name", 1.5, b"x", ...]
    keys = [session.refs.insert(value) for value in values]
    all_in_one = session.refs.insert(list(values))
    with Session.resume(through(session)) as resumed:
        assert [resumed.refs.get_any(key) for key in keys] == values
        assert resumed.refs[all_in_one] == values


def test_a_key_inside_a_state_opens_its_ref(session: Session, through: Through) -> None:
    inner = session.refs.insert(Box("inner"))
    outer = session.refs.insert({"next": inner})
    with Session.resume(through(session)) as resumed:
        assert resumed.refs[resumed.refs[outer]["next"]].content == "inner"


def test_a_recipe_inside_a_state_can_be_opened(session: Session, through: Through) -> None:
    outer = session.refs.insert(Box(open_handle.recipe("later")))
    with Session.resume(through(session)) as resumed:
        recipe = cast("Any", resumed.refs[outer].content)
        assert resumed.refs[resumed.refs.open(recipe)].name == "later"


# Keys, markers, hints and lifetimes


def test_markers_in_a_payload_resolve_after_the_pause(session: Session, through: Through) -> None:
    key = session.refs.insert(Box("kept"))
    box = session.refs[key]
    payload = json.dumps({"key": key.to_marker(typed=True), "all": encode([box], registry=session.refs, live=(Box,))})
    with Session.resume(through(session)) as resumed:
        found = json.loads(payload)
        again = resumed.refs[RegistryKey.from_marker(found["key"], Box)]
        assert again.content == "kept"
        assert decode(found["all"], registry=resumed.refs) == [again]


def test_an_object_has_one_key_in_payloads_before_and_after_the_pause(session: Session) -> None:
    part = session.refs.open(open_handle.recipe("db"))
    outer = session.refs.insert([session.refs[part]])
    first = encode(session.refs[part], registry=session.refs, live=(Handle,))
    with Session.resume(session.snapshot()) as resumed:
        handle = resumed.refs[outer][0]
        assert encode(handle, registry=resumed.refs, live=(Handle,)) == first


def test_keys_stay_equal_in_number_order_and_lifetime(session: Session, through: Through) -> None:
    lifetimes = [lifetime for lifetime in RefLifetime if lifetime is not RefLifetime.UNTIL_SNAPSHOT]
    for name in "abcdef":
        session.refs.insert(name, lifetime=lifetimes[ord(name) % 2])
    before = session.refs.keys()
    with Session.resume(through(session)) as resumed:
        assert resumed.refs.keys() == before
        for key in before:
            assert resumed.refs.lifetime_of(key) is session.refs.lifetime_of(key)
        assert {info.where for info in resumed.refs.describe()} == {None}


def test_the_hint_of_the_key_is_what_is_checked(session: Session, through: Through) -> None:
    key = session.refs.insert([1, 2], list[int])
    with Session.resume(through(session)) as resumed:
        assert resumed.refs[key] == [1, 2]
        assert [found.hint for found in resumed.refs.keys()] == [list]
        with pytest.raises(RefTypeError, match="expected int, found list"):
            resumed.refs.get(key, int)


def test_a_resumed_session_takes_new_refs_up_to_its_capacity(session: Session, through: Through) -> None:
    for name in ("a", "b"):
        session.refs.insert(name)
    snapshot = through(session)
    with Session.resume(snapshot, capacity=3) as resumed:
        resumed.refs.insert("c")
        with pytest.raises(CapacityExceededError):
            resumed.refs.insert("d")
        assert resumed.refs.release(resumed.refs.keys()[0])
        resumed.refs.insert("d")
    with pytest.raises(CapacityExceededError, match="holds its 1 ref "):
        Session.resume(snapshot, capacity=1)


def test_what_is_expected_and_not_carried_takes_no_room(session: Session) -> None:
    session.refs.insert("a")
    pool = session.refs.insert(threading.Lock(), lifetime=EXPLICIT)
    snapshot = session.snapshot()
    Session.resume(snapshot, capacity=1).close()
    with pytest.raises(CapacityExceededError):
        Session.resume(snapshot, carry=session.refs, capacity=1)
    assert pool in session.refs


def test_the_policy_of_a_resumed_session_is_its_own(session: Session) -> None:
    snapshot = session.snapshot(policy=SessionPausePolicy.WARN_DROP)
    assert snapshot.policy == "warn_drop"
    assert Session.resume(snapshot).policy is SessionPausePolicy.PICKLE_OR_ERROR
    assert Session.resume(snapshot, policy=SessionPausePolicy.HARD_ERROR).policy is SessionPausePolicy.HARD_ERROR


class NamedSession(Session):
    """A session of a class of its own."""


def test_a_subclass_resumes_as_itself(session: Session) -> None:
    with NamedSession.resume(session.snapshot()) as resumed:
        assert type(resumed) is NamedSession


def test_a_finalizer_is_not_kept_but_that_of_a_serializer_is(session: Session, through: Through) -> None:
    done: list[object] = []
    session.refs.insert(Box(), finalizer=done.append)
    closing = Closing()
    keys = [session.refs.insert(closing), session.refs.insert(closing)]
    snapshot = through(session)
    session.refs.drain()
    done.clear()
    resumed = Session.resume(snapshot)
    Closing.closed.clear()
    assert resumed.refs.release(keys[0])
    assert Closing.closed == []
    resumed.close()
    assert done == []
    assert len(Closing.closed) == 1


class Closing:
    """What is closed when its last ref goes."""

    closed: list[object] = []


register_serializer(
    "tests.resume.closing", Closing, lambda _value: b"", lambda _data: Closing(), finalizer=Closing.closed.append
)


# Memory of their own


def test_resumes_share_no_memory_and_leave_the_file_alone(session: Session, through: Through, tmp_path: Path) -> None:
    array = np.arange(100_003, dtype=np.uint8)
    key, box = session.refs.insert(array), session.refs.insert(Box())
    snapshot = through(session)
    written = [path.read_bytes() for path in tmp_path.iterdir()]
    array[0] = 99
    with Session.resume(snapshot) as first, Session.resume(snapshot) as second:
        for resumed in (first, second):
            found = resumed.refs[key]
            assert found.flags.writeable
            assert found.ctypes.data % 64 == 0
            assert found[0] == 0
            found[0] = 1
            found[:1000] += 1
            resumed.refs[box].content = "changed"
        assert not np.shares_memory(first.refs[key], second.refs[key])
        assert first.refs[box] is not second.refs[box]
    with Session.resume(snapshot) as third:
        assert third.refs[key].tolist() == list(range(256)) * 390 + list(range(163))
        assert third.refs[box].content is None
    assert [path.read_bytes() for path in tmp_path.iterdir()] == written


def test_an_array_outlives_its_session_and_its_snapshot(session: Session, through: Through) -> None:
    key = session.refs.insert(np.ones(10_000))
    with Session.resume(through(session)) as resumed:
        array = resumed.refs.remove(key)
    del resumed
    gc.collect()
    assert array.sum() == 10_000


def test_a_resumed_session_pins_no_object_that_went(session: Session) -> None:
    key = session.refs.insert(Box())
    resumed = Session.resume(session.snapshot())
    kept = resumed.refs.keys()
    gone = weakref.ref(resumed.refs.remove(key))
    assert gone() is None
    assert kept == [key]
    resumed.close()


# What was dropped


def test_a_dropped_ref_explains_itself_over_several_pauses(session: Session, through: Through) -> None:
    lock = session.refs.insert(threading.Lock())
    box = session.refs.insert(Box())
    first = quietly(session)
    resumed = Session.resume(first)
    for _ in range(2):
        resumed = Session.resume(through(resumed))
    later = session_with_another_drop(resumed)
    assert [ref.key for ref in later.dropped][0] == redacted(lock)
    assert len(later.dropped) == 2
    with Session.resume(later) as last:
        with pytest.raises(RefDroppedError) as caught:
            last.refs[lock]
        key, type_tag, policy, when, reason = caught.value.args
        assert (key, type_tag, policy) == (redacted(lock), "_thread:lock", "pickle_or_drop")
        assert (when, reason) == (first.when, "a _thread.lock can't be pickled")
        text = str(caught.value)
        assert all(part in text for part in caught.value.args)
        assert text.endswith("To keep it, give it a recipe (reopen=) or a serializer.")
        assert type(last.refs[box]) is Box


def session_with_another_drop(session: Session) -> SessionSnapshot:
    session.refs.insert(threading.RLock())
    snapshot = quietly(session, SessionPausePolicy.PICKLE_OR_DROP)
    session.close()
    return snapshot


@pytest.mark.parametrize(
    "look",
    [
        lambda refs, key: refs.get(key),
        lambda refs, key: refs.get(key, default=None),
        lambda refs, key: refs.get(key, object),
        lambda refs, key: refs.get(key, object, default=None),
        lambda refs, key: refs[key],
        lambda refs, key: refs.get_any(key),
        lambda refs, key: refs.typed(object).get(key, default=None),
        lambda refs, key: refs.verify(key),
        lambda refs, key: refs.remove(key),
        lambda refs, key: refs.clone_ref(key),
        lambda refs, key: refs.lifetime_of(key),
        lambda refs, key: refs.transfer_ref(key, SessionRefRegistry()),
    ],
    ids=["get", "default", "hint", "hint and default", "[]", "get_any", "typed", "verify", "remove", "clone",
         "lifetime", "transfer"],
)  # fmt: skip
def test_no_lookup_hides_that_a_ref_was_dropped(session: Session, look: Callable[..., object]) -> None:
    key = session.refs.insert(threading.Lock())
    with Session.resume(quietly(session)) as resumed, resumed.child(isolated=True) as child:
        with pytest.raises(RefDroppedError):
            look(resumed.refs, key)
        assert key not in resumed.refs
        assert not resumed.refs.release(key)
        with pytest.raises(RefDroppedError):
            child.refs.get(key, default=None)


def test_a_stranger_is_not_called_dropped(session: Session) -> None:
    session.refs.insert(threading.Lock())
    with Session.resume(quietly(session)) as resumed:
        assert resumed.refs.get(RegistryKey.new(), default=None) is None
        with pytest.raises(RefNotFoundError):
            resumed.refs.get(RegistryKey.new())


# What outlives the run


def test_carried_refs_move_over_under_their_keys_and_stay_what_they_are(session: Session, through: Through) -> None:
    lock, done = threading.Lock(), list[object]()
    pool = session.refs.insert(lock, lifetime=EXPLICIT, finalizer=done.append)
    first = session.refs.insert("captured")
    snapshot = through(session)
    session.close()
    assert [(ref.key, ref.type_tag) for ref in snapshot.expected] == [(redacted(pool), "_thread:lock")]
    with Session.resume(snapshot, carry=session.refs) as resumed:
        assert resumed.refs[pool] is lock
        assert resumed.refs.lifetime_of(pool) is EXPLICIT
        assert pool not in session.refs
        assert resumed.refs.keys() == [first, pool]
    assert done == []
    resumed.refs.close()
    assert done == [lock]


def test_only_what_is_expected_is_carried(session: Session) -> None:
    other, pool = session.refs.insert("other"), session.refs.insert("pool", lifetime=EXPLICIT)
    snapshot = session.snapshot()
    later = session.refs.insert("later", lifetime=EXPLICIT)
    with Session.resume(snapshot, carry=session.refs) as resumed:
        assert session.refs.keys() == [other, later]
        assert resumed.refs.keys() == [other, pool]
        resumed.refs.drain()


def test_what_a_policy_dropped_is_not_carried(session: Session) -> None:
    lock = session.refs.insert(threading.Lock())
    with Session.resume(quietly(session), carry=session.refs) as resumed:
        assert lock in session.refs
        with pytest.raises(RefDroppedError):
            resumed.refs[lock]


def test_what_is_not_carried_says_so(session: Session, through: Through) -> None:
    pool = session.refs.insert(threading.Lock(), lifetime=EXPLICIT)
    snapshot = through(session)
    for carry in (None, SessionRefRegistry()):
        with Session.resume(snapshot, carry=carry) as resumed:
            with pytest.raises(RefDroppedError, match="pass carry= to Session.resume") as caught:
                resumed.refs.get(pool, default=None)
            assert caught.value.args[1:4] == ("_thread:lock", "pickle_or_error", snapshot.when)


def test_what_was_not_carried_once_can_be_at_a_later_pause(session: Session, through: Through) -> None:
    lock = threading.Lock()
    pool = session.refs.insert(lock, lifetime=EXPLICIT)
    with Session.resume(through(session)) as between:
        snapshot = through(between)
    assert [ref.key for ref in snapshot.dropped] == [redacted(pool)]
    with pytest.raises(CapacityExceededError):
        Session.resume(full(snapshot), carry=session.refs, capacity=1)
    with Session.resume(snapshot, carry=session.refs) as resumed:
        assert resumed.refs[pool] is lock
        assert [ref.key for ref in resumed.snapshot().expected] == [redacted(pool)]
        assert resumed.snapshot().dropped == []
        resumed.refs.drain()


def full(snapshot: SessionSnapshot) -> SessionSnapshot:
    """The snapshot of a session with one ref more, which can't be loaded."""
    with Session.resume(snapshot) as session:
        session.refs.insert(Broken())
        return session.snapshot()


def test_expected_refs_go_through_many_pauses(session: Session, through: Through) -> None:
    lock = threading.Lock()
    pool = session.refs.insert(lock, lifetime=EXPLICIT)
    for _ in range(3):
        snapshot = through(session)
        session.close()
        session = Session.resume(snapshot, carry=session.refs)
        assert [ref.key for ref in snapshot.expected] == [redacted(pool)]
        assert session.refs[pool] is lock
    session.refs.close()


def test_a_recipe_opens_what_is_not_carried(session: Session, through: Through) -> None:
    pool = session.refs.open(open_handle.recipe("pool"), lifetime=EXPLICIT)
    handle = session.refs[pool]
    snapshot = through(session)
    with counting() as handles:
        with Session.resume(snapshot) as resumed:
            assert handles.opened == []
            assert resumed.refs[pool] is not handle
            assert resumed.refs.lifetime_of(pool) is EXPLICIT
            assert [ref.key for ref in resumed.snapshot().expected] == [redacted(pool)]
        assert handles.closed == []
        resumed.refs.close()
        assert handles.closed == ["pool"]
    with counting() as handles, Session.resume(snapshot, carry=session.refs) as carried:
        assert carried.refs[pool] is handle
        assert handles.opened == []
        carried.refs.drain()


def test_both_keys_of_a_carried_object_give_it(session: Session, through: Through) -> None:
    lock = threading.Lock()
    gone, pool = session.refs.insert(lock), session.refs.insert(lock, lifetime=EXPLICIT)
    snapshot = through(session)
    session.close()
    with Session.resume(snapshot, carry=session.refs, capacity=2) as resumed:
        with pytest.raises(CapacityExceededError):
            resumed.refs.insert("more")
        assert resumed.refs[gone] is resumed.refs[pool] is lock
        assert resumed.refs.lifetime_of(gone) is RefLifetime.UNTIL_CONTEXT_DROP
        assert resumed.refs.release(gone)
        assert resumed.refs[pool] is lock
        resumed.refs.drain()


def test_both_keys_of_a_carried_object_that_was_not_opened_open_it_once(session: Session) -> None:
    handle = Handle("pool")
    gone = session.refs.insert(handle)
    pool = session.refs.insert(handle, lifetime=EXPLICIT, reopen=open_handle.recipe("pool"))
    with counting() as handles:
        between = Session.resume(session.snapshot())
        snapshot = between.snapshot()
        between.close()
        with Session.resume(snapshot, carry=between.refs) as resumed:
            assert handles.opened == []
            assert resumed.refs[gone] is resumed.refs[pool]
            assert len(handles.opened) == 1
        assert handles.closed == []
        resumed.refs.close()
        assert handles.closed == ["pool"]


def test_other_keys_of_an_unopened_object_without_a_finalizer_open_it_too(session: Session) -> None:
    box = Box()
    gone = session.refs.insert(box)
    pool = session.refs.insert(box, lifetime=EXPLICIT, reopen=empty_box.recipe())
    between = Session.resume(session.snapshot())
    snapshot = between.snapshot()
    between.close()
    with Session.resume(snapshot, carry=between.refs) as resumed:
        assert resumed.refs[pool] is resumed.refs[gone]
        resumed.refs.drain()


class Releasing(Box):
    """Drops a ref of the registry that is carried over, as another thread may."""

    drop: Callable[[], object]

    def __setstate__(self, state: object) -> None:
        Releasing.drop()


def test_what_goes_while_it_is_carried_over_is_missing_under_all_its_keys(session: Session) -> None:
    lock = threading.Lock()
    keys = [session.refs.insert(lock, lifetime=EXPLICIT), session.refs.insert(lock, lifetime=EXPLICIT)]
    session.refs.insert(Releasing())
    Releasing.drop = session.refs.drain
    with Session.resume(session.snapshot(), carry=session.refs) as resumed:
        for key in keys:
            with pytest.raises(RefDroppedError):
                resumed.refs[key]


@reopener("tests.resume.box")
def empty_box() -> Box:
    return Box()


def test_a_resume_that_fails_moves_nothing_and_closes_what_it_opened(session: Session, through: Through) -> None:
    pool = session.refs.insert(threading.Lock(), lifetime=EXPLICIT)
    closing = session.refs.insert(Closing())
    opened = session.refs.open(open_handle.recipe("db"))
    session.refs.insert([session.refs[closing], session.refs[opened]])
    broken = session.refs.insert(Broken())
    snapshot = through(session)
    Closing.closed.clear()
    with counting() as handles:
        with pytest.raises(RefLoadError, match=rf"ref {redacted(broken)} .*raised ValueError at {__file__}:") as caught:
            Session.resume(snapshot, carry=session.refs)
        assert handles.closed == ["db"] * len(handles.opened)
    assert len(Closing.closed) == 1
    assert pool in session.refs
    assert SECRET not in str(caught.value)
    assert isinstance(caught.value.__cause__, ValueError)
    assert caught.value.__context__ is None


class Broken(Box):
    """Can be pickled, but not loaded."""

    def __setstate__(self, state: object) -> None:
        raise ValueError(SECRET)

    def __repr__(self) -> str:
        return SECRET


def test_a_failing_close_after_a_failing_resume_is_noted(session: Session) -> None:
    session.refs.open(open_badly_closed.recipe())
    session.refs.insert([session.refs[session.refs.keys()[0]]])
    session.refs.insert(Broken())
    snapshot = session.snapshot()
    with pytest.raises(RefLoadError) as caught:
        Session.resume(snapshot)
    assert caught.value.__notes__ == ["Closing what had been restored raised OSError."]
    with pytest.raises(ExceptionGroup):
        session.refs.drain()


class Worse:
    """What is closed worse than badly."""


def close_worse(_value: object) -> None:
    raise KeyboardInterrupt


register_serializer("tests.resume.worse", Worse, lambda _value: b"", lambda _data: Worse(), finalizer=close_worse)


def test_what_is_no_exception_comes_out_once_all_is_closed_after_a_failing_resume(session: Session) -> None:
    session.refs.insert(Worse())
    session.refs.insert(Closing())
    session.refs.insert(Broken())
    snapshot = session.snapshot()
    Closing.closed.clear()
    with pytest.raises(KeyboardInterrupt) as caught:
        Session.resume(snapshot)
    assert isinstance(caught.value.__context__, RefLoadError)
    assert len(Closing.closed) == 1


def close_badly(_value: object) -> None:
    raise OSError(SECRET)


@reopener("tests.resume.badly_closed", finalizer=close_badly)
def open_badly_closed() -> Handle:
    return Handle("badly closed")


# What can't be restored


def test_a_serializer_that_fails_to_load_names_its_ref(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    key = session.refs.insert(Blob(SECRET.encode()))
    snapshot = session.snapshot()

    def fail(data: bytes) -> Blob:
        raise ValueError(data.decode())

    monkeypatch.setitem(_serializer._BY_TAG, "tests.kinds.blob", registered_blob()._replace(load=fail))
    with pytest.raises(RefLoadError, match=rf"ref {redacted(key)} .*'tests\.kinds\.blob' raised ValueError") as caught:
        Session.resume(snapshot)
    assert SECRET not in str(caught.value)
    assert isinstance(caught.value.__cause__, ValueError)
    assert caught.value.__context__ is None
    monkeypatch.setitem(_serializer._BY_TAG, "tests.kinds.blob", registered_blob()._replace(load=lambda _data: Box()))
    with pytest.raises(RefLoadError, match=r"gave .*Box, not .*Blob"):
        Session.resume(snapshot)
    monkeypatch.setitem(_serializer._BY_TAG, "tests.kinds.blob", registered_blob()._replace(load=SubBlob))
    with pytest.raises(RefLoadError, match=r"gave .*SubBlob, not .*Blob"):
        Session.resume(snapshot)

    def stop(data: bytes) -> Blob:
        raise StopIteration(data)

    monkeypatch.setitem(_serializer._BY_TAG, "tests.kinds.blob", registered_blob()._replace(load=stop))
    with pytest.raises(RefLoadError, match=r"gave nothing, not .*Blob"):
        Session.resume(snapshot)


def registered_blob() -> _serializer.Serializer:
    found = _serializer.serializers_of([id(Blob)]).get(id(Blob))
    assert found is not None
    return found


@pytest.mark.parametrize("version", [1, 2, 3])
def test_older_data_go_to_the_loader_and_newer_are_refused(
    session: Session, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = session.refs.insert(Blob(b"abc"))
    snapshot = session.snapshot()
    monkeypatch.setitem(_serializer._BY_TAG, "tests.kinds.blob", registered_blob()._replace(version=version))
    if version < 2:
        with pytest.raises(SnapshotVersionError, match=r"in version 2; 1 is registered"):
            Session.resume(snapshot)
    else:
        with Session.resume(snapshot) as resumed:
            assert resumed.refs[key].data == b"abc"


def test_a_program_without_the_tags_is_told_which(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.refs.insert(Blob(b"abc"))
    serialized = session.snapshot()
    session.refs.drain()
    session.refs.open(open_handle.recipe("db"))
    opened = session.snapshot()
    monkeypatch.delitem(_serializer._BY_TAG, "tests.kinds.blob")
    monkeypatch.delitem(_recipe._REOPENERS, "tests.kinds.handle")
    with pytest.raises(UnknownTypeTagError, match=r"serializer 'tests\.kinds\.blob', which is not registered"):
        Session.resume(serialized)
    with pytest.raises(UnknownTypeTagError, match=r"recipe 'tests\.kinds\.handle', which is not registered"):
        Session.resume(opened)


def test_a_recipe_whose_function_has_changed_is_told_without_values(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.refs.open(open_handle.recipe(SECRET))
    snapshot = session.snapshot()

    def changed(path: str, mode: str = SECRET, /, *, flag: bool) -> Handle:
        raise AssertionError

    other = _recipe.Reopener("tests.kinds.handle", changed, None)
    monkeypatch.setitem(_recipe._REOPENERS, "tests.kinds.handle", other)
    with pytest.raises(RefLoadError, match=r"it takes \(path, mode, flag\)") as caught:
        Session.resume(snapshot)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_recipe_that_fails_inside_a_pickle_fails_the_resume(session: Session) -> None:
    outer = Box(session.refs[session.refs.open(open_once.recipe())])
    session.refs.insert(outer)
    with pytest.raises(ReopenError, match=r"recipe 'tests\.resume\.once' with arguments \(\) raised OSError"):
        Session.resume(session.snapshot())


opened_once: list[object] = []


@reopener("tests.resume.once")
def open_once() -> Handle:
    if opened_once:
        raise OSError(SECRET)
    opened_once.append(None)
    return Handle("once")


# What a snapshot says of itself


def test_the_rows_of_a_snapshot_tell_what_is_inside(session: Session, through: Through) -> None:
    array = session.refs.insert(np.zeros(1000, dtype=np.uint8))
    text = session.refs.insert("x" * 500)
    blob = session.refs.insert(Blob(b"abc"))
    same_blob = session.refs.clone_ref(blob)
    recipe = session.refs.open(open_handle.recipe("db"))
    pool = session.refs.insert(threading.Lock(), lifetime=EXPLICIT)
    snapshot = through(session)
    rows = {ref.key: ref for ref in snapshot.refs}
    assert list(rows) == list(map(redacted, (array, text, blob, same_blob, recipe)))
    assert [ref.how for ref in rows.values()] == ["pickle", "pickle", "serializer", "serializer", "recipe"]
    assert [ref.type_tag for ref in rows.values()][:2] == ["numpy:ndarray", "builtins:str"]
    assert 1000 < rows[redacted(array)].size < 1300
    assert 500 < rows[redacted(text)].size < 520
    assert [ref.size for ref in rows.values()][2:] == [3, 3, 0]
    assert [ref.key for ref in snapshot.expected] == [redacted(pool)]
    assert repr(snapshot) == f"<SessionSnapshot of {snapshot.when}: 6 refs, 0 dropped>"


def test_a_snapshot_says_who_signed_it_and_whether_that_was_checked(session: Session) -> None:
    snapshot = session.snapshot()
    assert (snapshot.key_name, snapshot.verified) == (None, False)
    data = snapshot.to_bytes(keys=KEYS)
    checked = SessionSnapshot.from_bytes(data, keys=KEYS)
    assert (checked.key_name, checked.verified) == ("test", True)
    unchecked = SessionSnapshot.from_bytes(data, trusted=True)
    assert (unchecked.key_name, unchecked.verified) == ("test", False)
