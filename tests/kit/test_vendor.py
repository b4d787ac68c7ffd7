"""`kit vendor`: the copies of shared packages in submissions, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.errors import KitError, UsageProblem
from kit.vendoring.record import read_vendored
from kit.vendoring.vendor import differences, vendor
from tests.support.kit import make_submission
from tests.support.vendoring import copies, differing, findings, recorded, submission


@pytest.mark.parametrize(
    ("imports", "expected"),
    [
        ("", set()),
        ("import numpy", set()),
        ("import wildlife_b", {"wildlife_b/__init__.py"}),
        ("import wildlife_b.only as only", {"wildlife_b/__init__.py", "wildlife_b/only.py"}),
        ("from wildlife_b import only", {"wildlife_b/__init__.py", "wildlife_b/only.py"}),
        ("from wildlife_b import *", {"wildlife_b/__init__.py"}),
        ("from wildlife_b.only import X", {"wildlife_b/__init__.py", "wildlife_b/only.py"}),
        ("from wildlife_a.two import VALUE", {"wildlife_a/__init__.py", "wildlife_a/two.py"}),
        (
            "from wildlife_a import three",
            {"wildlife_a/__init__.py", "wildlife_a/three.py", "wildlife_b/__init__.py",
             "wildlife_b/only.py"},
        ),
        (
            "from wildlife_a.one import anything",
            {"wildlife_a/__init__.py", "wildlife_a/one.py", "wildlife_a/two.py",
             "wildlife_a/deep/__init__.py", "wildlife_a/deep/leaf.py",
             "wildlife_a/deep/other.py"},
        ),
        (
            "def late():\n    import wildlife_b.only",
            {"wildlife_b/__init__.py", "wildlife_b/only.py"},
        ),
        ("from . import wildlife_b", set()),
    ],
)  # fmt: skip
def test_the_closure_of_imports_is_copied(shared: Path, imports: str, expected: set[str]) -> None:
    folder = submission(shared, imports)
    plan = vendor(folder, [shared])
    assert copies(folder) == expected == set(plan.written)
    for name in expected:
        assert (folder / name).read_bytes() == (shared / name).read_bytes()
    assert (folder / "VENDORED.json").exists() == bool(expected)
    assert differences(folder, [shared]) == []


def test_imports_of_other_own_files_count_and_junk_does_not(shared: Path) -> None:
    folder = submission(
        shared,
        "",
        **{
            "own/helper.py": "import wildlife_b.only",
            ".venv/lib/x.py": "import wildlife_a.two",
            "broken.py": "def (",
        },
    )
    vendor(folder, [shared])
    assert copies(folder) == {"wildlife_b/__init__.py", "wildlife_b/only.py"}


def test_a_second_time_nothing_is_written(shared: Path) -> None:
    folder = submission(shared, "import wildlife_a.one")
    vendor(folder, [shared])
    plan = vendor(folder, [shared])
    assert plan.written == plan.removed == ()
    assert len(plan.unchanged) == 6


def test_a_changed_source_is_copied_again(shared: Path) -> None:
    folder = submission(shared, "import wildlife_a.two")
    vendor(folder, [shared])
    (shared / "wildlife_a/two.py").write_text("VALUE = 3\n")
    assert [str(item) for item in differences(folder, [shared])] == [
        "wildlife_a/two.py: differs from the file in _shared/"
    ]
    assert vendor(folder, [shared]).written == ("wildlife_a/two.py",)
    assert differences(folder, [shared]) == []


def test_what_is_no_longer_imported_is_removed_with_its_folders(shared: Path) -> None:
    folder = submission(shared, "import wildlife_a.one, wildlife_b")
    vendor(folder, [shared])
    submission(shared, "import wildlife_b")
    assert {item.kind for item in differences(folder, [shared])} == {"unused"}
    assert {finding.file for finding in differing(folder)} == {"VENDORED.json"}
    assert len(vendor(folder, [shared]).removed) == 6
    assert not (folder / "wildlife_a").exists()
    submission(shared, "")
    vendor(folder, [shared])
    assert copies(folder) == set()
    assert not (folder / "VENDORED.json").exists()


@pytest.mark.parametrize("imports", ["import wildlife_a.two", ""])
def test_an_edited_copy_is_refused_until_it_is_forced(shared: Path, imports: str) -> None:
    folder = submission(shared, "import wildlife_a.two")
    vendor(folder, [shared])
    submission(shared, imports)
    (folder / "wildlife_a/two.py").write_text("MINE = 1\n")
    before = recorded(folder)
    with pytest.raises(KitError, match="were edited here") as caught:
        vendor(folder, [shared])
    assert caught.value.problems == ("wildlife_a/two.py",)
    assert (folder / "wildlife_a/two.py").read_text() == "MINE = 1\n"
    assert recorded(folder) == before
    vendor(folder, [shared], force=True)
    assert (folder / "wildlife_a/two.py").exists() == bool(imports)
    assert differences(folder, [shared]) == []


def test_an_own_file_at_the_place_of_a_copy_is_refused(shared: Path) -> None:
    folder = submission(shared, "import wildlife_a.two", **{"wildlife_a/two.py": "MINE = 1\n"})
    with pytest.raises(KitError, match="were edited here"):
        vendor(folder, [shared])
    assert copies(folder) == {"wildlife_a/two.py"}


def test_a_frozen_submission_keeps_its_copies(shared: Path) -> None:
    folder = submission(shared, "import wildlife_a.two")
    vendor(folder, [shared])
    content = recorded(folder) | {"frozen": True}
    (folder / "VENDORED.json").write_text(json.dumps(content))
    (shared / "wildlife_a/two.py").write_text("VALUE = 3\n")
    assert vendor(folder, [shared], force=True).frozen
    assert (folder / "wildlife_a/two.py").read_text() == "VALUE = 2\n"
    assert differences(folder, [shared]) == []
    (folder / "wildlife_a/two.py").write_text("VALUE = 4\n")
    assert [item.kind for item in differences(folder, [shared])] == ["edited"]
    (folder / "wildlife_a/two.py").unlink()
    assert [item.kind for item in differences(folder, [shared])] == ["missing"]
    assert recorded(folder) == content


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", "{}", '{"files": {}}', '{"files": [1]}', '{"files": [{"path": "a.py"}]}',
        '{"files": [{"path": 1, "sha256": "0"}]}', '{"files": [], "frozen": 1}', "\ufeff{}",
        '{"files": [{"path": "../a.py", "sha256": "0"}]}',
        '{"files": [{"path": "/a.py", "sha256": "0"}]}',
        '{"files": [{"path": "", "sha256": "0"}]}',
        '{"files": [{"path": "a\\u0000b", "sha256": "0"}]}',
        '{"files": [{"path": "' + "a" * 300 + '", "sha256": "0"}]}', "[" * 100_000,
    ],
)  # fmt: skip
def test_a_broken_record_is_one_message_and_a_finding(shared: Path, text: str) -> None:
    folder = submission(shared, "import wildlife_a.two")
    (folder / "VENDORED.json").write_text(text)
    with pytest.raises(KitError, match="expected what `kit vendor` writes"):
        vendor(folder, [shared])
    assert copies(folder) == set()
    assert "vendored-malformed" in {finding.code for finding in findings(folder)}


def test_a_shared_file_that_does_not_parse_stops_before_anything_is_written(shared: Path) -> None:
    (shared / "wildlife_a/two.py").write_text("def (\n")
    folder = submission(shared, "import wildlife_a.one")
    with pytest.raises(KitError, match=r"two\.py: expected Python"):
        vendor(folder, [shared])
    assert copies(folder) == set()
    assert not (folder / "VENDORED.json").exists()
    assert "vendored-differs" in {finding.code for finding in findings(folder)}


def test_without_shared_packages_the_copies_stay(shared: Path, tmp_path: Path) -> None:
    folder = submission(shared, "import wildlife_a.two")
    vendor(folder, [shared])
    with pytest.raises(UsageProblem, match="found no folder there"):
        vendor(folder, [tmp_path / "elsewhere"])
    assert copies(folder) == {"wildlife_a/__init__.py", "wildlife_a/two.py"}
    plain = make_submission(tmp_path / "plain")
    assert vendor(plain, [tmp_path / "elsewhere"]).written == ()


@pytest.mark.parametrize("gone", ["wildlife_a/two.py", "wildlife_a"])
def test_a_copy_that_is_imported_is_not_removed_because_its_source_is_gone(
    shared: Path, gone: str
) -> None:
    folder = submission(shared, "from wildlife_a.two import VALUE")
    vendor(folder, [shared])
    path = shared / gone
    path.rename(shared.parent / "moved")
    with pytest.raises(KitError, match="imports shared files that are no longer in") as caught:
        vendor(folder, [shared])
    assert "wildlife_a/two.py" in caught.value.problems
    assert (folder / "wildlife_a/two.py").is_file()


def test_an_interruption_is_repaired_by_the_next_call(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = submission(shared, "import wildlife_a.one")
    vendor(folder, [shared])
    for name in ("two.py", "one.py"):
        path = shared / "wildlife_a" / name
        path.write_text(path.read_text() + "# newer\n")
    written: list[Path] = []
    plain = Path.write_bytes

    def write_once(path: Path, data: bytes) -> int:
        written.append(path)
        if len(written) > 1:
            raise KeyboardInterrupt
        return plain(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", write_once)
        with pytest.raises(KeyboardInterrupt):
            vendor(folder, [shared])
    assert not list(folder.rglob("*.tmp"))
    assert {item.kind for item in differences(folder, [shared])} == {"unrecorded", "outdated"}
    vendor(folder, [shared])
    assert differences(folder, [shared]) == []


def test_the_record_says_where_each_copy_is_from(shared: Path) -> None:
    folder = submission(shared, "import wildlife_b.only")
    vendor(folder, [shared])
    content = recorded(folder)
    assert content["format"] == 1
    assert content["frozen"] is False
    assert [(entry["path"], entry["source"]) for entry in content["files"]] == [
        ("wildlife_b/__init__.py", "_shared/wildlife_b/__init__.py"),
        ("wildlife_b/only.py", "_shared/wildlife_b/only.py"),
    ]
    assert read_vendored(folder).digests == {
        entry["path"]: entry["sha256"] for entry in content["files"]
    }
