"""Shared packages on the command line: `kit vendor`, `kit new --with` and `kit check`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kit.vendoring.imports import imported_files
from kit.vendoring.vendor import vendor
from tests.support.kit import MODEL, ROOT, Kit, make_submission
from tests.support.vendoring import copies, differing, recorded, submission


def test_the_command_copies_and_checks(kit: Kit, shared: Path) -> None:
    folder = submission(shared, "import wildlife_a.two")
    check = kit("vendor", folder, "--check")
    assert check.status == 1
    assert "mine/wildlife_a/two.py: is imported, and not in the submission" in check.text
    answer = kit("vendor", folder, "--json")
    assert answer.status == 0
    assert answer.json == {
        "format": 1,
        "submissions": {
            "mine": {
                "written": ["wildlife_a/__init__.py", "wildlife_a/two.py"],
                "removed": [],
                "unchanged": [],
                "frozen": False,
            }
        },
    }
    good = kit("vendor", folder, "--check", "--json")
    assert good.status == 0
    assert good.json == {"format": 1, "ok": True, "differences": {"mine": []}}
    (folder / "wildlife_a/two.py").write_text("edited = True\n")
    bad = kit("vendor", folder, "--check", "--json")
    assert bad.status == 1
    (row,) = bad.json["differences"]["mine"]
    assert (row["path"], row["kind"]) == ("wildlife_a/two.py", "edited")
    refused = kit("vendor", folder)
    assert refused.status == 1
    assert "overwrite it with --force" in refused.text
    assert kit("vendor", folder, "--force").status == 0
    assert kit("vendor", folder, "--check").status == 0


def test_where_one_submission_is_refused_no_other_is_changed(kit: Kit, shared: Path) -> None:
    first = make_submission(shared.parent / "a_first", f"import wildlife_b\n{MODEL}")
    second = submission(shared, "import wildlife_b", **{"wildlife_b/__init__.py": "mine = 1\n"})
    assert kit("vendor", first, second).status == 1
    assert copies(first) == set()


def test_a_zip_cannot_be_vendored(kit: Kit, shared: Path) -> None:
    folder = submission(shared, "")
    assert kit("pack", folder, "--out", "x.zip").status == 0
    answer = kit("vendor", "x.zip")
    assert answer.status == 2
    assert "found a zip" in answer.text


def test_the_submissions_here_hold_what_they_import(kit: Kit) -> None:
    assert kit("vendor", "--check").status == 0, kit("vendor", "--check").text


@pytest.fixture
def team(kit: Kit, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A team's own repository: submissions/, and in it the shared packages."""
    root = tmp_path / "repository"
    make_submission(root / "submissions/smallest")
    shared.rename(root / "submissions/_shared")
    monkeypatch.chdir(root)
    return root


def test_a_new_submission_starts_with_shared_packages(kit: Kit, team: Path) -> None:
    answer = kit("new", "mine", "--track", "hybrid", "--with", "wildlife_a.two, wildlife_b")
    assert answer.status == 0, answer.text
    folder = team / "submissions/mine"
    assert copies(folder) == {
        "wildlife_a/__init__.py", "wildlife_a/two.py", "wildlife_b/__init__.py",
    }  # fmt: skip
    assert recorded(folder)["frozen"] is False
    model = (folder / "model.py").read_text()
    assert "import wildlife_a.two  # noqa: F401\nimport wildlife_b  # noqa: F401\n" in model
    assert model.index("import Image") < model.index("import wildlife_a") < model.index("class")
    assert kit("vendor", "--check").status == 0
    assert kit("check", "mine", "--quick").status == 0
    assert not list(team.rglob("*.tmp"))


@pytest.mark.parametrize("name", ["wildlife_c", "wildlife_a.four", "_shared", "..", "wildlife_a."])
def test_a_shared_package_that_does_not_exist_lists_those_that_do(
    kit: Kit, team: Path, name: str
) -> None:
    answer = kit("new", "mine", "--track", "hybrid", "--with", f"wildlife_a,{name}")
    assert answer.status == 2
    assert re.search(r"packages there: wildlife_a, .*wildlife_b, .*wildlife_reid", answer.text)
    assert not (team / "submissions/mine").exists()


def test_packages_of_the_team_and_of_the_kit_go_together(kit: Kit, team: Path) -> None:
    folder = team / "submissions/smallest"
    imports = "from wildlife_a import two\nfrom wildlife_image import rgb\n"
    make_submission(folder, f"{imports}{MODEL}")
    assert kit("vendor", "smallest").status == 0
    assert copies(folder) == {
        "wildlife_a/__init__.py", "wildlife_a/two.py",
        "wildlife_image/__init__.py", "wildlife_image/rgb.py",
    }  # fmt: skip
    ours = ROOT / "submissions/_shared/wildlife_image/rgb.py"
    assert (folder / "wildlife_image/rgb.py").read_bytes() == ours.read_bytes()
    assert kit("vendor", "--check").status == 0


def test_a_package_of_the_team_hides_one_of_the_kit(kit: Kit, team: Path) -> None:
    own = team / "submissions/_shared/wildlife_image/__init__.py"
    own.parent.mkdir()
    own.write_text("OURS = 1\n")
    folder = make_submission(team / "submissions/smallest", f"import wildlife_image\n{MODEL}")
    assert kit("vendor", "smallest").status == 0
    assert (folder / "wildlife_image/__init__.py").read_text() == "OURS = 1\n"
    assert [path.name for path in (folder / "wildlife_image").iterdir()] == ["__init__.py"]


def test_a_check_compares_a_folder_with_the_shared_packages(shared: Path) -> None:
    folder = submission(shared, "import wildlife_a.one")
    vendor(folder, [shared])
    assert not differing(folder)
    for name in ("one", "two"):
        path = shared / f"wildlife_a/{name}.py"
        path.write_text(path.read_text() + "NEWER = 1\n")
    (folder / "wildlife_a/deep/leaf.py").write_text("EDITED = 1\n")
    assert [(finding.file, finding.severity) for finding in differing(folder)] == [
        ("wildlife_a/deep/leaf.py", "warning"),
        ("wildlife_a/one.py", "warning"),
    ]
    assert "wildlife_a/one.py, wildlife_a/two.py" in str(differing(folder)[1])


def test_without_shared_packages_a_check_uses_the_record(kit: Kit, shared: Path) -> None:
    folder = submission(shared, "import wildlife_a.two")
    vendor(folder, [shared])
    (shared / "wildlife_a/two.py").write_text("NEWER = 1\n")
    assert kit("pack", folder, "--out", "mine.zip").status == 0
    assert not differing(Path("mine.zip"))
    shared.rename(shared.parent / "hidden")
    assert not differing(folder)
    (folder / "wildlife_a/two.py").write_text("EDITED = 1\n")
    assert len(differing(folder)) == 1
    assert kit("pack", folder, "--out", "edited.zip").status == 0
    assert len(differing(Path("edited.zip"))) == 1


def test_imported_files_of_a_folder_without_shared_packages_are_none(tmp_path: Path) -> None:
    folder = make_submission(tmp_path / "s", f"import wildlife_a\n{MODEL}")
    assert imported_files(folder, [tmp_path / "nowhere"]) == {}
