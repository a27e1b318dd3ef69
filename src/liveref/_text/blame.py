"""Which part of a payload can't be carried: what engines leave their users to guess."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias, cast

from liveref._text.json import path_step
from liveref._text.tag import readable
from liveref._typing import T
from liveref.exceptions import LiveRefError, NotJSONableError

__all__ = ["Parts", "attributes", "contents", "dump_or_blame", "fails", "innermost"]


Parts: TypeAlias = Iterator[tuple[str, object]]
"""What a value consists of, each part with its step of the path."""

_ADVICE: Final = "Put it into the registry and pass its key, or name its class in live=."


def dump_or_blame(
    value: object,
    dump: Callable[[object], T],
    parts: Callable[[object], Parts],
    *,
    error: type[NotJSONableError] = NotJSONableError,
    advice: str = _ADVICE,
    whereabouts: Callable[[object], str | None] = lambda _: None,
) -> T:
    """What ``dump`` makes of a value.

    Args:
        value: the payload.
        dump: raises anything for what it can't carry.
        parts: what ``dump`` makes a value's dump of.
        error: what to raise then.
        advice: what to do then.
        whereabouts: what more to say of a part, if it is a ref.

    Raises:
        NotJSONableError: a part can't be carried, not even alone; it names the path. The texts of other
            exceptions may hold the value's repr and go no further.
        LiveRefError, MemoryError: what ``dump`` raises of these.
    """
    try:
        return dump(value)
    except (LiveRefError, MemoryError):
        raise
    except Exception as failure:  # noqa: BLE001  any code of the user's
        too_deep = isinstance(failure, RecursionError) or isinstance(failure.__cause__, RecursionError)
    if too_deep:
        raise error("$", "a value that is nested too deeply", advice)
    path, part = innermost(value, dump, parts)
    found = (readable(type(part)), whereabouts(part))
    raise error(path, ", ".join(filter(None, found)), advice)


def contents(value: object) -> Parts:
    """The items of a container, and the arguments of an exception."""
    whole = value.args if isinstance(value, BaseException) else value
    if isinstance(whole, dict):
        for name, part in cast("dict[object, object]", whole).items():
            step = path_step(name if isinstance(name, str | int) else readable(type(name)))
            yield from ((step, name), (step, part))
    elif isinstance(whole, list | tuple | set | frozenset):
        yield from ((path_step(at), part) for at, part in enumerate(cast("Iterable[object]", whole)))


def attributes(value: object) -> Parts:
    """What pickle writes of an object: its attributes and slots, or what its ``__getstate__`` chose."""
    try:
        state = value.__getstate__()
    except Exception:  # noqa: BLE001  any code of the user's
        return
    groups = cast("tuple[object, ...]", state) if isinstance(state, tuple) else (state,)
    for group in groups:
        if isinstance(group, dict):
            yield from contents(cast("dict[object, object]", group))


def innermost(value: object, dump: Callable[[object], object], parts: Callable[[object], Parts]) -> tuple[str, object]:
    """The path of the part that is to blame, and the part; O(n) for each step."""
    path, seen = "$", {id(value)}
    while True:
        failing = ((step, part) for step, part in parts(value) if id(part) not in seen and fails(part, dump))
        step, part = next(failing, (None, None))
        if step is None:
            return path, value
        path, value = path + step, part
        seen.add(id(part))


def fails(part: object, dump: Callable[[object], object]) -> bool:
    """Whether a part can't be carried, not even alone."""
    try:
        dump(part)
    except (LiveRefError, MemoryError):
        raise
    except Exception:  # noqa: BLE001  any code of the user's
        return True
    return False
