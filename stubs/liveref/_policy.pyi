import enum
from _typeshed import Incomplete
from collections.abc import Mapping
from typing import Final, NamedTuple, TypeVar

__all__ = ['DEFAULT_LIFETIME', 'EXPECTED', 'LASTING', 'LIFETIMES', 'MAX_SESSION_REFS_PER_RUN', 'POLICIES', 'PURGED', 'AtSnapshot', 'LifetimeRow', 'PolicyRow', 'RefLifetime', 'SessionPausePolicy', 'Way', 'lifetime_row', 'policy_row']

Member = TypeVar('Member', bound=enum.Enum)
Row = TypeVar('Row')
MAX_SESSION_REFS_PER_RUN: Final[int]

class RefLifetime(enum.StrEnum):
    UNTIL_CONTEXT_DROP = 'until_context_drop'
    UNTIL_PARENT_FINISH = 'until_parent_finish'
    UNTIL_SNAPSHOT = 'until_snapshot'
    UNTIL_EXPLICIT_DROP = 'until_explicit_drop'

DEFAULT_LIFETIME: Final[Incomplete]

class AtSnapshot(enum.Enum):
    CAPTURED = 'captured'
    PURGED = 'purged'
    EXPECTED = 'expected'

class LifetimeRow(NamedTuple):
    in_parent: RefLifetime | None
    outlives_owner: bool
    at_snapshot: AtSnapshot

LIFETIMES: Final[Mapping[RefLifetime, LifetimeRow]]

def lifetime_row(lifetime: RefLifetime) -> LifetimeRow: ...

LASTING: Final[tuple[RefLifetime, ...]]
PURGED: Final[tuple[RefLifetime, ...]]
EXPECTED: Final[tuple[RefLifetime, ...]]

class SessionPausePolicy(enum.StrEnum):
    PICKLE_OR_ERROR = 'pickle_or_error'
    SERIALIZE_OR_ERROR = 'serialize_or_error'
    PICKLE_OR_DROP = 'pickle_or_drop'
    WARN_DROP = 'warn_drop'
    HARD_ERROR = 'hard_error'

class Way(enum.Enum):
    RECIPE = 'recipe'
    SERIALIZER = 'serializer'
    PICKLE = 'pickle'

class PolicyRow(NamedTuple):
    ways: tuple[Way, ...]
    drops: bool
    refusal: str = ...

POLICIES: Final[Mapping[SessionPausePolicy, PolicyRow]]

def policy_row(policy: SessionPausePolicy) -> PolicyRow: ...
