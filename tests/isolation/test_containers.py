"""`kit run --mode container` on a real engine: what only one of its kind can show.

make test-containers
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kit.isolation.engine import connect
from kit.isolation.limits import Limits
from tests.support.isolation import containers_left, make, run_in
from tests.support.kit import MODEL, Kit, make_bundle, make_submission

pytestmark = pytest.mark.containers


@pytest.fixture
def image() -> str:
    """The image that `make test-containers` makes."""
    return make("container").image  # type: ignore[attr-defined,no-any-return]


def test_the_command_line_runs_containers(
    kit: Kit, bundle: Path, submission: Path, image: str
) -> None:
    options = ("--mode", "container", "--image", image, "--no-network", "--json")
    answer = kit("run", submission, "--bundle", bundle, *options)
    assert answer.status == 0, answer.text
    assert answer.json["mode"] == "container"
    assert answer.json["scores"] == {"challenge_score": 1.0, "accuracy": 1.0}
    assert containers_left() == []


def test_a_program_finds_what_the_worker_gives_it(tmp_path: Path) -> None:
    model = MODEL.replace("pass", """
        import json, os, sys
        status = dict(line.split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
        shm = os.statvfs("/dev/shm")
        print("SAID", json.dumps({
            "app": sorted(os.listdir("/app")), "cwd": os.getcwd(),
            "effective": status["CapEff"].strip(), "nnp": status["NoNewPrivs"].strip(),
            "shm": shm.f_blocks * shm.f_frsize, "uid": os.getuid(),
            "environment": dict(os.environ),
        }))
""".strip())  # fmt: skip
    ran = run_in(make("container"), model, make_bundle(tmp_path / "bundle"), tmp_path)
    assert not ran.failure, ran.log
    line = next(line for line in ran.log.splitlines() if line.startswith("SAID"))
    said = json.loads(line.removeprefix("SAID "))
    assert said["app"] == ["data", "ingested_program", "input_data", "output", "program"]
    assert said["cwd"] == "/app/program"
    assert said["effective"] == "0" * 16
    # The worker gives Podman's containers another option instead.
    assert said["nnp"] == {"docker": "1", "podman": "0"}[connect().kind]
    assert said["shm"] == 64 * 1024**2
    assert said["environment"]["PYTHONUNBUFFERED"] == "1"
    assert said["environment"]["http_proxy"] == ""
    assert "INGESTION_INSTALL" not in said["environment"]


def test_running_out_of_memory_is_called_so(tmp_path: Path) -> None:
    greedy = MODEL.replace("pass", "self.hoard = [b'x' * 16_000_000 for _ in range(64)]")
    mode = make("container", Limits(memory_bytes=128 * 1024**2))
    ran = run_in(mode, greedy, make_bundle(tmp_path / "bundle"), tmp_path)
    assert "needed more memory than 134,217,728 bytes" in ran.failure
    assert json.loads(ran.file("run.json"))["steps"][0]["exit_status"] == {"ingestion": 137}


def test_peak_memory_comes_from_the_engine(tmp_path: Path) -> None:
    slow = MODEL.replace("pass", "import time; self.x = b'x' * 50_000_000; time.sleep(1)")
    ran = run_in(make("container"), slow, make_bundle(tmp_path / "bundle"), tmp_path)
    peak = json.loads(ran.file("run.json"))["steps"][0]["peak_bytes"]
    assert 50_000_000 < peak < 500_000_000


@pytest.mark.parametrize("command", ["no-such-command", "./no-such-command", "/bin/no-such-one"])
def test_a_command_that_is_not_in_the_image_is_127(tmp_path: Path, command: str) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    (bundle / "ingestion_program/metadata.yaml").write_text(f"command: {command} x\n")
    ran = run_in(make("container"), MODEL, bundle, tmp_path)
    assert ran.failure == "the ingestion program ended with exit status 127"
    assert f"{command}: cannot be started" in ran.log
    assert containers_left() == []


def test_a_program_that_is_there_but_may_not_run_is_refused_and_not_missing(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    (bundle / "ingestion_program/metadata.yaml").write_text("command: /etc/passwd\n")
    ran = run_in(make("container"), MODEL, bundle, tmp_path)
    assert "refuses to run the program" in ran.failure, ran
    assert containers_left() == []


def test_an_image_that_is_nowhere_is_one_message(
    kit: Kit, bundle: Path, submission: Path, image: str
) -> None:
    options = ("--mode", "container", "--image", "localhost/no-such-image:1")
    answer = kit("run", submission, "--bundle", bundle, *options)
    assert answer.status == 1
    assert "is not on this machine and cannot be pulled" in answer.text
    assert "To do: pull it where there is a network" in answer.text


def test_a_gpu_that_is_not_there_is_one_message(
    kit: Kit, bundle: Path, submission: Path, image: str
) -> None:
    if list(Path("/dev").glob("nvidia*")):
        pytest.skip("there is a GPU here")
    if connect().kind == "podman":
        pytest.skip("Podman's service ignores requests for devices that it does not have")
    options = ("--mode", "container", "--image", image, "--no-network", "--gpus")
    answer = kit("run", submission, "--bundle", bundle, *options)
    assert answer.status == 1
    assert "the container engine refuses to run the program" in answer.text
    assert containers_left() == []


def test_packages_of_the_environment_can_be_mounted(tmp_path: Path, image: str) -> None:
    ask = "import sys; print(*sys.version_info[:2], sep='.')"
    said = subprocess.run(
        ["docker", "run", "--rm", "--network", "none", image, "python3", "-c", ask],
        capture_output=True,
        text=True,
        check=True,
    )
    if said.stdout.strip() != f"{sys.version_info[0]}.{sys.version_info[1]}":
        pytest.skip(f"the image has Python {said.stdout.strip()}, the environment another one")
    from dataclasses import replace

    mode = replace(make("container"), site_packages=True)  # type: ignore[type-var]
    model = MODEL.replace("pass", "import numpy; print('NUMPY', numpy.__file__)")
    ran = run_in(mode, model, make_bundle(tmp_path / "bundle"), tmp_path)
    assert not ran.failure, ran.log
    assert "NUMPY /kit/site-packages/numpy" in ran.log


def test_interrupting_removes_the_container(tmp_path: Path, image: str) -> None:
    mark = secrets.token_hex(4)
    slow = make_submission(
        tmp_path / "slow",
        model=MODEL.replace("pass", f"import time; print('{mark}', flush=True); time.sleep(600)"),
    )
    bundle = make_bundle(tmp_path / "bundle")
    process = subprocess.Popen(
        [sys.executable, "-m", "kit", "run", str(slow), "--bundle", str(bundle), "--out", "here",
         "--mode", "container", "--image", image, "--no-network"],
        cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )  # fmt: skip
    log = tmp_path / "here/logs/prediction_ingestion_stdout.txt"
    # A private engine in a busy virtual machine may need half a minute to start or to stop one.
    for _ in range(600):
        if log.is_file() and mark in log.read_text():
            break
        time.sleep(0.1)
    assert containers_left()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert containers_left() == []
    assert json.loads((tmp_path / "here/run.json").read_text())["failure"] == "interrupted"
