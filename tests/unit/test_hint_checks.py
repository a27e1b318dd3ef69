"""What a check does besides saying right or wrong: whom it asks, what it tells, how it bears what does not behave."""

from __future__ import annotations

import collections
import collections.abc as cabc
import functools
import gc
import importlib
import itertools
import multiprocessing
import pathlib
import re
import subprocess
import sys
import threading
import time
import types
import typing
import weakref
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Generic, Literal, Optional, Protocol, TypedDict, TypeVar, Union

import numpy as np

import pytest
import typing_extensions as te
from beartype.vale import Is
from numpy.typing import NDArray

from liveref import CheckDepth, HintError, RefTypeError, RegistryKey, SessionRefRegistry, check_depth
from liveref._hints import info, predicates
from liveref._hints.info import check_of, class_info, mismatch

T = TypeVar("T")


class Base: ...


class Child(Base): ...


class Other: ...


class Row(TypedDict):
    name: str
    size: int


class Book(TypedDict):
    pages: int


class Anything(TypedDict):
    what: object
    more: te.NotRequired[int]


@typing.runtime_checkable
class Runner(Protocol):
    def run(self) -> None: ...
    def stop(self) -> None: ...


@typing.runtime_checkable
class HasPlace(Protocol):
    @property
    def place(self) -> str: ...


class Runs:
    def run(self) -> None: ...
    def stop(self) -> None: ...


class Half:
    def run(self) -> None: ...


class Stack(list[T]): ...


class Tower(Stack[T]): ...


@pytest.fixture
def registry() -> Iterator[SessionRefRegistry]:
    made = SessionRefRegistry()
    yield made
    made.close()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, object]]:
    """The questions that beartype is asked, each a value and a hint; that whether it can build a check left out."""
    questions: list[tuple[object, object]] = []
    ask, conf = predicates.beartype()

    def note(value: object, hint: object, **options: object) -> bool:
        if value is not None:
            questions.append((value, hint))
        return ask(value, hint, **options)

    monkeypatch.setattr(predicates, "beartype", lambda: (note, conf))
    monkeypatch.setattr(info, "beartype", lambda: (note, conf))
    # Checks that keys of other tests hold have noted whom to ask.
    monkeypatch.setattr(info, "_CHECKS", weakref.WeakValueDictionary())
    return questions


def fits(value: object, hint: object) -> bool:
    """The verdict of a lookup."""
    return isinstance(value, class_info(hint))


# Who is asked.


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (list[int], [1, 2]),
        (list[int], []),
        (set[str], {"a"}),
        (dict[str, int], {"a": 1}),
        (tuple[int, str], (1, "a")),
        (tuple[int, ...], (1, 2)),
        (list[dict[str, int]], [{"a": 1}]),
        (list[Any], [Base()]),
        (dict[str, object], {"a": Base()}),
        (cabc.Sequence[int], [1]),
        (cabc.Mapping[str, int], {"a": 1}),
        (Optional[list[int]], [1]),
        (Optional[list[int]], None),
        (Union[int, list[int]], 1),
        (Callable[[int], str], chr),
        (int | str, "a"),
        (Base | None, Child()),
    ],
    ids=itertools.count(),
)
def test_beartype_is_not_asked_where_the_classes_are_those_of_the_hint(
    asked: list[tuple[object, object]], hint: object, value: object
) -> None:
    assert fits(value, hint)
    assert asked == []


@pytest.mark.parametrize(
    ("hint", "value", "verdict"),
    [
        (list[int], [True], True),
        (list[int], ["a"], False),
        (list[int], (1,), False),
        (set[int], {"a"}, False),
        (dict[str, int], {"a": "b"}, False),
        (dict[str, int], {1: 1}, False),
        (tuple[int, str], (1, 2), False),
        (tuple[int, str], (1,), False),
        (tuple[int, ...], ("a",), False),
        (list[Base], [Child()], True),
        (Optional[list[int]], ["a"], False),
        (Callable[[int], str], 1, False),
        (Runner, Runs(), True),
        (Runner, Half(), False),
        (type[Base], Child, True),
        (type[Base], Other, False),
        (cabc.Iterator[int], [1], False),
        (te.TypeAliasType("Alias", list[int]), ["a"], False),
        (Annotated[list[int], "m"], ["a"], False),
        (Stack[int], Stack([1]), True),
        (Stack[int], Stack(["a"]), False),
    ],
    ids=itertools.count(),
)
def test_beartype_is_asked_for_all_else(
    asked: list[tuple[object, object]], hint: object, value: object, verdict: bool
) -> None:
    assert fits(value, hint) is verdict
    assert [question for question, _ in asked] == [value]


def test_yes_on_a_protocol_is_kept_by_class(asked: list[tuple[object, object]]) -> None:
    info = class_info(Runner)
    assert all(isinstance(Runs(), info) for _ in range(5))
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (Literal[1], True),
        (list[Literal[1]], [True]),
        (Row, {"name": "a", "size": "b"}),
        (typing.Pattern[str], 1),
        (NDArray[np.int64], np.zeros(2)),
        (HasPlace, Base()),
        (tuple[int, te.Unpack[tuple[str, ...]]], (1, 2)),
        (Annotated[int, Is[lambda n: n > 0]], 0),
        (list[type("Local", (), {})], [1]),
    ],
    ids=itertools.count(),
)
def test_beartype_is_not_asked_where_it_looks_too_little_or_would_keep_a_class(
    asked: list[tuple[object, object]], hint: object, value: object
) -> None:
    assert not fits(value, hint)
    assert asked == []


@pytest.mark.parametrize(
    ("hint", "right", "wrong"),
    [
        (Row, {"name": "a", "size": True}, {"name": "a", "size": "b"}),
        (list[Row], [{"name": "a", "size": True}], [{"name": "a"}]),
        (Anything, {"what": None}, {"more": 1}),
        (typing.Pattern[str], re.compile("a"), re.compile(b"a")),
        (NDArray[np.float64], np.zeros((2, 2)), np.zeros(2, int)),
        (NDArray[te.TypeAliasType("Whatever", Any)], np.zeros(2), [0.0]),
        (np.ndarray[tuple[int, int], np.dtype[np.float64]], np.zeros((2, 2)), np.zeros(2)),
        (Annotated[int, Is[lambda n: n > 0]], True, 0),
        (tuple[int, te.Unpack[tuple[str, ...]]], (1, "a"), (1, 2)),
        (tuple[int, te.Unpack[tuple[Base, ...]], str], (1, Child(), ""), (1, Other(), "")),
        (tuple[te.Unpack[tuple[str, ...]], int], (1,), ("a",)),
    ],
    ids=itertools.count(),
)
def test_forms_that_liveref_decides_are_decided_at_a_glance(hint: object, right: object, wrong: object) -> None:
    check = check_of(class_info(hint))
    assert check is not None
    assert isinstance(right, check.faster) and not isinstance(wrong, check.faster)
    assert fits(right, hint) and not fits(wrong, hint)


def test_lookup_refuses_a_key_that_a_closed_record_does_not_declare() -> None:
    closed = te.TypedDict("Closed", {"pages": int}, closed=True)
    assert fits({"pages": 1}, closed) and not fits({"pages": 1, "more": 1}, closed)


def test_beartype_is_asked_of_classes_alone_whatever_a_hint_wraps_them_in(asked: list[tuple[object, object]]) -> None:
    hint = list[Annotated[typing.NewType("Fresh", int), ["what has no hash"]]]
    assert not fits(["a"], hint)
    assert asked == [(["a"], list[int])]


def test_what_beartype_can_not_build_for_size_is_checked_all_the_same() -> None:
    deep, value, wrong = int, 1, "a"
    for _ in range(300):
        deep, value, wrong = list[deep], [value], [wrong]
    assert fits(value, deep) and not fits(wrong, deep)
    assert mismatch(value, class_info(deep), full=True) is None
    assert mismatch(wrong, class_info(deep), full=True) is not None
    wide = Union[tuple(list[type(f"C{at}", (), {"__module__": "builtins"})] for at in range(200))] | list[int]
    assert fits([1], wide) and not fits(["a"], wide)
    tall = Union[tuple(tuple[(int,) * size] for size in range(1, 200))]
    assert fits((1,) * 150, tall) and fits((True,) * 150, tall) and not fits((1,) * 300, tall)


def test_value_whose_methods_raise_in_beartype_is_read_as_the_container_that_it_is(
    registry: SessionRefRegistry,
) -> None:
    class Odd(list):
        def __len__(self) -> int:
            raise ZeroDivisionError

        def __getitem__(self, index: object) -> object:
            raise ZeroDivisionError

    for value, verdict in ((Odd([1]), True), (Odd(["a"]), False)):
        assert fits(value, list[int]) is verdict
    assert registry.get(registry.insert(Odd([1]), list[int])) == [1]


def test_first_such_hint_imports_beartype() -> None:
    code = """
import sys, liveref
registry = liveref.SessionRefRegistry()
key = registry.insert([1], list[int])
registry.get(key)
assert "beartype" not in sys.modules
registry.get_any(key)[0] = True
registry.get(key)
assert "beartype" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# Whole values.


@pytest.mark.parametrize("hint", [Stack[int], Tower[int], list[Stack[int]], dict[str, Tower[int]]], ids=str)
def test_class_that_derives_from_a_container_is_looked_into(registry: SessionRefRegistry, hint: object) -> None:
    made = {Stack: Stack, Tower: Tower, list: lambda items: [Stack(items)], dict: lambda items: {"a": Tower(items)}}
    make = made[typing.get_origin(hint)]
    registry.verify(registry.insert(make([1, 2]), hint))
    with pytest.raises(RefTypeError):
        registry.insert(make([1, "a"]), hint)
    with pytest.raises(RefTypeError):
        registry.insert([1], hint)


@pytest.mark.parametrize(
    ("hint", "right", "wrong"),
    [
        (list[Literal[1, "a"]], [1, "a"], [1, "b"]),
        (list[Literal[1, False]], [1, False, 1], [True]),
        (list[Literal[1, False]], [], [0]),
        (list[Literal[True, "a"]], [True, True], [True, 1]),
        (list[Literal["auto"] | int], ["auto", 1] * 5, ["auto", 1, "manual"]),
        (list[list[int] | list[str] | None], [[1], ["a"], None], [[1], ["a", 1]]),
        (list[list[int] | dict[str, int]], [[1], {"a": 1}] * 3, [[1], {"a": "b"}]),
        (list[Row | Book], [{"name": "a", "size": 1}, {"pages": 1}], [{"pages": 1}, {"name": "a"}]),
        (list[Callable[[int], int] | int], [abs, 1], [abs, lambda: 1]),
        (list[Base | list[Base]], [Child(), [Child()]], [Child(), [Other()]]),
        (list[tuple[int, te.Unpack[tuple[str, ...]], int]], [(1, 1), (1, "a", 2)], [(1, 1), (1, 2, 3)]),
        (list[typing.Pattern[str]], [], [1]),
        (list[set[int]], [{1}, set()], [{1}, {"a"}]),
        (frozenset[tuple[int, str]], frozenset({(1, "a")}), frozenset({(1, 2)})),
        (dict[tuple[int, int], list[int]], {(1, 2): [3]}, {(1, "a"): [3]}),
        (cabc.ValuesView[list[int]], {1: [1]}.values(), {1: ["a"]}.values()),
        (list[cabc.Sequence[str]], ["abc", ["a"], ("a",)], ["abc", [1]]),
        (list[collections.ChainMap[str, int]], [collections.ChainMap({"a": 1})], [collections.ChainMap({"a": "b"})]),
        (list[Runner | None], [Runs(), None], [Runs(), Half()]),
        (list[NDArray[np.int64] | None], [np.zeros(1, int), None], [np.zeros(1)]),
    ],
    ids=itertools.count(),
)
def test_many_values_are_checked_as_each_alone(
    registry: SessionRefRegistry, hint: object, right: object, wrong: object
) -> None:
    registry.verify(registry.insert(right, hint))
    with pytest.raises(RefTypeError):
        registry.insert(wrong, hint)


def test_nested_union_of_a_wrong_value_is_checked_in_bounded_time(registry: SessionRefRegistry) -> None:
    json = te.TypeAliasType("json", "Union[int, None, list[json], dict[str, json]]")
    value: object = "wrong"
    for _ in range(100):
        value = [value, {"a": value}]
    start = time.perf_counter()
    with pytest.raises(RefTypeError):
        registry.insert([value, [value] * 2], json)
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize(
    "function",
    [abs, int.__add__, str.upper, int, functools.partial(int, base=2), Runs, dict.fromkeys, [].append, print],
    ids=itertools.count(),
)
def test_callable_whose_arguments_are_not_known_passes_or_is_counted(
    registry: SessionRefRegistry, function: Callable[..., object]
) -> None:
    registry.get(registry.insert(function, Callable[..., object]))
    with pytest.raises(RefTypeError) if function in (Runs, int.__add__) else _nothing():
        registry.insert(function, Callable[[int], object])


class _nothing:
    def __enter__(self) -> None: ...
    def __exit__(self, *exc: object) -> None: ...


def test_arguments_of_a_callable_object_are_counted_without_its_repr(registry: SessionRefRegistry) -> None:
    class Calls:
        def __call__(self, one: int) -> int:
            return one

        def __repr__(self) -> str:
            raise AssertionError

    class Bare(Calls):
        __call__ = len

    registry.insert(Calls(), Callable[[int], int])
    registry.insert(functools.partial(Calls()), Callable[[int, int], int])
    registry.insert(Bare(), Callable[[list], int])
    with pytest.raises(RefTypeError, match="Calls that can't be called with 2 arg"):
        registry.insert(Calls(), Callable[[int, int], int])


def test_value_that_is_shared_or_holds_itself_many_times_is_checked_in_bounded_time(
    registry: SessionRefRegistry,
) -> None:
    json = te.TypeAliasType("json", "Union[int, list[json], dict[str, json]]")
    shared: object = 1
    for _ in range(100):
        shared = [shared, shared]
    registry.insert(shared, json)
    itself: list[object] = []
    itself += [itself, itself]
    with pytest.raises(RefTypeError, match="nested too deeply"):
        registry.insert(itself, json)
    row = [1] * 20_000
    registry.insert([row] * 20_000, list[list[int]])
    registry.insert([dict.fromkeys(range(20_000), 1)] * 20_000, list[dict[int, int]])
    registry.insert([row] * 20_000, list[cabc.Sequence[int]])


# Protocols.


class Lazy:
    ran = 0

    @property
    def place(self) -> str:
        Lazy.ran += 1
        raise RuntimeError("nobody asked")

    run = stop = place


@pytest.mark.parametrize("hint", [HasPlace, Runner, list[HasPlace], HasPlace | None, list[Runner]], ids=str)
def test_property_never_runs(registry: SessionRefRegistry, hint: object) -> None:
    value = [Lazy()] if typing.get_origin(hint) is list else Lazy()
    key = registry.insert(value, hint)
    for _ in range(3):
        registry.get(key)
        registry.verify(key)
    with pytest.raises(RefTypeError):
        registry.insert(Half(), hint)
    assert Lazy.ran == 0


def test_class_that_names_a_protocol_as_its_base_is_one(registry: SessionRefRegistry) -> None:
    class Named(HasPlace):
        def __init__(self) -> None: ...

    registry.insert(Named(), HasPlace)


def test_method_that_is_none_is_not_there(registry: SessionRefRegistry) -> None:
    class Without:
        run = stop = None

    with pytest.raises(RefTypeError, match="lacks run, stop"):
        registry.insert(Without(), Runner)


# Functions that stand for classes.


@pytest.mark.parametrize(
    "factory",
    [threading.Lock, threading.RLock, multiprocessing.Queue, multiprocessing.SimpleQueue, multiprocessing.Lock],
)
def test_factory_stands_for_the_class_of_what_it_makes(
    registry: SessionRefRegistry, factory: Callable[[], object]
) -> None:
    made = factory()
    key = registry.insert(made, factory)
    assert key.hint is type(made)
    assert registry.get(key, factory) is made
    assert registry.get(registry.insert([made], list[factory])) == [made]
    assert check_depth(factory) is CheckDepth.EXACT
    with pytest.raises(RefTypeError):
        registry.insert(1, factory)


@pytest.mark.parametrize(
    ("hint", "name"),
    [
        (len, "len"),
        (shout := lambda: None, "<lambda>"),
        (pathlib.Path.cwd, "cwd"),
        (multiprocessing.Manager, "Manager"),
        (test_method_that_is_none_is_not_there, "test_method_that_is_none_is_not_there"),
    ],
    ids=itertools.count(),
)
def test_other_callables_are_named_in_the_refusal(hint: object, name: str) -> None:
    with pytest.raises(HintError, match=name):
        check_depth(hint)


# Refused.


@pytest.mark.parametrize(
    "hint",
    [
        NDArray[np.int64 | np.float64],
        NDArray[typing.Union[np.int64, np.float64]],
        list[NDArray[np.int64 | np.float64]],
        te.TypeForm[int],
        list[te.TypeForm[int]],
        te.TypeForm,
        NDArray[T],
    ],
    ids=itertools.count(),
)
def test_hint_that_can_not_be_checked_is_refused_at_the_key(registry: SessionRefRegistry, hint: object) -> None:
    for use in (RegistryKey.new, check_depth, registry.typed, lambda hint: registry.insert(1, hint)):
        with pytest.raises(HintError):
            use(hint)


# What a mismatch tells.


def found(value: object, hint: object, *, full: bool = True) -> str:
    found = mismatch(value, class_info(hint), full=full)
    text = found and found.found
    assert text is not None
    return text.replace(f"{__name__}.", "")


@pytest.mark.parametrize(
    ("hint", "value", "text"),
    [
        (Row, {"name": "a"}, "dict that lacks 'size'"),
        (Row, {"name": "a", "size": "b"}, "dict with str at ['size']"),
        (list[Row], [{"name": "a", "size": 1}, {"name": "a"}], "list with dict that lacks 'size' at [1]"),
        (Optional[Row], {"name": "a"}, "dict that lacks 'size'"),
        (te.TypedDict("Closed", {"a": int}, closed=True), {"a": 1, "b": 2}, "dict with a key that is not declared"),
        (te.TypedDict("More", {}, extra_items=int), {"b": "c"}, "dict with str at […]"),
        (tuple[int, int], (1,), "tuple of 1 item"),
        (list[tuple[int, int]], [(1, 2), (1, 2, 3)], "list with tuple of 3 items at [1]"),
        (tuple[int, te.Unpack[tuple[str, ...]], int], (1, "a", 2, 3), "tuple with int at [2]"),
        (tuple[int, te.Unpack[tuple[str, ...]], int], (1, "a", "b", "c"), "tuple with str at [3]"),
        (Runner, Half(), "Half that lacks stop"),
        (list[Runner], [Runs(), 1], "list with int that lacks run, stop at [1]"),
        (NDArray[np.float64], np.zeros(2, np.int64), "numpy.ndarray with dtype int64 at .dtype"),
        (
            np.ndarray[tuple[int, int], np.dtype[np.float64]],
            np.zeros(2),
            "numpy.ndarray with tuple of 1 item at .shape",
        ),
        (type[Base], Other, "the class Other"),
        (type[Base], 1, "int"),
        (Callable[[int], int], lambda: 1, "function that can't be called with 1 argument"),
        (Callable[[int], int], 1, "int"),
        (Annotated[int, Is[lambda n: n > 0]], 0, "int that a validator refuses"),
        (Annotated[int, Is[lambda n: n > 0]], "a", "str"),
        (Optional[dict[str, list[int]]], {"a": [1, "x"]}, "dict with str at .values()[0][1]"),
        (
            list[list[int] | list[str]],
            [[1], [1, "a"]],
            "list with list that is none of these: list[int]: list with str at [1]; "
            "list[str]: list with int at [0] at [1]",
        ),
        (typing.Pattern[str], __import__("re").compile(b""), "re.Pattern with bytes at .pattern"),
        (Stack[int], Stack(["a"]), "Stack with str at [0]"),
        (Stack[int], [1], "list"),
    ],
    ids=itertools.count(),
)
def test_mismatch_tells_why(hint: object, value: object, text: str) -> None:
    shown = found(value, hint).replace("builtins.", "").replace("builtin_function_or_", "")
    assert shown == text


def test_mismatch_tells_of_a_class_that_was_loaded_anew() -> None:
    old = Base()
    new = type("Base", (), {"__module__": __name__, "__qualname__": "Base"})
    for hint, value in ((new, old), (list[new], [old]), (new | None, old)):
        assert "Base, another class of that name, loaded anew" in found(value, hint)
    assert found(Base, type[new]).endswith("Base, another class of that name, loaded anew")
    assert "anew" not in found(Other(), new)


def test_mismatch_of_a_lookup_tells_of_the_first_item() -> None:
    assert found([1, "a"], list[str], full=False) == "list with int at [0]"
    assert found({"a": "b"}, dict[str, int], full=False) == "dict with str at .values()[0]"


def test_mismatch_is_one_short_line(registry: SessionRefRegistry) -> None:
    fields = TypedDict("Fields", {"a" * 400: dict[str, int]})
    wide = Union[tuple(type("C" * 50 + str(at), (), {}) for at in range(50))]
    for hint, value in (
        (fields, {"a" * 400: {"b": "c"}}),
        (fields, {}),
        (wide, 1),
        (list[wide], [1]),
        (Union[tuple(dict[str, typing.Literal[at]] for at in range(100))], {"a": "b"}),
    ):
        for use in (
            lambda: registry.insert(value, hint),
            lambda: registry.get(registry.insert(value), hint),
            lambda: registry.verify(RegistryKey.parse(str(registry.insert(value)), hint)),
        ):
            with pytest.raises(RefTypeError) as caught:
                use()
            assert len(str(caught.value)) < 300 and "\n" not in str(caught.value)


# What does not behave.


class Endless(cabc.Collection):
    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[object]:
        return itertools.repeat(1)

    def __contains__(self, item: object) -> bool:
        return True


class EndlessMapping(cabc.Mapping):
    def __len__(self) -> int:
        return 3

    def __iter__(self) -> Iterator[object]:
        return map(str, itertools.count())

    def __getitem__(self, key: object) -> object:
        return 1


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (cabc.Collection[int], Endless(3)),
        (cabc.Iterable[int], Endless(3)),
        (list[cabc.Collection[int]], [Endless(0)]),
        (cabc.Collection[Literal[1]], Endless(5)),
        (cabc.Mapping[str, int], EndlessMapping()),
        (dict[str, cabc.Mapping[str, int]], {"a": EndlessMapping()}),
    ],
    ids=itertools.count(),
)
def test_container_that_never_ends_is_a_wrong_type(registry: SessionRefRegistry, hint: object, value: object) -> None:
    with pytest.raises(RefTypeError, match="goes on after"):
        registry.insert(value, hint)
    assert registry.is_empty()


def test_so_many_items_of_a_foreign_container_are_looked_at(
    registry: SessionRefRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predicates, "_MOST", 1_000)
    with pytest.raises(RefTypeError, match="goes on after 1,000 items"):
        registry.insert(Endless(10**18), cabc.Collection[int])


def test_union_of_many_classes_is_checked_in_bounded_time() -> None:
    classes = [type(f"C{at}", (), {}) for at in range(10_000)]
    for count in (1_000, 10_000):
        hint = Union[tuple(classes[:count])]
        start = time.process_time()
        check_depth(hint)
        assert time.process_time() - start < 10
        assert fits(classes[count - 1](), hint) and not fits(1, hint)
    many = Union[tuple(list[cls] for cls in classes)]
    start = time.process_time()
    assert not fits([1], many) and fits([classes[-1]()], many)
    assert time.process_time() - start < 20


def test_hint_nested_deeply_is_refused() -> None:
    for wrap in (lambda hint: list[hint], lambda hint: tuple[hint, ...], lambda hint: dict[str, hint]):
        hint: Any = int
        for _ in range(1_000):
            hint = wrap(hint)
        with pytest.raises(HintError, match="nested too deeply"):
            check_depth(hint)


class Unreadable:
    __module__ = "typing"

    def __repr__(self) -> str:
        raise ZeroDivisionError

    def __hash__(self) -> int:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    "hint",
    [
        Unreadable(),
        list[Unreadable()],
        Literal[[]],
        Literal[{"a": 1}],
        list[Literal[[]]],
        te.TypeAliasType("Alias", "Nowhere"),
        te.TypeAliasType("Alias", "list["),
        te.TypeAliasType("Alias", "1 / 0"),
    ],
    ids=itertools.count(),
)
def test_hint_that_does_not_behave_is_refused(registry: SessionRefRegistry, hint: object) -> None:
    with pytest.raises(HintError) as caught:
        registry.insert(1, hint)
    assert "ZeroDivisionError" not in str(caught.value.__cause__)
    assert registry.is_empty()


def test_metadata_without_a_hash_is_no_hindrance(registry: SessionRefRegistry) -> None:
    class Anyone:
        __hash__ = None

        def __eq__(self, other: object) -> bool:
            raise ZeroDivisionError

        def __repr__(self) -> str:
            raise ZeroDivisionError

    for metadata in ([], {}, Anyone()):
        registry.get(registry.insert(1, Annotated[int, metadata]))
        with pytest.raises(RefTypeError):
            registry.insert("a", Annotated[int, metadata])


def test_proxy_is_what_it_says(registry: SessionRefRegistry) -> None:
    wrapt = pytest.importorskip("wrapt", reason="it comes with an engine")
    for hint, right, wrong in (
        (dict[str, int], {"a": 1}, {"a": "b"}),
        (list[int], [1], [1, "a"]),
        (tuple[int, str], (1, "a"), (1,)),
        (Row, {"name": "a", "size": 1}, {"name": "a"}),
        (list[int] | dict[str, int], {"a": 1}, {"a": "b"}),
    ):
        value = wrapt.ObjectProxy(right)
        assert registry.get(registry.insert(value, hint)) is value
        registry.insert([value, value], list[hint])
        with pytest.raises(RefTypeError):
            registry.insert(wrapt.ObjectProxy(wrong), hint)


# What is kept.


def test_no_fresh_class_is_kept_by_beartype(registry: SessionRefRegistry) -> None:
    alive = []
    for position in range(2_000):
        cls = type(f"Fresh{position}", (), {"run": lambda self: None, "stop": lambda self: None, "place": "p"})
        interface = typing.runtime_checkable(type(f"Like{position}", (Protocol,), {"run": lambda self: None}))
        alive += [weakref.ref(cls), weakref.ref(interface)]
        value, other = cls(), Half()
        for hint, right, wrong in (
            (list[cls], [value], [other]),
            (list[cls | None], [None, value], [other]),
            (dict[str, list[cls]], {"a": [value]}, {"a": [other]}),
            (tuple[cls, int], (value, 1), (other, 1)),
            (type[cls], cls, Half),
            (cls | list[cls], [value], [other]),
            (interface, value, Base()),
            (list[interface], [value], [Base()]),
            (interface | None, value, Base()),
            (Runner, value, other),
            (list[Runner], [value], [other]),
            (HasPlace, value, other),
            (Callable[[cls], cls], lambda _: None, 1),
            (Box[cls], Box(), value),
            (Stack[cls], Stack([value]), Stack([other])),
        ):
            key = registry.insert(right, hint)
            assert registry.get(key) is right
            registry.verify(key)
            registry.remove(key)
            assert not fits(wrong, hint)
    del cls, interface, value, other, key, hint, right, wrong
    for clean in typing._cleanups:
        clean()
    cached = getattr(__import__("inspect"), "_shadowed_dict_from_mro_tuple", None)
    if cached is not None:
        cached.cache_clear()
    gc.collect()
    assert sum(ref() is not None for ref in alive) == 0


class Box(Generic[T]): ...


def test_fresh_class_that_derives_from_a_container_is_not_kept_by_beartype(registry: SessionRefRegistry) -> None:
    alive = []
    for position in range(50):
        cls = types.new_class(f"Rows{position}", (list[T],))
        alive.append(weakref.ref(cls))
        key = registry.insert(cls([1]), cls[int])
        assert registry.get(key) == [1]
        registry.remove(key)
        assert not fits(cls(["a"]), cls[int])
    del cls, key
    for clean in typing._cleanups:
        clean()
    gc.collect()
    assert sum(ref() is not None for ref in alive) == 0


def test_hints_that_are_gone_are_not_kept_by_beartype() -> None:
    kinds = [types.new_class(f"N{at}") for at in range(50)]
    alive = []
    for at in range(50):
        new = typing.NewType(f"New{at}", int)
        alive.append(weakref.ref(new))
        assert not fits(["a"], list[new])
    del new, kinds
    for clean in typing._cleanups:
        clean()
    gc.collect()
    assert sum(ref() is not None for ref in alive) == 0


def test_check_of_a_hint_goes_with_its_key() -> None:
    key = RegistryKey.new(list[tuple[Base, Other]])
    check = check_of(key._info)
    assert check_of(class_info(list[tuple[Base, Other]])) is check
    alive = weakref.ref(check)
    del key, check
    gc.collect()
    assert alive() is None


class Listed(list[T], Generic[T]): ...


class Pair(TypedDict, Generic[T]):
    left: T
    right: T


@pytest.mark.parametrize(
    "wrap",
    [
        lambda hint: Box[hint],
        lambda hint: Listed[hint],
        lambda hint: Pair[hint],
        lambda hint: Callable[[int], hint],
        lambda hint: cabc.Generator[hint, int, int],
        lambda hint: Optional[cabc.Awaitable[hint]],
        lambda hint: Annotated[type[hint] if hint is int else Box[hint], "x"],
        lambda hint: te.TypeAliasType("Wrapped", Box[hint]),
    ],
    ids=itertools.count(),
)
def test_part_of_a_hint_is_built_once_though_it_is_asked_for_again_at_each_level(
    wrap: Callable[[object], object],
) -> None:
    hint: object = int
    for _ in range(24):  # twice as long with each level, it would take an hour
        hint = wrap(hint)
    assert check_depth(hint) in CheckDepth


def test_literal_of_many_values_is_one_look() -> None:
    hint = Literal[tuple(range(20_000))]
    assert fits(19_999, hint) and not fits(20_000, hint) and not fits(True, hint)


def test_key_that_must_be_there_must_be_there_whatever_its_value_may_be() -> None:
    assert fits({"what": None}, Anything) and fits({"what": object(), "more": 1}, Anything)
    assert not fits({}, Anything) and not fits({"more": 1}, Anything) and not fits({"what": 1, "more": "x"}, Anything)
    assert fits(collections.OrderedDict(what=1), Anything) and not fits(collections.OrderedDict(more=1), Anything)
