from liveref._hints.forms import CheckDepth as CheckDepth
from liveref._hints.info import check_depth as check_depth
from liveref._hints.pinned import Pinned as Pinned
from liveref._key import RegistryKey as RegistryKey
from liveref._pause.serializer import register_serializer as register_serializer, serializer as serializer
from liveref._policy import MAX_SESSION_REFS_PER_RUN as MAX_SESSION_REFS_PER_RUN, RefLifetime as RefLifetime, SessionPausePolicy as SessionPausePolicy
from liveref._recipe import AsyncRecipe as AsyncRecipe, AsyncReopener as AsyncReopener, Recipe as Recipe, Reopener as Reopener, reopener as reopener
from liveref._registry.borrowing import Borrow as Borrow
from liveref._registry.current import bind as bind, current_session_registry as current_session_registry, use_session_registry as use_session_registry
from liveref._registry.entry import RefInfo as RefInfo
from liveref._registry.owners import Owner as Owner, acting_as as acting_as, current_owner as current_owner
from liveref._registry.pin import pin as pin
from liveref._registry.registry import SessionRefRegistry as SessionRefRegistry
from liveref._registry.stats import RegistryStats as RegistryStats
from liveref._registry.sweeping import Sweeping as Sweeping
from liveref._registry.typed import TypedRefs as TypedRefs
from liveref._session import Session as Session
from liveref._snapshot.keyring import SnapshotKeys as SnapshotKeys, SnapshotLimits as SnapshotLimits
from liveref._snapshot.snapshot import CapturedRef as CapturedRef, DroppedRef as DroppedRef, ExpectedRef as ExpectedRef, SessionSnapshot as SessionSnapshot
from liveref._text.elsewhere import EngineError as EngineError, RefElsewhereError as RefElsewhereError, RefLostError as RefLostError, RefUnavailableError as RefUnavailableError, RemoteCallError as RemoteCallError, RemoteResultError as RemoteResultError
from liveref._text.marker import SESSION_REF_TAG as SESSION_REF_TAG
from liveref.exceptions import CapacityExceededError as CapacityExceededError, DuplicateKeyError as DuplicateKeyError, HintError as HintError, InvalidArgumentError as InvalidArgumentError, KeyFormatError as KeyFormatError, LiveRefError as LiveRefError, MarkerAuthError as MarkerAuthError, MarkerError as MarkerError, NoCurrentRegistryError as NoCurrentRegistryError, NotJSONableError as NotJSONableError, NotPicklableError as NotPicklableError, PickleFormatError as PickleFormatError, RefDroppedError as RefDroppedError, RefDroppedWarning as RefDroppedWarning, RefExpiredError as RefExpiredError, RefFailure as RefFailure, RefLoadError as RefLoadError, RefLookupError as RefLookupError, RefNotFoundError as RefNotFoundError, RefReleasedError as RefReleasedError, RefTypeError as RefTypeError, RegistryClosedError as RegistryClosedError, ReopenError as ReopenError, SessionRefsNotSerializableError as SessionRefsNotSerializableError, SessionStateError as SessionStateError, SnapshotAuthError as SnapshotAuthError, SnapshotError as SnapshotError, SnapshotFormatError as SnapshotFormatError, SnapshotLimitError as SnapshotLimitError, SnapshotReadError as SnapshotReadError, SnapshotVersionError as SnapshotVersionError, SnapshotWriteError as SnapshotWriteError, UnknownTypeTagError as UnknownTypeTagError

__all__ = ['MAX_SESSION_REFS_PER_RUN', 'SESSION_REF_TAG', 'AsyncRecipe', 'AsyncReopener', 'Borrow', 'CapacityExceededError', 'CapturedRef', 'CheckDepth', 'DroppedRef', 'DuplicateKeyError', 'EngineError', 'ExpectedRef', 'HintError', 'InvalidArgumentError', 'KeyFormatError', 'LiveRefError', 'MarkerAuthError', 'MarkerError', 'NoCurrentRegistryError', 'NotJSONableError', 'NotPicklableError', 'Owner', 'PickleFormatError', 'Pinned', 'Recipe', 'RefDroppedError', 'RefDroppedWarning', 'RefElsewhereError', 'RefExpiredError', 'RefFailure', 'RefInfo', 'RefLifetime', 'RefLoadError', 'RefLookupError', 'RefLostError', 'RefNotFoundError', 'RefReleasedError', 'RefTypeError', 'RefUnavailableError', 'RegistryClosedError', 'RegistryKey', 'RegistryStats', 'RemoteCallError', 'RemoteResultError', 'ReopenError', 'Reopener', 'Session', 'SessionPausePolicy', 'SessionRefRegistry', 'SessionRefsNotSerializableError', 'SessionSnapshot', 'SessionStateError', 'SnapshotAuthError', 'SnapshotError', 'SnapshotFormatError', 'SnapshotKeys', 'SnapshotLimitError', 'SnapshotLimits', 'SnapshotReadError', 'SnapshotVersionError', 'SnapshotWriteError', 'Sweeping', 'TypedRefs', 'UnknownTypeTagError', 'acting_as', 'bind', 'check_depth', 'current_owner', 'current_session_registry', 'pin', 'register_serializer', 'reopener', 'serializer', 'use_session_registry']
