"""Each hint of the two tables takes its right value and refuses its wrong one, at an insert and at a lookup."""

from __future__ import annotations

import sys

import pytest

from liveref import CheckDepth, HintError, LiveRefError, RefTypeError, RegistryKey, SessionRefRegistry, check_depth
from tests import hint_rows, new_syntax_rows

every_row = pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in hint_rows.ROWS])
every_new_row = pytest.mark.parametrize(
    "row",
    [
        pytest.param(
            row,
            id=row.name,
            marks=pytest.mark.skipif(
                sys.version_info < row.needs, reason=f"its syntax needs Python {'.'.join(map(str, row.needs))}"
            ),
        )
        for row in new_syntax_rows.ROWS
    ],
)


def test_tables_are_large() -> None:
    assert len({row.name for row in hint_rows.ROWS}) == len(hint_rows.ROWS) >= 120
    assert len({row.name for row in new_syntax_rows.ROWS}) == len(new_syntax_rows.ROWS) >= 60


def takes(hint: object, value: object) -> None:
    registry = SessionRefRegistry()
    key = registry.insert(value, hint)
    for found in (registry.get(key), registry[key], registry.get(key, hint), registry.typed(hint).get(key)):
        assert found is value
    registry.verify(key)
    assert registry.remove(key) is value


def refuses(hint: object, value: object) -> None:
    registry = SessionRefRegistry()
    with pytest.raises(RefTypeError) as caught:
        registry.insert(value, hint)
    assert registry.is_empty()
    text = str(caught.value)
    assert len(text) < 300 and "\n" not in text
    key = registry.insert(value)
    with pytest.raises(RefTypeError):
        registry.verify(_as(key, hint))


def _as(key: RegistryKey[object], hint: object) -> RegistryKey[object]:
    return RegistryKey.parse(str(key), hint)


@every_row
def test_right_value_passes(row: hint_rows.Row) -> None:
    takes(row.hint, row.right)


@every_row
def test_wrong_value_is_refused(row: hint_rows.Row) -> None:
    refuses(row.hint, row.wrong)


@every_new_row
def test_right_value_of_newer_syntax_passes(row: new_syntax_rows.Row) -> None:
    hint, right, _ = row.made()
    takes(hint, right)


@every_new_row
def test_wrong_value_of_newer_syntax_is_refused(row: new_syntax_rows.Row) -> None:
    hint, _, wrong = row.made()
    refuses(hint, wrong)


@pytest.mark.skipif(sys.version_info < (3, 14), reason="before Python 3.14 annotations are evaluated at once")
@pytest.mark.parametrize(
    "source",
    [
        "class Hint(TypedDict):\n    a: Later",
        "class Hint(typing.TypedDict, total=False):\n    a: list[Later]",
        "class Page[T](TypedDict):\n    a: dict[str, Later]\nHint = Page[int]",
        "type Hint = Mapping[str, Later]",
    ],
    ids=["TypedDict", "in a list", "generic TypedDict", "alias"],
)
def test_a_name_that_is_not_there_yet_is_told_until_it_comes(source: str) -> None:
    hint, _, _ = new_syntax_rows.Row("", (3, 14), source, "1", "1").made()
    with pytest.raises(HintError, match="names 'Later', which is not defined"):
        check_depth(hint)
    vars(sys.modules[hint.__module__])["Later"] = int
    assert check_depth(hint) is CheckDepth.EXACT
