"""The table of hint forms: for each its depth and its test, or the reason why it is refused."""

from __future__ import annotations

import collections
import enum
import io
import itertools
import re
import types
import typing
from collections import abc
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, TypeGuard, cast, get_args, get_origin

import typing_extensions
from typing_extensions import is_protocol, is_typeddict

from liveref._hints import predicates
from liveref._hints.predicates import KnownClasses, Test, Trail

__all__ = [
    "ALONE",
    "ANY",
    "BARE",
    "FILES",
    "ITEMS",
    "ONE_SHOT",
    "PAIRS",
    "REFUSED",
    "TEXTS",
    "TOWER",
    "UNIONS",
    "UNPACK",
    "VARIABLES",
    "CheckDepth",
    "Form",
    "Many",
    "Refused",
    "beartype_test",
    "bind",
    "depth_of",
    "exact",
    "file",
    "is_plain_class",
    "is_required",
    "subscribe",
    "union",
    "unpacked",
    "unqualified",
    "validator_of",
]


class CheckDepth(enum.StrEnum):
    """How much of a hint the run-time check sees."""

    EXACT = "exact"
    """All of it."""
    SHALLOW = "shallow"
    """The outside: the parameters, as in ``Callable[[int], str]`` or ``Box[int]``, can't be checked."""
    NONE = "none"
    """Nothing: every value passes, as with ``object``."""


class Form(NamedTuple):
    """A compiled hint."""

    depth: CheckDepth
    test: Test
    front: tuple[type, ...] = ()
    """Classes whose instances pass without a further look."""
    only_classes: bool = False
    """Whether all that pass are instances of those."""
    known: KnownClasses | None = None
    """More such classes, which are found out in the course of time."""
    by_value: bool = False
    """Whether the verdict may differ between two values of one class."""


ANY: Final = Form(CheckDepth.NONE, predicates.always, (object,), only_classes=True)

TOWER: Final[dict[object, tuple[type, ...]]] = {float: (float, int), complex: (complex, float, int)}
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

FILES: Final[dict[object, tuple[type, ...]]] = {
    typing.IO: (io.IOBase,),
    typing.TextIO: (io.TextIOBase,),
    typing.BinaryIO: (io.RawIOBase, io.BufferedIOBase),
}
"""beartype wants a ``mode``, which BytesIO and StringIO lack; what it accepts besides passes too."""

TEXTS: Final[dict[object, str]] = {re.Pattern: "pattern", re.Match: "string"}
"""Classes of text or bytes, and the attribute that tells which."""

UNIONS: Final[frozenset[object]] = frozenset({typing.Union, types.UnionType})
ALONE: Final = "write a type that stands by itself"
REFUSED: Final[dict[object, str]] = {
    typing.Never: f"no value is of this type; {ALONE}",
    typing.NoReturn: f"no value is of this type; {ALONE}",
    typing.Self: f"it means a class only inside of that class; {ALONE}",  # pyright: ignore[reportUnknownMemberType]  a special form
    typing.ClassVar: f"it qualifies an attribute; {ALONE}",
    typing.Final: f"it qualifies a name; {ALONE}",
    typing.TypeGuard: f"it qualifies a result; {ALONE}",
    typing_extensions.TypeIs: f"it qualifies a result; {ALONE}",
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
BARE: Final[dict[object, str]] = {
    typing.Union: "it has no members; write them in brackets",
    typing.Optional: "it has no member; write it in brackets",
    typing.Literal: "it has no values; write them in brackets",
    typing.Annotated: "it has no type; write it in brackets",
}
_QUALIFIERS: Final[frozenset[object]] = frozenset({typing.Required, typing.NotRequired, typing_extensions.ReadOnly})
UNPACK: Final[frozenset[object]] = frozenset({typing.Unpack, typing_extensions.Unpack})
VARIABLES: Final = (
    typing.TypeVar, typing.ParamSpec, typing.ParamSpecArgs, typing.ParamSpecKwargs,
    typing.TypeVarTuple, typing_extensions.TypeVarTuple,
)  # fmt: skip

_NOT_PLAIN: Final[frozenset[object]] = frozenset({*TOWER, *FILES, *BARE, *REFUSED})
"""The classes that are more than one class to a hint, of those whose metaclass is ``type`` itself."""


class Refused(Exception):  # noqa: N818  never leaves this module
    """A part of a hint is refused: the part and the reason."""


def is_plain_class(hint: object) -> TypeGuard[type]:
    """Whether ``isinstance`` alone is the whole check of a hint."""
    if type(hint) is type:
        return hint not in _NOT_PLAIN
    try:
        return isinstance(hint, type) and not _is_special(hint)
    except Exception:  # noqa: BLE001  odd code in a class: to compile the hint tells of it
        return False


def _is_special(cls: type) -> bool:
    """Whether a class with a metaclass of its own is more than a class to a hint."""
    special = any(form is cls for form in (*REFUSED, typing.Any))  # not ``in``: its hash may be anyone's code
    return special or is_typeddict(cls) or is_protocol(cls)


class Many(NamedTuple):
    """The part of a tuple hint that stands for any number of items."""

    hint: object


def exact(*classes: type) -> Form:
    return Form(CheckDepth.EXACT, predicates.instance_of(*classes), classes, only_classes=True)


def depth_of(parts: Iterable[Form]) -> CheckDepth:
    shallow = any(part.depth is CheckDepth.SHALLOW for part in parts)
    return CheckDepth.SHALLOW if shallow else CheckDepth.EXACT


def union(members: list[Form]) -> Form:
    depths = {member.depth for member in members}
    depth = next((depth for depth in (CheckDepth.NONE, CheckDepth.SHALLOW) if depth in depths), CheckDepth.EXACT)
    front = tuple(itertools.chain.from_iterable(member.front for member in members))
    test = predicates.any_of(tuple(member.test for member in members))
    known = next((member.known for member in members if member.known is not None), None)
    only_classes, by_value = all(each.only_classes for each in members), any(each.by_value for each in members)
    return Form(depth, test, front, only_classes, known, by_value)


def unpacked(arg: object) -> tuple[object, ...]:
    if get_origin(arg) in UNPACK:
        arg = get_args(arg)[0]
    elif not getattr(arg, "__unpacked__", False):
        return (arg,)
    if isinstance(arg, VARIABLES):
        raise Refused(arg, f"it is a type variable; {ALONE}")
    args = get_args(arg)
    return (Many(args[0]),) if args[1:] == (...,) else args


def is_required(hint: object, otherwise: bool) -> bool:  # noqa: FBT001
    """Whether a TypedDict's key must be there, as its annotation says where it does.

    ``__required_keys__`` alone is wrong under ``from __future__ import annotations`` (python/cpython#97727).
    """
    while (origin := get_origin(hint)) in _QUALIFIERS:
        if origin is not typing_extensions.ReadOnly:
            return origin is typing.Required
        hint = get_args(hint)[0]
    return otherwise


def unqualified(hint: object) -> object:
    while get_origin(hint) in _QUALIFIERS:
        hint = get_args(hint)[0]
    return hint


def bind(hint: object, variables: dict[object, object]) -> object:
    """The field of a generic TypedDict with its type variables replaced, by Any where none was given."""
    if isinstance(hint, typing.TypeVar):
        return variables.get(hint, typing.Any)
    free = getattr(hint, "__parameters__", ())
    if isinstance(hint, type) or not free or not all(isinstance(each, typing.TypeVar) for each in free):
        return hint
    return subscribe(hint, tuple(variables.get(each, typing.Any) for each in free))


def subscribe(generic: object, args: tuple[object, ...]) -> object:
    return cast("abc.Mapping[object, object]", generic)[args]


def file(kind: object) -> Form:
    own = predicates.instance_of(*FILES[kind])
    return Form(CheckDepth.EXACT, predicates.any_of((own, beartype_test(kind))), FILES[kind])


def validator_of(validator: object) -> Test:
    is_valid = cast("Callable[[object], bool]", getattr(validator, "is_valid"))  # noqa: B009

    def test(value: object, trail: Trail | None = None) -> bool:  # noqa: ARG001
        return is_valid(value)

    return test


def beartype_test(hint: object) -> Test:
    """The test that beartype makes of a hint, which beartype keeps for ever."""

    def test(value: object, trail: Trail | None = None) -> bool:  # noqa: ARG001
        from beartype import BeartypeConf  # noqa: PLC0415  100 ms, and most programs never get here
        from beartype.door import is_bearable  # noqa: PLC0415

        return is_bearable(value, cast("Any", hint), conf=BeartypeConf(is_random=False))  # Any: a hint of whatever kind

    return test
