"""Enumerations, the depth of a check, and what an `except` catches."""

from __future__ import annotations

from typing import Literal

from typing_extensions import assert_never, assert_type

import liveref
from liveref import (
    SESSION_REF_TAG,
    CapacityExceededError,
    CheckDepth,
    DuplicateKeyError,
    HintError,
    InvalidArgumentError,
    KeyFormatError,
    LiveRefError,
    MarkerError,
    NoCurrentRegistryError,
    NotJSONableError,
    NotPicklableError,
    PickleFormatError,
    RefDroppedError,
    RefFailure,
    RefLifetime,
    RefLoadError,
    RefLookupError,
    RefNotFoundError,
    RefReleasedError,
    RefTypeError,
    RegistryClosedError,
    ReopenError,
    SessionPausePolicy,
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
    check_depth,
)


def policies(text: str) -> None:
    assert_type(SessionPausePolicy("warn_drop"), SessionPausePolicy)
    assert_type(SessionPausePolicy(text), SessionPausePolicy)
    assert_type(SessionPausePolicy.HARD_ERROR, Literal[SessionPausePolicy.HARD_ERROR])
    assert_type({SESSION_REF_TAG: text}, dict[str, str])
    SessionPausePolicy.IGNORE  # E: attribute


def as_text(policy: SessionPausePolicy, lifetime: RefLifetime) -> str:
    assert_type(policy.upper(), str)
    assert_type(str(lifetime), str)
    takes_policy(lifetime)  # E: argument
    return policy


def takes_policy(policy: SessionPausePolicy) -> None: ...


def lifetimes(lifetime: RefLifetime) -> int:
    match lifetime:
        case RefLifetime.UNTIL_CONTEXT_DROP | RefLifetime.UNTIL_PARENT_FINISH:
            return 1
        case RefLifetime.UNTIL_SNAPSHOT:
            return 2
        case RefLifetime.UNTIL_EXPLICIT_DROP:
            return 3
        case _:
            assert_never(lifetime)


def depths(hint: object) -> int:
    assert_type(check_depth(int), CheckDepth)
    assert_type(check_depth(list[int] | None), CheckDepth)
    assert_type(check_depth(hint), CheckDepth)
    check_depth()  # E: missing
    depth = check_depth(hint)
    if depth is CheckDepth.EXACT:
        return 2
    if depth is CheckDepth.SHALLOW:
        return 1
    assert_type(depth, Literal[CheckDepth.NONE])
    return 0


def takes_base(error: LiveRefError) -> None: ...
def takes_lookup(error: LookupError) -> None: ...
def takes_ref_lookup(error: RefLookupError) -> None: ...
def takes_type(error: TypeError) -> None: ...
def takes_value(error: ValueError) -> None: ...
def takes_runtime(error: RuntimeError) -> None: ...
def takes_key_format(error: KeyFormatError) -> None: ...
def takes_snapshot(error: SnapshotError) -> None: ...


def kinds(hint: HintError, type_: RefTypeError, capacity: CapacityExceededError, duplicate: DuplicateKeyError) -> None:
    takes_type(hint)
    takes_type(type_)
    takes_runtime(capacity)
    takes_value(duplicate)
    takes_base(hint)
    takes_lookup(type_)  # E: argument
    takes_value(capacity)  # E: argument
    takes_runtime(hint)  # E: argument


def more_kinds(
    argument: InvalidArgumentError,
    jsonable: NotJSONableError,
    picklable: NotPicklableError,
    pickle: PickleFormatError,
    state: SessionStateError,
    closed: RegistryClosedError,
) -> None:
    takes_value(argument)
    takes_type(argument)
    takes_type(jsonable)
    takes_type(picklable)
    takes_value(pickle)
    takes_runtime(state)
    takes_runtime(closed)
    takes_lookup(jsonable)  # E: argument


def lookups(
    missing: RefNotFoundError, released: RefReleasedError, dropped: RefDroppedError, none: NoCurrentRegistryError
) -> None:
    takes_ref_lookup(missing)
    takes_ref_lookup(released)
    takes_ref_lookup(dropped)
    takes_lookup(none)
    takes_lookup(missing)
    assert_type(missing.public, str)
    takes_ref_lookup(none)  # E: argument
    takes_type(dropped)  # E: argument


def keys(format_: KeyFormatError, marker: MarkerError, reopen: ReopenError) -> None:
    takes_key_format(marker)
    takes_value(format_)
    takes_base(reopen)
    takes_type(format_)  # E: argument
    takes_snapshot(reopen)  # E: argument


def snapshots(load: RefLoadError, tag: UnknownTypeTagError, write: SnapshotWriteError) -> None:
    takes_snapshot(load)
    takes_snapshot(tag)
    takes_lookup(tag)
    assert_type(write.committed, bool)
    write.committed = True  # E: read-only
    takes_lookup(load)  # E: argument


def all_snapshot_errors() -> None:
    kinds: list[type[SnapshotError]] = [
        SnapshotAuthError,
        SnapshotFormatError,
        SnapshotLimitError,
        SnapshotReadError,
        SnapshotVersionError,
    ]
    assert_type(kinds[0], type[SnapshotError])


def caught() -> None:
    try:
        liveref.current_session_registry()
    except SessionRefsNotSerializableError as error:
        assert_type(error.failures, tuple[RefFailure, ...])
        assert_type(error.failures[0].key, str)
        assert_type(error.failures[0].where, str | None)
        error.failures[0].key = ""  # E: read-only
    except (RefNotFoundError, RefReleasedError) as error:
        assert_type(error, RefNotFoundError | RefReleasedError)
    except LiveRefError as error:
        assert_type(error, LiveRefError)
