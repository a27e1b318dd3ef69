"""Hints at run time: the check of a value against a hint.

A *class info* is what ``isinstance`` takes as its second argument: the class itself where the hint
is a class, else a `Check`, which answers through ``__instancecheck__``, behind the classes that need
no such answer. So one ``isinstance`` serves every hint, and is as fast as the hint allows.

Checks are kept weakly, by hint: the keys hold them. So no hint and no class outlives its keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias, TypeGuard, cast
from weakref import WeakValueDictionary

from typing_extensions import is_protocol, is_typeddict

from liveref._hints.compile import checkable, compile_hint
from liveref._hints.forms import BARE, FILES, REFUSED, TOWER, CheckDepth
from liveref._hints.predicates import ITERATORS, PLAIN, Part, Test, beartype, classes, say_why
from liveref._text.blame import user_call
from liveref._text.tag import made_by, readable, type_tag, type_tags

__all__ = [
    "Check",
    "ClassInfo",
    "Sealed",
    "all_classes_of",
    "check_depth",
    "check_of",
    "class_info",
    "class_of",
    "hint_of",
    "mismatch",
    "sealed",
    "tag_of",
    "tags_of",
]


class Lane:
    """A verdict that stands beside classes in a class info."""

    # isinstance looks __instancecheck__ up through the class and finds the slot: each lane has an
    # answer of its own there, which is called straight, without a method in between.
    __slots__ = ("__instancecheck__",)

    __instancecheck__: Callable[[object], bool]

    def __init__(self, answer: Callable[[object], bool]) -> None:
        self.__instancecheck__ = answer


class Check(Lane):
    """The run-time check of a hint that is no plain class; stands last in a class info."""

    __slots__ = ("__weakref__", "faster", "hint", "part")

    def __init__(self, hint: object, part: Part) -> None:
        super().__init__(_lookup(part))
        self.hint: Final = hint
        self.part: Final = part
        lanes = (*part.front, Lane(part.glance)) if part.glance else part.front
        self.faster: Final = cast("tuple[type, ...]", lanes)


class Sealed(Check):
    """Stands for a hint that could not be pickled: nothing fits it, the registry compares type tags."""

    __slots__ = ("tag",)

    def __init__(self, tag: str) -> None:
        super().__init__(object, classes())
        self.tag: Final = tag


_CLASS_CHECKS: Final = ("__instancecheck__", "__subclasscheck__", "__subclasshook__")

_LONGEST: Final = 180
"""What a mismatch tells of hint and value together, in characters: its line stays under 300."""

ClassInfo: TypeAlias = type | tuple[type, ...]
"""What `isinstance` takes. To a checker a Check is a class here, for to `isinstance` it is."""

_NOT_PLAIN: Final[frozenset[object]] = frozenset({*TOWER, *FILES, *BARE, *REFUSED})
"""The classes that are more than one class to a hint, of those whose metaclass is ``type`` itself."""

_CHECKS: Final[WeakValueDictionary[object, Check | type]] = WeakValueDictionary()


def class_info(hint: object) -> ClassInfo:
    """The class info of a hint.

    Raises:
        HintError: the hint can't be checked at run time.
    """
    if _is_plain(hint):
        return hint
    check = _check_for(hint)
    return check if isinstance(check, type) else (*check.faster, cast("type", check))


def _is_plain(hint: object) -> TypeGuard[type]:
    """Whether `isinstance` alone is the whole check of a hint."""
    if type(hint) is type:
        return hint not in _NOT_PLAIN
    try:
        return isinstance(hint, type) and not (_is_form(hint) or is_typeddict(hint) or is_protocol(hint))
    except Exception:  # noqa: BLE001  odd code in a class: to compile the hint tells of it
        return False


def _is_form(cls: type) -> bool:
    return any(form is cls for form in (*REFUSED, Any))  # not ``in``: its hash may be anyone's code


def class_of(value: object) -> type:
    """The class that stands for an object where no hint is given: what it says it is, for so `isinstance` sees it.

    Proxies, such as OpenTelemetry's, and mocks with a spec say another than ``type(value)``.
    """
    cls = type(value)
    try:
        said = value.__class__
        if said is not cls and _is_plain(said) and isinstance(value, said):
            return said
    except Exception:  # noqa: BLE001, S110  any code: a proxy of nothing yet, a metaclass
        pass
    return cls


def all_classes_of(values: Iterable[object]) -> list[type]:
    """As `class_of`, of many objects."""
    return list(map(class_of, values))


def check_depth(hint: object) -> CheckDepth:
    """How much of a hint the run-time check sees.

    Raises:
        HintError: the hint can't be checked at run time, so no key can have it.

    Example:
        >>> from collections.abc import Callable
        >>> check_depth(list[int]), check_depth(Callable[[int], str]), check_depth(object)
        (<CheckDepth.EXACT: 'exact'>, <CheckDepth.SHALLOW: 'shallow'>, <CheckDepth.NONE: 'none'>)
    """
    return compile_hint(hint).depth


def check_of(info: ClassInfo) -> Check | None:
    """The check in a class info; None where it is a plain class."""
    last: object = info[-1] if type(info) is tuple else info
    return cast("Check", last) if issubclass(type(last), Check) else None  # isinstance asks a class what it is


def hint_of(info: ClassInfo) -> object:
    """The hint that a class info was made of; ``object`` where it is sealed."""
    check = check_of(info)
    return info if check is None else check.hint


def tag_of(info: ClassInfo) -> str:
    """The type tag of the hint that a class info was made of."""
    check = check_of(info)
    return check.tag if isinstance(check, Sealed) else type_tag(hint_of(info))


def tags_of(infos: Sequence[ClassInfo]) -> list[str]:
    """As `tag_of`, of many class infos."""
    tags = zip(type_tags(list(map(hint_of, infos))), map(check_of, infos), strict=True)
    return [check.tag if isinstance(check, Sealed) else tag for tag, check in tags]


def sealed(tag: str) -> ClassInfo:
    """The class info of a hint of which only the tag is known."""
    return cast("type", Sealed(tag))


class Mismatch(NamedTuple):
    """Why a value does not fit a hint.

    Attributes:
        found: what was found instead, as text without the value.
        cause: what the check of a class raised.
    """

    found: str
    cause: Exception | None


def mismatch(value: object, info: ClassInfo, *, full: bool) -> Mismatch | None:
    """What was found instead of what the hint asks for; None if it fits.

    With ``full`` the whole value is looked at, else its outside and first item. A check that raises says no; what a
    method of the value raised goes no further, for it may show the value.
    """
    check, cause = check_of(info), None
    try:
        if check.part.passes((value,), full) if check and full else isinstance(value, info):
            return None
        found = say_why(value, check.part if check else classes(cast("type", info)), full)
    except RecursionError:
        found = f"{readable(type(value))}, nested too deeply to be checked"
    except Exception as error:  # noqa: BLE001  user code: a metaclass, a validator, a container's methods
        found = f"{readable(type(value))}, whose check raised {readable(type(error))}"
        cause = error if user_call(error) in _CLASS_CHECKS else None
    longest = _LONGEST - len(readable(hint_of(info)))
    return Mismatch(found if len(found) <= longest else f"{found[:longest]}…", cause)


def _lookup(part: Part) -> Test:
    """The verdict of a lookup: that of beartype where it is asked, else of the part, stopped after the first item."""

    def own(value: object, *_: object, **__: object) -> bool:
        return part.passes((value,), False)  # noqa: FBT003

    asked = part.asked
    if asked is None or (part.only_classes and part.depth is not CheckDepth.SHALLOW):
        return own
    ask: Callable[..., bool] | None = None
    hint: object = None
    conf: object = None

    def by_beartype(value: object) -> bool:
        nonlocal ask, hint, conf
        try:
            if ask is None:
                hint = asked()
                ask, conf = beartype() if hint is not None and checkable(hint) else (own, None)
            if ask(value, hint, conf=conf):
                return True
        except Exception:  # noqa: BLE001  whatever a value raises that beartype asks for its length or first item
            return own(value)
        # beartype believes what a subclass of a builtin container says of itself
        return type(value) not in PLAIN and isinstance(value, tuple(ITERATORS)) and own(value)

    return by_beartype


def _check_for(hint: object) -> Check | type:
    """The check of a hint; or the class that it stands for, as `threading.Lock` does."""
    try:
        known, hashable = _CHECKS.get(hint), True
    except Exception:  # noqa: BLE001  such as Annotated[int, []], or odd code in a class
        known, hashable = None, False
    if known is None:
        known = made_by(hint) or Check(hint, compile_hint(hint))
        if hashable:
            _CHECKS[hint] = known
    return known
