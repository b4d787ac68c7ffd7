"""What the sources fetch from the network, by host and by hub id."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from kit.checks.submission.needed import is_script_only
from kit.checks.submission.subject import Source, Subject
from kit.checks.submission.syntax import Code, keyword
from kit.findings.finding import Finding, shown

_CLIENTS = (
    "requests.", "urllib.request.", "urllib3.", "httpx.", "aiohttp.", "gdown.", "wget.", "socket.",
    "http.client.", "ftplib.", "boto3.", "paramiko.", "kagglehub.", "wandb.",
)  # fmt: skip
# What only prepares a transfer: it counts where the transfer itself is not seen.
_PREPARES = re.compile(
    r"requests\.(?:Session|session|Request|adapters\.\w+)|aiohttp\.(?:ClientSession|\w+Connector)"
    r"|urllib\.request\.(?:Request|build_opener|install_opener|\w+Handler|OpenerDirector)"
    r"|urllib3\.(?:PoolManager|ProxyManager|util\.\w+)|httpx\.(?:Client|AsyncClient|Timeout)"
    r"|http\.client\.HTTPS?Connection|ftplib\.FTP(?:_TLS)?|socket\.socket|paramiko\.SSHClient"
    r"|boto3\.(?:client|resource|Session)|\w+\.auth\.\w+"
)
# What stays on the machine.
_STAYS = re.compile(
    r"urllib\.request\.(?:url2pathname|pathname2url|quote|unquote)|urllib3\.disable_warnings"
    r"|socket\.(?:gethostname|setdefaulttimeout|socketpair|inet_\w+|hton\w|ntoh\w)"
    r"|\w+\.(?:exceptions|errors|codes)\.\w+"
)
_METHODS = frozenset((
    "get", "post", "put", "head", "request", "urlopen", "open", "send", "sendall", "stream",
    "connect", "download_file", "download_fileobj", "get_object", "retrbinary", "retrlines",
))  # fmt: skip
_HUB = ("huggingface_hub.", "torch.hub.load", "torch.hub.download", "datasets.load_dataset")
_HUB_CLIENTS = ("huggingface_hub.", "datasets.")
_SHELL = ("subprocess.", "os.system", "os.popen")
_URL = re.compile(r"(?:https?|ftp|s3|gs)://([A-Za-z0-9.-]+)")
_HUB_ID = re.compile(r"(?:hf-hub:)?[\w.-]+/[\w.-]+")
_FETCHERS = re.compile(r"\b(?:wget|curl|git clone|huggingface-cli|gsutil|gdown)\b")


def check_network(subject: Subject) -> Iterator[Finding]:
    """Every place that would reach for the network, with the host or hub id where it is known.

    One transfer is one finding, however many calls prepare it.
    """
    for source in subject.sources:
        if source.tree is not None:
            code = Code(source.tree)
            for call in _transfers(code):
                yield Finding("network-call", source.name, _described(code, call), call.lineno)
            for name, call in code.calls():
                if not is_script_only(code, call):
                    yield from _other(source, code, name, call)


def clients_called(source: Source) -> set[str]:
    """Return the modules whose calls `check_network` reports."""
    if source.tree is None:
        return set()
    code = Code(source.tree)
    names = [name for name, _ in _client_calls(code)]
    names += [
        name for name, _ in code.calls() if name.startswith(("huggingface_hub.", "datasets."))
    ]
    return {name.split(".")[0] for name in names}


def _client_calls(code: Code) -> list[tuple[str, ast.Call]]:
    return [
        (name, call)
        for name, call in code.calls()
        if _is_client(name, call) and not is_script_only(code, call)
    ]


def _is_client(name: str, call: ast.Call) -> bool:
    if name.startswith(_CLIENTS):
        return not _STAYS.fullmatch(name)
    return name.startswith(_SHELL) and _FETCHERS.search(ast.unparse(call)) is not None


def _transfers(code: Code) -> list[ast.Call]:
    """The calls that fetch something; where none is seen, the first that prepares to."""
    clients = _client_calls(code)
    prepared = [call for name, call in clients if _PREPARES.fullmatch(name)]
    fetching = [call for name, call in clients if not _PREPARES.fullmatch(name)]
    fetching += _by_prepared(code, prepared)
    inner = {id(node) for call in fetching for node in ast.walk(call) if node is not call}
    return [call for call in fetching if id(call) not in inner] or prepared[:1]


def _by_prepared(code: Code, prepared: list[ast.Call]) -> Iterator[ast.Call]:
    """Calls such as `session.get(URL)`, where `session` was prepared before."""
    names = set()
    for call in prepared:
        holder = code.parents.get(call)
        if isinstance(holder, ast.Assign):
            names |= {ast.unparse(target) for target in holder.targets}
        elif isinstance(holder, ast.withitem) and holder.optional_vars is not None:
            names.add(ast.unparse(holder.optional_vars))
    for _, call in code.calls():
        if isinstance(call.func, ast.Attribute) and call.func.attr in _METHODS:
            owner = call.func.value
            if owner in prepared or ast.unparse(owner) in names:
                yield call


def _described(code: Code, call: ast.Call) -> str:
    """Quote a call, with the hosts that its arguments name, else those that the file names."""
    parts = [node for node in ast.walk(call) if isinstance(node, ast.Name | ast.Attribute)]
    texts = [code.constants.get(ast.unparse(part), "") for part in parts]
    texts += [str(node.value) for node in ast.walk(call) if isinstance(node, ast.Constant)]
    hosts = _hosts(texts) or _hosts(str(node.value) for node in code.strings())
    text = f"`{ast.unparse(call)[:70]}`"
    return f"{text} reaches for {shown(hosts)}" if hosts else text


def _hosts(texts: Iterable[str]) -> list[str]:
    return sorted({match.group(1) for text in texts if (match := _URL.match(text))})


def _other(source: Source, code: Code, name: str, call: ast.Call) -> Iterator[Finding]:
    text = ast.unparse(call)
    if name.startswith(_SHELL) and re.search(r"\bpip\b", text) and "install" in text:
        yield Finding("pip-at-run-time", source.name, f"`{text[:70]}`", call.lineno)
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
