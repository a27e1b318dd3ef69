"""``liveref inspect FILE``: what is in a snapshot, without loading it."""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from liveref._command.output import write
from liveref._snapshot.guarded import owner_text
from liveref._snapshot.keyring import SnapshotKeys, SnapshotLimits
from liveref._snapshot.snapshot import CapturedRef, DroppedRef, ExpectedRef, SessionSnapshot
from liveref._text.tag import printable
from liveref.exceptions import InvalidArgumentError, SnapshotError, SnapshotLimitError, SnapshotReadError, spelled

__all__ = ["add_parser"]

_UNCHECKED: Final = "NOT CHECKED: anyone may have written what follows"
_LIMITS: Final = SnapshotLimits(max_refs=20_000, max_header_bytes=2 << 20)
"""Of a strange file: what is mapped costs nothing, and so this is a matter of a quarter of a second and of 20 MB."""


_LIMIT: Final = re.compile("[0-9]{1,18}")
_SHOWN: Final = 40
"""Characters of an argument that an error quotes."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    command = commands.add_parser(
        "inspect",
        help="show what is in a snapshot file, without loading it",
        description="Nothing is unpickled or imported, and keys are redacted. Exit code 1: it can't be read.",
        epilog="Example: liveref inspect state.liveref --key 2026-11=secret.bin",
    )
    command.add_argument("file", metavar="FILE", help="what Session.save or SessionSnapshot.write wrote")
    command.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="a file with a secret that signed it",
    )
    command.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="take more than usual: max_bytes, max_refs, max_ref_bytes or max_header_bytes, as in SnapshotLimits",
    )
    command.add_argument("--output", choices=("text", "json"), default="text")
    command.set_defaults(run=_inspect)


def _inspect(chosen: argparse.Namespace) -> int:
    try:
        snapshot = SessionSnapshot.read(chosen.file, keys=_keys(chosen.key), trusted=True, limits=_limits(chosen.limit))
        lines = [_json(snapshot)] if chosen.output == "json" else [*_lines(chosen.file, snapshot)]
    except SnapshotLimitError as error:
        write(sys.stderr, f"{error.args[0]}. Where you expect that, allow it by --limit NAME=NUMBER.")
        return 1
    except (SnapshotError, InvalidArgumentError, OSError) as error:
        write(sys.stderr, str(error))
        return 1
    write(sys.stdout, *lines)
    return 0


def _keys(given: Sequence[str]) -> SnapshotKeys | None:
    secrets: dict[str, bytes] = {}
    for each in given:
        name, _, path = each.partition("=")
        if not path:
            raise InvalidArgumentError("--key", "NAME=PATH", "something else")
        secrets[name] = _secret(name, path)
    return SnapshotKeys(secrets, current=next(iter(secrets))) if secrets else None


def _secret(name: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        what = f"the secret of --key {name} can't be read from {path!r}: {error.strerror}"
        raise SnapshotReadError(what, "Pass the path of a file that holds the secret alone.") from None


def _limits(given: Sequence[str]) -> SnapshotLimits:
    limits = dataclasses.asdict(_LIMITS)
    for each in given:
        name, _, number = each.partition("=")
        if name not in limits or not _LIMIT.fullmatch(number):
            expected = f"NAME=NUMBER, a name of {', '.join(limits)} and a number of 1 to 18 digits"
            raise InvalidArgumentError("--limit", expected, repr(each[:_SHOWN]))
        limits[name] = int(number)
    return SnapshotLimits(**limits)


def _json(snapshot: SessionSnapshot) -> str:
    facts = {
        "when": snapshot.when,
        "policy": snapshot.policy,
        "writer": snapshot.writer,
        "key_name": snapshot.key_name,
        "verified": snapshot.verified,
        "refs": list(map(dataclasses.asdict, snapshot.refs)),
        "dropped": list(map(dataclasses.asdict, snapshot.dropped)),
        "expected": list(map(dataclasses.asdict, snapshot.expected)),
    }
    return json.dumps(facts)


def _lines(file: str, snapshot: SessionSnapshot) -> Iterator[str]:
    yield f"snapshot   {file}, {_size(Path(file).stat().st_size)}"
    yield f"written    by {snapshot.writer or 'a liveref from before the first release'}"
    yield f"taken      {snapshot.when}, policy {snapshot.policy}"
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
    yield (
        "refs",
        [(ref.key, _way(ref.how, ref.name), _size(ref.size), ref.lifetime, ref.type_tag, _guard(ref)) for ref in refs],
    )
    yield "dropped", [(ref.key, ref.type_tag, ref.reason) for ref in dropped]
    yield "expected, to be carried over", [(ref.key, ref.type_tag, _way("recipe", ref.name)) for ref in expected]


def _way(how: str, name: str | None) -> str:
    if name is None:
        return how if how == "pickle" else ""
    return f"{how} {name!r}"


def _guard(ref: CapturedRef) -> str:
    """Whose a ref is, and how long it lives."""
    told = [f"owner {owner_text(ref.owner)}"] if ref.owner else []
    if ref.ttl is not None and ref.left is not None:
        told.append(f"ttl {spelled(ref.ttl, 6)} s, {ref.left:.1f} s left")
    if ref.idle is not None:
        told.append(f"idle {spelled(ref.idle, 6)} s")
    return "; ".join(told)


_UNITS: Final = ("KiB", "MiB", "GiB", "TiB")


def _size(size: int) -> str:
    """A number of bytes as people read it."""
    if size < 1024:  # noqa: PLR2004  below the first unit
        return f"{size} bytes"
    shown, units = size / 1024, iter(_UNITS)
    unit = next(units)
    while shown >= 1023.95 and unit != _UNITS[-1]:  # noqa: PLR2004  what would be shown as 1024.0
        shown, unit = shown / 1024, next(units)
    return f"{shown:.1f} {unit}"


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    shown = [tuple(map(printable, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
