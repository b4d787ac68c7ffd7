"""Reading what a pickle names without importing or running any of it.

The opcodes are walked by Python's own pure-Python unpickler with every name replaced by an
inert class, so that arrays which joblib writes between the opcodes can be stepped over and the
version that scikit-learn stores is seen.
"""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass, field
from typing import Any, BinaryIO, ClassVar

TORCH_MAGIC = 0x1950A86A20F9469CFC6C
_ITEM_SIZES = {"b1": 1, "?": 1}
_MOST_GLOBALS = 10_000


@dataclass
class Contents:
    """What a pickle names: `module.name` of its globals, scikit-learn's version, and why the
    reading ended early ("" where it did not)."""

    names: set[tuple[str, str]] = field(default_factory=set)
    sklearn_versions: set[str] = field(default_factory=set)
    damage: str = ""


class _Inert:
    """Stands for any class or function of a pickle: takes everything, does nothing."""

    args: tuple[Any, ...] = ()
    state: Any = None
    module = ""

    def __new__(cls, *args: Any, **kwargs: Any) -> _Inert:
        made = object.__new__(cls)
        made.args = args
        return made

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, item: Any) -> None:
        pass

    def extend(self, items: Any) -> None:
        pass

    def add(self, item: Any) -> None:
        pass


class _Reader(pickle._Unpickler):  # the C unpickler cannot step over joblib's arrays
    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)

    def __init__(self, stream: BinaryIO, contents: Contents) -> None:
        super().__init__(stream)
        self._stream = stream
        self._contents = contents

    def find_class(self, module: str, name: str) -> Any:
        """Note the name; hand out an inert class."""
        self._contents.names.add((str(module), str(name)))
        if len(self._contents.names) > _MOST_GLOBALS:
            raise ValueError(f"more than {_MOST_GLOBALS:,} names")
        return type("Named", (_Inert,), {"module": f"{module}.{name}"})

    def persistent_load(self, pid: Any) -> Any:
        """Return a tensor's storage, which is outside the pickle."""
        return _Inert()

    def get_extension(self, code: int) -> None:
        """The copyreg registry, which names a class by number."""
        self._contents.names.add(("copyreg", f"extension {code}"))
        self.append(_Inert)  # type: ignore[attr-defined]

    def load_build(self) -> None:
        """Take down the state; step over the array that follows joblib's wrapper."""
        stack: list[Any] = self.stack  # type: ignore[attr-defined]
        state = stack.pop()
        target = stack[-1]
        plain = state[0] if isinstance(state, tuple) and state else state
        if isinstance(plain, dict) and isinstance(plain.get("_sklearn_version"), str):
            self._contents.sklearn_versions.add(plain["_sklearn_version"])
        if isinstance(target, _Inert):
            target.state = state
            if target.module.endswith("numpy_pickle.NumpyArrayWrapper"):
                stack[-1] = self._step_over(plain)

    def _step_over(self, wrapper: Any) -> Any:
        """Skip the bytes of an array as joblib.numpy_pickle.NumpyArrayWrapper.read_array does."""
        code, size = _item(wrapper["dtype"])
        count = 1
        for length in wrapper["shape"]:
            count *= int(length)
        if code.startswith("O"):
            return _Reader(self._stream, self._contents).load()
        if wrapper.get("numpy_array_alignment_bytes") is not None:
            self._take(int.from_bytes(self._take(1), "little"))
        self._take(count * size)
        return _Inert()

    def _take(self, size: int) -> bytes:
        data = self._stream.read(size)
        if size < 0 or len(data) < size:
            raise EOFError(f"ends {size - len(data):,} bytes early")
        return data

    dispatch[pickle.BUILD[0]] = load_build


def _item(dtype: Any) -> tuple[str, int]:
    """(code, bytes of an element) of a dtype that was read inertly: `f8` -> ("f8", 8)."""
    code = str(dtype.args[0])
    if code in _ITEM_SIZES:
        return code, _ITEM_SIZES[code]
    if code[:1] == "V" and isinstance(dtype.state, tuple) and len(dtype.state) > 5:
        return code, int(dtype.state[5])
    digits = code[1:]
    width = int(digits) if digits.isdigit() else 0
    return code, width * 4 if code[:1] == "U" else width


def read_inert(data: bytes) -> Contents:
    """Walk a pickle, running none of it; of an old torch file, all the pickles in it."""
    contents = Contents()
    stream = io.BytesIO(data)
    try:
        if _Reader(stream, contents).load() == TORCH_MAGIC:
            for _ in range(3):  # protocol version, system, the object itself
                _Reader(stream, contents).load()
    except RecursionError:
        contents.damage = "is nested too deeply"
    except Exception as error:  # the opcodes of a damaged pickle lead to errors of any kind
        contents.damage = f"{type(error).__name__}: {error}"
    return contents
