"""Defects by name: each corrupts a good submission's folder in one way."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
import zlib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.checks import (
    Defect,
    add_weights,
    append,
    both,
    classifier,
    remove,
    replace,
    write,
)
from tests.support.kit import write_tree

LFS_POINTER = (
    b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 1234567\n"
)


def _model(old: str, new: str) -> Callable[[Path], None]:
    return replace("model.py", old, new)


def _in_load(line: str, first: str = "") -> Callable[[Path], None]:
    """Put a line into load(), and `first` at the head of the module."""

    def seed(folder: Path) -> None:
        _model("    def load(self) -> None:\n", f"    def load(self) -> None:\n        {line}\n")(
            folder
        )
        _model("from pathlib import Path\n", f"from pathlib import Path\n{first}\n")(folder)

    return seed


def _weights(
    name: str, content: Callable[[], bytes], licence: str = "MIT"
) -> Callable[[Path], None]:
    return lambda folder: add_weights(folder, name, content(), licence)


def _required(name: str, code: str, text: str) -> Defect:
    """A defect of requirements.txt: a text at its end."""
    return Defect(name, code, append("requirements.txt", text))


class _Harmful:
    def __reduce__(self) -> Any:
        return os.system, ("true",)


def _pickle_of_main() -> bytes:
    return b"c__main__\nScaler\n)R."


def torch_file(content: object, protocol: int = 2) -> bytes:
    """What torch.save writes of something without tensors."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("net/data.pkl", pickle.dumps(content, protocol))
        archive.writestr("net/version", "3")
    return stream.getvalue()


def _checkpoint() -> bytes:
    return torch_file({"loss": np.float64(0.5)})


def _old_classifier() -> bytes:
    old = "0" * len(version("scikit-learn"))
    return classifier().replace(version("scikit-learn").encode(), old.encode())


def _object_npz() -> bytes:
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


def _nest(folder: Path) -> None:
    (folder / "code").mkdir()
    (folder / "model.py").rename(folder / "code/model.py")


def _sparse(path: Path) -> None:
    """A file of more than a gigabyte that takes no room on the disk."""
    with path.open("wb") as stream:
        stream.truncate(1_100_000_000)


def _results(*names: str) -> Callable[[Path], Path]:
    """Make a result submission of these files instead."""
    return lambda folder: write_tree(folder / "results", dict.fromkeys(names, "a.png,0.5\n"))


SUBMISSION_DEFECTS = (
    Defect("model.py in a folder", "model-missing", _nest),
    Defect("no metadata", "metadata-missing", remove("metadata")),
    Defect("metadata is not YAML", "metadata-malformed", write("metadata", "a: [")),
    Defect("metadata has a command", "metadata-command", write("metadata", "command: x\n")),
    Defect("metadata has a list as command", "metadata-command",
           write("metadata", "command: [x]")),
    Defect("metadata names no track", "track-unknown", write("metadata", "description: x\n")),
    Defect("predictions in a folder", "result-root", _results("mine/predictions.txt")),
    Defect("predictions with metadata", "result-metadata", _results("answer.csv", "metadata")),
    Defect("predictions of another name in a folder", "result-nested", _results("mine/a.csv")),
    Defect("a zip of a zip", "zip-in-zip", _results("submission.zip", "README.md")),
    Defect("a link", "link", lambda f: (f / "net.py").symlink_to("model.py")),
    Defect("a file of weights that nobody lists", "unlisted-file", write("weights/x.bin", b"1")),
    Defect("a data file at the root", "unlisted-file", write("lookup.csv", "a,b")),
    Defect("weights without weights.json", "manifest-missing", remove("weights.json")),
    Defect("weights gone", "weights-missing", remove("weights/head.npz")),
    Defect("weights grown", "weights-size",
           _grow),
    Defect("a bit of the weights flipped", "weights-digest", _flip),
    Defect("weights.json is not JSON", "manifest-malformed", write("weights.json", "{")),
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
           write("config.json", '{"t": "hf_' + "aB1" * 12 + '"}')),
    Defect("a private key", "secret-text",
           write("notes.md", "-----BEGIN RSA PRIVATE KEY-----")),
    Defect("a .env file", "secret-left-behind", write(".env", "TOKEN=1")),
    Defect("a name with an umlaut", "name-not-ascii", write("prüfung.md", "x")),
    Defect("names that differ by case", "name-case",
           both(write("notes.md", "x"), write("Notes.md", "x"))),
    Defect("a planted predictions.txt", "planted-output", write("predictions.txt", "a.png,1")),
    Defect("a planted scores.json", "planted-output", write("scores.json", "{}")),
    Defect("more than a gigabyte", "size-total", lambda f: _sparse(f / "weights/huge.npz")),
    Defect("syntax of a newer Python", "python-syntax",
           append("model.py", "\ntry:\n    pass\nexcept* ValueError:\n    pass\n")),
    Defect("a slip in the syntax", "python-syntax", write("net.py", "def f(:\n")),
    Defect("a file with a NUL", "python-syntax", write("net.py", b"a = 1\0")),
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
           append("model.py", '\nARRAYS = np.load(HERE / "weights" / "head.npz")\n')),
    Defect("imports what is nowhere", "import-missing", _in_load("import nowhere_to_be_found")),
    Defect("imports a module of a package as if it were its own", "import-own-missing",
           both(write("pack/inner.py", "A = 1"), _in_load("import inner"))),
    Defect("imports what a package lacks", "import-own-missing",
           both(write("pack/inner.py", "A = 1"), _in_load("from pack.nothing import A"))),
    Defect("imports a name that a package lacks", "import-own-missing",
           both(write("pack/__init__.py", "A = 1"), _in_load("from pack import B"))),
    Defect("a relative import to nothing", "import-own-missing",
           both(write("pack/inner.py", "from .other import A"), _in_load("import pack.inner"))),
    Defect("a relative import in model.py", "import-relative",
           both(write("net.py", "A = 1"), _in_load("pass", "from .net import A"))),
    Defect("a relative import out of the package", "import-relative",
           both(write("pack/inner.py", "from ..net import A"), _in_load("import pack.inner"))),
    Defect("a shared package that is not copied", "import-not-vendored",
           _in_load("from wildlife_reid.open_set import OpenSet")),
    Defect("imports the kit", "import-not-on-platform", _in_load("import kit.zips")),
    Defect("imports what is undeclared", "import-undeclared",
           both(write("requirements.txt", "numpy\n"), _in_load("import scipy"))),
    Defect("imports what is not allowed", "import-not-allowed", _in_load("import yaml")),
    Defect("imports tomllib", "import-newer-python", _in_load("import tomllib")),
    Defect("a file called json.py", "import-shadow", write("json.py", "A = 1")),
    Defect("a file called yaml.py", "import-shadow", write("yaml.py", "A = 1")),
    Defect("a package called sklearn", "import-shadow", write("sklearn/__init__.py", "A = 1")),
    Defect("a path in somebody's home", "path-absolute",
           _in_load('np.load("/home/me/head.npz")')),
    Defect("a path of a notebook service", "path-absolute", _in_load('p = "/kaggle/input/x"')),
    Defect("a path of Windows", "path-absolute", _in_load(r'p = "C:\\Users\\me\\x.npz"')),
    Defect("a path of the platform", "path-platform", _in_load('p = "/app/ingested_program/x"')),
    Defect("weights relative to the cwd", "path-relative",
           _in_load('np.load("weights/head.npz")')),
    Defect("open() relative to the cwd", "path-relative", _in_load('open("weights.json")')),
    Defect("a Path relative to the cwd", "path-relative", _in_load('Path("weights").iterdir()')),
    Defect("a cache next to the code", "write-relative", _in_load('open("cache.txt", "w")')),
    Defect("a file from the web", "network-call",
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
    _required("pillow for Pillow", "requirement-spelling", "pillow\n"),
    _required("a range of versions", "requirement-spelling", "scipy>=1.0\n"),
    _required("a blank before ==", "requirement-spelling", "scipy ==1.0\n"),
    _required("an underscore for a hyphen", "requirement-spelling", "open_clip_torch\n"),
    _required("an extra", "requirement-spelling", "transformers[torch]\n"),
    _required("a comment", "requirement-line", "# for the head\n"),
    _required("a blank line", "requirement-line", "\nscipy\n"),
    _required("a package that is not allowed", "requirement-not-allowed", "ultralytics\n"),
    _required("two versions", "requirement-malformed", "torch==1==2\n"),
    _required("an option of pip", "requirement-malformed", "-r other.txt\n"),
    _required("an address", "requirement-malformed", "timm @ git+https://example.org/timm\n"),
    Defect("a byte order mark", "requirement-encoding",
           write("requirements.txt", b"\xef\xbb\xbfnumpy\n")),
    Defect("UTF-16", "requirement-encoding",
           write("requirements.txt", "numpy\n".encode("utf-16"))),
    _required("a package twice", "requirement-duplicate", "numpy\n"),
    _required("another version than here", "requirement-differs-here", "scipy==0.1\n"),
    _required("the module's name for the package's", "requirement-name", "sklearn\n"),
    _required("a module of Python's as a package", "requirement-name", "json\n"),
    _required("opencv for screens", "requirement-name", "opencv-python\n"),
    _required("torchvision of another release", "requirement-conflict",
              "torch==2.6.0\ntorchvision==0.20.1\n"),
    _required("versions that exclude each other", "requirement-conflict",
              "scipy==1.10\nscipy==1.11\n"),
    Defect("a pickle that runs a command", "pickle-global",
           _weights("weights/a.pkl", lambda: pickle.dumps(_Harmful()))),
    Defect("an old pickle that runs a command", "pickle-global",
           _weights("weights/a.pkl", lambda: pickle.dumps(_Harmful(), 0))),
    Defect("a compressed pickle that runs a command", "pickle-global",
           _weights("weights/a.joblib", lambda: zlib.compress(pickle.dumps(_Harmful())))),
    Defect("a torch file that runs a command", "pickle-global",
           _weights("weights/a.pt", lambda: torch_file(_Harmful()))),
    Defect("a pickle of __main__", "pickle-main", _weights("weights/a.pkl", _pickle_of_main)),
    Defect("half a pickle", "pickle-damaged",
           _weights("weights/a.pkl", lambda: classifier()[:200])),
    Defect("a pickle of another scikit-learn", "sklearn-pin-differs",
           _weights("weights/a.pkl", _old_classifier)),
    Defect("a pickle of no installed scikit-learn", "sklearn-installed-differs",
           _weights("weights/a.pkl", _old_classifier)),
    Defect("scikit-learn without a pin", "pickle-unpinned",
           replace("requirements.txt", f"learn=={version('scikit-learn')}", "learn")),
    Defect("a pointer of git-lfs for weights", "lfs-pointer",
           _weights("weights/a.npz", lambda: LFS_POINTER)),
    Defect("a page for weights", "weights-page",
           _weights("weights/a.bin", lambda: b"<!DOCTYPE html>\n<html><p>Sign in</html>")),
    Defect("a pickle called npz", "weights-format", _weights("weights/a.npz", classifier)),
    Defect("a pickle of NumPy 2 under a pin of 1", "numpy-pin-older",
           both(_weights("weights/a.pkl", lambda: pickle.dumps(np.zeros(3))),
                replace("requirements.txt", f"numpy=={version('numpy')}", "numpy==1.24.3"))),
    Defect("a pickle of NumPy 2 under a pin with stubs", "numpy-made-newer",
           both(_weights("weights/a.pkl", lambda: pickle.dumps(np.zeros(3))),
                replace("requirements.txt", f"numpy=={version('numpy')}", "numpy<2"))),
    Defect("a checkpoint with more than weights", "torch-load-refused",
           both(_weights("weights/a.pt", _checkpoint),
                _in_load('torch.load(HERE / "weights/a.pt", weights_only=True)', "import torch"))),
    Defect("a checkpoint with more than weights, for any torch", "torch-load-may-refuse",
           both(_weights("weights/a.pt", _checkpoint),
                _in_load('torch.load(HERE / "weights/a.pt")', "import torch"))),
    Defect("an npz of objects", "npz-object", _weights("weights/a.npz", _object_npz)),
)  # fmt: skip
