"""Live objects behind typed keys, for programs whose payloads are JSON."""

from __future__ import annotations

from liveref import _persisted  # noqa: F401  # pyright: ignore[reportUnusedImport]  cloudpickle wants it loaded
from liveref._hints.forms import CheckDepth
from liveref._hints.info import check_depth
from liveref._hints.pinned import Pinned
from liveref._key import RegistryKey
from liveref._pause.serializer import register_serializer, serializer
from liveref._policy import MAX_SESSION_REFS_PER_RUN, RefLifetime, SessionPausePolicy
from liveref._recipe import AsyncRecipe, AsyncReopener, Recipe, Reopener, reopener
from liveref._registry.borrowing import Borrow
from liveref._registry.current import bind, current_session_registry, use_session_registry
from liveref._registry.entry import RefInfo
from liveref._registry.owners import Owner, acting_as, current_owner
from liveref._registry.pin import pin
from liveref._registry.registry import SessionRefRegistry
from liveref._registry.stats import RegistryStats
from liveref._registry.sweeping import Sweeping
from liveref._registry.typed import TypedRefs
from liveref._session import Session
from liveref._snapshot.keyring import SnapshotKeys, SnapshotLimits
from liveref._snapshot.snapshot import CapturedRef, DroppedRef, ExpectedRef, SessionSnapshot
from liveref._text.elsewhere import (
    EngineError,
    RefElsewhereError,
    RefLostError,
    RefUnavailableError,
    RemoteCallError,
    RemoteResultError,
)
from liveref._text.marker import SESSION_REF_TAG
from liveref.exceptions import (
    CapacityExceededError,
    DuplicateKeyError,
    HintError,
    InvalidArgumentError,
    KeyFormatError,
    LiveRefError,
    MarkerAuthError,
    MarkerError,
    NoCurrentRegistryError,
    NotJSONableError,
    NotPicklableError,
    PickleFormatError,
    RefDroppedError,
    RefDroppedWarning,
    RefExpiredError,
    RefFailure,
    RefLoadError,
    RefLookupError,
    RefNotFoundError,
    RefReleasedError,
    RefTypeError,
    RegistryClosedError,
    ReopenError,
    SessionRefsNotSerializableError,
    SessionStateError,
    SnapshotAuthError,
    SnapshotError,
    SnapshotFormatError,
    SnapshotLimitError,
    SnapshotReadError,
    SnapshotVersionError,
    SnapshotWriteError,
    UnknownTypeTagError,
)

__all__ = [
    "MAX_SESSION_REFS_PER_RUN",
    "SESSION_REF_TAG",
    "AsyncRecipe",
    "AsyncReopener",
    "Borrow",
    "CapacityExceededError",
    "CapturedRef",
    "CheckDepth",
    "DroppedRef",
    "DuplicateKeyError",
    "EngineError",
    "ExpectedRef",
    "HintError",
    "InvalidArgumentError",
    "KeyFormatError",
    "LiveRefError",
    "MarkerAuthError",
    "MarkerError",
    "NoCurrentRegistryError",
    "NotJSONableError",
    "NotPicklableError",
    "Owner",
    "PickleFormatError",
    "Pinned",
    "Recipe",
    "RefDroppedError",
    "RefDroppedWarning",
    "RefElsewhereError",
    "RefExpiredError",
    "RefFailure",
    "RefInfo",
    "RefLifetime",
    "RefLoadError",
    "RefLookupError",
    "RefLostError",
    "RefNotFoundError",
    "RefReleasedError",
    "RefTypeError",
    "RefUnavailableError",
    "RegistryClosedError",
    "RegistryKey",
    "RegistryStats",
    "RemoteCallError",
    "RemoteResultError",
    "ReopenError",
    "Reopener",
    "Session",
    "SessionPausePolicy",
    "SessionRefRegistry",
    "SessionRefsNotSerializableError",
    "SessionSnapshot",
    "SessionStateError",
    "SnapshotAuthError",
    "SnapshotError",
    "SnapshotFormatError",
    "SnapshotKeys",
    "SnapshotLimitError",
    "SnapshotLimits",
    "SnapshotReadError",
    "SnapshotVersionError",
    "SnapshotWriteError",
    "Sweeping",
    "TypedRefs",
    "UnknownTypeTagError",
    "acting_as",
    "bind",
    "check_depth",
    "current_owner",
    "current_session_registry",
    "pin",
    "register_serializer",
    "reopener",
    "serializer",
    "use_session_registry",
]

for _name in __all__:  # a public name carries its public path, in a repr, a traceback, a pickle
    if callable(globals()[_name]) and hasattr(globals()[_name], "__module__"):
        globals()[_name].__module__ = __name__
        if "__firstlineno__" in vars(globals()[_name]):  # pragma: no cover  Python 3.13 keeps it in enums
            del globals()[_name].__firstlineno__  # else inspect shows what stands there in this file
