"""docker/Dockerfile, compared with what can be known without building it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions and their arguments, comments and line ends removed."""
    text = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    found = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(name.upper(), rest) for name, rest in found]


def arguments(instruction: str) -> list[str]:
    return [rest for name, rest in instructions() if name == instruction]


def requirements(*extras: str) -> list[str]:
    pytest.importorskip("tomllib", reason="docker/requirements.py needs Python 3.11")
    script = str(DOCKER / "requirements.py")
    said = subprocess.run(
        [sys.executable, script, *extras], capture_output=True, text=True, check=True
    )
    return said.stdout.splitlines()


def test_there_are_two_targets_on_one_core() -> None:
    stages = [re.fullmatch(r"(\S+) AS (\S+)", rest) for rest in arguments("FROM")]
    assert [(stage[1], stage[2]) for stage in stages if stage] == [
        ("${BASE}", "core"), ("core", "cpu"), ("core", "cuda"),
    ]  # fmt: skip
    (base,) = [rest for rest in arguments("ARG") if rest.startswith("BASE=")]
    version = re.fullmatch(r"BASE=python:3\.(\d+)-slim-\w+", base)
    assert version
    assert int(version[1]) >= 11  # requirements.py reads TOML


def test_every_instruction_is_one_that_docker_knows() -> None:
    known = {"ARG", "FROM", "ENV", "WORKDIR", "COPY", "RUN"}
    assert {name for name, _ in instructions()} <= known


def test_the_worker_can_put_its_command_and_write_its_output() -> None:
    names = {name for name, _ in instructions()}
    assert not names & {"ENTRYPOINT", "CMD", "USER"}


def test_every_source_is_there_and_let_through() -> None:
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[0] == "*"
    (copied,) = arguments("COPY")
    sources = shlex.split(copied)[:-1]
    assert sources
    for source in sources:
        assert (ROOT / source).is_file()
        assert f"!{source}" in ignored


def test_no_registry_or_index_is_named() -> None:
    for path in DOCKER.iterdir():
        assert "://" not in path.read_text(encoding="utf-8").replace("unix://", "")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="requirements.py reads TOML")
def test_the_images_hold_what_submissions_import_in_pinned_versions() -> None:
    pinned = {
        canonicalize_name(Requirement(line).name)
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    }
    core, models = requirements(), requirements("models")
    assert set(core) < set(models)
    names = {canonicalize_name(Requirement(line).name) for line in models}
    assert {"numpy", "pillow", "scikit-learn", "torch", "torchvision", "timm"} <= names
    assert names <= pinned
    called = re.findall(r"requirements\.py\s*(\w*) >", " ".join(arguments("RUN")))
    assert called == ["", "models", "models"]


def test_the_container_tests_can_be_run_by_make() -> None:
    assert subprocess.run(["bash", "-n", str(ROOT / "tests/containers/run.sh")]).returncode == 0
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^test-containers:.*\n\t.*tests/containers/run\.sh", makefile, re.MULTILINE)
