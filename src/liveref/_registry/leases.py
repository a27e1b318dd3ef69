"""What a lookup of a guarded ref asks first: who may, and until when. And the book that a registry keeps of them.

A guarded ref stands in the registry under its id with a byte more: the fast paths, which look for ids, miss it, so that
refs without a guard cost what they would cost without all this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf, isfinite
from threading import RLock
from time import monotonic
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from liveref._registry.finalize import generation, lock_of
from liveref._registry.owners import ACTING, Owner, check_owner
from liveref._text.tag import readable
from liveref._typing import MISSING, Missing
from liveref.exceptions import InvalidArgumentError

__all__ = [
    "DEFAULTS",
    "GUARDED",
    "Book",
    "Defaults",
    "Expiry",
    "Given",
    "Guard",
    "Seconds",
    "Whose",
    "check_seconds",
    "guard_of",
    "making",
    "seconds_of",
]

GUARDED: Final = b"\0"
"""What stands behind the id of a guarded ref."""
_FEW: Final = 64
"""Rows up to which a book is not tidied."""


class Expiry(NamedTuple):
    """Which limit ended a ref, and its seconds; stands in a departure where the way else does."""

    limit: Literal["ttl", "idle"]
    seconds: float


class Defaults(NamedTuple):
    """What a registry gives its refs.

    Attributes:
        ttl: seconds after which a ref has expired; None never.
        idle: seconds without a use after which it has.
        owned: whether each ref has to have an owner.
        per_owner: refs of one owner at most.
        clock: gives the seconds.
    """

    ttl: float | None = None
    idle: float | None = None
    owned: bool = False
    per_owner: int | None = None
    clock: Callable[[], float] = monotonic

    def checked(self) -> Defaults:
        """The same.

        Raises:
            InvalidArgumentError: one of them is no such thing.
        """
        for name in ("ttl", "idle"):
            check_seconds(name, getattr(self, name))
        if type(self.owned) is not bool:
            raise InvalidArgumentError("owned", "True or False", readable(type(self.owned)))
        most: object = self.per_owner
        if most is not None and (type(most) is not int or most < 1):
            shown = str(most) if type(most) is int else readable(type(most))
            raise InvalidArgumentError("per_owner", "an int of at least 1, or None", shown)
        if not callable(self.clock):
            raise InvalidArgumentError("clock", "callable", readable(type(self.clock)))
        return self


Given: TypeAlias = tuple[float | None, float | None, bool, int | None, Callable[[], float]]
"""What `Defaults` are made of."""
DEFAULTS: Final = Defaults()
"""Those of a registry that was given none."""


Seconds: TypeAlias = float | Missing | None
"""What an insert says of a limit: MISSING is what the registry gives."""
Whose: TypeAlias = Owner | Missing | None
"""What an insert says of the owner: MISSING is who acts."""


def guard_of(ttl: Seconds, idle: Seconds, owner: Whose, defaults: Defaults) -> Guard | None:
    """The guard of a new ref; None where it needs none.

    Raises:
        InvalidArgumentError: a limit is no number of seconds, the owner is none, or there has to be one.
    """
    if ttl is MISSING:
        ttl = defaults.ttl
    if idle is MISSING:
        idle = defaults.idle
    if owner is MISSING:
        owner = ACTING.get()
    if owner is not None:
        check_owner(owner)
    elif defaults.owned:
        expected = "passed, or that of `with acting_as(owner)`, for the registry is owned=True"
        raise InvalidArgumentError("owner", expected, "nobody who acts")
    if ttl is None and idle is None:
        return None if owner is None else Guard(owner, None, None, defaults.clock)
    check_seconds("ttl", ttl)
    check_seconds("idle", idle)
    return Guard(owner, ttl, idle, defaults.clock)


def check_seconds(name: str, seconds: object, *, optional: bool = True) -> None:
    """Raise InvalidArgumentError unless it is a positive finite number of seconds, or None where it is optional."""
    if seconds is None and optional:
        return
    or_none = ", or None" if optional else ""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise InvalidArgumentError(name, f"a number of seconds{or_none}", readable(type(seconds)))
    try:
        number = float(seconds)
    except OverflowError:  # an int of more than 308 digits
        number = inf
    if not isfinite(number) or number <= 0:
        raise InvalidArgumentError(name, f"a positive finite number of seconds{or_none}", f"{number:g}")


def seconds_of(clock: Callable[[], float]) -> float:
    """What a clock shows.

    Raises:
        InvalidArgumentError: that is no finite number, by which nothing could be told to be over or not.
    """
    now = clock()
    if type(now) is float and isfinite(now):  # each lookup of a lease asks
        return now
    if not isinstance(now, int | float) or not isfinite(now):
        shown = f"{now:g}" if isinstance(now, float) else readable(type(now))
        expected = "a function that gives a finite number of seconds"
        raise InvalidArgumentError("clock", expected, f"one that gave {shown}")
    return now


class Guard:
    """What a lookup of one ref asks first. No two refs share one: that of a clone is its twin.

    Attributes:
        owner: whose it is; None nobody's.
        ttl: seconds that it lives.
        idle: seconds that it may go without a use.
        clock: gives the seconds.
        ends: when its ttl is over, by the clock.
        used: when it was last used.
    """

    __slots__ = ("clock", "ends", "idle", "owner", "ttl", "used")

    def __init__(
        self,
        owner: Owner | None,
        ttl: float | None,
        idle: float | None,
        clock: Callable[[], float],
        left: float | None = None,
    ) -> None:
        self.owner: Final = owner
        self.ttl: Final = ttl
        self.idle: Final = idle
        self.clock: Final = clock
        self.used = now = seconds_of(clock)
        self.ends = inf if ttl is None else now + (ttl if left is None else left)

    def is_visible(self) -> bool:
        """Whether who acts may look it up; nobody else may so much as know of it."""
        return self.owner is None or self.owner == ACTING.get()

    def passes(self) -> bool:
        """Whether who acts may use it now; noted as a use. Where not, it is to be asked why: it may be lent."""
        if self.owner is not None and self.owner != ACTING.get():
            return False
        if self.idle is None:
            return self.ttl is None or self.clock() < self.ends
        now = self.clock()
        fits = now < self.ends and now < self.used + self.idle
        if fits and now > self.used:
            self.used = now
        return fits

    def deadline(self) -> float:
        """When it expires, as far as is known now."""
        return self.ends if self.idle is None else min(self.ends, self.used + self.idle)

    def is_over(self) -> bool:
        """Whether it has expired."""
        return self.deadline() <= seconds_of(self.clock) if self.is_leased() else False

    def is_leased(self) -> bool:
        """Whether it can expire."""
        return self.ttl is not None or self.idle is not None

    def expiry(self) -> Expiry:
        """The limit that is over first."""
        if self.idle is not None and self.used + self.idle < self.ends:
            return Expiry("idle", self.idle)
        return Expiry("ttl", self.ttl or 0.0)

    def use(self) -> None:
        """Note a use. A clock that goes backwards shortens nothing."""
        if self.idle is not None:
            self.used = max(self.used, seconds_of(self.clock))

    def renew(self) -> None:
        """Begin anew."""
        now = seconds_of(self.clock)
        self.used = max(self.used, now)
        if self.ttl is not None:
            self.ends = max(self.ends, now + self.ttl)

    def left(self) -> float | None:
        """Seconds that are left of the ttl; None without one."""
        return None if self.ttl is None else max(self.ends - seconds_of(self.clock), 0.0)

    def expires_in(self) -> float | None:
        """Seconds until it expires; None where it never does."""
        return max(self.deadline() - seconds_of(self.clock), 0.0) if self.is_leased() else None

    def twin(self, clock: Callable[[], float] | None = None) -> Guard:
        """One of the same owner and with the same deadlines; by another clock with what is left."""
        twin = Guard(self.owner, self.ttl, self.idle, clock or self.clock, self.left())
        if clock is None or clock is self.clock:
            twin.ends, twin.used = self.ends, self.used
        else:
            twin.used -= max(seconds_of(self.clock) - self.used, 0.0)
        return twin


_making: Final = {generation(): RLock()}  # made now: where memory is short, a lock that can't be is a RuntimeError


def making() -> RLock:
    """What one thread holds while it makes a book, a ref moves, or a loan comes or goes, in whatever registries."""
    return lock_of(_making)


class Loans(dict[bytes, Any]):  # Any: holders, which stand on the floor above
    """The loans of one ref, by their ids.

    Attributes:
        books: those that they stand in: of who lent it, and of who holds it since it was transferred.
    """

    __slots__ = ("books",)

    def __init__(self) -> None:
        super().__init__()
        self.books: Final[list[Book]] = []


class Book:
    """What a registry keeps of its guarded refs.

    Attributes:
        due: refs that have gone and whose finalizers are yet to run, by their places.
        held: what those of them returned that turned out to be asynchronous.
        loans: for each ref that is lent its loans.
    """

    __slots__ = ("_locks", "_rows", "_serial", "_shares", "_stale", "due", "held", "loans")

    def __init__(self) -> None:
        self.due: Final[dict[bytes, Any]] = {}  # Any: holders, which stand on the floor above
        self.held: Final[dict[bytes, list[Any]]] = {}
        self.loans: Final[dict[bytes, Loans]] = {}
        self._rows: Final[list[tuple[float, int, Any]]] = []  # a heap of deadlines as they were last looked at
        self._serial: Final = count()
        self._stale = 0
        self._shares: Final[dict[Owner, set[bytes]]] = {}
        self._locks: Final[dict[int, RLock]] = {}

    def enter(self, guard: Guard, holder: Any) -> None:
        """Note when a ref is to be looked at. O(log n)."""
        if guard.is_leased():
            heappush(self._rows, (guard.deadline(), next(self._serial), holder))

    def leave(self, guard: Guard, uid: bytes) -> None:
        """Note that a ref has gone: of the rows at most the half are of such ones."""
        if guard.owner is not None:
            with self.turn():
                share = self._shares.setdefault(guard.owner, set())
                share.discard(uid)
                if not share:
                    del self._shares[guard.owner]
        if guard.is_leased():
            self._stale += 1

    def tidy(self, is_here: Callable[[Any], bool]) -> None:
        """Throw the rows of refs away that have gone, once they are the half. O(1), amortised."""
        if self._stale > _FEW and self._stale * 2 > len(self._rows):
            self._stale = 0
            rows = list({id(row[2]): row for row in self._rows.copy() if is_here(row[2])}.values())
            heapify(rows)  # of a ref that was here before, went and came back there is one row, not two
            self._rows[:] = rows

    def expired(
        self, now: float, is_here: Callable[[Any], bool], is_over: Callable[[Any, Guard], bool], most: int | None
    ) -> Iterator[tuple[Any, Guard]]:
        """The refs whose deadline has come, with their guards, the longest expired first.

        What was used since, or is lent, is looked at later.
        """
        taken: list[tuple[float, int, Any]] = []
        found = 0
        try:
            while self._rows and self._rows[0][0] <= now and (most is None or found < most):
                try:
                    taken.extend(map(heappop, (self._rows,)))  # in one step: what is asked below may raise
                except IndexError:  # another thread was faster
                    return
                holder = taken[-1][2]
                if is_here(holder) and not is_over(holder, holder._entry.guard):
                    continue
                self._stale -= 1  # its row has gone, or will be counted when the ref has
                if is_here(holder):
                    found += 1
                    yield holder, holder._entry.guard
                taken.pop()
        finally:
            for _, _, holder in taken:
                if is_here(holder):
                    self.enter(holder._entry.guard, holder)

    def lend(self, uid: bytes, loan: Any) -> None:
        """Note a loan of a ref."""
        with making():
            loans = self.loans.get(uid) or Loans()
            loans[loan._id] = loan
            self._keep(uid, loans)

    def take_over(self, uid: bytes, other: Book) -> None:
        """Note the loans of a ref that comes from another registry: there it is given back, here it does not expire."""
        with making():
            loans = other.loans.get(uid)
            if loans is not None:
                self._keep(uid, loans)

    def _keep(self, uid: bytes, loans: Loans) -> None:
        if self.loans.get(uid) is not loans:
            self.loans[uid] = loans
            loans.books.append(self)

    def take_back(self, uid: bytes, loan: Any) -> None:
        """Note that a loan is over."""
        with making():
            loans = self.loans.get(uid)
            if loans is None:
                return
            loans.pop(loan._id, None)
            for book in () if loans else loans.books:
                book.loans.pop(uid, None)

    def lent(self, uid: bytes) -> int:
        """How many borrow a ref."""
        return len(self.loans.get(uid, ()))

    def share_of(self, owner: Owner) -> set[bytes]:
        """The places of an owner's refs, some of which may have gone."""
        return self._shares.get(owner, set())

    def owned(self) -> int:
        """How many refs have an owner."""
        return sum(map(len, self._shares.copy().values()))

    def join(self, owner: Owner, place: bytes) -> None:
        """Note whose a ref is."""
        with self.turn():
            self._shares.setdefault(owner, set()).add(place)

    def turn(self) -> RLock:
        """What one thread holds at a time."""
        return lock_of(self._locks)
