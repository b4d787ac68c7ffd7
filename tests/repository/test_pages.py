"""Every code block of the documents: shell blocks run, or are looked up; Python examples run."""

from __future__ import annotations

import doctest
import shlex
from pathlib import Path

import pytest

from tests.support.pages import (
    blocks,
    commands,
    copy_checkout,
    documents,
    problems,
    run_page,
    with_blocks,
)
from tests.support.repository import ROOT
from wildlife_scoring.tracks import TRACKS

PAGES = ROOT / "docs" / "pages"
TRACK_PAGES = sorted((PAGES / "tracks").glob("*.md"))


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_checkout(tmp_path_factory.mktemp("pages") / "clone")


@pytest.mark.process
@pytest.mark.parametrize("page", with_blocks("sh"), ids=ids)
def test_the_commands_of_a_page_run(page: Path, checkout: Path) -> None:
    run_page(page, checkout)


@pytest.mark.parametrize("page", with_blocks("console"), ids=ids)
def test_the_commands_that_are_not_run_exist(page: Path) -> None:
    for block in blocks(page, "console"):
        for words in commands(block):
            assert not list(problems(words)), shlex.join(words)


def test_a_command_that_does_not_exist_is_noticed() -> None:
    wrong = (
        "kit run NAME --mod sandbox", "kit run NAME --mode box",
        "kit weights add FILE --licens MIT", "python -m training NAME --dat DIR",
        "make nothing", "rm -r everything",
    )  # fmt: skip
    for line in wrong:
        assert list(problems(shlex.split(line))), line


def test_only_the_page_of_the_wheel_has_commands_for_an_empty_folder() -> None:
    """tests/kit/test_wheel.py runs them."""
    assert with_blocks("bash") == [PAGES / "team.md"]


def test_no_page_hides_commands_in_a_block_of_another_name() -> None:
    for language in ("shell", "zsh", "shell-session", "text"):
        assert not with_blocks(language)


@pytest.mark.parametrize("page", with_blocks("pycon"), ids=ids)
def test_the_examples_of_a_page_give_what_it_shows(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(verbose=False)
    for block in blocks(page, "pycon"):
        test = parser.get_doctest(block, {}, ids(page), str(page), 0)
        assert test.examples
        told: list[str] = []
        runner.run(test, out=told.append)
        assert not told, "".join(told)


def test_each_track_has_a_page() -> None:
    assert [path.stem for path in TRACK_PAGES] == sorted(TRACKS)


@pytest.mark.parametrize("page", TRACK_PAGES, ids=ids)
def test_the_page_of_a_track_has_a_worked_example_of_its_metric(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    titles = ("The bundle", "The metric", "A worked example", "The report", "Bring your own data")
    assert [title for title in titles if f"\n## {title}\n" not in text] == []
    (example,) = blocks(page, "pycon")
    assert f"from wildlife_scoring.{page.stem}.metrics import" in example


@pytest.mark.parametrize("page", documents(), ids=ids)
def test_the_python_blocks_of_a_page_are_python(page: Path) -> None:
    for block in blocks(page, "python"):
        compile(block, ids(page), "exec")
