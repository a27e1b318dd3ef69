"""The plugin's options, from the file that mypy is configured by."""

from __future__ import annotations

import configparser
from pathlib import Path
from typing import Final, NoReturn

from mypy.errors import CompileError

from liveref_mypy._codes import CODES, FLOW, Code
from liveref_mypy._config import SECTION, ConfigError, Table, read_ini, read_tools

__all__ = ["enabled_codes"]

_WORDS: Final = configparser.ConfigParser.BOOLEAN_STATES


def enabled_codes(config_file: str | None) -> frozenset[Code]:
    """The codes that are on.

    Raises:
        CompileError: the file is broken, an option or value is unknown; mypy stops with exit code 2.
    """
    try:
        found = _section(Path(config_file)) if config_file else dict[str, object]()
    except ConfigError as error:
        _stop(str(error))
    known = {"flow", *(code.option for code in CODES)}
    for name in found:
        if name not in known:
            _stop(f"unknown option {name!r}; known are {', '.join(sorted(known))}")
    switches = {name: _switch(name, value) for name, value in found.items()}
    flow = switches.get("flow", False)
    return frozenset(code for code in CODES if switches.get(code.option, flow or code not in FLOW))


def _section(path: Path) -> Table:
    """The options of a configuration file, else those of the pyproject.toml beside it."""
    if path.suffix == ".toml":
        return read_tools(path).get(SECTION, {})
    parser = read_ini(path)
    if parser.has_section(SECTION):
        return dict(parser.items(SECTION))
    beside = path.with_name("pyproject.toml")
    return read_tools(beside).get(SECTION, {}) if beside.exists() else {}


def _switch(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _WORDS:
        return _WORDS[value.lower()]
    return _stop(f"option {name!r} is true or false, not {value!r}")


def _stop(problem: str) -> NoReturn:
    raise CompileError([f"liveref_mypy: {problem}"])
