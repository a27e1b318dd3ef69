"""The plugin's options, from the file that mypy is configured by."""

from __future__ import annotations

import configparser
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NoReturn

from mypy.errors import CompileError

from liveref_mypy._codes import CODES, FLOW, Code

__all__ = ["enabled_codes"]

_SECTION: Final = "liveref-mypy"
_WORDS: Final = configparser.ConfigParser.BOOLEAN_STATES


def enabled_codes(config_file: str | None) -> frozenset[Code]:
    """The codes that are on.

    Raises:
        CompileError: an option or value is unknown; mypy stops with exit code 2.
    """
    found = _section(Path(config_file)) if config_file else dict[str, object]()
    known = {"flow", *(code.option for code in CODES)}
    for name in found:
        if name not in known:
            _stop(f"unknown option {name!r}; known are {', '.join(sorted(known))}")
    switches = {name: _switch(name, value) for name, value in found.items()}
    flow = switches.get("flow", False)
    return frozenset(code for code in CODES if switches.get(code.option, flow or code not in FLOW))


def _section(path: Path) -> Mapping[str, object]:
    """The options of a configuration file, else those of the pyproject.toml beside it."""
    if path.suffix == ".toml":
        return _toml_section(path)
    parser = configparser.RawConfigParser()
    parser.read(path, encoding="utf-8")
    if parser.has_section(_SECTION):
        return dict(parser.items(_SECTION))
    beside = path.with_name("pyproject.toml")
    return _toml_section(beside) if beside.exists() else {}


def _toml_section(path: Path) -> Mapping[str, object]:
    tables: Mapping[str, Mapping[str, Mapping[str, object]]] = tomllib.loads(path.read_text("utf-8"))
    section = tables.get("tool", {}).get(_SECTION, {})
    return section if hasattr(section, "items") else _stop(f"[tool.{_SECTION}] is no table")


def _switch(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _WORDS:
        return _WORDS[value.lower()]
    return _stop(f"option {name!r} is true or false, not {value!r}")


def _stop(problem: str) -> NoReturn:
    raise CompileError([f"liveref_mypy: {problem}"])
