"""Which part of a value can't be carried, and why: what picklers and encoders leave their users to guess.

The path, such as ``$.client.pool.conns[1]``, is found by trying the parts of the value one by one. Of what was raised
only the class is told and, where code of the user's raised it, the place; then it is the cause of the error too.
The text that a pickler or encoder worded may hold the ``repr`` of a value, and goes no further.
"""

from __future__ import annotations

import copyreg
import pickle
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import suppress
from functools import partial
from types import BuiltinMethodType, CellType, FrameType, FunctionType, MethodType, ModuleType
from typing import Final, NamedTuple, TypeAlias, cast

from liveref._text.json import path_step
from liveref._text.tag import printable, readable
from liveref.exceptions import LiveRefError, SnapshotError

__all__ = [
    "Culprit",
    "GoneError",
    "NamingUnpickler",
    "Parts",
    "contents",
    "innermost",
    "is_cramped",
    "pickled_parts",
    "raised_at",
    "step_of",
    "user_call",
    "user_place",
    "why_not_loaded",
    "why_not_pickled",
]

Parts: TypeAlias = Iterator[tuple[str, object]]
"""What a value consists of, each part with its step of the path."""


class Culprit(NamedTuple):
    """What is to blame for a failure.

    Attributes:
        path: where in the whole it is: ``$`` for the whole itself.
        part: the part itself.
        error: what carrying it raises.
    """

    path: str
    part: object
    error: Exception


def innermost(
    value: object, error: Exception, failure: Callable[[object], Exception | None], parts: Callable[[object], Parts]
) -> Culprit:
    """The part that is to blame for a failure; O(n) for each step.

    Args:
        value: the whole.
        error: what carrying it raised.
        failure: what carrying a part alone raises, or None.
        parts: the parts of a value.
    """
    last = Culprit("$", value, error)
    culprit: Culprit | None = last
    met: dict[int, object] = {}
    while culprit is not None:
        last = culprit
        met[id(last.part)] = last.part  # kept, for it may have been made for the blame, and its id would come again
        culprit = None if isinstance(last.error, RecursionError) else _inside(last, met, failure, parts)
    return last


def _inside(
    whole: Culprit,
    met: Container[int],
    failure: Callable[[object], Exception | None],
    parts: Callable[[object], Parts],
) -> Culprit | None:
    """The part that is to blame; None where it is the whole itself."""
    try:
        for step, part in parts(whole.part):
            raised = None if id(part) in met else failure(part)
            if raised is not None:
                return Culprit(whole.path + step, part, raised)
    except (LiveRefError, MemoryError):
        raise
    except Exception:  # noqa: BLE001, S110  odd code of the user's: a diagnosis must not fail
        pass
    return None


def contents(value: object, *, names: bool = True) -> Parts:
    """The items of a container, and the arguments of an exception.

    Args:
        value: the container.
        names: the keys of a dict are parts of it, as pickle has them; JSON has only texts there.
    """
    whole = value.args if isinstance(value, BaseException) else value
    if isinstance(whole, dict):
        for name, part in cast("dict[object, object]", whole).items():
            if names:
                yield step_of(name), name
            yield step_of(name), part
    elif isinstance(whole, list | tuple | set | frozenset):
        yield from _items("", cast("Iterable[object]", whole))


def step_of(name: object) -> str:
    """The step of a path that a key of a dict makes; of an odd key its type."""
    return path_step(name if isinstance(name, str | int) else readable(type(name)))


def _items(step: str, whole: Iterable[object]) -> Parts:
    yield from ((f"{step}{path_step(at)}", part) for at, part in enumerate(whole))


_PLAIN: Final = frozenset({dict, list, tuple, set, frozenset, str, bytes, int, type, FunctionType, ModuleType})
"""What pickle writes by itself: the others it asks."""
_ATTRIBUTES: Final[dict[type, tuple[str, ...]]] = {
    MethodType: ("__self__",),
    BuiltinMethodType: ("__self__",),
    partial: ("func", "args", "keywords"),
    defaultdict: ("default_factory",),
    CellType: ("cell_contents",),
}
"""Where that is which these give pickle, under names that tell more than a place in a tuple does."""
_BY_VALUE: Final = ("__closure__", "__defaults__", "__kwdefaults__")


def pickled_parts(value: object, *, functions: bool = False) -> Parts:
    """What pickle writes of an object: its items, its attributes and slots, or what its methods chose.

    Args:
        value: the object.
        functions: they are written with what they close over, as cloudpickle does; else by name.
    """
    yield from contents(value)
    for cls, names in _ATTRIBUTES.items():
        if issubclass(type(value), cls):  # a proxy passes for another by isinstance
            yield from _attributes(value, names)
    if isinstance(value, FunctionType) and functions:
        yield from _attributes(value, _BY_VALUE)
    if type(value) not in _PLAIN:
        yield from _reduced(value)


def _attributes(value: object, names: Iterable[str]) -> Parts:
    with suppress(ValueError):  # an empty cell
        yield from ((f".{name}", getattr(value, name)) for name in names)


def _reduced(value: object) -> Parts:
    """The parts of what ``__reduce__`` gives: by the name of the attribute that holds one, if there is one."""
    reduced = _reduce(value)
    _, args, state, items, pairs = (*reduced, None, None, None, None, None)[:5] if reduced else (None,) * 5
    own = type(value).__getstate__ is not object.__getstate__
    names = {id(part): step for step, part in _state_parts(object.__getstate__(value), "")}
    yield from _state_parts(state, ".__getstate__()" if own else ".__reduce__()[2]")
    if isinstance(args, tuple):
        arguments = _items(".__reduce__()[1]", cast("tuple[object, ...]", args))
        yield from ((names.get(id(part), step), part) for step, part in arguments if part is not type(value))
    if reduced:
        yield ".__reduce__()[0]", reduced[0]
    yield from _items("", cast("Iterable[object]", items or ()))
    yield from contents(dict(cast("Iterable[tuple[object, object]]", pairs or ())))


def _reduce(value: object) -> tuple[object, ...]:
    reducer: Callable[[object], object] | None = copyreg.dispatch_table.get(type(value))
    try:
        found = value.__reduce_ex__(5) if reducer is None else reducer(value)
    except Exception:  # noqa: BLE001  any code of the user's
        return ()
    return cast("tuple[object, ...]", found) if isinstance(found, tuple) else ()


_GROUPS: Final = 2


def _state_parts(state: object, step: str) -> Parts:
    """The attributes and slots in a state, or the state itself, with a step, where it has a form of its own."""
    groups = _groups(state)
    if all(group is None or isinstance(group, dict) for group in groups):
        for group in groups:
            yield from contents(group)
    else:
        yield step, state


def _groups(state: object) -> tuple[object, ...]:
    if not isinstance(state, tuple):
        return (state,)
    whole = cast("tuple[object, ...]", state)
    return whole if len(whole) == _GROUPS else (whole,)


_ENCODERS: Final = frozenset(
    {"liveref", "pickle", "copyreg", "json", "pydantic", "cloudpickle", "workflows", "temporalio"}
)


def user_place(error: BaseException) -> str | None:
    """Where code of the user's raised an exception: the innermost frame that is no encoder's; None where none is."""
    return raised_at(error, but=_ENCODERS)


def raised_at(error: BaseException, *, but: Container[str] = ()) -> str | None:
    """Where an exception was raised: the innermost frame that is not of some packages; None where none is."""
    place, traceback = None, error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        if _package(frame) not in but:
            place = f"{frame.f_code.co_filename}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place and printable(place)


def user_call(error: BaseException) -> str | None:
    """The name of the user's function that was called, by `isinstance` too, when it was raised; None where none was."""
    traceback = error.__traceback__
    while traceback is not None and _package(traceback.tb_frame) in {"liveref", "abc", "typing"}:
        traceback = traceback.tb_next
    return traceback and traceback.tb_frame.f_code.co_name


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__")).partition(".")[0]


_CRAMPED: Final = 200


def is_cramped() -> bool:
    """Whether so few calls can still be nested that what fails may fail for that alone."""
    depth = 0
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        frame, depth = frame.f_back, depth + 1
    return sys.getrecursionlimit() - depth < _CRAMPED


_UNPICKLABLE: Final = re.compile(r"cannot pickle '([\w.]+)' object")


def why_not_pickled(culprit: Culprit) -> str:
    """Why pickling fails, with the path of the part that is to blame."""
    reason = _reason(culprit.part, culprit.error)
    return reason if culprit.path == "$" else f"{culprit.path}: {reason}"


def _reason(part: object, error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply to be pickled"
    place = user_place(error)
    if place is not None:
        return f"pickling it raised {readable(type(error))} at {place}"
    if isinstance(part, FunctionType | type):
        name = printable(f"{part.__module__}.{part.__qualname__}")
        return f"a {readable(type(part))} can't be pickled: no {name} can be imported"
    if part is None:
        return f"pickling it raised {readable(type(error))}"
    named = _UNPICKLABLE.fullmatch(str(error))
    return f"a {named[1] if named else readable(type(part))} can't be pickled"


class GoneError(Exception):
    """A pickle names what is not there any more.

    Args:
        name: the module and the name in it.
        missing: the module alone, if it is that.
        error: the type of what looking for it raised.
    """

    def __init__(self, name: str, missing: str, error: str) -> None:
        super().__init__(name, missing, error)
        self.name: Final = printable(name)
        self.missing: Final = printable(missing)
        self.error: Final = error


class NamingUnpickler(pickle.Unpickler):
    """Tells what is gone by its name."""

    def find_class(self, module: str, name: str, /) -> object:
        """What a pickle names.

        Raises:
            GoneError: there is no such thing.
        """
        try:
            return super().find_class(module, name)
        except (ImportError, AttributeError) as error:
            if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
                raise  # code of the module raised it
            full, missing = f"{module}.{name}", getattr(error, "name", None)
            gone = GoneError(full, missing if isinstance(missing, str) else full, readable(type(error)))
        raise gone


def why_not_loaded(error: Exception) -> tuple[str, Exception | None]:
    """What may be told of what loading a pickle raised, and what code of the user's raised in there."""
    if isinstance(error, GoneError):
        return f"its pickle names {error.name}, which is gone", None
    if isinstance(error, SnapshotError):
        return str(error.args[0]), error.__cause__ if isinstance(error.__cause__, Exception) else None
    place = user_place(error)
    where = f" at {place}" if place else ""
    # A call with the wrong arguments has no frame; the unpickler itself raises other errors
    cause = error if place or isinstance(error, TypeError) else None
    return f"loading its pickle raised {readable(type(error))}{where}", cause
