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


_REPACK = "zip the contents of the folder: `kit pack` does it, of a bundle `kit bundle`"
_FIX_YAML = "fix competition.yaml"
_LITERAL = "write literal /app/... paths; for shell syntax use bash -c '...'"

_ZIP = _table(
    "error",
    ("zip-damaged", "make the zip again and check that it was copied whole", "codabench#2265"),
    ("zip-root", _REPACK, "codabench#1697, #1655, #1143"),
    ("zip-empty", _REPACK, "codabench#1811"),
    ("zip-link", "copy the file instead of linking it", "worker: zipfile.extractall"),
    ("zip-escape", _REPACK, "worker: zipfile.extractall"),
    (
        "zip-backslash",
        "zip on Linux, or with `kit pack` or `kit bundle`",
        "worker: zipfile.extractall",
    ),
    ("zip-duplicate", _REPACK, "worker: zipfile.extractall, the last one wins"),
    ("zip-encrypted", "zip without a password", "worker: zipfile.extractall"),
    ("zip-too-large", "leave out what the model does not need", "codabench#2250, #1845"),
    ("zip-unsafe", _REPACK, "worker: zipfile.extractall"),
    ("not-checked", "fix what keeps it from being opened", "worker: zipfile.extractall"),
    ("zip-name", "choose a name of at most 64 characters that ends in .zip", "server: file_name"),
) | _table(
    "warning",
    ("zip-junk", _REPACK, "codabench#1655, #1514"),
)
_FILES = _table(
    "error",
    ("model-missing", "put model.py at the root of the submission", "codabench#1697, #1514"),
    ("result-root", "put the files at the root of the zip", "worker: copytree to /app/input/res"),
    ("zip-in-zip", "upload the inner zip itself", "worker: zipfile.extractall, once"),
    ("result-metadata", "remove the metadata file; if this is code, add model.py",
     "worker: it copies results only without metadata"),
    ("metadata-malformed", "write YAML such as `description: ...`", "worker: metadata"),
    ("track-unknown", "name the track in the metadata, or a bundle with --bundle",
     "submission contract"),
    ("metadata-command", "remove the command", "worker: it runs next to the ingestion program"),
    ("link", "copy the file instead of linking it", "worker: links become text files"),
    ("special-file", "remove it, or put a file in its place", "worker: zipfile.extractall"),
    ("unlisted-file", "list it with `kit weights add`, or remove it",
     "submissions/README.md: weights.json"),
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
    ("metadata-missing", "add a file `metadata` with description and track",
     "worker: copytree to the output"),
    ("result-nested", "put the files at the root, unless the scoring program looks there",
     "worker: copytree to /app/input/res"),
    ("result-ingestion", "nothing, if the organiser's scoring reads your files",
     "worker: the ingestion runs next to results"),
    ("track-differs", "name the bundle's track in the metadata, or another bundle",
     "submission contract"),
    ("manifest-missing", "list the files with `kit weights add`, or remove them",
     "submissions/README.md: weights.json, this kit's own rule"),
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
    ("lfs-pointer", "get the file itself: `git lfs pull`, or download it again",
     "git-lfs/docs/spec.md"),
    ("weights-page", "download the file again, and look at its first bytes", "codalab#2219"),
    ("weights-format", "make or download it again, or name it after what it holds",
     "submission contract"),
    ("pickle-global", "save plain arrays (npz, safetensors) instead", "pickle runs any code"),
    ("pickle-main", "move the class into a module of the submission", "pickle stores __main__.X"),
    ("pickle-damaged", "make the file again", "codalab#2219"),
    ("numpy-pin-older", "ask for numpy>=2, or make the file again with the version that is pinned",
     "numpy 2.0: numpy.core became numpy._core"),
    ("torch-load-refused", "pass weights_only=False if you made the file, or save a state_dict",
     "torch 2.6: weights_only=True is the default of torch.load"),
    ("sklearn-pin-differs", "pin the version inside the pickle, or fit again", "HDR sample repo"),
) | _table(
    "warning",
    ("pickle-unpinned", "pin scikit-learn in requirements.txt", "codalab#2034, #2044"),
    ("numpy-made-newer", "ask for numpy>=2, or make the file again with the version that is pinned",
     "numpy 1.26.1: numpy/_core holds stubs"),
    ("torch-load-may-refuse", "pass weights_only=False if you made the file, or save a state_dict",
     "torch 2.6: weights_only=True is the default of torch.load"),
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
    ("import-missing", "add it to the submission, or to requirements.txt if that is allowed",
     "codabench: HDR FAQ"),
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
    ("import-not-allowed", "do without it, or ask whether the organisers' image has it",
     "HDRchallenge#23"),
    ("import-newer-python", "use what Python 3.10 has", "codalab#1967"),
    ("path-platform", "build paths from Path(__file__).parent", "worker: mounts"),
    ("write-relative", "write nothing, or into tempfile", "worker: cwd is /app/program"),
    ("network-hub", "put the files into weights/ and list them", "worker: network may be off"),
    ("network-call", "put what it fetches into weights/ and list it", "worker: network may be off"),
    ("pip-at-run-time", "list packages in requirements.txt", "worker: network may be off"),
    ("cuda-hardcoded", "use CUDA only if torch.cuda.is_available()", "codabench#1829, #1426"),
    ("torch-load-device", "pass map_location='cpu'", "codabench#1829"),
)  # fmt: skip
_REQUIREMENTS = _table(
    "error",
    ("requirement-spelling", "write it as shown", "HDR ingestion: install_from_whitelist"),
    ("requirement-not-allowed", "do without it, or ask the organisers", "HDRchallenge#23"),
    ("requirement-name", "correct the line as shown", "pip: No matching distribution found"),
    ("requirement-conflict", "ask for versions that go together", "pip: ResolutionImpossible"),
    ("requirement-malformed", "one package a line: name or name==version", "HDR ingestion"),
    ("requirement-line", "remove the line", "HDR ingestion: every line is a package"),
    ("requirement-encoding", "save the file as UTF-8", "HDR ingestion: open(req_file)"),
) | _table(
    "warning",
    ("requirement-headless", "write it as shown", "opencv-python: README, packages for servers"),
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
    ("program-fails", "fix what the last line of the log names; `kit run` keeps the whole log",
     "the bundle's own ingestion program decides"),
    ("answers-missing", "write every row and column that the bundle's contract asks for",
     "HDR y2 scoring: what is missing is not noticed"),
    ("answers-negative", "return a standard deviation of at least 0",
     "HDR y2 scoring: such an event is left out"),
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
    ("odd-picture-size", "fix what it names: images may be of any size, and turned or animated",
     "submission contract"),
    ("network-tried", "read everything from the folder", "worker: network may be off"),
    ("answer-threads", "round less, or fix the number of threads", "codalab#1967"),
    ("answer-constant", "look at what predict returns", "codabench#2250"),
    ("file-written", "write into tempfile, or nowhere", "worker: codalab#2506"),
    ("time-tight", "leave room: the platform may be slower", "codabench#1422, #2529"),
    ("memory-high", "use a smaller model or smaller batches", "codalab#2663"),
)  # fmt: skip
_SCORES = _table(
    "error",
    ("run-fails", "fix what it names; `kit run` keeps the whole log", "codabench#1713"),
    ("score-missing", "let the scoring program write every column's key", "codabench#1859, #1540"),
) | _table(
    "warning",
    ("computed-incomplete", "let the scoring program write every part",
     "server: calculate_scores takes the parts that are there"),
    ("computed-written", "leave the key to the platform", "server: calculate_scores"),
    ("sort-direction", "reverse the column's sorting", "server: sorting is desc by default"),
    ("negated-better", "return the negated score: higher means more anomalous", "HDRchallenge#27"),
    ("predictions-constant", "look at what predict returns", "codabench#2250"),
    ("rounding-ties", "spread the scores, e.g. rescale them", "HDR ingestion: round(score, 4)"),
) | _table(
    "note",
    ("score-unknown", "add a column, or do not write it", "server: unknown keys are skipped"),
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
    ("field-refused", "write such a value, or remove the key", "server: serializers"),
    ("image-unreadable", "replace the images, or take them out of input and reference",
     "HDR ingestion: Image.open"),
    ("image-too-large", "make the images smaller", "Pillow: DecompressionBombError"),
    ("reference-table", "let one table (.csv) have the columns of its track",
     "scoring_program: find_reference, choose_track"),
    ("data-ids", "let reference and input name the same images, in the same letters",
     "codabench#2206, #2321"),
    ("page-empty", "write the page", "unpacker: must contain content"),
    ("page-encoding", "save the page as UTF-8 text", "unpacker: open(...).read()"),
    ("logo-format", "save the image as an RGB PNG", "server: logo, make_logo_icon"),
    ("phase-index", "give all phases a number, or none", "unpacker: sorted(phases)"),
    ("solution-index", "give the solution an index", "unpacker: No index for solution"),
    ("solution-tasks", "list the indexes of tasks that exist", "unpacker: missing task index"),
    ("platform-key", "write the key as the platform shows it, or name files instead of a key",
     "unpacker: _save_tasks, _save_solutions"),
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
    ("fact-sheet", "write questions of the server's form: its six keys, its three types",
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
    ("bundle-old-format", "upload it as it is, then check the bundle that Codabench exports",
     "unpacker: v1.py"),
    ("date-incomplete", "write year, month and day", "unpacker: get_datetime, dateutil"),
    ("date-offset", "convert it to UTC and leave the offset out", "unpacker: replace(tzinfo)"),
    ("phase-past", "set dates that are still to come", "server: phase status"),
    ("time-limit-capped", "use a queue of your own, or at most 600 s", "codabench#1842"),
    ("submissions-unlimited", "set a number", "server: 0 means unlimited"),
    ("key-unknown", "fix the spelling, or remove it", "unpacker: unknown keys are ignored"),
    ("leaderboard-extra", "keep one leaderboard", "unpacker: the first is used"),
    ("docker-image-missing", "name an image", "server: default is Python 3.7"),
    ("docker-image-floating", "name a version or digest", "codalab#2044; HDR bundle"),
    ("command-variable-unread", "remove it: no program reads it", "worker: str.replace"),
    ("bundle-junk", "remove it", "codabench#1655; ISIC scoring#15"),
    ("data-empty", "add the data", "codabench#2206"),
    ("image-format", "make sure that what opens them does not need Pillow",
     "Pillow: Image.open"),
    ("data-ids-partly", "let reference and input name the same images", "codabench#2206, #2321"),
) | _table(
    "note",
    ("images-undecoded", "nothing, or decode them all yourself once", "time limit of this check"),
    ("precision-default", "set precision: 4", "server: default precision is 2"),
    ("logo-placeholder", "put the image there before the upload", "server: make_logo_icon"),
)  # fmt: skip

RULES: dict[str, Rule] = (
    _ZIP | _FILES | _WEIGHTS | _CODE | _REQUIREMENTS | _DYNAMIC | _SCORES | _BUNDLE
)
