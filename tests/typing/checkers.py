"""What each type checker finds in the case files, and what the case files say it should find.

A right line is an ``assert_type``. A wrong line ends with a marker: a kind of error, which `KINDS` turns into the
code of each checker, and the codes of those that word it otherwise (``-`` for none)::

    registry.typed(str).insert(1)  # E: argument
    # deviation(ty): why ty is silent here
    key.hint = str  # E: read-only ty=- zuban=misc,assignment

A marker without a kind is on a line that is right, and names the checkers that complain all the same. What is said
of pyright holds for basedpyright too, unless that is named. Every checker that complains about a right line or is
silent about a wrong one needs its ``deviation`` in the comment above the line, and no other may have one.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

CASES: Final = Path(__file__).parent / "cases"
CHECKERS: Final = ("mypy", "pyright", "basedpyright", "pyrefly", "ty", "zuban")
BIN: Final = Path(sys.executable).parent
PYTHON_VERSION: Final = "3.11"


def _kind(mypy: str, pyright: str, pyrefly: str, ty: str, zuban: str | None = None) -> Mapping[str, str]:
    """The code of each checker for one kind of error; two of them have the codes of their origin."""
    codes = (mypy, pyright, pyright, pyrefly, ty, zuban or mypy)
    return dict(zip(CHECKERS, codes, strict=True))


# Of a call that no overload takes, a checker names the argument where it is sure of the overload ("closest-overload",
# "insert-option"), else the call ("overload-argument").
KINDS: Final[Mapping[str, Mapping[str, str]]] = {
    "argument": _kind("arg-type", "reportArgumentType", "bad-argument-type", "invalid-argument-type"),
    "missing": _kind("call-arg", "reportCallIssue", "missing-argument", "missing-argument"),
    "positional": _kind("call-arg", "reportCallIssue", "bad-argument-count", "too-many-positional-arguments"),
    "unknown": _kind("call-arg", "reportCallIssue", "unexpected-keyword", "unknown-argument"),
    "hint": _kind(
        "call-overload", "reportArgumentType,reportCallIssue", "no-matching-overload", "invalid-type-form", "arg-type"
    ),
    "insert-option": _kind(
        "arg-type", "reportArgumentType", "no-matching-overload", "invalid-argument-type", "call-overload"
    ),
    "overload-argument": _kind(
        "call-overload", "reportArgumentType,reportCallIssue", "no-matching-overload", "no-matching-overload"
    ),
    "no-overload": _kind("call-overload", "reportCallIssue", "no-matching-overload", "no-matching-overload"),
    "closest-overload": _kind("call-overload", "reportArgumentType", "bad-argument-type", "invalid-argument-type"),
    "assignment": _kind("assignment", "reportAssignmentType", "bad-assignment", "invalid-assignment"),
    "key-assignment": _kind("arg-type", "reportAssignmentType", "bad-assignment", "invalid-assignment"),
    "item": _kind("index", "reportArgumentType", "unsupported-operation", "invalid-assignment"),
    "return": _kind("arg-type", "reportReturnType", "bad-return", "invalid-explicit-return"),
    "attribute": _kind(
        "attr-defined", "reportAttributeAccessIssue,reportUnknownMemberType", "missing-attribute", "missing-attribute"
    ),
    "new-attribute": _kind("attr-defined", "reportAttributeAccessIssue", "missing-attribute", "missing-attribute"),
    "optional": _kind("union-attr", "reportOptionalMemberAccess", "missing-attribute", "missing-union-attribute"),
    "read-only": _kind("misc", "reportAttributeAccessIssue", "read-only", "invalid-assignment"),
    "final": _kind("misc", "reportGeneralTypeIssues", "invalid-inheritance", "subclass-of-final-class"),
    "operator": _kind("operator", "reportOperatorIssue", "unsupported-operation", "unsupported-operator"),
    "key-index": _kind("index", "reportArgumentType", "bad-index", "invalid-argument-type"),
    "set-item": _kind("index", "reportIndexIssue", "unsupported-operation", "invalid-assignment"),
    "delete-item": _kind("attr-defined", "reportIndexIssue", "unsupported-operation", "not-subscriptable"),
    "typed-dict-item": _kind("typeddict-item", "reportGeneralTypeIssues", "bad-assignment", "invalid-assignment"),
    "item-value": _kind("dict-item", "reportArgumentType", "bad-argument-type", "invalid-argument-type"),
    "bound": _kind("type-var", "reportArgumentType", "bad-specialization", "invalid-argument-type"),
    "context-manager": _kind(
        "attr-defined", "reportGeneralTypeIssues", "bad-context-manager", "invalid-context-manager"
    ),
}


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    """One error of one checker."""

    file: str
    line: int
    code: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} [{self.code}]"


@dataclasses.dataclass(frozen=True)
class Case:
    """One line of a case file that says something."""

    file: str
    line: int
    text: str
    kind: str | None
    """The kind of error on a wrong line, None on a right one."""
    codes: Mapping[str, frozenset[str]]
    """What each checker is expected to find, by checker."""
    deviations: Mapping[str, str]
    """The reason of each checker that differs."""

    @property
    def is_assertion(self) -> bool:
        return "assert_type(" in self.text

    def deviants(self) -> set[str]:
        """The checkers that find something on a right line, or nothing on a wrong one."""
        wrong = self.kind is not None
        return {checker for checker in CHECKERS if bool(self.codes[checker]) != wrong}

    def findings(self, checker: str) -> Iterator[Finding]:
        return (Finding(self.file, self.line, code) for code in self.codes[checker])


_MARKER: Final = re.compile(r"  # E: ?(.*)$")
_DEVIATION: Final = re.compile(r"# deviation\(([\w, ]+)\): (\S.*)$")


def case_files() -> list[Path]:
    return sorted(CASES.glob("*.py"))


def read_cases() -> list[Case]:
    """Every case of every file, and every right line that some checker complains about."""
    return [case for path in case_files() for case in _cases_of(path)]


def _cases_of(path: Path) -> Iterator[Case]:
    above: list[str] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if line.lstrip().startswith("#"):
            above.append(line)
            continue
        marker = _MARKER.search(line)
        if marker is not None or "assert_type(" in line or any(map(_DEVIATION.search, above)):
            kind, codes = _read_marker(marker[1] if marker else "")
            yield Case(path.name, number, line.strip(), kind, codes, dict(_deviations(above)))
        above.clear()


def _read_marker(text: str) -> tuple[str | None, Mapping[str, frozenset[str]]]:
    words = text.split()
    kind = words.pop(0) if words and "=" not in words[0] else None
    if kind is not None and kind not in KINDS:
        raise ValueError(f"not a kind of error: {kind!r} in {text!r}")
    codes = dict(KINDS[kind]) if kind is not None else {}
    for word in words:
        checker, _, named = word.partition("=")
        if checker not in CHECKERS or not named:
            raise ValueError(f"not a marker: {text!r}")
        for name in (checker, "basedpyright") if checker == "pyright" else (checker,):
            codes[name] = "" if named == "-" else named
    return kind, {checker: frozenset(filter(None, codes.get(checker, "").split(","))) for checker in CHECKERS}


def _deviations(comments: Iterable[str]) -> Iterator[tuple[str, str]]:
    for comment in comments:
        found = _DEVIATION.search(comment)
        if found is not None:
            yield from ((checker, found[2]) for checker in found[1].split(", "))


def names_used(path: Path) -> set[str]:
    """The names that a file uses, which takes more than to import them."""
    tree = ast.parse(path.read_text("utf-8"), feature_version=(3, 11))
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def executable(checker: str) -> Path | None:
    """The checker beside this interpreter: another one would see another liveref."""
    found = BIN / checker
    return next((path for path in (found, found.with_suffix(".exe")) if path.exists()), None)


def find(checker: str, folder: Path, cache: Path) -> set[Finding]:
    """What a checker finds in the folder's ``cases``.

    Args:
        checker: one of `CHECKERS`.
        folder: an empty folder outside the repository, whose own tables must not apply; it gets a copy of the cases.
        cache: a folder that lasts, for checkers that keep what they know.
    """
    copy = folder / "cases"
    copy.mkdir()
    for path in case_files():
        (copy / path.name).write_bytes(path.read_bytes())
    return set(_RUNS[checker](folder, cache))


_UNSET: Final = (
    *("MYPYPATH", "PYTHONPATH", "VIRTUAL_ENV"),  # other places to find liveref in
    *("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"),  # would trace a checker that is written in Python
)


_BARE: Final[Mapping[str, Sequence[str]]] = {
    "mypy": ("--python-executable", sys.executable),
    "pyright": ("--pythonpath", sys.executable),
    "basedpyright": ("--pythonpath", sys.executable),
    "pyrefly": ("check", "--python-interpreter-path", sys.executable),
    "ty": ("check", "--output-format", "concise", "--python", sys.executable),
    "zuban": ("check", "--python-executable", sys.executable),
}


def run_bare(checker: str, folder: Path) -> tuple[int, str]:
    """The exit code and output of a checker in a folder with no configuration for any."""
    done = _start(folder, checker, *_BARE[checker], "wrong.py")
    return done.returncode, done.stdout


def _start(folder: Path, checker: str, *options: object) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / checker), *map(str, options)]
    env = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}", "NO_COLOR": "1"}
    for name in _UNSET:
        env.pop(name, None)
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, encoding="utf-8", check=False)


def _run(folder: Path, checker: str, *options: object) -> str:
    done = _start(folder, checker, *options)
    if done.returncode != 1:  # 0: the wrong cases went unseen; 2 and up: the checker failed
        raise RuntimeError(f"{checker} gave {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done.stdout


def _mypy(folder: Path, cache: Path) -> Iterator[Finding]:
    (folder / "mypy.ini").write_text("[mypy]\nstrict = true\n")
    options = ("--config-file", "mypy.ini", "--python-version", PYTHON_VERSION, "--python-executable", sys.executable)
    for line in _run(folder, "mypy", *options, "--cache-dir", cache, "--output", "json", "cases").splitlines():
        row = json.loads(line)
        if row["severity"] != "note":
            yield Finding(Path(row["file"]).name, row["line"], row["code"])


def _pyright(folder: Path, _cache: Path, checker: str = "pyright") -> Iterator[Finding]:
    config = {"include": ["cases"], "pythonVersion": PYTHON_VERSION, "typeCheckingMode": "strict"}
    (folder / "pyrightconfig.json").write_text(json.dumps(config))
    found = json.loads(_run(folder, checker, "--outputjson", "--pythonpath", sys.executable))
    if found["summary"]["filesAnalyzed"] != len(case_files()):  # an excluded file is no error to it
        raise RuntimeError(f"{checker} analysed {found['summary']['filesAnalyzed']} of {len(case_files())} files")
    for row in found["generalDiagnostics"]:
        yield Finding(Path(row["file"]).name, row["range"]["start"]["line"] + 1, row.get("rule", "syntax"))


def _basedpyright(folder: Path, cache: Path) -> Iterator[Finding]:
    return _pyright(folder, cache, "basedpyright")


def _pyrefly(folder: Path, _cache: Path) -> Iterator[Finding]:
    config = folder / "pyrefly.toml"  # without one it keeps most errors to itself
    table = {"python-interpreter-path": sys.executable, "python-version": PYTHON_VERSION}
    rows = [f"{name} = {json.dumps(text)}" for name, text in table.items()]
    config.write_text("\n".join(['project-includes = ["cases"]', *rows, ""]))
    for row in json.loads(_run(folder, "pyrefly", "check", "--config", config, "--output-format", "json"))["errors"]:
        yield Finding(Path(row["path"]).name, row["line"], row["name"])


def _ty(folder: Path, _cache: Path) -> Iterator[Finding]:
    options = ("--python", sys.executable, "--python-version", PYTHON_VERSION, "--no-progress", "--error-on-warning")
    for row in json.loads(_run(folder, "ty", "check", *options, "--output-format", "gitlab", "cases")):
        place = row["location"]
        yield Finding(Path(place["path"]).name, place["positions"]["begin"]["line"], row["check_name"])


_ZUBAN_LINE: Final = re.compile(r"(?P<path>[^:]+\.py):(?P<line>\d+): error: .*\[(?P<code>[\w-]+)\]$")


def _zuban(folder: Path, _cache: Path) -> Iterator[Finding]:
    (folder / "mypy.ini").write_text("[mypy]\nstrict = true\n")
    options = ("--config-file", "mypy.ini", "--python-version", PYTHON_VERSION, "--python-executable", sys.executable)
    output = _run(folder, "zuban", "check", *options, "--show-error-codes", "--no-pretty", "cases")
    for line in output.splitlines():
        row = _ZUBAN_LINE.match(line)
        if row is not None:
            yield Finding(Path(row["path"]).name, int(row["line"]), row["code"])
        elif ": error: " in line:
            raise RuntimeError(f"zuban wrote a line of another form: {line}")


_RUNS: Final[Mapping[str, Callable[[Path, Path], Iterable[Finding]]]] = {
    "mypy": _mypy,
    "pyright": _pyright,
    "basedpyright": _basedpyright,
    "pyrefly": _pyrefly,
    "ty": _ty,
    "zuban": _zuban,
}
