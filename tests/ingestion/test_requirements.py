"""requirements.txt: how it is read, compared with the whitelist, and provided."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.support.ingestion import PROGRAM, Place, make_place
from wildlife_ingestion.errors import IngestionError
from wildlife_ingestion.requirements import find_unmet, provide, read_requirements, read_whitelist

WHITELIST = read_whitelist(PROGRAM)


def read(tmp_path: Path, content: str | bytes) -> list[str]:
    path = tmp_path / "requirements.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [str(requirement) for requirement in read_requirements(path, WHITELIST)]


def refusal(tmp_path: Path, content: str | bytes) -> str:
    with pytest.raises(IngestionError) as caught:
        read(tmp_path, content)
    return str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "Numpy==2.0.0",
        "pillow",
        "PILLOW",
        "open_clip_torch==2.24.0",
        "Open.CLIP-torch",
        "scikit-learn>=1.4,<2,!=1.5.0",
        "torch~=2.3",
        "torch==2.3.0+cpu",
        "albumentations[headless]==2.0.8",
        "pandas (>=2)",
        "opencv-python-headless",
    ],
)
def test_names_are_normalised_and_any_range_is_understood(tmp_path: Path, line: str) -> None:
    assert len(read(tmp_path, line)) == 1


def test_comments_blank_and_continued_lines_are_understood(tmp_path: Path) -> None:
    text = "# a comment\n\n  numpy  # why\n\ttorch>=2\\\n,<3\n   \nscipy\n"
    assert read(tmp_path, text) == [
        "numpy",
        "torch<3,>=2",
        "scipy",
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"numpy\r\nscipy>=1\r\n",
        b"\xef\xbb\xbfnumpy\nscipy>=1",
        "numpy\r\nscipy>=1\r\n".encode("utf-16"),
        b"numpy\nscipy>=1 \\",
    ],
    ids=["CRLF", "BOM", "UTF-16 of PowerShell", "backslash at the end"],
)
def test_files_of_any_editor_are_read(tmp_path: Path, content: bytes) -> None:
    assert read(tmp_path, content) == ["numpy", "scipy>=1"]


def test_markers_that_do_not_hold_here_are_left_out(tmp_path: Path) -> None:
    assert read(tmp_path, 'numpy; python_version < "3"\nscipy; python_version >= "3"') == [
        'scipy; python_version >= "3"'
    ]


def test_no_file_means_no_requirements(tmp_path: Path) -> None:
    assert read_requirements(tmp_path / "requirements.txt", WHITELIST) == []


def test_bytes_that_are_no_text_are_an_error(tmp_path: Path) -> None:
    assert "not UTF-8 text (byte 2)" in refusal(tmp_path, b"nu\xffmpy")


def test_all_problems_are_in_one_message(tmp_path: Path) -> None:
    message = refusal(tmp_path, "numpy\nrequests==2\n-r more.txt\ntorch==\n\nultralytics\n")
    assert "4 lines that cannot be accepted" in message
    assert "line 2 'requests==2': requests is not on the whitelist" in message
    assert "line 3 '-r more.txt': an option of pip" in message
    assert "line 4 'torch==': not a requirement" in message
    assert "line 6 'ultralytics': ultralytics is not on the whitelist" in message
    assert "Allowed packages: albumentations, catboost" in message


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("--index-url there", "an option of pip"),
        ("-e .", "an option of pip"),
        ("numpy --hash=sha256:00", "an option of pip after the package"),
        ("https://example.org/numpy.whl", "an address or a path"),
        ("git+https://example.org/numpy", "an address or a path"),
        ("numpy @ https://example.org/numpy.whl", "an address or a path"),
        ("numpy @ file:///tmp/numpy", "an address or a path"),
        ("./numpy", "an address or a path"),
        ("numpy-2.0-cp311.whl", "an address or a path"),
        ("numpy=1.0", "not a requirement"),
        ("numpy 1.0", "not a requirement"),
    ],
)
def test_what_is_not_a_name_with_a_version_is_refused(tmp_path: Path, line: str, why: str) -> None:
    assert why in refusal(tmp_path, line)


def test_a_missing_whitelist_is_the_organisers_fault(tmp_path: Path) -> None:
    with pytest.raises(IngestionError, match="tell the organisers"):
        read_whitelist(tmp_path)


def test_the_whitelist_holds_the_official_names() -> None:
    assert len(WHITELIST) == 27
    assert WHITELIST["pillow"] == "Pillow"


def unmet(*lines: str) -> list[str]:
    return [str(item) for item in find_unmet([Requirement(line) for line in lines])]


def test_what_is_installed_and_satisfies_is_not_unmet() -> None:
    version = metadata.version("numpy")
    assert unmet("NumPy", f"numpy=={version}", "pillow>=1,<1000", "scikit_learn") == []


def test_the_unmet_say_what_is_installed() -> None:
    version = metadata.version("numpy")
    assert unmet("numpy==0.1", "nflows>=3") == [
        f"numpy==0.1: numpy found {version}",
        "nflows>=3: nflows is not installed",
    ]


class FakeDistribution:
    version = "1.0"
    requires = ("numpy", 'nowhere-to-be-found>=2 ; extra == "big"', 'numpy ; extra == "small"')


def test_the_packages_of_an_extra_belong_to_the_requirement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = metadata.distribution
    monkeypatch.setattr(
        metadata, "distribution", lambda name: FakeDistribution if name == "timm" else real(name)
    )
    assert unmet("timm", "timm[small]") == []
    assert unmet("timm[big]") == ["timm[big]: timm found 1.0 without nowhere-to-be-found"]


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Records the calls of pip, which installs nothing and ends with status 1."""
    calls = []

    def run(command: list[str], check: bool) -> type:
        calls.append(command)
        return type("Done", (), {"returncode": 1})

    monkeypatch.setattr("subprocess.run", run)
    return calls


def test_only_what_is_unmet_is_installed_in_one_call(pip: list[list[str]]) -> None:
    wanted = [Requirement(line) for line in ("numpy", "nflows>=3", "scipy==0.1", "pillow")]
    with pytest.raises(IngestionError):
        provide(wanted, install=True)
    (command,) = pip
    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    assert command[-2:] == ["nflows>=3", "scipy==0.1"]


def test_a_failed_installation_names_the_missing_and_the_installed(pip: list[list[str]]) -> None:
    wanted = [Requirement(line) for line in ("nflows>=3", "scipy==0.1")]
    with pytest.raises(IngestionError) as caught:
        provide(wanted, install=True)
    message = str(caught.value)
    assert "2 required packages could not be installed (pip ended with status 1" in message
    assert "nflows>=3: nflows is not installed" in message
    assert f"scipy==0.1: scipy found {metadata.version('scipy')}" in message


def test_nothing_is_installed_where_all_is_satisfied(
    pip: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    provide([Requirement("numpy")], install=True)
    assert pip == []
    assert "1 listed, all satisfied" in capsys.readouterr().out


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = make_place(tmp_path)
    place.image("a.png", 0)
    return place


def test_told_to_install_nothing_a_missing_package_is_an_error(place: Place) -> None:
    place.code("requirements.txt", "nflows\nnumpy==0.1\n")
    message = place.fail(INGESTION_INSTALL="never")
    assert "nflows: nflows is not installed" in message
    assert "kit run --install" in message


def test_told_to_install_nothing_an_unmet_pin_is_a_warning(place: Place) -> None:
    place.code("requirements.txt", "numpy==0.1\n")
    outcome = place.run(INGESTION_INSTALL="never")
    installed = metadata.version("numpy")
    assert outcome.rows == [["a.png", "0.0000"]]
    assert (
        f"WARNING: requirements.txt asks for numpy==0.1, installed is numpy {installed}"
        in outcome.out
    )


def test_without_a_network_the_run_names_the_missing_package(place: Place) -> None:
    place.code("requirements.txt", "nflows>=900\n")
    outcome = place.run(INGESTION_INSTALL="", PIP_NO_INDEX="1", PIP_FIND_LINKS="")
    assert outcome.status == 1
    assert outcome.rows is None
    assert "nflows>=900: nflows is not installed" in outcome.err
    assert "is there a network?" in outcome.err


def test_a_forbidden_package_ends_the_run(place: Place) -> None:
    place.code("requirements.txt", "requests\n")
    assert "requests is not on the whitelist" in place.fail()
