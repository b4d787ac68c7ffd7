"""Write every generated block and file that follows from files of this repository.

    python docs/write_blocks.py            # make tables
    python docs/write_blocks.py --check    # make tables-check: exit 1 if one is stale

Nothing is run or measured. A block stands between `<!-- NAME:begin -->` and `<!-- NAME:end -->`.
Blocks with measurements (benchmarks/README.md, the submissions' READMEs, training/LOG.md) have
commands of their own, which stand next to them: these measure again, and that takes minutes or
photographs.
"""

from __future__ import annotations

import json
import re
import sys
from importlib import import_module
from pathlib import Path

import yaml

from kit.files import replacing
from kit.markdown import filled
from wildlife_scoring.tracks import TRACKS

ROOT = Path(__file__).resolve().parents[1]
# File and name of each block, and the module and function that write its content. They are imported
# when the parts below are written: what reads the kit's list of tracks must read the new one.
BLOCKS = (
    ("README.md", "scores", "benchmarks.stored_scores", "readme_tables"),
    ("docs/pages/codes.md", "codes", "kit.findings.guide", "codes_table"),
    ("docs/pages/json.md", "schemas", "docs.schemas_table", "schemas_table"),
    ("docs/pages/submissions.md", "submissions", "benchmarks.submissions_overview",
     "overview_tables"),
    ("docker/README.md", "promises", "kit.isolation.promises", "markdown_table"),
    ("submissions/README.md", "submissions", "benchmarks.submissions_table", "submissions_table"),
    *(
        (f"sample_data/{name}/README.md", "counts", f"sample_data.{name}_generator.baselines",
         "counts_table")
        for name in TRACKS
        if (ROOT / "sample_data" / name / "README.md").is_file()
    ),
)  # fmt: skip
# File and first words of each dictionary in code that repeats the registry of tracks: the kit and
# the ingestion program do not import the scoring program.
_TRACKS = "".join(f'    "{name}": "{track.prediction}",\n' for name, track in TRACKS.items())
DICTIONARIES = (
    ("kit/contract.py", "PREDICTION_OF_TRACK: Final = ", _TRACKS),
    ("ingestion_program/wildlife_ingestion/submission.py", "PREDICTION_OF_TRACK = ", _TRACKS),
)


def with_dictionaries() -> dict[Path, str]:
    """Return what each file with a dictionary of the registry should hold.

    Raises ValueError: a file lacks the dictionary.
    """
    files = {}
    for name, start, rows in DICTIONARIES:
        path = ROOT / name
        text = path.read_text(encoding="utf-8")
        files[path], count = re.subn(
            rf"^{re.escape(start)}{{[^}}]*}}$", f"{start}{{\n{rows}}}", text, flags=re.MULTILINE
        )
        if count != 1:
            raise ValueError(
                f"{name}: expected one dictionary that begins with {start!r}, found {count}"
            )
    return files


def with_keys() -> dict[Path, str]:
    """Return the keys of each track's leaderboard as the kit reads them."""
    keys = {name: track.keys for name, track in TRACKS.items()}
    return {ROOT / "kit" / "tracks.json": json.dumps(keys, indent=2) + "\n"}


def with_templates() -> dict[Path, str]:
    """Return what `kit new` starts from: one of the track's submissions, else the smallest one.

    The copy in the package stays while it is the model.py of a submission, so that a smaller new
    submission does not replace it.
    """
    models: dict[str, list[str]] = {}
    for path in sorted((ROOT / "submissions").glob("*/metadata")):
        track = yaml.safe_load(path.read_text(encoding="utf-8"))["track"]
        model = path.with_name("model.py").read_text(encoding="utf-8")
        models.setdefault(track, []).append(model)
    paths = {track: ROOT / "kit" / "submission_templates" / track / "model.py" for track in models}
    return {
        path: min(models[track], key=len)
        for track, path in paths.items()
        if not path.is_file() or path.read_text(encoding="utf-8") not in models[track]
    }


def with_blocks() -> dict[Path, str]:
    """Return what each file with a block should hold.

    Raises ValueError: a file lacks the markers of its block.
    """
    files = {}
    for name, block, module, function in BLOCKS:
        content = getattr(import_module(module), function)()
        files[ROOT / name] = filled((ROOT / name).read_text(encoding="utf-8"), block, content)
    return files


def write(files: dict[Path, str], only_check: bool) -> bool:
    """Write the files that differ, or only name them; return whether one differs."""
    stale = [
        path
        for path, new in files.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != new
    ]
    for path in stale:
        name = path.relative_to(ROOT)
        if only_check:
            print(f"{name}: a generated part is not current. To do: `make tables`")
            continue
        path.parent.mkdir(exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(files[path], encoding="utf-8")
        print(f"{name}: written")
    return bool(stale)


def main(arguments: list[str]) -> int:
    """Write the files, or say which are stale; return the exit status."""
    if arguments not in ([], ["--check"]):
        print(__doc__)
        return 2
    only_check = bool(arguments)
    stale = write(with_dictionaries() | with_keys() | with_templates(), only_check)
    stale = write(with_blocks(), only_check) or stale
    return int(only_check and stale)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
