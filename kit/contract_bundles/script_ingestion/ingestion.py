"""Prediction step: run script.py of a submission as the Hugging Face competitions run it.

python3 ingestion.py INPUT_DIR OUTPUT_DIR SUBMISSION_DIR TABLE

The script gets no arguments. It starts in a copy of the submission with the table of the test
images next to it, unpacks /tmp/data/private_testset.zip, and writes submission.csv.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory

DATA = Path("/tmp/data")  # the published scripts name it
SCRIPT, ANSWER = "script.py", "submission.csv"


def main(input_dir: Path, output_dir: Path, submission: Path, table: str) -> None:
    """Lay out what the script expects, run it, and keep what it wrote."""
    if not (submission / SCRIPT).is_file():
        sys.exit(f"{SCRIPT}: expected this file at the root of the submission, found none")
    pack_images(input_dir, table)
    with TemporaryDirectory() as folder:
        repository = Path(folder, "repository")
        shutil.copytree(submission, repository)
        shutil.copyfile(input_dir / table, repository / table)
        (repository / ANSWER).unlink(missing_ok=True)
        ended = subprocess.run([sys.executable, SCRIPT], cwd=repository, check=False)
        if ended.returncode:
            sys.exit(f"{SCRIPT} ended with exit status {ended.returncode}")
        if not (repository / ANSWER).is_file():
            sys.exit(f"{SCRIPT}: expected it to write {ANSWER} in its folder, found none")
        shutil.copyfile(repository / ANSWER, output_dir / ANSWER)


def pack_images(input_dir: Path, table: str) -> None:
    """Write the zip that the scripts unpack; it holds the images below private_testset/."""
    try:
        DATA.mkdir(parents=True, exist_ok=True)
        # Another run may be reading the zip of that name.
        with (
            NamedTemporaryFile(dir=DATA, suffix=".tmp", delete=False) as stream,
            zipfile.ZipFile(stream, "w") as archive,
        ):
            for path in sorted(input_dir.rglob("*")):
                if path.is_file() and path.name != table:
                    archive.write(path, Path("private_testset", path.relative_to(input_dir)))
        Path(stream.name).replace(DATA / "private_testset.zip")
    except OSError as error:
        sys.exit(
            f"{DATA}: the scripts read their images from there, and it cannot be made: {error}"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
