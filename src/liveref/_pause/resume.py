"""Resuming: the refs of a snapshot in a registry, under their keys."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from inspect import isawaitable
from time import monotonic
from typing import Any, Final, NamedTuple

from liveref import _recipe
from liveref._pause.serializer import Serializer, serializer_tagged
from liveref._policy import EXPECTED, RefLifetime
from liveref._registry.closing import Closing
from liveref._registry.entry import Entry, Holder, hold
from liveref._registry.finalize import Finalizer, adrive, drive
from liveref._registry.guards import Opening, not_awaited
from liveref._registry.leases import Guard
from liveref._registry.outcome import Outcome, Pending, Steps
from liveref._registry.registry import SessionRefRegistry
from liveref._registry.revived import put_back, put_values_back
from liveref._snapshot.contents import Contents, Dropping, Kind
from liveref._snapshot.loading import Failure
from liveref._snapshot.snapshot import SessionSnapshot
from liveref._text.blame import is_cramped, why_not_loaded
from liveref._text.marker import redact
from liveref._text.tag import printable, readable
from liveref._text.telling import log_dropped, told, warn_dropped
from liveref._typing import MISSING
from liveref.exceptions import (
    CapacityExceededError,
    InvalidArgumentError,
    LiveRefError,
    RefFailure,
    RefLoadError,
    ReopenError,
    SnapshotError,
)

__all__ = ["NOT_CARRIED", "arestore", "check_resume", "restore"]

NOT_CARRIED: Final = "it outlives the run and was not carried over: pass carry= to Session.resume"
_BROKEN: Final = 'broken="drop"'
_DOUBLED: Final = bytes(2 * number & 0xFF for number in range(256))
_MEND: Final = 'Nothing was resumed: mend the cause and resume again, or resume the rest with broken="drop".'


class Trouble(NamedTuple):
    """Why an object can't be restored.

    Attributes:
        reason: in words.
        cause: what code of the user's raised.
        error: what else is to be raised than the error that tells of all objects.
    """

    reason: str
    cause: Exception | None = None
    error: LiveRefError | None = None


class Revival:
    """The objects of one resume. They go by their number in the snapshot.

    Attributes:
        loaded: those that were pickled or serialized.
        finalizers: of those whose serializer has one.
        openings: of those that have a recipe.
        carried: for those that another registry holds, a ref to each.
        troubles: why others can't be restored.

    Args:
        contents: the snapshot.
        carry: the registry that holds what the snapshot expects.
        drop: leave out what can't be restored, and note why; else it is raised.

    Raises:
        UnknownTypeTagError, SnapshotVersionError: a recipe or serializer is not registered, or in an older version.
        RefLoadError: a recipe does not take its arguments any more.
    """

    def __init__(self, contents: Contents, carry: Closing | None, *, drop: bool) -> None:
        self.loaded: dict[int, object] = {}
        self.finalizers: Final[dict[int, Finalizer]] = {}
        self.troubles: Final[dict[int, Trouble]] = {}
        self._unopened: Final[dict[int, LiveRefError]] = {}
        self._contents: Final = contents
        self._carry: Final = carry
        self._drop: Final = drop
        self.kept: Final = contents.kept()
        self.carried: Final = {} if carry is None else self._find_carried(carry)
        self._rows: dict[int, int] | None = None
        self._serializers: Final = self._find_serializers()
        self.openings: Final = self._find_openings()

    def _find_carried(self, carry: Closing) -> dict[int, Holder[Any]]:
        """A ref to each expected object that the other registry holds."""
        expected = set(self.kept.expected)
        rows = zip(self._contents.ids, self._contents.objects, strict=True)
        refs = ((at, carry._at(uid)) for uid, at in rows if at in expected) if expected else ()
        found: dict[int, Holder[Any]] = {}
        for at, ref in refs:
            if ref is not None:
                found.setdefault(at, ref)
        return found

    def _find_serializers(self) -> dict[int, Serializer]:
        """The serializer of each serialized object."""
        found: dict[int, Serializer] = {}
        for at, (use, _) in self.kept.serialized.items():
            with self._noting(at):
                found[at] = serializer_tagged(*use)
        return found

    def _find_openings(self) -> dict[int, Opening]:
        openings: dict[int, Opening] = {}
        for at, (call, type_tag) in self.kept.opened.items():
            if at not in self.carried:
                with self._noting(at):
                    openings[at] = Opening(_recipe.recipe(*call), type_tag)
        return openings

    @contextmanager
    def _noting(self, at: int) -> Generator[None]:
        """Note why an object can't be restored, where that is not to be raised."""
        try:
            yield
        except SnapshotError as error:
            if not self._drop:
                raise
            self.troubles[at] = Trouble(str(error.args[0]))

    async def aopen(self) -> None:
        """Open by asynchronous recipes what pickled objects hold. Why one can't be is raised by what holds it."""
        awaited = {at: opening for at, opening in self.openings.items() if opening.is_awaited()}
        if not awaited:
            return
        from liveref._snapshot.survey import stand_ins  # noqa: PLC0415  pickletools takes 10 ms, and is seldom needed

        asked = stand_ins(self._contents.stream)
        for at, opening in awaited.items():
            try:
                if at in asked:
                    await opening.aopen()
            except LiveRefError as error:
                self._unopened[at] = error

    def load(self, snapshot: SessionSnapshot) -> None:
        """Load what is pickled, and what has a serializer, each once.

        Raises:
            ReopenError: a recipe raised whose object a pickle holds.
            RefLoadError: some of them can't be loaded.
        """
        if self.kept.pickled:
            loaded = snapshot._load(self.kept.pickled, self._stand_in)
            loaded.values.update(self.loaded)  # those that a pickle asked for
            self.loaded = loaded.values
            self.troubles.update((at, self._trouble(failure)) for at, failure in loaded.failures.items())
        for number in self._serializers:
            with suppress(RefLoadError):  # which is noted
                self._deserialized(number)
        if self.troubles and is_cramped():
            raise RecursionError
        if self.troubles and not self._drop:
            raise self._refusal()

    def _trouble(self, failure: Failure) -> Trouble:
        error = failure.error
        if failure.held is not None:
            held = self._name(self._first_row(failure.held))
            return Trouble(f"its state holds {held}, which can't be restored")
        if isinstance(error, ReopenError):
            recipe, _, raised, *advice = error.args
            what = raised if advice else f"raised {raised}"
            return Trouble(f"recipe {recipe!r} of what it holds {what}", error=error)
        return Trouble(*why_not_loaded(error))

    def _refusal(self) -> LiveRefError:
        """The error that tells of all objects that can't be restored."""
        for trouble in self.troubles.values():
            if trouble.error is not None:
                return trouble.error
        told = [(self._name(row), self.reason(row)) for row in self.lost()]
        if len(told) == 1:
            what = f"{told[0][0]} can't be restored: {told[0][1]}"
        else:
            what = f"{len(told)} refs can't be restored: {'; '.join(map(': '.join, told))}"
        error = RefLoadError(what, _MEND)
        error.__cause__ = next(filter(None, (trouble.cause for trouble in self.troubles.values())), None)
        return error

    def abandon(self, error: BaseException) -> Steps:
        """Close what was loaded and opened, for nobody will get it; note what that raises on the error.

        What is no Exception, as a cancellation, is raised once all else is closed.
        """
        fatal: BaseException | None = None
        duties = [(finalizer, self.loaded[at]) for at, finalizer in self.finalizers.items() if at in self.loaded]
        duties += [(opening.finalizer, None) for opening in self.openings.values() if opening.finalizer is not None]
        for finalizer, value in duties:
            try:
                held = [finalizer.call(value)]
                if isawaitable(held[0]):
                    yield Pending(held, finalizer.place)
            except Exception as failed:  # noqa: BLE001  user code
                error.add_note(f"Closing what had been restored raised {readable(type(failed))}.")
            except BaseException as failed:  # noqa: BLE001  raised below
                fatal = fatal or failed
        if fatal is not None:
            raise fatal

    def _stand_in(self, number: object) -> object:
        """The object that a pickle refers to."""
        kinds = self._contents.kinds
        if type(number) is not int or not 0 <= number < len(kinds) or kinds[number] == Kind.PICKLE:
            raise RefLoadError("its pickle refers to an object that is not there", _MEND)
        if number in self.carried and self._carry is not None:
            return self._carry._held(self.carried[number], parents=True)[1]
        if number in self.openings:
            return self._open(number)
        if number in self._serializers:
            return self._deserialized(number)
        raise self._held(number, self.troubles.get(number, Trouble(NOT_CARRIED)))

    def _open(self, at: int) -> object:
        opening = self.openings[at]
        if at in self._unopened:
            raise self._unopened[at]
        if opening.is_awaited():
            raise not_awaited(opening.recipe, "Await what pickled objects hold: await Session.aresume(snapshot).")
        return opening.open()

    def _deserialized(self, at: int) -> object:
        """A serialized object; what its serializer raises is noted, and raised for what holds it."""
        if at in self.troubles:
            raise self._held(at, self.troubles[at])
        if at not in self.loaded:
            self._deserialize(at, self._serializers[at])
        return self.loaded[at]

    def _deserialize(self, at: int, serializer: Serializer) -> None:
        """Load an object. To call and to hold what that gives is one step, so that an interrupt finds it held."""
        raised: Exception | None = None
        if serializer.finalizer is not None:
            self.finalizers[at] = Finalizer(serializer.finalizer)
        try:
            self.loaded.update(zip((at,), map(serializer.load, (bytes(self.kept.serialized[at][1]),)), strict=False))
        except Exception as error:  # noqa: BLE001  user code
            raised, reason = error, f"raised {readable(type(error))}"
        else:
            if at in self.loaded and type(self.loaded[at]) is serializer.cls:
                return
            found = readable(type(self.loaded.pop(at))) if at in self.loaded else "nothing"  # it raised StopIteration
            reason = f"gave {found}, not {readable(serializer.cls)}"
        self.troubles[at] = Trouble(f"serializer {serializer.tag!r} {reason}", raised)
        raise self._held(at, self.troubles[at])

    def _held(self, at: int, trouble: Trouble) -> RefLoadError:
        """The error of what holds an object that can't be restored."""
        error = RefLoadError(f"its state holds {self._name(self._first_row(at))}: {trouble.reason}", _MEND)
        error.__cause__ = trouble.cause
        return error

    def _name(self, row: int) -> str:
        return f"ref {redact(self._contents.ids[row])} ({self._contents.tag_of(row)})"

    def lost(self) -> list[int]:
        """The rows of the refs that can't be restored."""
        return [row for row, at in enumerate(self._contents.objects) if at in self.troubles] if self.troubles else []

    def told(self) -> list[RefFailure]:
        """The refs that can't be restored, in words."""
        contents = self._contents
        return [
            RefFailure(redact(contents.ids[row]), contents.tag_of(row), self.reason(row), None) for row in self.lost()
        ]

    def reason(self, row: int) -> str:
        """Why a ref can't be restored."""
        return printable(self.troubles[self._contents.objects[row]].reason)

    def _first_row(self, at: int) -> int:
        if self._rows is None:
            self._rows = self._contents.first_rows()
        return self._rows[at]


def restore(snapshot: SessionSnapshot, store: Closing, carry: SessionRefRegistry | None, broken: str) -> None:
    """Bring the refs of a snapshot into an empty registry. If it raises, nothing is put there or moved.

    Args:
        snapshot: the snapshot.
        store: the registry.
        carry: the registry that holds the refs which the snapshot expects.
        broken: ``"drop"`` leaves out the refs that can't be restored, with a warning each to the caller of who calls
            this; ``"raise"`` does not.

    Raises:
        InvalidArgumentError: an argument is no such thing.
        CapacityExceededError: they do not fit.
        UnknownTypeTagError, SnapshotVersionError: a recipe or serializer is not registered, or in an older version.
        ReopenError: a recipe raised whose object a pickle holds.
        RefLoadError: some of them can't be loaded.
    """
    _restoring(snapshot, store, carry, broken).run()


async def arestore(snapshot: SessionSnapshot, store: Closing, carry: SessionRefRegistry | None, broken: str) -> None:
    """As `restore`, awaiting the asynchronous recipes of what pickled objects hold."""
    await _restoring(snapshot, store, carry, broken).arun()


def _restoring(snapshot: SessionSnapshot, store: Closing, carry: SessionRefRegistry | None, broken: str) -> _Restoring:
    check_resume(snapshot, broken, carry)
    return _Restoring(snapshot, store, carry, drop=broken == "drop")


def check_resume(snapshot: SessionSnapshot, broken: str, carry: SessionRefRegistry | None = None) -> None:
    """Raise InvalidArgumentError unless these are arguments of a resume."""
    if not isinstance(snapshot, SessionSnapshot):
        raise InvalidArgumentError("snapshot", "a SessionSnapshot", readable(type(snapshot)))
    if carry is not None and not isinstance(carry, SessionRefRegistry):
        raise InvalidArgumentError("carry", "a SessionRefRegistry", readable(type(carry)))
    if type(broken) is not str or broken not in {"raise", "drop"}:
        raise InvalidArgumentError("broken", "'raise' or 'drop'", f"another {readable(type(broken))}")


class _Restoring:
    """The refs of a snapshot on their way into a registry."""

    def __init__(self, snapshot: SessionSnapshot, store: Closing, carry: Closing | None, *, drop: bool) -> None:
        self._snapshot: Final = snapshot
        self._carry: Final = carry
        self._objects: Final = Revival(snapshot._contents, carry, drop=drop)
        self._places: Final = _Places(snapshot._contents, self._objects, store)
        self._brought: Final = [] if carry is None else _former(snapshot._contents, carry)
        self._places.check_capacity(len(self._brought))

    def run(self) -> None:
        try:
            self._load()
            self._put()
        except BaseException as error:
            self._places.undo(self._carry)
            drive(self._objects.abandon(error))
            raise

    async def arun(self) -> None:
        try:
            await self._objects.aopen()
            self._load()
            self._put()
        except BaseException as error:
            self._places.undo(self._carry)
            outcome = Outcome(error)
            await adrive(self._objects.abandon(error), outcome, None)
            if outcome.errors:  # it was cancelled meanwhile
                outcome.reraise()
            raise

    def _load(self) -> None:
        self._objects.load(self._snapshot)
        if dropped := self._objects.told():
            log_dropped(dropped)
            warn_dropped(dropped, None, stacklevel=6)

    def _put(self) -> None:
        self._places.fill()
        if self._carry is not None:
            self._places.bring_over(self._brought, self._carry)
        told("info", "a snapshot of %d refs was resumed", len(self._snapshot._contents.ids))


def _former(contents: Contents, carry: Closing) -> list[Holder[Any]]:
    """What a former snapshot did not hold, for it outlives the run, and the other registry does."""
    found = [ref for uid in contents.dropped if (ref := carry._at(uid)) is not None]
    return [ref for ref in found if ref._entry.lifetime in EXPECTED]


class _Places:
    """The places of the refs in the registry. They go by their rows in the snapshot."""

    def __init__(self, contents: Contents, objects: Revival, store: Closing) -> None:
        self._contents: Final = contents
        self._objects: Final = objects
        self._store: Final = store
        self._born: Final = monotonic()
        self._moved: Final[list[tuple[Holder[Any], Entry]]] = []
        entries = [
            Entry(self._born, None, 0, lifetime, shared=shared) for lifetime in RefLifetime for shared in (False, True)
        ]
        self._plain: Final = list(map(entries.__getitem__, self._entry_numbers()))

    def _entry_numbers(self) -> Iterable[int]:
        """For each ref which entry it has where nothing but its lifetime, and whether it is shared, is known of it."""
        lifetimes, shared = self._contents.lifetimes, self._contents.shared
        doubled = lifetimes.translate(_DOUBLED)
        return map(int.__add__, doubled, shared) if shared else doubled

    def check_capacity(self, more: int) -> None:
        """Raise where the refs and some more do not fit; what outlives the run and is not to be had takes no room."""
        objects = self._objects
        lost = {at for at in objects.kept.expected if at not in objects.carried and at not in objects.openings}
        refs = len(self._contents.ids) - (sum(map(lost.__contains__, self._contents.objects)) if lost else 0)
        if refs + more > self._store._capacity:
            raise CapacityExceededError(self._store._capacity)

    def fill(self) -> None:
        """Give each ref its place, but for those that are carried over."""
        contents, objects = self._contents, self._objects
        if len(objects.loaded) == len(contents.kinds) and not objects.finalizers and not contents.guards:
            values = map(objects.loaded.__getitem__, contents.objects)
            put_values_back(self._store, contents.ids, values, self._plain)
        else:
            put_back(self._store, self._rows())
        self._store._dropped |= contents.dropped

    def _rows(self) -> list[tuple[bytes, object, Entry]]:
        objects, rows = self._objects, list[tuple[bytes, object, Entry]]()
        for row, at in enumerate(self._contents.objects):
            if at in objects.loaded or at in objects.openings:
                entry = self._entry(row, objects.finalizers.get(at), objects.openings.get(at))
                rows.append((self._contents.ids[row], objects.loaded.get(at, MISSING), entry))
            elif at not in objects.carried:
                self._drop(row)
        return rows

    def _entry(self, row: int, finalizer: Finalizer | None, opening: Opening | None) -> Entry:
        """The entry of a ref; those of one object share its finalizer."""
        plain = self._guarded(row)
        if finalizer is None and opening is None:
            return plain
        if opening is None:
            return dataclasses.replace(plain, finalizer=finalizer)
        return dataclasses.replace(plain, finalizer=opening.finalizer, recipe=opening.recipe, opening=opening)

    def _guarded(self, row: int) -> Entry:
        """The entry of a ref of which no more is known than who may look it up, and until when."""
        plain, guarded = self._plain[row], self._contents.guards.get(row)
        if guarded is None:
            return plain
        return dataclasses.replace(plain, guard=Guard(*guarded[:3], self._store._defaults.clock, guarded.left))

    def _drop(self, row: int) -> None:
        contents, is_broken = self._contents, self._contents.objects[row] in self._objects.troubles
        policy, reason = (_BROKEN, self._objects.reason(row)) if is_broken else (contents.policy, NOT_CARRIED)
        guarded = contents.guards.get(row)
        self._store._dropped[contents.ids[row]] = Dropping(
            contents.tag_of(row), policy, contents.when, reason, guarded and guarded.owner
        )

    def bring_over(self, refs: list[Holder[Any]], carry: Closing) -> None:
        """Move refs, and those that are expected; then give what they hold its other keys."""
        ids, carried = self._contents.ids, self._objects.carried
        rows = [row for row, at in enumerate(self._contents.objects) if at in carried] if carried else []
        for ref in [*refs, *filter(None, (carry._at(ids[row]) for row in rows))]:
            self._moved.append((ref, ref._entry))
            carry._move(ref, self._store, ref._entry)
        for row in rows:
            if self._store._at(ids[row]) is None:
                self._add_key(row)

    def _add_key(self, row: int) -> None:
        """Give what was carried over under another key this one too."""
        of = self._store._at(self._objects.carried[self._contents.objects[row]]._id)
        if of is None:  # it went meanwhile
            self._drop(row)
            return
        uid = self._contents.ids[row]
        entry = _sharing(of, self._guarded(row))
        value: object = getattr(of, "_value", MISSING)  # MISSING where its recipe has not opened it
        self._store._keep(hold(uid, of._info, entry, value), "resume")
        if entry.finalizer is not None:
            entry.finalizer.share(uid)

    def undo(self, carry: Closing | None) -> None:
        """Give back what was moved, and forget the rest: nobody gets the registry."""
        store = self._store
        for ref, entry in reversed(self._moved):
            if carry is not None and store._is_here(ref):
                carry._take_again(ref, entry, store)
        for ref in store._refs.values():
            if ref._entry.finalizer is not None:
                ref._entry.finalizer.leave(ref._id)  # it may be that of what was given back
        store._refs.clear()


def _sharing(of: Holder[Any], plain: Entry) -> Entry:
    """The entry of a key with the opening of another, and the finalizer that belongs to it."""
    entry = of._entry
    if entry.opening is None:
        return plain
    return dataclasses.replace(plain, finalizer=entry.finalizer, recipe=entry.recipe, opening=entry.opening)
