"""The changelog is what towncrier makes of the fragments."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
FRAGMENTS = sorted((ROOT / "changelog.d").glob("*.md"))


def test_the_changelog_has_a_section_of_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## {PROJECT['version']} (" in changelog


@pytest.mark.skipif(not FRAGMENTS, reason="a release has used up the fragments")
def test_towncrier_reads_every_fragment() -> None:
    pytest.importorskip("towncrier")
    command = [sys.executable, "-m", "towncrier", "build", "--draft", "--version", PROJECT["version"]]
    draft = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for fragment in FRAGMENTS:
        assert "".join(fragment.read_text(encoding="utf-8").split()) in "".join(draft.split()), fragment.name
