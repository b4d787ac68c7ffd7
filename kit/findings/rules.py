"""Every code that a check can give: how bad, what to do, and the reference that shows why.

References: `codabench#N` and `codalab#N` are issues of codalab/codabench and
codalab/codalab-competitions; "worker" is codalab/codabench compute_worker.py, "unpacker" its
competitions/unpackers and "server" its models and serializers, all at c7dbc756; "HDR ingestion"
and "HDR scoring" are the programs of Imageomics/HDR-anomaly-challenge.
"""

from __future__ import annotations

from dataclasses import dataclass

SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True)
class Rule:
    """What is the same for every finding of a code."""

    severity: str
    todo: str
    reference: str


def _table(severity: str, *rows: tuple[str, str, str]) -> dict[str, Rule]:
    return {code: Rule(severity, todo, reference) for code, todo, reference in rows}


_REPACK = "zip the contents of the folder with `kit pack`"
_FIX_YAML = "fix competition.yaml"
_LITERAL = "write literal /app/... paths; for shell syntax use bash -c '...'"

_ZIP = _table(
    "error",
    ("zip-damaged", "make the zip again and check that it was copied whole", "codabench#2265"),
    ("zip-root", _REPACK, "codabench#1697, #1655, #1143"),
    ("zip-empty", _REPACK, "codabench#1811"),
    ("zip-link", "copy the file instead of linking it", "worker: zipfile.extractall"),
    ("zip-escape", _REPACK, "worker: zipfile.extractall"),
    ("zip-backslash", "zip on Linux, or with `kit pack`", "worker: zipfile.extractall"),
    ("zip-duplicate", _REPACK, "worker: zipfile.extractall, the last one wins"),
    ("zip-encrypted", "zip without a password", "worker: zipfile.extractall"),
    ("zip-too-large", "leave out what the model does not need", "codabench#2250, #1845"),
    ("zip-unsafe", _REPACK, "worker: zipfile.extractall"),
    ("zip-name", "choose a name of at most 64 characters that ends in .zip", "server: file_name"),
) | _table(
    "warning",
    ("zip-junk", _REPACK, "codabench#1655, #1514"),
)
_FILES = _table(
    "error",
    ("model-missing", "put model.py at the root of the submission", "codabench#1697, #1514"),
    ("metadata-missing", "add a file `metadata` with description and track", "worker: results"),
    ("metadata-malformed", "write YAML such as `description: ...`", "worker: metadata"),
    ("track-unknown", "name the track in the metadata, or a bundle with --bundle",
     "submission contract"),
    ("metadata-command", "remove the command", "worker: it runs next to the ingestion program"),
    ("link", "copy the file instead of linking it", "worker: links become text files"),
    ("special-file", "remove it", "worker: zipfile.extractall"),
    ("unlisted-file", "list it in weights.json, or remove it", "submission contract"),
    ("file-unreadable", "fix the file's permissions", "submission contract"),
    ("secret-text", "remove the secret and revoke it", "organisers and workers read uploads"),
    ("secret-file", "remove the file and revoke the secret", "organisers and workers read uploads"),
    ("name-not-utf-8", "rename the file", "zip names are UTF-8"),
    ("name-too-long", "choose shorter names", "Linux: 255 bytes a name"),
) | _table(
    "warning",
    ("vendored-differs", "run `kit vendor`; edit shared code in _shared/, not in the copy",
     "kit/README.md: shared packages"),
    ("vendored-malformed", "remove VENDORED.json and run `kit vendor`",
     "kit/README.md: shared packages"),
    ("metadata-track", "name one of the tracks that the kit knows", "submission contract"),
    ("name-not-ascii", "use plain letters, digits, - and _", "worker: zip names, codalab#2819"),
    ("name-case", "let names differ by more than case", "codalab#2819"),
    ("size-total", "leave out what the model does not need", "codabench#2250, #2101"),
    ("planted-output", "remove it", "worker: submission files can reach /app/input/res"),
) | _table(
    "note",
    ("secret-left-behind", "nothing: it is not shipped", "kit pack"),
)  # fmt: skip
_WEIGHTS = _table(
    "error",
    ("manifest-malformed", "fix weights.json", "submission contract"),
    ("manifest-entry", "fix the entry in weights.json", "submission contract"),
    ("manifest-duplicate", "list each file once", "submission contract"),
    ("weights-missing", "make the file with the command in `source`", "codalab#2206"),
    ("weights-size", "train again, or correct weights.json", "submission contract"),
    ("weights-digest", "train again, or correct weights.json", "submission contract"),
    ("pickle-global", "save plain arrays (npz, safetensors) instead", "pickle runs any code"),
    ("pickle-main", "move the class into a module of the submission", "pickle stores __main__.X"),
    ("pickle-damaged", "make the file again", "codalab#2219"),
    ("sklearn-pin-differs", "pin the version inside the pickle, or fit again", "HDR sample repo"),
) | _table(
    "warning",
    ("pickle-unpinned", "pin scikit-learn in requirements.txt", "codalab#2034, #2044"),
    ("sklearn-installed-differs", "fit again with the pinned version", "codalab#2034"),
    ("npz-object", "save plain arrays without object dtype", "numpy: allow_pickle=False"),
    ("licence-noncommercial", "check that the challenge allows it", "challenge terms"),
    ("licence-none", "name the licence of the weights", "challenge terms"),
) | _table(
    "note",
    ("licence-copyleft", "check that the challenge allows it", "challenge terms"),
    ("licence-unknown", "write an SPDX identifier", "spdx.org/licenses"),
)  # fmt: skip
_CODE = _table(
    "error",
    ("python-syntax", "write Python that 3.10 reads", "codalab#1967"),
    ("model-class", "define `class Model` in model.py", "HDR ingestion: from model import Model"),
    ("load-missing", "define load(self)", "HDR ingestion: model.load()"),
    ("load-signature", "load takes nothing but self", "HDR ingestion: model.load()"),
    ("predict-missing", "define predict(self, image)", "HDR ingestion: model.predict(image)"),
    ("predict-signature", "use predict(self, image) or predict(self, image, metadata)",
     "HDR ingestion: model.predict(image)"),
    ("init-arguments", "give every argument of __init__ a default", "HDR ingestion: Model()"),
    ("batch-incomplete", "define preprocess and predict_batch, or neither", "submission contract"),
    ("batch-signature", "use preprocess(self, image) and predict_batch(self, items)",
     "submission contract"),
    ("method-async", "use plain methods", "HDR ingestion: model.predict(image)"),
    ("import-missing", "add it to requirements.txt or to the submission", "codabench: HDR FAQ"),
    ("import-own-missing", "correct the name, or add the file", "worker: only the zip is there"),
    ("import-relative", "import by name: `from net import Net`", "HDR ingestion: import model"),
    ("import-not-vendored", "copy it with `kit vendor NAME`", "only the zip is there"),
    ("import-not-on-platform", "copy what you need into the submission", "only the zip is there"),
    ("import-shadow", "rename the file", "HDR ingestion: sys.path.append, installed wins"),
    ("path-absolute", "build paths from Path(__file__).parent", "codalab#1967, #2506"),
    ("path-relative", "build paths from Path(__file__).parent", "worker: cwd is /app/program"),
) | _table(
    "warning",
    ("module-level-work", "move it into load()", "submission contract: imports are cheap"),
    ("import-undeclared", "add it to requirements.txt", "HDRchallenge#23, #29"),
    ("import-newer-python", "use what Python 3.10 has", "codalab#1967"),
    ("path-platform", "build paths from Path(__file__).parent", "worker: mounts"),
    ("write-relative", "write nothing, or into tempfile", "worker: cwd is /app/program"),
    ("network-host", "put the file into weights/ and list it", "worker: network may be off"),
    ("network-hub", "put the files into weights/ and list them", "worker: network may be off"),
    ("network-call", "read everything from the submission's folder", "worker: network may be off"),
    ("pip-at-run-time", "list packages in requirements.txt", "worker: network may be off"),
    ("cuda-hardcoded", "use CUDA only if torch.cuda.is_available()", "codabench#1829, #1426"),
    ("torch-load-device", "pass map_location='cpu'", "codabench#1829"),
)  # fmt: skip
_REQUIREMENTS = _table(
    "error",
    ("requirement-spelling", "write it as shown", "HDR ingestion: install_from_whitelist"),
    ("requirement-not-allowed", "do without it, or ask the organisers", "HDRchallenge#23"),
    ("requirement-malformed", "one package a line: name or name==version", "HDR ingestion"),
    ("requirement-line", "remove the line", "HDR ingestion: every line is a package"),
    ("requirement-encoding", "save the file as UTF-8", "HDR ingestion: open(req_file)"),
) | _table(
    "warning",
    ("requirement-duplicate", "name it once", "HDR ingestion: the last one wins"),
    ("requirement-differs-here", "install it here to check what will run", "codalab#2034"),
)  # fmt: skip
_DYNAMIC = _table(
    "error",
    ("load-fails", "fix what the last line of the log names", "codabench#1212, #1342"),
    ("predict-fails", "fix what the last line of the log names", "codabench#1212, #1342"),
    ("probe-crash", "find what ends the process", "codalab#2663"),
    ("probe-timeout", "make it faster, or find what it waits for", "codabench#1422"),
    ("return-type", "write `return float(score)` (or `return str(label)`)",
     "HDR ingestion: round(score, 4); HDR y2: isinstance(x, float)"),
    ("return-not-finite", "return a finite number for every image", "HDR scoring"),
    ("odd-picture-hangs", "raise for images that cannot be read", "submission contract"),
    ("network-needed", "put the files into weights/ and list them", "worker: network may be off"),
    ("answer-order", "keep no state between images", "HDR ingestion: os.listdir order"),
    ("answer-repetition", "seed or remove what is random in predict", "submission contract"),
    ("answer-batch", "let predict be predict_batch of one", "submission contract"),
    ("answer-cwd", "build paths from Path(__file__).parent", "worker: cwd is /app/program"),
    ("answer-hash-seed", "sort sets before you iterate", "Python: PYTHONHASHSEED"),
    ("time-limit", "make predict faster, or use a smaller model", "codabench#1422, #2147"),
) | _table(
    "warning",
    ("odd-picture-fails", "begin predict with image.convert('RGB')", "submission contract"),
    ("network-tried", "read everything from the folder", "worker: network may be off"),
    ("answer-threads", "round less, or fix the number of threads", "codalab#1967"),
    ("answer-constant", "look at what predict returns", "codabench#2250"),
    ("file-written", "write into tempfile, or nowhere", "worker: codalab#2506"),
    ("time-tight", "leave room: the platform may be slower", "codabench#1422, #2529"),
    ("memory-high", "use a smaller model or smaller batches", "codalab#2663"),
)  # fmt: skip
_SCORES = _table(
    "error",
    ("run-fails", "see the run's log", "codabench#1713"),
    ("score-missing", "let the scoring program write every column's key", "codabench#1859, #1540"),
) | _table(
    "warning",
    ("score-unknown", "add a column, or do not write it", "server: unknown keys are skipped"),
    ("sort-direction", "reverse the column's sorting", "server: sorting is desc by default"),
    ("negated-better", "return the negated score: higher means more anomalous", "HDRchallenge#27"),
    ("predictions-constant", "look at what predict returns", "codabench#2250"),
    ("rounding-ties", "spread the scores, e.g. rescale them", "HDR ingestion: round(score, 4)"),
) | _table(
    "note",
    ("rounding-ties-harmless", "nothing", "HDR ingestion: round(score, 4)"),
)  # fmt: skip
_BUNDLE = _table(
    "error",
    ("bundle-root", "put competition.yaml at the root of the zip", "unpacker"),
    ("bundle-yaml", _FIX_YAML, "unpacker"),
    ("bundle-version", "write `version: 2`", "codabench#1934, #1935"),
    ("required-missing", "add it", "unpacker"),
    ("section-malformed", "write a list of mappings, each with a dash", "unpacker"),
    ("key-duplicate", "keep one", "YAML: the last one wins"),
    ("leaderboard-singular", "write `leaderboards:`", "unpacker: Could not find leaderboards"),
    ("path-missing", "add the file, or fix the path", "unpacker: Cannot find dataset"),
    ("data-not-zip", "put the file into a folder or a zip, and name that",
     "worker: Bad or empty zip file"),
    ("image-unreadable", "replace the images, or take them out of input and reference",
     "HDR ingestion: Image.open"),
    ("image-too-large", "make the images smaller", "Pillow: DecompressionBombError"),
    ("reference-table", "let one table (.csv) have the columns of its track",
     "scoring_program: find_reference, choose_track"),
    ("data-ids", "let reference and input name the same images, in the same letters",
     "codabench#2206, #2321"),
    ("page-empty", "write the page", "unpacker: must contain content"),
    ("task-index", "give each task its own index", "unpacker: Duplicate task indexes"),
    ("scoring-missing", "give the task a scoring_program", "unpacker"),
    ("phase-tasks", "list at least one task that exists", "codabench#2309"),
    ("date-malformed", 'write "YYYY-MM-DD HH:MM:SS" in quotes, UTC', "codabench#1399"),
    ("date-loses-time", 'write "YYYY-MM-DD HH:MM:SS" in quotes, UTC', "codabench#1399"),
    ("phase-end-missing", "give the phase an end", "unpacker: must have an end time"),
    ("phase-order", "start each phase after the end of the one before", "unpacker: sequential"),
    ("phase-never-active", "let the phase end after it starts", "HDR bundle"),
    ("phase-migrate", "set it on a later phase", "server: auto_migrate"),
    ("time-limit-malformed", "write whole seconds", "server: execution_time_limit"),
    ("rule-unknown", "use one of the rules as they are spelled", "codabench#2353"),
    ("rule-several-tasks", "use one task a phase, or a manual rule", "codabench#2211, #1570"),
    ("sorting-unknown", "write asc or desc", "server: sorting"),
    ("precision-malformed", "write a whole number from 0 to 10", "server: precision"),
    ("column-duplicate", "give each column its own index and key", "server: unique"),
    ("column-malformed", "give the column title, key and index", "server: columns"),
    ("primary-missing", "count columns from 0, or set primary_index", "server: columns.get"),
    ("computation", "give computation (avg, sum, min, max) and computation_indexes together",
     "server: computation_indexes"),
    ("length-limit", "shorten it", "server: length limits"),
    ("fact-sheet", "give exactly key, type, title, selection, is_required, is_on_leaderboard",
     "server: fact_sheet"),
    ("program-root", "zip the contents of the program's folder", "codabench#1697"),
    ("program-metadata", "add metadata.yaml with a command", "codabench#1862, #1655"),
    ("program-command", "write the command as one line of text", "worker: shlex.split"),
    ("command-shell", _LITERAL, "worker: no shell"),
    ("command-variable", _LITERAL, "codabench#1805, #1423"),
    ("command-input-data", _LITERAL, "worker: $input comes first"),
    ("command-file", "add the file, or fix the command", "codabench#1697"),
    ("command-path", _LITERAL, "worker: mounts"),
) | _table(
    "warning",
    ("date-unquoted", 'write "YYYY-MM-DD HH:MM:SS" in quotes, UTC', "codabench#1399"),
    ("date-offset", "convert it to UTC and leave the offset out", "unpacker: replace(tzinfo)"),
    ("phase-past", "set dates that are still to come", "server: phase status"),
    ("time-limit-capped", "use a queue of your own, or at most 600 s", "codabench#1842"),
    ("submissions-unlimited", "set a number", "server: 0 means unlimited"),
    ("key-unknown", "fix the spelling, or remove it", "unpacker: unknown keys are ignored"),
    ("leaderboard-extra", "keep one leaderboard", "unpacker: the first is used"),
    ("docker-image-missing", "name an image", "server: default is Python 3.7"),
    ("docker-image-floating", "name a version or digest", "codalab#2044; HDR bundle"),
    ("bundle-junk", "remove it", "codabench#1655; ISIC scoring#15"),
    ("data-empty", "add the data", "codabench#2206"),
    ("image-format", "make sure that the ingestion program reads them without Pillow",
     "Pillow: Image.open"),
    ("data-ids-partly", "let reference and input name the same images", "codabench#2206, #2321"),
) | _table(
    "note",
    ("images-undecoded", "nothing, or decode them all yourself once", "time limit of this check"),
    ("precision-default", "set precision: 4", "server: default precision is 2"),
)  # fmt: skip

RULES: dict[str, Rule] = (
    _ZIP | _FILES | _WEIGHTS | _CODE | _REQUIREMENTS | _DYNAMIC | _SCORES | _BUNDLE
)
