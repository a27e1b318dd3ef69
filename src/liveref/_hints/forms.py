"""The table of hint forms: what each is checked as, or why it is refused; and how a hint is taken apart."""

from __future__ import annotations

import collections
import enum
import io
import re
import sys
import types
import typing
from collections import abc
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Final, TypeAlias, cast, get_args, get_origin

import typing_extensions
from typing_extensions import (
    NoDefault,
    NoExtraItems,
    get_original_bases,
    get_type_hints,
    is_protocol,
    is_typeddict,
)

from liveref._text.tag import UNION_FORMS, is_alias

__all__ = [
    "ALONE",
    "BARE",
    "COUNTS",
    "FILES",
    "ITEMS",
    "ONE_SHOT",
    "PAIRS",
    "REFUSED",
    "RESULTS",
    "TEXTS",
    "TOWER",
    "UNIONS",
    "UNPACK",
    "VARIABLES",
    "CheckDepth",
    "Refused",
    "Variables",
    "bind",
    "bound",
    "items_of",
    "record_of",
    "subscribe",
]

Variables: TypeAlias = dict[object, list[object]]
"""Type variables, and what each stands for: one argument, or for a TypeVarTuple several."""


class CheckDepth(enum.StrEnum):
    """How much of a hint the run-time check sees."""

    EXACT = "exact"
    """All of it."""
    SHALLOW = "shallow"
    """The outside: the parameters, as in ``Callable[[int], str]`` or ``Box[int]``, can't be checked."""
    NONE = "none"
    """Nothing: every value passes, as with ``object``."""


TOWER: Final[Mapping[object, tuple[type, ...]]] = {float: (float, int), complex: (complex, float, int)}
"""Checkers promote int to float and float to complex (typing specification, "Special types")."""

ITEMS: Final[frozenset[object]] = frozenset({
    list, set, frozenset, collections.deque, abc.Collection, abc.Container, abc.Iterable, abc.Reversible,
    abc.Sequence, abc.MutableSequence, abc.Set, abc.MutableSet, abc.KeysView, abc.ValuesView, abc.MappingView,
})  # fmt: skip
PAIRS: Final[frozenset[object]] = frozenset({
    dict, collections.OrderedDict, collections.defaultdict, collections.ChainMap, abc.Mapping, abc.MutableMapping,
})  # fmt: skip
ONE_SHOT: Final[frozenset[object]] = frozenset({abc.Iterable, abc.Container, abc.Reversible})
"""Their values need not be collections, so the items may be out of reach."""

FILES: Final[Mapping[object, tuple[type, ...]]] = {
    typing.IO: (io.IOBase,),
    typing.TextIO: (io.TextIOBase,),
    typing.BinaryIO: (io.RawIOBase, io.BufferedIOBase),
}
"""beartype wants a ``mode``, which BytesIO and StringIO lack (beartype#643); what it accepts besides passes too."""

TEXTS: Final[Mapping[object, str]] = {re.Pattern: "pattern", re.Match: "string"}
"""Classes of text or bytes, and the attribute that tells which; beartype looks at the class alone."""

COUNTS: Final[Mapping[object, int]] = {
    **dict.fromkeys((*ITEMS, *TEXTS, collections.Counter, type), 1),
    **dict.fromkeys((*PAIRS, abc.ItemsView), 2),
}
"""How many parameters a class takes, which Python itself does not count."""

UNIONS: Final[frozenset[object]] = frozenset(UNION_FORMS)
ALONE: Final = "write a type that stands by itself"
REFUSED: Final[Mapping[object, str]] = {
    typing.Never: f"no value is of this type; {ALONE}",
    typing.NoReturn: f"no value is of this type; {ALONE}",
    typing.Self: f"it means a class only inside of that class; {ALONE}",  # pyright: ignore[reportUnknownMemberType]  a special form
    typing.ClassVar: f"it qualifies an attribute; {ALONE}",
    typing.Final: f"it qualifies a name; {ALONE}",
    typing.TypeAlias: f"it qualifies an alias; {ALONE}",
    typing.TypeGuard: f"it qualifies a result; {ALONE}",
    typing_extensions.TypeIs: f"it qualifies a result; {ALONE}",
    typing_extensions.TypeForm: f"no value tells that it is a type form; {ALONE}",
    typing.Concatenate: f"it belongs inside Callable; {ALONE}",
    typing.Required: f"it belongs inside a TypedDict; {ALONE}",
    typing.NotRequired: f"it belongs inside a TypedDict; {ALONE}",
    typing_extensions.ReadOnly: f"it belongs inside a TypedDict; {ALONE}",
    typing.Generic: f"it is a base for class definitions; {ALONE}",
    typing.TypedDict: f"it is a base for class definitions; {ALONE}",
    typing_extensions.TypedDict: f"it is a base for class definitions; {ALONE}",
    typing.Protocol: f"it is a base for class definitions; {ALONE}",
    typing_extensions.Protocol: f"it is a base for class definitions; {ALONE}",
}
BARE: Final[Mapping[object, str]] = {
    typing.Union: "it has no members; write them in brackets",
    typing.Optional: "it has no member; write it in brackets",
    typing.Literal: "it has no values; write them in brackets",
    typing.Annotated: "it has no type; write it in brackets",
}
RESULTS: Final[frozenset[object]] = frozenset({
    typing.Never, typing.NoReturn, typing.TypeGuard, typing_extensions.TypeIs,
})  # fmt: skip
"""Of those refused, what a Callable may give back: a result is not looked at."""
_QUALIFIERS: Final[Mapping[object, bool | None]] = {
    typing.Required: True,
    typing.NotRequired: False,
    typing_extensions.ReadOnly: None,
}
"""Whether the key must be there, where the qualifier says."""
UNPACK: Final[frozenset[object]] = frozenset({typing.Unpack, typing_extensions.Unpack})
_SEVERAL: Final = (typing.TypeVarTuple, typing_extensions.TypeVarTuple)
VARIABLES: Final = (typing.TypeVar, typing.ParamSpec, typing.ParamSpecArgs, typing.ParamSpecKwargs, *_SEVERAL)


class Refused(Exception):  # noqa: N818  never leaves this wing
    """A part of a hint is refused: the part and the reason."""


def is_generic(origin: object) -> bool:
    """Whether a base of a class is a class with parameters, of which more is known than its members."""
    return isinstance(origin, type) and origin not in REFUSED and not is_protocol(origin)


def items_of(args: Sequence[object]) -> list[tuple[object, bool]]:
    """The items that the parameters of a tuple stand for, each with whether any number of them may stand there."""
    if args[1:] == (...,):
        return [(args[0], True)]
    return list(chain.from_iterable(map(_unpacked, args)))


def _unpacked(arg: object) -> list[tuple[object, bool]]:
    if get_origin(arg) in UNPACK:
        inner = get_args(arg)[0]
        arg = getattr(inner, "__value__", inner)
    elif not getattr(arg, "__unpacked__", False):
        return [(arg, False)]
    if get_origin(arg) is not tuple:
        reason = (
            "it is a type variable" if isinstance(arg, VARIABLES) else "only a tuple with its items can be unpacked"
        )
        raise Refused(arg, f"{reason}; {ALONE}")
    return items_of(get_args(arg))


def subscribe(generic: object, args: Iterable[object]) -> object:
    """A generic with its parameters."""
    return cast("Mapping[object, object]", generic)[tuple(args)]


def bound(parameters: Sequence[object], args: Sequence[object] | None) -> Variables:
    """What each parameter stands for: its arguments, else its default, else anything."""
    rest: list[object] = list(args or ())
    if len(rest) > len(parameters) == 1 and isinstance(parameters[0], typing.ParamSpec):
        rest = [rest]
    spare = max(len(rest) - len(parameters) + 1, 0)
    variables: Variables = {}
    for parameter in parameters:
        several = isinstance(parameter, _SEVERAL)
        count = spare if several else 1
        given, rest = rest[:count], rest[count:]
        default = () if several and args is not None else (_default(parameter, variables),)
        variables[parameter] = [bind(arg, variables) for arg in given or default]
    return variables


def _default(parameter: object, variables: Variables) -> object:
    default = getattr(parameter, "__default__", NoDefault)
    if default is not NoDefault:
        return bind(default, variables)
    if isinstance(parameter, _SEVERAL):
        return typing.Unpack[tuple[typing.Any, ...]]
    return ... if isinstance(parameter, typing.ParamSpec) else typing.Any


def bind(hint: object, variables: Variables, otherwise: object = None) -> object:
    """A hint with its type variables replaced; ``otherwise`` stands for a TypeVar that is not among them."""

    def replaced(each: object) -> list[object]:
        return variables.get(each, [otherwise if otherwise and isinstance(each, typing.TypeVar) else each])

    if isinstance(hint, VARIABLES):
        return replaced(hint)[0]
    free: Sequence[object] = () if isinstance(hint, type) or is_alias(hint) else getattr(hint, "__parameters__", ())
    args = list(chain.from_iterable(map(replaced, free)))
    return hint if args == list(free) else subscribe(hint, args)


def record_of(cls: type, args: Sequence[object] | None) -> tuple[dict[str, tuple[object, bool]], object]:
    """The keys that a TypedDict declares, and the type of the values of all others; Never where there are none.

    A key comes with the type of its value and whether it must be there. ``__required_keys__`` alone is wrong
    under ``from __future__ import annotations`` (python/cpython#97727).
    """
    parameters = getattr(cls, "__parameters__", ())
    variables = bound(parameters, args)
    annotations = dict(cls.__annotations__)
    fields: dict[str, tuple[object, bool]] = {}
    others: object = typing.Any
    for base in get_original_bases(cls):
        origin = get_origin(base) or base
        if is_typeddict(origin):
            inherited, more = record_of(origin, [bind(arg, variables) for arg in get_args(base)] or None)
            fields |= {
                name: inherited[name] for name in inherited if annotations.get(name) == origin.__annotations__[name]
            }
            others = others if more is typing.Any else more
    own = types.SimpleNamespace(__annotations__={name: annotations[name] for name in annotations if name not in fields})
    names = {each.__name__: each for each in (*parameters, cls)}
    hints = get_type_hints(own, vars(sys.modules[cls.__module__]), names, include_extras=True)
    required = cast("frozenset[str]", getattr(cls, "__required_keys__"))  # noqa: B009  typeshed hides it
    for name, hint in hints.items():
        wanted, must = _unqualified(bind(hint, variables, typing.Any))
        fields[name] = wanted, name in required if must is None else must
    extra = getattr(cls, "__extra_items__", NoExtraItems)
    if extra is not NoExtraItems:
        others = _unqualified(bind(extra, variables, typing.Any))[0]
    return fields, typing.Never if getattr(cls, "__closed__", None) else others


def _unqualified(hint: object) -> tuple[object, bool | None]:
    """The type of a field without its qualifiers, and whether the key must be there, where they say."""
    must: bool | None = None
    metadata: list[object] = []
    while (origin := get_origin(hint)) in _QUALIFIERS or origin is typing.Annotated:
        hint, *more = get_args(hint)
        metadata[:0] = more
        must = _QUALIFIERS.get(origin) if must is None else must
    return subscribe(typing.Annotated, (hint, *metadata)) if metadata else hint, must
