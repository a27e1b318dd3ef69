"""What a recipe gives is checked against what its function says that it gives."""

from __future__ import annotations

from typing import Any

import pytest

from liveref import Recipe, RefTypeError, ReopenError, Session, SessionPausePolicy, SessionRefRegistry, reopener

closed: list[object] = []


@reopener("tests.opened.wrong", finalizer=closed.append)
def wrong() -> list[int]:
    return ["secret value"]  # type: ignore[list-item]  # pyright: ignore[reportReturnType]


def fail(_value: object) -> None:
    raise ValueError


@reopener("tests.opened.stubborn", finalizer=fail)
def stubborn() -> int:
    return "x"  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


@reopener("tests.opened.plain")
def plain() -> int:
    return "x"  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


@reopener("tests.opened.silent")
def silent():  # type: ignore[no-untyped-def]  # noqa: ANN201
    return "x"


@reopener("tests.opened.unknown")
def unknown() -> NotThere:  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore[reportUndefinedVariable]
    return "x"


@reopener("tests.opened.right")
def right() -> list[int]:
    return [1]


@pytest.fixture(autouse=True)
def clean() -> None:
    closed.clear()


def test_open_refuses_what_is_not_what_it_says_and_closes_it() -> None:
    refs = SessionRefRegistry()
    with pytest.raises(
        RefTypeError, match=r"recipe 'tests.opened.wrong': expected list\[int\].*closed again"
    ) as caught:
        refs.open(wrong.recipe())
    assert "secret" not in str(caught.value)
    assert closed == [["secret value"]]
    assert refs.is_empty()


def test_so_does_the_first_lookup_after_a_pause() -> None:
    with Session() as session:
        key = session.refs.insert([1], reopen=wrong.recipe())
        snapshot = session.snapshot(policy=SessionPausePolicy.WARN_DROP)
    with Session.resume(snapshot) as again:
        for _ in range(2):
            with pytest.raises(RefTypeError, match=r"tests\.opened\.wrong"):
                again.refs.get_any(key)
    assert closed == [["secret value"]] * 2


def test_a_finalizer_that_fails_is_noted() -> None:
    with pytest.raises(RefTypeError) as caught:
        SessionRefRegistry().open(stubborn.recipe())
    assert caught.value.__notes__ == ["Closing it raised ValueError."]


def test_without_a_finalizer_it_is_let_go() -> None:
    with pytest.raises(RefTypeError):
        SessionRefRegistry().open(plain.recipe())


@pytest.mark.parametrize("recipe", [silent.recipe(), unknown.recipe(), right.recipe()], ids=lambda each: each.tag)
def test_what_says_nothing_that_can_be_checked_is_not(recipe: Recipe[Any]) -> None:
    refs = SessionRefRegistry()
    assert refs[refs.open(recipe)] in ("x", [1])
    refs.close()


def test_a_recipe_that_raises_is_told_as_ever() -> None:
    @reopener("tests.opened.raising")
    def raising() -> int:
        raise ValueError

    with pytest.raises(ReopenError):
        SessionRefRegistry().open(raising.recipe())
