"""Recipes: registered functions with JSON arguments."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

import pytest

from liveref import (
    InvalidArgumentError,
    NotJSONableError,
    Recipe,
    RefTypeError,
    Session,
    SessionRefRegistry,
    SessionSnapshot,
    reopener,
)


if TYPE_CHECKING:
    ForCheckers = int


@reopener("tests.recipe.join")
def join(first: str, *more: object, sep: str = ",") -> str:
    """Join texts."""
    return sep.join([first, *map(str, more)])


def test_a_reopener_is_called_as_the_function_was() -> None:
    assert join("a", 1, sep="-") == "a-1"
    assert repr(join) == "<Reopener 'tests.recipe.join'>"


def test_a_recipe_names_its_arguments_and_not_their_values() -> None:
    recipe = join.recipe("secret", 1, sep="-")
    assert recipe.tag == "tests.recipe.join"
    assert repr(recipe) == "<Recipe 'tests.recipe.join' (first, more, sep)>"


def test_a_recipe_has_no_public_constructor() -> None:
    with pytest.raises(TypeError, match="get one from the recipe"):
        Recipe("tests.recipe.join")  # type: ignore[call-arg]


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "é", [1, ["x"]], {"a": {"b": None}}])
def test_a_json_value_is_an_argument(value: object) -> None:
    registry = SessionRefRegistry()
    assert registry[registry.open(join.recipe("a", value))] == f"a,{value}"


def test_arguments_are_copied_when_the_recipe_is_made() -> None:
    parts = [1]
    recipe = join.recipe("a", parts)
    parts.append(2)
    registry = SessionRefRegistry()
    assert registry[registry.open(recipe)] == "a,[1]"


class Odd(type):
    """A class of classes that have no hash."""

    def __eq__(cls, other: object) -> bool:
        return cls is other

    __hash__ = None  # type: ignore[assignment]


class Unhashed(metaclass=Odd):
    """Of such a class."""


class Text(str):
    """A text that is no plain one."""


def nest(depth: int) -> list[object]:
    value: list[object] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "path", "found"),
    [
        ((1,), r"\$\[1\]", "tuple"),
        ([1, {"a": b"x"}], r"\$\[1\]\[1\]\.a", "bytes"),
        (math.nan, r"\$\[1\]", "not finite"),
        (math.inf, r"\$\[1\]", "not finite"),
        ("\ud800", r"\$\[1\]", "surrogate"),
        (Text("x"), r"\$\[1\]", "Text"),
        ({1: 2}, r"\$\[1\]", "dict key of type int"),
        ({"\udfff": 2}, r"\$\[1\]", "dict key"),
        (sys, r"\$\[1\]", "module"),
        (Unhashed(), r"\$\[1\]", "Unhashed"),
        (10**4_300, r"\$\[1\]", "an int of more than 4,300 digits"),
        (nest(401), r"\$\[1\]", "nested too deeply"),
        (nest(100_000), r"\$\[1\]", "nested too deeply"),
    ],
    ids=[
        "tuple",
        "bytes",
        "nan",
        "inf",
        "surrogate",
        "str subclass",
        "int key",
        "surrogate key",
        "module",
        "no hash",
        "huge",
        "deep",
        "very deep",
    ],
)
def test_an_argument_that_is_no_json_is_refused_with_its_path(value: object, path: str, found: str) -> None:
    with pytest.raises(NotJSONableError, match=f"{path} is not JSON: found .*{found}"):
        join.recipe("a", value)
    with pytest.raises(NotJSONableError, match=r"\$\.sep"):
        join.recipe("a", sep=value)  # type: ignore[arg-type]


@reopener("tests.recipe.named")
def named(**values: int) -> list[str]:
    return [*values]


@pytest.mark.parametrize(
    ("name", "found"),
    [("\ud800", "a dict key with a lone surrogate"), (Text("x"), "a dict key of type .*Text")],
    ids=["surrogate", "str subclass"],
)
def test_the_name_of_an_argument_is_json_too(name: str, found: str) -> None:
    with pytest.raises(NotJSONableError, match=rf"^\$ is not JSON: found {found}"):
        named.recipe(**{name: 1})
    with Session() as session:
        key = session.refs.open(named.recipe(**{"\xe4 b": 1}))
        assert session.refs[key] == ["\xe4 b"]


@pytest.mark.parametrize("value", [nest(399), -(10**4_299)], ids=["deep", "huge"])
def test_what_a_recipe_takes_a_snapshot_takes(value: object) -> None:
    with Session() as session:
        key = session.refs.open(join.recipe("a", value))
        data = session.snapshot().to_bytes()
    with Session.resume(SessionSnapshot.from_bytes(data, trusted=True)) as resumed:
        assert resumed.refs[key] == f"a,{value}"


def test_arguments_that_the_function_does_not_take_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match=r"arguments of recipe 'tests\.recipe\.join'"):
        join.recipe()  # type: ignore[call-arg]
    with pytest.raises(InvalidArgumentError):
        join.recipe("a", colour="red")  # type: ignore[call-arg]


def test_a_tag_is_registered_once() -> None:
    with pytest.raises(ValueError, match=r"tag must be one that no other function has"):

        @reopener("tests.recipe.join")
        def other() -> None: ...

    assert join.recipe("a").tag == "tests.recipe.join"


def test_the_same_function_may_be_registered_again_as_a_reload_does() -> None:
    again = reopener("tests.recipe.join")(join._function)
    assert again("a", "b") == "a,b"


@pytest.mark.parametrize("tag", ["", None, 5, join])
def test_a_tag_is_a_text(tag: object) -> None:
    with pytest.raises(InvalidArgumentError, match="tag must be a text"):
        reopener(tag)  # type: ignore[call-overload]


lazily = pytest.mark.skipif(sys.version_info < (3, 14), reason="before Python 3.14 annotations are evaluated at once")


def late(result: str, after: str = "") -> Recipe[object]:
    """A recipe whose function names in its annotations what is defined after it, or never."""
    source = f"@reopener('tests.recipe.late')\ndef late(count: Later = 2) -> Later: return {result}\n{after}"
    names: dict[str, Any] = {"__name__": __name__, "reopener": reopener}
    exec(compile(source, __name__, "exec", dont_inherit=True), names)
    return names["late"].recipe(1)


@lazily
def test_annotations_of_a_reopener_may_name_what_never_comes() -> None:
    recipe = late("[count]")
    assert repr(recipe) == "<Recipe 'tests.recipe.late' (count)>"
    registry = SessionRefRegistry()
    assert registry.get(registry.open(recipe)) == [1]


@lazily
def test_what_a_reopener_gives_is_checked_by_a_name_that_comes_later() -> None:
    registry, later = SessionRefRegistry(), "class Later(list): ...\n"
    assert registry.get(registry.open(late("Later([count])", later))) == [1]
    with pytest.raises(RefTypeError, match="expected tests.unit.test_recipe.Later, found list"):
        registry.open(late("[count]", later))


def test_what_a_reopener_gives_is_checked_though_its_arguments_are_of_a_class_for_checkers_alone() -> None:
    @reopener("tests.recipe.for_checkers")
    def made(count: ForCheckers = 2) -> list[int]:
        return "a text"

    with pytest.raises(RefTypeError, match=r"expected list\[int\], found str"):
        SessionRefRegistry().open(made.recipe())
