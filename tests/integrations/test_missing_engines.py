"""What an import says where the engine of an integration is not installed."""

from __future__ import annotations

import importlib
import sys

import pytest

from .engines import ENGINES, MODULES, WITHOUT


def test_every_integration_needs_its_engine_or_says_why_not() -> None:
    assert sorted([*ENGINES, *WITHOUT]) == MODULES


@pytest.mark.parametrize("module", ENGINES)
def test_the_extra_to_install_is_named(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    imported, extra = ENGINES[module]
    monkeypatch.setitem(sys.modules, imported, None)
    monkeypatch.delitem(sys.modules, f"liveref.integrations.{module}", raising=False)
    with pytest.raises(ImportError, match=rf"is missing: pip install 'liveref\[{extra}\]'"):
        importlib.import_module(f"liveref.integrations.{module}")
