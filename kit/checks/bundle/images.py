"""Images of the input data that cannot be opened: one of them fails every submission.

All headers are read. Decoding finds what is cut off; it goes on for some seconds only, and begins
with files that lack the mark with which their format ends.
"""

from __future__ import annotations

import random
import re
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from kit.checks.bundle.contents import unpacked
from kit.competition import Competition
from kit.findings.finding import Finding, shown
from kit.image_names import SUFFIXES
from kit.packing.shipping import is_junk
from kit.trees import Kind, open_regular, walk

DECODING_S = 15.0
_THREADS = 4
_LARGE = 50_000_000  # pixels: decoding a few of more at once takes gigabytes
_TIFF = (".tif", ".tiff")
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ENDS = {".jpg": b"\xff\xd9", ".jpeg": b"\xff\xd9", ".png": b"IEND\xaeB`\x82"}
# An assignment: our own ingestion program reads the second, and lifts nothing.
_LIFTED = re.compile(rb"\b(MAX_IMAGE_PIXELS|LOAD_TRUNCATED_IMAGES)\s*=(?!=)")
# Decoding these starts other programs.
_HEADER_ONLY = ("EPS", "WMF", "EMF")


class Problem(NamedTuple):
    """An image that does not open: the code of the finding, its path, and why."""

    code: str
    path: Path
    why: str


@dataclass(frozen=True)
class Tolerance:
    """What an ingestion program tells Pillow to accept; `unopened` where there is no program."""

    any_size: bool = False
    cut_off: bool = False
    unopened: bool = False


def check_images(competition: Competition) -> Iterator[Finding]:
    """The images of every task's input data."""
    seen: list[str] = []
    for _, task in competition.entries("tasks"):
        value = str(task.get("input_data", ""))
        if competition.holds(value) and value not in seen:
            seen.append(value)
            tolerance = _tolerance(competition, task.get("ingestion_program"))
            with unpacked(competition.root / value) as (folder, _):
                if folder is not None:
                    yield from check_folder(folder, value, tolerance, DECODING_S)


def _tolerance(competition: Competition, program: Any) -> Tolerance:
    """Read off the ingestion program's source which of Pillow's limits it lifts."""
    if not competition.holds(program):
        return Tolerance(unopened=program is None)
    with unpacked(competition.root / program) as (folder, _):
        files = [item.path for item in walk(folder) if item.kind is Kind.FILE] if folder else []
        sources = [path.read_bytes() for path in files if path.suffix == ".py"]
    lifted = {match for source in sources for match in _LIFTED.findall(source)}
    return Tolerance(b"MAX_IMAGE_PIXELS" in lifted, b"LOAD_TRUNCATED_IMAGES" in lifted)


def check_folder(
    folder: Path, value: str, tolerance: Tolerance, seconds: float
) -> Iterator[Finding]:
    """Open the images below a folder, and decode them as long as the time lasts.

    Args:
        folder: the input data.
        value: its name in competition.yaml.
        tolerance: which of Pillow's limits do not count.
        seconds: how long to decode.
    """
    paths = [item.path for item in walk(folder) if item.kind is Kind.FILE and _is_image(item.path)]
    problems, decoded = _problems(paths, tolerance, seconds)
    by_code: dict[str, list[str]] = {}
    for item in problems:
        by_code.setdefault(_code(item, tolerance), []).append(f"{item.path.name} ({item.why})")
    for code, found in by_code.items():
        text = f"{len(found)} of {len(paths)} images: {shown(sorted(found))}"
        yield Finding(code, value, text)
    if decoded < len(paths):
        found_text = f"{decoded:,} of {len(paths):,} images decoded in {seconds:g} s"
        yield Finding("images-undecoded", value, f"{found_text}; of the rest, the headers are good")


def _code(problem: Problem, tolerance: Tolerance) -> str:
    """Return the code of the finding: an error only where something opens the image with Pillow."""
    slide = problem.code == "image-too-large" and problem.path.suffix.lower() in _TIFF
    return "image-format" if slide or tolerance.unopened else problem.code


def _is_image(path: Path) -> bool:
    hidden = path.name.startswith(".") or is_junk(path.name) or "__MACOSX" in path.parts
    return path.suffix.lower() in SUFFIXES and not hidden


def _problems(paths: list[Path], tolerance: Tolerance, seconds: float) -> tuple[list[Problem], int]:
    """Return the images that do not open, and how many need no more decoding."""
    with warnings.catch_warnings(), ThreadPoolExecutor(_THREADS) as pool:
        warnings.simplefilter("ignore")  # Pillow's, of sizes and odd metadata
        headers = [problem for problem in pool.map(_header_problem, paths) if problem]
        broken = {problem.path for problem in headers}
        if tolerance.any_size:
            headers = [problem for problem in headers if problem.code != "image-too-large"]
        if tolerance.cut_off:
            return headers, len(paths)
        rest = decoding_order([path for path in paths if path not in broken])
        results = list(pool.map(_until(time.monotonic() + seconds), rest))
    late = [problem for problem, _ in results if problem]
    return headers + late, len(broken) + sum(done for _, done in results)


def _until(deadline: float) -> Callable[[Path], tuple[Problem | None, bool]]:
    def decode(path: Path) -> tuple[Problem | None, bool]:
        if time.monotonic() > deadline:
            return None, False
        return _decoding_problem(path), True

    return decode


def decoding_order(paths: list[Path]) -> list[Path]:
    """Return files that seem cut off first, the others mixed: a part of them stands for all."""
    mixed = random.Random(0).sample(paths, len(paths))
    return sorted(mixed, key=_has_end)


def _has_end(path: Path) -> bool:
    """Say whether a file holds, near its end, the mark with which its format ends."""
    mark = _ENDS.get(path.suffix.lower())
    if mark is None:
        return True
    try:
        with open_regular(path) as stream:
            stream.seek(max(0, path.stat().st_size - 64))
            return mark in stream.read()
    except OSError:
        return False


def _header_problem(path: Path) -> Problem | None:
    from PIL import Image

    try:
        with Image.open(path):
            return None
    except Image.DecompressionBombError:
        why = f"over {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels"
        return Problem("image-too-large", path, why)
    except Exception as error:  # Pillow's plugins raise whatever the broken bytes lead to
        if path.suffix.lower() in _TIFF and _start(path) in _TIFF_STARTS:
            return Problem("image-format", path, "a TIFF that Pillow does not read")
        return Problem("image-unreadable", path, _reason(path, error))


def _decoding_problem(path: Path) -> Problem | None:
    from PIL import Image

    try:
        with Image.open(path) as image:
            image.draft(image.mode, (1, 1))  # JPEG: all bytes are read, few pixels are made
            if image.format not in _HEADER_ONLY and image.width * image.height <= _LARGE:
                image.load()
    except Exception as error:  # as above
        return Problem("image-unreadable", path, _reason(path, error))
    return None


def _start(path: Path) -> bytes:
    try:
        with open_regular(path) as stream:
            return stream.read(4)
    except OSError:
        return b""


def _reason(path: Path, error: Exception) -> str:
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        start = _start(path)
        return f"no known format, it begins with {start!r}" if start else "an empty file"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
