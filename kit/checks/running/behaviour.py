"""Judge what probes wrote down: the model loads, predicts the right type, and always the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kit.checks.running.images import BROKEN
from kit.checks.running.probing import Laboratory, Probe, Surroundings
from kit.contract import MODEL_FILE, PREDICTION_OF_TRACK
from kit.findings.finding import CheckResult, Finding, Skipped, shown

# Predictions are compared after rounding to 4 decimals; sums of another order move the seventh of
# a small score, and no more than this share of the scores' range.
_SAME = 1e-5
_SAME_SUMS = 1e-4
_SAME_SHARE = 1e-3
_LOADING = ("import", "Model()", "load()")


def check_loading(probe: Probe) -> Iterator[Finding]:
    """Import, Model() and load() end well, without the network."""
    errors = [event for stage in _LOADING for event in probe.of("error", stage)]
    for event in errors:
        if not _is_network(probe, event):
            found = f"{event['stage']} raised {event['error']}"
            yield _at("load-fails", event, found)
    yield from _network(probe, failed=bool(errors))
    if not probe.finished and not errors:
        yield _unfinished(probe)


def check_plan(probe: Probe, decides: bool) -> Iterator[CheckResult]:
    """The ingestion program accepts the model: its parameters, its batch size.

    Args:
        probe: what was written down.
        decides: whether the task runs that ingestion program; another one may accept it.
    """
    for event in probe.of("error", "plan"):
        if decides:
            yield Finding("predict-fails", MODEL_FILE, event["error"])
        else:
            why = f"only the bundle's own ingestion program can call the model: {event['error']}"
            yield Skipped("answers, odd images, sameness", why, "kit run NAME --bundle BUNDLE")


def _at(code: str, event: dict[str, Any], found: str) -> Finding:
    file, line = event.get("at") or (MODEL_FILE, None)
    return Finding(code, file, found, line)


def _is_network(probe: Probe, error: dict[str, Any]) -> bool:
    """Whether the closed network is what failed: `network-needed` says so, once."""
    place = error.get("at")
    return bool(place) and place in [event.get("at") for event in probe.of("network")]


def _network(probe: Probe, failed: bool) -> Iterator[Finding]:
    failed = failed or any(_is_network(probe, error) for error in probe.of("error"))
    told = set()
    for event in probe.of("network"):
        wanted = ", ".join(event["wanted"])
        found = f"reached for {event['host']}" + (f" to fetch {wanted}" if wanted else "")
        code = "network-needed" if failed else "network-tried"
        if found not in told:
            told.add(found)
            yield _at(code, event, found)


def _unfinished(probe: Probe) -> Finding:
    outcome = probe.outcome
    if outcome is None or outcome.exit_status is None:
        found = f"the time limit ended the process while it was at: {probe.last}"
        odd = probe.last.startswith("odd")
        return Finding("odd-picture-hangs" if odd else "probe-timeout", MODEL_FILE, found)
    how = f"signal {-outcome.exit_status}" if outcome.exit_status < 0 else "its own exit"
    last = probe.log.strip().splitlines()[-1:] or ["nothing in its log"]
    found = f"the process ended by {how} at: {probe.last}; {last[0][:200]}"
    return Finding("probe-crash", MODEL_FILE, found)


def check_answers(probe: Probe, track: str | None) -> Iterator[Finding]:
    """Ordinary images get a prediction of the right type."""
    for event in probe.of("error", "first")[:1]:
        if _is_network(probe, event):
            continue
        late = event.get("late")
        found = f"{Path(event['image']).name}: predict raised {event['error']}"
        if event.get("mode"):
            found += "; converted to RGB it is predicted: begin with image.convert('RGB')"
        yield _at("probe-timeout" if late else "predict-fails", event, found)
    for event in probe.of("error", "batch"):
        if _is_network(probe, event):
            continue
        found = f"preprocess and predict_batch: {event['error']}"
        yield _at("predict-fails", event, found)
    yield from _types(_ordinary(probe), track)


def _ordinary(probe: Probe) -> list[tuple[str, dict[str, Any]]]:
    return [answer for stage in ("first", "batch") for answer in probe.answers(stage)]


def _types(answers: Sequence[tuple[str, dict[str, Any]]], track: str | None) -> Iterator[Finding]:
    wanted = PREDICTION_OF_TRACK.get(track or "", "")
    bad: dict[str, str] = {}
    infinite: dict[str, str] = {}
    for name, answer in answers:
        if "not_finite" in answer:
            infinite.setdefault(answer["not_finite"], name)
        elif "bad" in answer:
            bad.setdefault(answer["bad"].split()[0], f"{name}: {answer['bad']}")
        elif wanted and wanted not in answer:
            kind = "str" if "label" in answer else "float"
            bad.setdefault(kind, f"{name}: {kind} {next(iter(answer.values()))!r}")
    if bad:
        expected = "str" if wanted == "label" else "float" if wanted else "float or str"
        found = f"expected a plain {expected}, found {shown(list(bad.values()))}"
        yield Finding("return-type", MODEL_FILE, found)
    for value, name in infinite.items():
        yield Finding("return-not-finite", MODEL_FILE, f"{name}: {value}")


def check_odd(probe: Probe, track: str | None) -> Iterator[Finding]:
    """Odd but intact images get a prediction too; a broken one may raise, and never hangs.

    What fails for ordinary images in the same way is not odd, and told already.
    """
    ordinary = [_kind(event) for event in probe.of("error", "first")]
    failed: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for event in probe.of("error", "odd"):
        name = Path(event["image"]).name
        if event.get("late"):
            yield _at("odd-picture-hangs", event, f"{name}: {event['error']}")
        elif name not in BROKEN and _kind(event) not in ordinary and not _is_network(probe, event):
            code = "odd-picture-fails" if event.get("mode") else "odd-picture-size"
            failed.setdefault((code, event["error"]), []).append(event)
    for (code, error), events in failed.items():
        names = [Path(event["image"]).name for event in events]
        yield _at(code, events[0], f"{shown(names, 10)}: {error}")
    told = {finding.code for finding in _types(_ordinary(probe), track)}
    yield from (item for item in _types(probe.answers("odd"), track) if item.code not in told)


def _kind(event: dict[str, Any]) -> tuple[Any, str]:
    """Where an error was raised, and its type: its text may name the image."""
    return event["at"], event["error"].partition(":")[0]


def check_sameness(probe: Probe) -> Iterator[Finding]:
    """Repetition, order and batching change no prediction; not all predictions are equal."""
    first = dict(probe.answers("first"))
    twice = probe.answers("twice")
    if len(twice) == 2 and differs(twice[0][1], twice[1][1], _SAME):
        found = f"{twice[0][0]} twice: {_value(twice[0][1])} and {_value(twice[1][1])}"
        yield Finding("answer-repetition", MODEL_FILE, found)
    else:
        for code, stage, tolerance in (
            ("answer-order", "reversed", _SAME),
            ("answer-batch", "batch", _sums_of(first)),
        ):
            if text := difference(first, dict(probe.answers(stage)), tolerance):
                yield Finding(code, MODEL_FILE, text)
    values = {_value(answer) for answer in first.values()}
    usable = all("score" in answer or "label" in answer for answer in first.values())
    if usable and len(first) > 2 and len(values) == 1:
        found = f"{len(first)} images, all predicted {values.pop()}"
        yield Finding("answer-constant", MODEL_FILE, found)


def _sums_of(answers: dict[str, dict[str, Any]]) -> float:
    """Return by how much scores may differ that sums of another order made."""
    scores = [answer["score"] for answer in answers.values() if "score" in answer]
    return max(_SAME_SUMS, _SAME_SHARE * (max(scores) - min(scores))) if scores else _SAME_SUMS


def _value(answer: dict[str, Any]) -> str:
    return str(next(iter(answer.values())))


def differs(one: dict[str, Any], other: dict[str, Any], tolerance: float) -> bool:
    """Return whether two predictions differ; scores may differ by the tolerance."""
    if "score" in one and "score" in other:
        return bool(abs(one["score"] - other["score"]) > tolerance)
    return one.keys() != other.keys() or ("label" in one and one != other)


def difference(
    one: dict[str, dict[str, Any]], other: dict[str, dict[str, Any]], tolerance: float
) -> str:
    """Return the first image that two passes predict differently; empty without one."""
    for name, answer in other.items():
        if name in one and differs(one[name], answer, tolerance):
            return f"{name}: {_value(one[name])} and {_value(answer)}"
    return ""


def check_surroundings(
    laboratory: Laboratory, probe: Probe, images: Sequence[Path]
) -> Iterator[Finding]:
    """Another working directory, hash seed and number of threads change no prediction.

    One process changes all three; only where that differs, one each finds out which it was.
    """
    first = dict(probe.answers("first"))
    everything = Surroundings(cwd="elsewhere/deeper", hash_seed="1", one_thread=True)
    other = laboratory.probe(images, surroundings=everything)
    if other.finished and not difference(first, dict(other.answers("first")), _SAME):
        return
    plain = Surroundings()
    for code, tolerance, around in (
        ("answer-cwd", _SAME, replace(plain, cwd=everything.cwd)),
        ("answer-hash-seed", _SAME, replace(plain, hash_seed="1")),
        ("answer-threads", _sums_of(first), replace(plain, one_thread=True)),
    ):
        again = laboratory.probe(images, surroundings=around)
        text = difference(first, dict(again.answers("first")), tolerance)
        errors = again.of("error")
        if errors and not probe.of("error", "first"):
            text = f"{errors[0]['stage']} raised {errors[0]['error']}"
        if text:
            yield Finding(code, MODEL_FILE, text)


def check_written(
    before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]
) -> Iterator[Finding]:
    """Nothing is written into the submission's folder."""
    changed = [name for name, state in after.items() if before.get(name) != state]
    if changed:
        yield Finding("file-written", changed[0], f"written while it ran: {shown(changed)}")
