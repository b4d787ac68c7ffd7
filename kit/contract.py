"""The platform's contract as data: names, paths and limits, each stated once.

Mounts and flags of its containers are in `kit.isolation.platform_table`.

Source: the Codabench compute worker (codalab/codabench, develop at c7dbc756, version 1.25).
"""

from __future__ import annotations

from typing import Final

COMPETITION_FILE: Final = "competition.yaml"
MODEL_FILE: Final = "model.py"
# In its place in a challenge that starts a submission as a program (kit/contracts).
SCRIPT_FILE: Final = "script.py"
METADATA_FILE: Final = "metadata"
# The worker looks for both, only at the root of a zip, in this order.
METADATA_FILES: Final = ("metadata.yaml", "metadata")
REQUIREMENTS_FILE: Final = "requirements.txt"
MANIFEST_FILE: Final = "weights.json"
PREDICTIONS_FILE: Final = "predictions.txt"
# Optional, written by our ingestion program for tracks of labels; it never changes a score.
CANDIDATES_FILE: Final = "candidates.csv"
# scores.json wins over scores.txt, which is read as YAML.
SCORES_FILES: Final = ("scores.json", "scores.txt")
REPORT_FILE: Final = "detailed_results.html"

DEFAULT_TIME_LIMIT_S: Final = 600
# CharField(max_length=64) of the server: a longer zip name is answered with status 400.
MAX_ZIP_NAME: Final = 64
# DecimalField(20, 10) of the server: a larger score overflows.
MAX_ABS_SCORE: Final = 1e10
DEFAULT_PRECISION: Final = 2

# Larger zips are refused as a bomb or a mistake.
MAX_UNPACKED_BYTES: Final = 10 * 1024**3
MAX_ZIP_ENTRIES: Final = 100_000
# A zip that unpacks to fewer bytes is never a bomb. A larger one is, if it unpacks to more than
# MAX_RATIO times its own size.
SMALL_ENOUGH_BYTES: Final = 100 * 1024**2
MAX_RATIO: Final = 100

# Legacy variables of a `command`, replaced by plain str.replace in this order. `$input_data`
# of an ingestion becomes `/app/input_data_data`: a trap of the platform that the kit repeats,
# because it runs commands as the platform does.
_COMMON_VARIABLES: Final = (
    ("$output", "/app/output"),
    ("$program", "/app/program"),
    ("$ingestion_program", "/app/program"),
    ("$hidden", "/app/input/ref"),
    ("$shared", "/app/shared"),
    ("$submission_program", "/app/ingested_program"),
    ("$tmp", "/app/output"),
)


def command_variables(kind: str, scoring: bool, late_ingestion: bool) -> list[tuple[str, str]]:
    """Return the worker's legacy variables for one container, in the order of replacement.

    Args:
        kind: "ingestion" or "program" (a submission or a scoring program).
        scoring: whether this is the scoring step.
        late_ingestion: whether the task says `ingestion_only_during_scoring`.
    """
    variables = [("$input", "/app/input_data" if kind == "ingestion" else "/app/input")]
    for name, path in _COMMON_VARIABLES:
        if name == "$program" and scoring and late_ingestion:
            # Never mounted by the worker: such a command fails there, so it has to fail here.
            path = "/app/ingestion_program"
        variables.append((name, path))
    variables.append(("$predictions", "/app/input/res" if scoring else "/app/output"))
    return variables


# Which prediction a track asks for. `make tables` writes it from the registry of the scoring
# program (wildlife_scoring/tracks.py), which the kit does not import.
PREDICTION_OF_TRACK: Final = {
    "hybrid": "score",
    "reid": "label",
    "anomaly": "score",
    "family": "label",
}
TRACKS: Final = tuple(PREDICTION_OF_TRACK)
