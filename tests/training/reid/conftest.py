"""Small builds of the submissions that fuse several scores, one for all tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.retrieval import TINY_CLASSIFIER, draw_database, draw_descriptor
from training.reid import megadescriptor_convnext, wildfusion
from training.reid.embedding import descriptors
from training.reid.matching import pairs, sift
from training.reid.open_set_ensemble import __main__ as open_set_ensemble
from wildlife_reid.triplet import TripletNetwork

SUBMISSIONS = Path(__file__).parents[3] / "submissions"
Build = Callable[[str], Path]


def build(name: str, work: Path) -> Path:
    """Build a copy of the submission in `work`/copy, with data, descriptors and caches there."""
    ignored = shutil.ignore_patterns("__pycache__", "weights*")
    shutil.copytree(SUBMISSIONS / name, work / "copy", ignore=ignored)
    swin = str(draw_descriptor(work / "descriptor"))
    command = ["--data", str(draw_database(work / "data")), "--out", str(work / "copy")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "RUNS", work / "runs")
        for module in (sift, descriptors):
            patch.setattr(module, "DEFAULT_FOLDER", work / "features")
        if name == "wildfusion":
            status = wildfusion.main([*command, "--descriptor", swin])
        elif name == "megadescriptor_convnext":
            patch.setattr(megadescriptor_convnext, "NETWORKS", {"small": TINY_CLASSIFIER})
            status = megadescriptor_convnext.main([*command, "--descriptor", swin, "--epochs", "2"])
        else:
            triplet = str(draw_descriptor(work / "triplet", TripletNetwork))
            status = open_set_ensemble.main([*command, "--triplet", triplet, "--swin", swin])
    assert status == 0
    return work


@pytest.fixture(scope="session")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """The folder of `build`, made once for each submission."""
    made: dict[str, Path] = {}

    def once(name: str) -> Path:
        if name not in made:
            made[name] = build(name, tmp_path_factory.mktemp(name))
        return made[name]

    return once
