"""Wing masks from a detector's boxes and SAM, for `train_unet.py` to learn from.

    python -m training.hybrid.masks.teacher --images DIR --out MASKS
    python -m training.hybrid.masks.teacher --images DIR --out MASKS --detector FOLDER --sam FOLDER

The detector finds boxes, Segment Anything (Kirillov et al. 2023) outlines the object in each, and
the union of the outlines becomes MASKS/<name>_mask.png, 255 on wings and 0 elsewhere, as large as
the upright image. The detector is an open-vocabulary one (OWL-ViT, OWLv2, Grounding DINO), which
looks for `--prompts`, or one with classes of its own (RT-DETR and others), of which `--labels`
picks some. Both models are hub ids, or local folders in the public format; two folders need no
network. The same command resumes with the images without a mask. Exit status 1 if an image could
not be read or has no box. (The published pipeline of team henryliao85 used a YOLOv8 trained on
wings with SAM ViT-L.)
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import track

from training.common import script
from training.common.console import complain, say
from training.common.errors import ScriptError
from training.common.images import (
    MASK_END,
    UNREADABLE,
    claim,
    list_images,
    save_image,
)
from wildlife_image.rgb import to_rgb

DETECTOR = "google/owlv2-base-patch16-ensemble"
SAM = "facebook/sam-vit-large"
PROMPTS = ("a butterfly wing",)
Mask = NDArray[np.bool_]


class TeacherError(ScriptError):
    """A model cannot be used; the message says which and why."""


class Detector(Protocol):
    def boxes(self, images: list[Image.Image]) -> list[list[list[float]]]:
        """Return for each image its boxes [x0, y0, x1, y1] in pixels; perhaps none."""


def pretrained(auto: Any, source: str) -> Any:
    """Load the model of a hub id or a local folder with `auto`. Raises TeacherError."""
    local = Path(source).is_dir()
    if not local and (source.startswith((".", "/", "~")) or source.count("/") > 1):
        raise TeacherError(f"{source} is no folder, and no hub id either (OWNER/NAME)")
    try:
        return auto.from_pretrained(source, local_files_only=local)
    except (OSError, ValueError, KeyError, ImportError) as error:
        where = "local folder" if local else "hub id, as it is no local folder"
        raise TeacherError(f"{source} ({where}) cannot be loaded: {error}") from None


class PromptedDetector:
    """An open-vocabulary detector that looks for `prompts`."""

    def __init__(self, source: str, prompts: list[str], threshold: float) -> None:
        from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor

        self.prompts, self.threshold = prompts, threshold
        self.processor = pretrained(AutoProcessor, source)
        self.model = on_device(pretrained(AutoModelForZeroShotObjectDetection, source))

    def boxes(self, images: list[Image.Image]) -> list[list[list[float]]]:
        """Return for each image its boxes [x0, y0, x1, y1] in pixels; perhaps none."""
        inputs = self.processor(
            images=images, text=[self.prompts] * len(images), return_tensors="pt"
        ).to(self.model.device)
        outputs = self.model(**inputs)
        detections = self.processor.post_process_grounded_object_detection(
            outputs, threshold=self.threshold, target_sizes=heights_widths(images)
        )
        return [detection["boxes"].tolist() for detection in detections]


class TrainedDetector:
    """A detector with classes of its own; `labels` are those wanted, all if empty."""

    def __init__(self, source: str, labels: list[str], threshold: float) -> None:
        from transformers import AutoImageProcessor, AutoModelForObjectDetection

        self.threshold = threshold
        self.processor = pretrained(AutoImageProcessor, source)
        self.model = on_device(pretrained(AutoModelForObjectDetection, source))
        names: dict[int, str] = self.model.config.id2label
        unknown = sorted(set(labels) - set(names.values()))
        if unknown:
            known = ", ".join(names.values())
            raise TeacherError(f"{source} knows no labels {unknown}; it knows {known}")
        self.wanted = {i for i, name in names.items() if not labels or name in labels}

    def boxes(self, images: list[Image.Image]) -> list[list[list[float]]]:
        """Return for each image its boxes [x0, y0, x1, y1] in pixels; perhaps none."""
        inputs = self.processor(images=images, return_tensors="pt").to(self.model.device)
        detections = self.processor.post_process_object_detection(
            self.model(**inputs), threshold=self.threshold, target_sizes=heights_widths(images)
        )
        return [
            [
                box
                for box, label in zip(d["boxes"].tolist(), d["labels"].tolist(), strict=True)
                if label in self.wanted
            ]
            for d in detections
        ]


def open_detector(
    source: str, prompts: list[str], labels: list[str], threshold: float
) -> PromptedDetector | TrainedDetector:
    """Return a detector of the kind that its configuration names. Raises TeacherError."""
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_ZERO_SHOT_OBJECT_DETECTION_MAPPING_NAMES as PROMPTED,
    )

    if pretrained(AutoConfig, source).model_type in PROMPTED:
        return PromptedDetector(source, prompts, threshold)
    return TrainedDetector(source, labels, threshold)


class Segmenter:
    """SAM, prompted with boxes."""

    def __init__(self, source: str) -> None:
        from transformers import SamModel, SamProcessor

        self.processor = pretrained(SamProcessor, source)
        self.model = on_device(pretrained(SamModel, source))

    def masks(self, images: list[Image.Image], boxes: list[list[list[float]]]) -> list[Mask]:
        """Return for each image the union (h, w) of the outlines in its boxes (at least one)."""
        pixels = self.processor(images=images, return_tensors="pt")["pixel_values"]
        # The encoder is nearly all of the work, so it gets the batch; prompts differ in number.
        embeddings = self.model.get_image_embeddings(pixels.to(self.model.device))
        return [
            self._mask(image, image_boxes, embedding[None])
            for image, image_boxes, embedding in zip(images, boxes, embeddings, strict=True)
        ]

    def _mask(self, image: Image.Image, boxes: list[list[float]], embedding: Any) -> Mask:
        inputs = self.processor(images=image, input_boxes=[boxes], return_tensors="pt")
        outputs = self.model(
            image_embeddings=embedding,
            input_boxes=inputs["input_boxes"].to(self.model.device, torch.float32),
            multimask_output=False,
        )
        (masks,) = self.processor.post_process_masks(
            outputs.pred_masks.cpu(), inputs["original_sizes"], inputs["reshaped_input_sizes"]
        )
        union: Mask = masks.flatten(0, 1).any(dim=0).numpy()
        return union


def on_device(model: Any) -> Any:
    """Move the model to CUDA if available, ready to serve."""
    return model.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def heights_widths(images: list[Image.Image]) -> list[tuple[int, int]]:
    """Return height and width of each image, in pixels."""
    return [(image.height, image.width) for image in images]


def mask_path(out: Path, image: Path) -> Path:
    """Return the path of an image's mask; `image` is relative to the images' folder."""
    return out / image.with_name(image.stem + MASK_END)


@torch.inference_mode()
def write_masks(
    images: Path, out: Path, batch: list[Path], detector: Detector, segmenter: Segmenter
) -> list[str]:
    """Write the masks of a batch of images, named relative to `images`; return the problems."""
    problems, names, readable = [], [], []
    for path in batch:
        try:
            with Image.open(images / path) as image:
                readable.append(to_rgb(image))
            names.append(path)
        except UNREADABLE as error:
            problems.append(f"{path} cannot be read: {error}")
    boxes_of = detector.boxes(readable) if readable else []
    for path, boxes in zip(names, boxes_of, strict=True):
        if not boxes:
            problems.append(f"{path}: nothing found; lower --threshold, or draw its mask")
    hits = [i for i, boxes in enumerate(boxes_of) if boxes]
    if hits:
        masks = segmenter.masks([readable[i] for i in hits], [boxes_of[i] for i in hits])
        for i, mask in zip(hits, masks, strict=True):
            save_image(Image.fromarray(mask.astype(np.uint8) * 255), mask_path(out, names[i]))
    return problems


def make_masks(options: argparse.Namespace) -> list[str]:
    """Write all missing masks; return the problems. Raises FolderError, TeacherError."""
    paths = list_images(options.images)
    missing = [path for path in paths if not mask_path(options.out, path).is_file()]
    say(f"{len(paths)} images, {len(paths) - len(missing)} of them done before")
    if not missing:
        return []
    detector = open_detector(options.detector, options.prompts, options.labels, options.threshold)
    segmenter = Segmenter(options.sam)
    names = ("detector", "sam", "prompts", "labels", "threshold")
    claim(options.out, "teacher_masks", {name: getattr(options, name) for name in names})
    problems = []
    starts = range(0, len(missing), options.batch)
    for start in track(starts, "Making masks", console=Console(stderr=True)):
        batch = missing[start : start + options.batch]
        problems += write_masks(options.images, options.out, batch, detector, segmenter)
    return problems


def main(arguments: list[str] | None = None) -> int:
    """Parse the options, make the masks and return the exit status."""
    parser = script.parser("training.hybrid.masks.teacher", "Wing masks from a detector and SAM.")
    parser.add_argument("--images", type=Path, required=True, help="images, also in subfolders")
    parser.add_argument("--out", type=Path, required=True, help="folder for NAME_mask.png")
    parser.add_argument("--detector", default=DETECTOR, help="hub id or local folder")
    parser.add_argument("--sam", default=SAM, help="hub id or local folder")
    parser.add_argument("--prompts", nargs="+", default=list(PROMPTS))
    parser.add_argument("--labels", nargs="+", default=[], help="classes of a trained detector")
    parser.add_argument("--threshold", type=float, default=0.2, help="least score of a box")
    parser.add_argument("--batch", type=int, default=4)
    options = parser.parse_args(arguments)
    if options.batch < 1:
        parser.error(f"--batch {options.batch}: expected at least 1")
    return script.run(options, lambda: report_masks(options))


def report_masks(options: argparse.Namespace) -> int:
    """Make the masks; return 1 if an image has none."""
    problems = make_masks(options)
    if problems:
        complain(options.script, f"{len(problems)} image(s) without a mask", problems)
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
