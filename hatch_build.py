"""The wheel: of pure Python, or with the fast lanes of ``lanes/`` where LIVEREF_COMPILE=1 asks for them."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class FastLanes(BuildHookInterface[Any]):  # Any: the configuration of a builder, which this hook does not read
    """Adds the extension module to a wheel that is to have it."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What only the compiled wheel needs to be built."""
        return ["setuptools>=80"] if self._is_wanted() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, unless the wheel is to be pure; ``version`` is standard or editable."""
        if version == "editable" or not self._is_wanted():
            return
        module = _compile(Path(self.root) / "lanes")
        build_data["force_include"][str(module)] = f"liveref/{module.name}"
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def _is_wanted(self) -> bool:
        return self.target_name == "wheel" and os.environ.get("LIVEREF_COMPILE") == "1"


def _compile(folder: Path) -> Path:
    """The extension module, for the Python that runs this."""
    from setuptools import Distribution, Extension  # type: ignore[import-untyped]  # noqa: PLC0415  only here it is there

    sources = [str(source) for source in sorted(folder.glob("*.c"))]
    build = Distribution({"ext_modules": [Extension("_clanes", sources)]}).get_command_obj("build_ext")
    build.build_lib = build.build_temp = mkdtemp()
    build.ensure_finalized()
    build.run()
    (module,) = map(Path, build.get_outputs())
    return module
