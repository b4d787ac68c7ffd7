"""Write docs/pages/images/report.webp: the report of the default submission, as a browser shows it.

    python docs/report_image.py

runs wing_pattern_sgd on the sample competition, writes its report and takes a screenshot of the top
with a headless Chromium. Nothing is measured: the image shows what `kit report` writes.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.support.browser import browser

IMAGE = Path(__file__).resolve().parent / "pages" / "images" / "report.webp"
SUBMISSION = IMAGE.parents[3] / "submissions" / "wing_pattern_sgd"
WIDTH, HEIGHT = 1000, 1730  # pixels of the page that are shown
LARGEST = 150_000  # bytes


def report(folder: Path) -> Path:
    """Run the submission in a folder and return the path of its report."""
    page = folder / "report.html"
    for arguments in (["run", str(SUBMISSION)], ["report", SUBMISSION.name, "--out", str(page)]):
        command = [sys.executable, "-m", "kit", *arguments]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return page


def screenshot(page: Path) -> Image.Image:
    """Return the top of a page as a browser shows it."""
    shot = page.with_suffix(".png")
    with browser() as window:
        window.open(page, WIDTH, dark=False)
        window.screenshot(shot)
    whole = Image.open(io.BytesIO(shot.read_bytes())).convert("RGB")
    return whole.crop((0, 0, WIDTH, min(HEIGHT, whole.height)))


def main() -> int:
    """Write the image and say how large it is; return the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        shown = screenshot(report(Path(folder)))
    IMAGE.parent.mkdir(exist_ok=True)
    shown.save(IMAGE, "WEBP", quality=75, method=6)
    size = IMAGE.stat().st_size
    print(f"{IMAGE}: {shown.width} x {shown.height} pixels, {size} bytes")
    return int(size > LARGEST)


if __name__ == "__main__":
    sys.exit(main())
