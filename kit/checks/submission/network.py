"""What the sources fetch from the network, by host and by hub id."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kit.checks.submission.subject import Source, Subject
from kit.checks.submission.syntax import Code, keyword
from kit.findings.finding import Finding

_CLIENTS = (
    "requests.", "urllib.request.", "urllib3.", "httpx.", "aiohttp.", "gdown.", "wget.", "socket.",
    "http.client.", "ftplib.", "boto3.", "paramiko.", "kagglehub.", "wandb.",
)  # fmt: skip
_HUB = ("huggingface_hub.", "torch.hub.load", "torch.hub.download", "datasets.load_dataset")
_SHELL = ("subprocess.", "os.system", "os.popen")
_URL = re.compile(r"(?:https?|ftp|s3|gs)://([A-Za-z0-9.-]+)")
_HUB_ID = re.compile(r"(?:hf-hub:)?[\w.-]+/[\w.-]+")
_FETCHERS = re.compile(r"\b(?:wget|curl|git clone|huggingface-cli|gsutil|gdown)\b")


def check_network(subject: Subject) -> Iterator[Finding]:
    """Every place that would reach for the network, with the host or hub id where it is known."""
    for source in subject.sources:
        if source.tree is not None:
            code = Code(source.tree)
            found = [
                item for name, call in code.calls() for item in _call(source, code, name, call)
            ]
            yield from found
            if any(item.code == "network-call" for item in found):
                yield from _hosts(source, code)


def _call(source: Source, code: Code, name: str, call: ast.Call) -> Iterator[Finding]:
    text = ast.unparse(call)
    if name.startswith(_SHELL) and re.search(r"\bpip\b", text) and "install" in text:
        yield Finding("pip-at-run-time", source.name, f"`{text[:70]}`", call.lineno)
    elif name.startswith(_CLIENTS) or (name.startswith(_SHELL) and _FETCHERS.search(text)):
        yield Finding("network-call", source.name, f"`{text[:70]}`", call.lineno)
    elif hub_id := _hub_id(code, name, call):
        found = f"fetches {hub_id} from a model hub"
        yield Finding("network-hub", source.name, found, call.lineno)


def _hub_id(code: Code, name: str, call: ast.Call) -> str | None:
    """Return the model that a call would fetch, None where it fetches none."""
    first = code.text(call, 0, "repo_id")
    if name.startswith(_HUB):
        return first or "a model"
    if name.endswith(".from_pretrained"):
        local = keyword(call, "local_files_only")
        stays = isinstance(local, ast.Constant) and local.value is True
        text = first or code.text(call, 0, "pretrained_model_name_or_path")
        return None if stays or not text or not _HUB_ID.fullmatch(text) else text
    if first and first.startswith(("hf-hub:", "hf_hub:")):
        return first
    pretrained = keyword(call, "pretrained")
    if isinstance(pretrained, ast.Constant) and pretrained.value:
        value = str(pretrained.value)
        # A constant that names a file of the submission is not fetched.
        if not value.endswith((".pt", ".pth", ".bin", ".safetensors")):
            return f"{first or name} ({value})"
    weights = keyword(call, "weights") if name.startswith("torchvision.models.") else None
    if weights is not None and ast.unparse(weights) != "None":
        return f"{name} ({ast.unparse(weights)})"
    return None


def _hosts(source: Source, code: Code) -> Iterator[Finding]:
    for node in code.strings():
        if match := _URL.match(str(node.value)):
            found = f"names the host {match.group(1)}"
            yield Finding("network-host", source.name, found, node.lineno)
