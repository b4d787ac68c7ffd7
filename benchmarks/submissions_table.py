"""The table of submissions/README.md, from what each submission's folder says.

    python -m benchmarks.submissions_table

writes it between the markers; tests/submissions compares.
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.stored_scores import ROOT, track_of
from kit import submissions
from kit.markdown import table, write_block
from kit.packing.shipping import shipped
from kit.submissions import Submission

README = ROOT / "submissions" / "README.md"


def submissions_table() -> str:
    """Return the table: a row for each submission, by track and size."""
    found = [(track_of(item), megabytes_of(item), item) for item in submissions.discover()]
    rows = [
        [
            f"[{item.name}]({item.name}/)",
            f"`{track}`",
            description_of(item),
            _torch(item),
            f"{megabytes:.1f} MB",
        ]
        for track, megabytes, item in sorted(found, key=lambda row: (row[0], row[1]))
    ]
    return "\n".join(table(["folder", "track", "idea", "needs torch", "size"], rows, numbers=(4,)))


def description_of(submission: Submission) -> str:
    return str(submissions.metadata_of(submission.path)["description"])


def megabytes_of(submission: Submission) -> float:
    """Return the size of all files of the zip, unpacked, in units of 1,000,000 bytes.

    A file that a registry package ships counts by weights.json, whether it was fetched or not.
    """
    packaged = packaged_bytes(submission.path)
    own = (entry for entry in shipped(submission.path).entries if entry.name not in packaged)
    return (sum(entry.path.stat().st_size for entry in own) + sum(packaged.values())) / 1e6


def packaged_bytes(folder: Path) -> dict[str, int]:
    """Return the bytes of the files that registry packages ship, fetched or not, by path."""
    manifest = folder / "weights.json"
    if not manifest.is_file():
        return {}
    listed = json.loads(manifest.read_text(encoding="utf-8"))["files"]
    return {entry["path"]: int(entry["bytes"]) for entry in listed if "package" in entry}


def _torch(submission: Submission) -> str:
    path = submission.path / "requirements.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return "yes" if "torch" in lines else "no"


if __name__ == "__main__":
    write_block(README, "submissions", submissions_table())
