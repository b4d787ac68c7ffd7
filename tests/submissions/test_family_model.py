"""wildlife_family: what a phylum rules out, the views of an image, the network and its answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from wildlife_family.family_model import FamilyModel, Logits, PreparedImage
from wildlife_family.networks import FamilyNetwork, read_network
from wildlife_family.taxonomy import Taxonomy, likeliest, masked, probabilities
from wildlife_family.towers_of_views import TowerOfViews, joint_logits, read_head
from wildlife_family.views import WHOLE, views

TAXONOMY = Taxonomy(("Apidae", "Bufonidae", "Ranidae", "Unplaced"), ("Arthropoda", "Chordata",
                    "Chordata", ""))  # fmt: skip
TINY = {
    "architecture": "test_efficientnet",
    "mean": [0.5] * 3,
    "std": [0.5] * 3,
    "head": {"hidden": [6], "dropout": 0.4},
}
ONE_VIEW = {"image_size": 32, "shares": [1.0], "mirrored": False}


@pytest.mark.parametrize(
    ("phylum", "expected"),
    [
        ("Chordata", [False, True, True, True]),
        ("  chordata ", [False, True, True, True]),
        ("Arthropoda", [True, False, False, True]),
        ("Mollusca", [True] * 4),  # not in the taxonomy
        ("", [True] * 4),
        ("   ", [True] * 4),
        (None, [True] * 4),
    ],
)
def test_a_phylum_rules_out_the_families_of_others(
    phylum: str | None, expected: list[bool]
) -> None:
    assert TAXONOMY.possible([phylum]).tolist() == [expected]


def test_rows_of_one_batch_are_ruled_by_their_own_phyla() -> None:
    found = TAXONOMY.possible(["Arthropoda", "Chordata", ""])
    assert found.sum(axis=1).tolist() == [2, 3, 4]


def test_masking_comes_before_the_softmax() -> None:
    logits = np.array([[5.0, 1.0, 1.0, -np.log(2) + 1]])
    found = probabilities(masked(logits, TAXONOMY.possible(["Chordata"])))
    assert found[0].tolist() == pytest.approx([0, 0.4, 0.4, 0.2])
    listed = likeliest(found[0], TAXONOMY.families)
    assert [name for name, _ in listed] == ["Bufonidae", "Ranidae", "Unplaced"]
    assert [value for _, value in listed] == pytest.approx([0.4, 0.4, 0.2])


@pytest.mark.parametrize(
    ("families", "phyla", "said"),
    [
        (("a",), ("x",), "at least 2"),
        (("a", "a"), ("x", "x"), "comes twice"),
        (("a", "b"), ("x",), "2 families, but 1 phyla"),
    ],
)
def test_a_taxonomy_that_cannot_be_used(
    families: tuple[str, ...], phyla: tuple[str, ...], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        Taxonomy(families, phyla)


def striped() -> Image.Image:
    """An image whose left half is red and whose right half is blue."""
    image = Image.new("RGB", (60, 40), (255, 0, 0))
    image.paste((0, 0, 255), (30, 0, 60, 40))
    return image


def test_views_are_the_middle_the_whole_and_their_mirror_images() -> None:
    settings = {"image_size": 20, "shares": [1.0, 0.5, WHOLE], "mirrored": True}
    seen = views(striped(), settings)
    assert seen.shape == (6, 3, 20, 20)
    assert seen[0, :, 10, 0].tolist() == [255, 0, 0]
    assert seen[2, 0, 0, 0] not in (0, 255)  # grey above the whole image
    for plain, mirrored in zip(seen[:3], seen[3:], strict=True):
        assert torch.equal(plain.flip(2), mirrored)


def test_a_turned_photograph_is_turned_once() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    turned = striped()
    turned.info["exif"] = exif.tobytes()
    seen = views(turned, {"image_size": 20, "shares": [WHOLE], "mirrored": False})
    assert seen[0, :, 10, 1].tolist() == [0, 0, 255]


def write_network(folder: Path, families: int) -> Path:
    """Write a network of random weights as training does."""
    torch.manual_seed(0)
    network = FamilyNetwork(TINY, families)
    folder.mkdir(parents=True, exist_ok=True)
    state = network.state_dict()
    save_file({name: t.half() if t.is_floating_point() else t for name, t in state.items()},
              folder / "tuned.safetensors")  # fmt: skip
    return folder


def test_a_head_of_another_number_of_families_is_refused(tmp_path: Path) -> None:
    folder = write_network(tmp_path, 5)
    with pytest.raises(ValueError, match=r"classifier\.weight: expected shape \(4, 6\), found"):
        read_network(folder, TINY, "tuned.safetensors", 4)


def test_logits_are_the_mean_over_views_however_they_are_stacked(tmp_path: Path) -> None:
    network = read_network(write_network(tmp_path, 4), TINY, "tuned.safetensors", 4)
    seen = torch.randint(256, (3, 2, 3, 32, 32), dtype=torch.uint8)
    with torch.inference_mode():
        both = network(seen)
        single = (network(seen[:, :1]) + network(seen[:, 1:])) / 2
        flat = network(seen.flatten(1, 2))
    assert torch.allclose(both, single, atol=1e-4)
    assert torch.equal(both, flat)


def test_towers_lie_side_by_side_and_mirror_images_are_averaged(tmp_path: Path) -> None:
    settings = {"image_size": 32, "shares": [1.0, 0.5], "mirrored": True}
    tower = TowerOfViews(TINY, settings).eval()
    seen = torch.randint(256, (3, 4, 3, 32, 32), dtype=torch.uint8)
    with torch.inference_mode():
        features = tower(seen)
    assert features.shape == (3, 2, tower.features)
    head = {"norm.running_mean": torch.zeros(2 * tower.features),
            "norm.running_var": torch.ones(2 * tower.features),
            "classifier.weight": torch.randn(4, 2 * tower.features),
            "classifier.bias": torch.zeros(4)}  # fmt: skip
    save_file(head, tmp_path / "head.safetensors")
    read = read_head(tmp_path / "head.safetensors", 2 * tower.features, 4)
    logits = joint_logits(read, [features, features])
    expected = read(torch.cat([features, features], dim=2).mean(dim=1))
    assert torch.allclose(logits, expected, atol=1e-4)
    with pytest.raises(ValueError, match="expected shape"):
        read_head(tmp_path / "head.safetensors", tower.features, 4)


class Fixed(FamilyModel):
    """Logits that the test gives, whatever the image."""

    rows: Logits

    def read(self, config: Mapping[str, Any]) -> None:
        raise AssertionError

    def logits_of_batch(self, batch: Sequence[PreparedImage]) -> Logits:
        return self.rows[: len(batch)]


def fixed(rows: Sequence[Sequence[float]]) -> Fixed:
    """A loaded model with these logits."""
    model = Fixed()
    model.taxonomy, model._views, model._loaded = TAXONOMY, [ONE_VIEW], True
    model.rows = np.array(rows)
    return model


def test_the_phylum_of_metadata_changes_the_answer() -> None:
    model = fixed([[3.0, 2.0, 1.0, -9.0]])
    assert model.predict(striped()) == "Apidae"
    assert model.predict(striped(), {"phylum": ""}) == "Apidae"
    assert model.predict(striped(), {"phylum": "Chordata"}) == "Bufonidae"


def test_explained_are_the_probabilities_of_the_last_batch() -> None:
    model = fixed([[3.0, 2.0, 1.0, -9.0]])
    batch = [model.preprocess(striped(), {"phylum": "Chordata"})]
    answer = model.predict_batch(batch)
    explained = model.explain_batch(batch)
    assert [name for name, _ in explained[0]] == ["Bufonidae", "Ranidae", "Unplaced"]
    assert answer == [explained[0][0][0]]
    assert sum(value for _, value in explained[0]) == pytest.approx(1)
    assert model.explain_batch(list(batch)) == explained  # another list is computed again


def test_a_logit_that_is_not_finite_never_wins() -> None:
    model = fixed([[np.nan, np.inf, 1.0, 0.0]])
    assert model.predict(striped()) == "Ranidae"
    model = fixed([[np.nan] * 4])
    assert model.predict(striped(), {"phylum": "Chordata"}) == "Bufonidae"


def test_predicting_before_loading_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="load"):
        Fixed().predict(striped())


def test_an_empty_batch() -> None:
    model = fixed([[0.0] * 4])
    assert model.predict_batch([]) == []
    assert model.explain_batch([]) == []
