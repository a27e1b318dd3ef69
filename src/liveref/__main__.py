"""The command line: ``python -m liveref lint PATH…`` and ``python -m liveref inspect FILE``."""

from __future__ import annotations

import argparse
import configparser
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias, cast

from liveref._snapshot import inspect

__all__ = ["main"]

_PLUGIN: Final = "liveref_mypy"
_LINTER: Final = "liveref_mypy:lint"
"""The plugin with a code of its own for what is mypy's arg-type elsewhere."""
_OPTIONS: Final = "liveref-mypy"
_CONFIGS: Final = ("mypy.ini", ".mypy.ini", "pyproject.toml", "setup.cfg")
"""Where mypy looks for its configuration, in its order."""
_DEFAULTS: Final = {"check_untyped_defs": "true", "ignore_missing_imports": "true"}

Table: TypeAlias = Mapping[str, object]


def main(args: Sequence[str] | None = None) -> int:
    """Run a command and give its exit code."""
    parser = argparse.ArgumentParser(prog="python -m liveref", description="Live objects behind typed keys.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser(
        "lint",
        help="find wrong lookups with mypy and the plugin, whatever your type checker is",
        description="Prints the liveref-* findings alone; exit code 0: none, 1: some, 2: mypy could not check.",
    )
    command.add_argument("paths", nargs="+", metavar="PATH", help="a file or folder")
    command.add_argument("--output", choices=("text", "json"), default="text", help="json: one object a line")
    command.set_defaults(run=_lint)
    inspect.add_parser(commands)
    chosen = parser.parse_args(args)
    return int(chosen.run(chosen))


def _lint(chosen: argparse.Namespace) -> int:
    if importlib.util.find_spec("mypy") is None:
        sys.stderr.write("python -m liveref lint needs mypy: pip install 'liveref[mypy]'\n")
        return 2
    paths: Sequence[str] = chosen.paths
    with tempfile.TemporaryDirectory() as folder:
        done = _run_mypy(paths, Path(folder) / "mypy.ini")
    rows = list(_rows(done.stdout))
    if done.returncode not in {0, 1}:
        messages = [_line(row) for row in rows] or [done.stdout, done.stderr]
        sys.stderr.write("".join(f"{message.rstrip()}\n" for message in messages if message))
        return 2
    findings = [row for row in rows if str(row["code"]).startswith("liveref-")]
    for row in findings:
        sys.stdout.write(f"{json.dumps(row) if chosen.output == 'json' else _line(row)}\n")
    return 1 if findings else 0


def _run_mypy(paths: Iterable[str], config: Path) -> subprocess.CompletedProcess[str]:
    parser = _configuration(Path.cwd())
    with config.open("w", encoding="utf-8") as file:
        parser.write(file)
    options = ("--config-file", str(config), "--cache-dir", _cache(parser), "--output", "json")
    command = [sys.executable, "-m", "mypy", *options, "--", *paths]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)  # noqa: S603  our own


def _cache(parser: configparser.RawConfigParser) -> str:
    """A folder inside of the project's cache, for the plugin is another one here; none if the project wants none."""
    folder = os.environ.get("MYPY_CACHE_DIR", parser.get("mypy", "cache_dir", fallback=".mypy_cache"))
    return folder if folder == os.devnull else str(Path(folder, "liveref"))


def _rows(output: str) -> Iterator[dict[str, object]]:
    """The errors among the lines that mypy wrote."""
    for line in output.splitlines():
        row: dict[str, object] = json.loads(line) if line.startswith("{") else {}
        if row.get("severity") == "error":
            yield row


def _line(row: Table) -> str:
    return f"{row['file']}:{row['line']}: {row['message']}  [{row['code']}]"


def _configuration(start: Path) -> configparser.RawConfigParser:
    """The project's own configuration of mypy with the plugin added, or one for a project that has none."""
    parser = configparser.RawConfigParser()
    found = next(filter(None, map(_read, _candidates(start))), None)
    sections, folder = found or ({"mypy": dict(_DEFAULTS)}, start)
    if _OPTIONS not in sections and (folder / "pyproject.toml").exists():
        sections = {**sections, **_of_toml(folder / "pyproject.toml", (_OPTIONS,))}
    parser.read_dict(sections)
    for section in parser.sections():
        for name, value in parser.items(section):
            parser.set(section, name, value.replace("$MYPY_CONFIG_FILE_DIR", str(folder)))
    given = [_absolute(plugin, folder) for plugin in _split(parser["mypy"].get("plugins", ""))]
    parser["mypy"]["plugins"] = ",".join(
        [*(plugin for plugin in given if plugin.partition(":")[0] != _PLUGIN), _LINTER]
    )
    return parser


def _candidates(start: Path) -> Iterator[Path]:
    """As mypy: the files of a folder, then those of its parents up to the one that is under version control."""
    for folder in (start, *start.parents):
        yield from (folder / name for name in _CONFIGS)
        if (folder / ".git").exists() or (folder / ".hg").exists():
            return


def _read(path: Path) -> tuple[dict[str, dict[str, str]], Path] | None:
    """The sections of a file that are mypy's or the plugin's; None if it has none of mypy's."""
    if not path.is_file():
        return None
    sections = _of_toml(path, ("mypy", _OPTIONS)) if path.suffix == ".toml" else _of_ini(path)
    return (sections, path.parent) if "mypy" in sections else None


def _of_ini(path: Path) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser()
    parser.read(path, encoding="utf-8")
    return {name: dict(parser[name]) for name in parser.sections() if name == _OPTIONS or name.startswith("mypy")}


def _of_toml(path: Path, names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Tables under ``[tool]`` as sections of an ini file; the overrides of mypy's become sections of their own."""
    tables: Mapping[str, Mapping[str, dict[str, object]]] = tomllib.loads(path.read_text("utf-8"))
    sections: dict[str, dict[str, str]] = {}
    for name in names:
        table = tables.get("tool", {}).get(name)
        if table is None:
            continue
        overrides = cast("list[Table]", table.pop("overrides", []))
        sections[name] = _as_text(table)
        for override in overrides:
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


if __name__ == "__main__":
    sys.exit(main())
