"""``python -m liveref inspect FILE``: what is in a snapshot, without loading it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from liveref._snapshot.keyring import SnapshotKeys
from liveref._snapshot.snapshot import CapturedRef, DroppedRef, ExpectedRef, SessionSnapshot
from liveref.exceptions import InvalidArgumentError, SnapshotError

__all__ = ["add_parser"]

_UNCHECKED: Final = "NOT CHECKED: anyone may have written what follows"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    command = commands.add_parser(
        "inspect",
        help="show what is in a snapshot file, without loading it",
        description="Nothing is unpickled or imported, and keys are redacted. Exit code 1: it can't be read.",
    )
    command.add_argument("file", metavar="FILE", help="what Session.save or SessionSnapshot.write wrote")
    command.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="a file with a secret that signed it",
    )
    command.add_argument("--output", choices=("text", "json"), default="text")
    command.set_defaults(run=_inspect)


def _inspect(chosen: argparse.Namespace) -> int:
    try:
        snapshot = SessionSnapshot.read(chosen.file, keys=_keys(chosen.key), trusted=True)
        text = _json(snapshot) if chosen.output == "json" else "\n".join(_lines(chosen.file, snapshot))
    except (SnapshotError, InvalidArgumentError, OSError) as error:
        sys.stderr.write(f"{_printable(str(error))}\n")
        return 1
    sys.stdout.write(f"{text}\n")
    return 0


def _keys(given: Sequence[str]) -> SnapshotKeys | None:
    secrets: dict[str, bytes] = {}
    for each in given:
        name, _, path = each.partition("=")
        secrets[name] = Path(path).read_bytes()
    return SnapshotKeys(secrets, current=next(iter(secrets))) if secrets else None


def _json(snapshot: SessionSnapshot) -> str:
    facts = {
        "when": snapshot.when,
        "policy": snapshot.policy,
        "key_name": snapshot.key_name,
        "verified": snapshot.verified,
        "refs": list(map(asdict, snapshot.refs)),
        "dropped": list(map(asdict, snapshot.dropped)),
        "expected": list(map(asdict, snapshot.expected)),
    }
    return json.dumps(facts)


def _lines(file: str, snapshot: SessionSnapshot) -> Iterator[str]:
    yield f"snapshot   {_printable(file)}, {Path(file).stat().st_size:,} bytes"
    yield f"taken      {_printable(snapshot.when)}, policy {_printable(snapshot.policy)}"
    yield f"signature  {_signature(snapshot)}"
    for title, rows in _tables(snapshot.refs, snapshot.dropped, snapshot.expected):
        yield f"{title}: {len(rows)}"
        yield from _table(rows)


def _signature(snapshot: SessionSnapshot) -> str:
    if snapshot.verified:
        return f"checked and valid, of key {snapshot.key_name!r}"
    return f"of key {snapshot.key_name!r}, {_UNCHECKED}" if snapshot.key_name else f"none, {_UNCHECKED}"


def _tables(
    refs: Iterable[CapturedRef], dropped: Iterable[DroppedRef], expected: Iterable[ExpectedRef]
) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    yield "refs", [(ref.key, ref.how, f"{ref.size:,} bytes", ref.type_tag) for ref in refs]
    yield "dropped", [(ref.key, ref.type_tag, ref.reason) for ref in dropped]
    yield "expected, to be carried over", [(ref.key, ref.type_tag) for ref in expected]


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    shown = [tuple(map(_printable, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _printable(text: str) -> str:
    """A text that can't steer a terminal: a file may hold anything."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
