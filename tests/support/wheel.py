"""The kit's wheel in an environment of its own, which has the light core and nothing else."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.support.repository import ROOT


@dataclass(frozen=True)
class Installed:
    """An environment that holds the wheel, and the wheel."""

    folder: Path
    wheel: Path

    @property
    def packages(self) -> Path:
        """Where the environment has its packages."""
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found

    def variables(self) -> dict[str, str]:
        """What a shell has after `source bin/activate`: no checkout, no index, no settings."""
        inherited = {name: os.environ[name] for name in ("TMPDIR", "LANG") if name in os.environ}
        path = os.pathsep.join([str(self.folder / "bin"), os.environ.get("PATH", os.defpath)])
        return inherited | {"PATH": path, "HOME": str(self.folder), **OFFLINE}


OFFLINE = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "UV_OFFLINE": "1"}


def install(folder: Path) -> Installed:
    """Build the wheel and install it into a new environment; skip the test where that cannot be."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling, of the extra dev, is not installed here")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory"]
    subprocess.run([*build, str(folder / "dist")], cwd=ROOT, check=True, capture_output=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    made = Installed(folder / "environment", wheel)
    venv.create(made.folder, symlinks=True)
    command = [*pip_install(made.folder), "--quiet", "--no-deps", str(wheel)]
    subprocess.run(command, check=True, env=os.environ | OFFLINE)
    (kit,) = distributions(path=[str(made.packages)])
    core = _link_packages(kit.requires or [], folder / "core")
    (made.packages / "core.pth").write_text(f"{core}\n", encoding="utf-8")
    return made


def pip_install(environment: Path) -> list[str]:
    """Return the command that installs into an environment."""
    python = str(environment / "bin/python")
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "--python", python, "install"]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--python", python]
    pytest.skip("neither pip nor uv is installed here")


def _link_packages(requirements: list[str], folder: Path) -> Path:
    """Make a folder of links to the packages that fulfil the requirements, and to nothing else."""
    folder.mkdir()
    for name in _closure(requirements):
        found = distribution(name)
        tops = {path.parts[0] for path in found.files or ()} - {"..", "__pycache__"}
        for top in sorted(tops):
            (folder / top).symlink_to(Path(str(found.locate_file(top))))
    return folder


def _closure(requirements: list[str]) -> Iterator[str]:
    """Give the names of the distributions that are needed, directly or through each other."""
    pending, seen = [Requirement(line) for line in requirements], set[str]()
    while pending:
        wanted = pending.pop()
        unmet = wanted.marker and not wanted.marker.evaluate({"extra": ""})
        if wanted.name.lower() in seen or unmet:
            continue
        seen.add(wanted.name.lower())
        try:
            needs = distribution(wanted.name).requires or []
        except PackageNotFoundError:
            pytest.skip(f"{wanted.name} is not installed here")
        yield wanted.name
        pending += [Requirement(line) for line in needs]
