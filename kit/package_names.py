"""Names of packages that are not those of the modules, and names that pip does not have."""

from __future__ import annotations

import sys

from packaging.utils import canonicalize_name

# Module -> the packages that bring it, the usual one first; other modules are called as theirs.
_PACKAGES = {
    "sklearn": ("scikit-learn",),
    "cv2": ("opencv-python-headless", "opencv-contrib-python-headless", "opencv-python",
            "opencv-contrib-python"),
    "PIL": ("Pillow",),
    "open_clip": ("open-clip-torch",),
    "yaml": ("PyYAML",),
    "skimage": ("scikit-image",),
    "dateutil": ("python-dateutil",),
    "pywt": ("PyWavelets",),
    "faiss": ("faiss-cpu", "faiss-gpu"),
    "umap": ("umap-learn",),
    "fitz": ("PyMuPDF",),
    "git": ("GitPython",),
    "dotenv": ("python-dotenv",),
    "magic": ("python-magic",),
    "Crypto": ("pycryptodome",),
    "mpl_toolkits": ("matplotlib",),
    "pkg_resources": ("setuptools",),
    "tensorflow": ("tensorflow", "tensorflow-cpu"),
}  # fmt: skip
# What people write in requirements.txt -> the package that they mean. pip has no package of the
# first name, or one that is another's, or one that only says that it is the wrong one.
_MEANT = {
    "pytorch": "torch",
    "sklearn": "scikit-learn",
    "scikit": "scikit-learn",
    "cv2": "opencv-python-headless",
    "opencv": "opencv-python-headless",
    "opencv-headless": "opencv-python-headless",
    "pil": "Pillow",
    "yaml": "PyYAML",
    "skimage": "scikit-image",
    "open-clip": "open-clip-torch",
    "openclip": "open-clip-torch",
    "beautifulsoup": "beautifulsoup4",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "PyMuPDF",
    "umap": "umap-learn",
    "pywt": "PyWavelets",
    "mpl-toolkits": "matplotlib",
    "tensorflow-gpu": "tensorflow",
    "torch-vision": "torchvision",
    "torch-audio": "torchaudio",
}
# Names that pip does not have, or has for something else: programs of conda, code on GitHub only.
_NOT_IN_PIP = frozenset((
    "apex", "clip", "cudatoolkit", "cudnn", "detectron2", "pytorch-cuda", "pytorch-mutex", "python",
))  # fmt: skip
# The same package for machines without a screen, as those of the platform are.
_WITHOUT_SCREEN = {
    "opencv-python": ("opencv-python-headless",),
    "opencv-contrib-python": ("opencv-contrib-python-headless", "opencv-python-headless"),
}
# Parts of Python of which pip has an old copy, which does no harm.
_COPIES = frozenset(("argparse", "asyncio", "contextvars", "dataclasses", "pathlib", "statistics",
                     "typing", "wsgiref"))  # fmt: skip


def packages_of(module: str) -> tuple[str, ...]:
    """Return the packages that bring a module, the usual one first."""
    return _PACKAGES.get(module, (module,))


def package_meant(name: str) -> str | None:
    """Return the package that a name in requirements.txt stands for; None where pip has it."""
    return _MEANT.get(canonicalize_name(name))


def is_not_in_pip(name: str) -> bool:
    """Say whether pip has no package of that name, and none under another name either."""
    return canonicalize_name(name) in _NOT_IN_PIP


def without_screen(name: str) -> tuple[str, ...]:
    """Return the packages with the same modules that need no screen; none where it needs none."""
    return _WITHOUT_SCREEN.get(canonicalize_name(name), ())


def is_part_of_python(name: str) -> bool:
    """Say whether a name is a module of Python's own, and no package that pip could install."""
    return name in sys.stdlib_module_names and name not in _COPIES
