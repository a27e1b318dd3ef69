"""Configuration files, as tables; what is wrong with one is said in a line."""

from __future__ import annotations

import configparser
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias, cast

__all__ = ["SECTION", "ConfigError", "Table", "read_ini", "read_tools"]

SECTION: Final = "liveref-mypy"
"""The plugin's own section."""

Table: TypeAlias = Mapping[str, object]


class ConfigError(Exception):
    """A configuration file that can't be read."""


def read_tools(path: Path) -> Mapping[str, Table]:
    """The tables under ``[tool]`` of a pyproject.toml.

    Raises:
        ConfigError: the file can't be read, or one of mypy's or the plugin's is no table.
    """
    try:
        tools: object = tomllib.loads(path.read_text("utf-8")).get("tool", {})
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    if not isinstance(tools, dict):
        raise ConfigError(f"{path}: [tool] is no table")
    named = cast("Mapping[str, Table]", tools)
    for name in ("mypy", SECTION):
        if not isinstance(named.get(name, {}), dict):
            raise ConfigError(f"{path}: [tool.{name}] is no table")
    return named


def read_ini(path: Path) -> configparser.RawConfigParser:
    """The sections of an ini file.

    Raises:
        ConfigError: the file can't be read.
    """
    parser = configparser.RawConfigParser()
    try:
        parser.read(path, encoding="utf-8")
    except (OSError, UnicodeError, configparser.Error) as error:
        raise ConfigError(f"{path}: {' '.join(str(error).split())}") from error
    return parser
