"""The wheel: with the fast lanes of ``lanes/`` where they compile; of pure Python where not, or with LIVEREF_PURE=1."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class FastLanes(BuildHookInterface[Any]):  # Any: the configuration of a builder, which this hook does not read
    """Adds the extension module to a wheel that can have it."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What only the compiled wheel needs to be built."""
        return ["setuptools>=80"] if self._is_wanted() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, unless the wheel is to be pure; ``version`` is standard or editable."""
        if version == "editable" or not self._is_wanted():
            return
        try:
            module = _compile(Path(self.root) / "lanes")
        except Exception as error:  # noqa: BLE001  whatever a compiler or a setuptools does: a pure wheel is right too
            print(f"liveref: built without the fast lanes, in pure Python ({type(error).__name__})", file=sys.stderr)  # noqa: T201
            return
        build_data["force_include"][str(module)] = f"liveref/{module.name}"
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def _is_wanted(self) -> bool:
        pure = os.environ.get("LIVEREF_PURE") == "1" or sysconfig.get_config_var("Py_GIL_DISABLED")
        return self.target_name == "wheel" and not pure


def _compile(folder: Path) -> Path:
    """The extension module, for the Python that runs this, which has imported it once."""
    from setuptools import Distribution, Extension  # type: ignore[import-untyped]  # noqa: PLC0415  only here it is there

    sources = [str(source) for source in sorted(folder.glob("*.c"))]
    build = Distribution({"ext_modules": [Extension("_clanes", sources)]}).get_command_obj("build_ext")
    build.build_lib = build.build_temp = mkdtemp()
    build.ensure_finalized()
    build.run()
    (module,) = map(Path, build.get_outputs())
    # A compiler that writes nothing, or for another machine, fails here and not in a user's program.
    subprocess.run([sys.executable, "-c", "import _clanes"], cwd=module.parent, check=True, capture_output=True)
    return module
