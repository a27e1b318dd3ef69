"""How homes are asked, whatever the engine: deadlines, what is lost and what is silent, and where refs moved to."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from time import monotonic
from typing import Any, Final, TypeVar, cast

from liveref._engine.answers import Found
from liveref._engine.home import HOMES, Home
from liveref._engine.wire import Answer, Packet, Request, cloudpickle, pack, pack_named, unpack
from liveref._key import RegistryKey
from liveref._registry.leases import check_seconds
from liveref._registry.owners import current_owner
from liveref._text.elsewhere import EngineError, RefLostError, RefUnavailableError, RemoteResultError
from liveref._text.marker import redact
from liveref._text.route import Route, route_of
from liveref._text.tag import readable
from liveref.exceptions import InvalidArgumentError, RefNotFoundError, RefReleasedError

__all__ = ["Calls", "Gone", "Silent", "Target", "require_engine", "target_of", "there"]

R = TypeVar("R")

_LONG: Final = 120.0
"""Seconds for what moves large values: an insert, a snapshot."""
_FRESH: Final = 5.0
"""Seconds for which it is remembered which homes there are, and which there are not."""
_UNKNOWN: Final = 1_000
"""Homes at most of which it is remembered that there are none."""


class Gone(Exception):  # noqa: N818  never leaves this wing and the integrations
    """There is no such home, or not any more; its cause is the engine's error."""


class Silent(Exception):  # noqa: N818  never leaves this wing and the integrations
    """A home gives no answer; its cause is the engine's error."""


class Target:
    """What is asked for, for the errors.

    Args:
        route: where it is.
        key: the redacted key, or what else it is.
        tag: its type tag.
    """

    __slots__ = ("key", "route", "tag")

    def __init__(self, route: Route, key: str, tag: str) -> None:
        self.route: Final = route
        self.key: Final = key
        self.tag: Final = tag


class Calls(ABC):
    """The half of an engine that asks.

    Args:
        timeout: seconds for a call.
    """

    def __init__(self, timeout: float) -> None:
        check_seconds("timeout", timeout, optional=False)
        self.timeout: float = min(float(timeout), threading.TIMEOUT_MAX)
        self._closed = False
        self._unknown: Final[dict[int, float]] = {}
        self._names: Final[dict[int, str]] = {}
        self._found: dict[int, str] = {}
        self._asked = -_FRESH
        self._lock: Final = threading.Lock()

    # What each engine does in its own way.

    @abstractmethod
    def _send(self, home: int, group: str, packet: Packet, timeout: float) -> Packet:
        """The answer of a home.

        Raises:
            Gone: there is no such home.
            Silent: it gives none in so many seconds.
        """

    @abstractmethod
    def _find_homes(self) -> dict[int, str]:
        """All homes that there are now, and their names."""

    @abstractmethod
    def _moved_to(self, route: Route) -> Route | None:
        """Where the refs of a session went, if it was resumed."""

    @abstractmethod
    def _note_moves(self, routes: Sequence[Route], to: Route) -> None:
        """Note where the refs of sessions are from now on."""

    def _local(self, home: int) -> Home | None:
        """The home, if it is one of this process."""
        return HOMES.get(home)

    # What they share.

    def homes(self) -> dict[int, str]:
        """The homes that there are, by their numbers, and their names; it may be 5 seconds old."""
        with self._lock:
            has_lost_all = bool(self._found) and all(map(self._is_unknown, self._found))
            if has_lost_all or monotonic() - self._asked > _FRESH:
                try:
                    self._found, self._asked = self._find_homes(), monotonic()
                except Silent as silent:
                    message = f"nobody can be asked which homes there are: {silent}"
                    raise EngineError(message) from silent.__cause__
                self._names.update(self._found)
            return {home: name for home, name in self._found.items() if not self._is_unknown(home)}

    def name_of(self, home: int) -> str:
        """The name of a home, for people; only its number where it has not been heard of."""
        local = self._local(home)
        return self._names.get(home, f"home {home:06x}") if local is None else local.name

    def _ask(self, target: Target, operation: str, *args: object, timeout: float | None = None) -> Any:
        """What a home gives. Only where the session is not there any more, it is asked where that moved to."""
        limit = self._limit(operation, timeout)
        try:
            return self._ask_at(target, operation, args, limit)
        except (RefLostError, RefReleasedError) as first:
            if isinstance(first, RefReleasedError) and first.args[1] != "session ended":
                raise
            moved = None if self._closed else self._moved_to(target.route)
            if moved is None:
                raise
            try:
                return self._ask_at(Target(moved, target.key, target.tag), operation, args, limit)
            except RefNotFoundError:  # the snapshot did not hold it
                raise first from first.__cause__

    def _limit(self, operation: str, timeout: float | None) -> float:
        check_seconds("timeout", timeout)
        if timeout is not None:
            return min(timeout, threading.TIMEOUT_MAX)
        return max(_LONG, self.timeout) if operation in {"insert", "snapshot", "resume", "take"} else self.timeout

    def _ask_at(self, target: Target, operation: str, args: tuple[object, ...], timeout: float) -> Any:
        home = target.route.home
        if self._closed:
            raise RefLostError(target.key, target.tag, self.name_of(home), "the engine is closed")
        local = self._local(home)
        if local is not None:
            return local.do(operation, *args, timeout=timeout)
        if self._is_unknown(home):
            raise RefLostError(target.key, target.tag, self.name_of(home), "there is no such home")
        return self._ask_there(target, operation, args, timeout)

    def _ask_there(self, target: Target, operation: str, args: tuple[object, ...], timeout: float) -> object:
        home, began = target.route.home, monotonic()
        packet = _request(operation, args, timeout)
        try:
            reply = self._send(home, _GROUPS.get(operation, "control"), packet, timeout)
        except Gone as gone:
            self._note_unknown(home)
            raise RefLostError(target.key, target.tag, self.name_of(home), str(gone)) from gone.__cause__
        except Silent as silent:
            origin, waited = self.name_of(home), monotonic() - began
            raise RefUnavailableError(target.key, target.tag, origin, str(silent), waited) from silent.__cause__
        return self._opened(target, reply)

    def _opened(self, target: Target, reply: Packet) -> object:
        try:
            answer = cast("Answer", unpack(reply))
        except Exception as error:
            found = f"what can't be loaded here ({readable(type(error))})"
            raise RemoteResultError(target.key, self.name_of(target.route.home), found) from error
        if answer.kind == "error":
            raise cast("BaseException", answer.value)
        return answer.value

    def _is_unknown(self, home: int) -> bool:
        return monotonic() - self._unknown.get(home, -_FRESH) < _FRESH

    def _note_unknown(self, home: int) -> None:
        """Note that there is no such home, so that forged routes cost nothing."""
        while len(self._unknown) >= _UNKNOWN:
            self._unknown.pop(next(iter(self._unknown)))
        self._unknown[home] = monotonic()

    def _is_here(self, route: Route, /) -> bool:
        return self._local(route.home) is not None


_GROUPS: Final = {
    "describe": "lookup", "get": "lookup", "get_many": "lookup", "take": "lookup",
    "clone_ref": "live", "create": "live", "derive": "live", "drain": "live", "end": "live", "gone": "live",
    "insert": "live", "open": "live", "release": "live", "run": "live", "sweep": "live",
}  # fmt: skip
"""In which group of a home's threads each runs, so that nothing that takes long holds up a lookup."""


_NAMED: Final = frozenset({"get", "get_many"})
"""What asks by keys without a hint, so that no class of the user's is named."""


def _request(operation: str, args: tuple[object, ...], timeout: float) -> Packet:
    """A request on its way.

    Raises:
        InvalidArgumentError: what is to go along can't be pickled.
        ImportError: cloudpickle is not installed.
    """
    if operation not in _NAMED:
        cloudpickle()  # where it is missing, what is to go along is not to blame
    try:
        request = Request(operation, args, timeout, current_owner())
        return pack_named(request) if operation in _NAMED else pack(request)
    except Exception as error:  # noqa: BLE001  of the user's; its text may hold a value
        found = next((readable(type(each)) for each in args if not _goes(each)), "what can't be pickled")
        raised = f"{found} ({readable(type(error))})"
    raise InvalidArgumentError(f"what is sent for {operation}", "something that can be pickled", raised)


def _goes(value: object) -> bool:
    try:
        pack(value)
    except Exception:  # noqa: BLE001  of the user's
        return False
    return True


def target_of(key: RegistryKey[Any], tag: str) -> Target:
    """What a key asks for.

    Raises:
        RefNotFoundError: it says nothing of where its ref is.
    """
    route = route_of(key._id)
    if route is None:
        raise RefNotFoundError(redact(key._id), 0)
    return Target(route, redact(key._id), tag)


def there(found: Found | Answer) -> Found:
    """What was found under a key; raises what was raised for it."""
    if isinstance(found, Found):
        return found
    if found.kind == "error":
        raise cast("BaseException", found.value)
    return there(cast("Found | Answer", found.value))


def require_engine(found: object) -> None:
    """Raise EngineError where an engine has no home for a session."""
    if not found:
        message = "the engine has no home for a session: start one, as by hosts=1"
        raise EngineError(message)
