"""The answers of a home on their way to another process: what stays at home, and what can't be pickled."""

from __future__ import annotations

from typing import Final, NamedTuple, cast

from liveref._engine.wire import Answer, Packet, pack, pack_named, unpack
from liveref._hints.pinned import tag_of_value
from liveref._text.elsewhere import RefElsewhereError, RemoteCallError, RemoteResultError
from liveref._text.tag import readable

__all__ = ["Away", "Found", "packed", "sent"]

_GET: Final = "Use it where it lives: refs.at(key).run(fn), with a function that returns plain data."


class Found(NamedTuple):
    """What a home holds under a key.

    Attributes:
        kind: ``"shared"``, ``"pinned"`` or ``"plain"``.
        value: the object itself; for another process that it does not go to, a stand-in: see `Away`.
    """

    kind: str
    value: object


class Away(NamedTuple):
    """Stands for an object that stays at its home, in an answer to another process.

    Attributes:
        tag: its type tag.
    """

    tag: str


def sent(value: object, key: str, name: str) -> object:
    """A result as it goes to another process: of what stays here the type alone.

    Args:
        value: the result.
        key: the redacted key that was asked for.
        name: of this home.
    """
    if isinstance(value, Found):
        return _found(value, key, name)
    if not isinstance(value, list):
        return value
    return [
        each._replace(value=_found(each.value, key, name))
        if isinstance(each, Answer) and isinstance(each.value, Found)
        else each
        for each in cast("list[object]", value)
    ]


def _found(found: Found, key: str, name: str) -> object:
    kind, value = found
    if kind == "shared":
        return found
    tag = tag_of_value(value)
    return Found(kind, Away(tag)) if kind == "pinned" else Answer("error", RefElsewhereError(key, tag, name, _GET))


def packed(answer: Answer, key: str, name: str) -> Packet:
    """An answer, or an error that says that it can't be pickled."""
    kind, value = answer
    if kind == "error":
        return _packed_error(cast("BaseException", value), key, name)
    try:
        return pack_named(answer)
    except Exception:  # noqa: BLE001  of the user's: the result can't be pickled
        found = value.value if isinstance(value, Found) else value
        return pack(Answer("error", RemoteResultError(key, name, readable(type(found)))))


def _packed_error(error: BaseException, key: str, name: str) -> Packet:
    """An error that can be brought to another process and back to life there."""
    try:
        packet = pack(Answer("error", error))
        unpack(packet)
    except Exception:  # noqa: BLE001  of the user's: its error can't be pickled, or not loaded
        if not isinstance(error, BaseExceptionGroup):
            return pack(Answer("error", RemoteCallError(key, name, readable(type(error)))))
        members = cast("BaseExceptionGroup[BaseException]", error).exceptions
        errors = [cast("Answer", unpack(_packed_error(each, key, name))).value for each in members]
        return pack(Answer("error", BaseExceptionGroup(str(error.args[0]), cast("list[BaseException]", errors))))
    return packet
