"""Owners: to anyone else an owned ref does not exist."""

from __future__ import annotations

import asyncio
import gc
import pickle
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pydantic
import pytest

from liveref import (
    CapacityExceededError,
    DuplicateKeyError,
    InvalidArgumentError,
    NoCurrentRegistryError,
    RefDroppedError,
    RefDroppedWarning,
    RefExpiredError,
    RefLookupError,
    RefNotFoundError,
    RefReleasedError,
    RegistryKey,
    Session,
    SessionPausePolicy,
    SessionRefRegistry,
    SessionSnapshot,
    acting_as,
    bind,
    current_owner,
)
from liveref.integrations import pickle as pickles
from liveref.jsonable import decode, encode

ANN, BOB = ("iss=a", "sub=ann"), "bob"


class Thing:
    """A live object."""


@pytest.fixture
def refs() -> Iterator[SessionRefRegistry]:
    registry = SessionRefRegistry()
    yield registry
    registry.close()


@pytest.fixture
def key(refs: SessionRefRegistry) -> RegistryKey[Thing]:
    with acting_as(ANN):
        return refs.insert(Thing())


def test_who_acts_is_known_inside_alone() -> None:
    assert current_owner() is None
    with acting_as(ANN):
        with acting_as(BOB):
            assert current_owner() == BOB
        with acting_as(None):
            assert current_owner() is None
        assert current_owner() == ANN
    assert current_owner() is None


@pytest.mark.parametrize(
    "wrong", ["", (), ("a", ""), ("a", 1), ("a", ("b",)), 5, b"x", ["a"], True, "\ud800", ("a", "\udfff")]
)
def test_what_is_no_owner_is_refused(refs: SessionRefRegistry, wrong: Any) -> None:
    calls: list[Callable[[], object]] = [
        lambda: acting_as(wrong),
        lambda: refs.insert([1], owner=wrong),
        lambda: refs.drain(owner=wrong),
    ]
    for call in calls:
        with pytest.raises(InvalidArgumentError, match="owner"):
            call()
    assert refs.is_empty()


VERBS: dict[str, Callable[[SessionRefRegistry, RegistryKey[Any]], object]] = {
    "get": lambda refs, key: refs.get(key),
    "get hint": lambda refs, key: refs.get(key, Thing),
    "[]": lambda refs, key: refs[key],
    "get_any": lambda refs, key: refs.get_any(key),
    "typed": lambda refs, key: refs.typed(Thing).get(key),
    "verify": lambda refs, key: refs.verify(key),
    "borrow": lambda refs, key: refs.borrow(key).__enter__(),
    "lifetime_of": lambda refs, key: refs.lifetime_of(key),
    "remove": lambda refs, key: refs.remove(key),
    "clone_ref": lambda refs, key: refs.clone_ref(key),
    "transfer_ref": lambda refs, key: refs.transfer_ref(key, SessionRefRegistry()),
    "renew": lambda refs, key: refs.renew(key),
    "decode": lambda refs, key: decode(encode(key), registry=refs) and refs[key],
    "pickle": lambda refs, key: pickles.loads(pickles.dumps(key), registry=refs) and refs[key],
    "text": lambda refs, key: refs[RegistryKey.parse(str(key), Thing)],
    "marker": lambda refs, key: refs[RegistryKey.read(key.to_marker(typed=True), Thing)],
    "field": lambda refs, key: refs[Model(key=key.to_marker()).key],  # type: ignore[arg-type]
}


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    key: RegistryKey[Thing]


@pytest.mark.parametrize("who", [BOB, None, ("iss=a",), ("iss=a", "sub=ann", "x")], ids=str)
@pytest.mark.parametrize("verb", VERBS)
def test_to_a_stranger_it_is_an_unknown_key_byte_for_byte(
    refs: SessionRefRegistry, key: RegistryKey[Thing], verb: str, who: Any
) -> None:
    unknown = RegistryKey.parse(str(key), Thing)
    elsewhere = SessionRefRegistry()
    for _ in range(len(refs) if who is None else 0):
        elsewhere.insert([1])
    with acting_as(who):
        with pytest.raises(RefNotFoundError) as expected:
            VERBS["get"](elsewhere, unknown)
        with pytest.raises(RefNotFoundError) as caught:
            VERBS[verb](refs, key)
        assert str(caught.value) == str(expected.value)
        assert caught.value.args == expected.value.args
        assert key not in refs
        assert not refs.release(key)
        assert not asyncio.run(refs.arelease(key))
        assert refs.get(key, default=5) == 5
    with acting_as(ANN):
        assert isinstance(refs[key], Thing)


def test_its_owner_finds_it_by_every_verb(refs: SessionRefRegistry) -> None:
    for verb, call in VERBS.items():
        with acting_as(ANN):
            key = refs.insert(Thing())
            call(refs, key)
            assert (key in refs) is (verb not in {"remove", "transfer_ref"})
        refs.drain()


def test_what_was_an_owners_was_never_there_to_others(refs: SessionRefRegistry) -> None:
    clock = [0.0]
    leased = SessionRefRegistry(clock=lambda: clock[0])
    with acting_as(ANN):
        released, expired = refs.insert([1]), leased.insert([1], ttl=1)
        refs.release(released)
        clock[0] = 1.0
        with pytest.raises(RefExpiredError):
            leased[expired]
        with pytest.raises(RefReleasedError):
            refs[released]
    for who in (BOB, None):
        with acting_as(who):
            for registry, gone in ((refs, released), (leased, expired)):
                with pytest.raises(RefLookupError) as caught:
                    registry[gone]
                assert type(caught.value) is RefNotFoundError


def test_an_explicit_owner_and_none(refs: SessionRefRegistry) -> None:
    with acting_as(ANN):
        bobs, nobodys = refs.insert([1], owner=BOB), refs.insert([2], owner=None)
        assert bobs not in refs
        assert refs[nobodys] == [2]
    with acting_as(BOB):
        assert refs[bobs] == [1]
        assert refs[nobodys] == [2]


def test_keys_and_describe_give_what_may_be_looked_up(refs: SessionRefRegistry, key: RegistryKey[Thing]) -> None:
    plain, bobs = refs.insert([1]), refs.insert([2], owner=BOB)
    with acting_as(ANN):
        assert refs.keys() == [key, plain] == list(refs)
        assert [info.owner for info in refs.describe()] == [ANN, None]
    with acting_as(BOB):
        assert refs.keys() == [plain, bobs]
    assert refs.keys() == [key, plain, bobs]
    assert refs.stats().by_owner == {ANN: 1, None: 1, BOB: 1}
    assert len(refs) == 3


def test_the_count_in_the_error_is_of_what_may_be_seen(refs: SessionRefRegistry, key: RegistryKey[Thing]) -> None:
    refs.insert([1])
    for who, count in ((ANN, 2), (BOB, 1), (None, 2)):
        with acting_as(who), pytest.raises(RefNotFoundError, match=rf"it holds {count}\)"):
            refs[RegistryKey.new()]
    with acting_as(ANN):
        refs.release(key)
        with pytest.raises(RefNotFoundError, match=r"it holds 1\)"):
            refs[RegistryKey.new()]


def test_a_ref_whose_finalizer_raises_leaves_nothing_behind(refs: SessionRefRegistry) -> None:
    def fail(_value: object) -> None:
        raise ValueError

    def end(how: int, key: RegistryKey[Thing]) -> object:
        match how % 3:
            case 0:
                return refs.release(key)
            case 1:
                return refs.drain()
            case _:
                return asyncio.run(refs.arelease(key))

    gone = list[weakref.ref[object]]()
    for turn in range(90):
        with acting_as(f"user {turn}"):
            key = refs.insert(Thing(), ttl=1000, finalizer=fail)
            gone.append(weakref.ref(key))
            with pytest.raises((ValueError, ExceptionGroup)):
                end(turn, key)
            del key
    refs.insert("of nobody")
    with acting_as(ANN), pytest.raises(RefNotFoundError, match=r"it holds 1\)"):
        refs.get(RegistryKey.new())
    gc.collect()
    assert sum(key() is not None for key in gone) < 40  # the rows of a few are thrown away together


@pytest.mark.parametrize("is_moved", [False, True])
def test_a_finalizer_that_runs_for_room_may_wait_for_another_thread_that_inserts(*, is_moved: bool) -> None:
    def insert_elsewhere(_value: str) -> None:
        thread = threading.Thread(target=refs.insert, args=["z"], kwargs={"owner": BOB}, daemon=True)
        thread.start()
        thread.join(5)
        waited.append(thread.is_alive())

    now, waited = [0.0], list[bool]()
    refs, other = SessionRefRegistry(per_owner=1, clock=lambda: now[0]), SessionRefRegistry()
    refs.insert("x", ttl=5, owner=ANN, finalizer=insert_elsewhere)
    now[0] = 5.0
    with acting_as(ANN):
        if is_moved:
            other.transfer_ref(other.insert("y"), refs)
        else:
            refs.insert("y")
    assert waited == [False]
    assert refs.stats().by_owner == {ANN: 1, BOB: 1}


def test_clones_and_transfers_keep_the_owner(refs: SessionRefRegistry, key: RegistryKey[Thing]) -> None:
    other = SessionRefRegistry()
    with acting_as(ANN):
        clone = refs.clone_ref(key)
        refs.transfer_ref(key, other)
        assert key in other
    with acting_as(BOB):
        assert clone not in refs
        assert key not in other
    other.close()


def test_a_transfer_onto_a_key_that_the_target_holds_is_a_duplicate(key: RegistryKey[Thing]) -> None:
    here, there = SessionRefRegistry(), SessionRefRegistry()
    session, again = Session(), Session()
    with acting_as(ANN):
        mine = session.refs.insert([1])
        snapshot = session.snapshot()
        again = Session.resume(snapshot)
        with pytest.raises(DuplicateKeyError):
            session.refs.transfer_ref(mine, again.refs)
        assert session.refs[mine] == [1]
    for each in (here, there, session, again):
        each.close()


def test_owned_registries_take_nothing_of_nobodys() -> None:
    refs, plain = SessionRefRegistry(owned=True), SessionRefRegistry()
    nobodys = plain.insert([1])
    calls: list[Callable[[], object]] = [
        lambda: refs.insert([1]),
        lambda: refs.insert([1], owner=None),
        lambda: refs.enter_context(memoryview(b"x")),
        lambda: plain.transfer_ref(nobodys, refs),
    ]
    for call in calls:
        with pytest.raises(InvalidArgumentError, match="owned=True"):
            call()
    with pytest.raises(InvalidArgumentError, match="owner must be passed, or that of `with acting_as"):
        refs.insert([1])
    with acting_as(ANN):
        key = refs.insert([1])
        assert refs[key] == [1]
    assert plain[nobodys] == [1]
    refs.close()
    plain.close()


def test_one_owner_has_no_more_than_its_share() -> None:
    clock = [0.0]
    refs = SessionRefRegistry(per_owner=2, clock=lambda: clock[0])
    with acting_as(ANN):
        first, second = refs.insert([1]), refs.insert([2], ttl=5)
        with pytest.raises(CapacityExceededError, match=r"this owner holds its 2 refs already.*per_owner="):
            refs.insert([3])
        with pytest.raises(CapacityExceededError):
            refs.clone_ref(first)
    with acting_as(BOB):
        bobs = refs.insert([4])
        refs.insert([5])
    nobodys = [refs.insert([6]) for _ in range(5)]
    with acting_as(ANN):
        clock[0] = 5.0
        third = refs.insert([3])
        assert refs.keys()[0] is not second
        refs.release(third)
        refs.insert([7])
    other = SessionRefRegistry()
    with acting_as(BOB):
        moved = other.insert([8])
        with pytest.raises(CapacityExceededError):
            other.transfer_ref(moved, refs)
        assert other[moved] == [8]
        refs.release(bobs)
        other.transfer_ref(moved, refs)
        assert refs[moved] == [8]
    assert len(nobodys) == 5
    refs.close()


def test_a_share_is_exact_under_threads(switch_often: None) -> None:
    refs = SessionRefRegistry(per_owner=10)
    failures = list[object]()

    def insert() -> None:
        with acting_as(ANN):
            for _ in range(20):
                try:
                    refs.insert([1])
                except CapacityExceededError as error:
                    failures.append(error)

    threads = [threading.Thread(target=insert) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(refs) == 10
    assert len(failures) == 150
    refs.close()


def test_what_went_unnoticed_frees_its_place_in_the_share() -> None:
    refs = SessionRefRegistry(per_owner=1)
    with acting_as(ANN):
        key = refs.insert([1])
        refs._refs.pop(key._id + b"\0")  # as where an interrupt came between
        assert refs[refs.insert([2])] == [2]
    refs.close()


def test_a_drain_of_one_owner_leaves_the_others(refs: SessionRefRegistry, key: RegistryKey[Thing]) -> None:
    plain, bobs = refs.insert([1]), refs.insert([2], owner=BOB)
    assert refs.drain(owner=ANN) == 1
    assert refs.keys() == [plain, bobs]
    assert asyncio.run(refs.adrain(owner=BOB)) == 1
    assert refs.drain(owner=None) == 1
    assert refs.is_empty()


def test_bind_carries_who_acts() -> None:
    with pytest.raises(NoCurrentRegistryError):
        bind(current_owner)
    with ThreadPoolExecutor(1) as pool:
        with acting_as(ANN):
            assert pool.submit(bind(current_owner)).result() == ANN
            assert pool.submit(current_owner).result() is None
        with Session() as session, acting_as(BOB):
            key = session.refs.insert([1])
            assert pool.submit(bind(lambda: session.refs[key])).result() == [1]


def test_objects_are_looked_for_among_what_may_be_seen(refs: SessionRefRegistry) -> None:
    thing = Thing()
    with acting_as(ANN):
        key = refs.insert(thing)
        assert encode([thing], registry=refs, live=(Thing,)) == [key.to_marker(typed=True)]
    with acting_as(BOB):
        (marker,) = encode([thing], registry=refs, live=(Thing,))  # type: ignore[misc]
        assert marker != key.to_marker(typed=True)
        bobs = RegistryKey.from_marker(marker, Thing)
        assert refs[bobs] is thing
    assert encode([thing], registry=refs, live=(Thing,)) == [key.to_marker(typed=True)]


def test_an_isolated_childs_lookup_in_its_parent_obeys() -> None:
    with Session() as session:
        with acting_as(ANN):
            key = session.refs.insert([1])
        child = session.child(isolated=True)
        with acting_as(BOB), pytest.raises(RefNotFoundError):
            child.refs[key]
        with acting_as(ANN):
            assert child.refs[key] == [1]
        child.close()


def test_owners_survive_snapshots_and_droppings_are_told_to_them_alone() -> None:
    with Session(policy=SessionPausePolicy.PICKLE_OR_DROP) as session:
        with acting_as(ANN):
            key, lost = session.refs.insert([1]), session.refs.insert(threading.Lock())
        with acting_as(BOB):
            bobs = session.refs.insert([2])
        with pytest.warns(RefDroppedWarning):
            data = session.snapshot().to_bytes()
    again = Session.resume(SessionSnapshot.from_bytes(data, trusted=True))
    with acting_as(ANN):
        assert again.refs[key] == [1]
        assert bobs not in again.refs
        with pytest.raises(RefDroppedError):
            again.refs[lost]
    with acting_as(BOB):
        assert again.refs[bobs] == [2]
        with pytest.raises(RefLookupError) as caught:
            again.refs[lost]
        assert type(caught.value) is RefNotFoundError
    again.close()


def test_the_end_sees_all(refs: SessionRefRegistry) -> None:
    closed = list[str]()
    with Session() as session:
        with acting_as(ANN):
            session.refs.insert("x", finalizer=closed.append)
        session.refs.insert("y", finalizer=closed.append, ttl=50)
    assert closed == ["y", "x"]


def test_an_insert_is_slow_once_somebody_has_acted_and_right() -> None:
    with acting_as(ANN):
        refs = SessionRefRegistry()
        keys = [refs.insert(number) for number in range(5)]
    assert all(key not in refs for key in keys)
    plain = refs.insert(1)
    assert plain in refs
    assert len({str(key) for key in [*keys, plain]}) == 6
    refs.close()


def test_info_of_an_owned_ref_pickles(refs: SessionRefRegistry, key: RegistryKey[Thing]) -> None:
    told = refs.describe()
    assert pickle.loads(pickle.dumps(told)) == told
    assert refs.describe()[0].owner == ANN
    assert refs.describe()[0].expires_in is None
