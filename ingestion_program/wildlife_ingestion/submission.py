"""Find, import, build and load the participant's code, with one message for each failure."""

from __future__ import annotations

import importlib.util
import re
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from packaging.utils import canonicalize_name

from wildlife_ingestion.errors import IngestionError, ResultSubmission

# What participants import -> the package that brings it, where the names differ.
PACKAGE_OF_MODULE = {
    "sklearn": "scikit-learn",
    "cv2": "opencv-python-headless",
    "PIL": "Pillow",
    "open_clip": "open-clip-torch",
    "yaml": "PyYAML",
    "skimage": "scikit-image",
}
# Which prediction a track asks for. `make tables` writes it from the registry of the scoring
# program (wildlife_scoring/tracks.py), which this program does not see on the platform.
PREDICTION_OF_TRACK = {
    "hybrid": "score",
    "reid": "label",
    "anomaly": "score",
    "family": "label",
}
MOST_METADATA_BYTES = 200_000


class SubmissionError(IngestionError):
    """A fault of the participant's code: it raised `error`, in `folder`."""

    def __init__(self, message: str, error: BaseException, folder: Path) -> None:
        super().__init__(message)
        self.error = error
        self.folder = folder

    def participant_traceback(self) -> str:
        """Return the traceback from the submission's first frame on, without this program's."""
        frames = self.error.__traceback__
        while frames and not _is_inside(frames.tb_frame.f_code.co_filename, self.folder):
            frames = frames.tb_next
        return "".join(traceback.format_exception(type(self.error), self.error, frames))


def _is_inside(file: str, folder: Path) -> bool:
    return Path(file).resolve().is_relative_to(folder)


def describe(error: BaseException) -> str:
    """Return one line: the exception's type and text; SystemExit as the call that made it."""
    if isinstance(error, SystemExit):
        return f"called sys.exit({error.code!r})"
    text = str(error).strip()
    return f"raised {type(error).__name__}" + (f": {text.splitlines()[0]}" if text else "")


def find_model_file(folder: Path) -> Path:
    """Return `folder`/model.py.

    Raises IngestionError, which says where else a model.py was found, and ResultSubmission for
    what the worker itself copies: predictions without code or metadata.
    """
    if not folder.is_dir():
        raise IngestionError(f"the submission's folder does not exist: {folder}")
    path = folder / "model.py"
    if path.is_file():
        return path
    if elsewhere := _folders_of("model.py", folder):
        raise IngestionError(
            f"model.py was found under {elsewhere}, expected at the root of the zip: "
            "zip the contents of the folder, not the folder."
        )
    if (folder / "predictions.txt").is_file():
        if not any((folder / name).is_file() for name in ("metadata", "metadata.yaml")):
            raise ResultSubmission
        raise IngestionError(
            "the submission holds predictions.txt and a metadata file, but no model.py. The "
            "platform takes over predictions only from a zip without a metadata file: remove it."
        )
    if elsewhere := _folders_of("predictions.txt", folder):
        raise IngestionError(
            f"predictions.txt was found under {elsewhere}, expected at the root of the zip: "
            "zip the file, not its folder."
        )
    held = ", ".join(sorted(entry.name for entry in folder.iterdir())) or "nothing"
    raise IngestionError(f"no model.py at the root of the submission; found: {held}")


def _folders_of(name: str, folder: Path) -> str:
    """List the folders that hold a file of that name; what macOS adds to a zip is left out."""
    found = [path.parent for path in folder.rglob(name) if "__MACOSX" not in path.parts]
    return ", ".join(sorted(f"{path.relative_to(folder)}/" for path in found))


def read_prediction_kind(folder: Path) -> str | None:
    """Return "score" or "label" by the track that the submission's metadata names, else None.

    Reads metadata.yaml, then metadata, as the platform's worker does.
    """
    for name in ("metadata.yaml", "metadata"):
        path = folder / name
        if path.is_file():
            track = _read_track(path)
            if track is not None and track not in PREDICTION_OF_TRACK:
                # An organiser's own track, of which his scoring program knows what it asks for.
                print(f"{name}: unknown track {track!r}; the first prediction decides its type")
            return PREDICTION_OF_TRACK.get(track or "")
    return None


def _read_track(path: Path) -> str | None:
    if (size := path.stat().st_size) > MOST_METADATA_BYTES:
        raise IngestionError(
            f"the submission's {path.name} has {size:,} bytes; expected at most "
            f"{MOST_METADATA_BYTES:,}."
        )
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    try:
        import yaml
    except ImportError:  # the platform's image need not have it
        match = re.search(r"^track:[ \t]*([^#\n]*)", text, re.MULTILINE)
        return (match.group(1).strip().strip("'\"") or None) if match else None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, ArithmeticError, RecursionError) as error:
        raise IngestionError(f"the submission's {path.name} is not YAML: {error}") from None
    # The nodes are enough, and making values of them could take for ever: aliases multiply.
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    tracks = [value for key, value in pairs if key.value == "track"]
    if not tracks or tracks[-1].tag == "tag:yaml.org,2002:null":
        return None
    if not isinstance(tracks[-1], yaml.ScalarNode):
        raise IngestionError(
            f"the submission's {path.name} has a {tracks[-1].id} as its track; expected one name."
        )
    return str(tracks[-1].value)


@dataclass(frozen=True)
class Submission:
    """A model that is ready to predict."""

    model: Any
    folder: Path
    load_seconds: float


def load_submission(folder: Path, program_dir: Path, whitelist: dict[str, str]) -> Submission:
    """Import model.py, build `Model()` and call `load()`.

    Raises SubmissionError for whatever goes wrong in the participant's code, sys.exit included.
    """
    start = time.perf_counter()
    path = find_model_file(folder)
    _make_room(folder, program_dir)
    module = _guarded("importing model.py", lambda: _import_model(path), folder, whitelist)
    factory = getattr(module, "Model", None)
    if not callable(factory):
        classes = [name for name, value in vars(module).items() if isinstance(value, type)]
        found = f" (classes found: {', '.join(classes)})" if classes else ""
        raise IngestionError(f"model.py defines no class named Model{found}.")
    model = _guarded("Model()", factory, folder, whitelist)
    absent = [name for name in ("load", "predict") if not callable(getattr(model, name, None))]
    if absent:
        raise IngestionError(
            f"class Model has no method {' and no method '.join(absent)}; "
            "expected load(self) and predict(self, image)."
        )
    _guarded("load()", model.load, folder, whitelist)
    return Submission(model, folder, time.perf_counter() - start)


def _make_room(folder: Path, program_dir: Path) -> None:
    """Let the submission's own modules win over this program's.

    Its folder comes first on sys.path, ours is removed, and what this program imported under the
    name of one of its files is forgotten (our code keeps its own references). Pillow stays, since
    the images are its objects.
    """
    theirs = [entry for entry in sys.path if not _is_ours(entry, program_dir)]
    sys.path[:] = [str(folder), *theirs]
    own_names = {entry.stem for entry in folder.glob("*.py")}
    own_names |= {path.parent.name for path in folder.glob("*/*.py")}
    for name in sorted(own_names & {module.partition(".")[0] for module in sys.modules}):
        if name in sys.stdlib_module_names:
            print(f"NOTE: {name}.py is hidden by Python's own module {name}; rename it", flush=True)
        elif name not in ("PIL", "__main__"):
            for module in [key for key in sys.modules if key.partition(".")[0] == name]:
                del sys.modules[module]


def _is_ours(entry: str, program_dir: Path) -> bool:
    """Return whether a folder of sys.path is this program's, or holds another copy."""
    path = Path(entry)
    return bool(entry) and (path.resolve() == program_dir or (path / "wildlife_ingestion").is_dir())


def _import_model(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("model", path)
    assert spec is not None  # true for every .py file
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["model"] = module  # pickles refer to classes as model.Something
    spec.loader.exec_module(module)
    return module


def _guarded(what: str, call: Callable[[], Any], folder: Path, whitelist: dict[str, str]) -> Any:
    try:
        return call()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        message = f"{what} {describe(error)}"
        if isinstance(error, SyntaxError):
            message = f"{what}: syntax error in {Path(error.filename or '?').name} line "
            message += f"{error.lineno}: {error.msg}"
        raise SubmissionError(message + _hint(error, whitelist), error, folder) from None


def _hint(error: BaseException, whitelist: dict[str, str]) -> str:
    """Say what to do about a missing module."""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return ""
    module = error.name.partition(".")[0]
    package = PACKAGE_OF_MODULE.get(module, module)
    allowed = whitelist.get(canonicalize_name(package))
    if allowed:
        return (
            f"\n{allowed} is on the whitelist: add it to requirements.txt. For a run at home, "
            f"pip install {package} or kit run --install brings it."
        )
    return (
        f"\nThere is no {module}.py in the submission, {module} is not installed, and {package} "
        "is not on the whitelist."
    )
