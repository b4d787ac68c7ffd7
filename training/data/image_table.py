"""Read the table of images to download; say all that is wrong with it before a byte is fetched.

Each image gets the folder of its class: the number of the subspecies, or `hybrid`.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from kit.addresses import url_problem
from kit.download import Wanted, part_of
from training.common.errors import DataError
from training.hybrid.data import HYBRID

NEEDED = ("filename", "file_url", "md5", "hybrid_stat", "subspecies")
HYBRIDS_FOLDER = "hybrid"
# In bytes; the name of the part file is longer than that of the image.
_LONGEST_NAME = 255 - len(part_of(Path("_")).name) + 1


@dataclass(frozen=True)
class ListedImage:
    """A row of the table; `path` is relative to the output folder."""

    path: Path
    wanted: Wanted
    row: dict[str, str]


def read_image_table(table: Path) -> list[ListedImage]:
    """Return the images that the table lists.

    Raises DataError with all that is wrong with the table.
    """
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = list(reader.fieldnames or [])
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table}: expected a CSV table in UTF-8: {error}") from error
    if missing := [name for name in NEEDED if name not in columns]:
        raise DataError(f"{table}: columns {missing} are missing; found {columns}")
    images: list[ListedImage] = []
    problems = [] if rows else ["no rows"]
    lines: dict[str, int] = {}
    for line, row in rows:
        wrong = _row_problems(row)
        # Folded, for file systems on which a.jpg and A.JPG are one file.
        first = lines.setdefault((row["filename"] or "").casefold(), line)
        if first != line and row["filename"]:
            wrong.append(f"filename {row['filename']!r} is that of line {first} too")
        problems += [f"line {line}: {text}" for text in wrong]
        if not wrong:
            images.append(_image(row))
    if problems:
        listed = "\n  ".join(problems)
        raise DataError(f"{table}: {len(problems)} problem(s), nothing was fetched\n  {listed}")
    return images


def _row_problems(row: dict[str, str]) -> list[str]:
    if None in row or None in row.values():
        return ["has more or fewer fields than the header"]
    problems = []
    name, md5, stat = row["filename"], row["md5"].strip(), row["hybrid_stat"].strip()
    if not _is_plain_name(name):
        problems.append(f"filename: expected a plain name without a path, found {name!r}")
    if url_problem(_address(row)):
        found = row["file_url"].strip()
        problems.append(f"file_url: expected an http or https address, found {found!r}")
    if not re.fullmatch(r"[0-9a-fA-F]{32}", md5):
        problems.append(f"md5: expected 32 hexadecimal digits, found {md5!r}")
    if stat not in HYBRID:
        problems.append(f"hybrid_stat: expected hybrid or non-hybrid, found {stat!r}")
    elif not HYBRID[stat] and not _is_plain_name(_class_of(row)):
        problems.append(f"subspecies: expected the name of a class, found {row['subspecies']!r}")
    elif not HYBRID[stat] and _class_of(row).casefold() == HYBRIDS_FOLDER:
        problems.append("subspecies: a non-hybrid of subspecies 'hybrid'")
    return problems


def _is_plain_name(name: str) -> bool:
    return (
        name.isprintable()
        and name not in (".", "..")
        and not set(name) & set("/\\")
        and name.strip() != ""
        and len(name.encode("utf-8")) <= _LONGEST_NAME
    )


def _class_of(row: dict[str, str]) -> str:
    """Return the class: subspecies 8.0 (a table that pandas wrote) is 8, other names stay."""
    text = row["subspecies"].strip()
    return text.split(".")[0] if re.fullmatch(r"[0-9]+\.0*", text) else text


def _image(row: dict[str, str]) -> ListedImage:
    folder = HYBRIDS_FOLDER if HYBRID[row["hybrid_stat"].strip()] else _class_of(row)
    digest = row["md5"].strip().lower()
    wanted = Wanted(_address(row), digest, algorithm="md5", promised_by="the table")
    return ListedImage(Path(folder, row["filename"]), wanted, row)


def _address(row: dict[str, str]) -> str:
    # Tables hold names with spaces and umlauts; what is quoted already stays.
    return quote(row["file_url"].strip(), safe="%/:?=&#~+!$,;'@()*[]")
