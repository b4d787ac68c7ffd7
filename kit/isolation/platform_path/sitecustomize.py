"""Hide the kit's checkout from a program that the kit starts as a plain process.

An editable install puts the folders of the checkout on sys.path. They are not on the platform: a
submission that imports kit, training or a shared package without a copy of its own would run here
and fail there. Python imports this module by itself, because `kit.isolation.process.environment`
puts its folder on PYTHONPATH; nothing of the kit is imported.
"""

from __future__ import annotations

import os
import site
import sys
from importlib.machinery import PathFinder
from types import ModuleType

_HERE = os.path.realpath(__file__).rsplit(os.sep, 1)[0]
_CHECKOUT = _HERE.rsplit(os.sep, 3)[0]


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + os.sep)


def _is_hidden(entry: str) -> bool:
    """Whether an entry of sys.path is this folder, or one that an editable install added."""
    path = os.path.realpath(entry)
    if path == _HERE:
        return True
    # An environment may lie in the checkout; its own packages stay.
    prefixes = map(os.path.realpath, (sys.prefix, sys.exec_prefix, sys.base_prefix))
    kept = [prefix for prefix in prefixes if _is_inside(prefix, _CHECKOUT)]
    return _is_inside(path, _CHECKOUT) and not any(_is_inside(path, folder) for folder in kept)


def _hide_checkout() -> None:
    folders = [*site.getsitepackages(), site.getusersitepackages()]
    packages = {os.path.realpath(path) for path in folders}
    if _CHECKOUT in packages:  # a plain install of the kit: no checkout is on the path
        sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry) != _HERE]
    else:
        sys.path[:] = [entry for entry in sys.path if not _is_hidden(entry)]


def _run_next() -> None:
    """Run the sitecustomize that this one hides, if there is one."""
    spec = PathFinder.find_spec("sitecustomize")
    if spec is not None and spec.loader is not None:
        # importlib.util.module_from_spec takes longer to import than all of this.
        following = ModuleType(spec.name)
        following.__spec__, following.__file__ = spec, spec.origin
        spec.loader.exec_module(following)


os.environ.pop("PYTHONPATH", None)
_hide_checkout()
_run_next()
