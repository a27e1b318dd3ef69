"""A home: a process, or a part of one, that holds the refs of many sessions, and does what it is asked."""

from __future__ import annotations

import hmac
import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, KeysView
from functools import partial
from importlib import import_module
from itertools import product
from time import monotonic
from typing import Any, Final, TypeVar, cast, get_args
from uuid import UUID

from liveref._engine.answers import Found, packed, sent
from liveref._engine.room import HomeRegistry, HomeSession, Options, Terms
from liveref._engine.wire import Answer, Packet, Request, freeze, pack, unpack
from liveref._hints.info import check_of, class_info, class_of, hint_of, mismatch, tag_of
from liveref._hints.pinned import Pinned, tag_of_value
from liveref._key import RegistryKey, make_key
from liveref._pause.resume import restore
from liveref._policy import SessionPausePolicy
from liveref._recipe import Recipe, is_coroutine_function, recipe, reopener
from liveref._registry.current import using
from liveref._registry.entry import Holder
from liveref._registry.outcome import Outcome
from liveref._registry.owners import Owner, acting_as
from liveref._registry.pin import Here, as_here, end_pinned, hint_of_pinned, pin_within, within
from liveref._registry.resolver import check_found
from liveref._snapshot.snapshot import SessionSnapshot
from liveref._text.elsewhere import EngineError, RefElsewhereError, RemoteCallError
from liveref._text.json import JSON
from liveref._text.marker import redact
from liveref._text.route import NUMBERS, Route, route_of
from liveref._text.tag import readable, type_tag
from liveref._text.telling import told
from liveref._typing import MISSING, Missing
from liveref.exceptions import InvalidArgumentError, RefFailure, RefNotFoundError, RefReleasedError, RegistryClosedError

__all__ = ["HOMES", "OPERATIONS", "Home", "draw"]

R = TypeVar("R")

HOMES: Final[dict[int, Home]] = {}
"""The homes of this process, by their numbers: code that they run is at home there."""

if hasattr(os, "register_at_fork"):  # pragma: no branch  Windows has no fork
    os.register_at_fork(after_in_child=HOMES.clear)  # the child has neither their threads nor their callers

_REMEMBERED: Final = 10_000
"""Sessions that have ended of which a home knows when."""
_PATIENCE: Final = 1.0
"""Seconds for which the end of one session, whose finalizers may hang, holds up those of others."""
_MOVE: Final = "Nothing was moved. Make it anew at the target, or clone_ref it where it is."


def draw(taken: Callable[[int], bool]) -> int:
    """A number for a home that no other has."""
    number = secrets.randbelow(NUMBERS)
    while taken(number):
        number = secrets.randbelow(NUMBERS)
    return number


class Home:
    """What one process holds for all others.

    Args:
        number: its number, which nobody else has.
        name: what it is, for people.
        allow_functions: whether it runs functions that others bring.
    """

    @classmethod
    def of_this_process(cls, number: int, name: str, imports: Iterable[str] = ()) -> Home:
        """A home that is this process's: code that runs here is at home.

        Args:
            number: its number.
            name: what it is, for people.
            imports: modules that register recipes and serializers.
        """
        for module in imports:
            import_module(module)
        return HOMES.setdefault(number, cls(number, name))

    def __init__(self, number: int, name: str, *, allow_functions: bool = True) -> None:
        self.number: Final = number
        self.name: Final = f"{name} (home {number:06x})"
        self._allow_functions: Final = allow_functions
        self._sessions: Final[dict[Route, HomeSession]] = {}
        self._ended: Final[OrderedDict[Route, float]] = OrderedDict()
        self._heirs: Final[dict[Route, list[HomeSession]]] = {}
        self._count = 0
        self._born: Final = monotonic()
        self._lock: Final = threading.RLock()  # what is collected while one holds it may end a session
        self._closed: Final = threading.Event()
        self._reaper: threading.Thread | None = None

    # How it is asked.

    def answer(self, packet: Packet) -> Packet:
        """Do what another process asks; whatever is raised is a part of the answer."""
        try:
            request = cast("Request", unpack(packet))
        except Exception as error:  # noqa: BLE001  of the user's: what it names may be missing here
            return pack(Answer("error", RemoteCallError("of a request", self.name, readable(type(error)))))
        operation, args, timeout, owner = request
        key = _key_in(args)
        try:
            with acting_as(owner):
                value = self.do(operation, *args, timeout=timeout)
            answer = Answer("ok", sent(value, key, self.name))
        except BaseException as error:  # noqa: BLE001  it is raised where it was asked
            answer = Answer("error", error)
        return packed(answer, key, self.name)

    def do(self, operation: str, *args: Any, timeout: float | None) -> Any:
        """Do what is asked, in this process."""
        function = OPERATIONS[operation]
        if operation in _END:
            return within(lambda: function(self, *args), timeout, _key_in(args), operation)
        return function(self, *args, timeout) if operation in _LIMITED else function(self, *args)

    # Sessions.

    def begin(self, options: Options) -> str:
        """The token of a new session."""
        return self._add(HomeSession(self._next(), options)).token

    def _next(self) -> Route:
        with self._lock:
            if self._closed.is_set() or self._count + 1 >= NUMBERS:
                raise RegistryClosedError("session")
            self._count = count = self._count + 1
            return Route(self.number, count)

    def _add(self, session: HomeSession) -> HomeSession:
        self._sessions[session.route] = session
        if session.lease is not None:
            self._watch()
        return session

    def end(self, token: str) -> None:
        """End a session; to end it twice does nothing."""
        try:
            session = self._of_token(token, "close")
        except RegistryClosedError:
            return
        self._end(session)

    def _end(self, session: HomeSession) -> None:
        self._ended[session.route] = monotonic()
        while len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)
        with self._lock:
            for route in [route for route, each in self._sessions.copy().items() if each is session]:
                self._sessions.pop(route, None)
                self._answer_for([route], *self._heirs.pop(route, ()))
        session.close()

    def _answer_for(self, routes: list[Route], *sessions: HomeSession) -> None:
        """Have the first of the sessions answer for keys; the others once those before them have ended."""
        with self._lock:
            for route, session in product(routes, sessions):
                if session.route in self._sessions and self._sessions.setdefault(route, session) is not session:
                    waiting = [each for each in self._heirs.get(route, ()) if each.route in self._sessions]
                    self._heirs[route] = [*waiting, session]

    def routes(self) -> KeysView[Route]:
        """The routes of the keys that its sessions hold now."""
        return self._sessions.keys()

    def _watch(self) -> None:
        """Have a thread end the sessions whose lease has run out."""
        with self._lock:
            if self._reaper is None:
                reaper = threading.Thread(target=self._reap, name="liveref-leases", daemon=True)
                reaper.start()
                self._reaper = reaper

    def _reap(self) -> None:
        look = monotonic()
        while not self._closed.wait(look - monotonic()):
            # As of the moment that was set: where this process stood still, who renews may have stood still too.
            for session in [each for each in self._sessions.copy().values() if each.is_due(look)]:
                over = partial(within, partial(self._end_over, session), _PATIENCE, "of a session", "a session")
                within_reason(over)
            look = monotonic() + self._pause()

    def _end_over(self, session: HomeSession) -> None:
        for error in within_reason(lambda: self._end(session)):
            told("warning", "the end of a session whose lease was over raised %s", readable(type(error)))

    def _pause(self) -> float:
        """Seconds between two looks at the leases."""
        return min([0.5, *(each.lease / 5 for each in self._sessions.copy().values() if each.lease)])

    def close(self) -> None:
        """End all sessions.

        Raises:
            ExceptionGroup: of what finalizers raised, once all have run; what is no Exception bare, from that group.
        """
        with self._lock:
            self._closed.set()
        HOMES.pop(self.number, None)
        outcome = Outcome()
        for session in list(dict.fromkeys(self._sessions.copy().values())):
            outcome.errors += within_reason(lambda: self._end(session))  # noqa: B023  it is called at once
        if outcome.errors:
            outcome.reraise("sessions of a home failed to end")

    def _of_token(self, token: str, operation: str) -> HomeSession:
        """The session of a token.

        Raises:
            RegistryClosedError: it has ended, or the token is none of a session here.
        """
        session = self._sessions.get(route_of(UUID(token).bytes) or Route(-1, -1))
        if session is None or not hmac.compare_digest(session.token, token):
            raise RegistryClosedError(operation)
        session.used = monotonic()
        return session

    def _of_key(self, key: RegistryKey[Any]) -> HomeSession:
        """The session that holds a key, or held it.

        Raises:
            RefReleasedError: it has ended.
            RefNotFoundError: there was none.
        """
        route = route_of(key._id) or Route(-1, -1)
        session = self._sessions.get(route)
        if session is not None and (session.route == route or session.knows(key)):
            session.used = monotonic()
            return session
        ended = self._ended.get(route, self._born if route.home == self.number else None)
        if ended is not None and (route in self._ended or 0 < route.session <= self._count):
            raise RefReleasedError(redact(key._id), "session ended", monotonic() - ended)
        raise RefNotFoundError(redact(key._id), 0)

    # Refs.

    def get(self, key: RegistryKey[Any]) -> Found:
        """What is held under a key."""
        return self._held(key, used=True)[1]

    def _held(self, key: RegistryKey[Any], *, used: bool) -> tuple[Holder[Any], Found]:
        holder, value = self._of_key(key).home_refs._held(key, parents=True, used=used)
        return holder, Found(kind_of(holder, value), value)

    def get_many(self, keys: list[RegistryKey[Any]]) -> list[Answer]:
        """For each key what is held under it, or the error."""
        return [_tried(lambda: self.get(key)) for key in keys]  # noqa: B023  it is called at once

    def insert(self, token: str, value: object, hint: object, terms: Terms) -> RegistryKey[Any]:
        """The key of a value that others get copies of."""
        refs = self._of_token(token, "insert").home_refs
        return refs.keep(freeze(value), None if hint is MISSING else class_info(hint), terms, None, shared=True)

    def create(  # noqa: PLR0917  by position, as all that is asked
        self,
        token: str,
        factory: Callable[[], object],
        finalizer: Callable[[Any], object] | None,
        thread: bool,  # noqa: FBT001  by position, as all that is asked
        terms: Terms,
        timeout: float | None,
    ) -> RegistryKey[Any]:
        """The key of an object that is made here and stays here."""
        self._require_functions()
        _require_plain(finalizer)
        refs = self._of_token(token, "create").home_refs
        refs.guard_by(terms)  # so that nothing is made in vain
        with using(refs):
            made = pin_within(factory, finalizer, thread=thread, timeout=timeout)
        return self._keep(refs, made, terms)

    def open(self, token: str, opened: Recipe[Any], terms: Terms, timeout: float | None) -> RegistryKey[Any]:
        """The key of an object that a recipe opens here, and after a pause again."""
        _require_plain(opened._reopener.finalizer)
        refs = self._of_token(token, "open").home_refs
        refs.guard_by(terms)
        made = pin_within(opened._open, opened._reopener.finalizer, thread=True, timeout=timeout)
        return self._keep(refs, made, terms, reopen_pinned.recipe(opened.tag, opened._args, opened._kwargs))

    def _keep(
        self, refs: HomeRegistry, made: Here[Any], terms: Terms, again: Recipe[Any] | None = None
    ) -> RegistryKey[Any]:
        try:
            holder = refs.keep(made, class_info(hint_of_pinned(class_of(made.held))), terms, again, shared=False)
        except BaseException:
            made.end()
            raise
        made.key, made.around = redact(holder._id), partial(using, refs)
        return holder

    def run(self, key: RegistryKey[Any], fn: Callable[[Any], object], timeout: float | None) -> object:
        """What a function gives for an object, where that is."""
        self._require_functions()
        refs = self._of_key(key).home_refs
        holder, value = refs._held(key, parents=True, used=True)
        here, fn = as_here(value), refs.in_use(holder, fn)
        if here is not None:
            _check_pinned(key, here)
            return here.run(fn, timeout=timeout)
        refs._check("run", holder, value, key._info)
        with using(refs):
            return within(lambda: fn(value), timeout, redact(key._id), tag_of(holder._info))

    def derive(
        self, key: RegistryKey[Any], fn: Callable[[Any], object], terms: Terms, timeout: float | None
    ) -> RegistryKey[Any]:
        """The key of what a function gives for a pinned object, which stays with it."""
        self._require_functions()
        refs = self._of_key(key).home_refs
        holder, value = refs._held(key, parents=True, used=True)
        here = as_here(value)
        if here is None:
            raise RefElsewhereError(redact(key._id), type_tag(type(value)), self.name, "Only a pinned ref has results.")
        _check_pinned(key, here)
        return self._keep(refs, here.derive(refs.in_use(holder, fn), timeout), terms)

    def release(self, key: RegistryKey[Any]) -> bool:
        """End a ref; False if it was not there, but not where its session may have moved."""
        return self._of_key(key).home_refs.release(key)

    def clone_ref(self, key: RegistryKey[Any]) -> RegistryKey[Any]:
        """A new key of the same object."""
        return self._of_key(key).home_refs.clone_ref(key)

    def take(self, key: RegistryKey[Any]) -> tuple[object, Terms]:
        """The value that is to be moved, and on what terms it is held; it stays until `gone`."""
        holder, found = self._held(key, used=False)
        if found.kind != "shared":
            raise RefElsewhereError(redact(key._id), tag_of_value(found.value), self.name, _MOVE)
        check_found(key, found.value, key._info)
        return found.value, Terms.of(holder._entry)

    def gone(self, key: RegistryKey[Any]) -> None:
        """End a ref that has been moved."""
        refs = self._of_key(key).home_refs
        holder = refs._find(key._id, parents=False)
        if holder is not None:
            refs._end(holder, "transferred", [])

    def describe(self, key: RegistryKey[Any]) -> tuple[str, str, str]:
        """The type tag of a ref, where it is, and its kind."""
        _, found = self._held(key, used=False)
        return tag_of_value(found.value), self.name, found.kind

    def renew(self, key: RegistryKey[Any]) -> None:
        """Begin the lease of a ref anew."""
        self._of_key(key).home_refs.renew(key)

    def keys(self, token: str) -> list[RegistryKey[Any]]:
        """The keys of a session."""
        return [_bare(key) for key in self._of_token(token, "keys").home_refs.keys()]  # noqa: SIM118  no dict

    def count(self, token: str) -> int:
        """How many refs a session has."""
        return len(self._of_token(token, "len").home_refs)

    def drain(self, token: str, owner: Owner | Missing | None) -> int:
        """End the refs of a session, or of one owner in it; how many."""
        return self._of_token(token, "drain").home_refs.drain(owner=owner)

    def sweep(self, token: str) -> int:
        """End what has expired of a session; how many."""
        return self._of_token(token, "sweep").home_refs.sweep()

    def touch(self, token: str) -> None:
        """Renew the lease of a session."""
        self._of_token(token, "renew")

    def snapshot(
        self,
        token: str,
        policy: SessionPausePolicy | None,
        verify: bool,  # noqa: FBT001  by position, as all that is asked
    ) -> tuple[bytes, list[RefFailure]]:
        """A snapshot of a session, and what it dropped."""
        session = self._of_token(token, "snapshot")
        made = session.snapshot(policy=policy, verify=verify)
        return made.to_bytes(), session.told

    def resume(self, data: bytes, options: Options, broken: str) -> tuple[str, list[Route]]:
        """The token of a session that holds what a snapshot does, and the routes of its keys."""
        snapshot = SessionSnapshot.from_bytes(data, trusted=True)
        session = HomeSession(self._next(), options)
        restore(snapshot, session._refs, None, broken)
        found = (route_of(uid) for uid in [*snapshot._contents.ids, *snapshot._contents.dropped])
        routes = [route for route in dict.fromkeys(found) if route is not None]
        self._answer_for(routes, self._add(session))
        return session.token, routes

    def hello(self) -> str:
        """The name of the home."""
        return self.name

    def _require_functions(self) -> None:
        if not self._allow_functions:
            message = f"{self.name} runs no functions of others (allow_functions=False): use recipes and shared values"
            raise EngineError(message)


OPERATIONS: Final[dict[str, Callable[..., Any]]] = {
    name: getattr(Home, name)
    for name in (
        "begin", "clone_ref", "count", "create", "derive", "describe", "drain", "end", "get", "get_many", "gone",
        "hello", "insert", "keys", "open", "release", "renew", "resume", "run", "snapshot", "sweep", "take", "touch",
    )
}  # fmt: skip
_LIMITED: Final = frozenset({"create", "derive", "open", "run"})
"""Those that take the seconds which they may take: they wait for code of the user's."""
_END: Final = frozenset({"drain", "end", "release", "sweep"})
"""Those that run finalizers, which may hang."""


@reopener("liveref.pinned", finalizer=end_pinned)
def reopen_pinned(tag: str, args: list[JSON], kwargs: dict[str, JSON]) -> Pinned[Any]:
    """What a recipe of the user's opens, pinned again."""
    again = recipe(tag, args, kwargs)
    return pin_within(again._open, again._reopener.finalizer, thread=True, timeout=None)


def _require_plain(finalizer: object) -> None:
    """Raise InvalidArgumentError where a finalizer would have to be awaited: a home ends its refs in threads."""
    if is_coroutine_function(finalizer):
        raise InvalidArgumentError("finalizer", "a plain function, for homes await nothing", "an asynchronous one")


def kind_of(holder: Holder[Any], value: object) -> str:
    """Whether a ref is shared, pinned or plain."""
    return "shared" if holder._entry.shared else "pinned" if as_here(value) is not None else "plain"


def _check_pinned(key: RegistryKey[Any], value: Here[Any]) -> None:
    """Raise RefTypeError unless what is pinned fits the key, whether that is of the Pinned or of the object."""
    fits_itself = check_of(key._info) is None and mismatch(value.held, key._info, full=False) is None
    if not fits_itself:
        check_found(key, value, key._info)


def inner_hint(key: RegistryKey[Any]) -> tuple[bool, object]:
    """Whether a key says that its ref is pinned, and the hint of what is."""
    hint: Any = hint_of(key._info)  # Any: whatever a hint is
    return hint is Pinned or getattr(hint, "__origin__", None) is Pinned, next(iter(get_args(hint)), object)


def within_reason(fn: Callable[[], object]) -> list[BaseException]:
    """What a function raises, so that the rest is done too."""
    try:
        fn()
    except BaseException as error:  # noqa: BLE001  of the user's, as sys.exit() in a finalizer: told by who asks
        return [error]
    return []


def _tried(fn: Callable[[], object]) -> Answer:
    try:
        return Answer("ok", fn())
    except Exception as error:  # noqa: BLE001  raised where it was asked, for the key that it is of
        return Answer("error", error)


def _bare(key: RegistryKey[Any]) -> RegistryKey[Any]:
    """A key with the type of the ref, and without the object that the key of a home holds."""
    return make_key(key._id, key._info)


def _key_in(args: tuple[Any, ...]) -> str:
    """The redacted key that is asked for."""
    key = args[0] if args else None
    return redact(key._id) if type(key) is RegistryKey else "of a session"
