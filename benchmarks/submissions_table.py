"""The table of submissions/README.md, from what each submission's folder says.

    python -m benchmarks.submissions_table

writes it between the markers; tests/submissions compares.
"""

from __future__ import annotations

from benchmarks.stored_scores import ROOT, track_of
from kit import submissions
from kit.markdown import table, write_block
from kit.packing.shipping import shipped
from kit.submissions import Submission

README = ROOT / "submissions" / "README.md"


def submissions_table() -> str:
    """Return the table: a row for each submission, by track and size."""
    found = [(track_of(item), _megabytes(item), item) for item in submissions.discover()]
    rows = [
        [
            f"[{item.name}]({item.name}/)",
            f"`{track}`",
            _description(item),
            _torch(item),
            f"{megabytes:.1f} MB",
        ]
        for track, megabytes, item in sorted(found, key=lambda row: (row[0], row[1]))
    ]
    return "\n".join(table(["folder", "track", "idea", "needs torch", "size"], rows, numbers=(4,)))


def _description(submission: Submission) -> str:
    return str(submissions.metadata_of(submission.path)["description"])


def _megabytes(submission: Submission) -> float:
    """Return the size of all files of the zip, unpacked, in units of 1,000,000 bytes."""
    return sum(entry.path.stat().st_size for entry in shipped(submission.path).entries) / 1e6


def _torch(submission: Submission) -> str:
    path = submission.path / "requirements.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return "yes" if "torch" in lines else "no"


if __name__ == "__main__":
    write_block(README, "submissions", submissions_table())
