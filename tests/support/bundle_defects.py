"""Defects by name: each corrupts a good bundle in one way."""

from __future__ import annotations

import io
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

from tests.support.checks import Defect, append, both, good_competition, remove, replace, write


def _competition(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def seed(folder: Path) -> None:
        content = good_competition()
        change(content)
        (folder / "competition.yaml").write_text(yaml.safe_dump(content, sort_keys=False))

    return seed


def _top(key: str, value: Any) -> Callable[[Path], None]:
    return _competition(lambda content: content.update({key: value}))


def _without(key: str) -> Callable[[Path], None]:
    return _competition(lambda content: content.pop(key))


def _task(**changes: Any) -> Callable[[Path], None]:
    return _competition(lambda content: content["tasks"][0].update(changes))


def _phase(number: int, **changes: Any) -> Callable[[Path], None]:
    return _competition(lambda content: content["phases"][number].update(changes))


def _board(**changes: Any) -> Callable[[Path], None]:
    return _competition(lambda content: content["leaderboards"][0].update(changes))


def _column(number: int, **changes: Any) -> Callable[[Path], None]:
    return _competition(
        lambda content: content["leaderboards"][0]["columns"][number].update(changes)
    )


def _command(program: str, command: str) -> Callable[[Path], None]:
    return write(f"{program}/metadata.yaml", f"command: {command}\n")


def _scoring_command(name: str, code: str, command: str) -> Defect:
    return Defect(name, code, _command("scoring_program", command))


def _ingestion_command(name: str, code: str, command: str) -> Defect:
    return Defect(name, code, _command("ingestion_program", command))


def _singular(content: dict[str, Any]) -> None:
    content["leaderboard"] = content.pop("leaderboards")


def _bare_csv(folder: Path) -> None:
    _task(reference_data="reference_data/ref.csv")(folder)


def _program_in_folder(folder: Path) -> None:
    inner = folder / "scoring_program/scoring_program"
    inner.mkdir()
    for name in ("scoring.py", "metadata.yaml"):
        (folder / "scoring_program" / name).rename(inner / name)


def _zipped_in_folder(folder: Path) -> None:
    with zipfile.ZipFile(folder / "scoring.zip", "w") as archive:
        for name in ("scoring.py", "metadata.yaml"):
            archive.write(folder / "scoring_program" / name, f"scoring_program/{name}")
    _task(scoring_program="scoring.zip")(folder)


def _two_tasks(content: dict[str, Any]) -> None:
    content["tasks"].append(content["tasks"][0] | {"index": 1, "name": "Other"})
    content["phases"][0]["tasks"] = [0, 1]
    content["leaderboards"][0]["submission_rule"] = "Force_Best"


def _zip_bundle_of_folder(folder: Path) -> Path:
    archive = shutil.make_archive(str(folder.parent / "packed"), "zip", folder.parent, folder.name)
    return Path(archive)


def _cmyk() -> bytes:
    stream = io.BytesIO()
    Image.new("CMYK", (16, 16)).save(stream, format="JPEG")
    return stream.getvalue()


def huge_png(width: int, height: int) -> bytes:
    """A PNG whose header says that it is large; the pixels are missing."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c))
              for c in (header, b"IDAT")]  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _cut_off(folder: Path) -> None:
    path = folder / "input_data/0.png"
    Image.effect_noise((60, 60), 90).save(path)
    path.write_bytes(path.read_bytes()[:1000])


def _ours(table: str) -> Callable[[Path], None]:
    """A bundle with our scoring program, which knows one track of the columns filename, score."""
    registry = 'ROWS = (Track(name="lone", columns=("filename", "score")),)\n'
    return both(
        write("scoring_program/wildlife_scoring/tracks.py", registry),
        write("reference_data/ref.csv", table),
    )


_LONG = "x" * 300
_PNG = b"\x89PNG\r\n\x1a\n"
_QUESTION = {
    "key": "q", "type": "text", "title": "Q", "selection": "", "is_required": False,
    "is_on_leaderboard": False,
}  # fmt: skip

BUNDLE_DEFECTS = (
    Defect("the bundle's folder was zipped", "bundle-root", _zip_bundle_of_folder),
    Defect("no YAML", "bundle-yaml", write("competition.yaml", "a: [")),
    Defect("a list", "bundle-yaml", write("competition.yaml", "- a\n")),
    Defect("no version", "bundle-version", _without("version")),
    Defect("version 1.5", "bundle-version", _top("version", 1.5)),
    Defect("version 2.0", "bundle-version", _top("version", 2.0)),
    Defect("a solution that is not there", "path-missing",
           _top("solutions", [{"index": 0, "tasks": [0], "path": "nowhere.zip"}])),
    Defect("no title", "required-missing", _without("title")),
    Defect("no image", "required-missing", _without("image")),
    Defect("no terms", "required-missing", _without("terms")),
    Defect("no pages", "required-missing", _without("pages")),
    Defect("no phases", "required-missing", _without("phases")),
    Defect("no leaderboards", "required-missing", _without("leaderboards")),
    Defect("pages that are no list", "section-malformed", _top("pages", "page.md")),
    Defect("tasks that are no mappings", "section-malformed", _top("tasks", ["one"])),
    Defect("an image that is a list", "path-missing", _top("image", ["logo.png"])),
    Defect("leaderboard", "leaderboard-singular", _competition(_singular)),
    Defect("a key twice", "key-duplicate", append("competition.yaml", "title: Again\n")),
    Defect("a key that nobody reads", "key-unknown", _top("accepts_only_result_submissions", True)),
    Defect("a slip in a phase's key", "key-unknown", _phase(0, max_submission_per_day=3)),
    Defect("an image that is not there", "path-missing", _top("image", "nowhere.png")),
    Defect("a page that is not there", "path-missing",
           _top("pages", [{"title": "a", "file": "nowhere.md"}])),
    Defect("data outside the bundle", "path-missing", _task(input_data="../elsewhere")),
    Defect("a program that is not there", "path-missing", _task(scoring_program="nowhere")),
    Defect("a bare csv", "data-not-zip", _bare_csv),
    Defect("an empty page", "page-empty", write("page.md", "")),
    Defect("a table as input", "data-not-zip",
           both(write("test.csv", "filename\n"), _task(input_data="test.csv"))),
    Defect("a script as program", "data-not-zip",
           _task(scoring_program="scoring_program/scoring.py")),
    Defect("no data in the folder", "data-empty",
           both(lambda f: (f / "nothing").mkdir(), _task(input_data="nothing"))),
    Defect("a placeholder for data", "data-empty",
           both(write("data/.gitkeep", ""), _task(input_data="data"))),
    Defect("a task without index", "task-index",
           _competition(lambda c: c["tasks"][0].pop("index"))),
    Defect("two tasks with one index", "task-index",
           _competition(lambda c: c["tasks"].append(c["tasks"][0]))),
    Defect("no scoring program", "scoring-missing",
           _competition(lambda c: c["tasks"][0].pop("scoring_program"))),
    Defect("a phase without tasks", "phase-tasks", _phase(0, tasks=[])),
    Defect("a phase with an unknown task", "phase-tasks", _phase(0, tasks=[7])),
    Defect("a date without quotes", "date-loses-time",
           replace("competition.yaml", "'2027-02-28 12:00:00'", "2027-02-28 12:00:00")),
    Defect("a date with an offset", "date-offset", _phase(0, start="2027-01-01T00:00:00+02:00")),
    Defect("a date without a year", "date-incomplete", _phase(0, start="January 1")),
    Defect("a date that is none", "date-malformed", _phase(0, start="next Monday")),
    Defect("a phase without start", "required-missing",
           _competition(lambda c: c["phases"][0].pop("start"))),
    Defect("a first phase without end", "phase-end-missing",
           _competition(lambda c: c["phases"][0].pop("end"))),
    Defect("phases that overlap", "phase-order", _phase(1, start="2027-01-15 00:00:00")),
    Defect("phases that touch", "phase-order", _phase(1, start="2027-01-31 23:59:59")),
    Defect("a phase of no length", "phase-never-active", _phase(1, end="2027-02-01 00:00:00")),
    Defect("a phase of the past", "phase-past",
           _competition(lambda c: [
               c["phases"][n].update(start=f"200{n}-01-01", end=f"200{n}-02-01") for n in (0, 1)
           ])),
    Defect("migration to the first phase", "phase-migrate",
           _phase(0, auto_migrate_to_this_phase=True)),
    Defect("a time limit in words", "time-limit-malformed",
           _phase(0, execution_time_limit="ten minutes")),
    Defect("a time limit above the queue's", "time-limit-capped",
           _phase(0, execution_time_limit=7200)),
    Defect("no limit of submissions", "submissions-unlimited",
           _phase(0, max_submissions_per_day=0)),
    Defect("a rule with blanks", "rule-unknown", _board(submission_rule="Add and Delete Multiple")),
    Defect("Force_Best with two tasks", "rule-several-tasks", _competition(_two_tasks)),
    Defect("two leaderboards", "leaderboard-extra",
           _competition(lambda c: c["leaderboards"].append(c["leaderboards"][0]))),
    Defect("sorting: descending", "sorting-unknown", _column(0, sorting="descending")),
    Defect("an accuracy that is best when low", "sort-direction", _column(1, sorting="asc")),
    Defect("an error that is best when high", "sort-direction",
           _column(0, key="rmse", title="RMSE")),
    Defect("precision in words", "precision-malformed", _column(0, precision="four")),
    Defect("no precision", "precision-default",
           _competition(lambda c: c["leaderboards"][0]["columns"][0].pop("precision"))),
    Defect("two columns with one index", "column-duplicate", _column(1, index=0)),
    Defect("two columns with one key", "column-duplicate", _column(1, key="challenge_score")),
    Defect("a column without title", "column-malformed",
           _competition(lambda c: c["leaderboards"][0]["columns"][0].pop("title"))),
    Defect("no columns", "column-malformed", _board(columns=[])),
    Defect("columns counted from 1", "primary-missing",
           lambda f: _competition(lambda c: [
               column.update(index=number + 1)
               for number, column in enumerate(c["leaderboards"][0]["columns"])
           ])(f)),
    Defect("computation of nothing", "computation", _column(1, computation="avg")),
    Defect("an unknown computation", "computation",
           _column(1, computation="median", computation_indexes=[0])),
    Defect("computed from a column that is not there", "computation",
           _column(1, computation="avg", computation_indexes=[0, 9])),
    Defect("computed from itself", "computation",
           _column(1, computation="avg", computation_indexes=[1])),
    Defect("a long title", "length-limit", _top("title", _LONG)),
    Defect("a long column title", "length-limit", _column(0, title="t" * 37)),
    Defect("a title that is a date", "field-refused", _top("title", date(2027, 1, 1))),
    Defect("an empty docker image", "field-refused", _top("docker_image", "")),
    Defect("a boolean in words", "field-refused", _top("forum_enabled", "maybe")),
    Defect("no address", "field-refused", _top("contact_email", "me at example")),
    Defect("a description that is a list", "field-refused", _task(description=["a"])),
    Defect("input data without a value", "field-refused", _task(input_data=None)),
    Defect("the key of a task that is no UUID", "platform-key", _task(key="mine")),
    Defect("a solution without an index", "solution-index",
           _top("solutions", [{"tasks": [0], "path": "reference_data"}])),
    Defect("a solution for no tasks", "solution-tasks",
           _top("solutions", [{"index": 0, "path": "reference_data"}])),
    Defect("a phase without a name", "required-missing",
           _competition(lambda c: c["phases"][0].pop("name"))),
    Defect("a page without a title", "required-missing",
           _competition(lambda c: c["pages"][0].pop("title"))),
    Defect("the whole bundle as data", "path-missing", _task(reference_data="")),
    Defect("a second leaderboard without a title", "required-missing",
           _competition(lambda c: c["leaderboards"].append(
               {key: value for key, value in c["leaderboards"][0].items() if key != "title"}
           ))),
    Defect("a page that is not UTF-8", "page-encoding", write("page.md", b"caf\xe9")),
    Defect("terms that are not UTF-8", "page-encoding",
           both(_top("terms", "terms.md"), write("terms.md", "Terms".encode("utf-16")))),
    Defect("a page with a null character", "page-encoding", write("page.md", "a\0b")),
    Defect("an image of another format", "logo-format", write("logo.png", "<svg/>" * 20)),
    Defect("an image that is cut", "logo-format",
           write("logo.png", _PNG + bytes(100))),
    Defect("an image for the printer", "logo-format", write("logo.png", _cmyk())),
    Defect("a placeholder of an image", "logo-placeholder", write("logo.png", _PNG)),
    Defect("numbers and texts as phase indexes", "phase-index",
           _competition(lambda c: c["phases"][0].update(index="one"))),
    Defect("a solution of an unknown task", "solution-tasks",
           _top("solutions", [{"index": 0, "tasks": [7], "path": "reference_data"}])),
    Defect("CodaLab 1.5", "bundle-old-format",
           _competition(lambda c: [c.pop(key) for key in ("version", "tasks", "leaderboards")])),
    Defect("a question under another key", "fact-sheet",
           _top("fact_sheet", {"q": _QUESTION | {"key": "other"}})),
    Defect("a question of an unknown type", "fact-sheet",
           _top("fact_sheet", {"q": _QUESTION | {"type": "textarea"}})),
    Defect("a fact sheet of two keys", "fact-sheet",
           _top("fact_sheet", {"q": {"key": "q", "type": "text"}})),
    Defect("no docker image", "docker-image-missing", _without("docker_image")),
    Defect("a floating docker image", "docker-image-floating",
           _top("docker_image", "ghcr.io/me/image:latest")),
    Defect("a docker image without tag", "docker-image-floating", _top("docker_image", "me/image")),
    Defect("__MACOSX in the reference", "bundle-junk",
           write("reference_data/__MACOSX/._ref.csv", "x")),
    Defect(".DS_Store among the images", "bundle-junk", write("input_data/.DS_Store", "x")),
    Defect("a damaged zip as input", "zip-damaged",
           both(write("in.zip", b"PK\x03\x04 cut off"), _task(input_data="in.zip"))),
    Defect("an image of text", "image-unreadable", write("input_data/0.png", b"no image")),
    Defect("an empty image", "image-unreadable", write("input_data/0.png", b"")),
    Defect("an image that is cut off", "image-unreadable", _cut_off),
    Defect("an image of many pixels", "image-too-large",
           write("input_data/0.png", huge_png(20_000, 20_000))),
    Defect("a TIFF of unknown form", "image-format",
           write("input_data/big.tif", b"II*\0" + bytes(40))),
    Defect("an image that the reference lacks", "data-ids-partly",
           write("input_data/9.png", b"x")),
    Defect("an image that only the reference has", "data-ids-partly",
           append("reference_data/ref.csv", "9.png,1\n")),
    Defect("no image that the reference names", "data-ids",
           replace("reference_data/ref.csv", ".png", ".PNG")),
    Defect("columns of no track", "reference-table", _ours("filename,label\n0.png,a\n")),
    Defect("two tables of a track", "reference-table",
           both(_ours("filename,score\n0.png,1\n"), write("reference_data/b.csv", "filename\n"))),
    Defect("a program in a folder of its own", "program-root", _program_in_folder),
    Defect("a program zipped with its folder", "program-root", _zipped_in_folder),
    Defect("no metadata of the scoring", "program-metadata",
           remove("scoring_program/metadata.yaml")),
    Defect("no command of the ingestion", "program-metadata",
           write("ingestion_program/metadata.yaml", "description: x\n")),
    Defect("a list as command", "program-command",
           write("scoring_program/metadata.yaml", "command: [python3, scoring.py]\n")),
    Defect("quotes that do not match", "program-command",
           write("scoring_program/metadata.yaml", 'command: "python3 \'scoring.py"\n')),
    _scoring_command("&&", "command-shell", "pip install x && python3 scoring.py"),
    _scoring_command("a pipe", "command-shell", "python3 scoring.py | tee log"),
    _scoring_command("a redirection", "command-shell", "python3 scoring.py >log.txt"),
    _scoring_command("a tilde", "command-shell", "python3 ~/scoring.py"),
    _scoring_command("a pattern", "command-shell", "python3 scoring.py *.csv"),
    _scoring_command("a variable before the command", "command-shell", "A=1 python3 scoring.py"),
    _scoring_command("cd first", "command-shell", "cd /app/program"),
    _scoring_command("a variable of a shell", "command-variable", "python3 scoring.py $HOME"),
    Defect("a variable that no program reads", "command-variable-unread",
           both(write("scoring_program/scoring.py", "import sys\nprint(sys.argv[2])\n"),
                _command("scoring_program", "python3 scoring.py $input $output $test_data"))),
    Defect("a variable that the program reads", "command-variable",
           both(write("scoring_program/scoring.py", "import sys\nprint(sys.argv[3])\n"),
                _command("scoring_program", "python3 scoring.py $input $output $test_data"))),
    Defect("a variable that a parser reads", "command-variable",
           both(write("scoring_program/scoring.py", "import argparse\n"),
                _command("scoring_program", "python3 scoring.py $input $output $test_data"))),
    _ingestion_command("$ingested_program", "command-variable",
                       "python3 ingestion.py $ingested_program"),
    _ingestion_command("$input_data in the ingestion", "command-input-data",
                       "python3 ingestion.py $input_data $output"),
    _scoring_command("a script that is not there", "command-file",
                     "python3 /app/program/score.py /app/input /app/output"),
    _scoring_command("a script next to it, not there", "command-file",
                     "python3 score.py /app/input /app/output"),
    _ingestion_command("/app/ingestion_program", "command-path",
                       "python3 /app/ingestion_program/ingestion.py"),
    _scoring_command("the input data at scoring", "command-path",
                     "python3 scoring.py /app/input_data"),
    _ingestion_command("the reference at ingestion", "command-path",
                       "python3 ingestion.py /app/input/ref"),
)  # fmt: skip
