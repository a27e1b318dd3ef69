import enum
from typing import Final

__all__ = ['MAX_SESSION_REFS_PER_RUN', 'RefLifetime', 'SessionPausePolicy']

MAX_SESSION_REFS_PER_RUN: Final[int]

class RefLifetime(enum.StrEnum):
    UNTIL_CONTEXT_DROP = 'until_context_drop'
    UNTIL_PARENT_FINISH = 'until_parent_finish'
    UNTIL_SNAPSHOT = 'until_snapshot'
    UNTIL_EXPLICIT_DROP = 'until_explicit_drop'

class SessionPausePolicy(enum.StrEnum):
    PICKLE_OR_ERROR = 'pickle_or_error'
    SERIALIZE_OR_ERROR = 'serialize_or_error'
    PICKLE_OR_DROP = 'pickle_or_drop'
    WARN_DROP = 'warn_drop'
    HARD_ERROR = 'hard_error'
