"""Imports compared with requirements.txt, the standard library and the submission's own files."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from kit.checks.submission.needed import is_needed
from kit.checks.submission.network import clients_called
from kit.checks.submission.own_modules import OwnModules, own_modules
from kit.checks.submission.reached import packages_of_runs
from kit.checks.submission.relative import check_relative, leading_out
from kit.checks.submission.requirements import requirement_lines, whitelist
from kit.checks.submission.subject import Source, Subject
from kit.checks.submission.syntax import Code
from kit.findings.finding import Finding
from kit.package_names import package_meant, packages_of
from kit.vendoring.imports import shared_packages_for

# Every ingestion program hands over PIL images, so Pillow is there.
_ALWAYS_THERE = frozenset(("PIL", "model"))
_NEWER = frozenset(("tomllib",))
_OF_THE_CHECKOUT = frozenset((
    "kit", "training", "ingestion_program", "scoring_program", "tests", "wildlife_ingestion",
    "wildlife_scoring",
))  # fmt: skip


@dataclass(frozen=True)
class _Given:
    """What imports are compared with: packages by canonical name, and the submission's files.

    `declared` are those of requirements.txt with their dependencies, `allowed` those of the
    organiser's whitelist, None where any is. `clients` are modules whose calls are reported as
    uses of the network, which is the reason to do without them.
    """

    declared: frozenset[str]
    allowed: Mapping[str, str] | None
    own: OwnModules
    clients: Set[str]


def check_imports(subject: Subject) -> Iterator[Finding]:
    """Modules that are nobody's, undeclared, newer than 3.10, or hidden by another."""
    own = own_modules(subject)
    names = {
        name
        for name in own.top_level()
        if not (name in _distributions() and own.is_namespace(name))
    }
    clients = {name for source in subject.sources for name in clients_called(source)}
    given = _Given(_with_dependencies(_declared(subject)), whitelist(subject), own, clients)
    shared = shared_packages_for(subject.submission.path)
    packages = packages_of_runs(own)
    seen: set[str] = set()
    for source in subject.sources:
        if source.tree is None:
            continue
        code = Code(source.tree)
        failing = leading_out(source, code, packages)
        yield from check_relative(source, code, own, failing)
        for node in _absolute(code, frozenset(failing)):
            yield from _own(source, node, own, names)
            for module in _top_levels(node):
                if module not in seen and module not in names | _ALWAYS_THERE:
                    seen.add(module)
                    if module in shared:
                        yield _not_vendored(source, module, node.lineno)
                    else:
                        yield from _one(source, module, node.lineno, given)
    yield from _shadows(subject)


def _not_vendored(source: Source, module: str, line: int) -> Finding:
    found = f"{module} is a shared package, and not in the submission: `kit vendor` copies it"
    return Finding("import-not-vendored", source.name, found, line)


def _own(
    source: Source, node: ast.Import | ast.ImportFrom, own: OwnModules, names: set[str]
) -> Iterator[Finding]:
    """Imports of the submission's own modules that lead nowhere."""
    for module, name in _targets(node):
        if module.split(".")[0] not in names:
            continue
        if not own.exists(module):
            found = f"the submission has no module {module}"
            yield Finding("import-own-missing", source.name, found, node.lineno)
            return
        if name and not own.provides(module, name):
            found = f"the submission's package {module} has nothing called {name}"
            yield Finding("import-own-missing", source.name, found, node.lineno)


def _targets(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """(module, name in it or "") of every name that a statement imports."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, "") for alias in node.names)
    else:
        yield from ((node.module or "", alias.name) for alias in node.names)


def _absolute(code: Code, failing: frozenset[ast.AST]) -> Iterator[ast.Import | ast.ImportFrom]:
    """Every absolute import that has to succeed."""
    for node in ast.walk(code.tree):
        is_absolute = isinstance(node, ast.ImportFrom) and not node.level
        if isinstance(node, ast.Import) or is_absolute:
            assert isinstance(node, ast.Import | ast.ImportFrom)
            if is_needed(code, node, failing):
                yield node


def _top_levels(node: ast.Import | ast.ImportFrom) -> list[str]:
    return list(dict.fromkeys(module.split(".")[0] for module, _ in _targets(node)))


def _one(source: Source, module: str, line: int, given: _Given) -> Iterator[Finding]:
    if module in _NEWER:
        found = f"{module} is not in Python 3.10"
        yield Finding("import-newer-python", source.name, found, line)
    if module in sys.stdlib_module_names:
        return
    if module in _OF_THE_CHECKOUT:
        found = f"{module} is a part of this checkout, not of the submission"
        yield Finding("import-not-on-platform", source.name, found, line)
    elif finding := _undeclared(source, module, line, given):
        yield finding


def _undeclared(source: Source, module: str, line: int, given: _Given) -> Finding | None:
    """Say what is wrong with a module that no package of requirements.txt brings: one answer."""
    packages = _packages(module)
    names = {canonicalize_name(package) for package in packages}
    if names & given.declared or (module in given.clients and module in _distributions()):
        return None
    allowed = given.allowed is None or bool(names & set(given.allowed))
    if module in _distributions():
        code = "import-undeclared" if allowed else "import-not-allowed"
        found = f"{module} needs {packages[0]}, which requirements.txt does not name"
    elif inner := given.own.elsewhere(module):
        code = "import-own-missing"
        found = f"{module} is not at the root of the submission; its name is {inner}"
        return Finding(code, source.name, found, line)
    else:
        code = "import-missing"
        found = f"{module} is not in the submission, requirements.txt or Python, nor installed here"
    if not allowed:
        found += f"; the organiser's whitelist has no {packages[0]}"
    return Finding(code, source.name, found, line)


def _packages(module: str) -> list[str]:
    """The packages that bring a module, the one to name first."""
    installed = sorted(_distributions().get(module, ()), key=str.casefold)
    usual = packages_of(module)
    return [*usual, *installed] if usual != (module,) else [*installed, *usual]


def missing_packages(subject: Subject) -> list[str]:
    """Declared packages that are not installed here, so that the model cannot run here."""
    names = sorted(_declared(subject))
    return [name for name in names if not _is_installed(name)]


def _is_installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _declared(subject: Subject) -> set[str]:
    lines = requirement_lines(subject)
    names = [line.requirement.name for line in lines if line.requirement]
    return {canonicalize_name(package_meant(name) or name) for name in names}


@cache
def _distributions() -> dict[str, list[str]]:
    """Top-level module -> the installed packages that bring it."""
    found = {name: list(packages) for name, packages in metadata.packages_distributions().items()}
    if sys.version_info >= (3, 11):
        return found
    # Python 3.10 knows only packages that carry a top_level.txt, which scikit-learn does not.
    for distribution in metadata.distributions():
        tops = {path.parts[0] for path in distribution.files or [] if path.suffix == ".py"}
        for name in {top.removesuffix(".py") for top in tops}:
            package = distribution.metadata["Name"]
            if name.isidentifier() and package not in found.setdefault(name, []):
                found[name].append(package)
    return found


def _with_dependencies(names: set[str]) -> frozenset[str]:
    """Return the packages, and what installing them brings along."""
    found: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name in found:
            continue
        found.add(name)
        pending += _dependencies(name)
    return frozenset(found)


@cache
def _dependencies(package: str) -> tuple[str, ...]:
    """The packages that installing this one brings along; none where it is not installed."""
    try:
        lines = metadata.requires(package) or []
    except metadata.PackageNotFoundError:
        return ()
    return tuple(
        canonicalize_name(requirement.name)
        for requirement in map(Requirement, lines)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    )


def _shadows(subject: Subject) -> Iterator[Finding]:
    """Files at the root that an installed or standard module of the same name hides."""
    for source in subject.sources:
        path = PurePosixPath(source.name)
        name = path.parts[0] if len(path.parts) > 1 else path.stem
        if len(path.parts) > 1 and path.name != "__init__.py":
            continue
        if name in sys.stdlib_module_names:
            found = f"has the name of Python's own module {name}"
            yield Finding("import-shadow", source.name, found)
        elif name in _distributions() and name not in _OF_THE_CHECKOUT:
            found = f"has the name of a module of {_distributions()[name][0]}, installed here"
            yield Finding("import-shadow", source.name, found)
