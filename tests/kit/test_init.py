"""`kit init`: a team's repository, all of it or nothing, and the commands that find it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import kit as kit_package
from kit.team_scaffold import CI
from tests.support.kit import Kit, make_submission

ALWAYS = {
    ".gitignore",
    "README.md",
    "requirements.txt",
    "scores/README.md",
    "submissions/README.md",
}


def files(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_a_repository_has_these_files(kit: Kit) -> None:
    answer = kit("init", "team", "--json")
    assert answer.status == 0, answer.text
    assert set(answer.json["files"]) == files(Path("team")) == ALWAYS
    requirement = Path("team/requirements.txt").read_text()
    assert requirement == f"wildlife-challenge-kit=={kit_package.__version__}\n"
    assert not list(Path().rglob("*.tmp"))


@pytest.mark.parametrize("ci", CI)
def test_ci_and_a_first_submission_are_added_where_they_are_asked_for(kit: Kit, ci: str) -> None:
    answer = kit("init", "--track", "reid", "--ci", ci)
    assert answer.status == 0, answer.text
    mine = {f"submissions/my_entry/{name}" for name in ("README.md", "metadata", "model.py")}
    assert files(Path()) == ALWAYS | set(CI[ci]) | mine
    assert kit("check", "my_entry", "--quick").status == 0


def test_nothing_is_overwritten_and_all_conflicts_are_named(kit: Kit) -> None:
    Path("README.md").write_text("mine\n")
    Path("ci").write_text("a file where a folder is wanted\n")
    make_submission(Path("submissions/my_entry"))
    before = files(Path())
    answer = kit("init", "--track", "hybrid", "--ci", "gitlab")
    assert answer.status == 2
    for name in ("README.md", "ci/compare_changed.sh", "submissions/my_entry"):
        assert f"- {name}\n" in answer.err
    assert "scores/README.md" not in answer.err
    assert "To do: move these away" in answer.text
    assert files(Path()) == before
    assert Path("README.md").read_text() == "mine\n"
    assert not Path("scores").exists()


def test_a_repository_grows_around_submissions_that_are_there(kit: Kit) -> None:
    assert kit("new", "mine", "--track", "family").status == 0
    assert kit("init").status == 0
    assert kit("list", "--json").json["submissions"][0]["name"] == "mine"


def test_a_failure_half_way_leaves_nothing(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("there").mkdir()
    Path("there/mine.txt").write_text("mine\n")
    rename = Path.rename

    def full(path: Path, target: Any) -> Path:
        if path.name == "README.md" and path.parent.name == "scores":
            raise OSError(28, "No space left on device", str(target))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", full)
    for folder in ("there", "new"):
        answer = kit("init", folder, "--ci", "github")
        assert answer.status == 1
        assert "No space left on device" in answer.text
    assert files(Path()) == {"there/mine.txt"}
    assert [path.name for path in Path().iterdir()] == ["there"]
    assert [path.name for path in Path("there").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("track", ["moths", "../hybrid", ""])
def test_an_unknown_track_makes_nothing(kit: Kit, track: str) -> None:
    answer = kit("init", "team", "--track", track)
    assert answer.status == 2
    assert "tracks with a template: anomaly, family, hybrid, reid" in answer.text
    assert not Path("team").exists()


def test_a_file_is_no_place_for_a_repository(kit: Kit) -> None:
    Path("team").write_text("mine\n")
    answer = kit("init", "team")
    assert answer.status == 1
    assert "Traceback" not in answer.text
    assert Path("team").read_text() == "mine\n"


def test_commands_find_the_submissions_from_any_folder_below(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kit("init", "--track", "hybrid").status == 0
    here = Path.cwd()
    for below in ("submissions/my_entry", "scores", "submissions"):
        monkeypatch.chdir(here / below)
        assert [s["name"] for s in kit("list", "--json").json["submissions"]] == ["my_entry"]
        assert kit("check", "my_entry", "--quick").status == 0
    assert kit("new", "second", "--track", "reid").status == 0
    assert (here / "submissions/second/model.py").is_file()


@pytest.fixture
def installed_plainly(kit: Kit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Kit:
    """The kit as a wheel puts it somewhere: no checkout is around it."""
    monkeypatch.setattr("kit.repository._PACKAGE", tmp_path / "site-packages/kit")
    return kit


def test_outside_of_a_repository_the_message_says_what_to_do(installed_plainly: Kit) -> None:
    kit = installed_plainly
    for command in (["list"], ["run", "mine"], ["check", "mine"], ["pack", "mine"], ["vendor"]):
        answer = kit(*command)
        assert answer.status == 2, command
        assert "expected a folder submissions/ here or above, found none" in answer.text
        assert re.search("To do: .*kit init.*kit new NAME --track TRACK", answer.text)
    assert kit("new", "mine", "--track", "hybrid").status == 0
    assert Path("submissions/mine/model.py").is_file()


@pytest.mark.parametrize("ci", CI)
def test_the_ci_file_is_yaml_that_runs_the_script(kit: Kit, ci: str) -> None:
    assert kit("init", "--ci", ci).status == 0
    (name,) = (name for name in CI[ci] if name.endswith(".yml"))
    content = yaml.safe_load(Path(name).read_text())
    if ci == "gitlab":
        job = content["compare"]
        (line,) = job["script"]
        assert job["artifacts"]["paths"] == ["comparison.md"]
        assert job["variables"]["GIT_DEPTH"] == "0"
    else:
        assert content["permissions"] == {"contents": "read"}
        assert content["concurrency"]["group"]
        job = content["jobs"]["compare"]
        assert job["timeout-minutes"]
        used = [step["uses"] for step in job["steps"] if "uses" in step]
        assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", name) for name in used)
        assert job["steps"][0]["with"]["fetch-depth"] == 0
        (line,) = (step["run"] for step in job["steps"] if "run" in step)
    assert line.endswith("bash ci/compare_changed.sh")
    assert Path(line.split()[-1]).is_file()
