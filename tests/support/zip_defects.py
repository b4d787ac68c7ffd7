"""Defects by name: each corrupts the zip of a good submission in one way."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.checks import Defect


def _rewrite(change: Callable[[zipfile.ZipFile], Any]) -> Callable[[Path], None]:
    """Add to a zip."""

    def seed(path: Path) -> None:
        with zipfile.ZipFile(path, "a") as archive:
            change(archive)

    return seed


def _zip_of_folder(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(f"mine/{name}", data)


def _zip_link(archive: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo("net.py")
    info.external_attr = 0o120777 << 16
    archive.writestr(info, "model.py")


def _zip_twice(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _rewrite(lambda archive: archive.writestr("model.py", "x"))(path)


def _encrypt(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        directory = archive.start_dir
    data = bytearray(path.read_bytes())
    for place in (6, directory + 8):  # the flags of the first entry, given twice
        data[place] |= 1
    path.write_bytes(bytes(data))


def _break_content(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data.replace(b"A model that breaks no rule", b"A model that breaks a rule!"))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def _renamed(path: Path, name: str) -> Path:
    return path.rename(path.with_name(name))


def _no_zip(path: Path) -> None:
    path.write_text("hello")


def _empty(path: Path) -> None:
    with zipfile.ZipFile(path, "w"):
        pass


def _beyond_inspection(path: Path) -> None:
    """Give a name that fits by itself, but not below the folder where the zip is unpacked."""
    folders = "/".join(["d" * 200] * 20)
    _rewrite(lambda a: a.writestr(f"{folders}/{'x' * 70}", "x"))(path)


ZIP_DEFECTS = (
    Defect("the folder was zipped", "zip-root", _zip_of_folder),
    Defect("__MACOSX", "zip-junk", _rewrite(lambda a: a.writestr("__MACOSX/._model.py", "x"))),
    Defect(".DS_Store", "zip-junk", _rewrite(lambda a: a.writestr(".DS_Store", "x"))),
    Defect("bytecode", "zip-junk", _rewrite(lambda a: a.writestr("__pycache__/model.pyc", "x"))),
    Defect("cut off", "zip-damaged", _cut),
    Defect("a wrong checksum", "zip-damaged", _break_content),
    Defect("no zip at all", "zip-damaged", _no_zip),
    Defect("nothing in it", "zip-empty", _empty),
    Defect("a link", "zip-link", _rewrite(_zip_link)),
    Defect("a name with ..", "zip-escape", _rewrite(lambda a: a.writestr("../x.py", "x"))),
    Defect("an absolute name", "zip-escape", _rewrite(lambda a: a.writestr("/x.py", "x"))),
    Defect("backslashes", "zip-backslash", _rewrite(lambda a: a.writestr("net\\x.py", "x"))),
    Defect("a name twice", "zip-duplicate", _zip_twice),
    Defect("a name of 304 bytes", "zip-unsafe",
           _rewrite(lambda a: a.writestr("n" * 300 + ".txt", "x"))),
    Defect("folders deeper than a path may be", "zip-unsafe",
           _rewrite(lambda a: a.writestr("d" * 200 + "/" + ("d" * 200 + "/") * 21 + "x", "x"))),
    Defect("a file that is a folder too", "zip-unsafe",
           _rewrite(lambda a: a.writestr("model.py/x.md", "x"))),
    Defect("an entry without a name", "zip-unsafe",
           _rewrite(lambda a: a.writestr(zipfile.ZipInfo("\0x"), "x"))),
    Defect("an entry that is the folder itself", "zip-unsafe",
           _rewrite(lambda a: a.writestr(".", "x"))),
    Defect("a name twice, once with ./", "zip-duplicate",
           _rewrite(lambda a: a.writestr("./model.py", "x"))),
    Defect("what only unpacking shows", "not-checked", _beyond_inspection),
    Defect("a password", "zip-encrypted", _encrypt),
    Defect("a name of 65 characters", "zip-name", lambda p: _renamed(p, "n" * 61 + ".zip")),
    Defect("a zip called .tar", "zip-name", lambda p: _renamed(p, "good.tar")),
    Defect("a key in the zip", "secret-file", _rewrite(lambda a: a.writestr("id_rsa", "x"))),
    Defect("a token in the zip", "secret-text",
           _rewrite(lambda a: a.writestr("n.md", "ghp_" + "x" * 36))),
)  # fmt: skip
