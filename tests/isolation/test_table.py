"""The worker's mounts, flags and limits: the facts, and that all three modes go by them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.isolation import platform_table as worker
from kit.isolation.limits import Limits
from kit.isolation.modes import MODES
from kit.isolation.programs import Job, make_job
from kit.isolation.promises import PROMISES, markdown_table

ROOT = Path(__file__).resolve().parents[2]

# Facts of the worker (codalab/codabench at c7dbc756, compute_worker.py 889-1050), written down
# a second time on purpose: path -> mounted writable.
ALWAYS = {"/app/program": True, "/app/output": True, "/app/data": False}
INPUT = {"/app/input": True, "/app/input/ref": True, "/app/shared": True, "/app/input_data": True}
FACTS = {
    "prediction submission": ALWAYS | {"/app/input_data": True},
    "prediction ingestion": ALWAYS | {"/app/input_data": True, "/app/ingested_program": True},
    "scoring program": ALWAYS | INPUT,
    "late ingestion": ALWAYS | INPUT | {"/app/ingested_program": True},
}


@pytest.mark.parametrize("kind", worker.CONTAINER_KINDS, ids=lambda kind: kind.name)
def test_mounts_are_the_workers(kind: worker.ContainerKind) -> None:
    assert {mount.path: mount.writable for mount in kind.mounts} == FACTS[kind.name]


def test_only_data_is_optional() -> None:
    optional = {m.path for kind in worker.CONTAINER_KINDS for m in kind.mounts if m.optional}
    assert optional == {"/app/input_data", "/app/input/ref"}


def test_a_prediction_never_has_the_reference_data() -> None:
    for kind in (worker.SUBMISSION, worker.INGESTION):
        assert kind.step == "prediction"
        held = {mount.holds for mount in kind.mounts}
        assert not held & {"reference_data", "input", "scoring_program", "shared"}


def test_flags_are_the_workers() -> None:
    assert worker.CAP_DROP == (
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD",
        "NET_BIND_SERVICE", "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    )  # fmt: skip
    assert len(worker.CAP_DROP) == 14
    assert worker.SECURITY_OPTIONS["docker"] == ("no-new-privileges",)
    assert worker.SECURITY_OPTIONS["podman"] == ("label=disable",)
    assert worker.WORKING_DIRECTORY == "/app/program"
    assert dict(worker.ENVIRONMENT) == {
        "PYTHONUNBUFFERED": "1", "http_proxy": "", "https_proxy": "",
    }  # fmt: skip
    assert worker.SHM_BYTES == 67_108_864
    assert worker.USERNS_MODE == "host"
    assert worker.NETWORK is True
    assert worker.ENTRYPOINT is None


def a_job(folder: Path, kind: worker.ContainerKind = worker.SCORING) -> Job:
    folders = {mount.holds: folder / mount.holds for mount in kind.mounts}
    for path in folders.values():
        path.mkdir()
    return make_job(kind, ("python3", "/app/program/scoring.py", "/app/input"), folders)


def test_a_job_has_the_mounts_of_its_kind(tmp_path: Path) -> None:
    job = a_job(tmp_path)
    assert {bind.mount.path for bind in job.binds} == set(FACTS["scoring program"])
    assert job.local_argv()[1] == str(tmp_path / "scoring_program/scoring.py")
    assert job.local_argv()[2] == str(tmp_path / "input")


def test_a_job_without_a_needed_folder_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="output"):
        make_job(worker.SUBMISSION, ("true",), {"submission": tmp_path, "worker_data": tmp_path})


@pytest.mark.parametrize("kind", ["docker", "podman"])
def test_containers_are_created_with_the_workers_flags(tmp_path: Path, kind: str) -> None:
    pytest.importorskip("docker", reason="the extra `containers` is not installed")
    from kit.isolation.container import Container
    from kit.isolation.engine import Engine

    limits = Limits(memory_bytes=10**9, processes=100, output_bytes=10**8)
    mode = Container(Engine("unix:///nowhere", kind, False), "image:1", limits)
    settings = mode.settings(a_job(tmp_path))
    assert settings["command"] == ["python3", "/app/program/scoring.py", "/app/input"]
    assert settings["entrypoint"] is None
    assert settings["image"] == "image:1"
    assert settings["working_dir"] == "/app/program"
    assert settings["environment"] == dict(worker.ENVIRONMENT)
    assert settings["cap_drop"] == list(worker.CAP_DROP)
    assert settings["security_opt"] == list(worker.SECURITY_OPTIONS[kind])
    assert settings["userns_mode"] == "host"
    assert settings["shm_size"] == worker.SHM_BYTES
    assert settings["network_mode"] is None
    assert settings["device_requests"] is None
    assert settings["mem_limit"] == settings["memswap_limit"] == 10**9
    assert settings["pids_limit"] == 100
    # As the worker has them, but that nobody's data can be written to.
    mounts = {mount["Target"]: not mount["ReadOnly"] for mount in settings["mounts"]}
    changed = {"/app/input/ref": False, "/app/input_data": False}
    assert mounts == FACTS["scoring program"] | changed
    assert list(mounts) == sorted(mounts)


def test_containers_may_have_no_network_and_all_gpus(tmp_path: Path) -> None:
    pytest.importorskip("docker", reason="the extra `containers` is not installed")
    from kit.isolation.container import Container
    from kit.isolation.engine import Engine

    engine = Engine("unix:///nowhere", "docker", True)
    mode = Container(engine, "image:1", network=False, gpus=True, site_packages=True)
    settings = mode.settings(a_job(tmp_path))
    assert settings["network_mode"] == "none"
    assert settings["user"] is None
    (request,) = settings["device_requests"]
    assert request["Driver"] == "cdi"
    assert request["DeviceIDs"] == ["nvidia.com/gpu=all"]
    assert settings["environment"]["PYTHONPATH"] == settings["mounts"][-1]["Target"]
    assert settings["mounts"][-1]["ReadOnly"]


def test_the_sandbox_mounts_by_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kit.isolation import bubblewrap

    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(bubblewrap, "_version", lambda: (0, 8, 0))
    views = [
        bubblewrap.View(tmp_path / "out", "/app/output", writable=True),
        bubblewrap.View(tmp_path / "ref", "/app/input/ref"),
        bubblewrap.View(tmp_path / "in", "/app/input"),
    ]
    argv = bubblewrap.command_line(["true"], views, "/app/program", Limits(), gpus=False)
    text = " ".join(argv)
    assert Path(argv[0]).name == "bwrap"
    assert f"--size {worker.SHM_BYTES} --tmpfs /dev/shm" in text
    assert f"--bind {tmp_path}/out /app/output" in text
    assert text.index("in /app/input --ro-bind") < text.index("/app/input/ref")
    for flag in ("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop ALL"):
        assert flag in text
    monkeypatch.setattr(bubblewrap, "_version", lambda: (0, 6, 1))
    older = bubblewrap.command_line(["true"], views, "/", Limits(), gpus=False)
    assert "--disable-userns" in argv
    assert "--disable-userns" not in older


def test_promises_are_for_modes_that_exist_and_are_shown() -> None:
    codes = [promise.code for promise in PROMISES]
    assert len(set(codes)) == len(codes)
    assert all(set(promise.modes) <= set(MODES) for promise in PROMISES)
    readme = (ROOT / "docker/README.md").read_text(encoding="utf-8")
    shown = readme.split("<!-- promises:begin -->\n")[1].split("<!-- promises:end -->")[0]
    assert shown == markdown_table(), "run `make tables`"
