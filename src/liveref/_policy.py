"""What a scope and a snapshot do with live refs: string enums, and for each of their members one row of a table.

What asks about a policy or a lifetime asks its row. Neither enum is a wire format: a snapshot names what it uses.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeVar

__all__ = [
    "DEFAULT_LIFETIME",
    "EXPECTED",
    "LASTING",
    "LIFETIMES",
    "MAX_SESSION_REFS_PER_RUN",
    "POLICIES",
    "PURGED",
    "AtSnapshot",
    "LifetimeRow",
    "PolicyRow",
    "RefLifetime",
    "SessionPausePolicy",
    "Way",
    "lifetime_row",
    "policy_row",
]

Member = TypeVar("Member", bound=enum.Enum)
Row = TypeVar("Row")

MAX_SESSION_REFS_PER_RUN: Final = 10_000
"""Refs that a registry holds at most unless it is told otherwise (Blazen ``session_ref.rs``)."""


class RefLifetime(enum.StrEnum):
    """When one ref is purged."""

    UNTIL_CONTEXT_DROP = "until_context_drop"
    """Purged when the session that owns its registry ends. The default."""
    UNTIL_PARENT_FINISH = "until_parent_finish"
    """Handed to the parent when an isolated child ends; purged when the parent does."""
    UNTIL_SNAPSHOT = "until_snapshot"
    """Purged by the first snapshot that succeeds, and at the latest when its session ends."""
    UNTIL_EXPLICIT_DROP = "until_explicit_drop"
    """Never purged by a scope: the ref belongs to something that outlives the run, such as a pool."""


DEFAULT_LIFETIME: Final = RefLifetime.UNTIL_CONTEXT_DROP


class AtSnapshot(enum.Enum):
    """What a snapshot does with a ref."""

    CAPTURED = "captured"
    """It is kept as the policy says, and stays live."""
    PURGED = "purged"
    """It is in no list of the snapshot, and purged once that stands."""
    EXPECTED = "expected"
    """It is never kept by value: the next session is to have it from elsewhere."""


class LifetimeRow(NamedTuple):
    """What the events of a run do with the refs of one lifetime. The end of a borrowing child does nothing to any.

    Attributes:
        in_parent: the lifetime it has in the parent to which the end of an isolated child hands it; None: purged.
        outlives_owner: whether it is kept when the session ends that owns its registry.
        at_snapshot: what a snapshot that succeeds does with it.
    """

    in_parent: RefLifetime | None
    outlives_owner: bool
    at_snapshot: AtSnapshot


LIFETIMES: Final[Mapping[RefLifetime, LifetimeRow]] = {
    RefLifetime.UNTIL_CONTEXT_DROP: LifetimeRow(
        in_parent=None,
        outlives_owner=False,
        at_snapshot=AtSnapshot.CAPTURED,
    ),
    RefLifetime.UNTIL_PARENT_FINISH: LifetimeRow(
        in_parent=RefLifetime.UNTIL_CONTEXT_DROP,
        outlives_owner=False,
        at_snapshot=AtSnapshot.CAPTURED,
    ),
    RefLifetime.UNTIL_SNAPSHOT: LifetimeRow(
        in_parent=None,
        outlives_owner=False,
        at_snapshot=AtSnapshot.PURGED,
    ),
    RefLifetime.UNTIL_EXPLICIT_DROP: LifetimeRow(
        in_parent=RefLifetime.UNTIL_EXPLICIT_DROP,
        outlives_owner=True,
        at_snapshot=AtSnapshot.EXPECTED,
    ),
}
"""One row for each lifetime."""


def _row(table: Mapping[Member, Row], member: Member, what: str, where: str) -> Row:
    if member in table:
        return table[member]
    message = f"{what} {member!r} has no row in liveref._policy.{where}"
    raise NotImplementedError(message)


def lifetime_row(lifetime: RefLifetime) -> LifetimeRow:
    """The row of a lifetime.

    Raises:
        NotImplementedError: it has none.
    """
    return _row(LIFETIMES, lifetime, "lifetime", "LIFETIMES: say there what becomes of its refs")


def _lifetimes(asked: Callable[[LifetimeRow], bool]) -> tuple[RefLifetime, ...]:
    """The lifetimes of some rows: to look into a tuple takes a third of what the table does, at each ref."""
    return tuple(lifetime for lifetime in RefLifetime if asked(lifetime_row(lifetime)))


LASTING: Final[tuple[RefLifetime, ...]] = _lifetimes(lambda row: row.outlives_owner)
"""Those that the end of the owner keeps."""
PURGED: Final[tuple[RefLifetime, ...]] = _lifetimes(lambda row: row.at_snapshot is AtSnapshot.PURGED)
"""Those that a snapshot purges."""
EXPECTED: Final[tuple[RefLifetime, ...]] = _lifetimes(lambda row: row.at_snapshot is AtSnapshot.EXPECTED)
"""Those that a snapshot leaves to the next session to bring along."""


class SessionPausePolicy(enum.StrEnum):
    """What a snapshot does with the refs that are live when it is taken."""

    PICKLE_OR_ERROR = "pickle_or_error"
    """Recipe, else serializer, else pickle; the snapshot raises when one ref fails. The default."""
    SERIALIZE_OR_ERROR = "serialize_or_error"
    """Recipe, else serializer; the snapshot holds no pickle and raises when one ref fails."""
    PICKLE_OR_DROP = "pickle_or_drop"
    """As `PICKLE_OR_ERROR`, but what fails is left out and reported."""
    WARN_DROP = "warn_drop"
    """Recipe, else left out and reported."""
    HARD_ERROR = "hard_error"
    """The snapshot raises when any ref would have to be captured."""


class Way(enum.Enum):
    """A way to keep an object."""

    RECIPE = "recipe"
    SERIALIZER = "serializer"
    PICKLE = "pickle"


class PolicyRow(NamedTuple):
    """What a policy makes of refs.

    Attributes:
        ways: how it keeps them: by the first of these that an object has.
        drops: whether what is not kept is left out and reported; else it refuses the snapshot.
        refusal: why an object is not kept that has none of the ways; every object has that of a pickle.
    """

    ways: tuple[Way, ...]
    drops: bool
    refusal: str = ""


POLICIES: Final[Mapping[SessionPausePolicy, PolicyRow]] = {
    SessionPausePolicy.PICKLE_OR_ERROR: PolicyRow(
        ways=(Way.RECIPE, Way.SERIALIZER, Way.PICKLE),
        drops=False,
    ),
    SessionPausePolicy.SERIALIZE_OR_ERROR: PolicyRow(
        ways=(Way.RECIPE, Way.SERIALIZER),
        drops=False,
        refusal="it has neither recipe nor serializer, and the policy allows no pickle",
    ),
    SessionPausePolicy.PICKLE_OR_DROP: PolicyRow(
        ways=(Way.RECIPE, Way.SERIALIZER, Way.PICKLE),
        drops=True,
    ),
    SessionPausePolicy.WARN_DROP: PolicyRow(
        ways=(Way.RECIPE,),
        drops=True,
        refusal="it has no recipe, and the policy keeps nothing else",
    ),
    SessionPausePolicy.HARD_ERROR: PolicyRow(
        ways=(),
        drops=False,
        refusal="the policy captures nothing",
    ),
}
"""One row for each policy."""


def policy_row(policy: SessionPausePolicy) -> PolicyRow:
    """The row of a policy.

    Raises:
        NotImplementedError: it has none.
    """
    return _row(POLICIES, policy, "policy", "POLICIES: say there what it keeps")
