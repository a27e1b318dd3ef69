"""liveref-untyped: a lookup through ``RegistryKey[Any]``, and the bare annotation that gives one."""

from __future__ import annotations

from mypy.nodes import TypeAlias
from mypy.plugin import AnalyzeTypeContext
from mypy.semanal import SemanticAnalyzer
from mypy.typeanal import TypeAnalyser
from mypy.types import Instance, Type, get_proper_type

from liveref_mypy import _codes, _names
from liveref_mypy._call import Call, spell
from liveref_mypy._types import is_written_any, key_items

__all__ = ["check_untyped", "is_bare_annotation", "is_bare_key", "report_bare_annotation"]


def check_untyped(call: Call) -> None:
    """Check a lookup without a hint."""
    key = call.type_of("key")
    if key is None or not any(map(is_written_any, key_items(key))):
        return
    call.fail(
        _codes.UNTYPED,
        f"{spell(call.args['key'])} is a {call.text(key)}, so that the lookup gives Any; "
        "name the type in brackets, pass a hint, or use get_any()",
    )


def is_bare_key(node: TypeAlias) -> bool:
    """Whether a name without brackets means ``RegistryKey[Any]``: an alias of the class, or of that."""
    target = get_proper_type(node.target)
    return isinstance(target, Instance) and target.type.fullname == _names.KEY and _is_any(target)


def _is_any(target: Instance) -> bool:
    return all(is_written_any(arg) for arg in target.args)


def is_bare_annotation(ctx: AnalyzeTypeContext) -> bool:
    """Whether a name is an annotation without brackets, and not the definition of an alias or part of a hint."""
    analyser = ctx.api
    if ctx.type.args or not isinstance(analyser, TypeAnalyser) or analyser.defining_alias:
        return False
    sem = analyser.api
    return isinstance(sem, SemanticAnalyzer) and sem.errors is sem.msg.errors  # else mypy tries out an expression


def report_bare_annotation(ctx: AnalyzeTypeContext, found: Type) -> Type:
    """Report the annotation and give mypy's type of it."""
    ctx.api.fail(
        f'"{ctx.type.name}" without a type in brackets is "RegistryKey[Any]", whose lookups give Any; '
        'write "RegistryKey[X]", or "RegistryKey[object]" for a key of anything',
        ctx.context,
        code=_codes.UNTYPED,
    )
    return found
