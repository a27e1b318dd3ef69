"""Keys and hints of a type variable: nothing is known, so nothing is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from typing_extensions import TypeForm

from liveref import RegistryKey, SessionRefRegistry


class Animal: ...


class Dog(Animal): ...


T = TypeVar("T")
A = TypeVar("A", bound=Animal)
N = TypeVar("N", int, str)


def fetch(refs: SessionRefRegistry, key: RegistryKey[T]) -> T:
    return refs.get(key)  # ok


def fetch_as(refs: SessionRefRegistry, key: RegistryKey[object], cls: type[T]) -> T:
    return refs.get(key, cls)  # ok


def fetch_form(refs: SessionRefRegistry, key: RegistryKey[int], form: TypeForm[T]) -> T:
    return refs.get(key, form)  # ok


def narrow(refs: SessionRefRegistry, key: RegistryKey[T]) -> Dog:
    return refs.get(key, Dog)  # ok


def narrow_bound(refs: SessionRefRegistry, key: RegistryKey[A]) -> Dog:
    return refs.get(key, Dog)  # ok


def one_of_two(refs: SessionRefRegistry, key: RegistryKey[N]) -> int:
    return refs.get(key, int)  # ok


def put(refs: SessionRefRegistry, value: T) -> RegistryKey[T]:
    return refs.insert(value)  # ok


def put_as(refs: SessionRefRegistry, value: T, cls: type[T]) -> RegistryKey[T]:
    return refs.insert(value, cls)  # ok


def put_all(refs: SessionRefRegistry, values: Sequence[T]) -> list[RegistryKey[T]]:
    return [refs.insert(value) for value in values]  # ok


class Pool(Generic[T]):
    def __init__(self, refs: SessionRefRegistry, cls: type[T], make: Callable[[], T]) -> None:
        self.refs = refs
        self.cls = cls
        self.make = make
        self.keys: list[RegistryKey[T]] = []

    def grow(self) -> RegistryKey[T]:
        key = self.refs.insert(self.make(), self.cls)  # ok
        self.keys.append(key)
        return key

    def first(self) -> T:
        return self.refs[self.keys[0]]  # ok

    def parse(self, text: str) -> RegistryKey[T]:
        return RegistryKey.parse(text, self.cls)  # ok

    def typed(self) -> T:
        return self.refs.typed(self.cls).get(self.keys[0])  # ok
