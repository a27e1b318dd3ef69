"""One ref of every kind that a pause treats differently, for the tests of snapshots."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal

from liveref import (
    RefLifetime,
    RegistryKey,
    Session,
    SessionPausePolicy,
    register_serializer,
    reopener,
    serializer,
)

EXPLICIT: Final = RefLifetime.UNTIL_EXPLICIT_DROP
POLICIES: Final = list(SessionPausePolicy)
DROPPING: Final = [SessionPausePolicy.PICKLE_OR_DROP, SessionPausePolicy.WARN_DROP]
REFUSING: Final = [policy for policy in POLICIES if policy not in DROPPING]
PICKLING: Final = [SessionPausePolicy.PICKLE_OR_ERROR, SessionPausePolicy.PICKLE_OR_DROP]
SECRET: Final = "hunter2"


class Box:
    """What can be pickled, and holds something."""

    def __init__(self, content: object = None) -> None:
        self.content = content


class Handle:
    """What can't be pickled, like a connection; counts what is open."""

    opened: list[weakref.ref[Handle]] = []
    closed: list[str] = []

    def __init__(self, name: str) -> None:
        self.name = name
        self.lock = threading.Lock()
        Handle.opened.append(weakref.ref(self))

    def close(self) -> None:
        Handle.closed.append(self.name)


@reopener("tests.kinds.handle", finalizer=Handle.close)
def open_handle(name: str) -> Handle:
    return Handle(name)


@contextmanager
def counting() -> Iterator[type[Handle]]:
    """Count the handles that are opened and closed from now on."""
    Handle.opened.clear()
    Handle.closed.clear()
    yield Handle


@serializer("tests.kinds.blob", version=2)
class Blob:
    """What has a serializer, and can't be pickled."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.lock = threading.Lock()

    def __liveref_serialize__(self) -> bytes:
        return self.data

    @classmethod
    def __liveref_deserialize__(cls, data: bytes) -> Blob:
        return cls(data)


class SubBlob(Blob):
    """A class of its own: its base's serializer is not its."""


class Failing:
    """What could be pickled, and has a serializer that fails."""


def fail(_value: object) -> bytes:
    raise ValueError(SECRET)


register_serializer("tests.kinds.failing", Failing, fail, lambda _data: Failing())


class Texting:
    """What has a serializer that gives no bytes."""


register_serializer("tests.kinds.texting", Texting, lambda _value: SECRET, lambda _data: Texting())  # type: ignore[arg-type, return-value]


class Secretive:
    """What raises while it is pickled, with a secret in its text."""

    def __repr__(self) -> str:
        return SECRET

    def __reduce__(self) -> str:
        raise ValueError(f"no pickle of {self!r}")


Keys = list[RegistryKey[object]]


def with_recipe(session: Session, name: str = "db") -> RegistryKey[Handle]:
    return session.refs.open(open_handle.recipe(name))


def plain(session: Session) -> Keys:
    return [session.refs.insert(Box(1))]


def unpicklable(session: Session) -> Keys:
    return [session.refs.insert(threading.Lock())]


def raising(session: Session) -> Keys:
    return [session.refs.insert(Secretive())]


def nested_too_deeply(session: Session) -> Keys:
    content: object = None
    for _ in range(100_000):
        content = [content]
    return [session.refs.insert(content)]


def reopenable(session: Session) -> Keys:
    return [with_recipe(session)]


def serializable(session: Session) -> Keys:
    return [session.refs.insert(Blob(b"abc"))]


def of_a_subclass(session: Session) -> Keys:
    return [session.refs.insert(SubBlob(b"abc"))]


def failing_serializer(session: Session) -> Keys:
    return [session.refs.insert(Failing())]


def texting_serializer(session: Session) -> Keys:
    return [session.refs.insert(Texting())]


def both(session: Session) -> Keys:
    return [session.refs.insert(Failing(), reopen=failing_again.recipe())]


@reopener("tests.kinds.failing")
def failing_again() -> Failing:
    return Failing()


def two_keys(session: Session) -> Keys:
    handle = Handle("db")
    bare = session.refs.insert(handle)
    return [bare, session.refs.insert(handle, reopen=open_handle.recipe("db"))]


def holder(session: Session) -> Keys:
    """A container of another ref's object; the container is meant."""
    return [session.refs.insert(Box(session.refs[with_recipe(session)]))]


def holder_of_a_lock(session: Session) -> Keys:
    lock = threading.Lock()
    session.refs.insert(lock)
    return [session.refs.insert(Box(lock))]


def part(session: Session) -> Keys:
    """An object that is part of another ref's state; the part is meant."""
    inner = Box("inner")
    session.refs.insert(Box(inner))
    return [session.refs.insert(inner)]


def until_snapshot(session: Session) -> Keys:
    return [session.refs.insert(threading.Lock(), lifetime=RefLifetime.UNTIL_SNAPSHOT)]


def pool(session: Session) -> Keys:
    return [session.refs.insert(threading.Lock(), lifetime=EXPLICIT)]


def reopenable_pool(session: Session) -> Keys:
    return [session.refs.open(open_handle.recipe("pool"), lifetime=EXPLICIT)]


def two_lifetimes(session: Session) -> Keys:
    lock = threading.Lock()
    return [session.refs.insert(lock), session.refs.insert(lock, lifetime=EXPLICIT)]


Kind = Callable[[Session], Keys]
Outcome = Literal["pickle", "serializer", "recipe", "dropped", "refused", "let off", "expected", "purged"]

RECIPE: Final = ("recipe", "recipe", "recipe", "recipe", "refused")
SERIALIZED: Final = ("serializer", "serializer", "serializer", "dropped", "refused")
PICKLED: Final = ("pickle", "refused", "pickle", "dropped", "refused")
FAILING: Final = ("refused", "refused", "dropped", "dropped", "refused")

OUTCOMES: Final[dict[Kind, tuple[Outcome, ...]]] = {
    plain: PICKLED,
    unpicklable: FAILING,
    raising: FAILING,
    nested_too_deeply: FAILING,
    reopenable: RECIPE,
    both: RECIPE,
    serializable: SERIALIZED,
    of_a_subclass: FAILING,
    failing_serializer: FAILING,
    texting_serializer: FAILING,
    two_keys: RECIPE,
    holder: PICKLED,
    holder_of_a_lock: ("let off", "refused", "dropped", "dropped", "refused"),
    part: PICKLED,
    until_snapshot: ("purged",) * 5,
    pool: ("expected",) * 5,
    reopenable_pool: ("expected",) * 5,
    two_lifetimes: ("expected",) * 5,
}
"""What becomes of each kind of ref under the policies, in their order. A snapshot that another ref refuses lets off."""


def redacted(key: RegistryKey[object]) -> str:
    """What an error or a row shows of a key."""
    return f"{str(key)[:6]}…"
