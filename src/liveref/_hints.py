"""Hints at run time: the check of a value against a hint.

A *class info* is what ``isinstance`` takes as its second argument: the class itself where the hint
is a class, else a tuple of classes that ends with a `Check`, which answers through
``__instancecheck__``. So one ``isinstance`` serves every hint, and is as fast as the hint allows.

Checks are kept weakly, by hint: the keys hold them. So no hint and no class outlives its keys.
"""

from __future__ import annotations

from typing import Final, TypeAlias
from weakref import WeakValueDictionary

from liveref._checks import Test, Trail
from liveref._forms import TOWER, CheckDepth, compile_hint, is_plain_class
from liveref._tag import readable

__all__ = ["Check", "ClassInfo", "Sealed", "check_depth", "class_info", "classes_of", "hint_of", "mismatch", "unrelated"]


class Check:
    """The run-time check of a hint that is no plain class; stands last in a class info."""

    __slots__ = ("__weakref__", "classes", "depth", "front", "hint", "test")

    hint: Final[object]
    depth: Final[CheckDepth]
    test: Final[Test]
    front: Final[tuple[type, ...]]
    classes: Final[tuple[type, ...]]

    def __init__(self, hint: object) -> None:
        form = compile_hint(hint)
        self.hint = hint
        self.depth = form.depth
        self.test = form.test
        self.front = form.front
        self.classes = form.front if form.only_classes else ()

    def __instancecheck__(self, value: object) -> bool:
        return self.test(value, None)


class Sealed:
    """The class info of a key whose hint could not be pickled: no value fits, the registry compares tags."""

    __slots__ = ("tag",)

    tag: Final[str]

    def __init__(self, tag: str) -> None:
        self.tag = tag

    def __instancecheck__(self, value: object) -> bool:
        return False


ClassInfo: TypeAlias = "type | Sealed | tuple[type | Check, ...]"

_CHECKS: Final[WeakValueDictionary[object, Check]] = WeakValueDictionary()


def class_info(hint: object) -> ClassInfo:
    """The class info of a hint.

    Raises:
        HintError: the hint can't be checked at run time.
    """
    if is_plain_class(hint):
        return hint
    check = _check_of(hint)
    return (*check.front, check)


def check_depth(hint: object) -> CheckDepth:
    """How much of a hint the run-time check sees.

    Raises:
        HintError: the hint can't be checked at run time, so no key can have it.

    Example:
        >>> from collections.abc import Callable
        >>> check_depth(list[int]), check_depth(Callable[[int], str]), check_depth(object)
        (<CheckDepth.EXACT: 'exact'>, <CheckDepth.SHALLOW: 'shallow'>, <CheckDepth.NONE: 'none'>)
    """
    if hint is object:
        return CheckDepth.NONE
    return CheckDepth.EXACT if is_plain_class(hint) else _check_of(hint).depth


def hint_of(info: ClassInfo) -> object:
    """The hint that a class info was made of; ``object`` where it is sealed."""
    if isinstance(info, tuple):
        check = info[-1]
        return check.hint if isinstance(check, Check) else check
    return object if isinstance(info, Sealed) else info


def classes_of(info: ClassInfo) -> tuple[type, ...]:
    """The classes that a hint comes down to; empty where it is more than a choice of classes."""
    if isinstance(info, tuple):
        check = info[-1]
        return check.classes if isinstance(check, Check) else ()
    return () if isinstance(info, Sealed) else (info,)


def unrelated(named: type, cls: type) -> bool:
    """Whether no class is the parent of the other, as far as that is decided without their hooks."""
    plain = all(type(each).__subclasscheck__ is type.__subclasscheck__ for each in (named, cls))
    return plain and not (_is_subclass(named, cls) or _is_subclass(cls, named))


def _is_subclass(lower: type, upper: type) -> bool:
    return any(base in TOWER.get(upper, (upper,)) for base in lower.__mro__)


def mismatch(value: object, info: ClassInfo, *, full: bool) -> str | None:
    """What was found instead of what the hint asks for, as text without the value; None if it fits.

    With ``full`` the whole value is looked at, else its outside and first item. A check that raises
    says no: neither its exception nor the value's ``repr`` goes further.
    """
    trail: Trail | None = [] if full else None
    try:
        check = info[-1] if isinstance(info, tuple) else info
        fits = check.test(value, trail) if isinstance(check, Check) else isinstance(value, check)
    except RecursionError:
        return f"{readable(type(value))}, nested too deeply to be checked"
    except Exception as error:  # noqa: BLE001  user code: a metaclass, a validator, a container's methods
        return f"{readable(type(value))}, whose check raised {readable(type(error))}"
    if fits:
        return None
    found = readable(type(value))
    return f"{found} with {trail[0]} at {''.join(reversed(trail[1:]))}" if trail else found


def _check_of(hint: object) -> Check:
    try:
        known = _CHECKS.get(hint)
        if known is None:
            _CHECKS[hint] = known = Check(hint)
    except TypeError:  # unhashable, such as Annotated[int, []]
        return Check(hint)
    return known
