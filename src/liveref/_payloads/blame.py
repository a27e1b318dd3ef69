"""The error of a payload that can't be carried: it names the part that is to blame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

from liveref._text.blame import Parts, innermost, user_place
from liveref._text.tag import readable
from liveref._typing import T
from liveref.exceptions import LiveRefError, NotJSONableError

__all__ = ["OTHER_FORM", "dump_or_blame", "failure_of", "name_fault"]

OTHER_FORM: Final = "Pass it in another form, such as a str."
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
        NotJSONableError: a part can't be carried, not even alone; it names the path. What code of the user's
            raised is its cause.
        LiveRefError, MemoryError: what ``dump`` raises of these.
    """
    try:
        return dump(value)
    except (LiveRefError, MemoryError):
        raise
    except Exception as raised:  # noqa: BLE001  any code of the user's
        failure = raised
    if isinstance(failure, RecursionError) or isinstance(failure.__cause__, RecursionError):
        raise error("$", "a value that is nested too deeply", advice)
    culprit = innermost(value, failure, lambda part: failure_of(part, dump), parts)
    if name := name_fault(culprit.part, dump):
        raise error(culprit.path, name, OTHER_FORM)
    found = (readable(type(culprit.part)), whereabouts(culprit.part))
    cause = culprit.error if user_place(culprit.error) else None
    raise error(culprit.path, ", ".join(filter(None, found)), advice) from cause


def failure_of(part: object, dump: Callable[[object], object]) -> Exception | None:
    """What is raised where a part is carried alone; None where nothing is."""
    try:
        dump(part)
    except (LiveRefError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001  any code of the user's
        return error
    return None


def name_fault(part: object, dump: Callable[[object], object]) -> str | None:
    """What to say of a dict in which it is a key that can't be carried; None of anything else."""
    names = cast("dict[object, object]", part) if issubclass(type(part), dict) else ()
    faulty = (f"a dict key of type {readable(type(name))}" for name in names if failure_of({name: None}, dump))
    return next(faulty, None)
