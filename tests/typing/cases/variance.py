"""A key of a Dog is a key of an Animal, and not the other way round."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from typing_extensions import assert_type

from liveref import Recipe, RegistryKey, SessionRefRegistry


class Animal: ...


class Dog(Animal):
    def bark(self) -> str:
        return "woof"


@runtime_checkable
class Barks(Protocol):
    def bark(self) -> str: ...


def takes_animal(key: RegistryKey[Animal]) -> None: ...
def takes_dog(key: RegistryKey[Dog]) -> None: ...
def takes_barks(key: RegistryKey[Barks]) -> None: ...
def takes_any(key: RegistryKey[object]) -> None: ...
def takes_optional(key: RegistryKey[Dog | None]) -> None: ...
def takes_keys(keys: Sequence[RegistryKey[Animal]]) -> None: ...
def takes_named(keys: Mapping[str, RegistryKey[Animal]]) -> None: ...
def takes_list(keys: list[RegistryKey[Animal]]) -> None: ...


def wider(dog: RegistryKey[Dog], animal: RegistryKey[Animal]) -> None:
    takes_animal(dog)
    takes_barks(dog)
    takes_any(dog)
    takes_optional(dog)
    takes_dog(animal)  # E: argument
    takes_barks(animal)  # E: argument


def narrower(key: RegistryKey[object], maybe: RegistryKey[Dog | None], barks: RegistryKey[Barks]) -> None:
    takes_any(maybe)
    takes_animal(key)  # E: argument
    takes_dog(maybe)  # E: argument
    takes_dog(barks)  # E: argument


def parameters(ints: RegistryKey[list[int]], calls: RegistryKey[Callable[[Animal], Dog]]) -> None:
    objects: RegistryKey[Sequence[object]] = ints
    animals: RegistryKey[Callable[[Dog], Animal]] = calls
    takes_any(objects)
    takes_any(animals)
    wrong: RegistryKey[list[object]] = ints  # E: assignment
    takes_any(wrong)
    also: RegistryKey[Callable[[object], Dog]] = calls  # E: assignment
    takes_any(also)


def in_containers(dogs: list[RegistryKey[Dog]], named: dict[str, RegistryKey[Dog]]) -> None:
    takes_keys(dogs)
    takes_named(named)
    takes_list(dogs)  # E: argument


def a_widened_key_gives_less(registry: SessionRefRegistry, dog: RegistryKey[Dog]) -> None:
    def through(key: RegistryKey[Animal]) -> Animal:
        return registry[key]

    assert_type(through(dog), Animal)
    through(dog).bark()  # E: attribute


def joined(registry: SessionRefRegistry, dog: RegistryKey[Dog], animal: RegistryKey[Animal], flag: bool) -> None:
    either = dog if flag else animal
    assert_type(registry.get(either), Animal)
    takes_animal(either)


def recipes(dog: Recipe[Dog], animal: Recipe[Animal]) -> None:
    wider: Recipe[Animal] = dog
    narrower: Recipe[Dog] = animal  # E: assignment
    assert_type(wider.tag, str)
    assert_type(narrower.tag, str)


def inserted_as_wider(registry: SessionRefRegistry) -> None:
    takes_animal(registry.insert(Dog()))
    takes_optional(registry.insert(Dog()))
    key: RegistryKey[Animal] = registry.insert(Dog())
    takes_dog(registry.insert(Animal()))  # E: argument
    takes_dog(registry.insert(Dog(), Animal))  # E: argument
    takes_animal(key)
