"""What a scope and a snapshot do with live refs, as string enums."""

from __future__ import annotations

import enum
from typing import Final

__all__ = ["MAX_SESSION_REFS_PER_RUN", "RefLifetime", "SessionPausePolicy"]

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
