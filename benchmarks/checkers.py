"""What is right and what is wrong to other libraries: ``python -m benchmarks checkers`` prints a table.

Each is asked about the hints of ``tests/hint_rows.py``, a right and a wrong value each, with all its strictness.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import importlib
import re
import typing
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import GenericAlias
from typing import Any, Final, Protocol

from liveref import SessionRefRegistry

BEGIN: Final = "<!-- comparison: written by make bench -->\n"
END: Final = "<!-- end of the comparison -->\n"
FRESH: Final = 200
"""So many classes are made, checked and dropped, to see how many are kept."""

Check = Callable[[Any, Any], object]  # Any: hints of every form, most of which no checker takes as a parameter
"""From a hint and a value to what the library gives back; raises where the value does not fit."""


class HintRow(Protocol):
    """A hint with its two values."""

    hint: object
    right: object
    wrong: object


@dataclasses.dataclass(frozen=True)
class Score:
    """What a library made of the rows."""

    right: int
    """Rows of which both values were told apart."""
    refused: int
    """Right values that it refused."""
    let_through: int
    """Wrong values that it let through."""
    pinned: int
    """Fresh classes that it keeps for ever."""
    identity: int
    """Right values that came back as the object that they were."""
    rows: int


def checks() -> Mapping[str, Check]:
    """The libraries."""
    return {
        "liveref": _liveref,
        "beartype": _beartype,
        "typeguard (all items)": _typeguard,
        "pydantic strict": _pydantic,
        "msgspec strict": _msgspec,
        "trycast": _trycast,
    }


def score(check: Check) -> Score:
    """What one library makes of all rows, which are made anew, for some of them can be used but once."""
    taken: list[bool] = []
    through: list[bool] = []
    same = 0
    for row in _rows():
        found = _result(check, row.hint, row.right)
        taken.append(bool(found))
        same += bool(found) and found[0] is row.right
        through.append(bool(_result(check, row.hint, row.wrong)))
    both = sum(good and not bad for good, bad in zip(taken, through, strict=True))
    return Score(both, taken.count(False), sum(through), _pinned(check), same, len(taken))


def comparison() -> str:
    """The table, for a page."""
    scores = {name: score(check) for name, check in checks().items()}
    total = next(iter(scores.values())).rows
    lines = [
        f"Of {total} hints, each with a right and a wrong value:",
        "",
        "| | right | refused | let through | pinned | identity |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, found in scores.items():
        figures = (found.right, found.refused, found.let_through, found.pinned, found.identity)
        lines.append(f"| {name} | {' | '.join(map(str, figures))} |")
    return "\n".join(lines) + "\n"


def replace_comparison(page: str) -> str:
    """The page with a new table between its two marks."""
    pattern = f"{re.escape(BEGIN)}.*{re.escape(END)}"
    table = f"{BEGIN}\n{comparison()}\n{END}"
    written, count = re.subn(pattern, lambda _: table, page, flags=re.DOTALL)
    if count != 1:
        raise ValueError(f"the page has no {BEGIN.strip()} before {END.strip()}")
    return written


def _rows() -> Sequence[HintRow]:
    module = importlib.reload(importlib.import_module("tests.hint_rows"))
    rows: Sequence[HintRow] = module.ROWS
    return rows


def _result(check: Check, hint: object, value: object) -> tuple[object, ...]:
    """What a library gives back, alone in a tuple; nothing where it raises, or does not know the hint."""
    with warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")
        return (check(hint, value),)
    return ()


def _pinned(check: Check) -> int:
    """How many fresh classes are there after their last use."""
    alive = [ref for number in range(FRESH) for ref in _used(check, number)]
    for clean in getattr(typing, "_cleanups"):  # noqa: B009  Python's own caches don't count
        clean()
    gc.collect()
    return sum(ref() is not None for ref in alive)


def _used(check: Check, number: int) -> Iterator[weakref.ref[type]]:
    cls = type(f"Fresh{number}", (), {})
    _result(check, GenericAlias(list, (cls,)), [cls()])
    yield weakref.ref(cls)


class Unfit(Exception):  # noqa: N818
    """A value does not fit; of the libraries that give a bool."""


def _liveref(hint: Any, value: Any) -> object:
    registry = SessionRefRegistry()
    return registry.get(registry.insert(value, hint))


def _beartype(hint: Any, value: Any) -> object:
    from beartype import BeartypeConf  # noqa: PLC0415  each where it is asked, so that one alone may be missing
    from beartype.door import is_bearable  # noqa: PLC0415

    if not is_bearable(value, hint, conf=BeartypeConf(is_random=False, is_pep484_tower=True)):
        raise Unfit
    return value


def _typeguard(hint: Any, value: Any) -> object:
    from typeguard import CollectionCheckStrategy, check_type  # noqa: PLC0415

    found: object = check_type(value, hint, collection_check_strategy=CollectionCheckStrategy.ALL_ITEMS)
    return found


def _pydantic(hint: Any, value: Any) -> object:
    from pydantic import ConfigDict, PydanticUserError, TypeAdapter  # noqa: PLC0415

    try:
        adapter: TypeAdapter[object] = TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True))
    except PydanticUserError:  # of a TypedDict or dataclass, which may have a configuration of its own
        adapter = TypeAdapter(hint)
    return adapter.validate_python(value, strict=True)


def _msgspec(hint: Any, value: Any) -> object:
    from msgspec import convert  # noqa: PLC0415

    found: object = convert(value, hint, strict=True)
    return found


def _trycast(hint: Any, value: Any) -> object:
    from trycast import isassignable  # noqa: PLC0415

    if not isassignable(value, hint):
        raise Unfit
    return value
