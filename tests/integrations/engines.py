"""The engines: for each module of `liveref.integrations` what it imports, and the extra that brings that."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import liveref.integrations

MODULES: Final = sorted(path.stem for path in Path(liveref.integrations.__path__[0]).glob("[!_]*.py"))


class Engine(NamedTuple):
    """What a module imports of its engine.

    Attributes:
        imported: the module of the engine.
        extra: without it the engine is missing.
    """

    imported: str
    extra: str


ENGINES: Final = {
    "dask": Engine("distributed.protocol.serialize", "dask"),
    "dbos": Engine("dbos", "dbos"),
    "fastapi": Engine("fastapi", "fastapi"),
    "fastmcp": Engine("fastmcp.server.dependencies", "fastmcp"),
    "kombu": Engine("kombu.utils.json", "kombu"),
    "langgraph": Engine("langgraph.checkpoint.serde.jsonplus", "langgraph"),
    "llama_index": Engine("workflows.context.serializers", "llama-index"),
    "prefect": Engine("prefect.serializers", "prefect"),
    "ray": Engine("ray", "ray"),
    "temporal": Engine("temporalio.converter", "temporal"),
}
WITHOUT: Final = {
    "msgspec": "its hooks import nothing of msgspec's",
    "pickle": "the standard library has it",
    "pytest_plugin": "pytest loads it",
}
"""What can be imported where no engine is installed, and why."""
