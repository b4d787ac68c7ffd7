"""The contract read from a submission's source: class Model with load, predict and the rest."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kit.checks.submission.main_guard import is_main_guard
from kit.checks.submission.subject import PYTHON, Subject
from kit.contract import MODEL_FILE
from kit.findings.finding import Finding

Function = ast.FunctionDef | ast.AsyncFunctionDef
# Called while a module is imported, these read files, the network or the machine.
_WORK = frozenset((
    "open", "load", "loads", "read_csv", "read_text", "read_bytes", "from_pretrained",
    "create_model", "create_model_and_transforms", "urlopen", "urlretrieve", "get", "post",
    "hf_hub_download", "snapshot_download", "load_state_dict_from_url", "Model", "run", "system",
    "check_call", "check_output", "Popen",
))  # fmt: skip
_WORK_OWNERS = frozenset((
    "np", "numpy", "torch", "joblib", "pickle", "json", "pd", "pandas", "requests", "urllib",
    "request", "hub", "timm", "open_clip", "subprocess", "os", "yaml",
))  # fmt: skip


def check_syntax(subject: Subject) -> Iterator[Finding]:
    """Every Python file parses as Python 3.10."""
    for source in subject.sources:
        if source.error is not None:
            version = ".".join(map(str, PYTHON))
            found = f"not Python {version}: {source.error.msg}"
            yield Finding("python-syntax", source.name, found, source.error.lineno)


def check_contract(subject: Subject) -> Iterator[Finding]:
    """Model() without arguments, load(self), predict(self, image[, metadata]) and the rest."""
    source = subject.source(MODEL_FILE)
    if source is None or source.tree is None:
        return
    model = _class(source.tree)
    if model is None:
        if not _imported(source.tree, "Model"):
            classes = [n.name for n in source.tree.body if isinstance(n, ast.ClassDef)]
            found = f"no class Model; classes found: {', '.join(classes) or 'none'}"
            yield Finding("model-class", MODEL_FILE, found)
        return
    methods = {node.name: node for node in model.body if isinstance(node, Function)}
    inherits = any(_name(base) != "object" for base in model.bases)
    yield from _methods(methods, model.lineno, inherits)
    for name in ("load", "predict", "preprocess", "predict_batch"):
        if isinstance(methods.get(name), ast.AsyncFunctionDef):
            line = methods[name].lineno
            yield Finding("method-async", MODEL_FILE, f"{name} is async", line)


def _class(tree: ast.Module) -> ast.ClassDef | None:
    found = [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name == "Model"]
    return found[0] if found else None


def _imported(tree: ast.Module, name: str) -> bool:
    """Say whether the module gets `name` by an import or an assignment, which is a class too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            if any((alias.asname or alias.name) in (name, "*") for alias in node.names):
                return True
        elif isinstance(node, ast.Assign) and name in [_name(target) for target in node.targets]:
            return True
    return False


def _methods(methods: dict[str, Function], line: int, inherits: bool) -> Iterator[Finding]:
    init = methods.get("__init__")
    if init and _required(init) > 0:
        found = f"__init__ needs {_required(init)} arguments; the platform calls Model()"
        yield Finding("init-arguments", MODEL_FILE, found, init.lineno)
    for name in ("load", "predict"):
        if name not in methods and not inherits:
            found = f"class Model has no method {name}"
            yield Finding(f"{name}-missing", MODEL_FILE, found, line)
    if (load := methods.get("load")) and _required(load) > 0:
        yield Finding("load-signature", MODEL_FILE, f"{_signature(load)}; called as load()",
                      load.lineno)  # fmt: skip
    if (predict := methods.get("predict")) and not _takes(predict, 1, 2):
        found = f"{_signature(predict)}; called as predict(image)"
        yield Finding("predict-signature", MODEL_FILE, found, predict.lineno)
    batch = [name for name in ("preprocess", "predict_batch") if name in methods]
    if len(batch) == 1 and not inherits:
        other = "predict_batch" if batch[0] == "preprocess" else "preprocess"
        found = f"has {batch[0]} but not {other}"
        yield Finding("batch-incomplete", MODEL_FILE, found, methods[batch[0]].lineno)
    for name in batch:
        if not _takes(methods[name], 1, 1):
            found = f"{_signature(methods[name])}; called with one argument"
            yield Finding("batch-signature", MODEL_FILE, found, methods[name].lineno)


def _is_static(function: Function) -> bool:
    return any(_name(item) == "staticmethod" for item in function.decorator_list)


def _positional(function: Function) -> int:
    """Positional parameters without `self`."""
    count = len(function.args.posonlyargs) + len(function.args.args)
    return count - (0 if _is_static(function) else 1)


def _required(function: Function) -> int:
    """Arguments that a caller has to give."""
    keyword_only = sum(default is None for default in function.args.kw_defaults)
    return _positional(function) - len(function.args.defaults) + keyword_only


def _takes(function: Function, least: int, most: int) -> bool:
    """Say whether a call with `least` arguments works and no more than `most` are needed."""
    return _required(function) <= most and (
        bool(function.args.vararg) or _positional(function) >= least
    )


def _signature(function: Function) -> str:
    return f"{function.name}({ast.unparse(function.args)})"


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def check_module_level(subject: Subject) -> Iterator[Finding]:
    """Nothing is read while a module is imported: that belongs into load()."""
    for source in subject.sources:
        if source.tree is None:
            continue
        for call in _calls_at_import(source.tree.body):
            found = f"`{ast.unparse(call)[:60]}` runs while {source.name} is imported"
            yield Finding("module-level-work", source.name, found, call.lineno)


def _calls_at_import(body: list[ast.stmt]) -> Iterator[ast.Call]:
    for statement in body:
        if isinstance(statement, Function) or is_main_guard(statement):
            continue
        if isinstance(statement, ast.ClassDef):
            yield from _calls_at_import(statement.body)
            continue
        for node in _walk_without_functions(statement):
            if isinstance(node, ast.Call) and _works(node):
                yield node


def _walk_without_functions(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, Function | ast.Lambda):
            yield from _walk_without_functions(child)


def _works(call: ast.Call) -> bool:
    name = _name(call.func)
    if name not in _WORK:
        return False
    if isinstance(call.func, ast.Attribute) and name in ("load", "loads", "get", "run", "system"):
        return _name(call.func.value) in _WORK_OWNERS
    return name not in ("load", "loads", "get", "post", "run") or isinstance(
        call.func, ast.Attribute
    )
