"""A state machine: leases, owners and loans do what a model of them says, in whatever order they come.

``LIVEREF_MACHINE_RUNS`` asks for the long form: 5000.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import Any, Literal, TypeAlias

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from liveref import (
    Borrow,
    CapacityExceededError,
    InvalidArgumentError,
    Owner,
    RefExpiredError,
    RefNotFoundError,
    RefReleasedError,
    RegistryKey,
    SessionRefRegistry,
    acting_as,
    reopener,
)
from liveref._registry import leases
from liveref._registry.leases import GUARDED, Book

RUNS = int(os.environ.get("LIVEREF_MACHINE_RUNS", "150"))
PEOPLE: list[Owner | None] = [None, "ann", ("iss=a", "sub=bob")]
LIMITS: list[dict[str, Any]] = [{}, {"ttl": None}, {"ttl": 3}, {"idle": 2}, {"ttl": 5, "idle": 3}, {"idle": None}]


class Thing:
    """A live object that counts how often it was closed."""

    def __init__(self) -> None:
        self.closed = 0


class Failed(Exception):
    """What a finalizer raises; its argument is the thing."""


def close(thing: Thing) -> None:
    thing.closed += 1


def fail(thing: Thing) -> None:
    thing.closed += 1
    raise Failed(thing)


opened: list[Thing] = []


@reopener("tests.machine.thing", finalizer=close)
def open_thing() -> Thing:
    opened.append(Thing())
    return opened[-1]


@dataclass
class Share:
    """An object, and what stands between it and its finalizer."""

    thing: Thing
    has_duty: bool
    fails: bool
    refs: int = 1
    loans: int = 0
    closed: int = 0

    def settle(self) -> None:
        if self.has_duty and not self.refs and not self.loans:
            self.has_duty, self.closed = False, 1
            if self.fails:
                failing.append(self.thing)

    def leave(self) -> None:
        self.refs -= 1
        self.settle()


failing: list[Thing] = []
"""Those whose finalizers raise in the call that comes next."""


@dataclass(eq=False)
class Ref:
    """A ref as it should be."""

    share: Share
    owner: Owner | None
    ttl: float | None
    idle: float | None
    ends: float
    used: float
    loans: int = 0

    def ends_in(self, now: float) -> float:
        return max(min(self.ends, self.used + (self.idle or inf)) - now, 0)

    def is_over(self, now: float) -> bool:
        return not self.loans and not self.ends_in(now)


@dataclass
class Model:
    """A registry, and what it should hold."""

    real: SessionRefRegistry
    capacity: int
    per_owner: int | None
    owned: bool
    ttl: float | None
    idle: float | None
    refs: dict[RegistryKey[Thing], Ref] = field(default_factory=dict)
    due: list[Share] = field(default_factory=list)
    gone: dict[RegistryKey[Thing], tuple[type[Exception], Owner | None]] = field(default_factory=dict)

    def take_out(self, key: RegistryKey[Thing], error: type[Exception] = RefReleasedError) -> Ref:
        ref = self.refs.pop(key)
        self.gone[key] = error, ref.owner
        return ref

    def expire(self, now: float, owner: Owner | None = None) -> int:
        over = [key for key, ref in self.refs.items() if ref.is_over(now) and owner in {None, ref.owner}]
        for key in over:
            self.due.append(self.take_out(key, RefExpiredError).share)
        return len(over)

    def run_due(self) -> None:
        while self.due:
            self.due.pop().leave()

    def refuses(self, owner: Owner | None, now: float) -> type[Exception] | None:
        """What one ref more raises, once room was made for it."""
        if len(self.refs) >= self.capacity:
            self.expire(now)
            self.run_due()
            if len(self.refs) >= self.capacity:
                return CapacityExceededError
        if owner is not None and self.per_owner is not None and self.held_by(owner) >= self.per_owner:
            self.expire(now, owner)
            self.run_due()
            return CapacityExceededError if self.held_by(owner) >= self.per_owner else None
        return None

    def held_by(self, owner: Owner | None) -> int:
        return sum(ref.owner == owner for ref in self.refs.values())

    def seen_by(self, who: Owner | None, now: float) -> list[RegistryKey[Thing]]:
        return [
            key for key, ref in self.refs.items() if (who is None or ref.owner in {None, who}) and not ref.is_over(now)
        ]


VERBS: list[Callable[[SessionRefRegistry, RegistryKey[Thing]], object]] = [
    lambda refs, key: refs.get(key),
    lambda refs, key: refs[key],
    lambda refs, key: refs.get_any(key),
    lambda refs, key: refs.typed(Thing).get(key),
    lambda refs, key: refs.verify(key),
    lambda refs, key: refs.borrow(key).__enter__(),
    lambda refs, key: refs.lifetime_of(key),
    lambda refs, key: refs.remove(key),
    lambda refs, key: refs.clone_ref(key),
    lambda refs, key: refs.transfer_ref(key, refs),
    lambda refs, key: refs.renew(key),
]

which = st.integers(0, 1)
people = st.sampled_from(PEOPLE)
asker = st.sampled_from([*PEOPLE, "owner", "owner", "owner"])
numbers = st.integers(0, 99)
Insert: TypeAlias = tuple[int, Owner | None, dict[str, Any], str]
inserts = st.tuples(which, people, st.sampled_from(LIMITS), st.sampled_from(["plain", "closed", "failing", "opened"]))
FINALIZERS: dict[str, Callable[[Thing], None] | None] = {"plain": None, "closed": close, "failing": fail}
How: TypeAlias = Literal["warned", "bare", "group"]
LOST: Any = object()
"""What a call gives that raises what a finalizer did."""


def called(call: Callable[[], Any], how: How, error: type[Exception] | None = None) -> Any:
    """What a call gives, or LOST where it raises.

    Args:
        call: the call.
        how: it tells of finalizers that fail: of all that should, and of no other.
        error: what it raises whatever they do.
    """
    given, found = LOST, list[BaseException]()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            given = call()
        except Failed as failed:
            assert how == "bare"
            found = [failed]
        except ExceptionGroup as group:
            assert how == "group"
            found = [*group.exceptions]
        except Exception as other:
            assert type(other) is error
        else:
            assert error is None
    if how == "warned":
        assert [each.category for each in warned] == [RuntimeWarning] * len(failing)
    else:
        assert not warned
        assert Counter(each.args for each in found) == Counter((thing,) for thing in failing)
    failing.clear()
    return given


@pytest.fixture(autouse=True)
def _short_books(monkeypatch: pytest.MonkeyPatch) -> None:
    """Books that are tidied after a few refs."""
    monkeypatch.setattr(leases, "_FEW", 2)


class HandlesMachine(RuleBasedStateMachine):
    """Two registries with clocks of their own, three who act, and loans that come back in any order."""

    @initialize(
        capacities=st.tuples(st.integers(2, 5), st.integers(2, 8)),
        shares=st.sampled_from([None, 1, 1, 2]),
        owned=st.booleans(),
        idle=st.sampled_from([None, 5]),
        apart=st.sampled_from([0, 100, -100]),
        first=st.lists(inserts, min_size=4, max_size=8),
    )
    def start(
        self,
        capacities: tuple[int, int],
        shares: int | None,
        owned: bool,
        idle: int | None,
        apart: int,
        first: list[Insert],
    ) -> None:
        self.now = 1000.0
        self.keys: list[RegistryKey[Thing]] = [RegistryKey.new(Thing)]
        self.shares: list[Share] = []
        self.loans: list[tuple[Borrow[Thing], Ref]] = []
        self.models = [
            self.made(0, capacities[0], per_owner=None, owned=False, ttl=None, idle=None),
            self.made(apart, capacities[1], per_owner=shares, owned=owned, ttl=20, idle=idle),
        ]
        for at, who, limits, how in first:
            self.inserted(at, who, who, limits, how)

    def made(self, apart: int, capacity: int, **given: Any) -> Model:
        real = SessionRefRegistry(capacity=capacity, clock=lambda: self.now + apart, **given)
        return Model(real, capacity, **given)

    def picked(self, at: int, number: int, who: Owner | None) -> tuple[Model, RegistryKey[Thing], Owner | None]:
        """A registry, a key that it may hold, most often one that it does, and who asks for it."""
        model = self.models[at] if self.models[at].refs else self.models[1 - at]
        keys = list(model.refs) if number % 6 and model.refs else self.keys
        key = keys[number % len(keys)]
        if who == "owner":
            who = model.refs[key].owner if key in model.refs else None
        return model, key, who

    def found(self, model: Model, key: RegistryKey[Thing], who: Owner | None, *, used: bool = False) -> Ref | None:
        """The ref that a lookup finds; one that has expired goes."""
        ref = model.refs.get(key)
        if ref is None or ref.owner not in {None, who}:
            return None
        if ref.is_over(self.now):
            model.due.append(model.take_out(key, RefExpiredError).share)
            return None
        if used:
            ref.used = self.now
        return ref

    def missing(self, model: Model, key: RegistryKey[Thing], who: Owner | None) -> type[Exception]:
        kind, owner = model.gone.get(key, (RefNotFoundError, None))
        return kind if owner in {None, who} else RefNotFoundError

    def refused(self, model: Model, key: RegistryKey[Thing], who: Owner | None, call: Callable[[], object]) -> None:
        """A call raises what it should; where that is that the key is unknown, word for word so."""
        with acting_as(who), pytest.raises(LookupError) as caught:
            call()
        assert type(caught.value) is self.missing(model, key, who)
        if type(caught.value) is RefNotFoundError:
            count = sum(who is None or ref.owner in {None, who} for ref in model.refs.values())
            assert f"it holds {count})" in str(caught.value)
            fresh: RegistryKey[Thing] = RegistryKey.new(Thing)
            with acting_as(who), pytest.raises(RefNotFoundError) as expected:
                model.real.get(fresh)
            for show in (str, repr):
                assert show(caught.value) == show(expected.value).replace(str(fresh)[:6], str(key)[:6])

    @rule(given=inserts)
    def insert(self, given: Insert) -> None:
        at, who, limits, how = given
        self.inserted(at, who, who, limits, how)

    @rule(at=which, who=people, owner=people)
    def insert_for(self, at: int, who: Owner | None, owner: Owner | None) -> None:
        self.inserted(at, who, owner, {"owner": owner}, "closed")

    def inserted(self, at: int, who: Owner | None, owner: Owner | None, given: dict[str, Any], how: str) -> None:
        model, thing = self.models[at], Thing()
        lives, rests = given.get("ttl", model.ttl), given.get("idle", model.idle)

        def call() -> RegistryKey[Thing]:
            with acting_as(who):
                if how == "opened":
                    return model.real.open(open_thing.recipe(), **given)
                return model.real.insert(thing, finalizer=FINALIZERS[how], **given)

        opened.clear()
        if owner is None and model.owned:
            with pytest.raises(InvalidArgumentError):
                call()
            assert not opened
            return
        error = model.refuses(owner, self.now)
        key = called(call, "warned", error)
        if error is not None:
            assert [each.closed for each in [*opened, thing]] == [*([1] if opened else []), 0]
            return
        self.shares.append(Share(opened[0] if opened else thing, how != "plain", how == "failing"))
        ends = inf if lives is None else self.now + lives
        model.refs[key] = Ref(self.shares[-1], owner, lives, rests, ends, self.now)
        self.keys.append(key)

    @rule(at=which, number=numbers, who=asker, verb=st.sampled_from(VERBS[:5]))
    def look_up(self, at: int, number: int, who: Owner | None, verb: Callable[..., Any]) -> None:
        model, key, who = self.picked(at, number, who)
        ref = self.found(model, key, who, used=True)
        if ref is None:
            self.refused(model, key, who, lambda: verb(model.real, key))
            with acting_as(who):
                assert model.real.get(key, default=self) is self
            return
        with acting_as(who):
            assert verb(model.real, key) in {ref.share.thing, None}
        assert not ref.share.thing.closed

    @rule(at=which, number=numbers, who=asker)
    def ask(self, at: int, number: int, who: Owner | None) -> None:
        model, key, who = self.picked(at, number, who)
        with acting_as(who):
            assert (key in model.real) is (self.found(model, key, who) is not None)

    @rule(at=which, number=numbers, who=asker)
    def every_verb_of_a_stranger(self, at: int, number: int, who: Owner | None) -> None:
        model, key, who = self.picked(at, number, who)
        if self.found(model, key, who) is None:
            for verb in VERBS:
                self.refused(model, key, who, partial(verb, model.real, key))

    @rule(at=which, number=numbers, who=asker)
    def release(self, at: int, number: int, who: Owner | None) -> None:
        model, key, who = self.picked(at, number, who)
        reachable = key in model.refs and model.refs[key].owner in {None, who}
        if reachable:
            model.take_out(key).share.leave()
        with acting_as(who):
            assert called(lambda: model.real.release(key), "bare") in {reachable, LOST}

    @rule(at=which, number=numbers, who=asker)
    def remove(self, at: int, number: int, who: Owner | None) -> None:
        model, key, who = self.picked(at, number, who)
        ref = self.found(model, key, who)
        if ref is None:
            self.refused(model, key, who, lambda: model.real.remove(key))
            return
        share = model.take_out(key).share
        share.refs -= 1
        share.has_duty = share.has_duty and share.refs > 0
        with acting_as(who):
            assert model.real.remove(key) is ref.share.thing

    @rule(at=which, number=numbers, who=asker)
    def clone(self, at: int, number: int, who: Owner | None) -> None:
        model, key, who = self.picked(at, number, who)
        ref = self.found(model, key, who)
        if ref is None:
            self.refused(model, key, who, lambda: model.real.clone_ref(key))
            return
        error = model.refuses(ref.owner, self.now)
        with acting_as(who):
            clone = called(lambda: model.real.clone_ref(key), "warned", error)
        if error is not None:
            return
        ref.share.refs += 1
        model.refs[clone] = Ref(ref.share, ref.owner, ref.ttl, ref.idle, ref.ends, ref.used)
        self.keys.append(clone)

    @rule(at=which, number=numbers, who=asker)
    def renew(self, at: int, number: int, who: Owner | None) -> None:
        model, key, who = self.picked(at, number, who)
        ref = self.found(model, key, who)
        if ref is None:
            self.refused(model, key, who, lambda: model.real.renew(key))
            return
        with acting_as(who):
            model.real.renew(key)
        ref.used = self.now
        ref.ends = inf if ref.ttl is None else self.now + ref.ttl

    @rule(at=which, number=numbers, who=asker)
    def transfer(self, at: int, number: int, who: Owner | None) -> None:
        source, key, who = self.picked(at, number, who)
        target = self.models[source is self.models[0]]
        ref = self.found(source, key, who)

        def call() -> RegistryKey[Thing]:
            return source.real.transfer_ref(key, target.real)

        if ref is None:
            self.refused(source, key, who, call)
            return
        if target.owned and ref.owner is None:
            error: type[Exception] | None = InvalidArgumentError
        else:
            error = target.refuses(ref.owner, self.now)
        with acting_as(who):
            moved = called(call, "warned", error)
        if error is not None:
            return
        assert moved is key
        target.refs[key] = source.take_out(key)

    @rule(at=which, number=numbers, who=asker)
    def borrow(self, at: int, number: int, who: Owner | None) -> None:
        model, key, who = self.picked(at, number, who)
        borrow = model.real.borrow(key)
        ref = self.found(model, key, who, used=True)
        if ref is None:
            self.refused(model, key, who, borrow.__enter__)
            return
        with acting_as(who):
            assert borrow.__enter__() is ref.share.thing
        ref.loans += 1
        ref.share.loans += 1
        self.loans.append((borrow, ref))

    @rule(number=st.integers(0, 50), who=people)
    def give_back(self, number: int, who: Owner | None) -> None:
        if not self.loans:
            return
        borrow, ref = self.loans.pop(number % len(self.loans))
        assert not ref.share.thing.closed
        ref.loans -= 1
        ref.used = self.now
        ref.share.loans -= 1
        ref.share.settle()
        with acting_as(who):
            called(lambda: borrow.__exit__(None, None, None), "bare")

    @rule(seconds=st.sampled_from([1, 2, 3, 5]))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule(at=which, who=people)
    def sweep(self, at: int, who: Owner | None) -> None:
        model = self.models[at]
        count = model.expire(self.now)
        model.run_due()
        with acting_as(who):
            assert called(model.real.sweep, "group") in {count, LOST}

    @rule(at=which, owner=people, who=people)
    def drain_one_owner(self, at: int, owner: Owner | None, who: Owner | None) -> None:
        model = self.models[at]
        theirs = [key for key, ref in model.refs.items() if ref.owner == owner]
        for key in theirs:
            model.take_out(key).share.leave()
        with acting_as(who):
            assert called(lambda: model.real.drain(owner=owner), "group") in {len(theirs), LOST}

    @rule(at=which)
    def drain(self, at: int) -> None:
        model = self.models[at]
        count = len(model.refs)
        model.run_due()
        for key in list(model.refs):
            model.take_out(key).share.leave()
        assert called(model.real.drain, "group") in {count, LOST}

    @invariant()
    def each_finalizer_ran_once_and_in_time(self) -> None:
        for share in self.shares:
            assert share.thing.closed == share.closed

    @invariant()
    def the_numbers_agree(self) -> None:
        for model in self.models:
            stats = model.real.stats()
            assert stats.live == len(model.real) == len(model.refs) <= model.capacity
            assert stats.by_owner == dict(Counter(ref.owner for ref in model.refs.values()))
            assert stats.due == sum(share.has_duty or share.closed for share in model.due)
            assert stats.lent >= sum(ref.loans > 0 for ref in model.refs.values())
            assert model.real.is_empty() is (not model.refs)

    @invariant()
    def nothing_is_left_behind(self) -> None:
        for model in self.models:
            book = model.real._book or Book()
            theirs: dict[Owner, set[bytes]] = defaultdict(set)
            for key, ref in model.refs.items():
                if ref.owner is not None:
                    theirs[ref.owner].add(key._id + GUARDED)
            assert book._shares == theirs
            leased = sum(ref.ttl is not None or ref.idle is not None for ref in model.refs.values())
            assert len(book._rows) - book._stale == leased
            assert book._stale <= max(leased, leases._FEW) + 1
            assert not book.held
            assert self.loans or not book.loans

    @invariant()
    def each_sees_what_is_theirs(self) -> None:
        for model in self.models:
            for who in PEOPLE:
                seen = model.seen_by(who, self.now)
                with acting_as(who):
                    assert model.real.keys() == seen
                    told = model.real.describe()
                assert [info.owner for info in told] == [model.refs[key].owner for key in seen]
                assert [info.expires_in or inf for info in told] == [
                    model.refs[key].ends_in(self.now) or inf for key in seen
                ]
                assert [info.lent for info in told] == [model.refs[key].loans for key in seen]

    def teardown(self) -> None:
        for model in getattr(self, "models", []):
            model.run_due()
            for key in list(model.refs):
                model.take_out(key).share.leave()
            called(model.real.close, "group")
        while getattr(self, "loans", []):
            self.give_back(0, None)
        for model in getattr(self, "models", []):
            book = model.real._book or Book()
            assert not (model.real._refs or book.due or book.held or book.loans or book._shares)
        for share in getattr(self, "shares", []):
            assert share.thing.closed == share.closed
            assert not share.has_duty


HandlesMachine.TestCase.settings = settings(max_examples=RUNS, stateful_step_count=50, deadline=None)
TestHandlesMachine = HandlesMachine.TestCase
