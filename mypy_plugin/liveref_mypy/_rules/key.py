"""What stands where a key is wanted: a union of keys, or something that a key can be made of."""

from __future__ import annotations

from typing import Final

from mypy.expandtype import expand_type
from mypy.nodes import Expression
from mypy.types import (
    CallableType,
    Instance,
    LiteralType,
    Type,
    TypedDictType,
    TypeVarType,
    UnionType,
    get_proper_type,
)

from liveref_mypy import _codes, _names
from liveref_mypy._call import Call, spell
from liveref_mypy._types import inherits, key_items

__all__ = ["advise_constructor", "advise_key", "bind_union"]

_MYPY_SAYS: Final = frozenset({"arg-type", "call-overload", "call-arg", "index"})
"""The codes of mypy's own errors at such a call."""
_WAYS: Final = (
    (_names.STR, "RegistryKey.parse({}, hint) makes a key of its text"),
    (_names.UUID, "RegistryKey.parse(str({}), hint) makes a key of it"),
    (_names.MAPPING, "RegistryKey.from_marker({}, hint) makes a key of its marker"),
)


def bind_union(call: Call, signature: CallableType) -> CallableType:
    """The signature for a union of keys, of which mypy's own inference knows no more than what all have in common."""
    key = get_proper_type(call.type_of("key"))
    held = key_items(key) if isinstance(key, UnionType | TypeVarType) else []
    wanted = get_proper_type(signature.arg_types[0]) if len(held) > 1 else None
    item = get_proper_type(wanted.args[0]) if isinstance(wanted, Instance) and wanted.args else None
    if not isinstance(item, TypeVarType):
        return signature
    rest = [variable for variable in signature.variables if variable.id != item.id]
    bare = signature.copy_modified(variables=rest)  # pyright: ignore[reportUnknownMemberType]  mypy's Bogus
    return expand_type(bare, {item.id: UnionType.make_union(held)})


def advise_key(call: Call) -> None:
    """Say beside mypy's error how a text, a UUID or a marker becomes a key."""
    kind = _class_of(call.type_of("key"))
    if kind is None or kind.type.fullname == _names.KEY:
        return
    way = next((way for name, way in _WAYS if inherits(kind.type, name)), None)
    if way is not None:
        name = spell(call.args["key"]).strip('"') if spell(call.args["key"]) != "the key" else "it"
        _advise(call, way.format(name), call.args["key"])


def advise_constructor(call: Call) -> None:
    """Say beside mypy's error what makes keys."""
    _advise(
        call,
        "a key is made by the insert() of a registry, by RegistryKey.new(hint), RegistryKey.parse(text, hint) and "
        "RegistryKey.from_marker(marker, hint)",
        call.expr,
    )


def _class_of(typ: Type | None) -> Instance | None:
    proper = get_proper_type(typ)
    if isinstance(proper, LiteralType | TypedDictType):
        return proper.fallback
    return proper if isinstance(proper, Instance) else None


def _advise(call: Call, advice: str, at: Expression) -> None:
    """Tell it as a note, which no run fails for; not where mypy's own error is ignored or switched off."""
    errors = call.api.msg.errors
    ignored = errors.ignored_lines.get(errors.file, {}).get(at.line)
    off = {code.code for code in errors.options.disabled_error_codes}
    if off.isdisjoint(_MYPY_SAYS) and (ignored is None or (ignored and _MYPY_SAYS.isdisjoint(ignored))):
        call.tell(lambda: call.api.msg.note(advice, at, code=_codes.KEY))
