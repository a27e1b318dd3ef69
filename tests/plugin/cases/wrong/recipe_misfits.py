"""Recipes that open something else than the value is: without a hint, types alone take both for objects."""

from __future__ import annotations

import dataclasses
import io
import sqlite3
from typing import Literal, TypeVar

from liveref import AsyncRecipe, Recipe, RegistryKey, Session, SessionRefRegistry, reopener

Name = TypeVar("Name", str, bytes)


class Store: ...


class Mine(SessionRefRegistry): ...


@reopener("recipes.connect", finalizer=sqlite3.Connection.close)
def connect(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path)


@dataclasses.dataclass
class Holder:
    refs: SessionRefRegistry
    number: Recipe[int]

    def keep(self, text: str) -> None:
        self.refs.insert(text, reopen=self.number)  # E: arg-type
        self.refs.insert(value=text, reopen=self.number)  # E: arg-type


def keep(refs: SessionRefRegistry, session: Session, number: Recipe[int], perhaps: Recipe[int] | None) -> None:
    refs.insert("a", reopen=connect.recipe(":memory:"))  # E: arg-type
    refs.insert("a", finalizer=print, reopen=number)  # E: arg-type
    refs.insert("a", reopen=perhaps)  # E: arg-type
    refs.insert(None, reopen=number)  # E: arg-type
    refs.insert([1], reopen=number)  # E: arg-type
    refs.insert((1, "a"), reopen=number)  # E: arg-type
    refs.insert(io.BytesIO(), reopen=connect.recipe(":memory:"))  # E: arg-type
    session.refs.insert(Store(), reopen=number)  # E: arg-type
    Mine().insert(Store(), reopen=number)  # E: arg-type
    annotated: RegistryKey[str] = refs.insert("a", reopen=number)  # E: arg-type
    refs.get(annotated)


def with_a_hint(refs: SessionRefRegistry, number: Recipe[int], perhaps: Recipe[int | None]) -> None:
    refs.insert("a", str, reopen=number)  # E: arg-type
    refs.insert(1, int, reopen=perhaps)  # E: arg-type
    refs.insert("a", Literal["a"], reopen=number)  # E: arg-type


def asynchronous(refs: SessionRefRegistry, number: AsyncRecipe[int], perhaps: AsyncRecipe[int] | None) -> None:
    refs.insert(1, reopen=number)  # ok
    refs.insert("a", reopen=number)  # E: arg-type
    refs.insert("a", reopen=perhaps)  # E: arg-type
    refs.insert("a", str, reopen=number)  # E: arg-type
