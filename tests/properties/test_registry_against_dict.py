"""A state machine: a registry does what a dict of values and finalizer calls would."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, precondition, rule

from liveref import (
    CapacityExceededError,
    DuplicateKeyError,
    RefLifetime,
    RefReleasedError,
    RegistryClosedError,
    RegistryKey,
    SessionRefRegistry,
)


class Model:
    """What a registry should hold: for each key its value, lifetime and the group that shares its finalizer."""

    def __init__(self, capacity: int) -> None:
        self.real = SessionRefRegistry(capacity=capacity)
        self.capacity = capacity
        self.refs: dict[RegistryKey[object], tuple[object, RefLifetime, object]] = {}
        self.closed = False


class RegistryMachine(RuleBasedStateMachine):
    """Two registries, so that refs may be transferred."""

    keys: Bundle[RegistryKey[object]] = Bundle("keys")

    @initialize(capacities=st.tuples(st.integers(1, 8), st.integers(1, 8)))
    def start(self, capacities: tuple[int, int]) -> None:
        self.models = [Model(capacity) for capacity in capacities]
        self.done: list[object] = []
        self.expected: list[object] = []
        self.groups = 0

    def at(self, which: bool) -> Model:
        return self.models[which]

    def holders(self, group: object) -> int:
        return sum(held == group for model in self.models for _, _, held in model.refs.values())

    def drop(self, model: Model, key: RegistryKey[object], *, run: bool = True) -> None:
        _, _, group = model.refs.pop(key)
        if run and group is not None and not self.holders(group):
            self.expected.append(group)

    def room(self, model: Model) -> type[Exception] | None:
        if model.closed:
            return RegistryClosedError
        return CapacityExceededError if len(model.refs) >= model.capacity else None

    @rule(
        target=keys,
        which=st.booleans(),
        value=st.integers(),
        hinted=st.booleans(),
        finalized=st.booleans(),
        lifetime=st.sampled_from(RefLifetime),
    )
    def insert(
        self, which: bool, value: int, hinted: bool, finalized: bool, lifetime: RefLifetime
    ) -> RegistryKey[object]:
        model = self.at(which)
        self.groups += 1
        group = self.groups if finalized else None
        finalizer = (lambda _value: self.done.append(group)) if finalized else None
        hint = (int,) if hinted else ()
        error = self.room(model)
        if error:
            with pytest.raises(error):
                model.real.insert(value, *hint, finalizer=finalizer, lifetime=lifetime)
            return RegistryKey.new()
        key: RegistryKey[object] = model.real.insert(value, *hint, finalizer=finalizer, lifetime=lifetime)
        model.refs[key] = (value, lifetime, group)
        return key

    @rule(which=st.booleans(), key=keys)
    def get(self, which: bool, key: RegistryKey[object]) -> None:
        model = self.at(which)
        if key in model.refs:
            value, lifetime, _ = model.refs[key]
            assert model.real.get(key) == model.real[key] == model.real.get(key, int) == value
            assert model.real.lifetime_of(key) is lifetime
        else:
            assert model.real.get(key, default=self) is self
            with pytest.raises(LookupError):
                model.real.get(key)

    @rule(which=st.booleans(), key=keys)
    def release(self, which: bool, key: RegistryKey[object]) -> None:
        model = self.at(which)
        held = key in model.refs
        if held:
            self.drop(model, key)
        assert model.real.release(key) is held

    @rule(which=st.booleans(), key=consumes(keys))
    def remove(self, which: bool, key: RegistryKey[object]) -> None:
        model = self.at(which)
        if key in model.refs:
            value = model.refs[key][0]
            self.drop(model, key, run=False)
            assert model.real.remove(key) == value
            with pytest.raises(RefReleasedError, match="removed"):
                model.real.get(key)

    @rule(target=keys, which=st.booleans(), key=keys)
    def clone(self, which: bool, key: RegistryKey[object]) -> RegistryKey[object]:
        model = self.at(which)
        if key not in model.refs:
            with pytest.raises(LookupError):
                model.real.clone_ref(key)
            return key
        error = self.room(model)
        if error:
            with pytest.raises(error):
                model.real.clone_ref(key)
            return key
        clone = model.real.clone_ref(key)
        model.refs[clone] = model.refs[key]
        return clone

    @rule(which=st.booleans(), key=keys)
    def transfer(self, which: bool, key: RegistryKey[object]) -> None:
        source, target = self.at(which), self.at(not which)
        if key not in source.refs:
            return
        error = self.room(target)
        if error:
            with pytest.raises(error):
                source.real.transfer_ref(key, target.real)
            return
        assert source.real.transfer_ref(key, target.real) is key
        target.refs[key] = source.refs.pop(key)

    @rule(which=st.booleans(), key=keys)
    def transfer_to_itself(self, which: bool, key: RegistryKey[object]) -> None:
        model = self.at(which)
        if key in model.refs:
            assert model.real.transfer_ref(key, model.real) is key

    @rule(which=st.booleans())
    def drain(self, which: bool) -> None:
        model = self.at(which)
        count = len(model.refs)
        for key in reversed(list(model.refs)):
            self.drop(model, key)
        assert model.real.drain() == count

    @precondition(lambda self: not all(model.closed for model in self.models))
    @rule(which=st.booleans(), twice=st.booleans())
    def close(self, which: bool, twice: bool) -> None:
        model = self.at(which)
        for key in reversed(list(model.refs)):
            self.drop(model, key)
        model.closed = True
        for _ in range(1 + twice):
            model.real.close()

    @invariant()
    def agree(self) -> None:
        for model in self.models:
            assert model.real.keys() == list(model.refs)
            assert len(model.real) == len(model.refs)
            assert model.real.is_empty() is (not model.refs)
            assert [info.lifetime for info in model.real.describe()] == [held[1] for held in model.refs.values()]
        assert self.done == self.expected

    def teardown(self) -> None:
        for model in self.models:
            model.real.close()


RegistryMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestRegistryMachine = RegistryMachine.TestCase
