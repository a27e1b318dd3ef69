"""A recipe is typed by the function that `reopener` registers."""

from __future__ import annotations

import sqlite3

from typing_extensions import assert_type

from liveref import Recipe, RefLifetime, RegistryKey, Reopener, SessionRefRegistry, reopener


@reopener("cases.db", finalizer=sqlite3.Connection.close)
def connect(path: str, *, timeout: float = 5.0) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=timeout)


@reopener("cases.numbers")
def numbers(first: int, last: int = 9) -> list[int]:
    return list(range(first, last))


def registered() -> None:
    assert_type(connect.recipe("app.db"), Recipe[sqlite3.Connection])
    assert_type(connect.recipe("app.db", timeout=1), Recipe[sqlite3.Connection])
    assert_type(numbers.recipe(1), Recipe[list[int]])
    assert_type(numbers.recipe(first=1, last=2), Recipe[list[int]])
    assert_type(connect("app.db"), sqlite3.Connection)
    assert_type(connect.tag, str)
    assert_type(numbers.recipe(1).tag, str)


def takes_reopener(made: Reopener[[str], bytes]) -> Recipe[bytes]:
    assert_type(made("x"), bytes)
    made.recipe(1)  # E: argument
    return made.recipe("x")


def wrong_arguments() -> None:
    connect.recipe(1)  # E: argument
    connect.recipe()  # E: missing
    connect.recipe("app.db", 1.0)  # E: positional
    connect.recipe("app.db", timeout="1")  # E: argument
    connect.recipe("app.db", retries=3)  # E: unknown
    numbers.recipe("1")  # E: argument
    connect(1)  # E: argument
    connect.tag = "other"  # E: read-only


def opened(registry: SessionRefRegistry) -> None:
    assert_type(registry.open(connect.recipe("app.db")), RegistryKey[sqlite3.Connection])
    assert_type(registry.open(numbers.recipe(1), lifetime=RefLifetime.UNTIL_SNAPSHOT), RegistryKey[list[int]])
    assert_type(registry.get(registry.open(numbers.recipe(1))), list[int])
    registry.open(connect)  # E: argument
    registry.open("cases.db")  # E: argument
    registry.open(numbers.recipe(1), finalizer=None)  # E: unknown


def no_constructor() -> None:
    Recipe()  # E: missing pyrefly=bad-argument-count
    Recipe("cases.db")  # E: argument


def wrong_finalizer() -> None:
    register = reopener("cases.text", finalizer=sqlite3.Connection.close)

    @register  # E: no-overload mypy=arg-type pyright=reportArgumentType,reportCallIssue,reportUntypedFunctionDecorator
    def text(path: str) -> str:
        return path

    del text


def not_a_tag() -> None:
    reopener(1)  # E: closest-overload
    reopener()  # E: no-overload


class MyRecipe(Recipe[int]):  # E: final
    """A recipe is final."""


async def asynchronous_open(registry: SessionRefRegistry, recipe: Recipe[int | None]) -> None:
    assert_type(registry.get(registry.open(recipe)), int | None)
