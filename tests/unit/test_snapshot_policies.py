"""What a pause makes of refs of every kind, under every policy and with every lifetime."""

from __future__ import annotations

import pickle
import threading
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NoReturn

import pytest

from liveref import (
    InvalidArgumentError,
    RefDroppedError,
    RefDroppedWarning,
    RefFailure,
    RefInfo,
    RefLifetime,
    RefReleasedError,
    RegistryClosedError,
    RegistryKey,
    Session,
    SessionPausePolicy,
    SessionRefsNotSerializableError,
    SessionSnapshot,
    register_serializer,
)
from liveref._pause import capture as _capture

from .refs_of_all_kinds import (
    EXPLICIT,
    OUTCOMES,
    PICKLING,
    POLICIES,
    REFUSING,
    SECRET,
    Blob,
    Box,
    Failing,
    Handle,
    Keys,
    Kind,
    Outcome,
    Secretive,
    open_handle,
    redacted,
    with_recipe,
)

Take = Callable[..., SessionSnapshot]


@pytest.fixture
def session() -> Iterator[Session]:
    with Session() as made:
        yield made
        made.refs.drain()


@pytest.fixture(params=["snapshot", "save"])
def take(request: pytest.FixtureRequest, tmp_path: Path) -> Take:
    """Takes a snapshot in one of the two ways that there are."""
    if request.param == "snapshot":
        return Session.snapshot
    return lambda session, **options: session.save(tmp_path / "run.snapshot", **options)


def take_quietly(session: Session, policy: SessionPausePolicy, take: Take = Session.snapshot) -> SessionSnapshot:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RefDroppedWarning)
        return take(session, policy=policy)


def refused(session: Session, take: Take = Session.snapshot, **options: SessionPausePolicy) -> tuple[RefFailure, ...]:
    with pytest.raises(SessionRefsNotSerializableError) as caught:
        take(session, **options)
    return caught.value.failures


def outcome(session: Session, keys: Keys, policy: SessionPausePolicy, take: Take) -> set[Outcome]:
    names = set(map(redacted, keys))
    try:
        snapshot = take_quietly(session, policy, take)
    except SessionRefsNotSerializableError as error:
        failed = {failure.key for failure in error.failures}
        return {"refused" if name in failed else "let off" for name in names}
    found: dict[str, Outcome] = {ref.key: ref.how for ref in snapshot.refs}  # type: ignore[misc]
    found |= dict.fromkeys((ref.key for ref in snapshot.dropped), "dropped")
    found |= dict.fromkeys((ref.key for ref in snapshot.expected), "expected")
    return {found[redacted(key)] if key in session.refs else "purged" for key in keys}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("kind", OUTCOMES, ids=lambda kind: kind.__name__)
def test_each_policy_does_what_it_says(session: Session, kind: Kind, policy: SessionPausePolicy, take: Take) -> None:
    expected = OUTCOMES[kind][POLICIES.index(policy)]
    assert outcome(session, kind(session), policy, take) == {expected}


@pytest.mark.parametrize("policy", POLICIES)
def test_the_policy_of_the_call_wins_over_the_sessions_own(policy: SessionPausePolicy) -> None:
    with Session(policy=policy) as session:
        own = outcome(session, [session.refs.insert(Box())], policy, lambda session, **_: session.snapshot())
        assert own == {OUTCOMES[plain_kind()][POLICIES.index(policy)]}
        assert session.snapshot(policy=SessionPausePolicy.PICKLE_OR_ERROR).policy == "pickle_or_error"
        assert session.policy is policy


def plain_kind() -> Kind:
    return next(iter(OUTCOMES))


# What is refused


@pytest.mark.parametrize("policy", REFUSING)
def test_a_refused_snapshot_changes_nothing(session: Session, policy: SessionPausePolicy, tmp_path: Path) -> None:
    done: list[object] = []
    session.refs.insert(Box(), lifetime=RefLifetime.UNTIL_SNAPSHOT, finalizer=done.append)
    for kind in OUTCOMES:
        kind(session)
    before, keys = [without_age(info) for info in session.refs.describe()], session.refs.keys()
    (tmp_path / "run.snapshot").write_bytes(b"old")
    refused(session, policy=policy)
    with pytest.raises(SessionRefsNotSerializableError):
        session.save(tmp_path / "run.snapshot", policy=policy)
    assert [without_age(info) for info in session.refs.describe()] == before
    assert session.refs.keys() == keys
    assert done == []
    assert [path.name for path in tmp_path.iterdir()] == ["run.snapshot"]
    assert (tmp_path / "run.snapshot").read_bytes() == b"old"


def without_age(info: RefInfo) -> tuple[object, ...]:
    return info.key, info.type_tag, info.lifetime, info.where


@pytest.mark.parametrize("policy", REFUSING)
def test_a_refusal_names_every_ref_that_failed_and_no_other(
    session: Session, policy: SessionPausePolicy, take: Take
) -> None:
    column = POLICIES.index(policy)
    guilty = [key for kind, row in OUTCOMES.items() for key in kind(session) if row[column] == "refused"]
    assert set(map(redacted, guilty)) <= {failure.key for failure in refused(session, take, policy=policy)}


def test_a_refusal_says_what_failed_where_it_was_inserted_and_why(session: Session) -> None:
    session.refs.insert([1, 2])
    lock = session.refs.insert(threading.Lock())
    failing = session.refs.insert(Failing())
    with pytest.raises(SessionRefsNotSerializableError) as caught:
        session.snapshot()
    first, second = caught.value.failures
    assert first.key == redacted(lock)
    assert first.type_tag == "_thread:lock"
    assert first.reason == "a _thread.lock can't be pickled"
    assert first.where is not None
    assert first.where.rpartition(":")[0] == __file__
    assert second.key == redacted(failing)
    assert second.reason == "serializer 'tests.kinds.failing' raised ValueError"
    assert "2 refs can't be captured" in str(caught.value)
    assert "Give each a recipe or a serializer" in str(caught.value)


def test_a_container_is_not_blamed_for_the_ref_inside_it(session: Session) -> None:
    lock = threading.Lock()
    session.refs.insert([lock])
    key = session.refs.insert(lock)
    session.refs.insert({"deep": Box([Box(lock)])})
    assert [failure.key for failure in refused(session)] == [redacted(key)]


def test_a_container_is_blamed_for_what_is_no_ref(session: Session) -> None:
    lock = threading.Lock()
    session.refs.insert(lock)
    key = session.refs.insert([lock, threading.RLock()])
    reasons = {failure.key: failure.reason for failure in refused(session)}
    assert reasons.pop(redacted(key)) == "$[1]: a _thread.RLock can't be pickled"
    assert list(reasons.values()) == ["a _thread.lock can't be pickled"]


class Service:
    """Holds what can't be pickled, deep inside."""

    def __init__(self, conns: object) -> None:
        self.client = Box({"pool": conns})

    def run(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda lock: Service([1, lock]), "$.client.content.pool[1]: a _thread.lock can't be pickled"),
        (lambda lock: Service([1, lock]).run, "$.__self__.client.content.pool[1]: a _thread.lock can't be pickled"),
        (lambda lock: partial(print, end=Box(lock)), "$.keywords.end.content: a _thread.lock can't be pickled"),
        (
            lambda _: Box(lambda: None),
            f"$.content: a function can't be pickled: no {__name__}.<lambda>.<locals>.<lambda> can be imported",
        ),
        (
            lambda _: [type("\x1bEvil", (), {})],
            f"$[0]: a type can't be pickled: no {__name__}.\\x1bEvil can be imported",
        ),
        (lambda _: Box(Secretive()), "$.content: pickling it raised ValueError at "),
    ],
    ids=["attributes", "bound method", "partial", "lambda", "class", "user code"],
)
def test_a_refusal_names_the_attribute(session: Session, made: Callable[[object], object], reason: str) -> None:
    session.refs.insert(made(threading.Lock()))
    (failure,) = refused(session)
    assert failure.reason.startswith(reason)
    assert failure.reason.isprintable()


def test_the_path_of_a_refusal_leads_into_no_other_ref(session: Session) -> None:
    lock = threading.Lock()
    inner = Box(lock)
    keys = [session.refs.insert(Box([inner, threading.Lock()])), session.refs.insert(inner)]
    assert {failure.key: failure.reason.partition(":")[0] for failure in refused(session)} == {
        redacted(keys[0]): "$.content[1]",
        redacted(keys[1]): "$.content",
    }


def test_both_keys_of_one_object_are_named(session: Session) -> None:
    lock = threading.Lock()
    keys = [session.refs.insert(lock), session.refs.insert(lock)]
    assert [failure.key for failure in refused(session)] == list(map(redacted, keys))


def nested(depth: int, innermost: Box) -> Box:
    for _ in range(depth):
        innermost = Box(innermost)
    return innermost


def half_of_too_deep() -> int:
    """Half of a depth that this Python can't pickle; that half it can."""
    half = 100
    while True:
        try:
            pickle.dumps(nested(2 * half, Box()))
        except RecursionError:
            return half
        half *= 2


def test_what_is_nested_too_deeply_only_with_what_it_holds_is_blamed_alone(session: Session) -> None:
    half = half_of_too_deep()
    inner = nested(half, Box())
    outer = nested(half, inner)
    blamed = session.refs.insert(outer)
    innocent = [session.refs.insert(inner), session.refs.insert(Box())]
    (failure,) = refused(session)
    assert failure.key == redacted(blamed)
    assert failure.reason == "it is nested too deeply to be pickled"
    session.refs.release(blamed)
    with Session.resume(session.snapshot()) as resumed:
        assert all(key in resumed.refs for key in innocent)


def test_what_code_of_the_users_raised_is_the_cause_and_in_no_text(session: Session, take: Take) -> None:
    session.refs.insert(threading.Lock())
    session.refs.insert(Secretive())
    session.refs.insert(Failing())
    with pytest.raises(SessionRefsNotSerializableError) as caught:
        take(session)
    assert SECRET not in str(caught.value)
    assert isinstance(caught.value.__cause__, ValueError)
    assert SECRET in str(caught.value.__cause__)
    assert caught.value.__context__ is None
    with pytest.warns(RefDroppedWarning) as warned:
        snapshot = take(session, policy=SessionPausePolicy.PICKLE_OR_DROP)
    assert SECRET not in "".join(str(warning.message) for warning in warned)
    assert SECRET.encode() not in snapshot.to_bytes()


class Flaky(Box):
    """Fails the first time it is pickled, as what another thread changes does."""

    def __getstate__(self) -> dict[str, object]:
        if self.content is None:
            self.content = "once"
            raise RuntimeError("dictionary changed size during iteration")
        return vars(self)


@pytest.mark.parametrize("policy", PICKLING)
def test_what_fails_but_once_is_tried_again(session: Session, policy: SessionPausePolicy) -> None:
    keys = [session.refs.insert(Box()), session.refs.insert(Flaky()), session.refs.insert([1])]
    assert [ref.key for ref in session.snapshot(policy=policy).refs] == list(map(redacted, keys))


class Unruly(Box):
    """Fails only among others: the second of two in each pickle of both, and never alone."""

    calls: list[object] = []

    def __getstate__(self) -> dict[str, object]:
        self.calls.append(self)
        if len(self.calls) % 6 == 2:
            raise RuntimeError(SECRET)
        return vars(self)


@pytest.mark.parametrize("policy", PICKLING)
def test_what_fails_only_with_others_is_told_of_all(session: Session, policy: SessionPausePolicy) -> None:
    Unruly.calls.clear()
    keys = [session.refs.insert(Unruly()), session.refs.insert(Unruly())]
    assert outcome(session, keys, policy, Session.snapshot) <= {"refused", "dropped"}


class Counted(Box):
    """Counts how often it is pickled."""

    times = 0

    def __getstate__(self) -> dict[str, object]:
        Counted.times += 1
        return vars(self)


@pytest.mark.parametrize("policy", PICKLING)
def test_a_state_that_many_refs_share_is_not_searched_for_each(session: Session, policy: SessionPausePolicy) -> None:
    Counted.times = 0
    shared = [Counted()]
    keys = [session.refs.insert(Box(shared)) for _ in range(100)]
    lock = session.refs.insert(threading.Lock())
    holder = session.refs.insert(Box([shared, session.refs[lock]]))
    if policy is SessionPausePolicy.PICKLE_OR_DROP:
        assert [ref.key for ref in take_quietly(session, policy).dropped] == [redacted(lock), redacted(holder)]
    else:
        assert [failure.key for failure in refused(session)] == [redacted(lock)]
    assert Counted.times < 10
    assert all(key in session.refs for key in keys)


# What is dropped


def test_each_dropped_ref_has_a_warning_and_an_entry(session: Session, take: Take) -> None:
    keys = [session.refs.insert(threading.Lock()), session.refs.insert(Failing())]
    kept = session.refs.insert(Box())
    with pytest.warns(RefDroppedWarning) as warned:
        snapshot = take(session, policy=SessionPausePolicy.PICKLE_OR_DROP)
    assert [ref.key for ref in snapshot.refs] == [redacted(kept)]
    assert [ref.key for ref in snapshot.dropped] == list(map(redacted, keys))
    assert [ref.type_tag for ref in snapshot.dropped][0] == "_thread:lock"
    assert [ref.reason for ref in snapshot.dropped] == [
        "a _thread.lock can't be pickled",
        "serializer 'tests.kinds.failing' raised ValueError",
    ]
    assert len(warned) == 2
    assert {warning.filename for warning in warned} == {__file__}
    text = str(warned[0].message)
    assert text.startswith(f"a snapshot under pickle_or_drop dropped ref {redacted(keys[0])} _thread:lock")
    assert text.endswith("Give it a recipe or a serializer to keep it.")
    assert all(key in session.refs for key in keys)


def test_what_holds_a_dropped_ref_is_dropped_with_that_as_its_reason(session: Session) -> None:
    lock = threading.Lock()
    inner = Box(lock)
    keys = [session.refs.insert(value) for value in ([inner], inner, lock, Box(1))]
    snapshot = take_quietly(session, SessionPausePolicy.PICKLE_OR_DROP)
    assert [ref.key for ref in snapshot.refs] == [redacted(keys[3])]
    assert [ref.reason for ref in snapshot.dropped] == [
        f"its state holds the dropped ref {redacted(keys[2])}",
        f"its state holds the dropped ref {redacted(keys[2])}",
        "a _thread.lock can't be pickled",
    ]


def test_a_cycle_that_holds_a_dropped_ref_is_dropped(session: Session) -> None:
    lock, left, right = threading.Lock(), Box(), Box()
    left.content, right.content = right, [left, lock]
    keys = [session.refs.insert(value) for value in (left, right, lock)]
    snapshot = take_quietly(session, SessionPausePolicy.PICKLE_OR_DROP)
    assert snapshot.refs == []
    assert [ref.key for ref in snapshot.dropped] == list(map(redacted, keys))


def test_what_holds_a_ref_with_a_failing_serializer_is_dropped(session: Session) -> None:
    failing = Failing()
    session.refs.insert(Box(failing))
    session.refs.insert(failing)
    assert take_quietly(session, SessionPausePolicy.PICKLE_OR_DROP).refs == []


def test_a_warning_that_is_an_error_comes_when_all_else_is_done(session: Session, take: Take, tmp_path: Path) -> None:
    done: list[object] = []
    last = session.refs.insert("x", lifetime=RefLifetime.UNTIL_SNAPSHOT, finalizer=done.append)
    others = [session.refs.insert(threading.Lock()), session.refs.insert(threading.Lock()), session.refs.insert(Box())]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RefDroppedWarning):
            take(session, policy=SessionPausePolicy.PICKLE_OR_DROP)
    assert done == ["x"]
    assert last not in session.refs
    assert all(key in session.refs for key in others)
    for path in tmp_path.iterdir():
        assert len(SessionSnapshot.read(path, trusted=True).dropped) == 2


def test_all_that_was_dropped_is_logged_before_the_first_warning_can_raise(
    session: Session, take: Take, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", "liveref")

    def fail(_value: str) -> None:
        raise ZeroDivisionError

    session.refs.insert("x", lifetime=RefLifetime.UNTIL_SNAPSHOT, finalizer=fail)
    dropped = [session.refs.insert(threading.Lock()), session.refs.insert(threading.Lock())]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning, match="ZeroDivisionError"):
            take(session, policy=SessionPausePolicy.PICKLE_OR_DROP)
    assert [text for text in caplog.messages if "was dropped" in text] == [
        f"ref {redacted(key)} (_thread:lock) was dropped" for key in dropped
    ]


class Odd(type):
    """A class of classes that have no hash, and equal each other."""

    def __eq__(cls, other: object) -> bool:
        return isinstance(other, Odd)

    __hash__ = None  # type: ignore[assignment]


class Unhashed(metaclass=Odd):
    """What only a serializer can keep, for pickle looks its class up."""


class Another(metaclass=Odd):
    """Of an equal class."""


register_serializer("tests.policies.unhashed", Unhashed, lambda _value: b"", lambda _data: Unhashed())


def test_what_has_a_class_without_a_hash_is_kept_or_told_as_all_else(session: Session) -> None:
    keys = [session.refs.insert(value) for value in (Unhashed(), Another(), [Another()], "x")]
    assert [failure.key for failure in refused(session)] == list(map(redacted, keys[1:3]))
    snapshot = take_quietly(session, SessionPausePolicy.PICKLE_OR_DROP)
    assert [ref.how for ref in snapshot.refs] == ["serializer", "pickle"]
    with Session.resume(snapshot) as resumed:
        assert type(resumed.refs[keys[0]]) is Unhashed


class Claiming(bytes):
    """Bytes that claim to be none."""

    def __len__(self) -> int:
        return 0


class Claimed:
    """What becomes such bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data


register_serializer("tests.policies.claimed", Claimed, lambda value: Claiming(value.data), Claimed)


def test_the_bytes_of_a_serializer_are_counted_and_not_asked(session: Session) -> None:
    key = session.refs.insert(Claimed(b"abc"))
    data = session.snapshot().to_bytes()
    with Session.resume(SessionSnapshot.from_bytes(data, trusted=True)) as resumed:
        assert resumed.refs[key].data == b"abc"


def test_where_memory_is_short_for_all_none_is_dropped(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def dump(_values: object, _stand_ins: object) -> NoReturn:
        raise MemoryError

    session.refs.insert(["hours of work"])
    session.refs.insert(Box())
    monkeypatch.setattr(_capture, "dump_stream", dump)
    with pytest.raises(MemoryError):
        session.snapshot(policy=SessionPausePolicy.PICKLE_OR_DROP)


EVIL = type("\x1b[31mEVIL\nforged line\u202e", (), {"__getstate__": lambda _self: fail_to_pickle()})


def fail_to_pickle() -> NoReturn:
    raise type("\x1bWorse", (Exception,), {})


@pytest.mark.parametrize("policy", POLICIES)
def test_no_name_from_outside_steers_a_terminal_or_forges_a_line(session: Session, policy: SessionPausePolicy) -> None:
    key = session.refs.insert(EVIL())
    texts: list[str] = []
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            snapshot = session.snapshot(policy=policy)
        except SessionRefsNotSerializableError as error:
            texts += [str(error), *(failure.type_tag for failure in error.failures)]
        else:
            with Session.resume(snapshot) as resumed, pytest.raises(RefDroppedError) as caught:
                resumed.refs.get(key)
            texts += [str(caught.value), *(row.type_tag + row.reason for row in snapshot.dropped)]
    texts += [str(warning.message) for warning in warned]
    assert texts
    assert all(text.isprintable() and "EVIL" in text for text in texts)


# What lasts until a snapshot


@pytest.mark.parametrize("lifetime", RefLifetime)
@pytest.mark.parametrize("policy", [policy for policy in POLICIES if policy is not SessionPausePolicy.HARD_ERROR])
def test_a_snapshot_that_succeeds_purges_what_lasts_until_it(
    session: Session, lifetime: RefLifetime, policy: SessionPausePolicy, take: Take
) -> None:
    done: list[object] = []
    blob = Blob(b"x")
    key = session.refs.insert(blob, lifetime=lifetime, finalizer=done.append)
    snapshot = take_quietly(session, policy, take)
    if lifetime is RefLifetime.UNTIL_SNAPSHOT:
        assert done == [blob]
        assert snapshot.refs == snapshot.dropped == snapshot.expected == []
        with pytest.raises(RefReleasedError, match="purged by a snapshot"):
            session.refs.get(key)
    else:
        assert done == []
        assert session.refs[key] is blob
        listed = [ref.key for ref in (*snapshot.refs, *snapshot.dropped, *snapshot.expected)]
        assert listed == [redacted(key)]
        assert (snapshot.expected == []) == (lifetime is not EXPLICIT)


@pytest.mark.parametrize("lifetime", RefLifetime)
def test_a_borrowing_childs_snapshot_is_of_the_shared_registry(lifetime: RefLifetime) -> None:
    with Session() as parent, parent.child() as child:
        parent.refs.insert("parent's", lifetime=lifetime)
        child.refs.insert("child's", lifetime=lifetime)
        snapshot = child.snapshot()
        purged = lifetime is RefLifetime.UNTIL_SNAPSHOT
        assert len(snapshot.refs) + len(snapshot.expected) == (0 if purged else 2)
        assert len(parent.refs) == (0 if purged else 2)
        parent.refs.drain()


@pytest.mark.parametrize("lifetime", RefLifetime)
def test_an_isolated_childs_snapshot_is_its_own(lifetime: RefLifetime) -> None:
    with Session() as parent, parent.child(isolated=True) as child:
        theirs = parent.refs.insert("parent's", lifetime=lifetime)
        own = child.refs.insert("child's", lifetime=lifetime)
        snapshot = child.snapshot()
        assert theirs in parent.refs
        if lifetime is RefLifetime.UNTIL_SNAPSHOT:
            assert own not in child.refs
        else:
            assert [ref.key for ref in (*snapshot.refs, *snapshot.expected)] == [redacted(own)]
        child.refs.drain()
        parent.refs.drain()


def test_purged_refs_go_last_in_first_out_and_a_failing_finalizer_is_a_warning(session: Session, take: Take) -> None:
    done: list[object] = []

    def fail(value: object) -> NoReturn:
        done.append(value)
        raise ValueError(SECRET)

    for name in ("a", "b", "c"):
        finalizer = fail if name == "b" else done.append
        session.refs.insert(name, lifetime=RefLifetime.UNTIL_SNAPSHOT, finalizer=finalizer)
    kept = session.refs.insert(Box())
    with pytest.warns(RuntimeWarning, match=r"1 finalizers? failed.*ValueError") as warned:
        snapshot = take(session)
    assert done == ["c", "b", "a"]
    assert SECRET not in str(warned[0].message)
    assert warned[0].filename == __file__
    assert [ref.key for ref in snapshot.refs] == [redacted(kept)]


def test_an_asynchronous_finalizer_of_a_purged_ref_is_told(session: Session) -> None:
    async def close(_value: object) -> None: ...

    session.refs.insert("x", lifetime=RefLifetime.UNTIL_SNAPSHOT, finalizer=close)
    with pytest.warns(RuntimeWarning, match="TypeError"):
        session.snapshot()


def test_an_interrupt_in_a_finalizer_of_a_purged_ref_is_raised(session: Session) -> None:
    done: list[object] = []

    def interrupt(_value: object) -> NoReturn:
        raise KeyboardInterrupt

    session.refs.insert("x", lifetime=RefLifetime.UNTIL_SNAPSHOT, finalizer=done.append)
    session.refs.insert("y", lifetime=RefLifetime.UNTIL_SNAPSHOT, finalizer=interrupt)
    with pytest.raises(KeyboardInterrupt):
        session.snapshot()
    assert done == ["x"]


def test_dropped_refs_are_told_after_failing_finalizers(session: Session) -> None:
    def fail(_value: object) -> NoReturn:
        raise ValueError

    session.refs.insert("x", lifetime=RefLifetime.UNTIL_SNAPSHOT, finalizer=fail)
    session.refs.insert(threading.Lock())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        session.snapshot(policy=SessionPausePolicy.PICKLE_OR_DROP)
    assert [warning.category for warning in caught] == [RuntimeWarning, RefDroppedWarning]


def test_what_lasts_until_a_snapshot_is_no_reason_to_refuse_one(session: Session) -> None:
    session.refs.insert(threading.Lock(), lifetime=RefLifetime.UNTIL_SNAPSHOT)
    assert session.snapshot(policy=SessionPausePolicy.HARD_ERROR).refs == []


# What outlives the run


def test_hard_error_passes_with_nothing_but_expected_refs(session: Session, take: Take) -> None:
    bare = session.refs.insert(threading.Lock(), lifetime=EXPLICIT)
    reopenable = session.refs.open(open_handle.recipe("pool"), lifetime=EXPLICIT)
    snapshot = take(session, policy=SessionPausePolicy.HARD_ERROR)
    assert [ref.key for ref in snapshot.expected] == [redacted(bare), redacted(reopenable)]
    assert snapshot.refs == snapshot.dropped == []


def test_of_two_recipes_of_one_object_the_first_is_kept(session: Session) -> None:
    handle = Handle("db")
    keys = [session.refs.insert(handle, reopen=open_handle.recipe(name)) for name in ("first", "second")]
    with Session.resume(session.snapshot()) as resumed:
        assert [resumed.refs[key].name for key in keys] == ["first", "first"]


def test_hard_error_names_all_that_would_be_captured_and_no_more(session: Session) -> None:
    session.refs.insert(threading.Lock(), lifetime=EXPLICIT)
    keys = [session.refs.insert(Box()), with_recipe(session), session.refs.insert(threading.Lock())]
    failures = refused(session, policy=SessionPausePolicy.HARD_ERROR)
    assert [failure.key for failure in failures] == list(map(redacted, keys))
    assert {failure.reason for failure in failures} == {"the policy captures nothing"}


def test_a_header_names_the_type_tags_of_the_refs_that_it_holds_alone(session: Session) -> None:
    session.refs.insert(lambda: None)
    session.refs.insert([1])
    with pytest.warns(RefDroppedWarning, match="function"):
        snapshot = session.snapshot(policy=SessionPausePolicy.PICKLE_OR_DROP)
    assert snapshot._contents.tag_names == ["builtins:list"]
    assert [ref.type_tag for ref in snapshot.refs] == ["builtins:list"]
    assert [ref.type_tag for ref in snapshot.dropped] == ["builtins:function"]


def test_an_object_that_the_interpreter_shares_takes_no_lifetime_and_recipe_of_another_ref(session: Session) -> None:
    """Two refs of None are not two keys of one object."""
    session.refs.insert(None, lifetime=EXPLICIT)
    session.refs.insert("name", reopen=open_handle.recipe("x"))  # type: ignore[arg-type]
    keys = [session.refs.insert(None), session.refs.insert("name")]
    snapshot = session.snapshot()
    assert len(snapshot.expected) == 1
    assert [ref.how for ref in snapshot.refs] == ["recipe", "pickle", "pickle"]
    with Session.resume(snapshot) as resumed:
        assert [resumed.refs[key] for key in keys] == [None, "name"]


# Which code runs


def test_a_snapshot_under_serialize_or_error_holds_no_pickle(session: Session) -> None:
    with_recipe(session)
    data = session.snapshot(policy=SessionPausePolicy.SERIALIZE_OR_ERROR).to_bytes()
    assert b"\x80\x05" not in data


class Meddler(Box):
    """Changes the registry while it is pickled."""

    session: Session

    def __getstate__(self) -> dict[str, object]:
        for key in self.session.refs.keys():
            self.session.refs.release(key)
        self.session.refs.insert(threading.Lock())
        return {"content": self.content}


def test_an_object_whose_pickling_changes_the_registry_changes_no_snapshot(session: Session) -> None:
    meddler = Meddler(1)
    Meddler.session = session
    keys = [session.refs.insert(Box("first")), session.refs.insert(meddler), session.refs.insert(Box("last"))]
    snapshot = session.snapshot()
    assert [ref.key for ref in snapshot.refs] == list(map(redacted, keys))
    assert len(session.refs) == 1


def test_serializers_and_pickles_are_made_when_the_snapshot_is_taken(session: Session) -> None:
    box = Box("before")
    key = session.refs.insert(box)
    box.content = "at the pause"
    snapshot = session.snapshot()
    box.content = "after"
    with Session.resume(snapshot) as resumed:
        assert resumed.refs[key].content == "at the pause"


# What is no session


def test_an_ended_session_takes_no_snapshot(take: Take) -> None:
    session = Session()
    session.close()
    with pytest.raises(RegistryClosedError, match="the registry is closed"):
        take(session)


@pytest.mark.parametrize("policy", ["warn_drop", 1, SessionPausePolicy])
def test_a_policy_is_one(session: Session, policy: object, take: Take) -> None:
    session.refs.insert("x", lifetime=RefLifetime.UNTIL_SNAPSHOT)
    with pytest.raises(InvalidArgumentError, match="policy must be a SessionPausePolicy"):
        take(session, policy=policy)
    session.policy = policy  # type: ignore[assignment]
    with pytest.raises(InvalidArgumentError, match="policy must be a SessionPausePolicy"):
        take(session)
    assert len(session.refs) == 1


def test_an_empty_session_has_an_empty_snapshot(session: Session, take: Take) -> None:
    snapshot = take(session)
    assert snapshot.refs == snapshot.dropped == snapshot.expected == []
    with Session.resume(snapshot) as resumed:
        assert resumed.refs.is_empty()
