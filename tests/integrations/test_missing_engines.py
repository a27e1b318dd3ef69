"""What an import says where the engine of an integration is not installed."""

from __future__ import annotations

import importlib
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [
        ("dask", "distributed.protocol.serialize", "dask"),
        ("dbos", "dbos", "dbos"),
        ("kombu", "kombu.utils.json", "kombu"),
        ("langgraph", "langgraph.checkpoint.serde", "langgraph"),
        ("llama_index", "workflows.context.serializers", "llama-index"),
        ("prefect", "prefect.serializers", "prefect"),
        ("temporal", "temporalio.converter", "temporal"),
    ],
    ids=lambda name: name.replace(".", "-"),
)
def test_the_extra_to_install_is_named(module: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"liveref.integrations.{module}", raising=False)
    with pytest.raises(ImportError, match=rf"is missing: pip install 'liveref\[{extra}\]'"):
        importlib.import_module(f"liveref.integrations.{module}")
