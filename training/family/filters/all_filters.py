"""The filters in the order in which they run; those that learn come last."""

from __future__ import annotations

from training.family.filters import (
    class_distance,
    clip_prompts,
    colour_mode,
    imagenet_classes,
    label_noise,
    near_duplicates,
    person_detector,
)
from training.family.filters.frame import Filter

FILTERS = (
    Filter("colour_mode", False, colour_mode.flag),
    Filter("clip_prompts", False, clip_prompts.flag, clip_prompts.missing),
    Filter("person_detector", False, person_detector.flag, person_detector.missing),
    Filter("imagenet_classes", False, imagenet_classes.flag, imagenet_classes.missing),
    Filter("near_duplicates", False, near_duplicates.flag),
    Filter("class_distance", True, class_distance.flag),
    Filter("label_noise", True, label_noise.flag),
)
NAMES = tuple(one.name for one in FILTERS)
