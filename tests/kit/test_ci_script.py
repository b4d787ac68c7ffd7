"""`ci/compare_changed.sh` of `kit init --ci`: what it runs, and what it says.

The commands that it calls are stand-ins that write down how they were called; the wheel's test
(tests/kit/test_wheel.py) runs it with the real ones.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from kit.team_scaffold import init
from tests.support.kit import make_submission, write_tree

# `kit compare NAME` ends with the number in the file worse/NAME, 0 without it.
KIT = """\
#!/usr/bin/env bash
echo "kit $*" >> calls.txt
case "$1 $2" in
  "weights fetch")
    [ ! -f "submissions/$3/weights/big.bin" ] || { echo "$3: present"; exit 0; }
    [ ! -f no_network ] || { echo "$3: no network"; exit 1; }
    echo "fetched" > "submissions/$3/weights/big.bin" ;;
  compare*)
    echo "the table of $2"
    exit "$(cat "worse/$2" 2> /dev/null || echo 0)" ;;
esac
"""
PIP = '#!/usr/bin/env bash\necho "pip $*" >> calls.txt\n'


@dataclass(frozen=True)
class Team:
    """A team's repository under git, with two submissions."""

    folder: Path

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "gc.auto=0"]
        ended = subprocess.run(
            ["git", *identity, *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=True,
        )
        return ended.stdout.strip()

    def commit(self, name: str, text: str) -> None:
        write_tree(self.folder, {name: text})
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", name)

    def run(self, base: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the script as CI does; calls.txt then holds the calls of this run."""
        (self.folder / "calls.txt").unlink(missing_ok=True)
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "GIT_"))}
        return subprocess.run(
            ["bash", "ci/compare_changed.sh"],
            cwd=self.folder,
            env=inherited | {"KIT_BASE": base} | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    def compared(self) -> list[str]:
        calls = (self.folder / "calls.txt").read_text().splitlines()
        return [call.split()[-1] for call in calls if call.startswith("kit compare")]


@pytest.fixture
def team(tmp_path: Path) -> Team:
    folder = tmp_path / "team"
    init(folder, ci="github")
    for name in ("first", "second"):
        make_submission(folder / "submissions" / name)
    for name, text in {"kit": KIT, "pip": PIP}.items():
        write_tree(folder / ".venv/bin", {name: text})
        (folder / ".venv/bin" / name).chmod(0o755)
    made = Team(folder)
    made.git("init", "--quiet", "--initial-branch", "main")
    (folder / ".git/info").mkdir(exist_ok=True)
    (folder / ".git/info/exclude").write_text("calls.txt\nworse/\nno_network\n")
    made.commit("notes.md", "start\n")
    made.git("checkout", "--quiet", "-b", "change")
    return made


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ("submissions/second/model.py", ["second"]),
        ("scores/first/development.json", ["first"]),
        ("submissions/_shared/ours/__init__.py", []),
        ("notes.md", []),
        ("requirements.txt", ["first", "second"]),
        ("sample_data/hybrid/competition.yaml", ["first", "second"]),
        (".github/workflows/submissions.yml", ["first", "second"]),
    ],
)
def test_what_changed_is_compared(team: Team, changed: str, expected: list[str]) -> None:
    team.commit(changed, "# changed\n")
    ended = team.run("main")
    assert ended.returncode == 0, ended.stderr
    assert team.compared() == expected
    text = (team.folder / "comparison.md").read_text()
    assert all(f"## {name}\n\n```\nthe table of {name}\n```" in text for name in expected)
    assert ("No submission changed." in text) == (not expected)
    assert ended.stdout.endswith(text)


@pytest.mark.parametrize("base", ["", "0" * 40, "origin/main"])
def test_without_a_known_base_every_submission_is_compared(team: Team, base: str) -> None:
    assert team.run(base).returncode == 0
    assert team.compared() == ["first", "second"]


def test_what_changed_on_the_base_branch_meanwhile_does_not_count(team: Team) -> None:
    team.commit("submissions/first/model.py", "# here\n")
    team.git("checkout", "--quiet", "main")
    team.commit("submissions/second/model.py", "# there\n")
    team.git("checkout", "--quiet", "change")
    assert team.run("main").returncode == 0
    assert team.compared() == ["first"]


def test_a_submission_that_was_removed_is_no_error(team: Team) -> None:
    team.git("rm", "-r", "--quiet", "submissions/first")
    team.commit("submissions/second/model.py", "# changed\n")
    assert team.run("main").returncode == 0
    assert team.compared() == ["second"]


@pytest.mark.parametrize("status", [1, 2])
def test_a_fall_fails_the_job_and_the_others_still_run(team: Team, status: int) -> None:
    write_tree(team.folder / "worse", {"first": str(status)})
    summary = team.folder / ".git/summary.md"
    ended = team.run("", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
    assert ended.returncode == 1
    assert team.compared() == ["first", "second"]
    (annotation,) = (line for line in ended.stdout.splitlines() if line.startswith("::"))
    place = "::error file=submissions/first/model.py,title=first::"
    assert annotation.startswith(f"{place}`kit compare first` ended with {status}:")
    assert summary.read_text() == (team.folder / "comparison.md").read_text()
    assert not [line for line in team.run("").stdout.splitlines() if line.startswith("::")]


def test_each_submission_gets_its_packages_its_weights_and_a_check(team: Team) -> None:
    write_tree(
        team.folder / "submissions/first",
        {"requirements.txt": "numpy\n", "weights.json": "{}\n", "weights/small.bin": "in git\n"},
    )
    team.commit("submissions/first/README.md", "# first\n")
    assert team.run("main").returncode == 0
    calls = (team.folder / "calls.txt").read_text().splitlines()
    assert calls == [
        "pip install --quiet --find-links wheels --requirement requirements.txt",
        "pip install --quiet --requirement submissions/first/requirements.txt",
        "kit weights fetch first",
        "kit check first --quick",
        "kit compare first",
    ]


def test_fetched_weights_are_kept_as_long_as_weights_json_is_the_same(team: Team) -> None:
    folder = team.folder / "submissions/first"
    write_tree(folder, {"weights.json": "{}\n", "weights/small.bin": "in git\n"})
    team.git("add", "--all")
    team.git("commit", "--quiet", "--message", "weights")
    assert team.run("main").returncode == 0
    kept = [path.name for path in (team.folder / ".weights").rglob("*") if path.is_file()]
    assert kept == ["big.bin"]
    (folder / "weights/big.bin").unlink()
    (team.folder / "no_network").touch()
    assert team.run("main").returncode == 0
    assert (folder / "weights/big.bin").read_text() == "fetched\n"
    (folder / "weights/big.bin").unlink()
    (folder / "weights.json").write_text('{"files": []}\n')
    ended = team.run("main")
    assert ended.returncode == 1
    assert team.compared() == []
    assert "It could not be prepared" in (team.folder / "comparison.md").read_text()
    assert "first: no network" in ended.stderr
