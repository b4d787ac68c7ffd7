"""Requirements that exclude each other, so that pip installs none of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from packaging.specifiers import SpecifierSet

from kit.checks.submission.version_ranges import is_empty

_NEXT = "99999"


def _same(*versions: str) -> dict[str, str]:
    return {version: f"=={version}" for version in versions}


# Companion of torch -> its release -> the torch that its metadata on PyPI asks for. `_NEXT` stands
# for later releases.
_OF_TORCH = {
    "torchvision": {
        "0.9.0": "==1.8.0", "0.9.1": "==1.8.1", "0.10.0": "==1.9.0", "0.10.1": "==1.9.1",
        "0.11.0": "==1.10.0", "0.11.1": "==1.10.0", "0.11.2": "==1.10.1", "0.11.3": "==1.10.2",
        "0.12.0": "==1.11.0", "0.13.0": "==1.12.0", "0.13.1": "==1.12.1", "0.14.0": "==1.13.0",
        "0.14.1": "==1.13.1", "0.15.1": "==2.0.0", "0.15.2": "==2.0.1", "0.16.0": "==2.1.0",
        "0.16.1": "==2.1.1", "0.16.2": "==2.1.2", "0.17.0": "==2.2.0", "0.17.1": "==2.2.1",
        "0.17.2": "==2.2.2", "0.18.0": "==2.3.0", "0.18.1": "==2.3.1", "0.19.0": "==2.4.0",
        "0.19.1": "==2.4.1", "0.20.0": "==2.5.0", "0.20.1": "==2.5.1", "0.21.0": "==2.6.0",
        "0.22.0": "==2.7.0", "0.22.1": "==2.7.1", "0.23.0": "==2.8.0", "0.24.0": "==2.9.0",
        "0.24.1": "==2.9.1", "0.25.0": "==2.10.0", "0.26.0": "==2.11.0", "0.27.0": "==2.12.0",
        "0.27.1": "==2.12.1", "0.28.0": "==2.13.0", "0.29.0": ">=2.14.0", "0.29.1": ">=2.14.0",
        "0.29.2": ">=2.14.0", _NEXT: ">=2.14.0",
    },
    "torchaudio": {
        "0.8.0": "==1.8.0", "0.8.1": "==1.8.1", "0.9.0": "==1.9.0", "0.9.1": "==1.9.1",
        "0.10.0": "==1.10.0", "0.10.1": "==1.10.1", "0.10.2": "==1.10.2", "0.11.0": "==1.11.0",
        "0.12.0": "==1.12.0", "0.12.1": "==1.12.1", "0.13.0": "==1.13.0", "0.13.1": "==1.13.1",
        "2.0.1": "==2.0.0", "2.0.2": "==2.0.1",
        **_same("2.1.0", "2.1.1", "2.1.2", "2.2.0", "2.2.1", "2.2.2", "2.3.0", "2.3.1", "2.4.0",
                "2.4.1", "2.5.0", "2.5.1", "2.6.0", "2.7.0", "2.7.1", "2.8.0", "2.9.0", "2.9.1",
                "2.10.0"),
        "2.11.0": "", _NEXT: "",
    },
}  # fmt: skip
# Package, its releases that need a certain NumPy, all its others, and that NumPy: by their metadata
# on PyPI, or because their builds do not know the other NumPy.
_OF_NUMPY = (
    ("scipy", "<1.13", ">=1.13", "<2"),
    ("pandas", "<2.2.2", ">=2.2.2", "<2"),
    ("scikit-learn", "<1.4.2", ">=1.4.2", "<2"),
    ("tensorflow", "<2.18", ">=2.18", "<2"),
    ("torch", "<2.3", ">=2.3", "<2"),
    ("opencv-python-headless", ">=4.12", "<4.12", ">=2"),
)


def exclusions(asked: dict[str, SpecifierSet]) -> Iterator[tuple[str, str]]:
    """Yield (package, why) for every package whose versions cannot be installed with the others.

    Args:
        asked: canonical name -> what requirements.txt asks for, all its lines together.
    """
    for name, allowed in asked.items():
        if is_empty(allowed):
            yield name, f"no version of {name} is {allowed}"
    yield from _of_torch(
        {name: allowed for name, allowed in asked.items() if not is_empty(allowed)}
    )
    yield from _of_numpy(asked)


def _of_torch(asked: dict[str, SpecifierSet]) -> Iterator[tuple[str, str]]:
    torch = asked.get("torch", SpecifierSet())
    needed = {name: _torch_for(name, asked[name]) for name in _OF_TORCH if name in asked}
    fits = True
    for name, choices in needed.items():
        if choices and all(is_empty(torch & choice) for choice in choices):
            fits = False
            yield name, _unlike(name, asked[name], choices, torch)
    pairs = list(product(*(choices for choices in needed.values() if choices)))
    if fits and len(needed) > 1 and all(is_empty(torch & _all(pair)) for pair in pairs):
        listed = " and ".join(f"{name}{asked[name]}" for name in needed)
        yield next(iter(needed)), f"{listed} need different releases of torch"


def _torch_for(name: str, allowed: SpecifierSet) -> list[SpecifierSet]:
    """What the allowed releases of a companion ask of torch; none where no release is known."""
    needs = [need for release, need in _OF_TORCH[name].items() if allowed.contains(release)]
    return [SpecifierSet(need) for need in dict.fromkeys(needs)]


def _all(specifiers: tuple[SpecifierSet, ...]) -> SpecifierSet:
    return SpecifierSet(",".join(str(specifier) for specifier in specifiers if str(specifier)))


def _unlike(
    name: str, allowed: SpecifierSet, choices: list[SpecifierSet], torch: SpecifierSet
) -> str:
    text = f"{name}{allowed} needs torch{choices[-1]}, found torch{torch}"
    fitting = [
        release
        for release, need in _OF_TORCH[name].items()
        if release != _NEXT and not is_empty(torch & SpecifierSet(need))
    ]
    return f"{text}; {name}=={fitting[-1]} goes with that" if fitting else text


def _of_numpy(asked: dict[str, SpecifierSet]) -> Iterator[tuple[str, str]]:
    numpy = asked.get("numpy")
    for name, releases, others, need in _OF_NUMPY:
        allowed = asked.get(name)
        if allowed is None or numpy is None or not is_empty(numpy & SpecifierSet(need)):
            continue
        if is_empty(allowed & SpecifierSet(others)):
            yield name, f"{name}{releases} needs numpy{need}, found numpy{numpy}"
