"""The command line: help, wrong arguments, JSON, and what it may import."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.support.kit import ROOT, Kit, make_bundle
from tests.support.schemas import schema_name, schema_problems, schemas

COMMANDS = (
    "list", "check", "init", "new", "run", "leaderboard", "power", "score", "predict", "merge",
    "compare", "report", "pack", "submit", "submissions", "fetch-logs", "weights", "bundle",
    "new-bundle", "vendor",
)  # fmt: skip
GUIDE = (ROOT / "kit" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_refuses_a_wrong_option(kit: Kit, command: str) -> None:
    answer = kit(command, "--help")
    assert answer.status == 0
    assert "--json" in answer.out
    wrong = kit(command, "--no-such-option")
    assert wrong.status == 2
    assert "No such option" in wrong.err


def test_an_unknown_command_lists_the_known(kit: Kit) -> None:
    answer = kit("rnu")
    assert answer.status == 2
    assert f"no command 'rnu'; the commands are {', '.join(COMMANDS)}" in answer.text


def test_no_command_shows_the_help(kit: Kit) -> None:
    answer = kit()
    assert answer.status == 2
    assert "Commands:" in answer.text


def test_python_m_kit_is_kit(kit: Kit) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "kit", "--help"], capture_output=True, text=True, check=True
    )
    assert ended.stdout == kit("--help").out


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, kit.cli\nkit.cli._status(['--help'])\nprint(sorted(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = ended.stdout.rsplit("\n", 2)[1]
    for heavy in ("'numpy'", "'yaml'", "'rich'", "'PIL'", "'torch'", "'sklearn'"):
        assert heavy not in modules


def test_a_submission_called_debug_is_no_option(kit: Kit) -> None:
    answer = kit("run", "--", "--debug")
    assert answer.status == 2
    assert "--debug: expected a folder, a zip" in answer.text
    assert "Traceback" not in answer.text


def test_debug_shows_the_traceback(kit: Kit) -> None:
    assert "Traceback" not in kit("run", "nobody").err
    answer = kit("--debug", "run", "nobody")
    assert answer.status == 2
    assert "Traceback" in answer.err


def documented_fields(command: str) -> set[str]:
    """The first-level fields that kit/README.md lists for a command's --json."""
    section = GUIDE.split(f"### `kit {command} --json`", 1)[1].split("###", 1)[0]
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", section, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"\w+", row)}


def test_the_json_of_every_command_is_as_documented(
    kit: Kit, bundle: Path, submission: Path
) -> None:
    answers = {
        "run": kit("run", submission, "--bundle", bundle, "--json"),
        "list": kit("list", "--json"),
        "leaderboard": kit("leaderboard", "--quick", "--json"),
        "check": kit("check", submission, "--quick", "--json"),
        "pack": kit("pack", submission, "--json"),
        "weights show": kit("weights", "show", submission, "--json"),
        "weights fetch": kit("weights", "fetch", submission, "--json"),
        "bundle": kit("bundle", bundle, "--json"),
        "new-bundle": kit("new-bundle", "leaves", "--json"),
        "vendor": kit("vendor", submission, "--json"),
        "vendor --check": kit("vendor", submission, "--check", "--json"),
        "score": kit("score", *sample_scoring(), "--json"),
        "compare": kit("compare", submission, "--bundle", bundle, "--update", "--json"),
        "init": kit("init", "team", "--json"),
    }
    for command, answer in answers.items():
        assert answer.status == 0, answer.text
        assert answer.json["format"] == 1
        assert set(answer.json) == documented_fields(command), command
    assert documented_fields("report") == {"format", "report", "bytes", "runs"}
    assert documented_fields("new") == {"format", "name", "track", "folder", "packages"}


@pytest.mark.parametrize("name", schemas())
def test_a_schema_is_valid_and_asks_for_what_the_guide_documents(name: str) -> None:
    schema = schemas()[name]
    Draft202012Validator.check_schema(schema)
    command = schema["title"].removeprefix("kit ").removesuffix(" --json")
    assert schema_name(command) == name == schema["$id"]
    if "oneOf" not in schema:
        assert set(schema["required"]) == documented_fields(command)


def test_a_schema_finds_a_field_that_is_new_or_of_another_type() -> None:
    assert schema_problems("score", {"format": 1, "scores": {"a": 1}, "folder": None}) == []
    found = schema_problems("score", {"format": 1, "scores": {"a": "1"}, "folder": None, "x": 0})
    assert len(found) == 2
    assert any(line.startswith("$.scores.a: ") for line in found)


def sample_scoring() -> tuple[Path, Path]:
    """Stored predictions of the smallest submission, and the reference that they belong to."""
    predictions = ROOT / "tests/scores/constant/development.predictions.txt"
    return predictions, ROOT / "sample_data/hybrid/reference_data/development"


def test_list_shows_the_last_run_with_its_bundle(kit: Kit, bundle: Path) -> None:
    assert "never run here" in kit("list").out
    assert kit("run", "constant", "--json").status == 0
    row = _listed(kit, "constant")
    assert row["last_run"]["ok"]
    assert row["last_run"]["bundle"] == "Hybrid butterflies (sample)"
    assert row["last_run"]["task"] == "Development"
    assert row["last_run"]["scores"]["challenge_score"] == 0.0
    shown = " ".join(kit("list").out.split())  # a long cell is wrapped
    assert "0.0000 on Hybrid butterflies (sample), Development" in shown


def test_list_says_that_the_last_run_failed(kit: Kit, tmp_path: Path) -> None:
    assert kit("run", "constant", "--json").status == 0
    broken = make_bundle(tmp_path / "broken", scoring="raise SystemExit(1)")
    later = ("--out", "runs/later")  # than a name that begins with the time
    assert kit("run", "constant", "--bundle", broken, *later, "--json").status == 1
    last = _listed(kit, "constant")["last_run"]
    assert not last["ok"]
    assert last["failure"]
    assert "failed on Third party, Only task" in " ".join(kit("list").out.split())


def test_list_leaves_out_records_of_another_form(kit: Kit) -> None:
    records: tuple[dict[str, object], ...] = (
        {"task": "x"}, {"format": 1, "task": {"name": "x"}, "leaderboard": [{}]},
    )  # fmt: skip
    for number, content in enumerate(records):
        folder = Path("runs", str(number))
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps({"submission": "constant", **content}))
    assert _listed(kit, "constant")["last_run"] is None


def _listed(kit: Kit, name: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = kit("list", "--json").json["submissions"]
    return next(row for row in rows if row["name"] == name)


def test_score_gives_what_run_gives(kit: Kit) -> None:
    record = kit("run", "constant", "--json").json
    predictions = Path(record["folder"]) / "predictions.txt"
    reference = ROOT / "sample_data/hybrid/reference_data/development/ref.csv"
    answer = kit("score", predictions, reference, "--out", "kept", "--json")
    assert answer.json["scores"] == record["scores"]
    assert {path.name for path in Path("kept").iterdir()} == {
        "scores.json", "detailed_results.html",
    }  # fmt: skip


def test_score_passes_the_scoring_programs_refusal_on(kit: Kit) -> None:
    _, reference = sample_scoring()
    Path("p.txt").write_text("nobody.jpg,0.5\n")
    answer = kit("score", "p.txt", reference)
    assert answer.status == 1
    assert "nobody.jpg" in answer.text
    assert "Traceback" not in answer.text
    assert kit("score", "missing.txt", reference).status == 2
    assert kit("score", "p.txt", "missing.csv").status == 2
