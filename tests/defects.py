"""Defects by name: each corrupts a good submission, zip or bundle in one way.

`Defect.seed` gets the good one's folder (or zip) and returns the path to check.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import pickle
import shutil
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from sklearn.linear_model import LogisticRegression

from kit.shipping import shipped
from kit.zips import write_zip
from kit_builders import competition_yaml, make_bundle, write_tree

GOOD_MODEL = '''
"""A model that breaks no rule."""

from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent


class Model:
    def __init__(self) -> None:
        self.device = "cpu"

    def load(self) -> None:
        with np.load(HERE / "weights" / "head.npz") as arrays:
            self.scale = arrays["scale"]

    def preprocess(self, image: Image.Image) -> float:
        return float(np.asarray(image.convert("L"), dtype=np.float64).mean())

    def predict_batch(self, items: list[float]) -> list[float]:
        return [float(item * self.scale[0]) for item in items]

    def predict(self, image: Image.Image) -> float:
        return self.predict_batch([self.preprocess(image)])[0]
'''


def add_weights(folder: Path, name: str, content: bytes, licence: str = "CC0-1.0") -> None:
    """Write an artifact and list it in weights.json."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    path = folder / "weights.json"
    manifest = json.loads(path.read_text()) if path.exists() else {"format": 1, "files": []}
    manifest["files"].append(
        {
            "path": name,
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
            "licence": licence,
            "source": "python training/head.py",
        }
    )
    path.write_text(json.dumps(manifest))


def good_submission(folder: Path) -> Path:
    """A submission with weights, requirements and a classifier, about which nothing is said."""
    write_tree(
        folder,
        {
            "model.py": GOOD_MODEL,
            "metadata": "description: made by a test\ntrack: hybrid\n",
            "requirements.txt": f"numpy=={version('numpy')}\n"
            f"scikit-learn=={version('scikit-learn')}\n",
        },
    )
    np.savez(folder / "head.npz", scale=np.array([0.001]))
    add_weights(folder, "weights/head.npz", (folder / "head.npz").read_bytes())
    (folder / "head.npz").unlink()
    add_weights(folder, "weights/classifier.pkl", classifier())
    return folder


@functools.cache
def classifier() -> bytes:
    """A small fitted estimator, pickled."""
    x = np.arange(8.0)[:, None]
    return pickle.dumps(LogisticRegression().fit(x, x[:, 0] > 3))


def good_zip(folder: Path) -> Path:
    """The zip of `good_submission`."""
    source = good_submission(folder / "source")
    write_zip(shipped(source).entries, folder / "good.zip")
    return folder / "good.zip"


def good_competition() -> dict[str, Any]:
    """A competition.yaml about which nothing is said."""
    content = competition_yaml()
    content["docker_image"] = "codalab/codalab-legacy:py312"
    content["phases"] = [
        {"name": "First", "start": "2027-01-01 00:00:00", "end": "2027-01-31 23:59:59",
         "tasks": [0], "execution_time_limit": 30},
        {"name": "Second", "start": "2027-02-01 00:00:00", "end": "2027-02-28 12:00:00",
         "tasks": [0]},
    ]  # fmt: skip
    return content


def good_bundle(folder: Path) -> Path:
    """A bundle about which nothing is said."""
    return make_bundle(folder / "bundle", good_competition())


@dataclass(frozen=True)
class Defect:
    """One way of going wrong: what it is called, the code that must be given, how to do it."""

    name: str
    code: str
    seed: Callable[[Path], Path | None]


def _replace(name: str, old: str, new: str) -> Callable[[Path], None]:
    def seed(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text, f"{old!r} is not in {name}"
        (folder / name).write_text(text.replace(old, new))

    return seed


def _model(old: str, new: str) -> Callable[[Path], None]:
    return _replace("model.py", old, new)


def _in_load(line: str, first: str = "") -> Callable[[Path], None]:
    """Put a line into load(), and `first` at the head of the module."""

    def seed(folder: Path) -> None:
        _model("    def load(self) -> None:\n", f"    def load(self) -> None:\n        {line}\n")(
            folder
        )
        _model("from pathlib import Path\n", f"from pathlib import Path\n{first}\n")(folder)

    return seed


def _write(name: str, content: str | bytes) -> Callable[[Path], None]:
    def seed(folder: Path) -> None:
        write_tree(folder, {name: content})

    return seed


def _append(name: str, text: str) -> Callable[[Path], None]:
    def seed(folder: Path) -> None:
        (folder / name).write_text((folder / name).read_text() + text)

    return seed


def _remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _weights(
    name: str, content: Callable[[], bytes], licence: str = "MIT"
) -> Callable[[Path], None]:
    return lambda folder: add_weights(folder, name, content(), licence)


class _Harmful:
    def __reduce__(self) -> Any:
        return os.system, ("true",)


class _OfMain:
    pass


_OfMain.__module__ = "__main__"


def _pickle_of_main() -> bytes:
    return b"c__main__\nScaler\n)R."


def _torch_file() -> bytes:
    import io

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("net/data.pkl", pickle.dumps(_Harmful()))
        archive.writestr("net/version", "3")
    return stream.getvalue()


def _old_classifier() -> bytes:
    old = "0" * len(version("scikit-learn"))
    return classifier().replace(version("scikit-learn").encode(), old.encode())


def _object_npz() -> bytes:
    import io

    stream = io.BytesIO()
    np.savez(stream, names=np.array(["a", None], dtype=object))
    return stream.getvalue()


def _flip(folder: Path) -> None:
    path = folder / "weights/head.npz"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(bytes(content))


def _manifest(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def seed(folder: Path) -> None:
        content = json.loads((folder / "weights.json").read_text())
        change(content)
        (folder / "weights.json").write_text(json.dumps(content))

    return seed


def _grow(folder: Path) -> None:
    path = folder / "weights/head.npz"
    path.write_bytes(path.read_bytes() + b"x")


def _both(first: Callable[[Path], None], second: Callable[[Path], None]) -> Callable[[Path], None]:
    def seed(folder: Path) -> None:
        first(folder)
        second(folder)

    return seed


def _nest(folder: Path) -> None:
    (folder / "code").mkdir()
    (folder / "model.py").rename(folder / "code/model.py")


SUBMISSION_DEFECTS = (
    Defect("model.py in a folder", "model-missing", _nest),
    Defect("no metadata", "metadata-missing", _remove("metadata")),
    Defect("metadata is not YAML", "metadata-malformed", _write("metadata", "a: [")),
    Defect("metadata has a command", "metadata-command", _write("metadata", "command: x\n")),
    Defect("metadata has a list as command", "metadata-command",
           _write("metadata", "command: [x]")),
    Defect("metadata names no track", "metadata-track", _write("metadata", "description: x\n")),
    Defect("a link", "link", lambda f: (f / "net.py").symlink_to("model.py")),
    Defect("a file of weights that nobody lists", "unlisted-file", _write("weights/x.bin", b"1")),
    Defect("a data file at the root", "unlisted-file", _write("lookup.csv", "a,b")),
    Defect("weights gone", "weights-missing", _remove("weights/head.npz")),
    Defect("weights grown", "weights-size",
           _grow),
    Defect("a bit of the weights flipped", "weights-digest", _flip),
    Defect("weights.json is not JSON", "manifest-malformed", _write("weights.json", "{")),
    Defect("weights without licence entry", "manifest-entry",
           _manifest(lambda c: c["files"][0].pop("licence"))),
    Defect("weights listed twice", "manifest-duplicate",
           _manifest(lambda c: c["files"].append(c["files"][0]))),
    Defect("weights under CC-BY-NC", "licence-noncommercial",
           _weights("weights/a.json", lambda: b"{}", "CC-BY-NC-4.0")),
    Defect("weights without licence", "licence-none",
           _weights("weights/a.json", lambda: b"{}", "unknown")),
    Defect("weights under AGPL", "licence-copyleft",
           _weights("weights/a.json", lambda: b"{}", "AGPL-3.0")),
    Defect("weights under a licence of no name", "licence-unknown",
           _weights("weights/a.json", lambda: b"{}", "ask us")),
    Defect("a token in a file", "secret-text",
           _write("config.json", '{"t": "hf_' + "aB1" * 12 + '"}')),
    Defect("a private key", "secret-text",
           _write("notes.md", "-----BEGIN RSA PRIVATE KEY-----")),
    Defect("a .env file", "secret-left-behind", _write(".env", "TOKEN=1")),
    Defect("a name with an umlaut", "name-not-ascii", _write("prüfung.md", "x")),
    Defect("names that differ by case", "name-case",
           _both(_write("notes.md", "x"), _write("Notes.md", "x"))),
    Defect("a planted predictions.txt", "planted-output", _write("predictions.txt", "a.png,1")),
    Defect("a planted scores.json", "planted-output", _write("scores.json", "{}")),
    Defect("more than a gigabyte", "size-total", lambda f: _sparse(f / "weights/huge.npz")),
    Defect("syntax of a newer Python", "python-syntax",
           _append("model.py", "\ntry:\n    pass\nexcept* ValueError:\n    pass\n")),
    Defect("a slip in the syntax", "python-syntax", _write("net.py", "def f(:\n")),
    Defect("a file with a NUL", "python-syntax", _write("net.py", b"a = 1\0")),
    Defect("the class has another name", "model-class", _model("class Model", "class Net")),
    Defect("no load", "load-missing", _model("def load(", "def prepare(")),
    Defect("load wants a path", "load-signature", _model("load(self)", "load(self, path)")),
    Defect("no predict", "predict-missing", _model("def predict(", "def forward(")),
    Defect("predict takes nothing", "predict-signature",
           _model("predict(self, image: Image.Image)", "predict(self)")),
    Defect("predict wants three things", "predict-signature",
           _model("predict(self, image: Image.Image)", "predict(self, image, mask, size)")),
    Defect("__init__ wants a path", "init-arguments",
           _model("__init__(self)", "__init__(self, path)")),
    Defect("predict_batch without preprocess", "batch-incomplete",
           _model("def preprocess(", "def prepare(")),
    Defect("predict_batch takes two lists", "batch-signature",
           _model("predict_batch(self, items: list[float])", "predict_batch(self, items, names)")),
    Defect("an async predict", "method-async",
           _model("def predict(self", "async def predict(self")),
    Defect("weights are read at import", "module-level-work",
           _append("model.py", '\nARRAYS = np.load(HERE / "weights" / "head.npz")\n')),
    Defect("imports what is nowhere", "import-missing", _in_load("import nowhere_to_be_found")),
    Defect("imports the kit", "import-not-on-platform", _in_load("import kit.zips")),
    Defect("imports what is undeclared", "import-undeclared", _in_load("import yaml")),
    Defect("imports tomllib", "import-newer-python", _in_load("import tomllib")),
    Defect("a file called json.py", "import-shadow", _write("json.py", "A = 1")),
    Defect("a file called yaml.py", "import-shadow", _write("yaml.py", "A = 1")),
    Defect("a package called sklearn", "import-shadow", _write("sklearn/__init__.py", "A = 1")),
    Defect("a path in somebody's home", "path-absolute",
           _in_load('np.load("/home/me/head.npz")')),
    Defect("a path of a notebook service", "path-absolute", _in_load('p = "/kaggle/input/x"')),
    Defect("a path of Windows", "path-absolute", _in_load(r'p = "C:\\Users\\me\\x.npz"')),
    Defect("a path of the platform", "path-platform", _in_load('p = "/app/ingested_program/x"')),
    Defect("weights relative to the cwd", "path-relative",
           _in_load('np.load("weights/head.npz")')),
    Defect("open() relative to the cwd", "path-relative", _in_load('open("weights.json")')),
    Defect("a Path relative to the cwd", "path-relative", _in_load('Path("weights").iterdir()')),
    Defect("a cache beside the code", "write-relative", _in_load('open("cache.txt", "w")')),
    Defect("a file from the web", "network-host",
           _in_load('requests.get("https://example.org/w.pt")', "import requests")),
    Defect("urllib", "network-call",
           _in_load("urlopen(self.u)", "from urllib.request import urlopen")),
    Defect("curl", "network-call", _in_load('os.system("curl -O x")', "import os")),
    Defect("a model of the hub by name", "network-hub",
           _in_load('AutoModel.from_pretrained("facebook/dinov2-base")',
                    "from transformers import AutoModel")),
    Defect("a model of the hub by a constant", "network-hub",
           _in_load("AutoModel.from_pretrained(NAME)",
                    'from transformers import AutoModel\nNAME = "facebook/dinov2-base"')),
    Defect("hf-hub in open_clip", "network-hub",
           _in_load('open_clip.create_model("hf-hub:imageomics/bioclip")', "import open_clip")),
    Defect("pretrained=True", "network-hub",
           _in_load('timm.create_model("resnet18", pretrained=True)', "import timm")),
    Defect("torch.hub", "network-hub",
           _in_load('torch.hub.load("org/repo", "net")', "import torch")),
    Defect("pip at run time", "pip-at-run-time",
           _in_load('subprocess.run(["pip", "install", "timm"])', "import subprocess")),
    Defect(".cuda()", "cuda-hardcoded", _in_load("self.net.cuda()")),
    Defect("device = cuda", "cuda-hardcoded",
           _model('self.device = "cpu"', 'self.device = "cuda"')),
    Defect("to(cuda:0)", "cuda-hardcoded", _in_load('self.net.to("cuda:0")')),
    Defect("torch.load without map_location", "torch-load-device",
           _in_load("torch.load(HERE / 'x.pt')", "import torch")),
    Defect("pillow for Pillow", "requirement-spelling", _append("requirements.txt", "pillow\n")),
    Defect("a range of versions", "requirement-spelling",
           _append("requirements.txt", "scipy>=1.0\n")),
    Defect("a blank before ==", "requirement-spelling",
           _append("requirements.txt", "scipy ==1.0\n")),
    Defect("an underscore for a hyphen", "requirement-spelling",
           _append("requirements.txt", "open_clip_torch\n")),
    Defect("an extra", "requirement-spelling",
           _append("requirements.txt", "transformers[torch]\n")),
    Defect("a comment", "requirement-line", _append("requirements.txt", "# for the head\n")),
    Defect("a blank line", "requirement-line", _append("requirements.txt", "\nscipy\n")),
    Defect("a package that is not allowed", "requirement-not-allowed",
           _append("requirements.txt", "ultralytics\n")),
    Defect("two versions", "requirement-malformed", _append("requirements.txt", "torch==1==2\n")),
    Defect("an option of pip", "requirement-malformed",
           _append("requirements.txt", "-r other.txt\n")),
    Defect("an address", "requirement-malformed",
           _append("requirements.txt", "timm @ git+https://example.org/timm\n")),
    Defect("a byte order mark", "requirement-encoding",
           _write("requirements.txt", b"\xef\xbb\xbfnumpy\n")),
    Defect("UTF-16", "requirement-encoding",
           _write("requirements.txt", "numpy\n".encode("utf-16"))),
    Defect("a package twice", "requirement-duplicate", _append("requirements.txt", "numpy\n")),
    Defect("another version than here", "requirement-differs-here",
           _append("requirements.txt", "scipy==0.1\n")),
    Defect("a pickle that runs a command", "pickle-global",
           _weights("weights/a.pkl", lambda: pickle.dumps(_Harmful()))),
    Defect("an old pickle that runs a command", "pickle-global",
           _weights("weights/a.pkl", lambda: pickle.dumps(_Harmful(), 0))),
    Defect("a compressed pickle that runs a command", "pickle-global",
           _weights("weights/a.joblib", lambda: zlib.compress(pickle.dumps(_Harmful())))),
    Defect("a torch file that runs a command", "pickle-global",
           _weights("weights/a.pt", _torch_file)),
    Defect("a pickle of __main__", "pickle-main", _weights("weights/a.pkl", _pickle_of_main)),
    Defect("half a pickle", "pickle-damaged",
           _weights("weights/a.pkl", lambda: classifier()[:200])),
    Defect("a pickle of another scikit-learn", "sklearn-pin-differs",
           _weights("weights/a.pkl", _old_classifier)),
    Defect("a pickle of no installed scikit-learn", "sklearn-installed-differs",
           _weights("weights/a.pkl", _old_classifier)),
    Defect("scikit-learn without a pin", "pickle-unpinned",
           _replace("requirements.txt", f"learn=={version('scikit-learn')}", "learn")),
    Defect("an npz of objects", "npz-object", _weights("weights/a.npz", _object_npz)),
)  # fmt: skip


def _sparse(path: Path) -> None:
    """A file of more than a gigabyte that takes no room on the disk."""
    with path.open("wb") as stream:
        stream.truncate(1_100_000_000)


def _rewrite(change: Callable[[zipfile.ZipFile], Any]) -> Callable[[Path], None]:
    """Add to a zip."""

    def seed(path: Path) -> None:
        with zipfile.ZipFile(path, "a") as archive:
            change(archive)

    return seed


def _zip_of_folder(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(f"mine/{name}", data)


def _zip_link(archive: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo("net.py")
    info.external_attr = 0o120777 << 16
    archive.writestr(info, "model.py")


def _zip_twice(path: Path) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _rewrite(lambda archive: archive.writestr("model.py", "x"))(path)


def _encrypt(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        directory = archive.start_dir
    data = bytearray(path.read_bytes())
    for place in (6, directory + 8):  # the flags of the first entry, said twice
        data[place] |= 1
    path.write_bytes(bytes(data))


def _break_content(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data.replace(b"A model that breaks no rule", b"A model that breaks a rule!"))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def _renamed(path: Path, name: str) -> Path:
    return path.rename(path.with_name(name))


def _no_zip(path: Path) -> None:
    path.write_text("hello")


def _empty(path: Path) -> None:
    with zipfile.ZipFile(path, "w"):
        pass


ZIP_DEFECTS = (
    Defect("the folder was zipped", "zip-root", _zip_of_folder),
    Defect("__MACOSX", "zip-junk", _rewrite(lambda a: a.writestr("__MACOSX/._model.py", "x"))),
    Defect(".DS_Store", "zip-junk", _rewrite(lambda a: a.writestr(".DS_Store", "x"))),
    Defect("bytecode", "zip-junk", _rewrite(lambda a: a.writestr("__pycache__/model.pyc", "x"))),
    Defect("cut off", "zip-damaged", _cut),
    Defect("a wrong checksum", "zip-damaged", _break_content),
    Defect("no zip at all", "zip-damaged", _no_zip),
    Defect("nothing in it", "zip-empty", _empty),
    Defect("a link", "zip-link", _rewrite(_zip_link)),
    Defect("a name with ..", "zip-escape", _rewrite(lambda a: a.writestr("../x.py", "x"))),
    Defect("an absolute name", "zip-escape", _rewrite(lambda a: a.writestr("/x.py", "x"))),
    Defect("backslashes", "zip-backslash", _rewrite(lambda a: a.writestr("net\\x.py", "x"))),
    Defect("a name twice", "zip-duplicate", _zip_twice),
    Defect("a password", "zip-encrypted", _encrypt),
    Defect("a name of 65 characters", "zip-name", lambda p: _renamed(p, "n" * 61 + ".zip")),
    Defect("a zip called .tar", "zip-name", lambda p: _renamed(p, "good.tar")),
    Defect("a key in the zip", "secret-file", _rewrite(lambda a: a.writestr("id_rsa", "x"))),
    Defect("a token in the zip", "secret-text",
           _rewrite(lambda a: a.writestr("n.md", "ghp_" + "x" * 36))),
)  # fmt: skip


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
    return _write(f"{program}/metadata.yaml", f"command: {command}\n")


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


_LONG = "x" * 300

BUNDLE_DEFECTS = (
    Defect("the bundle's folder was zipped", "bundle-root", _zip_bundle_of_folder),
    Defect("no YAML", "bundle-yaml", _write("competition.yaml", "a: [")),
    Defect("a list", "bundle-yaml", _write("competition.yaml", "- a\n")),
    Defect("no version", "bundle-version", _without("version")),
    Defect("version 1.5", "bundle-version", _top("version", 1.5)),
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
    Defect("a key twice", "key-duplicate", _append("competition.yaml", "title: Again\n")),
    Defect("a key that nobody reads", "key-unknown", _top("accepts_only_result_submissions", True)),
    Defect("a slip in a phase's key", "key-unknown", _phase(0, max_submission_per_day=3)),
    Defect("an image that is not there", "path-missing", _top("image", "nowhere.png")),
    Defect("a page that is not there", "path-missing",
           _top("pages", [{"title": "a", "file": "nowhere.md"}])),
    Defect("data outside the bundle", "path-missing", _task(input_data="../elsewhere")),
    Defect("a program that is not there", "path-missing", _task(scoring_program="nowhere")),
    Defect("a bare csv", "data-not-zip", _bare_csv),
    Defect("an empty page", "page-empty", _write("page.md", " \n")),
    Defect("no data in the folder", "data-empty",
           _both(lambda f: (f / "nothing").mkdir(), _task(input_data="nothing"))),
    Defect("a task without index", "task-index",
           _competition(lambda c: c["tasks"][0].pop("index"))),
    Defect("two tasks with one index", "task-index",
           _competition(lambda c: c["tasks"].append(c["tasks"][0]))),
    Defect("no scoring program", "scoring-missing",
           _competition(lambda c: c["tasks"][0].pop("scoring_program"))),
    Defect("a phase without tasks", "phase-tasks", _phase(0, tasks=[])),
    Defect("a phase with an unknown task", "phase-tasks", _phase(0, tasks=[7])),
    Defect("a date without quotes", "date-loses-time",
           _replace("competition.yaml", "'2027-02-28 12:00:00'", "2027-02-28 12:00:00")),
    Defect("a day without quotes", "date-unquoted",
           _replace("competition.yaml", "'2027-01-01 00:00:00'", "2027-01-01")),
    Defect("a date with an offset", "date-offset", _phase(0, start="2027-01-01T00:00:00+02:00")),
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
    Defect("a fact sheet of two keys", "fact-sheet",
           _top("fact_sheet", {"q": {"key": "q", "type": "text"}})),
    Defect("no docker image", "docker-image-missing", _without("docker_image")),
    Defect("a floating docker image", "docker-image-floating",
           _top("docker_image", "ghcr.io/me/image:latest")),
    Defect("a docker image without tag", "docker-image-floating", _top("docker_image", "me/image")),
    Defect("__MACOSX in the reference", "bundle-junk",
           _write("reference_data/__MACOSX/._ref.csv", "x")),
    Defect(".DS_Store among the pictures", "bundle-junk", _write("input_data/.DS_Store", "x")),
    Defect("a picture that the reference lacks", "data-ids", _write("input_data/9.png", b"x")),
    Defect("a picture that only the reference has", "data-ids",
           _append("reference_data/ref.csv", "9.png,1\n")),
    Defect("a program in a folder of its own", "program-root", _program_in_folder),
    Defect("a program zipped with its folder", "program-root", _zipped_in_folder),
    Defect("no metadata of the scoring", "program-metadata",
           _remove("scoring_program/metadata.yaml")),
    Defect("no command of the ingestion", "program-metadata",
           _write("ingestion_program/metadata.yaml", "description: x\n")),
    Defect("a list as command", "program-command",
           _write("scoring_program/metadata.yaml", "command: [python3, scoring.py]\n")),
    Defect("quotes that do not match", "program-command",
           _write("scoring_program/metadata.yaml", 'command: "python3 \'scoring.py"\n')),
    Defect("&&", "command-shell",
           _command("scoring_program", "pip install x && python3 scoring.py")),
    Defect("a pipe", "command-shell", _command("scoring_program", "python3 scoring.py | tee log")),
    Defect("a redirection", "command-shell",
           _command("scoring_program", "python3 scoring.py >log.txt")),
    Defect("a tilde", "command-shell", _command("scoring_program", "python3 ~/scoring.py")),
    Defect("a pattern", "command-shell", _command("scoring_program", "python3 scoring.py *.csv")),
    Defect("a variable before the command", "command-shell",
           _command("scoring_program", "A=1 python3 scoring.py")),
    Defect("cd first", "command-shell", _command("scoring_program", "cd /app/program")),
    Defect("a variable of a shell", "command-variable",
           _command("scoring_program", "python3 scoring.py $HOME")),
    Defect("$ingested_program", "command-variable",
           _command("ingestion_program", "python3 ingestion.py $ingested_program")),
    Defect("$input_data in the ingestion", "command-input-data",
           _command("ingestion_program", "python3 ingestion.py $input_data $output")),
    Defect("a script that is not there", "command-file",
           _command("scoring_program", "python3 /app/program/score.py /app/input /app/output")),
    Defect("a script beside, not there", "command-file",
           _command("scoring_program", "python3 score.py /app/input /app/output")),
    Defect("/app/ingestion_program", "command-path",
           _command("ingestion_program", "python3 /app/ingestion_program/ingestion.py")),
    Defect("the input data at scoring", "command-path",
           _command("scoring_program", "python3 scoring.py /app/input_data")),
    Defect("the reference at ingestion", "command-path",
           _command("ingestion_program", "python3 ingestion.py /app/input/ref")),
)  # fmt: skip
