"""A project's own configuration of mypy with the plugin added, for the linter."""

from __future__ import annotations

import configparser
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, cast

from liveref_mypy._config import SECTION, Table, read_ini, read_tools

__all__ = ["cache_of", "configuration", "named_in"]

_PLUGIN: Final = "liveref_mypy"
_LINTER: Final = "liveref_mypy:lint"
"""The plugin with a code of its own for what is mypy's arg-type elsewhere."""
_CONFIGS: Final = ("mypy.ini", ".mypy.ini", "pyproject.toml", "setup.cfg")
"""Where mypy looks for its configuration, in its order."""
_DEFAULTS: Final = {"check_untyped_defs": "true", "ignore_missing_imports": "true"}


def configuration(start: Path) -> configparser.RawConfigParser:
    """The configuration of the project that a folder is in, or one for a project that has none.

    Raises:
        ConfigError: a file can't be read.
    """
    parser = configparser.RawConfigParser()
    path, sections = _found(start) or (start / _CONFIGS[0], {"mypy": dict(_DEFAULTS)})
    folder = path.parent
    if SECTION not in sections and (folder / "pyproject.toml").exists():
        sections = {**sections, **_of_toml(folder / "pyproject.toml", (SECTION,))}
    parser.read_dict(sections)
    for section in parser.sections():
        for name, value in parser.items(section):
            parser.set(section, name, value.replace("$MYPY_CONFIG_FILE_DIR", str(folder)))
    given = [_absolute(plugin, folder) for plugin in _split(parser["mypy"].get("plugins", ""))]
    others = [plugin for plugin in given if plugin.partition(":")[0] != _PLUGIN]
    parser["mypy"]["plugins"] = ",".join([*others, _LINTER])
    return parser


def named_in(start: Path) -> tuple[Path | None, bool]:
    """The configuration of mypy that counts in a folder, if there is one, and whether it names the plugin.

    Raises:
        ConfigError: a file can't be read.
    """
    found = _found(start)
    if found is None:
        return None, False
    path, sections = found
    named = _split(sections["mypy"].get("plugins", ""))
    return path, any(plugin.partition(":")[0] == _PLUGIN for plugin in named)


def cache_of(parser: configparser.RawConfigParser, name: str) -> str:
    """A folder inside of the project's cache, for the plugin is another one here; none if the project wants none."""
    folder = os.environ.get("MYPY_CACHE_DIR", parser.get("mypy", "cache_dir", fallback=".mypy_cache"))
    return folder if folder == os.devnull else str(Path(folder, name))


def candidates(start: Path) -> Iterator[Path]:
    """As mypy: the files of a folder, then those of its parents up to the one that is under version control."""
    for folder in (start, *start.parents):
        yield from (folder / name for name in _CONFIGS)
        if (folder / ".git").exists() or (folder / ".hg").exists():
            return


def _found(start: Path) -> tuple[Path, dict[str, dict[str, str]]] | None:
    return next(filter(None, map(_read, candidates(start))), None)


def _read(path: Path) -> tuple[Path, dict[str, dict[str, str]]] | None:
    """A file with its sections that are mypy's or the plugin's; None if it has none of mypy's."""
    if not path.is_file():
        return None
    sections = _of_toml(path, ("mypy", SECTION)) if path.suffix == ".toml" else _of_ini(path)
    return (path, sections) if "mypy" in sections else None


def _of_ini(path: Path) -> dict[str, dict[str, str]]:
    parser = read_ini(path)
    return {name: dict(parser[name]) for name in parser.sections() if name == SECTION or name.startswith("mypy")}


def _of_toml(path: Path, names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Tables under ``[tool]`` as sections of an ini file; the overrides of mypy's become sections of their own."""
    tools = read_tools(path)
    sections: dict[str, dict[str, str]] = {}
    for name in names:
        if name not in tools:
            continue
        sections[name] = _as_text({key: value for key, value in tools[name].items() if key != "overrides"})
        for override in cast("list[Table]", tools[name].get("overrides", [])):
            module = ",".join(_split(_text(override.get("module", ""))))
            sections[f"{name}-{module}"] = _as_text({key: override[key] for key in override if key != "module"})
    return sections


def _as_text(table: Table) -> dict[str, str]:
    return {name: _pattern(value) if name == "exclude" else _text(value) for name, value in table.items()}


def _text(value: object) -> str:
    return ",".join(map(str, cast("list[object]", value))) if isinstance(value, list) else str(value)


def _pattern(value: object) -> str:
    """Regular expressions as one: an ini file can't hold several."""
    patterns = cast("list[object]", value) if isinstance(value, list) else [value]
    return "|".join(f"(?:{pattern})" for pattern in patterns)


def _split(value: str) -> list[str]:
    return [part.strip() for part in value.replace("\n", ",").split(",") if part.strip()]


def _absolute(plugin: str, folder: Path) -> str:
    """A plugin that is named by its file is looked for beside the configuration."""
    return str(folder / plugin) if plugin.endswith(".py") else plugin
