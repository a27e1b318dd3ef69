from liveref._codec import SnapshotKeys as SnapshotKeys, SnapshotLimits as SnapshotLimits
from liveref._current import bind as bind, current_session_registry as current_session_registry, use_session_registry as use_session_registry
from liveref._entry import RefInfo as RefInfo
from liveref._forms import CheckDepth as CheckDepth
from liveref._hints import check_depth as check_depth
from liveref._key import RegistryKey as RegistryKey
from liveref._marker import SESSION_REF_TAG as SESSION_REF_TAG
from liveref._policy import MAX_SESSION_REFS_PER_RUN as MAX_SESSION_REFS_PER_RUN, RefLifetime as RefLifetime, SessionPausePolicy as SessionPausePolicy
from liveref._recipe import Recipe as Recipe, Reopener as Reopener, reopener as reopener
from liveref._registry import SessionRefRegistry as SessionRefRegistry
from liveref._rows import CapturedRef as CapturedRef, DroppedRef as DroppedRef, ExpectedRef as ExpectedRef
from liveref._serializer import register_serializer as register_serializer, serializer as serializer
from liveref._session import Session as Session
from liveref._snapshot import SessionSnapshot as SessionSnapshot
from liveref._typed import TypedRefs as TypedRefs
from liveref.exceptions import CapacityExceededError as CapacityExceededError, DuplicateKeyError as DuplicateKeyError, HintError as HintError, InvalidArgumentError as InvalidArgumentError, KeyFormatError as KeyFormatError, LiveRefError as LiveRefError, MarkerError as MarkerError, NoCurrentRegistryError as NoCurrentRegistryError, NotJSONableError as NotJSONableError, NotPicklableError as NotPicklableError, PickleFormatError as PickleFormatError, RefDroppedError as RefDroppedError, RefDroppedWarning as RefDroppedWarning, RefFailure as RefFailure, RefLoadError as RefLoadError, RefLookupError as RefLookupError, RefNotFoundError as RefNotFoundError, RefReleasedError as RefReleasedError, RefTypeError as RefTypeError, RegistryClosedError as RegistryClosedError, ReopenError as ReopenError, SessionRefsNotSerializableError as SessionRefsNotSerializableError, SessionStateError as SessionStateError, SnapshotAuthError as SnapshotAuthError, SnapshotError as SnapshotError, SnapshotFormatError as SnapshotFormatError, SnapshotLimitError as SnapshotLimitError, SnapshotReadError as SnapshotReadError, SnapshotVersionError as SnapshotVersionError, SnapshotWriteError as SnapshotWriteError, UnknownTypeTagError as UnknownTypeTagError

__all__ = ['MAX_SESSION_REFS_PER_RUN', 'SESSION_REF_TAG', 'CapacityExceededError', 'CapturedRef', 'CheckDepth', 'DroppedRef', 'DuplicateKeyError', 'ExpectedRef', 'HintError', 'InvalidArgumentError', 'KeyFormatError', 'LiveRefError', 'MarkerError', 'NoCurrentRegistryError', 'NotJSONableError', 'NotPicklableError', 'PickleFormatError', 'Recipe', 'RefDroppedError', 'RefDroppedWarning', 'RefFailure', 'RefInfo', 'RefLifetime', 'RefLoadError', 'RefLookupError', 'RefNotFoundError', 'RefReleasedError', 'RefTypeError', 'RegistryClosedError', 'RegistryKey', 'ReopenError', 'Reopener', 'Session', 'SessionPausePolicy', 'SessionRefRegistry', 'SessionRefsNotSerializableError', 'SessionSnapshot', 'SessionStateError', 'SnapshotAuthError', 'SnapshotError', 'SnapshotFormatError', 'SnapshotKeys', 'SnapshotLimitError', 'SnapshotLimits', 'SnapshotReadError', 'SnapshotVersionError', 'SnapshotWriteError', 'TypedRefs', 'UnknownTypeTagError', 'bind', 'check_depth', 'current_session_registry', 'register_serializer', 'reopener', 'serializer', 'use_session_registry']
