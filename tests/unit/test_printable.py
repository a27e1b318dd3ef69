"""Names from outside in texts: no control character and no bidirectional mark reaches a log or a terminal."""

from __future__ import annotations

import pickle
import sys
import types
import warnings
from collections.abc import Callable
from typing import Any, Literal

import pytest

from liveref import (
    LiveRefError,
    NotJSONableError,
    RegistryKey,
    Session,
    SessionPausePolicy,
    SessionRefRegistry,
    SessionSnapshot,
    reopener,
)
from liveref._text.tag import printable, readable
from liveref.integrations import pickle as live_pickle
from liveref.jsonable import decode, default, encode, find_markers, reject_markers

NAME = "\x1b[31mEVIL\r\nERROR forged line \u202e\u2066\x07\x9b"
MARKER = {"__blazen_session_ref__": "0f0e1d2c-3b4a-4958-8776-655443322110"}
Evil = type(NAME, (), {})
InEvil = type("Plain", (), {"__module__": NAME})
Local = type("X", (), {"__qualname__": f"f.<locals>.{NAME}"})


@reopener("test_printable.open")
def opener(**_given: object) -> object:
    raise ValueError


def at_an_evil_place(registry: SessionRefRegistry, value: object) -> RegistryKey[object]:
    code = compile("registry.insert(value)", NAME, "eval")
    return eval(code, {"registry": registry, "value": value})


def of_a_type() -> object:
    registry = SessionRefRegistry()
    return registry.get(registry.insert(Evil()), int)


def sealed() -> object:
    registry = SessionRefRegistry()
    key = registry.insert(Local())
    return registry.get(pickle.loads(pickle.dumps(RegistryKey.parse(str(key), list[Local]))))


def dropped() -> object:
    session = Session(policy=SessionPausePolicy.WARN_DROP)
    lost = session.refs.insert(Local())
    resumed = Session.resume(SessionSnapshot.from_bytes(session.snapshot().to_bytes(), trusted=True))
    return resumed.refs.get(lost)


def inserted_at() -> object:
    registry, value = SessionRefRegistry(), Evil()
    at_an_evil_place(registry, value)
    return encode([value], registry=registry)


def module_gone() -> object:
    module = types.ModuleType(NAME)
    module.Gone = type("Gone", (), {"__module__": NAME})  # type: ignore[attr-defined]
    sys.modules[NAME] = module
    try:
        data = pickle.dumps(module.Gone())
    finally:
        del sys.modules[NAME]
    return live_pickle.loads(data, SessionRefRegistry())


CALLS: dict[str, Callable[[], Any]] = {
    "RefTypeError": of_a_type,
    "RefTypeError of a sealed key": sealed,
    "RefDroppedError, whose tag is from a file": dropped,
    "repr of a key": lambda: repr(RegistryKey.new(Evil)),
    "repr of a key, module": lambda: repr(RegistryKey.new(InEvil)),
    "repr of a key of a Literal": lambda: repr(RegistryKey.new(Literal["\x1b"])),
    "repr of a view": lambda: repr(SessionRefRegistry().typed(list[Evil])),
    "MarkerError": lambda: RegistryKey.from_marker(Evil()),
    "MarkerError of a type": lambda: RegistryKey.from_marker({**MARKER, "type": "builtins:str"}, Evil),
    "KeyFormatError": lambda: RegistryKey.read(NAME),
    "encode": lambda: encode([Evil()]),
    "encode, path": lambda: encode({NAME: {f"é{NAME}": b""}}),
    "encode, where": inserted_at,
    "default": lambda: default(Evil()),
    "decode, path": lambda: decode({NAME: {**MARKER, "x": 1}}),
    "find_markers, path": lambda: list(find_markers({NAME: {**MARKER, "x": 1}})),
    "find_markers": lambda: next(find_markers({NAME: MARKER}))[0],
    "reject_markers, path": lambda: reject_markers({NAME: MARKER}),
    "recipe, path of an argument": lambda: opener.recipe(a={NAME: object()}),
    "recipe, an argument": lambda: opener.recipe(**{NAME: object()}),
    "pickle, path": lambda: live_pickle.dumps({NAME: [lambda: 1]}, SessionRefRegistry()),
    "pickle, module": module_gone,
    "where": lambda: at_an_evil_place(registry := SessionRefRegistry(), 1) and registry.describe()[0].where,
}


@pytest.mark.parametrize("name", CALLS)
def test_no_text_passes_a_control_character_on(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            text = CALLS[name]()
        except LiveRefError as error:
            text = str(error)
    assert text.isprintable()
    assert "\\x1b" in text or "\\u001b" in text or name == "KeyFormatError"


def test_printable_leaves_names_as_they_are_and_escapes_the_rest() -> None:
    assert printable("sqlite3:Connection é 名 …") == "sqlite3:Connection é 名 …"
    assert printable(NAME) == r"\x1b[31mEVIL\r\nERROR forged line \u202e\u2066\x07\x9b"
    assert printable("\ud800'\"") == r"\ud800" + "'\""
    assert readable(Evil).endswith(printable(NAME))


def test_the_path_of_a_recipes_argument_can_be_read() -> None:
    with pytest.raises(NotJSONableError, match=r'^\$\.a\["my event"\]\[0\] is not JSON'):
        opener.recipe(a={"my event": [b""]})
