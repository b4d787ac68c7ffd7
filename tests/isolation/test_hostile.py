"""Hostile submissions, each in every mode that promises something against it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.isolation.promises import PROMISES
from tests.support.hostile_submissions import HOSTILE, LIMITS, Hostile
from tests.support.isolation import (
    Machine,
    Ran,
    containers_left,
    groups_left,
    machine,
    make,
    run_in,
)

pytestmark = pytest.mark.process

PROMISED = {promise.code: promise.modes for promise in PROMISES}


def cases() -> list[object]:
    return [
        pytest.param(
            hostile,
            mode,
            id=f"{hostile.name}-{mode}",
            marks=[pytest.mark.containers] if mode == "container" else [],
        )
        for hostile in HOSTILE
        for mode in PROMISED[hostile.promise]
    ]


@pytest.mark.parametrize(("hostile", "mode"), cases())
def test_a_hostile_submission_gets_nothing(hostile: Hostile, mode: str, tmp_path: Path) -> None:
    with machine(tmp_path) as target:
        before = target.snapshot()
        ran = run_in(
            make(mode, LIMITS),
            hostile.model(target.places),
            target.bundle,
            tmp_path,
            hostile.time_limit_s,
        )
        assert "TRIED" in ran.log, ran.log
        assert "BREACH" not in ran.log
        assert_end(hostile, ran)
        assert_nothing_left(target, mode)
        assert target.snapshot() == before
    if check := CHECKS.get(hostile.name):
        check(ran)


def assert_end(hostile: Hostile, ran: Ran) -> None:
    if hostile.ends:
        assert hostile.ends in ran.failure, ran.log[-2000:]
        assert not ran.scores
    elif hostile.ends == "":
        assert not ran.failure, ran.log[-2000:]
        assert set(ran.scores) == {"challenge_score", "accuracy"}
    assert json.loads(ran.file("run.json"))["ok"] is not bool(ran.failure)


def assert_nothing_left(target: Machine, mode: str) -> None:
    assert target.left_running() == []
    if mode == "sandbox":
        assert groups_left() == []
    if mode == "container":
        assert containers_left() == []


def log_was_cut(ran: Ran) -> None:
    log = ran.folder / "logs/prediction_ingestion_stdout.txt"
    assert log.stat().st_size < LIMITS.log_bytes + 200
    text = log.read_text()
    assert "bytes cut here; a log holds at most 1,048,576]" in text
    assert "the last line" in text


def predictions_are_the_ingestions(ran: Ran) -> None:
    assert ran.file("predictions.txt").splitlines()[0] == "0.png,0.2000"
    assert ran.scores["accuracy"] == 1.0


def scores_are_the_scoring_programs(ran: Ran) -> None:
    assert ran.scores == {"challenge_score": 0.5, "accuracy": 0.5}


CHECKS = {
    "prints 1 GB": log_was_cut,
    "writes predictions of its own": predictions_are_the_ingestions,
    "plants scores.json": scores_are_the_scoring_programs,
}


def test_every_promise_has_a_hostile_submission_that_tries_it() -> None:
    assert {hostile.promise for hostile in HOSTILE} == set(PROMISED)
    assert set(CHECKS) <= {hostile.name for hostile in HOSTILE}


@pytest.mark.parametrize("promise", ["reference", "machine", "network"])
def test_the_attacks_are_real_where_nothing_is_promised(promise: str, tmp_path: Path) -> None:
    hostile = next(hostile for hostile in HOSTILE if hostile.promise == promise)
    with machine(tmp_path) as target:
        model = hostile.model(target.places)
        ran = run_in(make("subprocess", LIMITS), model, target.bundle, tmp_path)
    assert "BREACH" in ran.log
