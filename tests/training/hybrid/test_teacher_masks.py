"""Wing masks from detector and SAM, with tiny models of the public architectures, offline."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from training.common.images import list_images
from training.hybrid.masks import teacher as teacher_masks
from training.hybrid.masks.pairs import read_pairs

ROOT = Path(__file__).parents[3]
# A dict, because the type stubs of transformers do not know this argument of its backbones.
STAGES: dict[str, Any] = {"out_features": ["stage2", "stage3", "stage4"]}
# The width and depth of all tiny transformers.
TINY: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
SCRIPT = ["-m", "training.hybrid.masks.teacher"]


class CentreDetector:
    """Finds the middle of every image that is not quite pale."""

    def boxes(self, images: list[Image.Image]) -> list[list[list[float]]]:
        return [
            [[p.width / 4, p.height / 4, p.width * 3 / 4, p.height * 3 / 4]]
            if np.asarray(p).min() < 128
            else []
            for p in images
        ]


class BoxSegmenter(teacher_masks.Segmenter):
    """Says that all of a box is wing."""

    def __init__(self) -> None:
        pass  # reads no model

    def masks(
        self, images: list[Image.Image], boxes: list[list[list[float]]]
    ) -> list[teacher_masks.Mask]:
        masks = []
        for image, found in zip(images, boxes, strict=True):
            mask = Image.new("1", image.size)
            for box in found:
                ImageDraw.Draw(mask).rectangle(box, fill=1)
            masks.append(np.asarray(mask))
        return masks


def make_images(folder: Path) -> Path:
    (folder / "erato").mkdir(parents=True)
    for name, size in (("a.png", (90, 60)), ("erato/b.jpg", (64, 80)), ("erato/c.png", (70, 70))):
        image = Image.new("RGB", size, (235, 230, 220))
        ImageDraw.Draw(image).ellipse((20, 15, 50, 45), fill=(50, 30, 30))
        image.save(folder / name)
    return folder


def test_masks_fit_their_images_and_train_the_network(tmp_path: Path) -> None:
    images, out = make_images(tmp_path / "images"), tmp_path / "masks"
    paths = list_images(images)
    assert teacher_masks.write_masks(images, out, paths, CentreDetector(), BoxSegmenter()) == []
    pairs = read_pairs(images, out, 16, None)
    assert pairs.names == ("a.png", "erato/b.jpg", "erato/c.png")
    assert pairs.masks.float().mean().item() == pytest.approx(0.25, abs=0.05)


def test_images_without_a_box_or_unreadable_are_told(tmp_path: Path) -> None:
    images, out = make_images(tmp_path / "images"), tmp_path / "masks"
    Image.new("RGB", (30, 30), (250, 250, 250)).save(images / "pale.png")
    (images / "text.jpg").write_bytes(b"no image")
    paths = list_images(images)
    problems = teacher_masks.write_masks(images, out, paths, CentreDetector(), BoxSegmenter())
    assert len(problems) == 2
    assert problems[0].startswith("text.jpg cannot be read")
    assert problems[1].startswith("pale.png: nothing found")
    assert len(list(out.rglob("*_mask.png"))) == 3


@pytest.mark.parametrize("missing", ["./models/sam", "/models/sam", "models/of/mine"])
def test_a_missing_folder_is_never_taken_for_a_hub_id(missing: str) -> None:
    class Refuses:
        @staticmethod
        def from_pretrained(source: str, local_files_only: bool) -> None:
            raise AssertionError("asked")

    with pytest.raises(teacher_masks.TeacherError, match="is no folder, and no hub id either"):
        teacher_masks.pretrained(Refuses, missing)


def test_a_folder_is_read_locally_and_an_id_may_ask_the_hub(tmp_path: Path) -> None:
    asked = []

    class Notes:
        @staticmethod
        def from_pretrained(source: str, local_files_only: bool) -> None:
            asked.append((source, local_files_only))

    teacher_masks.pretrained(Notes, str(tmp_path))
    teacher_masks.pretrained(Notes, "owner/name")
    assert asked == [(str(tmp_path), True), ("owner/name", False)]


def save_owlvit(folder: Path) -> None:
    """An open-vocabulary detector, random weights, letters as its vocabulary."""
    import transformers as tf

    letters = "abcdefghijklmnopqrstuvwxyz"
    ends = [letter + "</w>" for letter in letters]
    tokens = [*letters, *ends, "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    layers = TINY | {"intermediate_size": 16}
    config = tf.OwlViTConfig(
        text_config=layers
        | {"vocab_size": len(tokens), "max_position_embeddings": 24, "pad_token_id": 0}
        | {"bos_token_id": len(tokens) - 2, "eos_token_id": len(tokens) - 1},
        vision_config=layers | {"image_size": 32, "patch_size": 8},
        projection_dim=16,
    )
    tf.OwlViTForObjectDetection(config).save_pretrained(folder)
    side = {"height": 32, "width": 32}
    tokenizer = tf.CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=24)
    images = tf.OwlViTImageProcessor(size=side, crop_size=side)
    processor: Any = tf.OwlViTProcessor
    processor(images, tokenizer).save_pretrained(folder)


def save_grounding_dino(folder: Path) -> None:
    """An open-vocabulary detector that is told its prompts as one sentence, random weights."""
    import transformers as tf

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", "a", "butterfly", "wing"]
    config = tf.GroundingDinoConfig(
        backbone_config=tf.SwinConfig(
            image_size=64, patch_size=4, embed_dim=8, window_size=4,
            depths=[1, 1, 1, 1], num_heads=[1, 1, 1, 1], **STAGES,
        ),
        text_config=tf.BertConfig(vocab_size=len(words), intermediate_size=16, **TINY),
        d_model=32, num_queries=6, max_text_len=32,
        encoder_layers=1, encoder_ffn_dim=16, encoder_attention_heads=2,
        decoder_layers=2, decoder_ffn_dim=16, decoder_attention_heads=2,
    )  # fmt: skip
    tf.GroundingDinoForObjectDetection(config).save_pretrained(folder)
    tokenizer = tf.BertTokenizer(vocab={word: number for number, word in enumerate(words)})
    images = tf.GroundingDinoImageProcessor(size={"shortest_edge": 128, "longest_edge": 128})
    processor: Any = tf.GroundingDinoProcessor
    processor(images, tokenizer).save_pretrained(folder)


def save_rtdetr(folder: Path) -> None:
    """A detector with the classes wing and ruler, random weights."""
    import transformers as tf

    backbone = tf.RTDetrResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], layer_type="basic",
        **STAGES,
    )  # fmt: skip
    config = tf.RTDetrConfig(
        backbone_config=backbone,
        d_model=16, num_queries=6, num_denoising=0, feat_strides=[8, 16, 32],
        encoder_hidden_dim=16, encoder_in_channels=[8, 16, 16],
        encoder_ffn_dim=16, encoder_attention_heads=2,
        decoder_layers=1, decoder_in_channels=[16, 16, 16],
        decoder_ffn_dim=16, decoder_attention_heads=2,
        id2label={0: "wing", 1: "ruler"}, label2id={"wing": 0, "ruler": 1},
    )  # fmt: skip
    tf.RTDetrForObjectDetection(config).save_pretrained(folder)
    tf.RTDetrImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)


def save_sam(folder: Path) -> None:
    """Segment Anything, random weights, for images of 64 pixels."""
    import transformers as tf

    config = tf.SamConfig(
        vision_config=tf.SamVisionConfig(
            image_size=64, patch_size=16, window_size=2, global_attn_indexes=[0],
            output_channels=8, mlp_dim=16, num_pos_feats=4, **TINY,
        ),
        prompt_encoder_config=tf.SamPromptEncoderConfig(
            hidden_size=8, image_size=64, patch_size=16, mask_input_channels=4
        ),
        mask_decoder_config=tf.SamMaskDecoderConfig(
            hidden_size=8, mlp_dim=16, num_hidden_layers=1, num_attention_heads=2,
            iou_head_hidden_dim=8, attention_downsample_rate=1,
        ),
    )  # fmt: skip
    tf.SamModel(config).save_pretrained(folder)
    images = tf.SamImageProcessor(
        size={"longest_edge": 64},
        pad_size={"height": 64, "width": 64},
        mask_size={"longest_edge": 16},
        mask_pad_size={"height": 16, "width": 16},
    )
    processor: Any = tf.SamProcessor
    processor(images).save_pretrained(folder)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    save_owlvit(folder / "owlvit")
    save_grounding_dino(folder / "grounding_dino")
    save_rtdetr(folder / "rtdetr")
    save_sam(folder / "sam")
    return folder


def run(
    images: Path, out: Path, models: Path, detector: str, *extra: str
) -> subprocess.CompletedProcess[str]:
    """The script in a process of its own: threads, offline, a fresh interpreter."""
    command = [sys.executable, *SCRIPT, "--images", str(images), "--out", str(out)]
    command += ["--detector", str(models / detector), "--sam", str(models / "sam"), *extra]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("detector", ["owlvit", "grounding_dino", "rtdetr"])
def test_the_whole_script_runs_offline_and_resumes(
    models: Path, tmp_path: Path, detector: str
) -> None:
    images, out = make_images(tmp_path / "images"), tmp_path / "masks"
    options = ("--threshold", "0", "--batch", "2")
    first = run(images, out, models, detector, *options)
    assert first.returncode == 0, first.stderr
    made = sorted(path.relative_to(out).as_posix() for path in out.rglob("*_mask.png"))
    assert made == ["a_mask.png", "erato/b_mask.png", "erato/c_mask.png"]
    with Image.open(out / "a_mask.png") as mask:
        assert mask.size == (90, 60)
        assert set(np.unique(np.asarray(mask)).tolist()) <= {0, 255}
    before = (out / "a_mask.png").read_bytes()
    (out / "a_mask.png").unlink()
    second = run(images, out, models, detector, *options)
    assert second.returncode == 0, second.stderr
    assert "3 images, 2 of them done before" in second.stdout
    assert (out / "a_mask.png").read_bytes() == before


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_labels_choose_among_a_detectors_classes(models: Path, tmp_path: Path) -> None:
    images, out = make_images(tmp_path / "images"), tmp_path / "masks"
    wrong = run(images, out, models, "rtdetr", "--labels", "wing", "antenna")
    assert wrong.returncode == 1
    assert "knows no labels ['antenna']; it knows wing, ruler" in wrong.stderr
    nothing = run(images, out, models, "rtdetr", "--labels", "wing", "--threshold", "0.999")
    assert nothing.returncode == 1
    assert "3 image(s) without a mask" in nothing.stderr
    assert "a.png: nothing found; lower --threshold" in nothing.stderr
