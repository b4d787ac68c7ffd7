"""Pictures for the probes: a sample of the task's, and odd ones that a test set can hold."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".gif", ".webp")
_MOST = 16
_Item = TypeVar("_Item")
# An exception is the right answer to these.
BROKEN = ("truncated.jpg",)


@dataclass(frozen=True)
class Sample:
    """Pictures to predict, how many there are in all, and where they come from."""

    paths: tuple[Path, ...]
    total: int
    source: str


def sample(data: Path | None, folder: Path) -> Sample:
    """Choose pictures, evenly spread over a task's input data; draw some where there is none.

    Args:
        data: the input data, a folder or a zip.
        folder: where pictures are unpacked or drawn.
    """
    if data is not None and data.is_dir():
        paths = sorted(path for path in data.rglob("*") if _is_picture(path.name))
        if paths:
            return Sample(tuple(_spread(paths)), len(paths), "pictures of the task")
    elif data is not None and zipfile.is_zipfile(data):
        with zipfile.ZipFile(data) as archive:
            names = sorted(name for name in archive.namelist() if _is_picture(name))
            chosen = [_extract(archive, name, folder) for name in _spread(names)]
        if chosen:
            return Sample(tuple(chosen), len(names), "pictures of the task")
    drawn = _draw(folder)
    return Sample(drawn, 0, "drawn pictures")


def _is_picture(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts[-2:])
    return path.suffix.lower() in SUFFIXES and not hidden


def _spread(items: list[_Item]) -> list[_Item]:
    step = max(1, -(-len(items) // _MOST))
    return items[::step]


def _extract(archive: zipfile.ZipFile, name: str, folder: Path) -> Path:
    target = folder / PurePosixPath(name).name
    target.write_bytes(archive.read(name))
    return target


def _draw(folder: Path) -> tuple[Path, ...]:
    """A few photographs' worth of coloured gradients, all different."""
    from PIL import Image

    paths = []
    for number in range(8):
        base = Image.linear_gradient("L").resize((480 + 40 * number, 360))
        other = base.rotate(45 * number)
        picture = Image.merge("RGB", (base, other, base.point(lambda v, n=number: v * n % 256)))
        paths.append(folder / f"drawn_{number}.jpg")
        picture.save(paths[-1])
    return tuple(paths)


def odd_pictures(folder: Path) -> tuple[Path, ...]:
    """Every form that has made a submission fail: modes, sizes, rotation, animation, damage."""
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
