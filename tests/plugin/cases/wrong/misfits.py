"""Values that do not fit their hints: mypy's own argument errors, because the plugin binds the value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypedDict, TypeVar

from liveref import Recipe, RegistryKey, Session, SessionRefRegistry

T = TypeVar("T")


class Movie(TypedDict):
    title: str


class Store: ...


class Disk(Store):
    def close(self) -> None: ...


class Mine(SessionRefRegistry): ...


def values(refs: SessionRefRegistry, session: Session, thing: object, cls: type[Store], movie: dict[str, str]) -> None:
    refs.insert(1, str)  # E: arg-type
    refs.insert("a", int)  # E: arg-type
    refs.insert(value=1, hint=str)  # E: arg-type
    refs.insert(hint=str, value=1)  # E: arg-type
    refs.insert(1.5, int)  # E: arg-type
    refs.insert(None, int)  # E: arg-type
    refs.insert(thing, int)  # E: arg-type
    refs.insert(Store(), Disk)  # E: arg-type
    refs.insert(1, cls)  # E: arg-type
    refs.insert(movie, Movie)  # E: arg-type
    refs.insert("x", Literal["r", "w"])  # E: arg-type
    refs.insert((1, 2), tuple[int, str])  # E: arg-type
    refs.insert([1, "a"], list[int])  # E: list-item
    refs.insert({"title": 1}, Movie)  # E: typeddict-item
    refs.insert({"a": "b"}, dict[str, int])  # E: dict-item
    session.refs.insert(1, str)  # E: arg-type
    Mine().insert(1, str)  # E: arg-type


def options(refs: SessionRefRegistry, recipe: Recipe[int], close: Callable[[Disk], None]) -> RegistryKey[int]:
    refs.insert(Store(), Store, finalizer=close)  # E: arg-type
    refs.insert(Disk(), Disk, reopen=recipe)  # E: arg-type
    refs.insert("a", str, finalizer=lambda text: text.nope())  # E: attr-defined
    refs.insert(1, str, finalizer=print)  # E: arg-type
    refs.typed(str).insert(1)  # E: arg-type
    refs.typed(str).get(refs.insert(1))  # E: arg-type
    return refs.insert("a", str)  # E: arg-type


def generic(refs: SessionRefRegistry, value: T, cls: type[T]) -> RegistryKey[T]:
    refs.insert(1, cls)  # E: arg-type
    return refs.insert(value, cls)
