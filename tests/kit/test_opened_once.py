"""What a command reads of a submission: no weights in `kit list`, and each file once in a check."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kit import submissions, zips
from tests.support.checks import good_submission
from tests.support.kit import Kit

pytestmark = pytest.mark.process

WEIGHTS = ("head.npz", "classifier.pkl")


def counting(
    monkeypatch: pytest.MonkeyPatch, function: Callable[..., Any], name: Callable[..., str]
) -> Counter[str]:
    """Count the calls of a function of the kit under every name that a module gives it."""
    calls: Counter[str] = Counter()

    def counted(*arguments: Any, **options: Any) -> Any:
        calls[name(*arguments)] += 1
        return function(*arguments, **options)

    for module_name, module in sorted(sys.modules.items()):
        if module_name.partition(".")[0] == "kit":
            for attribute, value in list(vars(module).items()):
                if value is function:
                    monkeypatch.setattr(module, attribute, counted)
    return calls


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return good_submission(tmp_path / "s")


@pytest.fixture
def hashed(kit: Kit, folder: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """The files whose sha256 is computed, by name; every module that does it is imported."""
    for command in (["check", folder, "--bundle", bundle], ["list"], ["pack", folder]):
        assert kit(*command).status == 0
    return counting(monkeypatch, zips.sha256_of, lambda path: Path(path).name)


def test_list_opens_no_weights(
    kit: Kit, hashed: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    plain = Path.open

    def noted(path: Path, *arguments: Any, **options: Any) -> Any:
        opened.append(path.parent.name)
        return plain(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", noted)
    assert kit("list").status == 0
    assert hashed == Counter()
    assert opened  # the metadata files
    assert "weights" not in opened


def test_a_quick_check_hashes_each_weight_file_once(
    kit: Kit, folder: Path, hashed: Counter[str]
) -> None:
    assert kit("check", folder, "--quick").status == 0
    assert hashed == Counter(dict.fromkeys(WEIGHTS, 1))


def test_a_pack_hashes_each_weight_file_once_and_the_zip(
    kit: Kit, folder: Path, hashed: Counter[str]
) -> None:
    assert kit("pack", folder, "--out", "x.zip").status == 0
    assert {name: hashed.pop(name) for name in WEIGHTS} == dict.fromkeys(WEIGHTS, 1)
    assert sum(hashed.values()) == 1


def test_a_full_check_lays_out_and_zips_once(
    kit: Kit, folder: Path, bundle: Path, hashed: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    laid_out = counting(monkeypatch, submissions.lay_out, lambda submission, _: submission.name)
    written = counting(monkeypatch, zips.write_zip, lambda _, target: target.name)
    unpacked = counting(monkeypatch, zips.unpack, lambda archive, *_: archive.name)
    answer = kit("check", folder, "--bundle", bundle, "--json")
    assert answer.status == 0, answer.text
    assert "scores" in answer.json["checks"]
    assert {name: hashed[name] for name in WEIGHTS} == dict.fromkeys(WEIGHTS, 1)
    assert laid_out == {"s": 1}
    assert written["submission.zip"] == unpacked["submission.zip"] == 1
    assert "program.zip" not in written


def test_a_run_of_a_folder_hashes_each_weight_file_once(
    kit: Kit, folder: Path, bundle: Path, hashed: Counter[str]
) -> None:
    assert kit("run", folder, "--bundle", bundle).status == 0
    assert {name: hashed[name] for name in WEIGHTS} == dict.fromkeys(WEIGHTS, 1)
