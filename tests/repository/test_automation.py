"""The files that other programs read: workflows, hooks, citation, make targets, the wheel."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import kit
from tests.support.repository import ROOT, make_targets

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = make_targets()


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps(workflow: Path) -> list[dict[str, Any]]:
    return [step for job in read(workflow)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_runs_make_targets_that_exist(workflow: Path) -> None:
    commands = [step["run"] for step in steps(workflow) if "run" in step]
    made = [command.split()[1] for command in commands if command.startswith("make ")]
    assert made
    assert set(made) <= TARGETS
    others = [command for command in commands if not command.startswith("make ")]
    assert all(re.match(r"sudo (apt-get|sysctl)|docker build", command) for command in others)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_only_read_and_pins_its_actions(workflow: Path) -> None:
    content = read(workflow)
    assert content["permissions"] == {"contents": "read"}
    assert content["concurrency"]["group"]
    assert all("timeout-minutes" in job for job in content["jobs"].values())
    for step in steps(workflow):
        if "uses" in step:
            assert re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"])


def test_the_workflows_run_what_has_to_pass_before_a_merge() -> None:
    made = {s["run"] for path in WORKFLOWS for s in steps(path) if "run" in s}
    for target in ("check", "test", "test-kit", "test-process", "test-slow", "test-containers"):
        assert f"make {target}" in made


def test_issue_forms_have_what_the_site_requires() -> None:
    forms = list((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
    forms = [path for path in forms if path.name != "config.yml"]
    assert len(forms) == 3
    for path in forms:
        form = read(path)
        assert form["name"]
        assert form["description"]
        names = [part["id"] for part in form["body"]]
        assert len(set(names)) == len(names)
        assert any(part.get("validations", {}).get("required") for part in form["body"])


def test_the_hooks_are_local_so_that_their_versions_are_ours() -> None:
    repositories = read(ROOT / ".pre-commit-config.yaml")["repos"]
    assert {item["repo"] for item in repositories} == {"local"}
    ids = {hook["id"] for item in repositories for hook in item["hooks"]}
    assert {"ruff", "ruff-format", "vendor", "mypy", "large-files"} <= ids


def test_the_citation_has_the_version_of_the_kit() -> None:
    assert str(read(ROOT / "CITATION.cff")["version"]) == kit.__version__


def test_the_version_stands_in_one_place() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'dynamic = ["version"]' in project
    assert not re.search(r"^version = ", project, re.MULTILINE)


def test_make_help_lists_every_target() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    # One line stands for the targets of all tracks; a pattern cannot be phony.
    own = {target for target in TARGETS if not target.startswith("artifacts-")}
    assert {line.split()[0] for line in shown.splitlines()} == {*own, "artifacts-%"}
    phony = MAKEFILE.replace("\\\n", " ").split(".PHONY:")[1].splitlines()[0].split()
    assert set(phony) == own


def test_the_generated_tables_are_current() -> None:
    ended = subprocess.run(
        [sys.executable, "docs/write_blocks.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_kit_says_that_it_is_typed() -> None:
    assert (Path(kit.__file__).parent / "py.typed").is_file()


def test_the_docker_folder_does_not_hide_the_docker_sdk() -> None:
    """A package named docker would; a folder without __init__.py gives way to an installed one."""
    assert not (ROOT / "docker/__init__.py").exists()
