"""What the tests of more than one engine need."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from liveref import SessionRefRegistry


@pytest.fixture
def registry() -> SessionRefRegistry:
    return SessionRefRegistry()


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    yield connection
    connection.close()
