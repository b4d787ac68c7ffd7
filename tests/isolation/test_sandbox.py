"""What a program sees, may and is in the sandbox; what is said where there can be none."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from kit.isolation import sandbox
from kit.isolation.bubblewrap import command_line, python_views
from kit.isolation.limits import DEFAULT_LIMITS, Limits
from kit.isolation.sandbox import Sandbox
from tests.support.isolation import need_sandbox, run_in
from tests.support.kit import INGESTION, MODEL, SCORING, Kit, make_bundle

pytestmark = pytest.mark.process


@pytest.fixture
def said(tmp_path: Path) -> dict[str, object]:
    """What a program says about where it is."""
    need_sandbox()
    model = """
import getpass, json, os, sys, tempfile
class Model:
    def load(self):
        status = dict(line.split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
        writable = []
        for folder in ("/", "/app", "/app/program", "/app/ingested_program", "/app/input_data",
                       "/app/data", "/app/output", "/tmp", "/dev", "/dev/shm", "/usr", "/etc"):
            try:
                open(f"{folder}/probe", "w").close()
                os.remove(f"{folder}/probe")
                writable.append(folder)
            except OSError:
                pass
        print("SAID", json.dumps({
            "root": sorted(os.listdir("/")), "etc": sorted(os.listdir("/etc")),
            "processes": len([name for name in os.listdir("/proc") if name.isdigit()]),
            "uid": os.getuid(), "user": getpass.getuser(), "groups": os.getgroups(),
            "effective": status["CapEff"].strip(), "bounding": status["CapBnd"].strip(),
            "no_new_privileges": status["NoNewPrivs"].strip(),
            "writable": writable, "argv": sys.argv, "cwd": os.getcwd(),
            "environment": dict(os.environ), "prefix": sys.prefix, "base": sys.base_prefix,
            "temporary": tempfile.gettempdir(), "version": list(sys.version_info[:3]),
            "userns": os.system("unshare -U true 2>/dev/null"),
        }))
    def predict(self, image):
        return 0.5
"""
    ran = run_in(Sandbox(), model, make_bundle(tmp_path / "bundle"), tmp_path)
    assert not ran.failure, ran.log
    line = next(line for line in ran.log.splitlines() if line.startswith("SAID"))
    content: dict[str, object] = json.loads(line.removeprefix("SAID "))
    return content


def test_a_program_sees_its_own_root_and_paths(said: dict[str, object]) -> None:
    own = {"app", "bin", "dev", "etc", "lib", "lib32", "lib64", "proc", "sbin", "sys", "tmp", "usr"}
    python = {Path(view.path).parts[1] for view in python_views()}
    assert isinstance(said["root"], list)
    assert set(said["root"]) <= own | python
    assert isinstance(said["etc"], list)
    assert not {"shadow", "hostname", "hosts", "ssh", "ssl"} & set(said["etc"])
    assert said["argv"] == [
        "/app/program/ingestion.py", "/app/input_data/", "/app/output/", "/app/program",
        "/app/ingested_program",
    ]  # fmt: skip
    assert said["cwd"] == "/app/program"


def test_a_program_is_nobody_and_may_nothing(said: dict[str, object]) -> None:
    assert said["uid"] == (os.geteuid() or 65534)
    assert said["user"] == "kit"
    assert said["effective"] == said["bounding"] == "0" * 16
    assert said["no_new_privileges"] == "1"
    assert said["userns"] != 0
    # bubblewrap's own first process, ours, and no other.
    assert said["processes"] in (2, 3)


def test_a_program_may_write_where_the_worker_lets_it_but_not_to_the_users_data(
    said: dict[str, object],
) -> None:
    programs = ["/app/program", "/app/ingested_program"]
    assert said["writable"] == [*programs, "/app/output", "/tmp", "/dev/shm"]
    assert said["temporary"] == "/tmp"


def test_a_program_has_the_kits_python_and_the_workers_environment(
    said: dict[str, object],
) -> None:
    assert said["prefix"] == sys.prefix
    assert said["base"] == sys.base_prefix
    assert said["version"] == list(sys.version_info[:3])
    environment = said["environment"]
    assert isinstance(environment, dict)
    assert environment["PYTHONUNBUFFERED"] == "1"
    assert environment["http_proxy"] == ""
    assert environment["HOME"] == "/tmp"
    assert str(Path.home()) not in environment["PATH"] or sys.prefix.startswith(str(Path.home()))


def test_the_output_belongs_to_the_user_afterwards(tmp_path: Path) -> None:
    need_sandbox()
    closed = INGESTION + "import os\nos.mkdir(output / 'deep')\nos.chmod(output / 'deep', 0)\n"
    ran = run_in(Sandbox(), MODEL, make_bundle(tmp_path / "b", ingestion=closed), tmp_path)
    assert not ran.failure, ran.log
    assert ran.scores["accuracy"] == 1.0
    assert {path.stat().st_uid for path in ran.folder.rglob("*")} == {os.geteuid()}


def test_a_closed_umask_closes_nothing_to_the_sandbox(tmp_path: Path) -> None:
    need_sandbox()
    bundle = make_bundle(tmp_path / "bundle")
    before = os.umask(0o077)
    try:
        ran = run_in(Sandbox(), MODEL, bundle, tmp_path)
    finally:
        os.umask(before)
    assert not ran.failure, ran.log


def test_memory_is_limited_without_control_groups_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_sandbox()
    monkeypatch.setattr(sandbox, "memory_group", lambda limit: None)
    greedy = MODEL.replace("pass", "self.hoard = [b'x' * 16_000_000 for _ in range(64)]")
    mode = Sandbox(Limits(memory_bytes=256 * 1024**2))
    ran = run_in(mode, greedy, make_bundle(tmp_path / "bundle"), tmp_path)
    assert ran.failure == "the ingestion program ended with exit status 1"
    assert "MemoryError" in ran.log


def test_one_file_may_not_be_larger_than_the_output(tmp_path: Path) -> None:
    need_sandbox()
    huge = MODEL.replace("pass", "open('/app/output/huge', 'wb').truncate(10**9)")
    mode = Sandbox(Limits(output_bytes=10**6))
    ran = run_in(mode, huge, make_bundle(tmp_path / "bundle"), tmp_path)
    assert "File too large" in ran.log
    assert ran.failure


def test_scoring_runs_in_the_sandbox_too(tmp_path: Path) -> None:
    need_sandbox()
    look = "import os\nprint('SCORING', os.getuid(), sorted(os.listdir('/app')))\n"
    ran = run_in(Sandbox(), MODEL, make_bundle(tmp_path / "b", scoring=look + SCORING), tmp_path)
    uid = os.geteuid() or 65534
    assert f"SCORING {uid} ['data', 'input', 'output', 'program', 'shared']" in ran.log


def test_a_crash_shows_its_signal(tmp_path: Path) -> None:
    need_sandbox()
    crash = MODEL.replace("pass", "import os; os.kill(os.getpid(), 11)")
    ran = run_in(Sandbox(), crash, make_bundle(tmp_path / "bundle"), tmp_path)
    assert ran.failure == "the ingestion program ended with exit status 139 (signal 11)"


@pytest.mark.slow
def test_torch_works_in_the_sandbox(tmp_path: Path) -> None:
    need_sandbox()
    pytest.importorskip("torch")
    model = MODEL.replace(
        "pass", "import torch; print('TORCH', torch.ones(64, 64).matmul(torch.ones(64)).sum())"
    )
    ran = run_in(Sandbox(), model, make_bundle(tmp_path / "bundle"), tmp_path)
    assert not ran.failure, ran.log
    assert "TORCH tensor(4096.)" in ran.log


def tools(folder: Path, bwrap: str) -> str:
    """A PATH on which bubblewrap is this script."""
    folder.mkdir()
    for name, text in (("bwrap", bwrap), ("prlimit", "true"), ("setpriv", "true")):
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return str(folder)


@pytest.mark.parametrize(
    ("bwrap", "message"),
    [
        (None, "apt-get install bubblewrap"),
        ("echo bubblewrap 0.4.0", "expected bubblewrap 0.6 or newer, found 0.4.0"),
        (
            '[ "$1" = --version ] && echo bubblewrap 0.8.0 && exit 0\n'
            "echo 'setting up uid map: Permission denied' >&2; exit 1",
            "does not let bubblewrap work: setting up uid map: Permission denied To do: allow",
        ),
    ],
)
def test_where_there_is_no_sandbox_one_message_says_what_to_do(
    kit: Kit, bundle: Path, submission: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    bwrap: str | None, message: str,
) -> None:  # fmt: skip
    path = tools(tmp_path / "tools", bwrap or "")
    if bwrap is None:
        Path(path, "bwrap").unlink()
    monkeypatch.setenv("PATH", path)
    answer = kit("run", submission, "--bundle", bundle, "--mode", "sandbox", "--out", "here")
    assert answer.status == 1
    assert message in answer.text
    assert not Path("here").exists()


def test_bubblewrap_may_lie_anywhere_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_sandbox()
    # Programs in the sandbox have the system's PATH only, as conda's or a home's bin is not in it.
    own = tmp_path / "home" / "bin"
    own.mkdir(parents=True)
    own.parent.chmod(0o700)
    shutil.copy2(str(shutil.which("bwrap")), own)
    monkeypatch.setenv("PATH", f"{own}:{os.environ['PATH']}")
    assert command_line(["true"], [], "/", DEFAULT_LIMITS, gpus=False)[0] == str(own / "bwrap")
    ran = run_in(Sandbox(), MODEL, make_bundle(tmp_path / "bundle"), tmp_path)
    assert not ran.failure, ran.log


def test_the_working_directory_is_writable_and_a_copy(tmp_path: Path) -> None:
    need_sandbox()
    write = "open('run.log', 'w').write('x')\n"
    bundle = make_bundle(tmp_path / "b", ingestion=write + INGESTION, scoring=write + SCORING)
    ran = run_in(Sandbox(), "import logging\nlogging.basicConfig(filename='m.log')" + MODEL, bundle,
                 tmp_path)  # fmt: skip
    assert not ran.failure, ran.log
    assert not list(tmp_path.rglob("*.log"))


def test_the_command_line_runs_a_sandbox(kit: Kit, bundle: Path, submission: Path) -> None:
    need_sandbox()
    options = ("--mode", "sandbox", "--memory", "512M", "--json")
    answer = kit("run", submission, "--bundle", bundle, *options)
    assert answer.status == 0, answer.text
    assert answer.json["mode"] == "sandbox"
    assert answer.json["scores"]["accuracy"] == 1.0
    assert all(step["peak_bytes"] > 5_000_000 for step in answer.json["steps"])
