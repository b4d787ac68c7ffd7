"""The wheel in an empty environment and an empty folder: everything that README and site promise.

The environment has the light core, so that neither torch nor the checkout can help.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from kit.cli import _COMMANDS
from kit.contract import TRACKS
from tests.support.pages import blocks, commands
from tests.support.repository import ROOT
from tests.support.wheel import Installed, install, pip_install

pytestmark = pytest.mark.process
TEAM = ROOT / "docs/pages/team.md"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install(tmp_path_factory.mktemp("wheel"))


def shell(installed: Installed, folder: Path, script: str, **variables: str) -> str:
    """Run a script in a folder, as after `source bin/activate`; return what it printed."""
    ended = subprocess.run(
        ["bash", "-euc", script],
        cwd=folder,
        env=installed.variables() | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    return ended.stdout


def test_the_wheel_holds_the_bundles_without_their_training_data(installed: Installed) -> None:
    (size,) = re.findall(
        r"wheel that `pip wheel --no-deps .` makes \((\d+) MB\)", TEAM.read_text(encoding="utf-8")
    )
    assert int(size) == round(installed.wheel.stat().st_size / 1e6)
    train = sum(path.stat().st_size for path in ROOT.glob("sample_data/*/train/**/*.*"))
    assert train > installed.wheel.stat().st_size  # hatch_build.py: more than half of all bytes
    names = set(zipfile.ZipFile(installed.wheel).namelist())
    for track in TRACKS:
        inside = f"kit/provided/sample_data/{track}"
        for name in ("competition.yaml", "scoring_program/scoring.py", "logo.png"):
            assert f"{inside}/{name}" in names
        images = {name for name in names if name.startswith(f"{inside}/input_data/")}
        given = list((ROOT / f"sample_data/{track}/input_data").rglob("*.*"))
        assert len(images) == len(given)
    assert not [name for name in names if "/train/" in name or "__pycache__" in name]
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"kit"}


def test_the_six_commands_work_in_an_empty_folder(installed: Installed, tmp_path: Path) -> None:
    six = blocks(ROOT / "README.md", "sh")[1]
    assert len(commands(six)) == 6
    shell(installed, tmp_path, six)
    runs = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("runs/*/run.json"))]
    assert [run["ok"] for run in runs] == [True] * 3
    inside = installed.packages / "kit/provided/sample_data/hybrid"
    assert {Path(run["bundle_path"]) for run in runs} == {inside}
    assert not [name for name in runs[0]["machine"]["packages"] if "torch" in name]
    assert (tmp_path / "dist/my_entry.zip").is_file()


# What runs `kit.cli.main` many times in one process of the environment, and says how each ended.
MANY = """
import contextlib, io, json, sys
from kit.cli import main
def ended(arguments):
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            main(arguments)
        except SystemExit as error:
            return [arguments, error.code, out.getvalue()]
        except BaseException as error:
            return [arguments, "raised", repr(error)]
print(json.dumps([ended(line) for line in json.load(sys.stdin)]))
"""
WRONG = [
    ["list"], ["init", "--track", "moths"], ["init", "--ci", "moths"], ["new"],
    ["new", "Big", "--track", "reid"], ["new", "mine", "--track", "moths"],
    ["new", "mine", "--track", "reid", "--with", "nothing"], ["check", "nowhere"], ["run"],
    ["run", "nowhere"], ["run", "--resume", "nowhere"], ["score", "nowhere", "nowhere"],
    ["pack", "nowhere"], ["bundle", "nowhere"], ["new-bundle", "."], ["weights", "show", "nowhere"],
    ["weights", "fetch", "nowhere"], ["weights", "add", "nowhere"], ["vendor"],
    ["vendor", "nowhere"], ["nothing"],
]  # fmt: skip


def many(installed: Installed, folder: Path, lines: list[list[str]]) -> list[Any]:
    ended = subprocess.run(
        [installed.folder / "bin/python", "-c", MANY],
        input=json.dumps(lines),
        cwd=folder,
        env=installed.variables(),
        capture_output=True,
        text=True,
        check=True,
    )
    answers: list[Any] = json.loads(ended.stdout)
    return answers


def test_every_command_answers_outside_of_a_repository(
    installed: Installed, tmp_path: Path
) -> None:
    helps = [[*name.split(), "--help"] for name in (*_COMMANDS, "weights fetch", "weights add")]
    for arguments, status, text in many(installed, tmp_path, helps):
        assert status == 0, (arguments, text)
        assert text.startswith(f"Usage: kit {arguments[0]}")
    wrong = [*WRONG, *([name, "--no-such-option"] for name in _COMMANDS)]
    for arguments, status, text in many(installed, tmp_path, wrong):
        assert status in (1, 2), (arguments, status, text)
        assert re.match("kit: |Usage: kit|Error: ", text), (arguments, text)
        assert "Traceback" not in text
    assert not list(tmp_path.iterdir())


def test_shared_packages_come_with_the_wheel(installed: Installed, tmp_path: Path) -> None:
    lines = (
        "new mine --track reid --with wildlife_image.rgb",
        "vendor --check",
        "check mine --quick",
    )
    answers = many(installed, tmp_path, [line.split() for line in lines])
    assert [answer[1] for answer in answers] == [0, 0, 0], answers
    copy = tmp_path / "submissions/mine/wildlife_image/rgb.py"
    source = ROOT / "submissions/_shared/wildlife_image/rgb.py"
    assert copy.read_bytes() == source.read_bytes()


@pytest.mark.slow
def test_from_init_to_ci_in_an_empty_folder(installed: Installed, tmp_path: Path) -> None:
    (block,) = blocks(TEAM, "bash")
    assert len(commands(block)) == 6
    shell(installed, tmp_path, block)
    team = tmp_path / "my_team"
    _as_environment(installed, team / ".venv/bin")
    text = shell(installed, team, "git init --quiet; git add .; bash ci/compare_changed.sh")
    assert text.startswith("# Compared with the stored scores\n\n## my_entry\n")
    assert text == (team / "comparison.md").read_text()
    new = shell(installed, team, "git ls-files --others --exclude-standard")
    assert new == ""  # .gitignore covers what the commands and CI leave


def _as_environment(installed: Installed, folder: Path) -> None:
    """Let the team's .venv lead to the environment that is there, with pip for it."""
    kit = shlex.quote(str(installed.folder / "bin/kit"))
    scripts = {
        "kit": f'exec {kit} "$@"',
        "pip": f'shift; exec {shlex.join(pip_install(installed.folder))} "$@"',
    }
    folder.mkdir(parents=True)
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
