"""The house: rooms of a size, wings that say what they are for, and pages that draw it as it is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

import pytest

from liveref import _persisted

ROOT: Final = Path(__file__).parents[2]
SOURCE: Final = ROOT / "src" / "liveref"
PLUGIN: Final = ROOT / "mypy_plugin" / "liveref_mypy"
LONGEST: Final = 500
AT_THE_TOP: Final = 12

INTERNALS: Final = (ROOT / "docs" / "internals.md").read_text("utf-8")
CONTRIBUTING: Final = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
PAGES: Final = {"internals": INTERNALS, "contributing": CONTRIBUTING}
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def rooms() -> set[str]:
    """The wings, each with a slash, and the files beside them."""
    wings = {f"{path.parent.name}/" for path in SOURCE.glob("*/__init__.py")}
    return wings | {path.stem for path in SOURCE.glob("*.py") if path.stem != "__init__"}


def layers() -> list[set[str]]:
    """The rooms of the import contract, from the top down."""
    contract = next(each for each in PROJECT["tool"]["importlinter"]["contracts"] if each["type"] == "layers")
    names = [re.findall(r"liveref\.(\w+)", layer) for layer in contract["layers"]]
    return [{f"{name}/" if (SOURCE / name).is_dir() else name for name in layer} for layer in names]


def section(page: str, title: str) -> str:
    """What stands under a heading, up to the next one of any level."""
    return re.split(r"^#+ ", page.split(f" {title}\n", 1)[1], maxsplit=1, flags=re.M)[0]


def code_spans(page: str) -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", page, flags=re.M | re.S)))


def test_a_file_is_not_too_long() -> None:
    files = [*SOURCE.rglob("*.py"), *PLUGIN.rglob("*.py")]
    lines = {path.relative_to(ROOT).as_posix(): len(path.read_text("utf-8").splitlines()) for path in files}
    assert [path for path, count in lines.items() if count > LONGEST] == []


@pytest.mark.parametrize("root", [SOURCE, PLUGIN], ids=lambda root: root.name)
def test_a_wing_says_in_one_line_what_it_is_for(root: Path) -> None:
    texts = {path.parent.name: path.read_text("utf-8") for path in root.glob("*/__init__.py")}
    assert [wing for wing, text in texts.items() if not re.fullmatch(r'"""[^"\n]+\."""\n', text)] == []
    assert {path.parent.name for path in root.glob("*/*.py")} == set(texts)


def test_few_files_stand_at_the_top() -> None:
    assert len(list(SOURCE.glob("*.py"))) <= AT_THE_TOP


def test_each_room_has_its_layer() -> None:
    assert set().union(*layers()) == rooms()


def test_the_map_draws_the_layers() -> None:
    drawing = re.search(r"^```text\n(.*?)^```$", section(INTERNALS, "The map"), re.M | re.S)
    assert drawing is not None
    assert [set(line.split()) for line in drawing[1].splitlines()] == layers()


def test_the_table_of_wings_says_what_each_may_import() -> None:
    rows = re.findall(r"^\| (.+?) \| .+? \| (.*?) ?\|$", section(CONTRIBUTING, "Where things are"), re.M)
    told = {room: set(re.findall(r"`(.+?)`", below)) for names, below in rows for room in re.findall(r"`(.+?)`", names)}
    house = layers()
    for number, layer in enumerate(house):
        below = house[number + 1] if number + 1 < len(house) else set()
        assert {room: told.get(room) for room in layer} == dict.fromkeys(layer, below)


def test_the_persisted_names_are_all_told() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", section(INTERNALS, "The names that stay"), re.M)
    assert sorted(rows) == sorted(_persisted.__all__)


@pytest.mark.parametrize("page", PAGES)
def test_each_path_that_a_page_names_is_there(page: str) -> None:
    paths = [
        span for span in code_spans(PAGES[page]) if re.fullmatch(r"[\w.-]+(/[\w.-]+)*(/|\.(py|md|toml|c|txt))", span)
    ]
    assert paths
    assert [path for path in paths if not any((root / path).exists() for root in (ROOT, SOURCE, PLUGIN))] == []


def is_known(name: str, code: str, classes: dict[str, str]) -> bool:
    """Whether the code has a name; one of a class of liveref has to be in that class."""
    owner, _, member = name.rpartition(".")
    return re.search(rf"\b{member}\b", classes.get(owner, code)) is not None


def test_each_name_that_the_page_of_internals_uses_is_one_of_the_code() -> None:
    """So that what was renamed is told of by its new name."""
    library, plugin = ("\n".join(path.read_text("utf-8") for path in root.rglob("*.py")) for root in (SOURCE, PLUGIN))
    code, classes = library + plugin, dict(re.findall(r"^class (\w+)(.*?)(?=^\S)", library, re.M | re.S))
    names = {span for span in code_spans(INTERNALS) if re.fullmatch(r"[A-Za-z_]\w*(\.\w+)*(\(\))?", span)}
    names -= {span for span in names if span.endswith((".py", ".md"))}
    assert names
    assert [name for name in names if not is_known(name.removesuffix("()"), code, classes)] == []
