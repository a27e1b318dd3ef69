"""The mypy plugin of liveref: ``plugins = ["liveref_mypy"]`` in mypy's configuration, and nothing else.

It neither imports liveref nor the code that is checked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy.plugin import Plugin

__all__ = ["lint", "plugin"]


def plugin(version: str) -> type[Plugin]:  # noqa: ARG001  mypy calls it so
    """The class that mypy makes its plugin of."""
    from liveref_mypy._plugin import LiverefPlugin  # noqa: PLC0415  the linter says in words where there is no mypy

    return LiverefPlugin


def lint(version: str) -> type[Plugin]:  # noqa: ARG001  mypy calls it so
    """The same for ``python -m liveref lint``: ``plugins = ["liveref_mypy:lint"]``."""
    from liveref_mypy._plugin import LintPlugin  # noqa: PLC0415  as above

    return LintPlugin
