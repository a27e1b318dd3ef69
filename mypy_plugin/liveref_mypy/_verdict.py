"""Verdicts on hints, and the parts of mypy's types that they are made of."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from mypy.nodes import TypeInfo
from mypy.types import (
    AnyType,
    CallableType,
    Instance,
    TupleType,
    Type,
    TypeAliasType,
    TypedDictType,
    TypeOfAny,
    TypeVarType,
    UnpackType,
    get_proper_type,
)

from liveref_mypy import _names

__all__ = [
    "EXACT",
    "NONE",
    "UNKNOWN",
    "Depth",
    "Verdict",
    "args_given",
    "is_bare",
    "is_class",
    "is_omitted",
    "is_real_protocol",
    "is_record",
    "of_any",
    "of_class",
    "of_parts",
    "of_union",
    "parameters",
    "refused",
    "shallow",
    "unpacked",
    "worst_of",
]


_OMITTED: Final = (TypeOfAny.from_omitted_generics, TypeOfAny.from_error)
"""The Any of a bare generic, without ``disallow_any_generics`` and with it."""


class Depth(enum.IntEnum):
    """The members of `liveref.CheckDepth`, and two more; the worse, the higher."""

    EXACT = 0
    NONE = 1
    SHALLOW = 2
    UNKNOWN = 3
    """Not for the plugin to say."""
    UNSUPPORTED = 4


class Verdict(NamedTuple):
    """The depth of a hint, and the part and reason of a bad one."""

    depth: Depth
    part: Type | None = None
    reason: str = ""


EXACT = Verdict(Depth.EXACT)
NONE = Verdict(Depth.NONE)
UNKNOWN = Verdict(Depth.UNKNOWN)


def worst_of(parts: Iterable[Verdict]) -> Verdict:
    return max(parts, key=lambda part: part.depth, default=EXACT)


def of_parts(parts: Iterable[Verdict]) -> Verdict:
    """Of a container: that items are unchecked because they may be anything is no loss."""
    worst = worst_of(parts)
    return EXACT if worst.depth is Depth.NONE else worst


def of_union(members: Sequence[Verdict]) -> Verdict:
    """Of a union: with an open member every value passes."""
    worst = worst_of(members)
    is_open = worst.depth is Depth.SHALLOW and any(member.depth is Depth.NONE for member in members)
    return NONE if is_open else worst


def shallow(part: Type, reason: str) -> Verdict:
    return Verdict(Depth.SHALLOW, part, reason)


def refused(part: Type, reason: str) -> Verdict:
    return Verdict(Depth.UNSUPPORTED, part, reason)


def of_any(hint: AnyType) -> Verdict:
    """What is Any because mypy can't see it may be anything at run time."""
    known = (TypeOfAny.explicit, TypeOfAny.special_form, TypeOfAny.from_omitted_generics)
    return NONE if hint.type_of_any in known else UNKNOWN


def of_class(hint: Instance) -> Verdict:
    info = hint.type
    if not is_real_protocol(info):
        return EXACT
    if any(base.is_protocol and base.runtime_protocol for base in info.mro):
        return shallow(hint, "of a Protocol only the names of its members are checked")
    return refused(hint, "it is a Protocol without @runtime_checkable")


def is_real_protocol(info: TypeInfo) -> bool:
    return info.is_protocol and info.fullname not in _names.CLASSES_TO_THE_RUN_TIME


def args_given(hint: Instance) -> Sequence[Type]:
    """The types in brackets: none of a bare generic, and without those that mypy adds as defaults."""
    args = list(hint.args)
    if any(is_omitted(arg) for arg in args):
        return ()
    variables = hint.type.defn.type_vars
    while args and len(args) <= len(variables):
        variable = variables[len(args) - 1]
        if not (isinstance(variable, TypeVarType) and variable.has_default() and variable.default == args[-1]):
            break
        args.pop()
    return args


def is_record(hint: TypeAliasType) -> bool:
    """Whether mypy's alias is the definition of a TypedDict or NamedTuple, which may hold itself by name."""
    match get_proper_type(hint):
        case TypedDictType() as record:
            return hint.alias is not None and record.fallback.type.fullname == hint.alias.fullname
        case TupleType() as record:
            return hint.alias is not None and record.partial_fallback.type.fullname == hint.alias.fullname
        case _:
            return False


def is_omitted(arg: Type) -> bool:
    proper = get_proper_type(arg)
    return isinstance(proper, AnyType) and proper.type_of_any in _OMITTED


def is_class(arg: Type, *fullnames: str) -> bool:
    proper = get_proper_type(arg)
    return isinstance(proper, Instance) and proper.type.fullname in fullnames


def is_bare(hint: CallableType) -> bool:
    return is_omitted(hint.ret_type)


def parameters(hint: CallableType) -> list[Type]:
    """The parameter types; an ellipsis is none."""
    return [] if hint.is_ellipsis_args else [unpacked(part) for part in hint.arg_types]


def unpacked(item: Type) -> Type:
    proper = get_proper_type(item)
    return proper.type if isinstance(proper, UnpackType) else item
