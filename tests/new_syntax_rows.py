"""Hints in the syntax of newer Pythons, as text, each with a value that fits and one that does not.

Written from the specification alone (PEP 646, 649, 655, 695, 696, 705, 728), as `hint_rows.py`.
"""

from __future__ import annotations

import itertools
import sys
import types
from typing import Any, NamedTuple

PRELUDE = """
import collections.abc as cabc
import dataclasses
import enum
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import (
    Annotated, Any, Generic, Literal, NamedTuple, NewType, NotRequired, Optional, Protocol, Required, Union, Unpack,
    runtime_checkable,
)
import typing_extensions as te
from typing_extensions import NoDefault, ReadOnly, TypeAliasType, TypedDict, TypeIs

class Base: ...
class Child(Base): ...
class Other: ...
def one(a): ...
def two(a, b): ...
def none(): ...
"""
_numbers = itertools.count()


class Row(NamedTuple):
    """A hint, a value that fits it, and one that does not, all as text; ``source`` binds ``Hint``."""

    name: str
    needs: tuple[int, int]
    source: str
    right: str
    wrong: str

    def made(self) -> tuple[Any, Any, Any]:
        """Hint, right and wrong value, of a module of their own that stays loaded."""
        module = types.ModuleType(f"new_syntax_{next(_numbers)}")
        sys.modules[module.__name__] = module
        # Else the future import of this file would hold there, too.
        exec(compile(PRELUDE + self.source, module.__name__, "exec", dont_inherit=True), vars(module))
        hint, right, wrong = (eval(text, vars(module)) for text in ("Hint", self.right, self.wrong))
        return hint, right, wrong


OF_311 = [
    Row(
        "default of a parameter, generic TypedDict",
        (3, 11),
        "T = te.TypeVar('T', default=int)\nclass Page(TypedDict, Generic[T]):\n    items: list[T]\nHint = Page",
        "{'items': [1]}",
        "{'items': ['x']}",
    ),
    Row(
        "default of a parameter, given",
        (3, 11),
        "T = te.TypeVar('T', default=int)\nclass Page(TypedDict, Generic[T]):\n    items: list[T]\nHint = Page[str]",
        "{'items': ['x']}",
        "{'items': [1]}",
    ),
    Row(
        "default of a parameter of an alias",
        (3, 11),
        "T = te.TypeVar('T', default=int)\nHint = TypeAliasType('Hint', list[T], type_params=(T,))",
        "[1]",
        "['x']",
    ),
    Row(
        "bare alias with a parameter",
        (3, 11),
        "T = typing.TypeVar('T')\nHint = TypeAliasType('Hint', list[T], type_params=(T,))",
        "[1, 'x']",
        "(1,)",
    ),
    Row(
        "default that is another parameter",
        (3, 11),
        "A = te.TypeVar('A')\nB = te.TypeVar('B', default=A)\n"
        "class Two(TypedDict, Generic[A, B]):\n    a: A\n    b: B\nHint = Two[int]",
        "{'a': 1, 'b': 2}",
        "{'a': 1, 'b': 'x'}",
    ),
    Row(
        "ReadOnly of a list",
        (3, 11),
        "class Hint(TypedDict):\n    a: ReadOnly[list[int]]",
        "{'a': [1]}",
        "{'a': ['x']}",
    ),
    Row(
        "ReadOnly of NotRequired",
        (3, 11),
        "class Hint(TypedDict):\n    a: ReadOnly[NotRequired[int]]",
        "{}",
        "{'a': 'x'}",
    ),
    Row(
        "NotRequired of ReadOnly",
        (3, 11),
        "class Hint(TypedDict):\n    a: NotRequired[ReadOnly[int]]",
        "{}",
        "{'a': 'x'}",
    ),
    Row(
        "Required of ReadOnly, not total",
        (3, 11),
        "class Hint(TypedDict, total=False):\n    a: Required[ReadOnly[int]]",
        "{'a': 1}",
        "{}",
    ),
    Row("closed", (3, 11), "class Hint(TypedDict, closed=True):\n    a: int", "{'a': 1}", "{'a': 1, 'b': 2}"),
    Row(
        "closed with NotRequired",
        (3, 11),
        "class Hint(TypedDict, closed=True):\n    a: NotRequired[int]",
        "{}",
        "{'b': 2}",
    ),
    Row(
        "subclass of a closed one is closed",
        (3, 11),
        "class Base(TypedDict, closed=True):\n    a: NotRequired[int]\nclass Hint(Base): ...",
        "{'a': 1}",
        "{'b': 2}",
    ),
    Row(
        "extra items",
        (3, 11),
        "class Hint(TypedDict, extra_items=int):\n    a: str",
        "{'a': '', 'b': 1}",
        "{'a': '', 'b': ''}",
    ),
    Row(
        "extra items that are ReadOnly",
        (3, 11),
        "class Hint(TypedDict, extra_items=ReadOnly[int]):\n    a: str",
        "{'a': '', 'b': 1}",
        "{'a': '', 'b': ''}",
    ),
    Row(
        "extra items, inherited",
        (3, 11),
        "class Base(TypedDict, extra_items=int):\n    a: str\nclass Hint(Base):\n    c: str",
        "{'a': '', 'b': 1, 'c': ''}",
        "{'a': '', 'b': '', 'c': ''}",
    ),
    Row(
        "extra items of TypedDicts",
        (3, 11),
        "class Item(TypedDict):\n    n: int\nclass Hint(TypedDict, extra_items=list[Item]): ...",
        "{'b': [{'n': 1}]}",
        "{'b': [{'n': 1}, {}]}",
    ),
    Row(
        "alias that holds itself by text",
        (3, 11),
        "Hint = TypeAliasType('Hint', Union[str, 'Mapping[str, Hint]'])",
        "{'a': {'b': 'c'}}",
        "{'a': {'b': 1}}",
    ),
    Row(
        "two aliases that hold each other by text",
        (3, 11),
        "Hint = TypeAliasType('Hint', 'list[Inner]')\nInner = TypeAliasType('Inner', 'dict[str, Hint]')",
        "[{'a': [{'b': []}]}]",
        "[{'a': [{'b': [1]}]}]",
    ),
    Row(
        "alias with text and parameter",
        (3, 11),
        "T = typing.TypeVar('T')\nTree = TypeAliasType('Tree', 'tuple[T, list[Tree[T]]]', type_params=(T,))\nHint = Tree[int]",
        "(1, [(2, [])])",
        "(1, [('x', [])])",
    ),
    Row(
        "alias with a ParamSpec",
        (3, 11),
        "P = typing.ParamSpec('P')\nCall = TypeAliasType('Call', Callable[P, int], type_params=(P,))\nHint = Call[[int]]",
        "one",
        "two",
    ),
    Row(
        "alias with any number of parameters",
        (3, 11),
        "Ts = typing.TypeVarTuple('Ts')\n"
        "Row = TypeAliasType('Row', tuple[int, Unpack[Ts]], type_params=(Ts,))\nHint = Row[str, bytes]",
        "(1, 'a', b'')",
        "(1, 'a')",
    ),
    Row(
        "alias with a ParamSpec, without brackets",
        (3, 11),
        "P = typing.ParamSpec('P')\nCall = TypeAliasType('Call', Callable[P, int], type_params=(P,))\nHint = Call[int, int]",
        "two",
        "one",
    ),
    Row(
        "bare alias with a ParamSpec",
        (3, 11),
        "P = typing.ParamSpec('P')\nHint = TypeAliasType('Hint', Callable[P, int], type_params=(P,))",
        "two",
        "1",
    ),
    Row(
        "bare alias with any number of parameters",
        (3, 11),
        "Ts = typing.TypeVarTuple('Ts')\nHint = TypeAliasType('Hint', tuple[int, Unpack[Ts]], type_params=(Ts,))",
        "(1, 'a', b'')",
        "('a',)",
    ),
    Row("alias in type", (3, 11), "Whole = TypeAliasType('Whole', int)\nHint = type[Whole]", "bool", "str"),
    Row("Annotated in type", (3, 11), "Hint = type[Annotated[int, 'm']]", "bool", "str"),
    Row("tuple with a star", (3, 11), "Hint = tuple[int, *tuple[str, ...]]", "(1, 'a', 'b')", "(1, 'a', 2)"),
    Row("tuple with a star in front", (3, 11), "Hint = tuple[*tuple[int, ...], str]", "(1, 2, 'a')", "(1, 'b', 'a')"),
    Row(
        "tuple with a star in a star",
        (3, 11),
        "Hint = tuple[int, *tuple[str, *tuple[bytes, ...]]]",
        "(1, '', b'')",
        "(1, b'')",
    ),
    Row("TypeIs as a result", (3, 11), "Hint = Callable[[object], TypeIs[int]]", "one", "two"),
    Row(
        "generic NamedTuple",
        (3, 11),
        "T = typing.TypeVar('T')\nclass Hint(NamedTuple, Generic[T]):\n    a: T",
        "Hint(1)",
        "(1,)",
    ),
]
OF_312 = [
    Row("type statement", (3, 12), "type Hint = int | list[str]", "['x']", "['x', 1]"),
    Row("type statement of a class", (3, 12), "type Hint = Base", "Child()", "Other()"),
    Row("type statement of None", (3, 12), "type Hint = None", "None", "0"),
    Row("type statement of a Literal", (3, 12), "type Hint = Literal['a', 'b']", "'a'", "'c'"),
    Row("type statement of a Callable", (3, 12), "type Hint = Callable[[int], str]", "one", "none"),
    Row("type statement of a tuple", (3, 12), "type Hint = tuple[int, str]", "(1, 'x')", "(1, 2)"),
    Row(
        "type statement of a TypedDict",
        (3, 12),
        "class Item(TypedDict):\n    n: int\ntype Hint = list[Item]",
        "[{'n': 1}]",
        "[{}]",
    ),
    Row("type statement in Annotated", (3, 12), "type Whole = int\nHint = Annotated[Whole, 'm']", "1", "'x'"),
    Row("type statement in a union", (3, 12), "type Whole = int\nHint = Whole | None", "None", "'x'"),
    Row("type statement in Optional", (3, 12), "type Whole = list[int]\nHint = Optional[Whole]", "[1]", "[1, 'x']"),
    Row("type statement in type", (3, 12), "type Whole = int\nHint = type[Whole]", "bool", "str"),
    Row(
        "type statement of a type statement",
        (3, 12),
        "type A = int\ntype B = list[A]\nHint = dict[str, B]",
        "{'a': [1]}",
        "{'a': ['x']}",
    ),
    Row("type statement of what comes later", (3, 12), "type Hint = list[Later]\nclass Later: ...", "[Later()]", "[1]"),
    Row(
        "type statement that holds itself", (3, 12), "type Hint = int | list[Hint]", "[1, [2, [3]]]", "[1, [2, ['x']]]"
    ),
    Row(
        "JSON",
        (3, 12),
        "type Hint = dict[str, Hint] | list[Hint] | str | int | float | bool | None",
        "{'a': [1, None, {'b': 1.5}]}",
        "{'a': [1, None, {'b': b''}]}",
    ),
    Row(
        "two type statements that hold each other",
        (3, 12),
        "type Hint = int | list[Other]\ntype Other = str | tuple[Hint, ...]",
        "[(1, 2), 'x', ([],)]",
        "[(1, 'x')]",
    ),
    Row("type statement with a parameter", (3, 12), "type Two[T] = tuple[T, T]\nHint = Two[int]", "(1, 2)", "(1, 'x')"),
    Row(
        "type statement with two parameters",
        (3, 12),
        "type Back[A, B] = dict[B, A]\nHint = Back[int, str]",
        "{'a': 1}",
        "{1: 'a'}",
    ),
    Row("type statement that is its parameter", (3, 12), "type Same[T] = T\nHint = Same[int]", "1", "'x'"),
    Row(
        "type statement that leaves its parameter",
        (3, 12),
        "type First[A, B] = list[A]\nHint = First[int, str]",
        "[1]",
        "['x']",
    ),
    Row("bare type statement with a parameter", (3, 12), "type Hint[T] = list[T]", "[1, 'x']", "(1,)"),
    Row(
        "type statement with a parameter that holds itself",
        (3, 12),
        "type Nest[T] = T | list[Nest[T]]\nHint = Nest[int]",
        "[1, [2]]",
        "[1, ['x']]",
    ),
    Row(
        "type statement of a parameter in a parameter",
        (3, 12),
        "type L[T] = list[T]\nHint = L[L[int]]",
        "[[1]]",
        "[['x']]",
    ),
    Row(
        "type statement with a ParamSpec",
        (3, 12),
        "type Call[**P] = Callable[P, int]\nHint = Call[int, int]",
        "two",
        "one",
    ),
    Row(
        "type statement with a ParamSpec in brackets",
        (3, 12),
        "type Call[**P] = Callable[P, int]\nHint = Call[[int]]",
        "one",
        "two",
    ),
    Row(
        "type statement with Concatenate",
        (3, 12),
        "type Call[**P] = Callable[typing.Concatenate[int, P], int]\nHint = Call[[str]]",
        "two",
        "one",
    ),
    Row(
        "type statement with any number of parameters",
        (3, 12),
        "type Row[*Ts] = tuple[int, *Ts]\nHint = Row[str, str]",
        "(1, '', '')",
        "(1, '')",
    ),
    Row(
        "type statement with a star",
        (3, 12),
        "type Ints = tuple[int, ...]\nHint = tuple[str, Unpack[Ints]]",
        "('', 1, 2)",
        "('', 1, '')",
    ),
    Row("type statement with a bound", (3, 12), "type Small[T: int] = set[T]\nHint = Small[bool]", "{True}", "{1}"),
    Row(
        "type statement in a class",
        (3, 12),
        "class Place:\n    type Inner = list[int]\nHint = Place.Inner",
        "[1]",
        "['x']",
    ),
    Row(
        "NewType of a type statement", (3, 12), "type Whole = int\nHint = NewType('Hint', list[Whole])", "[1]", "['x']"
    ),
    Row("class with a parameter", (3, 12), "class Box[T]: ...\nHint = Box[int]", "Box()", "1"),
    Row("class with a ParamSpec", (3, 12), "class Called[**P]: ...\nHint = Called[[int, str]]", "Called()", "1"),
    Row("class with any number of parameters", (3, 12), "class Many[*Ts]: ...\nHint = Many[int, str]", "Many()", "1"),
    Row("class with a bound", (3, 12), "class Box[T: Base]: ...\nHint = list[Box[Child]]", "[Box()]", "[Box(), 1]"),
    Row("class with constraints", (3, 12), "class Text[T: (str, bytes)]: ...\nHint = Text[str] | None", "None", "''"),
    Row(
        "subclass of a class with a parameter",
        (3, 12),
        "class Box[T]: ...\nclass Ints(Box[int]): ...\nHint = Box[int]",
        "Ints()",
        "Base()",
    ),
    Row(
        "Protocol with a parameter",
        (3, 12),
        "@runtime_checkable\nclass Reads[T](Protocol):\n    def read(self) -> T: ...\n"
        "class Reader:\n    def read(self): ...\nHint = Reads[str]",
        "Reader()",
        "Base()",
    ),
    Row(
        "TypedDict with a parameter",
        (3, 12),
        "class Page[T](TypedDict):\n    items: list[T]\nHint = Page[int]",
        "{'items': [1]}",
        "{'items': ['x']}",
    ),
    Row(
        "bare TypedDict with a parameter",
        (3, 12),
        "class Hint[T](TypedDict):\n    items: list[T]",
        "{'items': [1, 'x']}",
        "{'items': 1}",
    ),
    Row(
        "TypedDict of a TypedDict with a parameter",
        (3, 12),
        "class Page[T](TypedDict):\n    items: list[T]\nclass Named[S](Page[S]):\n    name: S\nHint = Named[int]",
        "{'items': [1], 'name': 1}",
        "{'items': ['x'], 'name': 1}",
    ),
    Row(
        "TypedDict of a TypedDict with a parameter, as texts",
        (3, 12),
        "class Page[T](TypedDict):\n    items: 'list[T]'\nclass Named[T](Page[list[T]]):\n    name: 'T'\nHint = Named[int]",
        "{'items': [[1]], 'name': 1}",
        "{'items': [1], 'name': 1}",
    ),
    Row(
        "TypedDict with a parameter that holds itself",
        (3, 12),
        "class Tree[T](TypedDict):\n    value: T\n    parts: list['Tree[T]']\nHint = Tree[int]",
        "{'value': 1, 'parts': [{'value': 2, 'parts': []}]}",
        "{'value': 1, 'parts': [{'value': 'x', 'parts': []}]}",
    ),
    Row(
        "closed TypedDict with a parameter",
        (3, 12),
        "class Page[T](TypedDict, closed=True):\n    a: T\nHint = Page[int]",
        "{'a': 1}",
        "{'a': 1, 'b': 1}",
    ),
    Row(
        "NamedTuple with a parameter",
        (3, 12),
        "class Two[T](NamedTuple):\n    a: T\n    b: T\nHint = Two[int]",
        "Two(1, 2)",
        "(1, 2)",
    ),
    Row(
        "dataclass with a parameter",
        (3, 12),
        "@dataclasses.dataclass\nclass Cell[T]:\n    a: T\nHint = Cell[int]",
        "Cell(1)",
        "Base()",
    ),
    Row(
        "subclass of a container with a parameter",
        (3, 12),
        "class Stack[T](list[T]): ...\nHint = Stack[int]",
        "Stack([1])",
        "[1]",
    ),
    Row("Buffer", (3, 12), "Hint = cabc.Buffer", "b''", "''"),
]
OF_313 = [
    Row("default of a type statement", (3, 13), "type Hint[T = int] = list[T]", "[1]", "['x']"),
    Row(
        "default of a type statement, given", (3, 13), "type Some[T = int] = list[T]\nHint = Some[str]", "['x']", "[1]"
    ),
    Row("second default", (3, 13), "type Some[A, B = str] = dict[A, B]\nHint = Some[int]", "{1: 'a'}", "{1: 1}"),
    Row(
        "default of what comes before",
        (3, 13),
        "type Some[A, B = A] = tuple[A, B]\nHint = Some[int]",
        "(1, 2)",
        "(1, 'x')",
    ),
    Row("default of a ParamSpec", (3, 13), "type Hint[**P = [int]] = Callable[P, int]", "one", "two"),
    Row("default of a TypeVarTuple", (3, 13), "type Hint[*Ts = *tuple[int, str]] = tuple[*Ts]", "(1, 'x')", "(1, 2)"),
    Row("default of a class", (3, 13), "class Box[T = int]: ...\nHint = Box", "Box()", "1"),
    Row(
        "default of a TypedDict",
        (3, 13),
        "class Hint[T = int](TypedDict):\n    items: list[T]",
        "{'items': [1]}",
        "{'items': ['x']}",
    ),
    Row(
        "default of a TypedDict, given",
        (3, 13),
        "class Page[T = int](TypedDict):\n    a: T\nHint = Page[str]",
        "{'a': 'x'}",
        "{'a': 1}",
    ),
    Row(
        "ReadOnly of typing",
        (3, 13),
        "class Hint(typing.TypedDict):\n    a: typing.ReadOnly[int]",
        "{'a': 1}",
        "{'a': 'x'}",
    ),
    Row("TypeIs of typing", (3, 13), "Hint = Callable[[object], typing.TypeIs[int]]", "one", "none"),
    Row("generator with defaults", (3, 13), "Hint = cabc.Generator[int]", "(n for n in ())", "[1]"),
]
OF_314 = [
    Row(
        "field of what comes later",
        (3, 14),
        "class Hint(TypedDict):\n    a: Later\nclass Later: ...",
        "{'a': Later()}",
        "{'a': 1}",
    ),
    Row(
        "field of itself",
        (3, 14),
        "class Hint(typing.TypedDict):\n    n: int\n    rest: Hint | None",
        "{'n': 1, 'rest': {'n': 2, 'rest': None}}",
        "{'n': 1, 'rest': {'n': 2}}",
    ),
    Row(
        "field of itself in a list",
        (3, 14),
        "class Hint(typing.TypedDict):\n    rest: list[Hint]",
        "{'rest': [{'rest': []}]}",
        "{'rest': [{'rest': [1]}]}",
    ),
    Row(
        "NotRequired of what comes later",
        (3, 14),
        "class Hint(TypedDict):\n    a: NotRequired[list[Later]]\ntype Later = int",
        "{}",
        "{'a': ['x']}",
    ),
    Row(
        "TypedDict with a parameter and what comes later",
        (3, 14),
        "class Page[T](TypedDict):\n    a: dict[T, Later]\nHint = Page[str]\nclass Later: ...",
        "{'a': {'x': Later()}}",
        "{'a': {'x': 1}}",
    ),
    Row(
        "alias of what comes later",
        (3, 14),
        "type Hint = Mapping[str, Later]\nclass Later(TypedDict):\n    a: Hint",
        "{'x': {'a': {}}}",
        "{'x': {'a': []}}",
    ),
    Row(
        "Protocol with what comes later",
        (3, 14),
        "@runtime_checkable\nclass Hint(Protocol):\n    a: Later\nclass Has:\n    a = 1\nclass Later: ...",
        "Has()",
        "1",
    ),
    Row(
        "Protocol with what never comes",
        (3, 14),
        "@runtime_checkable\nclass Hint(Protocol):\n    a: Never_\n    def m(self, x: Never_) -> Never_: ...\n"
        "class Has:\n    a = 1\n    def m(self, x): ...",
        "Has()",
        "1",
    ),
    Row(
        "NamedTuple with what never comes",
        (3, 14),
        "class Hint(NamedTuple):\n    a: Never_",
        "Hint(1)",
        "(1,)",
    ),
    Row(
        "dataclass with what never comes",
        (3, 14),
        "@dataclasses.dataclass\nclass Point:\n    a: Never_\nHint = list[Point]",
        "[Point(1)]",
        "[1]",
    ),
    Row(
        "functions with what never comes",
        (3, 14),
        "def of_one(a: Never_, b: int = 1) -> Never_: ...\ndef of_two(a: Never_, b: Never_): ...\n"
        "Hint = Callable[[object], object]",
        "of_one",
        "of_two",
    ),
    Row("union in brackets", (3, 14), "Hint = Union[int, list[str]]", "['x']", "[1]"),
    Row("Union without a member in brackets", (3, 14), "Hint = list[Optional[int]]", "[None, 1]", "['x']"),
    Row("template", (3, 14), "import string.templatelib\nHint = string.templatelib.Template", "t'{1}'", "'1'"),
]
ROWS: list[Row] = [*OF_311, *OF_312, *OF_313, *OF_314]
