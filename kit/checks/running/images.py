"""Images for the probes: a sample of the task's, and odd ones that a test set can hold."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from kit.image_names import is_image
from kit.trees import Kind, walk

_MOST = 16
_Item = TypeVar("_Item")
# For these, an exception is right.
BROKEN = ("truncated.jpg",)
METADATA_TABLE = "metadata.csv"


@dataclass(frozen=True)
class Sample:
    """Images to predict, how many there are in all, and where they come from.

    `metadata` is the metadata.csv of the task's input data, None where it has none.
    """

    paths: tuple[Path, ...]
    total: int
    source: str
    metadata: Path | None = None


def sample(data: Path | None, folder: Path) -> Sample:
    """Choose images, evenly spread over a task's input data; draw some where it has none.

    Args:
        data: the input data, a folder or a zip.
        folder: where images are unpacked or drawn.
    """
    if data is not None and data.is_dir():
        paths = sorted(
            item.path for item in walk(data) if item.kind is Kind.FILE and is_image(item.name)
        )
        if paths:
            table = data / METADATA_TABLE
            metadata = table if table.is_file() else None
            return Sample(tuple(_spread(paths)), len(paths), "images of the task", metadata)
    elif data is not None and data.is_file() and zipfile.is_zipfile(data):
        with zipfile.ZipFile(data) as archive:
            names = sorted(name for name in archive.namelist() if is_image(name))
            chosen = [_extract(archive, name, folder) for name in _spread(names)]
            has_table = METADATA_TABLE in archive.namelist()
            metadata = _extract(archive, METADATA_TABLE, folder) if has_table else None
        if chosen:
            return Sample(tuple(chosen), len(names), "images of the task", metadata)
    drawn = _draw(folder)
    return Sample(drawn, 0, "drawn images")


def _spread(items: list[_Item]) -> list[_Item]:
    step = max(1, -(-len(items) // _MOST))
    return items[::step]


def _extract(archive: zipfile.ZipFile, name: str, folder: Path) -> Path:
    target = folder / PurePosixPath(name).name
    target.write_bytes(archive.read(name))
    return target


def _draw(folder: Path) -> tuple[Path, ...]:
    """Draw a few coloured gradients of the size of photographs, all different."""
    from PIL import Image

    paths = []
    for number in range(8):
        base = Image.linear_gradient("L").resize((480 + 40 * number, 360))
        other = base.rotate(45 * number)
        image = Image.merge("RGB", (base, other, base.point(lambda v, n=number: v * n % 256)))
        paths.append(folder / f"drawn_{number}.jpg")
        image.save(paths[-1])
    return tuple(paths)


def write_metadata(source: Path, names: Sequence[str], target: Path) -> None:
    """Write the table `target`: for each image its row of `source`.

    An image without a row, such as an odd one, gets the first row under its own name. A table
    that cannot be read is copied as it is, for the ingestion program to refuse.
    """
    try:
        with source.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            rows = {row["filename"]: row for row in reader}
    except (UnicodeDecodeError, csv.Error, KeyError):
        rows = {}
    if not rows or not reader.fieldnames or any(None in row for row in rows.values()):
        target.write_bytes(source.read_bytes())
        return
    first = next(iter(rows.values()))
    with target.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, reader.fieldnames)
        writer.writeheader()
        writer.writerows(
            rows.get(name, first | {"filename": name}) for name in dict.fromkeys(names)
        )


def odd_images(folder: Path) -> tuple[Path, ...]:
    """Draw every form that has made a submission fail: mode, size, rotation, animation, damage."""
    from PIL import Image

    base = Image.linear_gradient("L").resize((160, 120))
    colour = Image.merge("RGB", (base, base.transpose(Image.Transpose.ROTATE_180), base))
    rotated = Image.Exif()
    rotated[0x0112] = 6  # the orientation tag: rotated by 90 degrees
    frames = [colour.rotate(angle).convert("P") for angle in (0, 90, 180)]
    forms = {
        "greyscale.jpg": base,
        "cmyk.jpg": colour.convert("CMYK"),
        "rgba.png": colour.convert("RGBA"),
        "palette.png": colour.convert("P"),
        "sixteen_bit.png": base.convert("I;16"),
        "one_pixel.png": colour.resize((1, 1)),
        "wide.png": colour.resize((20_000, 40)),
    }
    for name, image in forms.items():
        image.save(folder / name)
    colour.save(folder / "exif_rotated.jpg", exif=rotated)
    frames[0].save(folder / "animated.gif", save_all=True, append_images=frames[1:])
    colour.save(folder / "truncated.jpg")
    whole = (folder / "truncated.jpg").read_bytes()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    names = [*forms, "exif_rotated.jpg", "animated.gif", "truncated.jpg"]
    return tuple(folder / name for name in names)
