"""training/hybrid/synthetic_hybrids: warps, edges, list files and prepare.py."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.support.synthetic_hybrids import gradient_image, prepare_few
from training.hybrid.synthetic_hybrids import edges, lists, networks, prepare, warps
from training.hybrid.synthetic_hybrids.images import to_tensor
from training.hybrid.synthetic_hybrids.pidinet import PiDiNet, PixelDifference
from training.hybrid.synthetic_hybrids.weights import WeightsError

torch = pytest.importorskip("torch")
pytest.importorskip("kornia")


pytestmark = pytest.mark.usefixtures("one_thread")


# Warps


def test_a_warp_keeps_the_corners_and_bends_the_rest() -> None:
    image = gradient_image()
    grids = [warps.tps_grid(48, torch.Generator().manual_seed(seed)) for seed in range(20)]
    bent = [warps.bend(image, grid) for grid in grids]
    for one, x, y in itertools.product(bent, (0, -1), (0, -1)):
        assert torch.allclose(one[:, y, x], image[:, y, x], atol=1e-3)
    assert sum(float((one - image).abs().max()) > 0.05 for one in bent) >= 19


def test_control_points_are_where_the_description_says() -> None:
    for seed in range(200):
        origin, moved = warps._control_points(torch.Generator().manual_seed(seed))
        spacing = (origin[3] - origin[0])[0] / 2  # as a share of the side, which is 2
        assert 0.15 <= spacing <= 0.3
        assert origin.abs().max() <= 1
        assert (moved - origin)[:9].abs().max() <= 2 * 0.1
        assert torch.equal(moved[9:], origin[9:])


def test_a_control_point_moves_where_it_was_sent() -> None:
    source = torch.Generator().manual_seed(3)
    state = source.get_state()
    grid = warps.tps_grid(257, source)
    source.set_state(state)
    assert torch.rand((), generator=source) < warps.WARPED
    origin, moved = warps._control_points(source)
    inside = [i for i in range(9) if moved[i].abs().max() < 1]
    for x, y, x0, y0 in torch.cat([moved, origin], 1)[inside]:
        found = grid[round((float(y) + 1) * 128), round((float(x) + 1) * 128)]
        assert torch.allclose(found, torch.stack([x0, y0]), atol=0.03)


def test_edge_and_reference_bend_apart_and_the_target_follows_the_edge() -> None:
    image = gradient_image()
    examples = [warps.make_example(image, image, seed) for seed in range(12)]
    # The edge stands in for the colours here: bent alike, they must stay the same.
    unbordered = [one for one in examples if torch.equal(one.edge, one.target)]
    assert len(unbordered) >= 3  # a border is white on the edge and mirrored on the colours
    for one in unbordered:
        assert (one.edge - one.reference).abs().max() > 0.05


def test_the_same_seed_makes_the_same_example() -> None:
    edge, colour = gradient_image(), gradient_image().flip(0)
    first, again, other = (warps.make_example(edge, colour, seed) for seed in (7, 7, 8))
    assert torch.equal(first.reference, again.reference)
    assert torch.equal(first.target, again.target)
    assert not torch.equal(first.reference, other.reference)


def test_border_flip_and_window_are_shared() -> None:
    edge, colour = torch.zeros(3, 64, 64), torch.zeros(3, 64, 64)
    seen = set()
    for seed in range(40):
        e, c = warps.shared_base(edge, colour, torch.Generator().manual_seed(seed))
        black = (c == -1).all(0)
        assert torch.equal(black, (e == -1).all(0))
        bordered = bool((e == 1).any())
        assert set(torch.unique(c).tolist()) <= {-1.0, 0.0}  # the mirrored border is as the image
        if black.any():
            assert 0.78 * 0.78 <= float((~black).float().mean()) <= 0.97 * 0.97
        seen.add((bordered, bool(black.any())))
    assert seen == set(itertools.product((False, True), repeat=2))


# Edges


def square_image() -> Image.Image:
    image = Image.new("RGB", (80, 60), (230, 230, 230))
    ImageDraw.Draw(image).rectangle((20, 15, 60, 45), fill=(200, 40, 40))
    return image


def test_sobel_edges_are_dark_lines_on_white() -> None:
    drawn = np.asarray(edges.sobel_edges(square_image()), dtype=int)
    assert drawn.shape == (60, 80)
    assert drawn[30, 18:22].min() < 60
    assert drawn[30, 40] == drawn[5, 40] == 255
    assert drawn[0].min() == drawn[:, -1].min() == 255


def test_an_empty_image_has_no_edges() -> None:
    drawn = np.asarray(edges.sobel_edges(Image.new("L", (40, 30), 120)))
    assert drawn.min() == 255


def test_pidinet_has_the_published_size_and_five_maps() -> None:
    network = PiDiNet()
    assert sum(parameter.numel() for parameter in network.parameters()) == 710_149
    with torch.inference_mode():
        maps = network(torch.rand(1, 3, 40, 56))
    assert [tuple(one.shape) for one in maps] == [(1, 1, 40, 56)] * 5
    assert all(float(one.min()) > 0 and float(one.max()) < 1 for one in maps)


@pytest.mark.parametrize("kind", ["central", "angular", "radial"])
def test_pixel_differences_are_blind_to_brightness(kind: str) -> None:
    layer = PixelDifference(kind, 2, 3)
    x = torch.rand(1, 2, 12, 12)
    inner = (..., slice(2, -2), slice(2, -2))
    assert torch.allclose(layer(x)[inner], layer(x + 5)[inner], atol=1e-4)
    assert layer(x)[inner].abs().max() > 1e-3


def test_pidinet_weights_make_a_detector(tmp_path: Path) -> None:
    network = PiDiNet()
    wrapped = {f"module.{name}": value for name, value in network.state_dict().items()}
    torch.save({"state_dict": wrapped}, tmp_path / "pidinet.pth")
    image = square_image()
    drawn = np.asarray(edges.pidinet_edges(tmp_path / "pidinet.pth")(image), dtype=int)
    mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]).view(2, 3, 1, 1)
    with torch.inference_mode():
        fused = network((((to_tensor(image) + 1) / 2 - mean) / deviation)[None])[-1][0, 0]
    assert np.abs(drawn - 255 * (1 - fused.numpy()))[2:-2, 2:-2].max() <= 0.51
    assert drawn[0].min() == 255
    torch.save(networks.Discriminator(4).state_dict(), tmp_path / "other.pth")
    with pytest.raises(WeightsError, match="expected a PiDiNet"):
        edges.pidinet_edges(tmp_path / "other.pth")


# Lists


def test_prepared_lists_have_the_published_form(dataroot: Path) -> None:
    pairs = lists.read_pairs(dataroot / "Lists" / "train", lists.TRAIN)
    assert len(pairs) == 14
    assert pairs[0] == lists.Pair(
        "Images/7/train/pidinet_edges/p70.png", "Images/7/train/good/p70.jpg"
    )
    assert pairs[-1].colour == "Images/hybrid/train/good/h1.jpg"
    assert lists.edge_path(pairs[0].colour) == pairs[0].edge


def test_the_three_kinds_of_pairs_hold_what_their_names_say(dataroot: Path) -> None:
    kinds = {
        kind: lists.read_pairs(dataroot / "Lists" / kind, lists.TEST)
        for kind in ("nonhybrid", "signal", "nonsignal")
    }
    assert len(kinds["nonhybrid"]) == 12
    assert all(len(set(p.classes)) == 1 for p in kinds["nonhybrid"])
    assert all(lists.edge_path(p.colour) != p.edge for p in kinds["nonhybrid"])
    assert sorted(p.label for p in kinds["signal"]) == ["8_9"] * 3 + ["9_8"] * 3
    labels = {p.label for p in kinds["nonsignal"]}
    assert {frozenset(label.split("_")) for label in labels} == {
        frozenset("78"),
        frozenset("79"),
    }
    assert len(kinds["nonsignal"]) == 6


def photographs(folder: str, views: str) -> list[lists.Photograph]:
    return [
        lists.Photograph(f"Images/{folder}/train/good/{i}.jpg", view)
        for i, view in enumerate(views)
    ]


def test_hybrid_pairs_never_recur_and_use_all_edges_evenly() -> None:
    classes = {"a": photographs("a", "...."), "b": photographs("b", "...")}
    pairs = lists.hybrid_pairs(classes, ("a", "b"), 8, seed=1)
    assert len(set(pairs)) == 8
    assert {pair.label for pair in pairs} == {"a_b"}
    used = [pair.edge for pair in pairs]
    assert all(used.count(edge) == 2 for edge in used)
    assert pairs == lists.hybrid_pairs(classes, ("a", "b"), 8, seed=1)
    assert len(lists.hybrid_pairs(classes, ("a", "b"), 99, seed=1)) == 12


def test_pairs_stay_within_a_view() -> None:
    classes = {"a": photographs("a", "dvdv"), "b": photographs("b", "ddvv")}
    view = {p.path: p.view for group in classes.values() for p in group}
    view |= {lists.edge_path(path): v for path, v in view.items()}
    pairs = lists.hybrid_pairs(classes, ("a", "b"), 99, 0) + lists.non_hybrid_pairs(classes, 0)
    assert len(pairs) == 8 + 8
    assert all(view[pair.edge] == view[pair.colour] for pair in pairs)


def test_subspecies_become_folders_that_keep_labels_readable() -> None:
    assert [lists.class_folder(name) for name in ("8.0", "13", " erato_x/y")] == [
        "8",
        "13",
        "erato-x-y",
    ]


def test_bad_lists_are_reported_at_once(dataroot: Path, tmp_path: Path) -> None:
    with pytest.raises(lists.ListError, match=r"expected a folder named List"):
        lists.read_pairs(tmp_path, lists.TRAIN)
    folder = tmp_path / "List"
    folder.mkdir()
    with pytest.raises(lists.ListError, match=r"train_edges\.txt is missing"):
        lists.read_pairs(folder, lists.TRAIN)
    for name in lists.TRAIN:
        (folder / name).write_text("Images/1/train/good/a.jpg\n../../../../secret.jpg\n")
    with pytest.raises(lists.ListError) as caught:
        lists.read_pairs(folder, lists.TRAIN)
    assert "4 problem(s)" in str(caught.value)
    assert "a.jpg is missing" in str(caught.value)
    assert "'../../../../secret.jpg', expected Images/CLASS" in str(caught.value)
    (folder / lists.TRAIN[0]).write_text("x\n")
    with pytest.raises(lists.ListError, match=r"found train_edges\.txt 1 and .* 2"):
        lists.read_pairs(folder, lists.TRAIN)


def test_preparing_names_every_unreadable_image_and_resumes_when_they_are_fixed(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "data"
    shutil.copytree(data, copy)
    for name in ("p71.jpg", "h0.jpg"):
        (copy / "images" / name).write_bytes(b"not an image")
    arguments = ["--data", str(copy), "--out", str(tmp_path / "out"), "--size", "32"]
    assert prepare.main(arguments) == 1
    error = capsys.readouterr().err
    assert "2 problem(s)" in error
    assert "p71.jpg" in error
    assert "h0.jpg" in error
    assert not (tmp_path / "out" / "Lists").exists()
    made = tmp_path / "out/Images/7/train/good/p70.jpg"
    before = made.stat().st_mtime_ns
    shutil.copytree(data, copy, dirs_exist_ok=True)
    assert prepare.main(arguments) == 0
    assert made.stat().st_mtime_ns == before
    assert prepare.main([*arguments[:-1], "64"]) == 1
    assert "give another --out" in capsys.readouterr().err


def test_unknown_signal_parents_are_named(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--data", str(data), "--out", str(tmp_path), "--size", "32"]
    assert prepare.main([*arguments, "--signal", "9.0", "12"]) == 1
    assert "['12'] are none of ['7', '8', '9']" in capsys.readouterr().err


def test_wings_are_cut_out_and_fill_the_square_wherever_they_were(tmp_path: Path) -> None:
    squares = []
    for name, left in (("a.png", 10), ("b.png", 70)):
        image = Image.new("RGB", (200, 120), (215, 218, 222))
        pen = ImageDraw.Draw(image)
        pen.polygon(
            [(left, 20), (left + 55, 50), (left + 110, 20), (left + 80, 100), (left + 30, 100)],
            fill=(60, 40, 30),
        )
        image.save(tmp_path / name)
        squares.append(np.asarray(prepare.read_wings(tmp_path / name, 64), dtype=int))
    first, second = squares
    assert first.shape == (64, 64, 3)
    assert first[0, 32].min() > 240  # background is white, not grey
    assert first[40, 32].max() < 90
    dark = np.argwhere(first.max(axis=2) < 150)
    assert (dark.min(axis=0) <= 3).all()
    assert (dark.max(axis=0) >= 60).all()
    assert np.abs(first - second).mean() < 4


def test_presets_of_prepare_are_small_wings_or_the_published_squares(
    data: Path, tmp_path: Path
) -> None:
    small = prepare.parse(["--out", "x"])
    full = prepare.parse(["--out", "x", "--preset", "full"])
    assert (small.size, small.cut) == (64, "wings")
    assert (full.size, full.cut) == (256, "whole")
    assert prepare_few(data, tmp_path, "--cut", "whole") == 0
    with Image.open(tmp_path / "Images/7/train/good/p70.jpg") as image:
        assert image.getpixel((1, 1))[2] < 235  # the photograph's paper, not white
