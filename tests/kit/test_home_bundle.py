"""`kit new-bundle --contract`: the bundle of a published challenge, for one's own truth."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.bundles import opened
from kit.contracts.home_bundle import home_names
from kit.contracts.reading import CODE, contracts
from kit.contracts.recognising import contract_of
from tests.support.kit import Kit

KINDS = {one.name: one.kind for one in contracts()}


def test_there_are_bundles_for_what_has_no_program_here() -> None:
    """Those of iHARP and A3D3 have programs of their own, in Python."""
    assert set(home_names()) == set(KINDS) - {"iharp-floods", "a3d3-forecasting"}


@pytest.mark.process
@pytest.mark.parametrize("name", home_names())
def test_a_bundle_is_of_its_contract_and_runs_at_once(kit: Kit, name: str) -> None:
    made = kit("new-bundle", "home", "--contract", name)
    assert made.status == 0, made.text
    assert "kit new NAME --bundle home" in made.text
    with opened(Path("home")) as bundle:
        found = contract_of(bundle.tasks[0])
    assert found
    assert found.name == name
    report = kit("check", "home", "--json").json
    # The scripts may run for two hours, as the challenge lets them.
    wanted = {"time-limit-capped"} if name.endswith("script") else set()
    assert {one["code"] for one in report["findings"]} == wanted
    folder = kit("new", "mine", "--bundle", "home", "--json").json["folder"]
    checked = kit("check", folder, "--bundle", "home", "--json").json
    assert [one for one in checked["findings"] if one["code"] != "score-unknown"] == []
    ran = kit("run", folder, "--bundle", "home", "--json").json
    assert ran["ok"], ran["failure"]
    assert Path(ran["report"]).is_file()
    if KINDS[name] == CODE:
        assert kit("bundle", "home").status == 0


def test_a_contract_without_a_bundle_is_refused(kit: Kit) -> None:
    for name in ("iharp-floods", "../contracts/hdr-beetles", ""):
        answer = kit("new-bundle", "home", "--contract", name)
        assert answer.status == 2
        assert "expected one of animalclef-csv, fungiclef-script, hdr-beetles" in answer.text
        assert not Path("home").exists()


@pytest.mark.process
def test_every_problem_of_a_file_is_in_the_message_of_the_run(kit: Kit) -> None:
    kit("new-bundle", "home", "--contract", "animalclef-csv")
    folder = Path(kit("new", "mine", "--bundle", "home", "--json").json["folder"])
    (folder / "submission.csv").write_text(
        "image_id,cluster\n1,cluster_lynx_a\n1,cluster_lynx_b\n9,cluster_lynx_a\n"
    )
    checked = kit("check", folder, "--bundle", "home", "--json").json
    assert [one["code"] for one in checked["findings"]] == ["answers-missing"] * 3
    ran = kit("run", folder, "--bundle", "home")
    assert ran.status == 1
    assert "image_id without a prediction: 2, 3, 4" in ran.text
    assert "predicted more than once: 1" in ran.text
