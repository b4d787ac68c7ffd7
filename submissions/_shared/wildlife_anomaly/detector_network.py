"""FCOS (Tian et al. 2019) of torchvision, with a light feature pyramid on EfficientNet-Lite."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection import FCOS
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.fcos import FCOSHead
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import FeaturePyramidNetwork, nms
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from wildlife_backbone.backbone import MEAN, REDUCTION, STD, Backbone

MOST = 50  # detections in an image
_HEADS = ("cls_logits", "bbox_ctrness", "bbox_regression")  # of FCOS, as answers hold them


class Pyramid(nn.Module):
    """(n, 3, h, w) -> maps of `width` channels: a base's stages, and the last at half its size."""

    def __init__(self, name: str, stages: Sequence[int], width: int) -> None:
        super().__init__()
        self.base = Backbone(name, stages)
        self.pyramid = FeaturePyramidNetwork(
            list(self.base.channels), width, extra_blocks=LastLevelMaxPool()
        )
        self.out_channels = width
        steps = [REDUCTION[stage] for stage in self.base.stages]
        self.steps = (*steps, 2 * steps[-1])  # pixels of the image per place, by map

    def forward(self, pixels: Tensor) -> OrderedDict[str, Tensor]:
        maps = enumerate(self.base(pixels))
        merged: OrderedDict[str, Tensor] = self.pyramid(
            OrderedDict((str(level), one) for level, one in maps)
        )
        return merged


class DetectorNetwork(nn.Module):
    """Bytes (n, 3, h, w) of canvases -> (n, places, labels + 5): what FCOS says of each place.

    The last axis holds a logit for each label, the logit of centredness, and the four distances to
    the box's sides. `detections` makes boxes of them. Weights at random.

    settings: `base` (or, for a network that starts at random, `scratch`) with `name` and `stages`
    of an EfficientNet-Lite; `canvas` (width, height) in pixels; `labels`; `width` of the pyramid,
    a multiple of 32; `convolutions` of each head; `overlap`, the IoU above which the lesser of two
    boxes is dropped.

    Raises ValueError for a canvas that the coarsest map does not divide.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__()
        base = settings.get("base") or settings["scratch"]
        width, labels = int(settings["width"]), len(settings["labels"])
        pyramid = Pyramid(str(base["name"]), base["stages"], width)
        self.canvas = (int(settings["canvas"][0]), int(settings["canvas"][1]))
        if any(side % pyramid.steps[-1] for side in self.canvas):
            raise ValueError(
                f"canvas {list(self.canvas)}: expected multiples of {pyramid.steps[-1]} pixels"
            )
        self.fcos = FCOS(
            pyramid,
            labels,
            image_mean=list(MEAN),
            image_std=list(STD),
            anchor_generator=AnchorGenerator(tuple((one,) for one in pyramid.steps), ((1.0,),) * 3),
            head=FCOSHead(width, 1, labels, int(settings["convolutions"])),
            nms_thresh=float(settings["overlap"]),
            detections_per_img=MOST,
            fixed_size=self.canvas,
        )
        self._sizes = [(self.canvas[1] // one, self.canvas[0] // one) for one in pyramid.steps]

    def forward(self, pixels: Tensor) -> Tensor:
        transform = self.fcos.transform
        features = self.fcos.backbone(transform.normalize(pixels / 255))
        heads = self.fcos.head(list(features.values()))
        return torch.cat([heads[name] for name in _HEADS], dim=2)

    def loss(self, answers: Tensor, targets: list[dict[str, Tensor]]) -> Tensor:
        """The sum of FCOS's losses of what `forward` says of n images.

        targets: for each image corners `boxes` (k, 4) and `labels` (k,), on the answers' device.
        """
        lengths = [rows * columns for rows, columns in self._sizes]
        anchors = [self._anchors().to(answers.device)] * len(answers)
        losses = self.fcos.compute_loss(targets, _parts(answers), anchors, lengths)
        return torch.stack(list(losses.values())).sum()

    @torch.inference_mode()
    def detections(self, answers: Tensor, threshold: float) -> list[dict[str, Tensor]]:
        """Return `boxes` (k, 4) as corners on the canvas, `scores` and `labels` (k,) by image.

        answers: of `forward`, on the CPU; threshold: the least score. Of two labels at one place
        only the better stays.
        """
        lengths = [rows * columns for rows, columns in self._sizes]
        levels = {
            name: list(torch.split(part, lengths, dim=1)) for name, part in _parts(answers).items()
        }
        count, shape = len(answers), (self.canvas[1], self.canvas[0])
        self.fcos.score_thresh = threshold
        found: list[dict[str, Tensor]] = self.fcos.postprocess_detections(
            levels, [list(torch.split(self._anchors(), lengths))] * count, [shape] * count
        )
        return [_one_label(image, self.fcos.nms_thresh) for image in found]

    def _anchors(self) -> Tensor:
        """The square of each place, (places, 4) as corners on the canvas."""
        width, height = self.canvas
        image = ImageList(torch.zeros(1, 1, height, width), [(height, width)])
        maps = [torch.zeros(1, 1, *size) for size in self._sizes]
        anchors: list[Tensor] = self.fcos.anchor_generator(image, maps)
        return anchors[0]


def _parts(answers: Tensor) -> dict[str, Tensor]:
    """What each of FCOS's heads says, from the answers (n, places, labels + 5)."""
    widths = [answers.shape[2] - 5, 1, 4]
    return dict(zip(_HEADS, torch.split(answers, widths, dim=2), strict=True))


def _one_label(image: dict[str, Tensor], overlap: float) -> dict[str, Tensor]:
    kept = nms(image["boxes"], image["scores"], overlap)
    return {name: tensor[kept] for name, tensor in image.items()}
