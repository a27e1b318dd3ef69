"""Hints to parts: what each can check at run time, and how, or the reason why it is refused."""

from __future__ import annotations

import collections
import enum
import functools
import inspect
import sys
import typing
from collections.abc import Callable, ItemsView, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from types import FunctionType, MethodType, NoneType
from typing import Final, TypeAlias, cast, get_args, get_origin

import typing_extensions
from typing_extensions import TypeAliasType, evaluate_forward_ref, get_original_bases, is_protocol, is_typeddict

from liveref._hints import forms, predicates
from liveref._hints.forms import (
    ALONE,
    CheckDepth,
    Refused,
    Variables,
    bind,
    bound,
    is_generic,
    record_of,
    subscribe,
)
from liveref._hints.pinned import Pinned
from liveref._hints.predicates import ANY, METHODS, Asked, Part, bearable, classes, leaf
from liveref._text.tag import LITERALS, in_class, is_alias, made_by, readable, readable_beside, stays
from liveref._typing import UNRESOLVED
from liveref.exceptions import HintError, counted

__all__ = ["checkable", "compile_hint"]


def compile_hint(hint: object) -> Part:
    """The check of a hint.

    Raises:
        HintError: it, or a part of it, can't be checked at run time.
    """
    try:
        return _Compiler().part(hint)
    except Refused as refusal:
        part, reason = refusal.args
    except RecursionError:
        part, reason = hint, "it is nested too deeply; write a simpler one"
    except Exception as error:  # noqa: BLE001  user code: a metaclass, the annotations of a TypedDict
        part, reason = hint, f"to look at it raised {readable(type(error))}; write a simpler one"
    raise HintError(readable(hint), readable(part), reason)


class _Compiler:
    """One run over a hint; knows the aliases and TypedDicts that it is inside of, for they may recur."""

    def __init__(self) -> None:
        self._open: dict[object, list[Part]] = {}
        self._known: dict[int, tuple[Part, object]] = {}
        self._scope: tuple[TypeAliasType, Variables] | None = None

    def part(self, hint: object) -> Part:
        """The part of a check that a hint, or a part of one, comes to: built once, however often it is asked for."""
        if id(hint) not in self._known:
            self._known[id(hint)] = self._part(hint), hint  # which so keeps its id
        return self._known[id(hint)][0]

    def _part(self, hint: object) -> Part:  # noqa: PLR0911  one line a form
        origin, args = get_origin(hint), get_args(hint)
        if self._scope and isinstance(hint, str | typing.ForwardRef):
            return self.part(_evaluated(hint, *self._scope))
        _refuse(hint, origin)
        if hint is typing.Any or hint is object:
            return ANY
        if isinstance(hint, typing.NewType):
            return self.part(hint.__supertype__)
        alias = origin or hint
        if not isinstance(alias, type) and is_alias(alias):
            key = [tuple(cast("list[object]", arg)) if isinstance(arg, list) else arg for arg in args]  # of a ParamSpec
            return self._recurring((alias, *key), alias, lambda: self._alias(alias, args if origin else None))
        if origin is not None and (args or (origin is tuple and hint is not typing.Tuple)):  # noqa: UP006  which has no args either
            _count(hint, origin, args)
            return _BUILDERS.get(origin, _Compiler._generic)(self, cast("type", origin), args)
        if isinstance(alias, type):
            return self._class(alias)
        cls = NoneType if hint is None else str if hint is typing.LiteralString else made_by(hint)
        return _foreign(hint) if cls is None else self._class(cls)

    def parts(self, hints: Iterable[object]) -> list[Part]:
        return [self.part(hint) for hint in hints]

    def _class(self, cls: type) -> Part:
        if is_typeddict(cls):
            return self._recurring((cls,), cls, lambda: self._record(cls, None))
        files = forms.FILES.get(cls) if type(cls) is type else None
        if files:
            return leaf(lambda value: isinstance(value, files) or bearable(cls)(value), front=files)
        if not is_protocol(cls):
            return classes(*(forms.TOWER.get(cls, (cls,)) if type(cls) is type else (cls,)))
        if not getattr(cls, "_is_runtime_protocol", False):
            raise Refused(cls, "it is a Protocol without @runtime_checkable; add that decorator to it")
        return predicates.members(cls, typing_extensions.get_protocol_members(cls))

    def _recurring(self, key: object, hint: object, build: Callable[[], Part]) -> Part:
        """The part of something that may hold itself; a look at the outside does not follow it there."""
        if key in self._open:
            meant = self._open[key]
            return Part(
                CheckDepth.EXACT,
                lambda values, whole: not whole or meant[0].passes(values, whole),
                why=lambda value, whole: meant[0].why(value, whole),  # noqa: PLW0108  it is not built yet
            )
        built, scope, known = self._open.setdefault(key, []), self._scope, self._known
        self._known = {}  # in there it may be meant, and texts mean other things
        try:
            built.append(build())
        except NameError as error:
            raise Refused(hint, f"it names {error.name!r}, which is not defined; define or import that first") from None
        finally:
            self._scope, self._known = scope, known
            del self._open[key]
        return built[0]

    def _alias(self, alias: TypeAliasType, args: Sequence[object] | None) -> Part:
        self._scope = alias, bound(alias.__type_params__, args)
        return self.part(bind(alias.__value__, self._scope[1]))

    def _literal(self, _: object, args: Sequence[object]) -> Part:
        for value in args:
            if type(value) not in LITERALS and not isinstance(value, enum.Enum):
                raise Refused(value, "a Literal takes texts, bytes, ints, bools, None and members of enums; write one")
        return predicates.literals(tuple(args))

    def _annotated(self, _: object, args: Sequence[object]) -> Part:
        inner = self.part(args[0])
        valid = [getattr(item, "is_valid") for item in args if type(item).__module__.startswith("beartype.vale")]  # noqa: B009
        depth = CheckDepth.EXACT if valid and inner.depth is CheckDepth.NONE else inner.depth
        tests = [leaf(test, found=lambda value: f"{readable(type(value))} that a validator refuses") for test in valid]
        return predicates.every([inner, *tests], depth) if tests else inner

    def _type(self, _: object, args: Sequence[object]) -> Part:
        arg, origin = args[0], get_origin(args[0])
        if is_alias(arg):
            return self._recurring((type, arg), arg, lambda: self._type(type, [arg.__value__]))
        if isinstance(arg, typing.NewType) or origin is typing.Annotated:
            return self._type(type, get_args(arg) or [getattr(arg, "__supertype__", None)])
        if origin in forms.UNIONS:
            return _union(get_args(arg), [self._type(type, [member]) for member in get_args(arg)])
        part, cls = self.part(arg), NoneType if arg is None else origin or arg
        if not isinstance(cls, type):
            raise Refused(arg, "type[...] takes a class; write one")
        if part is ANY or is_protocol(cls) or is_typeddict(cls):
            return classes(type, depth=CheckDepth.EXACT if part is ANY else CheckDepth.SHALLOW)
        bases, depth = (
            part.front or (cls,),
            CheckDepth.SHALLOW if part.depth is CheckDepth.SHALLOW else CheckDepth.EXACT,
        )
        return leaf(
            lambda value: isinstance(value, type) and issubclass(value, bases),
            depth,
            asked=_asked(type, [part]),
            kinds=(type,),
            found=lambda value: f"the class {readable_beside(cast('type', value), bases)}",
        )

    def _tuple(self, _: object, args: Sequence[object]) -> Part:
        items = forms.items_of(args)
        parts = self.parts(item for item, _ in items)
        many = [position for position, (_, is_many) in enumerate(items) if is_many]
        if len(many) > 1:
            raise Refused(subscribe(tuple, args), "a tuple has one part of unknown length at most; write one")
        if not many:
            return predicates.tuple_of(parts, None, (), _asked(tuple, parts))
        if len(parts) == 1:
            return predicates.items(tuple, parts[0], _asked(tuple, parts, ...))
        at = many[0]  # beartype does not look into a tuple with an unpacked part at all
        return predicates.tuple_of(parts[:at], parts[at], parts[at + 1 :], None)

    def _callable(self, origin: type, args: Sequence[object]) -> Part:
        arguments, result = args
        tells = (get_origin(result) or result) not in forms.RESULTS
        is_open = self._all_open([arguments, result] if tells else [arguments]) and tells
        depth = CheckDepth.EXACT if is_open else CheckDepth.SHALLOW
        if arguments is ...:
            return classes(origin, depth=depth)
        given = cast("list[object]", arguments) if isinstance(arguments, list) else get_args(arguments)[:-1]
        return _functions(len(given), depth, more=not isinstance(arguments, list))

    def _items(self, origin: type, args: Sequence[object]) -> Part:
        item = self.part(subscribe(tuple, args) if len(args) > 1 else args[0])  # the pairs of an ItemsView
        part = predicates.items(origin, item, _asked(origin, self.parts(args)))
        out_of_reach = origin in forms.ONE_SHOT and item.depth is not CheckDepth.NONE
        return replace(part, depth=CheckDepth.SHALLOW) if out_of_reach else part

    def _pairs(self, origin: type, args: Sequence[object]) -> Part:
        parts = self.parts(args)
        key, value = parts if len(parts) > 1 else (parts[0], classes(int))  # a Counter
        return predicates.pairs(origin, key, value, _asked(origin, parts))

    def _text(self, origin: type, args: Sequence[object]) -> Part:
        return predicates.attributes(origin, {forms.TEXTS[origin]: self.part(args[0])})

    def _pinned(self, _: object, args: Sequence[object]) -> Part:
        inner = self.part(args[0])
        return Part(
            predicates.depth_of([inner]),
            lambda values, whole: all(isinstance(each, Pinned) and each._fits(inner, full=whole) for each in values),
            takes=lambda value: isinstance(value, Pinned),
            why=lambda value, _: ("", value._tag() if isinstance(value, Pinned) else readable(type(value))),
        )

    def _generic(self, origin: type, args: Sequence[object]) -> Part:
        if is_typeddict(origin):
            return self._recurring((origin, *args), origin, lambda: self._record(origin, args))
        if origin is typing.IO and (args[0] is str or args[0] is bytes):
            return self._class(cast("type", typing.TextIO if args[0] is str else typing.BinaryIO))
        if (origin.__module__, origin.__name__) == ("numpy", "ndarray") and len(args) > 1:
            return self._array(origin, args[0], args[1])
        bases = [base for base in get_original_bases(origin) if is_generic(get_origin(base))]
        free = chain.from_iterable(cast("tuple[object, ...]", getattr(base, "__parameters__", ())) for base in bases)
        variables = bound(getattr(origin, "__parameters__", None) or list(dict.fromkeys(free)), args)
        is_open, outside = self._all_open(bind(arg, variables) for arg in args), self._class(origin)
        if is_open:
            return outside
        derived = self.parts(bind(base, variables, typing.Any) for base in bases)
        if all(part.only_classes for part in derived):
            return replace(outside, depth=CheckDepth.SHALLOW)
        return predicates.every([outside, *derived], CheckDepth.SHALLOW, _asked(origin, self.parts(args)))

    def _array(self, origin: type, shape: object, dtype: object) -> Part:
        """Of an array the dtype too, which beartype compares by size, unit and order of bytes, and the shape."""
        scalars = get_args(dtype)
        of_dtype = self._scalar(scalars[0]) if scalars else self.part(dtype)
        sizes = [size for scalar in scalars for size in get_args(scalar)]
        is_open = self._all_open([getattr(shape, "__value__", shape), *sizes])  # an alias of numpy's in NDArray
        array = predicates.attributes(origin, {"dtype": of_dtype, "shape": self.part(shape)})
        return array if is_open else replace(array, depth=CheckDepth.SHALLOW)

    def _scalar(self, scalar: object) -> Part:
        """What a dtype of a scalar type of numpy fits."""
        if self.part(scalar) is ANY:
            return ANY
        cls = get_origin(scalar) or scalar  # np.floating of np.floating[Any]
        if not isinstance(cls, type) or cls in forms.UNIONS:
            raise Refused(scalar, "the dtype of an array is one scalar type; write one")
        return leaf(lambda dtype: issubclass(getattr(dtype, "type"), cls), found="dtype {}".format)  # noqa: B009  of an object

    def _record(self, cls: type, args: Sequence[object] | None) -> Part:
        fields, others = record_of(cls, args)
        parts = {name: (self.part(hint), required) for name, (hint, required) in fields.items()}
        return predicates.record(parts, None if others is typing.Never else self.part(others))

    def _is_open(self, arg: object) -> bool:
        """Whether a parameter asks for nothing, so that not to check it loses nothing."""
        if arg is ... or isinstance(arg, list | tuple):  # a list is what a ParamSpec stands for
            return arg is ... or self._all_open(cast("Iterable[object]", arg))
        origin, args = get_origin(arg), get_args(arg)
        if origin is typing.Concatenate or origin is typing.Annotated or origin in forms.UNPACK:
            return self._all_open(args if origin is typing.Concatenate else args[:1])
        part = self.part(arg)
        if not args or origin in forms.UNIONS:
            return part.depth is CheckDepth.NONE
        return isinstance(origin, type) and self._all_open(args)

    def _all_open(self, args: Iterable[object]) -> bool:
        return False not in [self._is_open(arg) for arg in args]  # each is looked at, for each may be one to refuse


Builder: TypeAlias = Callable[[_Compiler, type, Sequence[object]], Part]

_BUILDERS: Final[Mapping[object, Builder]] = {
    typing.Literal: _Compiler._literal,
    typing.Annotated: _Compiler._annotated,
    type: _Compiler._type,
    tuple: _Compiler._tuple,
    Callable: _Compiler._callable,
    **dict.fromkeys(forms.UNIONS, lambda run, _, hints: _union(hints, run.parts(hints))),
    **dict.fromkeys([*forms.ITEMS, ItemsView], _Compiler._items),
    **dict.fromkeys([*forms.PAIRS, collections.Counter], _Compiler._pairs),
    **dict.fromkeys(forms.TEXTS, _Compiler._text),
    Pinned: _Compiler._pinned,
}


def _refuse(hint: object, origin: object) -> None:
    if isinstance(hint, str | typing.ForwardRef):
        raise Refused(hint, "it is a string, and which module's names it means is unknown; write the type itself")
    if isinstance(hint, forms.VARIABLES):
        raise Refused(hint, f"it is a type variable; {ALONE}")
    for form, reason in (*forms.BARE.items(), *forms.REFUSED.items()):
        if hint is form or (origin is form and form in forms.REFUSED):  # not ``in``: the hash may be anyone's code
            raise Refused(hint, reason)


def _count(hint: object, origin: object, args: Sequence[object]) -> None:
    """Refuse a class with too many or too few parameters, which Python itself lets pass."""
    wanted = next((count for cls, count in forms.COUNTS.items() if cls is origin), len(args))
    if len(args) != wanted:
        raise Refused(hint, f"{readable(origin)} takes {counted(wanted, 'parameter')}, and has {len(args)} here")


def _union(hints: Sequence[object], parts: Sequence[Part]) -> Part:
    depths = {part.depth for part in parts}
    depth = next((each for each in (CheckDepth.NONE, CheckDepth.SHALLOW) if each in depths), CheckDepth.EXACT)
    simple = [part for part in parts if part.only_classes]
    chosen = classes(*chain.from_iterable(part.front for part in simple), depth=depth)
    options = [(hint, part) for hint, part in zip(hints, parts, strict=True) if not part.only_classes]
    asked = _asked(typing.Union, parts)
    return predicates.choice([*options, (typing.Never, chosen)], depth, asked) if options else chosen


def _functions(count: int, depth: CheckDepth, *, more: bool) -> Part:
    """A Callable of so many arguments by position, or more. In a lookup it has but to be callable, as for beartype."""

    def fits(value: object) -> bool:
        try:
            function, bound = _called(value)
            signature = inspect.signature(cast("Callable[..., object]", function), **UNRESOLVED)
            bind = signature.bind_partial if more else signature.bind
        except Exception:  # noqa: BLE001  not known: a builtin without one, or user code
            return callable(value)
        with suppress(TypeError):
            bind(*range(count + bound))
            return True
        return False

    def found(value: object) -> str:
        return f"{readable(type(value))} that can't be called with {counted(count, 'argument')}"

    kinds = cast("tuple[type]", (Callable,))
    return leaf(fits, depth, asked=lambda: Callable, kinds=kinds, front=kinds, found=found)


def _called(value: object) -> tuple[object, int]:
    """The function that a call of a value runs, and how many arguments it gets before those of the call.

    `inspect.signature` is asked of functions alone: where it finds none, its error holds a repr.
    """
    if isinstance(value, MethodType):
        return value.__func__, 1
    is_partial = issubclass(type(value), functools.partial)
    inner = cast("functools.partial[object]", value).func if is_partial else value
    if isinstance(inner, (*METHODS, type)):
        return value, 0
    call = in_class(type(value), "__call__")
    return (call, 1) if isinstance(call, FunctionType) else (None, 0)


def _asked(generic: object, parts: Sequence[Part], *more: object) -> Asked | None:
    """What beartype is asked of a generic: rebuilt, so that it keeps nothing but classes that live as long as it."""
    asks = [part.asked for part in parts if part.asked]

    def asked() -> object:
        arguments = [ask() for ask in asks]
        may_go = any(each is None for each in arguments) or (isinstance(generic, type) and not stays(generic))
        return None if may_go else subscribe(generic, (*arguments, *more))

    return asked if len(asks) == len(parts) else None


def _evaluated(text: str | typing.ForwardRef, alias: TypeAliasType, variables: Variables) -> object:
    """What a text in an alias means: by the names of the module that defines the alias."""
    reference = typing.ForwardRef(text) if isinstance(text, str) else text
    names = vars(sys.modules[alias.__module__ or ""])
    parameters = alias.__type_params__
    found = evaluate_forward_ref(reference, globals=names, locals={alias.__name__: alias}, type_params=parameters)
    return bind(found, variables)


def _foreign(hint: object) -> Part:
    """A form that the table does not know: beartype may."""
    if type(hint).__module__ == "builtins" or not checkable(hint):
        raise Refused(hint, f"it is no type; {ALONE}")
    return leaf(bearable(hint), CheckDepth.SHALLOW, asked=lambda: hint)


def checkable(hint: object) -> bool:
    """Whether beartype can check a hint: some it does not know, and some are too large for it."""
    with suppress(Exception):  # whatever beartype or an odd hint raises
        bearable(hint)(None)
        return True
    return False
