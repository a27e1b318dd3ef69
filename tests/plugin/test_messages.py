"""Messages say what to do: how a text becomes a key, how a default is written, what a union of keys gives."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from .harness import run, write_config

HEAD = """\
import asyncio
import functools
import threading
from collections import UserDict
from typing import Any, TypedDict, TypeVar
from uuid import UUID

from typing_extensions import assert_type

from liveref import RegistryKey, SessionRefRegistry

K = TypeVar("K", bound=RegistryKey[int] | RegistryKey[str])

class Marker(TypedDict):
    __blazen_session_ref__: str

class Holder:
    text = ""

def use(
    refs: SessionRefRegistry, text: str, uuid: UUID, marker: dict[str, str], typed: Marker, holder: Holder,
    key: RegistryKey[int], thing: RegistryKey[object], maybe: str | None, loose: Any,
    either: RegistryKey[int] | RegistryKey[str], bound: K, other: RegistryKey[int] | RegistryKey[Any],
    event: RegistryKey[threading.Event],
) -> None:
"""


SAYS = {
    "refs.get(text)": "RegistryKey.parse(text, hint)",
    "refs.get(text, int)": "RegistryKey.parse(text, hint)",
    "refs[text]": "RegistryKey.parse(text, hint)",
    "refs.remove('text')": "RegistryKey.parse(it, hint)",
    "refs.typed(int).get(holder.text)": "RegistryKey.parse(holder.text, hint)",
    "refs.release(uuid)": "RegistryKey.parse(str(uuid), hint)",
    "refs.get(marker)": "RegistryKey.from_marker(marker, hint)",
    "refs.verify(typed)": "RegistryKey.from_marker(typed, hint)",
    "refs.get_any(UserDict[str, str]())": "RegistryKey.from_marker(it, hint)",
    "RegistryKey(1)": "RegistryKey.new(hint)",
    "RegistryKey()": "RegistryKey.from_marker(marker, hint)",
    "refs.get(key, None)": "default=None",
    "refs.get(event, asyncio.Event)": '"threading.Event", and no value of that type is a "asyncio.locks.Event"',
    "RegistryKey.parse(str(event), asyncio.Event)": 'read it back with the hint "threading.Event"',
}
SILENT = (
    "refs.get(1)",
    "refs.get(maybe)",
    "refs.get(loose)",
    "refs.get(thing, None)",
    "refs.get(text)  # type: ignore[call-overload]",
    "refs.get(text)  # type: ignore",
    "refs[text]  # type: ignore[index]",
    "print(text in refs)",
)


def _told(folder: Path, lines: Iterable[str], mypy: str = "strict = true") -> dict[str, list[str]]:
    """The plugin's findings and notes about each line."""
    path = folder / "module.py"
    path.write_text(HEAD + "".join(f"    {line}\n" for line in lines))
    text = run([path], write_config(folder, mypy=mypy), folder / "cache").text
    rows = [json.loads(row) for row in text.splitlines() if row.startswith("{")]
    told: dict[int, list[str]] = defaultdict(list)
    for row in rows:
        told[row["line"]] += [row["message"]] if str(row["code"]).startswith("liveref-") else []
    return {line: told[number] for number, line in enumerate(lines, HEAD.count("\n") + 1)}


def test_messages_say_what_to_do(tmp_path: Path) -> None:
    told = _told(tmp_path, SAYS)
    assert {line: [way for message in told[line] if way in message] for line, way in SAYS.items()} == {
        line: [way] for line, way in SAYS.items()
    }
    assert all(len(messages) == 1 for messages in told.values())


def test_nothing_is_said_where_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert not any(_told(tmp_path, SILENT).values())
    assert not any(_told(tmp_path, ["refs.get(text)"], mypy="disable_error_code = call-overload").values())


UNIONS = """\
    assert_type(refs.get(either), int | str)
    assert_type(refs[either], int | str)
    assert_type(refs.remove(either), int | str)
    assert_type(refs.get(either, default=None), int | str | None)
    assert_type(refs.clone_ref(either), RegistryKey[int | str])
    assert_type(refs.get(bound), int | str)
    assert_type([refs.get(each) for each in [either]], list[int | str])
    assert_type(refs.get(key), int)
    assert_type(functools.partial(refs.__getitem__, key)(), int)
    refs.get(other).nothing()
"""


def test_lookup_through_a_union_of_keys_gives_the_union_of_their_types(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(HEAD + UNIONS)
    result = run([path], write_config(tmp_path), tmp_path / "cache")
    told = {(finding.line - HEAD.count("\n"), finding.code) for finding in result.findings}
    assert told == {(10, "liveref-untyped"), (10, "union-attr")}, result.text
