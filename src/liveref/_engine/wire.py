"""What goes from process to process: pickles, with large buffers beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pickle import dumps, loads
from types import ModuleType
from typing import NamedTuple, Protocol, TypeAlias, cast

from typing_extensions import Buffer

from liveref._registry.owners import Owner

__all__ = ["Answer", "Packet", "Request", "cloudpickle", "freeze", "pack", "pack_named", "unpack"]

Packet: TypeAlias = bytes | tuple[bytes, Sequence[Buffer]]
"""A pickle, and the buffers that it leaves out; bytes alone, which engines send as they are, where there are none."""


class Request(NamedTuple):
    """What a home is asked to do.

    Attributes:
        operation: its name.
        args: what it takes, each operation its own.
        timeout: seconds that it may take.
        owner: who acts where it is asked, and so at the home while it is done.
    """

    operation: str
    args: tuple[object, ...]
    timeout: float | None
    owner: Owner | None = None


class Answer(NamedTuple):
    """What a home says.

    Attributes:
        kind: ``"ok"`` or ``"error"``: no engine wraps an error of ours in one of its own.
        value: the result, or the error.
    """

    kind: str
    value: object


def cloudpickle() -> ModuleType:
    """The module that writes functions, and classes of ``__main__``.

    Raises:
        ImportError: it is not installed.
    """
    try:
        import cloudpickle as module  # type: ignore[import-untyped]  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]  the extras of engines bring it
    except ImportError as error:
        message = "cloudpickle is missing: pip install cloudpickle, which liveref[ray] and liveref[dask] bring along"
        raise ImportError(message) from error
    return cast("ModuleType", module)


def pack_named(value: object) -> Packet:
    """As `pack`, in a third of the time where the value names nothing that the other side lacks."""
    buffers: list[Buffer] = []
    try:
        data = dumps(value, protocol=5, buffer_callback=buffers.append)
    except Exception:  # noqa: BLE001  of the user's: functions, and classes that came whole themselves
        return pack(value)
    return (data, buffers) if buffers else data


def pack(value: object) -> Packet:
    """A value on its way; functions and classes of ``__main__`` go whole."""
    buffers: list[Buffer] = []
    data: bytes = cloudpickle().dumps(value, protocol=5, buffer_callback=buffers.append)
    return (data, buffers) if buffers else data


def unpack(packet: Packet) -> object:
    """The value that has come; its arrays are read-only, and use the memory in which they came."""
    data, buffers = (packet, ()) if isinstance(packet, bytes) else packet
    return loads(data, buffers=[memoryview(buffer).toreadonly() for buffer in buffers])  # noqa: S301  the engine's trust


class Array(Protocol):
    """An array of numpy's kind."""

    def setflags(self, *, write: bool) -> object: ...


def freeze(value: object) -> object:
    """The value itself; an array can't be written any more."""
    cls = type(value)  # whose attributes run no code of the value's
    if callable(getattr(cls, "setflags", None)) and hasattr(cls, "dtype"):
        cast("Array", value).setflags(write=False)
    return value
