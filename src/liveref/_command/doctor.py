"""``liveref doctor``: which build runs, and beside what; for a report of a fault."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Final

from liveref._command.output import write
from liveref._lanes import LANES
from liveref_mypy._config import ConfigError
from liveref_mypy._project import named_in

__all__ = ["add_parser", "version_line"]

_CHECKERS: Final = ("mypy", "pyright", "basedpyright", "pyrefly", "ty", "zuban")
_REQUIREMENT: Final = re.compile(r"(?P<name>[\w.-]+)(?P<bounds>[^;]*)(?P<extra>; extra ==)?")

Versions = Mapping[str, str | None]
"""Those of packages by name; None where one is not installed."""


@dataclasses.dataclass(frozen=True)
class Plugin:
    """Whether the configuration of mypy that counts in a folder names the plugin.

    Attributes:
        file: the configuration, as seen from the folder; None where there is none.
        configured: whether it names the plugin.
    """

    file: str | None
    configured: bool


@dataclasses.dataclass(frozen=True)
class Findings:
    """All that ``liveref doctor`` tells, under the names of its JSON."""

    liveref: str
    build: str
    python: str
    platform: str
    packages: Versions
    checkers: Versions
    engines: Versions
    plugin: Plugin
    problems: list[str]


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    command = commands.add_parser(
        "doctor",
        help="tell which build runs, and which checkers and engines are found",
        description="For a report of a fault. Exit code 0: all is well, 1: there is something to mend.",
        epilog="Example: liveref doctor --output json > doctor.json",
    )
    command.add_argument("--output", choices=("text", "json"), default="text")
    command.set_defaults(run=_doctor)


def version_line() -> str:
    """What runs, in one line."""
    found = _look()
    return f"liveref {found.liveref} ({found.build}), {found.python}; engines: {_listed(found.engines) or 'none'}"


def _doctor(chosen: argparse.Namespace) -> int:
    found = _look()
    write(sys.stdout, *([json.dumps(dataclasses.asdict(found))] if chosen.output == "json" else _lines(found)))
    return 1 if found.problems else 0


def _look() -> Findings:
    bounds = dict(_requirements(extra=True))
    packages = _versions(name for name, _ in _requirements(extra=False))
    checkers = _versions(_CHECKERS)
    engines = _versions(name for name in bounds if name not in _CHECKERS)
    problems = list(_outside(bounds, {**checkers, **engines}))
    try:
        plugin = _plugin(Path.cwd())
    except (ConfigError, OSError) as error:  # OSError: the folder is gone
        plugin = Plugin(None, configured=False)
        problems.append(str(error))
    return Findings(
        liveref=_version("liveref") or "unknown",
        build="pure" if LANES is None else "compiled",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        platform=platform.platform(),
        packages=packages,
        checkers=checkers,
        engines=engines,
        plugin=plugin,
        problems=problems,
    )


def _requirements(*, extra: bool) -> Iterator[tuple[str, str]]:
    """The packages that liveref, or an extra of it, asks for, each with its bounds; none where it is not installed."""
    try:
        asked = requires("liveref") or ()
    except PackageNotFoundError:
        return
    for found in filter(None, map(_REQUIREMENT.match, sorted(asked))):
        if found["name"] != "liveref" and extra is (found["extra"] is not None):
            yield found["name"], found["bounds"]


def _versions(names: Iterable[str]) -> Versions:
    return {name: _version(name) for name in names}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _outside(bounds: Mapping[str, str], versions: Versions) -> Iterator[str]:
    """What is installed in a version that its extra does not allow."""
    for name, found in versions.items():
        wanted = bounds.get(name, "")
        if found is not None and not _fits(found, wanted):
            yield f"{name} {found} is installed, and liveref is made for {wanted}"


def _fits(found: str, bounds: str) -> bool:
    """Whether a version is within bounds of ``>=`` and ``<``."""
    wanted = re.findall(r"(>=|<)([\d.]+)", bounds)
    return all((_numbers(found) < _numbers(number)) is (sign == "<") for sign, number in wanted)


def _numbers(text: str) -> list[int]:
    return list(map(int, re.findall(r"\d+", text)))


def _plugin(folder: Path) -> Plugin:
    path, configured = named_in(folder)
    return Plugin(None if path is None else os.path.relpath(path, folder), configured)


def _lines(found: Findings) -> Iterator[str]:
    lanes = "without" if found.build == "pure" else "with"
    yield f"liveref    {found.liveref}, {found.build}: {lanes} the fast lanes in C"
    yield f"python     {found.python} on {found.platform}"
    for title, versions in (("packages", found.packages), ("checkers", found.checkers), ("engines", found.engines)):
        yield f"{title:<10} {_listed(versions) or 'none'}"
    if found.plugin.file is None:
        yield "plugin     no configuration of mypy is found from this folder up"
    else:
        yield f"plugin     {'' if found.plugin.configured else 'not '}configured in {found.plugin.file}"
    for problem in found.problems:
        yield f"to mend    {problem}"


def _listed(versions: Versions) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items() if number is not None)
