"""`kit check`: exit status, JSON, annotations, what is skipped, and what `kit pack` refuses."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from kit.checks.engine import STATIC
from kit.findings.annotations import annotate
from kit.findings.finding import Finding, Report
from kit.findings.rules import RULES
from tests.support.checks import good_bundle, good_submission
from tests.support.kit import ROOT, Kit, make_submission, write_tree


def found(answer: object) -> set[str]:
    return {finding["code"] for finding in answer["findings"]}  # type: ignore[index]


def test_an_error_is_exit_status_1(kit: Kit, tmp_path: Path) -> None:
    folder = make_submission(tmp_path / "s", metadata="command: x\ntrack: hybrid\n")
    answer = kit("check", folder, "--quick")
    assert answer.status == 1
    for part in ("metadata-command", "To do: remove the command", "1 error,"):
        assert part in answer.text


def test_warnings_count_when_strict(kit: Kit, tmp_path: Path) -> None:
    folder = make_submission(tmp_path / "s", **{"notes.md": "x", "NOTES.md": "x"})
    assert kit("check", folder, "--quick").status == 0
    assert kit("check", folder, "--quick", "--strict").status == 1


def test_all_problems_are_shown_at_once(kit: Kit, tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "metadata": "a: [",
        "requirements.txt": "pillow\n# x\n",
        "json.py": "(",
        "a.bin": b"1",
        "weights.json": '{"files": []}',
    }
    model = "import nowhere_to_be_found\nclass Net: pass\n"
    folder = make_submission(tmp_path / "s", model, **files)
    answer = kit("check", folder, "--quick", "--json")
    assert answer.status == 1
    assert found(answer.json) >= {
        "model-class", "metadata-malformed", "requirement-spelling", "requirement-line",
        "import-missing", "import-shadow", "python-syntax", "unlisted-file",
    }  # fmt: skip


def test_the_spelling_that_passes_is_printed(kit: Kit, tmp_path: Path) -> None:
    folder = make_submission(tmp_path / "s", **{"requirements.txt": "pillow==10.3.0\n"})
    assert "write `Pillow==10.3.0`" in kit("check", folder, "--quick").text


def test_quick_runs_nothing(kit: Kit, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    model = f"class Model:\n    def load(self):\n        open({str(mark)!r}, 'w').close()\n"
    folder = make_submission(tmp_path / "s", model + "    def predict(self, image): return 0.5\n")
    quick = kit("check", folder, "--quick", "--json").json
    assert not mark.exists()
    assert quick["checks"] == [*STATIC, "track"]
    assert quick["forecast"] is None


def test_a_whole_check_runs_and_scores(kit: Kit, submission: Path, bundle: Path) -> None:
    answer = kit("check", submission, "--bundle", bundle, "--images", "1000", "--json")
    assert answer.status == 0, answer.text
    content = answer.json
    assert {"loading", "odd images", "surroundings", "scores"} <= set(content["checks"])
    assert content["forecast"]["images"] == 1000
    assert content["bundle"]["kind"] == "bundle"
    assert "docker-image-missing" in found(content["bundle"])
    assert kit("check", submission, "--bundle", bundle).status == 0


def test_what_cannot_run_is_skipped_with_the_command(kit: Kit, tmp_path: Path) -> None:
    folder = make_submission(tmp_path / "s", **{"requirements.txt": "nflows\n"})
    answer = kit("check", folder)
    assert "SKIPPED loading" in answer.text
    assert "enable with: pip install nflows" in answer.text
    broken = kit("check", make_submission(tmp_path / "t", "class Net: pass\n"))
    assert "fix model-class first" in broken.text


def test_a_harmful_pickle_is_not_run(kit: Kit, tmp_path: Path) -> None:
    folder = good_submission(tmp_path / "s")
    (folder / "weights/classifier.pkl").write_bytes(b"cposix\nsystem\n(S'true'\ntR.")
    answer = kit("check", folder)
    assert answer.status == 1
    assert "posix.system" in answer.text
    assert "fix pickle-global first" in answer.text


def test_a_zip_with_a_parent_folder_is_looked_into(kit: Kit, tmp_path: Path) -> None:
    folder = make_submission(tmp_path / "mine", metadata="command: x\n")
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"mine/{path.name}")
        archive.writestr("__MACOSX/._model.py", "x")
    answer = kit("check", tmp_path / "mine.zip", "--json")
    assert answer.status == 1
    assert found(answer.json) >= {"zip-root", "zip-junk", "metadata-command"}


def test_what_is_no_zip_is_one_message(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_text("hello")
    answer = kit("check", tmp_path / "x.zip")
    assert answer.status == 1
    assert "zip-damaged" in answer.text
    assert "Traceback" not in answer.text


def test_a_bundle_is_known_by_its_competition_yaml(kit: Kit, tmp_path: Path) -> None:
    folder = good_bundle(tmp_path)
    assert kit("check", folder, "--json").json["kind"] == "bundle"
    assert kit("bundle", folder, "--out", "b.zip").status == 0
    zipped = kit("check", "b.zip", "--json")
    assert zipped.status == 0, zipped.text
    assert zipped.json["kind"] == "bundle"


def test_a_bundle_that_cannot_be_read_is_a_finding(
    kit: Kit, tmp_path: Path, submission: Path
) -> None:
    folder = good_bundle(tmp_path)
    (folder / "competition.yaml").write_text("version: 2\n")
    answer = kit("check", submission, "--bundle", folder, "--json")
    assert answer.status == 1
    assert "required-missing" in found(answer.json["bundle"])
    assert [item["check"] for item in answer.json["skipped"]] == ["scores, ties, the negated score"]


def test_wrong_usage_is_exit_status_2(kit: Kit, submission: Path, bundle: Path) -> None:
    assert kit("check", "nobody").status == 2
    assert kit("check", submission, "--bundle", "nowhere").status == 2
    assert kit("check", submission, "--bundle", bundle, "--task", "third").status == 2


def test_annotations_for_github(kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_submission(tmp_path / "work" / "s", **{"requirements.txt": "numpy\n# 100%\n"})
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    line = "::error file=s/requirements.txt,line=2,title=requirement-line::"
    assert line not in kit("check", folder, "--quick").out
    assert line in kit("check", folder, "--quick", "--github").out
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert line in kit("check", folder, "--quick").out
    json.loads(kit("check", folder, "--quick", "--json").out)


def test_an_annotation_keeps_to_one_line() -> None:
    report = Report("submission", "s", Path("s"), [Finding("run-fails", "log", "one\ntwo")])
    (line,) = annotate([report])
    assert "one%0Atwo" in line


def test_pack_refuses_errors_and_force_records_them(kit: Kit, tmp_path: Path) -> None:
    folder = make_submission(tmp_path / "s", **{"requirements.txt": "pillow\n"})
    answer = kit("pack", folder, "--out", "x.zip")
    assert answer.status == 1
    assert "write `Pillow`" in answer.text
    assert not Path("x.zip").exists()
    forced = kit("pack", folder, "--out", "x.zip", "--force", "--json")
    assert forced.status == 0
    assert forced.json["forced"] == ["requirement-spelling"]
    with zipfile.ZipFile("x.zip") as archive:
        manifest = json.loads(archive.read("weights.json"))
    assert manifest == {"format": 1, "files": [], "forced": ["requirement-spelling"]}
    assert not (folder / "weights.json").exists()


def test_a_forced_zip_has_equal_bytes_for_equal_content(kit: Kit, tmp_path: Path) -> None:
    digests = set()
    for name in ("one", "two"):
        folder = good_submission(tmp_path / name)
        (folder / "requirements.txt").write_text("# none\n")
        own = (folder / "weights.json").read_bytes()
        answer = kit("pack", folder, "--out", f"{name}.zip", "--force", "--json")
        digests.add(answer.json["sha256"])
        assert (folder / "weights.json").read_bytes() == own
    assert len(digests) == 1


def test_a_good_pack_forces_nothing(kit: Kit, tmp_path: Path) -> None:
    folder = good_submission(tmp_path / "s")
    answer = kit("pack", folder, "--out", "x.zip", "--force", "--json").json
    assert answer["forced"] == []
    with zipfile.ZipFile("x.zip") as archive:
        assert "forced" not in json.loads(archive.read("weights.json"))


def test_help_of_check_imports_nothing_heavy() -> None:
    code = "import sys, kit.cli\nkit.cli._status(['check', '--help'])\nprint(sorted(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = ended.stdout.rsplit("\n", 2)[1]
    for heavy in ("'numpy'", "'yaml'", "'PIL'", "'packaging'", "'sklearn'"):
        assert heavy not in modules


def test_the_guide_lists_every_code() -> None:
    guide = (ROOT / "docs" / "pages" / "codes.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| <a[^>]*></a>`([\w-]+)` \| (\w+) \|", guide, re.MULTILINE)
    assert dict(rows) == {code: rule.severity for code, rule in RULES.items()}


def test_many_findings_of_one_code_are_counted(kit: Kit, tmp_path: Path) -> None:
    path = make_submission(tmp_path / "s")
    write_tree(path, {f"extra/{number}.bin": "x" for number in range(50)})
    write_tree(path, {"weights.json": '{"format": 1, "files": []}'})
    answer = kit("check", path, "--quick")
    assert answer.text.count("is not listed in weights.json") == 10
    assert "40 more findings of this code; --json prints all" in answer.text
    findings = kit("check", path, "--quick", "--json").json["findings"]
    assert sum(finding["file"].startswith("extra/") for finding in findings) == 50
