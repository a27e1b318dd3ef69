"""The mypy plugin of liveref: ``plugins = ["liveref_mypy"]`` in mypy's configuration, and nothing else.

It neither imports liveref nor the code that is checked.
"""

from __future__ import annotations

from mypy.plugin import Plugin

from liveref_mypy._plugin import LintPlugin, LiverefPlugin

__all__ = ["lint", "plugin"]


def plugin(version: str) -> type[Plugin]:  # noqa: ARG001  mypy calls it so
    """The class that mypy makes its plugin of."""
    return LiverefPlugin


def lint(version: str) -> type[Plugin]:  # noqa: ARG001  mypy calls it so
    """The same for ``python -m liveref lint``: ``plugins = ["liveref_mypy:lint"]``."""
    return LintPlugin
