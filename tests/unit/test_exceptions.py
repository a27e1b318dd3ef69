"""The errors: their tree, their words and their pickles."""

from __future__ import annotations

import copy
import pickle
import re
from typing import Any

import pytest

import liveref
from liveref import exceptions
from liveref.exceptions import *

TREE = {
    RefLookupError: (LiveRefError, LookupError),
    RefNotFoundError: (RefLookupError,),
    RefReleasedError: (RefLookupError,),
    RefExpiredError: (RefReleasedError,),
    RefDroppedError: (RefLookupError,),
    RefDroppedWarning: (UserWarning,),
    NoCurrentRegistryError: (LiveRefError, LookupError),
    RefTypeError: (LiveRefError, TypeError),
    HintError: (LiveRefError, TypeError),
    KeyFormatError: (LiveRefError, ValueError),
    MarkerError: (KeyFormatError,),
    MarkerAuthError: (MarkerError,),
    DuplicateKeyError: (LiveRefError, ValueError),
    NotJSONableError: (LiveRefError, TypeError),
    NotPicklableError: (NotJSONableError,),
    PickleFormatError: (LiveRefError, ValueError),
    InvalidArgumentError: (LiveRefError, ValueError, TypeError),
    CapacityExceededError: (LiveRefError, RuntimeError),
    RegistryClosedError: (LiveRefError, RuntimeError),
    SessionStateError: (LiveRefError, RuntimeError),
    ReopenError: (LiveRefError,),
    SnapshotError: (LiveRefError,),
    SessionRefsNotSerializableError: (SnapshotError,),
    RefLoadError: (SnapshotError,),
    UnknownTypeTagError: (SnapshotError, LookupError),
    SnapshotFormatError: (SnapshotError,),
    SnapshotAuthError: (SnapshotError,),
    SnapshotVersionError: (SnapshotError,),
    SnapshotLimitError: (SnapshotError,),
    SnapshotReadError: (SnapshotError,),
    SnapshotWriteError: (SnapshotError,),
}

FAILURE = RefFailure("3f2a1c…", "_thread:lock", "no recipe", "app.py:3")

SAMPLES = [
    (RefNotFoundError("3f2a1c…", 3), "no ref 3f2a1c… in this registry (it holds 3)"),
    (RefReleasedError("3f2a1c…", "drained", 1.23456), "ref 3f2a1c… is gone: drained 1.23 s ago"),
    (RefReleasedError("3f2a1c…", "drained", 0.0000571), "drained 0.000057 s ago"),
    (RefReleasedError("3f2a1c…", "drained", 86_400.4), "drained 86400 s ago"),
    (
        RefDroppedError("3f2a1c…", "_thread:lock", "warn_drop", "2026-11-24T12:00:00Z", "it has no recipe"),
        "ref 3f2a1c… (_thread:lock) was dropped by a snapshot at 2026-11-24T12:00:00Z under warn_drop: it has no recipe.",
    ),
    (
        RefDroppedWarning(FAILURE, "warn_drop"),
        "a snapshot under warn_drop dropped ref 3f2a1c… _thread:lock (inserted at app.py:3): no recipe.",
    ),
    (NoCurrentRegistryError(), "no session registry is current here"),
    (RefTypeError("get", "3f2a1c…", "int", "str"), "get of ref 3f2a1c…: expected int, found str"),
    (HintError("list[~T]", "~T", "it is a type variable"), "~T in list[~T] can't be checked at run time"),
    (MarkerError("a list", "a marker"), "not a session reference: expected a marker, found a list. Pass on what"),
    (KeyFormatError("a list", "a text", "Do this.", "no input"), "no input: expected a text, found a list. Do this."),
    (DuplicateKeyError("3f2a1c…"), "the target registry holds ref 3f2a1c… already"),
    (NotJSONableError("$.a[2]", "bytes", "Encode it."), "$.a[2] is not JSON: found bytes. Encode it."),
    (NotPicklableError("$.a[2]", "_thread.lock", "Pass its key."), "$.a[2] can't be pickled: found _thread.lock. Pass"),
    (PickleFormatError("EOFError", None), "the bytes can't be unpickled: EOFError. Pass all that dumps() gave"),
    (PickleFormatError("ImportError", "shop"), "can't be unpickled: ImportError, for 'shop' is missing here. Pass"),
    (
        PickleFormatError("TypeError at a.py:3", None, True),
        "unpickled: TypeError at a.py:3. Mend what makes the object",
    ),
    (InvalidArgumentError("capacity", "an int", "str"), "capacity must be an int, found str."),
    (
        RefExpiredError("3f2a1c…", "idle", 60, 3.0),
        "ref 3f2a1c… has expired: its idle of 60 s since its last use ended 3 s ago. Insert the object anew",
    ),
    (RefExpiredError("3f2a1c…", "ttl", 1_209_600, 1.0), "its ttl of 1209600 s since the insert ended 1 s ago"),
    (CapacityExceededError(5, "owner"), "this owner holds its 5 refs already: nothing was stored. Release"),
    (SessionStateError("closed", "borrow"), "the borrow is closed already: it is for one `with`."),
    (CapacityExceededError(5), "the registry holds its 5 refs already: nothing was stored"),
    (RegistryClosedError("insert"), "insert: the registry is closed"),
    (
        RegistryClosedError("save"),
        "save: the registry is closed, for its session has ended. Take the snapshot before that.",
    ),
    (RegistryClosedError("snapshot"), "snapshot: the registry is closed, for its session has ended. Take the"),
    (
        RegistryClosedError("child"),
        "child: the registry is closed, for its session has ended. Make the child of one that",
    ),
    (SessionStateError("entered"), "the session is entered already"),
    (ReopenError("app.db", ("path",), "OSError"), "recipe 'app.db' with arguments (path) raised OSError"),
    (
        SessionRefsNotSerializableError("pickle_or_error", (FAILURE,)),
        "1 ref can't be captured: 3f2a1c… _thread:lock (inserted at app.py:3): no recipe.",
    ),
    (SnapshotAuthError("no valid signature", "Pass keys=."), "no valid signature. Pass keys=."),
    (SnapshotWriteError("the folder could not be synced", "Try again.", True), "the folder could not be synced. Try"),
]


@pytest.mark.parametrize(("error", "bases"), TREE.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_the_tree_of_errors(error: type[Exception], bases: tuple[type, ...]) -> None:
    assert error.__bases__ == bases
    assert getattr(liveref, error.__name__) is error


def test_every_error_is_in_the_tree() -> None:
    errors = {cls for cls in vars(exceptions).values() if isinstance(cls, type) and issubclass(cls, Exception)}
    assert errors - {LiveRefError} == set(TREE)


@pytest.mark.parametrize(
    ("error", "text"), SAMPLES, ids=[f"{type(error).__name__}-{at}" for at, (error, _) in enumerate(SAMPLES)]
)
def test_each_error_tells_what_it_knows_and_keeps_it_through_a_pickle(error: Exception, text: str) -> None:
    assert text in str(error)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(error, protocol))
        assert (type(again), str(again), again.args) == (type(error), str(error), error.args)


PUBLIC = [
    RefLookupError,
    RefNotFoundError,
    RefReleasedError,
    RefExpiredError,
    RefDroppedError,
    RefTypeError,
    KeyFormatError,
    MarkerError,
    MarkerAuthError,
    CapacityExceededError,
    RegistryClosedError,
]


@pytest.mark.parametrize("cls", PUBLIC)
def test_what_clients_are_told_is_one_short_sentence_without_the_facts(cls: type[LiveRefError]) -> None:
    assert 0 < len(cls.public) < 120
    assert re.fullmatch(r"[A-Z][^.!?…]*\.", cls.public)
    for error in [error for error, _ in SAMPLES if type(error) is cls]:
        assert error.public == cls.public
        for word in ("registry", "default=", "liveref", "key", *map(str, error.args[:1])):
            assert word not in error.public


def test_no_other_error_is_for_clients() -> None:
    assert {cls for cls in (*TREE, LiveRefError) if hasattr(cls, "public")} == set(PUBLIC)


@pytest.mark.parametrize(("count", "told"), [(1, "its 1 ref already"), (2, "its 2 refs already")])
def test_numbers_of_refs_are_told_in_their_right_form(count: int, told: str) -> None:
    assert told in str(CapacityExceededError(count))
    failed = SessionRefsNotSerializableError("pickle_or_error", (FAILURE,) * count)
    assert f": {count} ref{'s' * (count - 1)} can't be captured" in str(failed)


@pytest.mark.parametrize(
    "error", [RefNotFoundError("3f2a1c…", 3), RefReleasedError("3f2a1c…", "drained", 1.0), NoCurrentRegistryError()]
)
def test_the_advice_of_an_engine_stands_in_for_the_usual_one_through_a_pickle(error: Any) -> None:
    assert "default=" in str(error)
    error._advice = "Do this."
    for told in (error, pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert "Do this." in str(told)
        assert "default=" not in str(told)


def test_the_facts_of_snapshot_errors_are_properties() -> None:
    assert SessionRefsNotSerializableError("pickle_or_error", (FAILURE,)).failures == (FAILURE,)
    assert SnapshotWriteError("a", "b").committed is False
    assert SnapshotWriteError("a", "b", True).committed is True
