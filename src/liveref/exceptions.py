"""Every error that liveref raises.

Each carries its facts as positional arguments, so that it survives pickling, and words them in
``__str__``: what failed, which key (redacted), what was expected and found, what to do. None ever
holds a whole key or the ``repr`` of a live object.

The errors that reach clients, such as a language model or who called a server, have ``public`` too: one short
sentence for them, without advice to developers and without their input.
"""

from __future__ import annotations

import dataclasses

__all__ = [
    "CapacityExceededError", "DuplicateKeyError", "HintError", "InvalidArgumentError", "KeyFormatError",
    "LiveRefError", "MarkerAuthError", "MarkerError", "NoCurrentRegistryError", "NotJSONableError", "NotPicklableError",
    "PickleFormatError", "RefDroppedError", "RefDroppedWarning", "RefExpiredError", "RefFailure", "RefLoadError",
    "RefLookupError", "RefNotFoundError", "RefReleasedError", "RefTypeError", "RegistryClosedError", "ReopenError",
    "SessionRefsNotSerializableError", "SessionStateError", "SnapshotAuthError", "SnapshotError",
    "SnapshotFormatError", "SnapshotLimitError", "SnapshotReadError", "SnapshotVersionError", "SnapshotWriteError",
    "UnknownTypeTagError",
]  # fmt: skip


class LiveRefError(Exception):
    """Base of all errors of liveref."""


class RefLookupError(LiveRefError, LookupError):
    """Base of the errors of a lookup that finds no live object."""

    public = "There is no object under this reference."
    _advice = ""  # what to do instead of the usual, where the lookup was not the user's own but an engine's


class RefNotFoundError(RefLookupError):
    """This registry never held the key, as far as it remembers.

    Args:
        key: the redacted key.
        live: how many refs the registry holds.
    """

    public = "This reference is not known here."

    def __init__(self, key: str, live: int) -> None:
        super().__init__(key, live)

    def __str__(self) -> str:
        key, live = self.args
        advice = self._advice or "Look it up in the registry that made the key, or pass default= to get."
        return (
            f"no ref {key} in this registry (it holds {live}): the key is of another registry, or "
            f"its ref went long ago. {advice}"
        )


class RefReleasedError(RefLookupError):
    """This registry held the key once.

    Args:
        key: the redacted key.
        how: the way it went: ``"removed"``, ``"released"``, ``"drained"``, ``"transferred"``,
            ``"purged by a snapshot"``, ``"session ended"`` or ``"registry closed"``.
        ago: seconds since.
    """

    public = "What this reference stood for is gone."

    def __init__(self, key: str, how: str, ago: float) -> None:
        super().__init__(key, how, ago)

    def __str__(self) -> str:
        key, how, ago = self.args
        advice = self._advice or "Look it up before that, give it a longer lifetime=, or pass default= to get."
        return f"ref {key} is gone: {how} {spelled(ago)} s ago. {advice}"


class RefExpiredError(RefReleasedError):
    """The lease of the ref is over.

    Args:
        key: the redacted key.
        limit: which limit it was: ``"ttl"``, since the insert, or ``"idle"``, since the last use.
        seconds: how many.
        ago: seconds since it went.
    """

    public = "What this reference stood for has expired."

    def __init__(self, key: str, limit: str, seconds: float, ago: float) -> None:
        Exception.__init__(self, key, limit, seconds, ago)

    def __str__(self) -> str:
        key, limit, seconds, ago = self.args
        since = "the insert" if limit == "ttl" else "its last use"
        advice = self._advice or f"Insert the object anew, renew(key) in time, or give it a longer {limit}=."
        over = f"its {limit} of {spelled(seconds, 6)} s since {since} ended {spelled(ago)} s ago"
        return f"ref {key} has expired: {over}. {advice}"


class RefDroppedError(RefLookupError):
    """A snapshot dropped the ref, or a resume of one did.

    Args:
        key: the redacted key.
        type_tag: what it was.
        policy: the policy that dropped it, or ``broken="drop"``.
        when: when the snapshot was taken, ISO 8601.
        reason: why.
    """

    public = "What this reference stood for was not kept."

    def __init__(self, key: str, type_tag: str, policy: str, when: str, reason: str) -> None:
        super().__init__(key, type_tag, policy, when, reason)

    def __str__(self) -> str:
        key, type_tag, policy, when, reason = self.args
        by = (
            f"a resume with {policy} of the snapshot of {when}"
            if "=" in policy
            else f"a snapshot at {when} under {policy}"
        )
        advice = "To keep it, give it a recipe (reopen=) or a serializer."
        return f"ref {key} ({type_tag}) was dropped by {by}: {reason}. {advice}"


class RefDroppedWarning(UserWarning):
    """A snapshot left a ref out, as its policy says, or a resume did, as its ``broken="drop"`` says.

    Args:
        failure: the ref, and why.
        policy: the policy in force; None for a resume.
    """

    def __init__(self, failure: RefFailure, policy: str | None) -> None:
        super().__init__(failure, policy)

    def __str__(self) -> str:
        failure, policy = self.args
        if policy is None:
            return f"the resume dropped ref {failure}. The snapshot still holds it: mend the cause and resume it again."
        return f"a snapshot under {policy} dropped ref {failure}. Give it a recipe or a serializer to keep it."


class NoCurrentRegistryError(LiveRefError, LookupError):
    """There is no current registry: the code runs outside a session."""

    _advice = "pass default="  # what else to do

    def __str__(self) -> str:
        return (
            "no session registry is current here: enter one with `with Session():` or "
            f"`use_session_registry(registry)`, carry it into a thread with `bind(fn)`, or {self._advice}."
        )


class RefTypeError(LiveRefError, TypeError):
    """A value is not of the type that its hint promises.

    Args:
        operation: what was under way: ``"insert"``, ``"get"``, ``"verify"``, ….
        key: the redacted key, or None where there is none yet.
        expected: the hint, as text.
        found: the type of the value, as text.
        advice: what to do, or None for the usual advice.
    """

    public = "This reference stands for something of another kind than what is needed here."

    def __init__(self, operation: str, key: str | None, expected: str, found: str, advice: str | None = None) -> None:
        super().__init__(operation, key, expected, found, advice)

    def __str__(self) -> str:
        operation, key, expected, found, advice = self.args
        of = f" of ref {key}" if key else ""
        advice = advice or "To probe the type use isinstance(registry.get_any(key), X)."
        return f"{operation}{of}: expected {expected}, found {found}. {advice}"


class HintError(LiveRefError, TypeError):
    """A hint can't be checked at run time.

    Args:
        hint: the hint, as text.
        part: the part that is to blame, as text.
        reason: why, and what to write instead.
    """

    def __init__(self, hint: str, part: str, reason: str) -> None:
        super().__init__(hint, part, reason)

    def __str__(self) -> str:
        hint, part, reason = self.args
        where = "" if part == hint else f" in {hint}"
        return f"{part}{where} can't be checked at run time: {reason}."


class KeyFormatError(LiveRefError, ValueError):
    """A text is no key.

    Args:
        found: what was found, described without quoting it.
        expected: what was expected.
        advice: what to do, or None for the usual advice.
        what: what failed.
    """

    public = "This is no reference to anything here."

    def __init__(
        self, found: str, expected: str, advice: str | None = None, what: str = "not a session reference"
    ) -> None:
        super().__init__(found, expected, advice, what)

    def __str__(self) -> str:
        found, expected, advice, what = self.args
        advice = advice or "Pass on what str(key) or key.to_marker() wrote."
        return f"{what}: expected {expected}, found {found}. {advice}"


class MarkerError(KeyFormatError):
    """A value is no marker, or a marker of something else."""


class MarkerAuthError(MarkerError):
    """A sturdy marker has no valid signature, or is another owner's; nothing was registered."""


class DuplicateKeyError(LiveRefError, ValueError):
    """The target registry of a transfer holds the key, which is told redacted, already."""

    def __str__(self) -> str:
        return f"the target registry holds ref {self.args[0]} already: nothing was moved. Release one of the two first."


class NotJSONableError(LiveRefError, TypeError):
    """A value can't be written as JSON without changing it.

    Args:
        path: where it is: ``$.event.conns[2]``.
        found: its type, or what is wrong with it.
        advice: what to do.
    """

    def __init__(self, path: str, found: str, advice: str) -> None:
        super().__init__(path, found, advice)

    def __str__(self) -> str:
        path, found, advice = self.args
        return f"{path} is not JSON: found {found}. {advice}"


class NotPicklableError(NotJSONableError):
    """A value can't even be pickled; arguments as of `NotJSONableError`."""

    def __str__(self) -> str:
        path, found, advice = self.args
        return f"{path} can't be pickled: found {found}. {advice}"


class PickleFormatError(LiveRefError, ValueError):
    """Bytes can't be unpickled: they are damaged, name what is not here, or code of the user's raised.

    Args:
        error: the type of what unpickling raised, and the place in code of the user's.
        name: the module or attribute that is missing, or None.
        is_users: whether code of the user's raised it, which then is the cause of this error.
    """

    def __init__(self, error: str, name: str | None, is_users: bool = False) -> None:  # noqa: FBT001, FBT002  pickled by position
        super().__init__(error, name, is_users)

    def __str__(self) -> str:
        error, name, is_users = self.args
        missing = f", for {name!r} is missing here" if name else ""
        return f"the bytes can't be unpickled: {error}{missing}. {self._advice(name, is_users=is_users)}"

    @staticmethod
    def _advice(name: str | None, *, is_users: bool) -> str:
        if is_users:
            return "Mend what makes the object again: its __init__, __new__, __setstate__ or what __reduce__ names."
        return f"Pass all that dumps() gave{', where the same classes can be imported' if name else ''}."


class InvalidArgumentError(LiveRefError, ValueError, TypeError):
    """An argument has a type or a value that the call does not take.

    Args:
        argument: its name.
        expected: what the call takes.
        found: what it got, described.
    """

    def __init__(self, argument: str, expected: str, found: str) -> None:
        super().__init__(argument, expected, found)

    def __str__(self) -> str:
        argument, expected, found = self.args
        return f"{argument} must be {expected}, found {found}."


class CapacityExceededError(LiveRefError, RuntimeError):
    """The registry is full, or an owner's share of it.

    Args:
        capacity: the refs that it takes.
        of: what holds them: ``"registry"``, or ``"owner"`` where one owner has as many as each may have.
    """

    public = "Too many objects are open at present; try again later."

    def __init__(self, capacity: int, of: str = "registry") -> None:
        super().__init__(capacity, of)

    def __str__(self) -> str:
        capacity, of = self.args
        who, limit = ("this owner", "per_owner=") if of == "owner" else ("the registry", "capacity=")
        advice = f"Release refs that are no longer needed, or raise {limit}."
        return f"{who} holds its {counted(capacity, 'ref')} already: nothing was stored. {advice}"


class RegistryClosedError(LiveRefError, RuntimeError):
    """The registry, or the session that owns it, has ended.

    Args:
        operation: what was tried.
    """

    public = "The session has ended."

    def __init__(self, operation: str) -> None:
        super().__init__(operation)

    def __str__(self) -> str:
        operation = self.args[0]
        if operation in {"snapshot", "save", "asave"}:
            return f"{operation}: the registry is closed, for its session has ended. Take the snapshot before that."
        if operation == "child":
            return "child: the registry is closed, for its session has ended. Make the child of one that still runs."
        advice = "Use the registry of a session that still runs."
        return f"{operation}: the registry is closed and takes no refs: nothing was stored. {advice}"


class SessionStateError(LiveRefError, RuntimeError):
    """A session, or as ``of`` says a borrow, that is ``"entered"`` or ``"closed"`` was entered or left again."""

    def __init__(self, state: str, of: str = "session") -> None:
        super().__init__(state, of)

    def __str__(self) -> str:
        state, of = self.args
        if of == "borrow":
            return f"the borrow is {state} already: it is for one `with`. Borrow the ref anew."
        return f"the session is {state} already: a session is the scope of one run. Make a new one, or a child()."


class ReopenError(LiveRefError):
    """A recipe raised; what it raised is the cause. Or it can't run here.

    Args:
        recipe: the recipe's tag.
        arguments: the names of its arguments; their values are never told.
        error: the type of what it raised; before an advice, what else is the matter.
    """

    def __init__(self, recipe: str, arguments: tuple[str, ...], error: str, *advice: str) -> None:
        super().__init__(recipe, arguments, error, *advice)

    def __str__(self) -> str:
        recipe, arguments, error, *advice = self.args
        what, to_do = (error, advice[0]) if advice else (f"raised {error}", "Mend the cause and try again.")
        return f"recipe {recipe!r} with arguments ({', '.join(arguments)}) {what}. {to_do}"


class SnapshotError(LiveRefError):
    """Base of the errors of snapshots.

    Args:
        what: what failed.
        advice: what to do.
    """

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(what, advice)

    def __str__(self) -> str:
        return f"{self.args[0]}. {self.args[1]}"


@dataclasses.dataclass(frozen=True, slots=True)
class RefFailure:
    """One ref that a snapshot could not capture.

    Attributes:
        key: the redacted key.
        type_tag: what it is.
        reason: why it can't be captured.
        where: ``"file:line"`` of its insert, or None.
    """

    key: str
    type_tag: str
    reason: str
    where: str | None

    def __str__(self) -> str:
        where = f" (inserted at {self.where})" if self.where else ""
        return f"{self.key} {self.type_tag}{where}: {self.reason}"


class SessionRefsNotSerializableError(SnapshotError):
    """Refs that the policy does not allow to drop can't be captured; nothing was changed.

    What code of the user's raised for the first of them (``__reduce__``, a serializer) is its cause.

    Args:
        policy: the policy in force.
        failures: every ref that failed, and only those.
    """

    def __init__(self, policy: str, failures: tuple[RefFailure, ...]) -> None:
        Exception.__init__(self, policy, failures)

    @property
    def failures(self) -> tuple[RefFailure, ...]:
        """Every ref that failed, in the order of their inserts."""
        failures: tuple[RefFailure, ...] = self.args[1]
        return failures

    def __str__(self) -> str:
        refs = "; ".join(map(str, self.failures))
        return (
            f"no snapshot under {self.args[0]}: {counted(len(self.failures), 'ref')} can't be captured: {refs}. "
            f"Give each a recipe or a serializer, release it first, or choose a policy that drops."
        )


class RefLoadError(SnapshotError):
    """Refs of a snapshot can't be restored; it names them all.

    What code of the user's raised for the first of them (``__init__``, ``__setstate__``, a loader) is its cause.
    """


class UnknownTypeTagError(SnapshotError, LookupError):
    """A snapshot names a recipe or serializer that the program has not registered."""


class SnapshotFormatError(SnapshotError):
    """The bytes are no snapshot."""


class SnapshotAuthError(SnapshotError):
    """The snapshot has no valid signature under the keys given."""


class SnapshotVersionError(SnapshotError):
    """The snapshot, or the data of one ref, is of a newer version than this program reads."""


class SnapshotLimitError(SnapshotError):
    """The snapshot is larger than the limits allow."""


class SnapshotReadError(SnapshotError):
    """The file can't be read."""


class SnapshotWriteError(SnapshotError):
    """The file can't be written.

    Args:
        what: what failed.
        advice: what to do.
        committed: whether the new file stands all the same: its folder could not be synced, or it can't be mapped.
    """

    def __init__(self, what: str, advice: str, committed: bool = False) -> None:  # noqa: FBT001, FBT002  pickled by position
        Exception.__init__(self, what, advice, committed)

    @property
    def committed(self) -> bool:
        """Whether the new file stands."""
        committed: bool = self.args[2]
        return committed


def counted(count: int, noun: str) -> str:
    """A number of things in words: ``1 ref``, ``2 refs``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def spelled(seconds: float, digits: int = 3) -> str:
    """A number of seconds to so many digits, without an exponent however small or large: ``0.000057``, ``86400``."""
    shown = f"{seconds:.{digits}g}"
    return f"{seconds:.{6 if seconds < 1 else 0}f}" if "e" in shown else shown
