"""A GPU taken for granted: the platform's default queue has none."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kit.checks.submission.subject import Source, Subject
from kit.checks.submission.syntax import Code, keyword
from kit.findings.finding import Finding

_GUARDS = ("is_available", "device_count")


def check_devices(subject: Subject) -> Iterator[Finding]:
    """Calls of `.cuda()`, constant CUDA devices, torch.load without a place for the tensors."""
    for source in subject.sources:
        if source.tree is not None:
            code = Code(source.tree)
            yield from _hard_coded(source, code)
            yield from _loads(source, code)


def _hard_coded(source: Source, code: Code) -> Iterator[Finding]:
    for name, call in code.calls():
        if name.endswith(".cuda") and not name.startswith("torch.cuda."):
            taken = True
        else:
            values = [*call.args, *(item.value for item in call.keywords)]
            takes_device = name.endswith((".to", "torch.device")) or keyword(call, "device")
            taken = bool(takes_device) and any(_is_cuda(value) for value in values)
        if taken and not _guarded(code, call):
            found = f"`{ast.unparse(call)[:60]}` needs a GPU"
            yield Finding("cuda-hardcoded", source.name, found, call.lineno)
    for node in ast.walk(code.tree):
        if isinstance(node, ast.Assign) and _is_cuda(node.value) and not _guarded(code, node):
            found = f"`{ast.unparse(node)[:60]}` needs a GPU"
            yield Finding("cuda-hardcoded", source.name, found, node.lineno)


def _is_cuda(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and str(node.value).split(":")[0] == "cuda"


def _guarded(code: Code, node: ast.AST) -> bool:
    return any(code.is_inside(node, guard) for guard in _GUARDS)


def _loads(source: Source, code: Code) -> Iterator[Finding]:
    for name, call in code.calls():
        loads = name in ("torch.load", "torch.jit.load") and len(call.args) < 2
        if loads and keyword(call, "map_location") is None:
            found = f"`{ast.unparse(call)[:60]}` without map_location"
            yield Finding("torch-load-device", source.name, found, call.lineno)
