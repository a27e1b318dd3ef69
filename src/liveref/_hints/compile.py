"""Hints to forms: what each can check at run time, and how, or the reason why it is refused."""

from __future__ import annotations

import collections
import itertools
import typing
from collections.abc import Callable, Iterable
from typing import cast, get_args, get_origin

import typing_extensions
from typing_extensions import is_protocol, is_typeddict

from liveref._hints import predicates
from liveref._hints.forms import (
    ALONE,
    ANY,
    BARE,
    FILES,
    ITEMS,
    ONE_SHOT,
    PAIRS,
    REFUSED,
    TEXTS,
    TOWER,
    UNIONS,
    UNPACK,
    VARIABLES,
    CheckDepth,
    Form,
    Many,
    Refused,
    beartype_test,
    bind,
    depth_of,
    exact,
    file,
    is_required,
    subscribe,
    union,
    unpacked,
    unqualified,
    validator_of,
)
from liveref._hints.predicates import KnownClasses, Test, Trail
from liveref._text.tag import is_alias, readable
from liveref.exceptions import HintError

__all__ = ["compile_hint"]


def compile_hint(hint: object) -> Form:
    """The form of a hint.

    Raises:
        HintError: it, or a part of it, can't be checked at run time.
    """
    try:
        return _Compiler().form(hint)
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
        self._open: dict[object, list[Test]] = {}

    def form(self, hint: object) -> Form:  # noqa: PLR0911  one line a form
        origin, args = get_origin(hint), get_args(hint)
        self._refuse(hint, origin)
        if hint is None:
            return exact(type(None))
        if hint is object or hint is typing.Any:
            return ANY
        if hint is typing.LiteralString:
            return exact(str)
        if isinstance(hint, typing.NewType):
            return self.form(hint.__supertype__)
        if is_alias(hint):
            return self._recurring(hint, lambda: self.form(hint.__value__))
        if is_alias(origin):
            return self._recurring(hint, lambda: self.form(subscribe(origin.__value__, args)))
        if origin is None:
            return self._class(hint) if isinstance(hint, type) else self._foreign(hint)
        return self._parametrised(hint, origin, args)

    def _parametrised(self, hint: object, origin: object, args: tuple[object, ...]) -> Form:  # noqa: C901, PLR0911  one line a form
        if origin is typing.Literal:
            return Form(CheckDepth.EXACT, predicates.literal(args), by_value=True)
        if origin in UNIONS:
            return union([self.form(arg) for arg in args])
        if origin is typing.Annotated:
            return self._annotated(args)
        if not args and origin is not tuple:
            return self._class(cast("type", origin))
        if origin is type:
            return self._type(args[0])
        if origin is tuple:
            return self._tuple(args)
        if origin in ITEMS:
            return self._items(cast("type", origin), self.form(args[0]))
        if origin is collections.Counter:
            return self._pairs(collections.Counter, self.form(args[0]), exact(int))
        if origin in PAIRS:
            return self._pairs(cast("type", origin), self.form(args[0]), self.form(args[1]))
        if origin in TEXTS:
            of_text = self.form(args[0])
            test = predicates.attribute_of(cast("type", origin), TEXTS[origin], of_text.test)
            return Form(depth_of([of_text]), test, by_value=True)
        if is_typeddict(origin):
            return self._recurring(hint, lambda: self._record(cast("type", origin), args))
        return self._generic(cast("type", origin), args)

    @staticmethod
    def _refuse(hint: object, origin: object) -> None:
        if isinstance(hint, str | typing.ForwardRef):
            raise Refused(hint, "it is a string, and which module's names it means is unknown; write the type itself")
        if isinstance(hint, VARIABLES):
            raise Refused(hint, f"it is a type variable; {ALONE}")
        for form, refused in ((hint, BARE), (hint, REFUSED), (origin, REFUSED)):
            for special, reason in refused.items():
                if form is special:  # not ``in``: the hash of a hint may be anyone's code
                    raise Refused(hint, reason)

    def _class(self, cls: type) -> Form:
        if type(cls) is type and cls in TOWER:
            return exact(*TOWER[cls])
        if type(cls) is type and cls in FILES:
            return file(cls)
        if is_typeddict(cls):
            return self._recurring(cls, lambda: self._record(cls, ()))
        if not is_protocol(cls):
            return exact(cls)
        if not getattr(cls, "_is_runtime_protocol", False):
            raise Refused(cls, "it is a Protocol without @runtime_checkable; add that decorator to it")
        known: KnownClasses = {}
        test = predicates.protocol(cls, typing_extensions.get_protocol_members(cls), known)
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
            raise Refused(hint, f"it names {error.name!r}, which is not defined; define or import that first") from None
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
        return Form(depth, predicates.all_of((inner.test, *map(validator_of, validators))), by_value=True)

    def _type(self, arg: object) -> Form:
        if arg is typing.Any:
            return exact(type)
        if get_origin(arg) in UNIONS:
            return union([self._type(member) for member in get_args(arg)])
        if isinstance(arg, typing.NewType):
            return self._type(arg.__supertype__)
        form, cls = self.form(arg), type(None) if arg is None else get_origin(arg) or arg
        if not isinstance(cls, type):
            raise Refused(arg, "type[...] takes a class; write one")
        if is_protocol(cls) or is_typeddict(cls):
            return Form(CheckDepth.SHALLOW, predicates.instance_of(type))
        return Form(
            form.depth if form.depth is not CheckDepth.NONE else CheckDepth.EXACT, predicates.class_object((cls,))
        )

    def _tuple(self, args: tuple[object, ...]) -> Form:
        args = tuple(itertools.chain.from_iterable(map(unpacked, args)))
        if args[1:] == (...,):
            args = (Many(args[0]),)
        many = [position for position, arg in enumerate(args) if isinstance(arg, Many)]
        if len(many) > 1:
            raise Refused(args, "a tuple has one part of unknown length at most; write one")
        forms = [self.form(arg.hint if isinstance(arg, Many) else arg) for arg in args]
        tests = tuple(form.test for form in forms)
        if not many:
            return Form(depth_of(forms), predicates.tuple_of(tests, None, ()))
        at = many[0]
        return Form(depth_of(forms), predicates.tuple_of(tests[:at], tests[at], tests[at + 1 :]))

    def _items(self, origin: type, item: Form) -> Form:
        test = predicates.collection_of(origin, item.test, frozenset(item.front), by_value=item.by_value)
        out_of_reach = origin in ONE_SHOT and item.depth is not CheckDepth.NONE
        return Form(CheckDepth.SHALLOW if out_of_reach else depth_of([item]), test)

    def _pairs(self, origin: type, key: Form, value: Form) -> Form:
        return Form(depth_of([key, value]), predicates.mapping_of(origin, key.test, value.test))

    def _record(self, cls: type, args: tuple[object, ...]) -> Form:
        hints = typing_extensions.get_type_hints(cls, include_extras=True)
        parameters: tuple[object, ...] = getattr(cls, "__parameters__", ())
        variables = dict(zip(parameters, args, strict=False))
        forms = {name: self.form(bind(unqualified(hint), variables)) for name, hint in hints.items()}
        by_class = cast("frozenset[str]", getattr(cls, "__required_keys__"))  # noqa: B009  typeshed hides it
        required = frozenset(name for name, hint in hints.items() if is_required(hint, name in by_class))
        extra = ANY
        if getattr(cls, "__closed__", None):
            extra = Form(CheckDepth.EXACT, predicates.instance_of())
        elif (
            hint := getattr(cls, "__extra_items__", typing_extensions.NoExtraItems)
        ) is not typing_extensions.NoExtraItems:
            extra = self.form(unqualified(hint))
        tests = {name: form.test for name, form in forms.items()}
        return Form(depth_of([*forms.values(), extra]), predicates.record(required, tests, extra.test))

    def _generic(self, origin: type, args: tuple[object, ...]) -> Form:
        is_open = self._all_open(args)
        if origin is typing.IO and args[0] is str:
            return file(typing.TextIO)
        if origin is typing.IO and args[0] is bytes:
            return file(typing.BinaryIO)
        if origin.__module__ == "numpy" and origin.__name__ == "ndarray" and len(args) > 1:
            shapeless = subscribe(origin, (tuple[typing.Any, ...], args[1]))
            return Form(CheckDepth.EXACT if self._is_open(args[0]) else CheckDepth.SHALLOW, beartype_test(shapeless))
        outside = self._class(origin)
        return outside if is_open else outside._replace(depth=CheckDepth.SHALLOW)

    def _is_open(self, arg: object) -> bool:  # noqa: PLR0911  one line a form
        """Whether a parameter asks for nothing, so that not to check it loses nothing."""
        if arg is ...:
            return True
        if isinstance(arg, list | tuple):  # what a ParamSpec stands for
            return self._all_open(cast("Iterable[object]", arg))
        if is_alias(arg):
            return self._is_open(arg.__value__)
        origin, args = get_origin(arg), get_args(arg)
        if origin in UNPACK:
            return self._is_open(args[0])
        if origin is typing.Concatenate:
            return self._all_open(args)
        if origin is typing.Annotated:
            return self._is_open(args[0])
        form = self.form(arg)
        if origin is None or origin in UNIONS or not args:
            return form.depth is CheckDepth.NONE
        return isinstance(origin, type) and self._all_open(args)

    def _all_open(self, args: Iterable[object]) -> bool:
        verdicts = [self._is_open(arg) for arg in args]  # of every part, for each may be one to refuse
        return all(verdicts)

    @staticmethod
    def _foreign(hint: object) -> Form:
        """A form that the table does not know: beartype may."""
        refusal = Refused(hint, f"it is no type; {ALONE}")
        if type(hint).__module__ == "builtins":
            raise refusal
        try:
            test = beartype_test(hint)
            test(None, None)
        except Exception:  # noqa: BLE001  whatever beartype or an odd hint raises
            raise refusal from None
        return Form(CheckDepth.SHALLOW, test)
