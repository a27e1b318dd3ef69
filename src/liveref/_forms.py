"""The table of hint forms: for each its depth and its test, or the reason why it is refused."""

from __future__ import annotations

import collections
import enum
import io
import itertools
import types
import typing
from collections import abc
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, TypeGuard, cast, get_args, get_origin

import typing_extensions
from typing_extensions import is_protocol, is_typeddict

from liveref import _checks
from liveref._checks import KnownClasses, Test, Trail
from liveref._tag import is_alias, readable
from liveref.exceptions import HintError

__all__ = ["TOWER", "CheckDepth", "Form", "compile_hint", "is_plain_class"]


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


_ANY: Final = Form(CheckDepth.NONE, _checks.always, (object,), only_classes=True)

TOWER: Final[dict[object, tuple[type, ...]]] = {float: (float, int), complex: (complex, float, int)}
"""Checkers promote int to float and float to complex (typing specification, "Special types")."""

_ITEMS: Final[frozenset[object]] = frozenset({
    list, set, frozenset, collections.deque, abc.Collection, abc.Container, abc.Iterable, abc.Reversible,
    abc.Sequence, abc.MutableSequence, abc.Set, abc.MutableSet, abc.KeysView, abc.ValuesView, abc.MappingView,
})  # fmt: skip
_PAIRS: Final[frozenset[object]] = frozenset({
    dict, collections.OrderedDict, collections.defaultdict, collections.ChainMap, abc.Mapping, abc.MutableMapping,
})  # fmt: skip
_ONE_SHOT: Final[frozenset[object]] = frozenset({abc.Iterable, abc.Container, abc.Reversible})
"""Their values need not be collections, so the items may be out of reach."""

_FILES: Final[dict[object, tuple[type, ...]]] = {
    typing.IO: (io.IOBase,),
    typing.TextIO: (io.TextIOBase,),
    typing.BinaryIO: (io.RawIOBase, io.BufferedIOBase),
}
"""beartype wants a ``mode``, which BytesIO and StringIO lack; what it accepts besides passes too."""

_UNIONS: Final[frozenset[object]] = frozenset({typing.Union, types.UnionType})
_ALONE: Final = "write a type that stands by itself"
_REFUSED: Final[dict[object, str]] = {
    typing.Never: f"no value is of this type; {_ALONE}",
    typing.NoReturn: f"no value is of this type; {_ALONE}",
    typing.Self: f"it means a class only inside of that class; {_ALONE}",  # pyright: ignore[reportUnknownMemberType]  a special form
    typing.ClassVar: f"it qualifies an attribute; {_ALONE}",
    typing.Final: f"it qualifies a name; {_ALONE}",
    typing.TypeGuard: f"it qualifies a result; {_ALONE}",
    typing_extensions.TypeIs: f"it qualifies a result; {_ALONE}",
    typing.Concatenate: f"it belongs inside Callable; {_ALONE}",
    typing.Required: f"it belongs inside a TypedDict; {_ALONE}",
    typing.NotRequired: f"it belongs inside a TypedDict; {_ALONE}",
    typing_extensions.ReadOnly: f"it belongs inside a TypedDict; {_ALONE}",
    typing.Generic: f"it is a base for class definitions; {_ALONE}",
    typing.TypedDict: f"it is a base for class definitions; {_ALONE}",
    typing_extensions.TypedDict: f"it is a base for class definitions; {_ALONE}",
    typing.Protocol: f"it is a base for class definitions; {_ALONE}",
    typing_extensions.Protocol: f"it is a base for class definitions; {_ALONE}",
}
_BARE: Final[dict[object, str]] = {
    typing.Union: "it has no members; write them in brackets",
    typing.Optional: "it has no member; write it in brackets",
    typing.Literal: "it has no values; write them in brackets",
    typing.Annotated: "it has no type; write it in brackets",
}
_QUALIFIERS: Final[frozenset[object]] = frozenset({typing.Required, typing.NotRequired, typing_extensions.ReadOnly})
_UNPACK: Final[frozenset[object]] = frozenset({typing.Unpack, typing_extensions.Unpack})
_VARIABLES: Final = (
    typing.TypeVar, typing.ParamSpec, typing.ParamSpecArgs, typing.ParamSpecKwargs,
    typing.TypeVarTuple, typing_extensions.TypeVarTuple,
)  # fmt: skip

_NOT_PLAIN: Final[frozenset[object]] = frozenset({*TOWER, *_FILES, *_BARE, *_REFUSED})
"""The classes that are more than one class to a hint, of those whose metaclass is ``type`` itself."""


class _Refused(Exception):  # noqa: N818  never leaves this module
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
    special = any(form is cls for form in (*_REFUSED, typing.Any))  # not ``in``: its hash may be anyone's code
    return special or is_typeddict(cls) or is_protocol(cls)


def compile_hint(hint: object) -> Form:
    """The form of a hint.

    Raises:
        HintError: it, or a part of it, can't be checked at run time.
    """
    try:
        return _Compiler().form(hint)
    except _Refused as refusal:
        part, reason = refusal.args
    except RecursionError:
        part, reason = hint, "it is nested too deeply; write a simpler one"
    except Exception as error:  # noqa: BLE001  user code: a metaclass, the annotations of a TypedDict
        part, reason = hint, f"to look at it raised {readable(type(error))}; write a simpler one"
    raise HintError(readable(hint), readable(part), reason)


class _Compiler:
    """One run over a hint; knows the aliases and TypedDicts that it is inside of, for they may recur."""

    def __init__(self) -> None:
        self._open: dict[object, list[Test]] = {}

    def form(self, hint: object) -> Form:  # noqa: PLR0911  one line a form
        origin, args = get_origin(hint), get_args(hint)
        self._refuse(hint, origin)
        if hint is None:
            return _exact(type(None))
        if hint is object or hint is typing.Any:
            return _ANY
        if hint is typing.LiteralString:
            return _exact(str)
        if isinstance(hint, typing.NewType):
            return self.form(hint.__supertype__)
        if is_alias(hint):
            return self._recurring(hint, lambda: self.form(hint.__value__))
        if is_alias(origin):
            return self._recurring(hint, lambda: self.form(_subscribe(origin.__value__, args)))
        if origin is None:
            return self._class(hint) if isinstance(hint, type) else self._foreign(hint)
        return self._parametrised(hint, origin, args)

    def _parametrised(self, hint: object, origin: object, args: tuple[object, ...]) -> Form:  # noqa: C901, PLR0911  one line a form
        if origin is typing.Literal:
            return Form(CheckDepth.EXACT, _checks.literal(args), by_value=True)
        if origin in _UNIONS:
            return _union([self.form(arg) for arg in args])
        if origin is typing.Annotated:
            return self._annotated(args)
        if not args and origin is not tuple:
            return self._class(cast("type", origin))
        if origin is type:
            return self._type(args[0])
        if origin is tuple:
            return self._tuple(args)
        if origin in _ITEMS:
            return self._items(cast("type", origin), self.form(args[0]))
        if origin is collections.Counter:
            return self._pairs(collections.Counter, self.form(args[0]), _exact(int))
        if origin in _PAIRS:
            return self._pairs(cast("type", origin), self.form(args[0]), self.form(args[1]))
        if is_typeddict(origin):
            return self._recurring(hint, lambda: self._record(cast("type", origin), args))
        return self._generic(cast("type", origin), args)

    @staticmethod
    def _refuse(hint: object, origin: object) -> None:
        if isinstance(hint, str | typing.ForwardRef):
            raise _Refused(hint, "it is a string, and which module's names it means is unknown; write the type itself")
        if isinstance(hint, _VARIABLES):
            raise _Refused(hint, f"it is a type variable; {_ALONE}")
        for form, refused in ((hint, _BARE), (hint, _REFUSED), (origin, _REFUSED)):
            for special, reason in refused.items():
                if form is special:  # not ``in``: the hash of a hint may be anyone's code
                    raise _Refused(hint, reason)

    def _class(self, cls: type) -> Form:
        if type(cls) is type and cls in TOWER:
            return _exact(*TOWER[cls])
        if type(cls) is type and cls in _FILES:
            return _file(cls)
        if is_typeddict(cls):
            return self._recurring(cls, lambda: self._record(cls, ()))
        if not is_protocol(cls):
            return _exact(cls)
        if not getattr(cls, "_is_runtime_protocol", False):
            raise _Refused(cls, "it is a Protocol without @runtime_checkable; add that decorator to it")
        known: KnownClasses = {}
        test = _checks.protocol(cls, typing_extensions.get_protocol_members(cls), known)
        return Form(CheckDepth.SHALLOW, test, known=known)

    def _recurring(self, hint: object, build: Callable[[], Form]) -> Form:
        """The form of something that may hold itself; a look at the outside does not follow it there."""
        if hint in self._open:
            found = self._open[hint]

            def again(value: object, trail: Trail | None = None) -> bool:
                return trail is None or found[0](value, trail)

            return Form(CheckDepth.EXACT, again)
        cell: list[Test] = []
        self._open[hint] = cell
        try:
            form = build()
        except NameError as error:
            raise _Refused(
                hint, f"it names {error.name!r}, which is not defined; define or import that first"
            ) from None
        finally:
            del self._open[hint]
        cell.append(form.test)
        return form

    def _annotated(self, args: tuple[object, ...]) -> Form:
        inner = self.form(args[0])
        validators = [item for item in args[1:] if type(item).__module__.startswith("beartype.vale")]
        if not validators:
            return inner
        depth = CheckDepth.EXACT if inner.depth is CheckDepth.NONE else inner.depth
        return Form(depth, _checks.all_of((inner.test, *map(_validator, validators))), by_value=True)

    def _type(self, arg: object) -> Form:
        if arg is typing.Any:
            return _exact(type)
        if get_origin(arg) in _UNIONS:
            return _union([self._type(member) for member in get_args(arg)])
        if isinstance(arg, typing.NewType):
            return self._type(arg.__supertype__)
        form, cls = self.form(arg), type(None) if arg is None else get_origin(arg) or arg
        if not isinstance(cls, type):
            raise _Refused(arg, "type[...] takes a class; write one")
        if is_protocol(cls) or is_typeddict(cls):
            return Form(CheckDepth.SHALLOW, _checks.instance_of(type))
        return Form(form.depth if form.depth is not CheckDepth.NONE else CheckDepth.EXACT, _checks.class_object((cls,)))

    def _tuple(self, args: tuple[object, ...]) -> Form:
        args = tuple(itertools.chain.from_iterable(map(_unpacked, args)))
        if args[1:] == (...,):
            args = (_Many(args[0]),)
        many = [position for position, arg in enumerate(args) if isinstance(arg, _Many)]
        if len(many) > 1:
            raise _Refused(args, "a tuple has one part of unknown length at most; write one")
        forms = [self.form(arg.hint if isinstance(arg, _Many) else arg) for arg in args]
        tests = tuple(form.test for form in forms)
        if not many:
            return Form(_depth(forms), _checks.tuple_of(tests, None, ()))
        at = many[0]
        return Form(_depth(forms), _checks.tuple_of(tests[:at], tests[at], tests[at + 1 :]))

    def _items(self, origin: type, item: Form) -> Form:
        test = _checks.collection_of(origin, item.test, frozenset(item.front), by_value=item.by_value)
        out_of_reach = origin in _ONE_SHOT and item.depth is not CheckDepth.NONE
        return Form(CheckDepth.SHALLOW if out_of_reach else _depth([item]), test)

    def _pairs(self, origin: type, key: Form, value: Form) -> Form:
        return Form(_depth([key, value]), _checks.mapping_of(origin, key.test, value.test))

    def _record(self, cls: type, args: tuple[object, ...]) -> Form:
        hints = typing_extensions.get_type_hints(cls, include_extras=True)
        parameters: tuple[object, ...] = getattr(cls, "__parameters__", ())
        variables = dict(zip(parameters, args, strict=False))
        forms = {name: self.form(_bind(_unqualified(hint), variables)) for name, hint in hints.items()}
        by_class = cast("frozenset[str]", getattr(cls, "__required_keys__"))  # noqa: B009  typeshed hides it
        required = frozenset(name for name, hint in hints.items() if _is_required(hint, name in by_class))
        extra = _ANY
        if getattr(cls, "__closed__", None):
            extra = Form(CheckDepth.EXACT, _checks.instance_of())
        elif (
            hint := getattr(cls, "__extra_items__", typing_extensions.NoExtraItems)
        ) is not typing_extensions.NoExtraItems:
            extra = self.form(_unqualified(hint))
        tests = {name: form.test for name, form in forms.items()}
        return Form(_depth([*forms.values(), extra]), _checks.record(required, tests, extra.test))

    def _generic(self, origin: type, args: tuple[object, ...]) -> Form:
        is_open = self._all_open(args)
        if origin is typing.IO and args[0] is str:
            return _file(typing.TextIO)
        if origin is typing.IO and args[0] is bytes:
            return _file(typing.BinaryIO)
        if origin.__module__ == "numpy" and origin.__name__ == "ndarray" and len(args) > 1:
            shapeless = _subscribe(origin, (tuple[typing.Any, ...], args[1]))
            return Form(CheckDepth.EXACT if self._is_open(args[0]) else CheckDepth.SHALLOW, _beartype(shapeless))
        outside = self._class(origin)
        return outside if is_open else outside._replace(depth=CheckDepth.SHALLOW)

    def _is_open(self, arg: object) -> bool:  # noqa: PLR0911  one line a form
        """Whether a parameter asks for nothing, so that not to check it loses nothing."""
        if arg is ...:
            return True
        if isinstance(arg, list):
            return self._all_open(cast("list[object]", arg))
        if is_alias(arg):
            return self._is_open(arg.__value__)
        origin, args = get_origin(arg), get_args(arg)
        if origin in _UNPACK:
            return self._is_open(args[0])
        if origin is typing.Concatenate:
            return self._all_open(args)
        form = self.form(arg)
        if origin is None or origin in _UNIONS or not args:
            return form.depth is CheckDepth.NONE
        return isinstance(origin, type) and self._all_open(args)

    def _all_open(self, args: Iterable[object]) -> bool:
        verdicts = [self._is_open(arg) for arg in args]  # of every part, for each may be one to refuse
        return all(verdicts)

    @staticmethod
    def _foreign(hint: object) -> Form:
        """A form that the table does not know: beartype may."""
        refusal = _Refused(hint, f"it is no type; {_ALONE}")
        if type(hint).__module__ == "builtins":
            raise refusal
        try:
            test = _beartype(hint)
            test(None, None)
        except Exception:  # noqa: BLE001  whatever beartype or an odd hint raises
            raise refusal from None
        return Form(CheckDepth.SHALLOW, test)


class _Many(NamedTuple):
    """The part of a tuple hint that stands for any number of items."""

    hint: object


def _exact(*classes: type) -> Form:
    return Form(CheckDepth.EXACT, _checks.instance_of(*classes), classes, only_classes=True)


def _depth(parts: Iterable[Form]) -> CheckDepth:
    shallow = any(part.depth is CheckDepth.SHALLOW for part in parts)
    return CheckDepth.SHALLOW if shallow else CheckDepth.EXACT


def _union(members: list[Form]) -> Form:
    depths = {member.depth for member in members}
    depth = next((depth for depth in (CheckDepth.NONE, CheckDepth.SHALLOW) if depth in depths), CheckDepth.EXACT)
    front = tuple(itertools.chain.from_iterable(member.front for member in members))
    test = _checks.any_of(tuple(member.test for member in members))
    known = next((member.known for member in members if member.known is not None), None)
    only_classes, by_value = all(each.only_classes for each in members), any(each.by_value for each in members)
    return Form(depth, test, front, only_classes, known, by_value)


def _unpacked(arg: object) -> tuple[object, ...]:
    if get_origin(arg) in _UNPACK:
        arg = get_args(arg)[0]
    elif not getattr(arg, "__unpacked__", False):
        return (arg,)
    if isinstance(arg, _VARIABLES):
        raise _Refused(arg, f"it is a type variable; {_ALONE}")
    args = get_args(arg)
    return (_Many(args[0]),) if args[1:] == (...,) else args


def _is_required(hint: object, otherwise: bool) -> bool:  # noqa: FBT001
    """Whether a TypedDict's key must be there, as its annotation says where it does.

    ``__required_keys__`` alone is wrong under ``from __future__ import annotations`` (python/cpython#97727).
    """
    while (origin := get_origin(hint)) in _QUALIFIERS:
        if origin is not typing_extensions.ReadOnly:
            return origin is typing.Required
        hint = get_args(hint)[0]
    return otherwise


def _unqualified(hint: object) -> object:
    while get_origin(hint) in _QUALIFIERS:
        hint = get_args(hint)[0]
    return hint


def _bind(hint: object, variables: dict[object, object]) -> object:
    """The field of a generic TypedDict with its type variables replaced, by Any where none was given."""
    if isinstance(hint, typing.TypeVar):
        return variables.get(hint, typing.Any)
    free = getattr(hint, "__parameters__", ())
    if isinstance(hint, type) or not free or not all(isinstance(each, typing.TypeVar) for each in free):
        return hint
    return _subscribe(hint, tuple(variables.get(each, typing.Any) for each in free))


def _subscribe(generic: object, args: tuple[object, ...]) -> object:
    return cast("abc.Mapping[object, object]", generic)[args]


def _file(kind: object) -> Form:
    own = _checks.instance_of(*_FILES[kind])
    return Form(CheckDepth.EXACT, _checks.any_of((own, _beartype(kind))), _FILES[kind])


def _validator(validator: object) -> Test:
    is_valid = cast("Callable[[object], bool]", getattr(validator, "is_valid"))  # noqa: B009

    def test(value: object, trail: Trail | None = None) -> bool:  # noqa: ARG001
        return is_valid(value)

    return test


def _beartype(hint: object) -> Test:
    """The test that beartype makes of a hint, which beartype keeps for ever."""

    def test(value: object, trail: Trail | None = None) -> bool:  # noqa: ARG001
        from beartype import BeartypeConf  # noqa: PLC0415  100 ms, and most programs never get here
        from beartype.door import is_bearable  # noqa: PLC0415

        return is_bearable(value, cast("Any", hint), conf=BeartypeConf(is_random=False))  # Any: a hint of whatever kind

    return test
