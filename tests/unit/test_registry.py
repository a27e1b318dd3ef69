"""The registry as one thread uses it: to store, look up, remove, release, drain, clone, transfer."""

from __future__ import annotations

import abc
import contextlib
import copy
import gc
import io
import pickle
import re
import sqlite3
import subprocess
import sys
import time
import warnings
import weakref
from collections.abc import Iterator
from typing import NoReturn, TextIO

import pytest

import liveref
from liveref import (
    MAX_SESSION_REFS_PER_RUN,
    CapacityExceededError,
    DuplicateKeyError,
    HintError,
    InvalidArgumentError,
    RefLifetime,
    RefNotFoundError,
    RefReleasedError,
    RefTypeError,
    RegistryClosedError,
    RegistryKey,
    ReopenError,
    Session,
    SessionRefRegistry,
    reopener,
)
from liveref._registry.entry import Entry


class Thing:
    """An object that can be weakly referenced."""


class Secret(str):
    """A text whose repr must never be asked for."""

    __slots__ = ()

    def __repr__(self) -> NoReturn:
        raise AssertionError("the repr of a live object was asked for")


@pytest.fixture
def registry() -> Iterator[SessionRefRegistry]:
    made = SessionRefRegistry()
    yield made
    made.close()


def test_get_gives_the_object_itself(registry: SessionRefRegistry) -> None:
    thing = Thing()
    key = registry.insert(thing)
    assert registry.get(key) is thing
    assert registry[key] is thing
    assert registry.get_any(key) is thing
    assert registry.get(RegistryKey.parse(str(key), Thing)) is thing


def test_an_insert_without_a_hint_has_the_type_of_the_value(registry: SessionRefRegistry) -> None:
    assert registry.insert(True).hint is bool
    assert registry.insert(sqlite3.connect(":memory:"), finalizer=sqlite3.Connection.close).hint is sqlite3.Connection


def test_an_insert_with_a_hint_has_that_hint(registry: SessionRefRegistry) -> None:
    assert registry.insert(None, int | None).hint == int | None
    assert registry.insert([1], list[int]).hint == list[int]


def test_a_value_of_another_type_is_not_stored(registry: SessionRefRegistry) -> None:
    with pytest.raises(RefTypeError, match=r"insert: expected list\[int\], found list with str at \[999\]"):
        registry.insert([1] * 999 + ["x"], list[int])
    assert registry.is_empty()


@pytest.mark.parametrize("hint", ["int", 5, [int]])
def test_a_hint_that_is_none_is_refused_and_nothing_stored(registry: SessionRefRegistry, hint: object) -> None:
    with pytest.raises(HintError):
        registry.insert(1, hint)  # type: ignore[call-overload]
    assert registry.is_empty()


def test_every_lookup_checks_the_type(registry: SessionRefRegistry) -> None:
    key = registry.insert(1)
    wrong = RegistryKey.parse(str(key), str)
    for look_up in (registry.get, registry.__getitem__, registry.verify, registry.remove, registry.clone_ref):
        with pytest.raises(RefTypeError, match=r"expected str, found int.*isinstance"):
            look_up(wrong)
    with pytest.raises(RefTypeError):
        registry.get(wrong, default=None)
    with pytest.raises(RefTypeError):
        registry.transfer_ref(wrong, SessionRefRegistry())
    assert registry.keys() == [key]


def test_an_explicit_downcast_checks_the_hint_instead(registry: SessionRefRegistry) -> None:
    key = RegistryKey.parse(str(registry.insert([1])))
    assert registry.get(key, list[int]) == [1]
    with pytest.raises(RefTypeError, match=r"expected list\[str\]"):
        registry.get(key, list[str])
    with pytest.raises(HintError):
        registry.get(key, "list[int]")  # type: ignore[call-overload]


def test_default_stands_in_for_what_is_not_there(registry: SessionRefRegistry) -> None:
    key = registry.insert(1)
    assert registry.get(key, default=None) == 1
    registry.release(key)
    assert registry.get(key, default=None) is None
    assert registry.get(RegistryKey.new(int), default="none") == "none"
    assert registry.get(RegistryKey.new(), int, default=7) == 7
    with pytest.raises(RefTypeError):
        registry.get("no key", default=None)  # type: ignore[call-overload]


@pytest.mark.parametrize("key", ["3f2a1c00-0000-4000-8000-000000000000", None, 5, {"__blazen_session_ref__": "x"}])
def test_what_is_no_key_is_told_so(registry: SessionRefRegistry, key: object) -> None:
    calls = (registry.get, registry.__getitem__, registry.get_any, registry.verify, registry.remove)
    calls += (registry.release, registry.clone_ref, registry.lifetime_of, registry.__contains__)
    for call in calls:
        with pytest.raises(RefTypeError, match=r"expected a RegistryKey, found .*RegistryKey\.parse"):
            call(key)


def test_a_key_of_elsewhere_is_not_found(registry: SessionRefRegistry) -> None:
    key = SessionRefRegistry().insert(1)
    with pytest.raises(RefNotFoundError, match=r"no ref [0-9a-f]{6}… in this registry \(it holds 0\)"):
        registry.get(key)


@pytest.mark.parametrize(
    ("go", "how"),
    [
        (lambda registry, key: registry.remove(key), "removed"),
        (lambda registry, key: registry.release(key), "released"),
        (lambda registry, key: registry.drain(), "drained"),
        (lambda registry, key: registry.close(), "registry closed"),
        (lambda registry, key: registry.transfer_ref(key, SessionRefRegistry()), "transferred"),
    ],
    ids=["remove", "release", "drain", "close", "transfer"],
)
def test_a_ref_that_has_gone_says_how(registry: SessionRefRegistry, go: object, how: str) -> None:
    key = registry.insert(1)
    go(registry, key)  # type: ignore[operator]
    for look_up in (registry.get, registry.get_any, registry.verify, registry.remove, registry.lifetime_of):
        with pytest.raises(RefReleasedError, match=how):
            look_up(key)
    assert key not in registry


def test_the_last_ten_thousand_departures_are_remembered(registry: SessionRefRegistry) -> None:
    first, second = registry.insert(1), registry.insert(2)
    registry.release(first)
    registry.release(second)
    for _ in range(9_999):
        registry.release(registry.insert(0))
    with pytest.raises(RefNotFoundError):
        registry.get(first)
    with pytest.raises(RefReleasedError):
        registry.get(second)


def test_remove_hands_the_object_over_without_its_finalizer(registry: SessionRefRegistry) -> None:
    done: list[object] = []
    assert registry.remove(registry.insert("x", finalizer=done.append)) == "x"
    assert registry.is_empty()
    assert done == []


def test_release_runs_the_finalizer_once_and_says_whether_it_was_there(registry: SessionRefRegistry) -> None:
    done: list[object] = []
    key = registry.insert("x", finalizer=done.append)
    assert registry.release(key)
    assert not registry.release(key)
    assert not registry.release(RegistryKey.new())
    assert done == ["x"]


def test_a_released_key_keeps_nothing_alive(registry: SessionRefRegistry) -> None:
    thing = Thing()
    gone = weakref.ref(thing)
    keys = [registry.insert(thing), registry.insert(thing), registry.insert(thing)]
    del thing
    registry.release(keys[0])
    registry.remove(keys[1])
    registry.drain()
    assert gone() is None


def test_a_collected_registry_keeps_nothing_alive_through_its_keys() -> None:
    thing = Thing()
    gone = weakref.ref(thing)
    key = SessionRefRegistry().insert(thing)
    del thing
    gc.collect()
    assert gone() is None
    assert key.hint is Thing


def test_drain_releases_last_in_first_out_and_counts(registry: SessionRefRegistry) -> None:
    done: list[object] = []
    for value in range(5):
        registry.insert(value, finalizer=done.append)
    registry.insert("plain")
    assert registry.drain() == 6
    assert done == [4, 3, 2, 1, 0]
    assert registry.drain() == 0
    registry.insert("a drained registry takes refs")


def test_close_is_idempotent_and_refuses_inserts() -> None:
    registry = SessionRefRegistry()
    other = SessionRefRegistry()
    key = registry.insert(1)
    registry.close()
    registry.close()
    for insert in (
        lambda: registry.insert(1),
        lambda: registry.insert(1, int),
        lambda: registry.insert(1, finalizer=print),
        lambda: registry.typed(int).insert(1),
        lambda: registry.enter_context(io.BytesIO()),
        lambda: registry.open(_RECIPE),
        lambda: other.transfer_ref(other.insert(1), registry),
    ):
        with pytest.raises(RegistryClosedError, match="nothing was stored"):
            insert()
    assert registry.is_empty()
    assert len(other) == 1
    with pytest.raises(RefReleasedError):
        registry.get(key)


def test_contextlib_closing_makes_it_a_context_manager() -> None:
    done: list[object] = []
    with contextlib.closing(SessionRefRegistry()) as registry:
        registry.insert(1, finalizer=done.append)
    assert done == [1]
    assert not hasattr(registry, "__enter__")


@pytest.mark.parametrize("capacity", [0, -1, True, 1.0, "10", None])
def test_a_capacity_that_is_none_is_refused(capacity: object) -> None:
    with pytest.raises(InvalidArgumentError, match="capacity must be an int of at least 1"):
        SessionRefRegistry(capacity=capacity)  # type: ignore[arg-type]


@pytest.mark.parametrize("capacity", [1, MAX_SESSION_REFS_PER_RUN, 10**30])
def test_any_capacity_of_at_least_one_is_taken(capacity: int) -> None:
    registry = SessionRefRegistry(capacity=capacity)
    registry.insert(1)
    assert registry.capacity == capacity


@pytest.mark.parametrize("capacity", [1, 2, 63, 64, 65, 200])
def test_the_cap_is_exact(capacity: int) -> None:
    registry = SessionRefRegistry(capacity=capacity)
    keys = [registry.insert(value) for value in range(capacity)]
    for _ in range(3):
        with pytest.raises(CapacityExceededError, match=rf"holds its {capacity} refs? already: nothing was stored"):
            registry.insert("too much")
        with pytest.raises(CapacityExceededError):
            registry.clone_ref(keys[-1])
        assert len(registry) == capacity
        registry.release(keys.pop())
        keys.append(registry.insert("fits again"))
    registry.drain()
    assert [registry.insert(value) for value in range(capacity)]


def test_a_context_manager_over_the_cap_is_left_again() -> None:
    registry = SessionRefRegistry(capacity=1)
    registry.insert(1)
    file = io.BytesIO()
    with pytest.raises(CapacityExceededError):
        registry.enter_context(file)
    assert file.closed


class Lock:
    """A context manager that notes how it was left."""

    def __init__(self, *, swallow: bool = False) -> None:
        self.left: list[object] = []
        self.swallow = swallow

    def __enter__(self) -> str:
        return "locked"

    def __exit__(self, kind: object, error: object, traceback: object) -> bool:
        self.left.append(error)
        return self.swallow


def test_an_entered_context_is_left_when_its_ref_goes(registry: SessionRefRegistry) -> None:
    lock = Lock()
    key = registry.enter_context(lock)
    assert registry[key] == "locked"
    registry.release(key)
    assert lock.left == [None]


@pytest.mark.parametrize("cm", [None, 5, object(), Thing])
def test_what_is_no_context_manager_is_refused(registry: SessionRefRegistry, cm: object) -> None:
    with pytest.raises(InvalidArgumentError, match="cm must be a context manager"):
        registry.enter_context(cm)  # type: ignore[arg-type]


def test_a_context_that_fails_to_enter_leaves_nothing(registry: SessionRefRegistry) -> None:
    @contextlib.contextmanager
    def fails() -> Iterator[int]:
        raise OSError("no")
        yield 1

    with pytest.raises(OSError, match="no"):
        registry.enter_context(fails())
    assert registry.is_empty()


_CLOSED: list[object] = []


@reopener("tests.registry.list", finalizer=_CLOSED.append)
def _open_list(size: int, *, fail: bool = False) -> list[int]:
    if fail:
        raise OSError(f"secret {size}")
    return [0] * size


_RECIPE = _open_list.recipe(3)


def test_open_runs_the_recipe_and_its_finalizer(registry: SessionRefRegistry) -> None:
    key = registry.open(_RECIPE, lifetime=RefLifetime.UNTIL_SNAPSHOT)
    opened = registry[key]
    assert opened == [0, 0, 0]
    assert registry.lifetime_of(key) is RefLifetime.UNTIL_SNAPSHOT
    registry.release(key)
    assert _CLOSED.pop() is opened


def test_open_over_the_cap_closes_what_it_opened() -> None:
    registry = SessionRefRegistry(capacity=1)
    registry.insert(1)
    with pytest.raises(CapacityExceededError):
        registry.open(_RECIPE)
    assert _CLOSED.pop() == [0, 0, 0]


@reopener("tests.registry.plain")
def _open_plain() -> list[int]:
    return [1]


def test_open_over_the_cap_forgets_what_needs_no_closing() -> None:
    registry = SessionRefRegistry(capacity=1)
    registry.open(_open_plain.recipe())
    with pytest.raises(CapacityExceededError):
        registry.open(_open_plain.recipe())


def test_a_recipe_that_raises_names_itself_and_its_arguments_but_no_value(registry: SessionRefRegistry) -> None:
    with pytest.raises(ReopenError) as caught:
        registry.open(_open_list.recipe(271828, fail=True))
    assert re.search(
        r"recipe 'tests\.registry\.list' with arguments \(size, fail\) raised OSError at .*:\d+", str(caught.value)
    )
    assert "271828" not in f"{caught.value} {caught.value.args}"
    assert type(caught.value.__cause__) is OSError
    assert registry.is_empty()


@pytest.mark.parametrize("recipe", [None, "tests.registry.list", _open_list])
def test_open_takes_a_recipe_only(registry: SessionRefRegistry, recipe: object) -> None:
    with pytest.raises(InvalidArgumentError, match="recipe must be a Recipe"):
        registry.open(recipe)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options", [{"lifetime": "forever"}, {"finalizer": 5}, {"finalizer": TextIO.close}, {"reopen": "a recipe"}]
)
def test_an_option_that_can_not_work_is_refused(registry: SessionRefRegistry, options: dict[str, object]) -> None:
    with pytest.raises(InvalidArgumentError, match=f"{next(iter(options))} must be"):
        registry.insert(1, **options)  # type: ignore[call-overload]
    assert registry.is_empty()


def test_typed_inserts_and_gets_by_its_hint(registry: SessionRefRegistry) -> None:
    numbers = registry.typed(int | None)
    key = numbers.insert(None, lifetime=RefLifetime.UNTIL_EXPLICIT_DROP)
    assert key.hint == int | None
    assert numbers.get(key) is None
    assert numbers.get(RegistryKey.new(int), default=5) == 5
    assert registry.lifetime_of(key) is RefLifetime.UNTIL_EXPLICIT_DROP
    with pytest.raises(RefTypeError):
        numbers.insert("x")  # type: ignore[arg-type]
    with pytest.raises(RefTypeError):
        registry.typed(str).get(key)  # type: ignore[arg-type]
    assert repr(numbers) == "<TypedRefs[int | None] of <SessionRefRegistry: 1 of 10000 refs>>"


def test_the_same_object_twice_has_two_refs_with_a_finalizer_each(registry: SessionRefRegistry) -> None:
    done: list[str] = []
    thing = Thing()
    first = registry.insert(thing, finalizer=lambda _: done.append("first"))
    second = registry.insert(thing, finalizer=lambda _: done.append("second"))
    assert first != second
    registry.release(first)
    assert done == ["first"]
    assert registry[second] is thing
    registry.release(second)
    assert done == ["first", "second"]


def test_clones_share_one_finalizer_that_runs_with_the_last(registry: SessionRefRegistry) -> None:
    done: list[object] = []
    key = registry.insert("x", finalizer=done.append, lifetime=RefLifetime.UNTIL_SNAPSHOT)
    clones = [registry.clone_ref(key), registry.clone_ref(key)]
    assert len({key, *clones}) == 3
    assert all(registry.lifetime_of(clone) is RefLifetime.UNTIL_SNAPSHOT for clone in clones)
    registry.release(key)
    registry.release(clones[0])
    assert done == []
    registry.release(clones[1])
    assert done == ["x"]


def test_remove_of_one_clone_leaves_the_duty_to_the_others(registry: SessionRefRegistry) -> None:
    done: list[object] = []
    key = registry.insert("x", finalizer=done.append)
    clone = registry.clone_ref(key)
    assert registry.remove(key) == "x"
    registry.release(clone)
    assert done == ["x"]


def test_remove_of_the_last_clone_takes_the_duty(registry: SessionRefRegistry) -> None:
    done: list[object] = []
    key = registry.insert("x", finalizer=done.append)
    clone = registry.clone_ref(key)
    registry.release(key)
    assert registry.remove(clone) == "x"
    assert done == []


def test_a_clone_over_the_cap_leaves_the_finalizer_alone() -> None:
    done: list[object] = []
    registry = SessionRefRegistry(capacity=1)
    key = registry.insert("x", finalizer=done.append)
    with pytest.raises(CapacityExceededError):
        registry.clone_ref(key)
    registry.release(key)
    assert done == ["x"]


def test_a_transfer_moves_key_value_and_finalizer(registry: SessionRefRegistry) -> None:
    done: list[object] = []
    other = SessionRefRegistry()
    key = registry.insert("x", finalizer=done.append)
    assert registry.transfer_ref(key, other) is key
    assert registry.is_empty()
    assert other[key] == "x"
    assert done == []
    other.close()
    assert done == ["x"]


def test_a_transfer_to_a_full_registry_moves_nothing(registry: SessionRefRegistry) -> None:
    full = SessionRefRegistry(capacity=1)
    full.insert(1)
    key = registry.insert("x")
    with pytest.raises(CapacityExceededError):
        registry.transfer_ref(key, full)
    assert registry[key] == "x"
    assert len(full) == 1


def test_a_transfer_onto_a_key_that_is_there_moves_nothing(registry: SessionRefRegistry) -> None:
    session = Session()
    key = session.refs.insert("x")
    twin = Session.resume(session.snapshot())
    with pytest.raises(DuplicateKeyError, match="nothing was moved"):
        session.refs.transfer_ref(key, twin.refs)
    assert session.refs[key] == twin.refs[key] == "x"


def test_a_transfer_to_itself_gives_the_key_and_moves_nothing(registry: SessionRefRegistry) -> None:
    key = registry.insert("x")
    assert registry.transfer_ref(key, registry) is key
    assert registry[key] == "x"
    registry.release(key)
    with pytest.raises(RefReleasedError):
        registry.transfer_ref(key, registry)


def test_a_transfer_goes_to_a_registry_only(registry: SessionRefRegistry) -> None:
    key = registry.insert("x")
    with pytest.raises(InvalidArgumentError, match="to must be a SessionRefRegistry"):
        registry.transfer_ref(key, {})  # type: ignore[arg-type]


def test_a_ref_comes_back_from_a_transfer(registry: SessionRefRegistry) -> None:
    other = SessionRefRegistry()
    key = registry.insert("x")
    other.transfer_ref(registry.transfer_ref(key, other), registry)
    assert registry[key] == "x"
    with pytest.raises(RefReleasedError, match="transferred"):
        other.get(key)


def test_keys_come_in_the_order_of_the_inserts(registry: SessionRefRegistry) -> None:
    keys = [registry.insert(value) for value in range(5)]
    assert registry.keys() == list(registry) == keys
    assert [key.hint for key in registry.keys()] == [int] * 5
    assert len(registry) == 5
    assert all(key in registry for key in keys)


def test_describe_tells_what_may_be_told(registry: SessionRefRegistry) -> None:
    key = registry.insert([Secret("secret")], list[str], lifetime=RefLifetime.UNTIL_SNAPSHOT)
    line = sys._getframe().f_lineno - 1
    (info,) = registry.describe()
    assert info.key == f"{str(key)[:6]}…"
    assert info.type_tag == "builtins:list[builtins:str]"
    assert info.lifetime is RefLifetime.UNTIL_SNAPSHOT
    assert 0 <= info.age < 60
    assert info.where == f"{__file__}:{line}"


@pytest.mark.parametrize(
    "insert",
    [
        lambda registry: registry.insert(1),
        lambda registry: registry.insert(1, finalizer=print),
        lambda registry: registry.insert(1, int),
        lambda registry: registry.typed(int).insert(1),
        lambda registry: registry.enter_context(Lock()),
        lambda registry: registry.open(_RECIPE),
    ],
    ids=["plain", "finalizer", "hint", "typed", "context", "recipe"],
)
def test_an_insert_notes_where_it_was_called(insert: object) -> None:
    registry = SessionRefRegistry()
    key = insert(registry)  # type: ignore[operator]
    where = registry.describe()[0].where
    registry.release(key)
    assert where == f"{__file__}:{insert.__code__.co_firstlineno}"  # type: ignore[attr-defined]


def test_a_plain_ref_has_an_age_in_seconds(registry: SessionRefRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.insert(1)
    later = time.monotonic() + 60.5
    monkeypatch.setattr("liveref._registry.table.monotonic", lambda: later)
    assert 60.5 <= registry.describe()[0].age < 90.0


def test_plain_refs_of_one_place_and_moment_share_an_entry(registry: SessionRefRegistry) -> None:
    def entry_of_an_insert() -> Entry:
        entry: Entry = registry.insert(1)._entry
        return entry

    first = entry_of_an_insert()
    first.born += 1000.0  # the moment lasts
    assert entry_of_an_insert() is first
    elsewhere: Entry = registry.insert(1)._entry
    assert elsewhere is not first
    again = entry_of_an_insert()
    again.born -= 0.002  # the moment is over
    assert entry_of_an_insert() is not again


def test_a_registry_can_be_neither_pickled_nor_copied(registry: SessionRefRegistry) -> None:
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=r"can't be pickled or copied: pass its keys on"):
            attempt(registry)


def test_the_repr_tells_how_full_it_is(registry: SessionRefRegistry) -> None:
    registry.insert(Secret("x"))
    assert repr(registry) == "<SessionRefRegistry: 1 of 10000 refs>"
    registry.close()
    assert repr(registry) == "<SessionRefRegistry: 0 of 10000 refs, closed>"


def test_a_registry_collected_with_finalizers_warns_and_names_the_places() -> None:
    registry = SessionRefRegistry()
    registry.insert(1, finalizer=print)
    registry.insert("plain")
    with pytest.warns(ResourceWarning, match=r"1 finalizer not run, of refs inserted at .*test_registry\.py:\d+"):
        del registry
        gc.collect()


def test_a_registry_collected_without_finalizers_is_silent() -> None:
    registry = SessionRefRegistry()
    registry.insert(1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del registry
        gc.collect()


def test_a_lookup_of_none_says_how_to_get_none_where_the_ref_is_gone(registry: SessionRefRegistry) -> None:
    key = registry.insert(1)
    with pytest.raises(RefTypeError, match=r"write get\(key, default=None\)"):
        registry.get(key, None)
    with pytest.raises(RefTypeError, match="To probe the type use isinstance"):
        registry.get(key, str)
    with pytest.raises(RefTypeError, match="Nothing was stored"):
        registry.insert(1, None)
    assert registry.get(registry.insert(None), None) is None


class Asks(metaclass=abc.ABCMeta):  # no abc.ABC: whoever asked that for an instance would meet this hook
    @classmethod
    def __subclasshook__(cls, other: type) -> bool:
        raise LookupError("the hook of a class")


class Length(list[int]):
    def __class_getitem__(cls, _item: object) -> type:
        return cls

    @property
    def __class__(self) -> type:
        raise LookupError("the value")


@pytest.mark.parametrize("hint", [Asks, list[Asks], Asks | None, type[Asks], dict[str, Asks]])
def test_what_the_check_of_a_class_raised_is_the_cause(registry: SessionRefRegistry, hint: object) -> None:
    for value in (1, [1], int, {"a": 1}):
        with contextlib.suppress(RefTypeError):
            registry.insert(value, hint)
            continue
        with pytest.raises(RefTypeError) as caught:
            registry.insert(value, hint)
        raised = "raised LookupError" in str(caught.value)
        assert str(caught.value.__cause__) == ("the hook of a class" if raised else "None")


def test_what_a_value_raised_in_a_check_is_not(registry: SessionRefRegistry) -> None:
    for hint in (set[int], int | set[str]):
        with pytest.raises(RefTypeError) as caught:
            registry.insert(Length(), hint)
        assert caught.value.__cause__ is caught.value.__context__ is None


def test_no_error_holds_the_repr_of_a_value_or_a_whole_key(registry: SessionRefRegistry) -> None:
    secret = Secret("xyzzy")
    key = registry.insert(secret, str)
    registry_two = SessionRefRegistry()
    wrong = RegistryKey.parse(str(key), int)
    attempts = [
        lambda: registry.insert(secret, int),
        lambda: registry.get(wrong),
        lambda: registry.verify(wrong),
        lambda: registry_two.get(key),
        lambda: registry.insert([secret], list[int]),
        lambda: registry.get(registry.clone_ref(key), dict[str, str]),
    ]
    for attempt in attempts:
        with pytest.raises(liveref.LiveRefError) as caught:
            attempt()
        error = caught.value
        told = f"{error} {error.args} {error.__cause__} {error.__context__}"
        assert "xyzzy" not in told
        assert str(key) not in told


def test_every_error_survives_pickling(registry: SessionRefRegistry) -> None:
    key = registry.insert(1)
    for attempt in (lambda: registry.insert(1, str), lambda: registry_miss(registry), lambda: RegistryKey.parse("x")):
        with pytest.raises(liveref.LiveRefError) as caught:
            attempt()
        again = pickle.loads(pickle.dumps(caught.value))
        assert type(again) is type(caught.value)
        assert str(again) == str(caught.value)
    assert key in registry


def registry_miss(registry: SessionRefRegistry) -> object:
    return registry.get(RegistryKey.new(int))


def test_departures_are_found_though_another_thread_notes_one_meanwhile(
    registry: SessionRefRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = registry.insert("x")
    registry.release(key)
    calls = iter([RuntimeError("deque mutated during iteration")])

    def interrupted(predicate: object, items: object) -> object:
        raise next(calls)

    monkeypatch.setattr("liveref._registry.departures.takewhile", interrupted)
    with pytest.raises(RefReleasedError, match="released"):
        registry.get(key)
