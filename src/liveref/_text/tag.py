"""Hints as text: the type tag, which is canonical, and the shorter form that people read."""

from __future__ import annotations

import enum
import importlib
import sys
import threading
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeGuard, cast, get_args, get_origin

from typing_extensions import TypeAliasType

__all__ = [
    "LITERALS",
    "UNION_FORMS",
    "class_dict",
    "in_class",
    "is_alias",
    "loaded_class",
    "made_by",
    "mro_of",
    "printable",
    "qualname_of",
    "readable",
    "readable_beside",
    "stays",
    "type_tag",
    "type_tags",
]

_LIMIT: Final = 110
qualname_of: Final[Callable[[type], str]] = vars(type)["__qualname__"].__get__
_MODULE: Final[Callable[[type], object]] = vars(type)["__module__"].__get__
_MODULE_DICT: Final[Callable[[object], dict[str, object]]] = vars(types.ModuleType)["__dict__"].__get__
class_dict: Final[Callable[[type], dict[str, object]]] = vars(type)["__dict__"].__get__
mro_of: Final[Callable[[type], tuple[type, ...]]] = vars(type)["__mro__"].__get__
_ALIASES: Final = (TypeAliasType, getattr(typing, "TypeAliasType", TypeAliasType))
LITERALS: Final = frozenset({bool, bytes, int, str, types.NoneType})
"""Of what classes a Literal may hold values, besides the members of enums."""
UNION_FORMS: Final = (typing.Union, types.UnionType)
_FUNCTIONS: Final = (types.FunctionType, types.BuiltinFunctionType, types.MethodType)
_FACTORIES: Final[Mapping[object, type]] = {each: type(each()) for each in (threading.Lock, threading.RLock)}
"""Functions that checkers know as the class of what they make; some are classes in newer Pythons."""
_MAKERS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("Queue", "JoinableQueue", "SimpleQueue"), "queues"),
    **dict.fromkeys(("Barrier", "BoundedSemaphore", "Condition", "Event", "Lock", "RLock", "Semaphore"), "synchronize"),
}
"""Methods of a context of multiprocessing, and the module of the class of that name."""


def type_tag(hint: object) -> str:
    """The canonical text of a hint: ``module:qualname`` for a class, and built of those for the rest.

    Equal hints have equal tags: the members of a union are sorted. Printable, as all names in texts and logs.
    """
    text = _text(hint, _tag_of_class)
    return text if text.isprintable() else printable(text)


def type_tags(hints: Iterable[object]) -> list[str]:
    """The canonical texts of some hints."""
    return list(map(type_tag, hints))


def readable(hint: object) -> str:
    """The text of a hint for people: dots, and no module for a builtin. Printable, and at most 110 characters."""
    try:
        text = _text(hint, _name_of_class)
    except Exception:  # noqa: BLE001  a hint nested too deeply, or odd code in it: this is for errors and must not fail
        text = f"a value of type {_name_of_class(type(hint))}"
    text = text if len(text) <= _LIMIT else f"{text[:_LIMIT]}…"
    return text if text.isprintable() else printable(text)


def readable_beside(found: type, expected: Iterable[type]) -> str:
    """The text of a class for people, beside that of those that it is none of."""
    anew = any(cls is not found and type_tag(cls) == type_tag(found) for cls in expected)
    return f"{readable(found)}{', another class of that name, loaded anew' if anew else ''}"


def printable(text: str) -> str:
    """A text in which what steers terminals, breaks lines or turns the reading order is told by its escape."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def is_alias(hint: object) -> TypeGuard[TypeAliasType]:
    """Whether a hint is a type alias, of typing_extensions or of the ``type`` statement of Python 3.12."""
    return isinstance(hint, _ALIASES)


def made_by(hint: object) -> type | None:
    """The class that a function stands for, such as `threading.Lock` before Python 3.13; None for all else."""
    if not _is_function(hint):
        return None
    if not isinstance(hint, types.MethodType):
        return _FACTORIES.get(hint)
    if type(hint.__self__).__module__ == "multiprocessing.context":
        module = importlib.import_module(f"multiprocessing.{_MAKERS.get(hint.__name__, 'context')}")
        return cast("type | None", getattr(module, hint.__name__, None))
    return None


def in_class(cls: type, name: str) -> object:
    """What a class has under a name, as it stands there."""
    return next((class_dict(base)[name] for base in mro_of(cls) if name in class_dict(base)), None)


def _is_function(hint: object) -> bool:
    return any(type(hint) is cls for cls in _FUNCTIONS)  # not ``in``: the ``==`` of a class may be anyone's code


def loaded_class(tag: str) -> type | None:
    """The class that a tag names, if it is loaded: nothing is imported and no attribute hook runs."""
    module_name, colon, qualname = tag.partition(":")
    found: object = sys.modules.get(module_name) if colon else None
    if not issubclass(type(found), types.ModuleType):
        return None
    namespace = _MODULE_DICT(found)
    for name in qualname.split("."):
        found = namespace.get(name)
        if not issubclass(type(found), type):
            return None
        cls = cast("type", found)  # issubclass, unlike isinstance, asks no __class__ property
        namespace = class_dict(cls)
    return cast("type", found)


def stays(cls: type) -> bool:
    """Whether a class is there for as long as its module: for it stands there under its name."""
    return cls is types.NoneType or loaded_class(_tag_of_class(cls)) is cls


def _tag_of_class(cls: type) -> str:
    return f"{_module_of(cls)}:{qualname_of(cls)}"


def _name_of_class(cls: type) -> str:
    module = _module_of(cls)
    return qualname_of(cls) if module == "builtins" else f"{module}.{qualname_of(cls)}"


def _module_of(cls: type) -> str:
    module = _MODULE(cls)
    return module if isinstance(module, str) else "builtins"


def _text(hint: object, name: Callable[[type], str]) -> str:  # noqa: C901, PLR0911  one line a form
    if hint is None or hint is type(None):
        return "None"
    if hint is Ellipsis:
        return "..."
    if issubclass(type(hint), type):  # before anything that asks it for attributes: a metaclass may raise
        return name(cast("type", hint))
    origin, args = get_origin(hint), get_args(hint)
    if origin is typing.Literal:
        return f"Literal[{', '.join(sorted(map(_literal, args)))}]"
    if origin in UNION_FORMS:
        texts = {_text(arg, name) for arg in args}
        return " | ".join(sorted(texts, key=lambda text: (text == "None", text)))
    if origin is typing.Annotated:
        metadata = ", ".join(name(type(item)) for item in cast("tuple[object, ...]", args[1:]))
        return f"Annotated[{_text(args[0], name)}, {metadata}]"
    if isinstance(hint, list):
        return f"[{', '.join(_text(arg, name) for arg in cast('list[object]', hint))}]"
    if origin is not None:
        parameters = ", ".join(_text(arg, name) for arg in args) or "()"
        bare = not args and origin is not tuple
        star = "*" if getattr(hint, "__unpacked__", False) else ""
        return _text(origin, name) if bare else f"{star}{_text(origin, name)}[{parameters}]"
    if _is_function(hint):
        made = made_by(hint)
        return f"the {type(hint).__name__} {getattr(hint, '__qualname__')}" if made is None else name(made)  # noqa: B009
    if isinstance(hint, typing.NewType) or is_alias(hint):
        return f"{hint.__module__}:{hint.__name__}" if name is _tag_of_class else hint.__name__
    if isinstance(hint, str):
        return repr(hint)
    if type(hint).__module__ in {"annotationlib", "typing", "typing_extensions"}:
        return repr(hint).removeprefix("typing.").removeprefix("typing_extensions.")
    return f"a value of type {_name_of_class(type(hint))}"


def _literal(value: object) -> str:
    cls: type = type(value)
    if isinstance(value, enum.Enum):
        return f"{_name_of_class(cls)}.{value.name}"
    return repr(value) if cls in LITERALS else f"a value of type {_name_of_class(cls)}"
