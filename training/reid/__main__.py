"""Train the artifacts of all re-identification submissions on the sample data.

`make artifacts-reid` runs it. The order counts: the last three take the networks of the first two,
which bring animals into one pose by landmarks that are learned from further animals.
"""

from __future__ import annotations

from training.common.steps import run_modules

ANIMALS, LANDMARKS = "runs/more_animals", "runs/landmarks.safetensors"
POSE = ("--landmarks", LANDMARKS, "--more", ANIMALS)
COMMANDS = (
    ("sample_data.generate_more_animals", "--out", ANIMALS),
    (
        "training.reid.landmarks.train",
        *("--data", ANIMALS, "--out", LANDMARKS, "--test", "sample_data/reid/train"),
    ),
    ("training.reid.triplet_centroids", "--preset", "aligned-extended", *POSE, "--overwrite"),
    ("training.reid.megadescriptor_cosine", "--preset", "aligned", *POSE, "--overwrite"),
    ("training.reid.wildfusion", "--overwrite"),
    ("training.reid.megadescriptor_convnext", "--overwrite"),
    ("training.reid.open_set_ensemble", "--overwrite"),
)

if __name__ == "__main__":
    raise SystemExit(run_modules(COMMANDS))
