"""requirements.txt: names that pip lacks, versions that exclude each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kit.checks.submission.imports import check_imports
from kit.checks.submission.requirements import check_requirements
from kit.checks.submission.subject import opened
from kit.checks.submission.version_ranges import allows_from, is_empty, without_builds
from kit.findings.finding import Finding
from kit.submissions import Submission
from tests.support.checks import GOOD_MODEL
from tests.support.kit import write_tree

ALL = "\n".join((
    "pytorch", "torch", "torchvision", "torchaudio", "scikit-learn", "Pillow", "numpy", "pandas",
    "opencv-python-headless", "scipy",
))  # fmt: skip


def findings_for(
    folder: Path, lines: str, whitelist: str | None = ALL, imports: str = ""
) -> list[Finding]:
    """The findings of requirements and imports; without a whitelist, every package is allowed."""
    model = GOOD_MODEL.replace("import numpy as np\n", f"import numpy as np\n{imports}\n")
    write_tree(folder / "s", {"model.py": model, "metadata": "", "requirements.txt": lines})
    path = None
    if whitelist is not None:
        path = folder / "whitelist.txt"
        path.write_text(whitelist)
    with opened(Submission("s", folder / "s")) as subject:
        subject = replace(subject, whitelist=path)
        results = [*check_requirements(subject), *check_imports(subject)]
    ignored = ("requirement-differs-here", "import-shadow")
    return [item for item in results if isinstance(item, Finding) and item.code not in ignored]


@pytest.mark.parametrize("whitelist", [ALL, None], ids=["whitelist", "no whitelist"])
@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("pytorch", "`torch`"),
        ("pytorch==2.6.0", "`torch==2.6.0`"),
        ("sklearn", "`scikit-learn`"),
        ("sklearn==0.0.post1", "`scikit-learn`"),
        ("cv2", "`opencv-python-headless`"),
        ("PIL", "`Pillow`"),
        ("os", "remove the line"),
        ("python==3.10", "pip has no package python"),
        ("detectron2", "copy the code"),
        ("json", "remove the line"),
    ],
)
def test_a_name_that_pip_lacks_is_told_the_right_one(
    line: str, right: str, whitelist: str | None, tmp_path: Path
) -> None:
    (found,) = findings_for(tmp_path, f"numpy\n{line}\n", whitelist)
    assert found.code == "requirement-name"
    assert right in found.found
    assert found.line == 2


def test_what_an_organiser_lists_is_in_the_image(tmp_path: Path) -> None:
    assert not findings_for(tmp_path, "numpy\ndetectron2\n", f"{ALL}\ndetectron2")


def test_the_right_name_is_spelled_as_on_the_whitelist(tmp_path: Path) -> None:
    (found,) = findings_for(tmp_path, "numpy\nPIL\n", "numpy\npillow\n")
    assert "write `pillow`" in found.found


def test_a_right_name_that_is_not_allowed_is_one_answer(tmp_path: Path) -> None:
    (found,) = findings_for(tmp_path, "numpy\nyaml\n", imports="import yaml")
    assert found.code == "requirement-not-allowed"
    assert "PyYAML, which is not on the organiser's whitelist" in found.found


@pytest.mark.parametrize(
    ("whitelist", "codes"),
    [
        (ALL, ["requirement-name"]),
        (None, ["requirement-headless"]),
        (f"{ALL}\nopencv-python", []),
        ("numpy\n", ["requirement-not-allowed"]),
    ],
)
def test_opencv_for_screens(whitelist: str | None, codes: list[str], tmp_path: Path) -> None:
    found = findings_for(tmp_path, "numpy\nopencv-python\n", whitelist, "import cv2")
    assert [finding.code for finding in found] == codes


@pytest.mark.parametrize("name", ["argparse", "typing", "timm", "opencv_python_headless"])
def test_what_pip_has_is_no_wrong_name(name: str, tmp_path: Path) -> None:
    assert not findings_for(tmp_path, f"numpy\n{name}\n", None)


@pytest.mark.parametrize(
    "lines",
    [
        ("torch==2.6.0", "torchvision==0.20.1"),
        ("torch==2.6.0+cpu", "torchvision==0.20.1+cpu"),
        ("torch>=2.6", "torchvision<0.21"),
        ("torch==2.5.1", "torchvision>=0.21"),
        ("torch==1.13.1", "torchvision==0.15.2"),
        ("torch==2.6.0", "torchaudio==2.5.1"),
        ("torch==2.5.1", "torchaudio~=2.6.0"),
        ("torchvision==0.20.1", "torchaudio==2.6.0"),
        ("torch==2.5.1", "torchvision==0.29.2"),
        ("numpy==1.26.4", "numpy>=2"),
        ("numpy<2", "numpy==2.1.0"),
        ("scipy~=1.10.0", "scipy>1.11"),
        ("scipy>=1.12,<1.11",),
        ("numpy==2.1.0", "scikit-learn==1.3.2"),
        ("numpy>=2", "pandas<2.2"),
        ("numpy==1.26.4", "opencv-python-headless==4.12.0.88"),
    ],
    ids=" ".join,
)
def test_versions_that_exclude_each_other(lines: tuple[str, ...], tmp_path: Path) -> None:
    (found,) = findings_for(tmp_path, "\n".join(lines) + "\n", None, imports="")[:1]
    assert found.code == "requirement-conflict"
    assert found.line == len(lines) or "torch" in found.found or "numpy" in found.found


@pytest.mark.parametrize(
    "lines",
    [
        ("torch==2.6.0", "torchvision==0.21.0", "torchaudio==2.6.0"),
        ("torch==2.6.0+cu124", "torchvision==0.21.0+cu124"),
        ("torch==2.5.1", "torchvision"),
        ("torch", "torchvision==0.20.1"),
        ("torch>=2.4", "torchvision>=0.19"),
        ("torch==2.99.0", "torchvision==0.99.0"),
        ("torch==2.15.0", "torchvision==0.29.2"),
        ("torch==2.11.0", "torchaudio==2.11.0"),
        ("torchvision==0.20.1", "torchaudio==2.5.1"),
        ("torchvision>=0.20", "torchaudio==2.6.0"),
        ("numpy>=1.24", "scikit-learn==1.3.2"),
        ("numpy==2.1.0", "scikit-learn"),
        ("numpy==2.1.0", "scipy>=1.10"),
        ('numpy<2; python_version<"3"', "numpy>=2"),
    ],
    ids=" ".join,
)
def test_versions_that_go_together(lines: tuple[str, ...], tmp_path: Path) -> None:
    found = findings_for(tmp_path, "\n".join(("numpy", *lines)[-3:]) + "\n", None)
    codes = {finding.code for finding in found} - {"requirement-duplicate"}
    assert not codes & {"requirement-conflict", "requirement-name"}


def test_what_goes_with_torch_is_named(tmp_path: Path) -> None:
    found = findings_for(tmp_path, "numpy\ntorch==2.6.0\ntorchvision==0.20.1\n", None)
    assert [finding.code for finding in found] == ["requirement-conflict"]
    assert "needs torch==2.5.1, found torch==2.6.0; torchvision==0.21.0 goes" in found[0].found


def test_a_package_twice_is_one_finding(tmp_path: Path) -> None:
    (same,) = findings_for(tmp_path / "a", "numpy\nnumpy>=1\n", None)
    assert same.code == "requirement-duplicate"
    (other,) = findings_for(tmp_path / "b", "numpy<2\nnumpy>=2\n", None)
    assert other.code == "requirement-conflict"


def test_an_import_gets_one_answer(tmp_path: Path) -> None:
    (found,) = findings_for(tmp_path / "a", "numpy\n", imports="import yaml")
    assert found.code == "import-not-allowed"
    assert "yaml needs PyYAML" in found.found
    assert "whitelist has no PyYAML" in found.found
    (allowed,) = findings_for(tmp_path / "b", "numpy\n", f"{ALL}\nPyYAML", "import yaml")
    assert allowed.code == "import-undeclared"
    (missing,) = findings_for(tmp_path / "c", "numpy\n", imports="import nowhere_at_all")
    assert missing.code == "import-missing"
    assert "whitelist has no nowhere_at_all" in missing.found


@pytest.mark.parametrize(
    "package",
    ["opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless", "cv2"],
)
def test_opencv_comes_under_four_names(package: str, tmp_path: Path) -> None:
    found = findings_for(tmp_path, f"numpy\n{package}\n", None, "import cv2")
    assert not [finding for finding in found if finding.code.startswith("import-")]


@pytest.mark.parametrize(
    ("specifiers", "empty"),
    [
        ("==1.26.4,<2", False), ("==1.26.4,>=2", True), ("<2,>=2", True), ("<=2,>=2", False),
        (">2,<2.0.1", False), ("~=1.24,<1.24", True), ("==1.24.*,==1.24.3", False),
        ("==1.24.*,>=1.25", True), ("!=2.0,>=2,<2.0.1", False), ("", False), ("<0.1", False),
        ("===2.0", False), ("<1.25,>=1.24.4", False),
    ],
)  # fmt: skip
def test_empty_ranges(specifiers: str, empty: bool) -> None:
    assert is_empty(without_builds(specifiers)) is empty


@pytest.mark.parametrize(
    ("specifiers", "allowed"),
    [
        ("", True), ("==2.6.0", True), ("==2.6.0+cu124", True), ("==2.5.1", False), ("<2.6", False),
        ("<2.6.1", True), ("~=2.5", True), ("~=2.5.0", False), ("<=2.6", True), ("==2.*", True),
        ("==2.17.3", True),
    ],
)  # fmt: skip
def test_ranges_from_a_version_on(specifiers: str, allowed: bool) -> None:
    assert allows_from(without_builds(specifiers), "2.6") is allowed
