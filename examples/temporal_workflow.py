"""A Temporal workflow that carries the key of a connection, and the activity that looks it up."""

from __future__ import annotations

import sqlite3
from datetime import timedelta

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from liveref import RegistryKey, SessionRefRegistry


class Activities:
    """What runs on the worker that holds the connections."""

    def __init__(self, registry: SessionRefRegistry) -> None:
        self._registry = registry

    @activity.defn
    async def count(self, db: RegistryKey[sqlite3.Connection]) -> int:
        """Counts what there is."""
        (count,) = self._registry[db].execute("select 6 * 7").fetchone()
        return int(count)


@workflow.defn
class Count:
    """What may be replayed anywhere."""

    @workflow.run
    async def run(self, db: RegistryKey[sqlite3.Connection]) -> int:
        """Has the activity count."""
        return await workflow.execute_activity_method(Activities.count, db, start_to_close_timeout=timedelta(seconds=5))
