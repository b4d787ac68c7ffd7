"""Pipes, sockets, devices, dangling links and unreadable files: named at once, never waited for.

Each command has a time limit: a kit that opens a pipe hangs.
"""

from __future__ import annotations

import io
import os
import signal
import socket
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import FrameType

import pytest

from kit.cli import main
from kit.digests import digests_of
from kit.trees import Kind, StrangeFiles, copy_files, remove_tree, walk
from kit.zips import Entry, write_zip
from tests.support.isolation import need_sandbox
from tests.support.kit import MODEL, make_bundle, make_submission, write_tree

LIMIT_S = 60


def bind_socket(path: Path) -> None:
    """Bind a socket; the address may be 108 bytes long, and a path of pytest's is longer."""
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
    finally:
        os.chdir(here)


def link_around(path: Path) -> None:
    path.symlink_to(path.parent, target_is_directory=True)


STRANGE: dict[str, tuple[Callable[[Path], None], Kind]] = {
    "pipe.jpg": (os.mkfifo, Kind.PIPE),
    "socket.jpg": (bind_socket, Kind.SOCKET),
    "nowhere.jpg": (lambda path: path.symlink_to("gone.jpg"), Kind.DANGLING),
    "itself.jpg": (lambda path: path.symlink_to(path.name), Kind.DANGLING),
    "zero.jpg": (lambda path: path.symlink_to("/dev/zero"), Kind.DEVICE),
    "around": (link_around, Kind.LOOP),
}
DATA = ("input_data", "reference_data", "scoring_program", "ingestion_program")


def make_strange(folder: Path) -> list[str]:
    for name, (make, _) in STRANGE.items():
        make(folder / name)
    return list(STRANGE)


class Hangs(BaseException):
    """A command does not end; no handler of the kit takes it for an error of its own."""


def hangs(number: int, frame: FrameType | None) -> None:
    raise Hangs


def kit_says(folder: Path, *arguments: str | Path) -> tuple[int, str]:
    """Run a command in `folder`; it fails the test where it does not end."""
    before, said = Path.cwd(), io.StringIO()
    handler = signal.signal(signal.SIGALRM, hangs)
    os.chdir(folder)
    signal.alarm(LIMIT_S)
    try:
        with redirect_stdout(said), redirect_stderr(said), pytest.raises(SystemExit) as caught:
            main([*map(str, arguments)])
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)
        os.chdir(before)
    text = said.getvalue()
    assert "\nTraceback" not in f"\n{text}", text  # one of a submission's log is indented
    return int(caught.value.code or 0), text


def test_a_walk_meets_regular_files_and_names_the_rest(tmp_path: Path) -> None:
    write_tree(tmp_path / "tree", {"a.txt": "a", "b/c.txt": "c"})
    make_strange(tmp_path / "tree/b")
    (tmp_path / "tree/good").symlink_to("a.txt")
    kinds = {item.name: item.kind for item in walk(tmp_path / "tree")}
    expected = {f"b/{name}": kind for name, (_, kind) in STRANGE.items()}
    files = dict.fromkeys(("a.txt", "b/c.txt", "good"), Kind.FILE)
    assert kinds == files | expected


def test_links_that_multiply_end(tmp_path: Path) -> None:
    """Thirty folders with two links to the next one hold a thousand million paths."""
    for number in range(30):
        (tmp_path / f"{number:02}").mkdir()
        for name in ("a", "b"):
            (tmp_path / f"{number:02}" / name).symlink_to(f"../{number + 1:02}")
    write_tree(tmp_path, {"30/file.txt": "x"})
    items = list(walk(tmp_path))
    assert len(items) < 1000
    assert {item.kind for item in items} == {Kind.FILE, Kind.MANY}, items


def test_many_links_to_one_folder_of_links_are_good(tmp_path: Path) -> None:
    write_tree(tmp_path, {"images/a.png": "a", "images/b.png": "b"})
    for split in ("train", "dev", "test"):
        (tmp_path / split).symlink_to("images")
    assert {item.kind for item in walk(tmp_path)} == {Kind.FILE}
    assert len(list(walk(tmp_path))) == 8


DEEP = MODEL.replace(
    "pass",
    "import os, sys\n"
    "        here = os.getcwd()\n"
    "        for place in (os.path.dirname(__file__), sys.argv[2]):\n"
    "            os.chdir(place)\n"
    "            for _ in range(1200):\n"
    "                os.mkdir('d')\n"
    "                os.chdir('d')\n"
    "            os.chdir(here)",
)


def test_what_a_submission_nests_deeply_is_removed(tmp_path: Path) -> None:
    bundle, submission = make_bundle(tmp_path / "bundle"), make_submission(tmp_path / "s", DEEP)
    assert kit_says(tmp_path, "run", submission, "--bundle", bundle, "--out", "run")[0] == 0
    assert not list((tmp_path / "run").glob(".stage-*"))


def test_a_folder_is_removed_with_all_that_it_holds(tmp_path: Path) -> None:
    kept = write_tree(tmp_path / "kept", {"a.txt": "a"})
    folder = write_tree(tmp_path / "gone", {"a/b/c.txt": "c", "a/d/e.txt": "e", "f.txt": "f"})
    make_strange(folder / "a/b")
    (folder / "a/link").symlink_to(kept)
    (folder / "a/d").chmod(0)
    remove_tree(folder)
    assert not folder.exists()
    assert (kept / "a.txt").read_text() == "a"


def test_folders_nested_deeper_than_python_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(1200):
        Path("d").mkdir()
        os.chdir("d")
    Path("file.txt").write_text("x")
    kinds = [item.kind for item in walk(tmp_path)]
    remove_tree(tmp_path / "d")  # pytest's own cleaning of old folders is recursive
    assert kinds == [Kind.FILE]


def test_without_following_every_link_is_a_link(tmp_path: Path) -> None:
    make_strange(tmp_path)
    kinds = {item.name: item.kind for item in walk(tmp_path, follow=False)}
    assert kinds.pop("pipe.jpg") is Kind.PIPE
    assert kinds.pop("socket.jpg") is Kind.SOCKET
    assert set(kinds.values()) == {Kind.LINK}


def test_what_the_user_may_not_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests may run as root, who may read everything; so the system's answer is replaced."""
    write_tree(tmp_path / "tree", {"a.txt": "a", "closed/b.txt": "b", "secret.txt": "c"})
    closed = {tmp_path / "tree/closed", tmp_path / "tree/secret.txt"}
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) not in closed)
    with pytest.raises(StrangeFiles) as caught:
        digests_of({"data": tmp_path / "tree"})
    assert [problem.rpartition("/")[2] for problem in caught.value.problems] == [
        "closed: cannot be read",
        "secret.txt: cannot be read",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permissions_is_named(bundle: Path, submission: Path) -> None:
    (bundle / "input_data/1.png").chmod(0)
    status, text = kit_says(bundle.parent, "run", submission, "--bundle", bundle)
    assert (status, "1.png: cannot be read" in text) == (1, True)


@pytest.mark.parametrize("use", ["digest", "zip", "copy"])
def test_what_vanishes_or_turns_into_a_pipe_is_named(
    use: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the walk and the reading, the tree may change."""
    source = write_tree(tmp_path / "tree", {"a.txt": "a", "b.txt": "b", "c.txt": "c"})
    entries = [Entry(item.name, item.path) for item in walk(source)]
    seen = list(walk(source))
    (source / "a.txt").unlink()
    (source / "b.txt").unlink()
    os.mkfifo(source / "b.txt")
    for module in ("kit.trees", "kit.digests"):
        monkeypatch.setattr(f"{module}.walk", lambda path, **_: seen)
    uses: dict[str, Callable[[], object]] = {
        "digest": lambda: digests_of({"data": source}),
        "zip": lambda: write_zip(entries, tmp_path / "out.zip"),
        "copy": lambda: copy_files(source, tmp_path / "copy"),
    }
    with pytest.raises(StrangeFiles) as caught:
        uses[use]()
    assert caught.value.problems == (
        f"{source}/a.txt: vanished while it was read",
        f"{source}/b.txt: cannot be read (not a regular file)",
    )
    assert not (tmp_path / "out.zip").exists()


def test_a_run_names_everything_of_all_folders_at_once(tmp_path: Path) -> None:
    bundle, submission = make_bundle(tmp_path / "bundle"), make_submission(tmp_path / "wide")
    names = [f"{folder}/{name}" for folder in DATA for name in make_strange(bundle / folder)]
    status, text = kit_says(tmp_path, "run", submission, "--bundle", bundle, "--out", "run")
    assert status == 1
    assert [name for name in names if f"{name}: " not in text] == []


def test_check_gives_the_code_and_bundle_refuses(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    names = [f"{folder}/{name}" for folder in DATA for name in make_strange(bundle / folder)]
    status, text = kit_says(tmp_path, "check", bundle, "--json")
    assert (status, text.count('"special-file"')) == (1, len(names)), text
    status, text = kit_says(tmp_path, "bundle", bundle)
    assert status == 1
    assert [name for name in names if f"{name}: a" not in text] == []
    assert not (tmp_path / "dist/bundle_bundle.zip").exists()


@pytest.mark.parametrize("place", ["page.md", "logo.png", "input_data", "scoring_program"])
def test_a_pipe_in_the_place_of_a_named_file(place: str, tmp_path: Path) -> None:
    bundle, submission = make_bundle(tmp_path / "bundle"), make_submission(tmp_path / "wide")
    (bundle / place).rename(tmp_path / "old")
    os.mkfifo(bundle / place)
    for command in ("check", "bundle"):
        status, text = kit_says(tmp_path, command, bundle)
        assert (status, place in text) == (1, True), text
    if place not in ("page.md", "logo.png"):
        assert kit_says(tmp_path, "run", submission, "--bundle", bundle)[0] == 1


@pytest.mark.parametrize("name", ["pipe.zip", "competition.yaml"])
def test_a_pipe_in_the_place_of_the_bundle(name: str, tmp_path: Path) -> None:
    submission = make_submission(tmp_path / "wide")
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    os.mkfifo(bundle / name)
    target = bundle if name == "competition.yaml" else bundle / name
    commands: tuple[list[str | Path], ...] = (
        ["check", target],
        ["check", submission, "--bundle", target, "--quick"],
        ["run", submission, "--bundle", target],
        ["bundle", target],
        ["run", target],
    )
    for arguments in commands:
        assert kit_says(tmp_path, *arguments)[0] in (1, 2), arguments


@pytest.mark.parametrize("name", ["model.py", "metadata", "requirements.txt", "weights/a.npz"])
def test_a_pipe_in_a_submission(name: str, tmp_path: Path) -> None:
    submission = make_submission(tmp_path / "wide", **{"weights/b.txt": "b"})
    (submission / name).unlink(missing_ok=True)
    os.mkfifo(submission / name)
    for command in ("check", "pack"):
        status, text = kit_says(tmp_path, command, submission)
        assert (status, name in text) == (1, True), text
    assert kit_says(tmp_path, "run", submission, "--bundle", make_bundle(tmp_path / "b"))[0] < 2


def test_a_check_against_a_bundle_with_a_pipe_ends(tmp_path: Path) -> None:
    bundle, submission = make_bundle(tmp_path / "bundle"), make_submission(tmp_path / "wide")
    os.mkfifo(bundle / "input_data/pipe.png")
    os.mkfifo(bundle / "reference_data/other.csv")
    os.mkfifo(bundle / "ingestion_program/extra.py")
    status, text = kit_says(tmp_path, "check", submission, "--bundle", bundle)
    assert (status, text.count("special-file")) == (1, 3), text


def test_a_pipe_among_the_records_and_the_references(tmp_path: Path) -> None:
    (tmp_path / "runs/one").mkdir(parents=True)
    os.mkfifo(tmp_path / "runs/one/run.json")
    assert kit_says(tmp_path, "list")[0] == 0
    assert kit_says(tmp_path, "run", "--resume", "one")[0] == 2
    write_tree(tmp_path, {"predictions.txt": "a.png,1\n", "ref/ref.csv": "filename\n"})
    make_strange(tmp_path / "ref")
    status, text = kit_says(tmp_path, "score", "predictions.txt", "ref")
    assert status == 1
    assert [name for name in STRANGE if f"ref/{name}: " not in text] == []


def test_links_out_of_the_data_are_followed_where_they_lead_somewhere(tmp_path: Path) -> None:
    bundle, submission = make_bundle(tmp_path / "bundle"), make_submission(tmp_path / "wide")
    (bundle / "input_data/1.png").rename(tmp_path / "elsewhere.png")
    (bundle / "input_data/1.png").symlink_to(tmp_path / "elsewhere.png")
    run: list[str | Path] = ["run", submission, "--bundle", bundle, "--mode"]
    assert kit_says(tmp_path, *run, "subprocess")[0] == 0
    need_sandbox()
    status, text = kit_says(tmp_path, *run, "sandbox")
    assert status == 1
    assert f"1.png: a link to {tmp_path}/elsewhere.png" in text
    assert "--mode subprocess" in text
