"""The parts of isolation by themselves: logs, the supervisor, control groups, limits, options."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest

from kit.errors import KitError
from kit.files import WriteFailed
from kit.isolation.cgroups import memory_group
from kit.isolation.limits import DEFAULT_LIMITS, Limits, OutputWatch, disk_usage
from kit.isolation.logs import CappedLog
from kit.isolation.process import Command, LocalProcess, Outcome, run_together
from tests.support.isolation import need_sandbox
from tests.support.kit import Kit, make_bundle, make_submission


def ran(folder: Path, *argv: str) -> Outcome:
    """One command under the supervisor."""
    command = Command(list(argv), folder, dict(os.environ), folder / "out", folder / "err", 1024**2)
    (outcome,) = run_together(
        [lambda: LocalProcess(command)], 20, lambda elapsed: None, lambda: False
    )
    return outcome


def test_a_small_log_is_kept_whole(tmp_path: Path) -> None:
    log = CappedLog(tmp_path / "log", 10**6)
    for _ in range(100):
        log.write(b"line\n")
    log.close()
    log.write(b"too late")
    assert (tmp_path / "log").read_bytes() == b"line\n" * 100


def test_a_large_log_keeps_its_beginning_and_its_end(tmp_path: Path) -> None:
    log = CappedLog(tmp_path / "log", 100_000)
    log.write(b"first\n" + b"x" * 500_000)
    log.write(b"y" * 500_000 + b"\nlast")
    log.close()
    content = (tmp_path / "log").read_bytes()
    assert content.startswith(b"first\nxxx")
    assert content.endswith(b"yyy\nlast")
    assert b"[kit: 900,011 bytes cut here; a log holds at most 100,000]" in content
    assert len(content) < 100_100


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_under_a_log_is_told_at_the_end() -> None:
    log = CappedLog(Path("/dev/full"), 100_000)
    log.write(b"text")
    log.write(b"text")
    with pytest.raises(WriteFailed, match="/dev/full: the log cannot be written: No space left"):
        log.close()


@pytest.mark.parametrize(
    ("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", -9), ("kill -15 $$", -15)]
)
def test_the_supervisor_passes_on_how_a_command_ended(
    tmp_path: Path, script: str, status: int
) -> None:
    outcome = ran(tmp_path, "sh", "-c", f"echo said; echo wrong >&2; {script}")
    assert outcome.exit_status == status
    assert outcome.stop is None
    assert (tmp_path / "out").read_text() == "said\n"
    assert (tmp_path / "err").read_text() == "wrong\n"
    assert outcome.peak_bytes > 500_000


def test_a_command_that_does_not_exist_is_127(tmp_path: Path) -> None:
    assert ran(tmp_path, "no-such-command-of-ours", "x").exit_status == 127
    said = (tmp_path / "err").read_text()
    assert said == "no-such-command-of-ours: cannot be started: No such file or directory\n"


def marked(mark: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def wait_for(condition: object, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.02)
    return False


linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's /proc and prctl")


@pytest.mark.process
@linux_only
@pytest.mark.parametrize("mode", ["subprocess", "sandbox"])
def test_killing_the_kit_leaves_no_process(mode: str, tmp_path: Path) -> None:
    if mode == "sandbox":
        need_sandbox()
    mark = f"{600 + secrets.randbelow(10**6) / 10**6:.6f}"
    model = f"""
        import subprocess, time
        class Model:
            def load(self):
                subprocess.Popen(["sleep", "{mark}"], start_new_session=True)
                time.sleep(600)
    """
    slow = make_submission(tmp_path / "slow", model=model)
    arguments = ["run", str(slow), "--bundle", str(make_bundle(tmp_path / "bundle"))]
    process = subprocess.Popen(
        [sys.executable, "-m", "kit", *arguments, "--mode", mode],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )  # fmt: skip
    try:
        assert wait_for(lambda: marked(mark), 30)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert wait_for(lambda: not marked(mark))


@pytest.mark.process
@linux_only
def test_killing_the_supervisor_kills_the_command(tmp_path: Path) -> None:
    mark = f"{600 + secrets.randbelow(10**6) / 10**6:.6f}"
    outcome = ran(tmp_path, "sh", "-c", f"sleep {mark} & kill -9 $PPID; sleep {mark}")
    assert outcome.exit_status == -9
    assert wait_for(lambda: not marked(mark))


def test_control_groups_of_version_2_are_written_as_the_kernel_wants(tmp_path: Path) -> None:
    own = tmp_path / "self"
    own.write_text("0::/user/session\n")
    (tmp_path / "user/session").mkdir(parents=True)
    (tmp_path / "user/cgroup.subtree_control").write_text("cpu memory pids\n")
    (tmp_path / "user/session/cgroup.subtree_control").write_text("\n")
    group = memory_group(1000, root=tmp_path, own=own)
    assert group is not None
    assert group.folder.parent == tmp_path / "user"
    assert (group.folder / "memory.max").read_text() == "1000"
    assert group.kills() == 0
    (group.folder / "memory.events").write_text("low 0\nmax 3\noom 1\noom_kill 2\n")
    assert group.kills() == 2


@pytest.mark.parametrize("content", ["", "0::/\n", "nonsense", "4:memory:/deep\n"])
def test_no_control_groups_are_no_error(tmp_path: Path, content: str) -> None:
    own = tmp_path / "self"
    own.write_text(content)
    assert memory_group(1000, root=tmp_path / "none", own=own) is None
    assert memory_group(1000, root=tmp_path, own=tmp_path / "nothing") is None


def test_a_control_group_that_cannot_be_joined_is_removed_again(tmp_path: Path) -> None:
    own = tmp_path / "self"
    own.write_text("4:memory:/\n")
    (tmp_path / "memory").write_text("no folder")
    assert memory_group(1000, root=tmp_path, own=own) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["memory", "self"]


def test_the_watch_counts_files_and_bytes_but_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a").write_bytes(b"x" * 50_000)
    (tmp_path / "everything").symlink_to("/")
    files, used = disk_usage(tmp_path)
    assert files == 3
    assert 50_000 <= used < 200_000
    assert not OutputWatch([tmp_path], Limits(output_bytes=10**6)).exceeded()
    assert OutputWatch([tmp_path], Limits(output_bytes=40_000)).exceeded()
    assert OutputWatch([tmp_path], Limits(output_files=2)).exceeded()
    grown = OutputWatch([], Limits(output_bytes=40_000), grown=[tmp_path])
    assert not grown.exceeded()


def test_memory_is_four_fifths_of_the_machine_unless_said() -> None:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert DEFAULT_LIMITS.memory == total * 4 // 5
    assert Limits(memory_bytes=10**9).memory == 10**9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mode", "sandbox", "--install"], "--install is for --mode subprocess: there is no"),
        (["--mode", "sandbox", "--image", "x", "--network"], "--network is for --mode container"),
        (["--memory", "1G"], "--memory is for --mode sandbox or container"),
        (["--gpus"], "a process sees the machine's GPUs anyway"),
        (["--mount-site-packages"], "--mount-site-packages is for --mode container"),
        (["--memory", "1M", "--mode", "sandbox"], "at least 64M, found '1M'"),
        (["--memory", "lots", "--mode", "sandbox"], "expected a size as 512M or 8G"),
        (["--mode", "chroot"], "'chroot' is not one of"),
    ],
)
def test_options_that_a_mode_does_not_have_are_refused(
    kit: Kit, bundle: Path, submission: Path, arguments: list[str], message: str
) -> None:
    answer = kit("run", submission, "--bundle", bundle, *arguments)
    assert answer.status == 2
    assert message in answer.text
    assert not Path("runs").exists()


def test_no_engine_is_one_message_with_every_socket(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("docker", reason="the extra `containers` is not installed")
    from kit.isolation import engine

    monkeypatch.setattr(engine, "_addresses", lambda: [f"unix://{tmp_path}/{n}" for n in "ab"])
    with pytest.raises(KitError) as caught:
        engine.connect()
    assert caught.value.problems == (
        f"unix://{tmp_path}/a: there is no such socket",
        f"unix://{tmp_path}/b: there is no such socket",
    )
    assert "start Docker" in caught.value.hint


def test_docker_host_is_the_only_engine_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    from kit.isolation import engine

    monkeypatch.setenv("DOCKER_HOST", "unix:///one")
    assert engine._addresses() == ["unix:///one"]
    monkeypatch.delenv("DOCKER_HOST")
    assert "unix:///var/run/docker.sock" in engine._addresses()


def test_without_the_docker_sdk_the_pip_command_is_named(
    kit: Kit, bundle: Path, submission: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "docker"]:
        monkeypatch.delitem(sys.modules, name)
    # What is found in a checkout without the SDK: the folder docker/, a package of no modules.
    folder = types.ModuleType("docker")
    folder.__path__ = []
    monkeypatch.setitem(sys.modules, "docker", folder)
    answer = kit("run", submission, "--bundle", bundle, "--mode", "container")
    assert answer.status == 1
    assert "pip install 'wildlife-challenge-kit[containers]'" in answer.text
