"""The picture generator training/anomaly_factory: networks, losses, warps, lists and scripts."""

from __future__ import annotations

import csv
import itertools
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "training"))
torch = pytest.importorskip("torch")
pytest.importorskip("kornia")

from anomaly_factory import edges, generate, lists, losses, networks, prepare, warps  # noqa: E402
from anomaly_factory import factory_run as runs  # noqa: E402
from anomaly_factory import train as training  # noqa: E402
from anomaly_factory.batches import batch_keys  # noqa: E402
from anomaly_factory.pictures import to_tensor  # noqa: E402
from anomaly_factory.pidinet import PiDiNet, PixelDifference  # noqa: E402
from anomaly_factory.weights import WeightsError, read_weights, write_weights  # noqa: E402

TINY = networks.Widths(ngf=4, ndf=4, n_downsample=2, n_blocks=1)
SMALLEST = [
    "--size", "32", "--ngf", "4", "--ndf", "4", "--n-downsample", "2", "--n-blocks", "1",
    "--batch", "4", "--save-every", "8", "--device", "cpu", "--threads", "1", "--no-perceptual",
]  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread():
    """Sums are split over threads, and so round otherwise with another number of them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def draw(path: Path, colour: tuple[int, int, int], shift: int) -> None:
    picture = Image.new("RGB", (60, 44), (235, 232, 226))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((6 + shift, 8, 28 + shift, 34), fill=colour, outline=(20, 20, 20))
    pen.ellipse((28 + shift, 8, 50 + shift, 34), fill=colour, outline=(20, 20, 20))
    picture.save(path, quality=95)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training table: three subspecies with four pictures each, two hybrids of 8 x 9."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "images").mkdir()
    colours = {"7.0": (40, 60, 160), "8.0": (190, 60, 40), "9.0": (60, 150, 60)}
    rows = [["filename", "hybrid_stat", "subspecies", "parent_subspecies_1", "parent_subspecies_2"]]
    for (name, colour), shift in itertools.product(colours.items(), range(4)):
        rows.append([f"p{name[0]}{shift}.jpg", "non-hybrid", name, "", ""])
        draw(folder / "images" / rows[-1][0], colour, shift)
    for shift in range(2):
        rows.append([f"h{shift}.jpg", "hybrid", "", "8.0", "9.0"])
        draw(folder / "images" / rows[-1][0], (125, 105, 50), shift)
    with (folder / "train.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


@pytest.fixture(scope="module")
def dataroot(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("prepared")
    few = ["--size", "32", "--signal-images", "6", "--per-pair", "3"]
    assert prepare.main(["--data", str(data), "--out", str(out), *few]) == 0
    return out


@pytest.fixture(scope="module")
def trained(dataroot: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three epochs that nothing interrupted."""
    out = tmp_path_factory.mktemp("run")
    assert run_training(dataroot, out) == 0
    return out


def run_training(dataroot: Path, out: Path, *more: str) -> int:
    arguments = ["--dataroot", str(dataroot / "Lists" / "train"), "--out", str(out), *SMALLEST]
    return training.main([*arguments, "--epochs", "2", "--decay-epochs", "1", *more])


def table_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# Networks


def published_generator() -> dict[str, tuple[int, ...]]:
    """Every name and shape, spelled from the description of the checkpoint."""
    channels = [64, 128, 256, 512, 1024]
    convolutions = {"enc_model.1": (64, 6, 7, 7)}
    for index, (inputs, outputs) in zip((4, 7, 10, 13), itertools.pairwise(channels), strict=True):
        convolutions[f"enc_model.{index}"] = (outputs, inputs, 3, 3)
    for block, layer in itertools.product(range(16, 25), (1, 5)):
        convolutions[f"enc_model.{block}.conv_block.{layer}"] = (1024, 1024, 3, 3)
    shapes = {f"{name}.weight": shape for name, shape in convolutions.items()}
    shapes |= {f"{name}.bias": shape[:1] for name, shape in convolutions.items()}
    for decoder in ("ano_model", "msk_model"):
        for index, (inputs, outputs) in zip(
            (0, 3, 6, 9), itertools.pairwise(channels[::-1]), strict=True
        ):
            shapes[f"{decoder}.{index}.weight"] = (inputs, outputs, 3, 3)
            shapes[f"{decoder}.{index}.bias"] = (outputs,)
        shapes |= {f"{decoder}.13.weight": (3, 64, 7, 7), f"{decoder}.13.bias": (3,)}
    return shapes


def published_discriminator() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for scale in (0, 1):
        for layer, (inputs, outputs) in enumerate(itertools.pairwise((9, 64, 128, 256, 512, 1))):
            shapes[f"scale{scale}_layer{layer}.0.weight"] = (outputs, inputs, 4, 4)
            shapes[f"scale{scale}_layer{layer}.0.bias"] = (outputs,)
    return shapes


def shapes_of(network) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def test_the_full_generator_has_the_published_names_and_shapes() -> None:
    with torch.device("meta"):
        generator = networks.Generator()
    assert shapes_of(generator) == published_generator()
    assert len(shapes_of(generator)) == 66
    assert sum(math.prod(shape) for shape in shapes_of(generator).values()) == 188_729_926


def test_the_full_discriminator_has_the_published_names_and_shapes() -> None:
    with torch.device("meta"):
        discriminator = networks.Discriminator()
    assert shapes_of(discriminator) == published_discriminator()
    assert len(shapes_of(discriminator)) == 20
    assert sum(math.prod(shape) for shape in shapes_of(discriminator).values()) == 5_541_762


def test_networks_map_256_pixels_to_the_published_sizes() -> None:
    narrow = networks.Widths(ngf=1, ndf=1)  # sides do not depend on it
    with torch.inference_mode():
        picture, mask = networks.Generator(narrow)(torch.zeros(1, 6, 256, 256))
        scales = networks.Discriminator(narrow.ndf)(torch.zeros(1, 9, 256, 256))
    assert picture.shape == mask.shape == (1, 3, 256, 256)
    sides = [[output.shape[-1] for output in scale] for scale in scales]
    assert sides == [[129, 65, 33, 34, 35], [65, 33, 17, 18, 19]]


def test_full_resolution_goes_through_scale1() -> None:
    discriminator = networks.Discriminator(4)
    torch.nn.init.zeros_(discriminator.get_submodule("scale1_layer0.0").weight)
    full, half = discriminator(torch.rand(1, 9, 32, 32))
    assert full[0].std() < half[0].std()


def test_the_mask_blends_content_into_the_reference() -> None:
    generator = networks.Generator(TINY)
    inputs = torch.rand(1, 6, 32, 32) * 2 - 1
    picture, mask = generator(inputs)
    content = generator.ano_model(generator.enc_model(inputs))
    assert torch.allclose(picture, mask * content + (1 - mask) * inputs[:, 3:], atol=1e-6)
    assert mask.min() < 0 < mask.max()


@pytest.mark.parametrize("widths", [TINY, networks.Widths(8, 8, 3, 0)])
def test_a_generator_is_known_from_its_weights(widths, tmp_path: Path) -> None:
    generator = networks.Generator(widths)
    write_weights(tmp_path / "g.safetensors", generator.state_dict())
    torch.save(generator.state_dict(), tmp_path / "g.pth")
    inputs = torch.rand(1, 6, 32, 32)
    for name in ("g.safetensors", "g.pth"):
        again = networks.generator_from_state(read_weights(tmp_path / name))
        assert torch.equal(again(inputs)[0], generator(inputs)[0])


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(networks.ArchitectureError, match=r"expected keys enc_model"):
        networks.generator_from_state(networks.Discriminator(4).state_dict())
    state = networks.Generator(TINY).state_dict()
    del state["msk_model.0.bias"]
    with pytest.raises(networks.ArchitectureError, match=r"msk_model\.0\.bias"):
        networks.generator_from_state(state)


def test_weights_start_from_a_seeded_normal() -> None:
    first, same, other = (networks.Generator(TINY) for _ in range(3))
    for network, seed in ((first, 1), (same, 1), (other, 2)):
        networks.initialise(network, seed)
    weight = first.enc_model[4].weight
    assert abs(float(weight.detach().std()) - 0.02) < 0.003
    assert torch.equal(weight, same.enc_model[4].weight)
    assert not torch.equal(weight, other.enc_model[4].weight)


# Losses


def test_least_squares_adds_scales_up() -> None:
    outputs = [[torch.zeros(1), torch.full((2, 2), 3.0)], [torch.ones(1)]]
    assert losses.least_squares(outputs, real=True) == 4
    assert losses.least_squares(outputs, real=False) == 10


def test_the_discriminators_loss_is_half_of_both() -> None:
    fake, real = [[torch.full((1,), 2.0)]], [[torch.full((1,), 4.0)]]
    assert losses.discriminator_loss(fake, real) == 0.5 * (4 + 9)


def test_feature_matching_has_the_published_weights() -> None:
    def outputs(value: float):
        return [[torch.full((2,), value)] * 4 + [torch.full((2,), 100 * value)]] * 2

    # Two scales x four layers x L1 of 1 x 1/2 for the scales x 10; the last output is left out.
    assert losses.feature_matching(outputs(1.0), outputs(2.0)) == 2 * 4 * 0.5 * 10


def small_vgg():
    """Layers in the same places as VGG19's, with few channels and lively random weights."""
    features = losses.vgg19_features((4, 4, 0, 4, 4, 0, 8, 8, 8, 8, 0, 8, 8, 8, 8, 0, 8))
    torch.manual_seed(0)
    for layer in features:
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return features


def test_the_perceptual_loss_weighs_five_slices() -> None:
    features = small_vgg()
    loss = losses.PerceptualLoss(features)
    fake, real = torch.rand(2, 1, 3, 32, 32)
    expected = 0.0
    for end, weight in ((1, 1 / 32), (6, 1 / 16), (11, 1 / 8), (20, 1 / 4), (29, 1)):
        assert isinstance(features[end], torch.nn.ReLU)
        a, b = features[: end + 1](fake), features[: end + 1](real)
        expected += weight * float((a - b).abs().mean().detach())
    assert float(loss(fake, real)) == pytest.approx(10 * expected, rel=1e-5)
    assert loss(real, real) == 0


def test_the_perceptual_loss_moves_the_picture_only() -> None:
    loss = losses.PerceptualLoss(small_vgg())
    fake = torch.rand(1, 3, 32, 32, requires_grad=True)
    loss(fake, torch.rand(1, 3, 32, 32)).backward()
    assert fake.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in loss.parameters())


def test_the_real_vgg19_is_sliced_behind_its_first_relus() -> None:
    with torch.device("meta"):
        loss = losses.PerceptualLoss(losses.vgg19_features())
    kinds = ["".join(type(layer).__name__[0] for layer in layers) for layers in loss.slices]
    assert kinds == ["CR", "CRMCR", "CRMCR", "CRCRCRMCR", "CRCRCRMCR"]
    channels = [layers[-2].weight.shape[0] for layers in loss.slices]
    assert channels == [64, 128, 256, 512, 512]


def test_missing_or_wrong_vgg_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"vgg19\.pth is missing"):
        losses.perceptual_loss(str(tmp_path / "vgg19.pth"))
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=r"expected torchvision's VGG19"):
        losses.perceptual_loss(str(tmp_path / "other.pth"))


@pytest.mark.slow
def test_unreachable_public_vgg_weights_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    models = pytest.importorskip("torchvision.models")

    def unreachable(*arguments, **options):
        raise OSError("no route to host")

    monkeypatch.setattr(models.VGG19_Weights, "get_state_dict", unreachable)
    with pytest.raises(WeightsError, match=r"--vgg FILE or train with --no-perceptual"):
        losses.perceptual_loss(losses.TORCHVISION)


@pytest.mark.slow
def test_a_file_of_torchvisions_vgg19_is_loaded(tmp_path: Path) -> None:
    models = pytest.importorskip("torchvision.models")
    network = models.vgg19(weights=None).eval()
    torch.save(network.state_dict(), tmp_path / "vgg19.pth")
    loss = losses.perceptual_loss(str(tmp_path / "vgg19.pth"))
    x = torch.rand(1, 3, 64, 64)
    expected = network.features[:30](x)
    for layers in loss.slices:
        x = layers(x)
    assert torch.equal(x, expected)


def test_weights_that_would_run_code_are_refused(tmp_path: Path) -> None:
    torch.save({"a": Path("x")}, tmp_path / "code.pth")
    with pytest.raises(WeightsError, match=r"cannot be read as weights"):
        read_weights(tmp_path / "code.pth")


# Warps


def gradient_picture(side: int = 48):
    """Red rises to the right, green downwards, so that colours tell where a pixel came from."""
    line = torch.linspace(-1, 1, side)
    return torch.stack([line.expand(side, side), line[:, None].expand(side, side)] * 2)[:3]


def test_a_warp_keeps_the_corners_and_bends_the_rest() -> None:
    picture = gradient_picture()
    grids = [warps.tps_grid(48, torch.Generator().manual_seed(seed)) for seed in range(20)]
    bent = [warps.bend(picture, grid) for grid in grids]
    for one, x, y in itertools.product(bent, (0, -1), (0, -1)):
        assert torch.allclose(one[:, y, x], picture[:, y, x], atol=1e-3)
    assert sum(float((one - picture).abs().max()) > 0.05 for one in bent) >= 19


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
    picture = gradient_picture()
    examples = [warps.make_example(picture, picture, seed) for seed in range(12)]
    # The edge stands in for the colours here: bent alike, they must stay the same.
    unbordered = [one for one in examples if torch.equal(one.edge, one.target)]
    assert len(unbordered) >= 3  # a border is white on the edge and mirrored on the colours
    for one in unbordered:
        assert (one.edge - one.reference).abs().max() > 0.05


def test_the_same_seed_makes_the_same_example() -> None:
    edge, colour = gradient_picture(), gradient_picture().flip(0)
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
        assert set(c.unique().tolist()) <= {-1.0, 0.0}  # the mirrored border is as the picture
        if black.any():
            assert 0.78 * 0.78 <= float((~black).float().mean()) <= 0.97 * 0.97
        seen.add((bordered, bool(black.any())))
    assert seen == set(itertools.product((False, True), repeat=2))


# Edges


def square_picture() -> Image.Image:
    picture = Image.new("RGB", (80, 60), (230, 230, 230))
    ImageDraw.Draw(picture).rectangle((20, 15, 60, 45), fill=(200, 40, 40))
    return picture


def test_sobel_edges_are_dark_lines_on_white() -> None:
    drawn = np.asarray(edges.sobel_edges(square_picture()), dtype=int)
    assert drawn.shape == (60, 80)
    assert drawn[30, 18:22].min() < 60
    assert drawn[30, 40] == drawn[5, 40] == 255
    assert drawn[0].min() == drawn[:, -1].min() == 255


def test_an_empty_picture_has_no_edges() -> None:
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
    image = square_picture()
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


def test_preparing_names_every_unreadable_picture_and_goes_on_when_repaired(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil

    copy = tmp_path / "data"
    shutil.copytree(data, copy)
    for name in ("p71.jpg", "h0.jpg"):
        (copy / "images" / name).write_bytes(b"not a picture")
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


# Training and generation


def test_the_loss_falls_in_a_few_steps() -> None:
    settings = runs.Settings(
        size=32, ngf=8, ndf=4, n_downsample=2, n_blocks=1, batch=4, rate=2e-3, seed=0
    )
    pair = lists.Pair("Images/a/train/pidinet_edges/a.png", "Images/a/train/good/a.jpg")
    perceptual = losses.PerceptualLoss(small_vgg())
    run = runs.Run(Path("unused"), settings, [pair], perceptual, torch.device("cpu"))
    picture = gradient_picture(32)
    examples = [warps.make_example(picture, picture, seed) for seed in range(4)]
    inputs = torch.stack([torch.cat([one.edge, one.reference]) for one in examples])
    target = torch.stack([one.target for one in examples])

    def distance() -> float:
        with torch.no_grad():
            return float((run.generator(inputs)[0] - target).abs().mean())

    before = distance()
    found = [run.learn(inputs, target) for _ in range(15)]
    assert found[-1]["perceptual"] < 0.8 * found[0]["perceptual"]
    assert distance() < 0.9 * before


def test_training_writes_what_generation_needs(trained: Path) -> None:
    assert {path.name for path in trained.iterdir()} == {
        "checkpoint.pt",
        "generator.safetensors",
        "log.csv",
        "settings.json",
    }
    rows = table_rows(trained / "log.csv")
    assert [int(row["step"]) for row in rows] == list(range(1, 13))  # 3 epochs of 4 batches
    assert all(math.isfinite(float(row["generator"])) for row in rows)
    assert json.loads((trained / "settings.json").read_text())["ngf"] == 4


@pytest.mark.parametrize("killed_at", [3, 6])
def test_a_killed_run_ends_as_if_nothing_had_happened(
    killed_at: int, dataroot: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn = runs.Run.learn

    def dies(run, inputs, target):
        if run.step == killed_at:
            raise KeyboardInterrupt
        return learn(run, inputs, target)

    monkeypatch.setattr(runs.Run, "learn", dies)
    with pytest.raises(KeyboardInterrupt):
        run_training(dataroot, tmp_path)
    monkeypatch.undo()
    assert (tmp_path / "checkpoint.pt").is_file()  # of step 2 or 5: every 8 pictures
    assert run_training(dataroot, tmp_path) == 0
    assert (tmp_path / "log.csv").read_bytes() == (trained / "log.csv").read_bytes()
    name = "generator.safetensors"
    assert (tmp_path / name).read_bytes() == (trained / name).read_bytes()


def test_a_finished_run_is_not_trained_further(
    dataroot: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (trained / "checkpoint.pt").read_bytes()
    assert run_training(dataroot, trained) == 0
    assert "resumed behind step 12 of 12" in capsys.readouterr().out
    assert (trained / "checkpoint.pt").read_bytes() == before


def test_a_run_of_other_settings_is_not_continued(
    dataroot: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_training(dataroot, trained, "--ngf", "8", "--seed", "1") == 1
    error = capsys.readouterr().err
    assert "ngf: 4 then, 8 now" in error
    assert "seed: 202412 then, 1 now" in error


def test_a_damaged_checkpoint_is_named(
    dataroot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"half")
    assert run_training(dataroot, tmp_path) == 1
    assert "checkpoint.pt cannot be read as a checkpoint" in capsys.readouterr().err


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_its_checkpoint(
    dataroot: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    learn = runs.Run.learn

    def poisoned(run, inputs, target):
        return learn(run, inputs, target * (math.nan if run.step == 6 else 1))

    monkeypatch.setattr(runs.Run, "learn", poisoned)
    assert run_training(dataroot, tmp_path) == 1
    error = capsys.readouterr().err
    assert "step 7: loss" in error
    assert "that of step 5 stays" in error
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 5


def test_unusable_options_are_all_named(
    dataroot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_training(dataroot, tmp_path, "--batch", "0", "--rate", "-1") == 1
    error = capsys.readouterr().err
    assert "batch 0: expected more than 0" in error
    assert "rate -1.0: expected more than 0" in error
    assert run_training(dataroot, tmp_path, "--size", "30") == 1
    assert "expected a multiple of 4" in capsys.readouterr().err


def test_the_full_preset_has_the_published_values() -> None:
    options = training.parse(["--dataroot", "List", "--out", "run", "--preset", "full"])
    assert training.settings_of(options) == runs.Settings(
        256, 64, 64, 4, 9, 40, 8000, 8000, 2e-4, 202412, 1000, True
    )
    settings = training.settings_of(options)
    rates = [settings.rate_at(epoch) for epoch in (0, 7999, 12000, 16000)]
    assert rates == pytest.approx([2e-4, 2e-4, 1e-4, 0])


def test_training_can_start_from_a_generator(
    dataroot: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    initial = ["--initial", str(trained / "generator.safetensors")]
    assert run_training(dataroot, tmp_path / "a", *initial, "--rate", "1e-12") == 0
    a, b = (read_weights(f / "generator.safetensors") for f in (tmp_path / "a", trained))
    assert all(torch.allclose(a[name], b[name], atol=1e-8) for name in b)
    assert run_training(dataroot, tmp_path / "b", *initial, "--ngf", "8") == 1
    assert "--initial is a generator of other sizes" in capsys.readouterr().err


def test_every_epoch_shows_every_picture_once_in_its_own_order() -> None:
    batches = list(batch_keys(10, 4, seed=1, first=0, last=6))
    epochs = [[key[0] for batch in batches[i : i + 3] for key in batch] for i in (0, 3)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(10))
    assert epochs[0] != epochs[1]
    assert list(batch_keys(10, 4, seed=1, first=4, last=6)) == batches[4:]
    assert len({key[1] for batch in batches for key in batch}) == 20


def run_generation(dataroot: Path, trained: Path, out: Path, kind: str = "signal") -> int:
    weights = str(trained / "generator.safetensors")
    folder = str(dataroot / "Lists" / kind)
    fixed = ["--device", "cpu", "--threads", "1", "--batch", "4"]
    return generate.main(["--weights", weights, "--dataroot", folder, "--out", str(out), *fixed])


def test_generated_pictures_are_named_and_listed(
    dataroot: Path, trained: Path, tmp_path: Path
) -> None:
    assert run_generation(dataroot, trained, tmp_path) == 0
    rows = table_rows(tmp_path / "generated.csv")
    pairs = lists.read_pairs(dataroot / "Lists" / "signal", lists.TEST)
    assert [row["filename"] for row in rows] == [
        f"AF_{pair.label}_gen{number:05d}.png" for number, pair in enumerate(pairs)
    ]
    assert {row["hybrid_stat"] for row in rows} == {"hybrid"}
    assert (rows[0]["structure"], rows[0]["appearance"]) == (pairs[0].edge, pairs[0].colour)
    assert {path.name for path in tmp_path.glob("*.png")} == {row["filename"] for row in rows}
    with Image.open(tmp_path / rows[0]["filename"]) as image:
        assert (image.size, image.mode) == ((32, 32), "RGB")


def test_generation_goes_on_where_it_stopped(
    dataroot: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_generation(dataroot, trained, tmp_path, "nonhybrid") == 0
    pictures = sorted(tmp_path.glob("*.png"))
    wanted, kept = pictures[3].read_bytes(), pictures[0].stat().st_mtime_ns
    pictures[3].unlink()
    (tmp_path / "generated.csv").unlink()
    assert run_generation(dataroot, trained, tmp_path, "nonhybrid") == 0
    assert "1 made, 11 were there" in capsys.readouterr().out
    assert pictures[3].read_bytes() == wanted
    assert pictures[0].stat().st_mtime_ns == kept
    rows = table_rows(tmp_path / "generated.csv")
    assert {row["hybrid_stat"] for row in rows} == {"non-hybrid"}
    assert run_generation(dataroot, trained, tmp_path, "signal") == 1
    assert "holds pictures of other ['lists_sha256']" in capsys.readouterr().err


@pytest.mark.slow
def test_the_scripts_run_as_scripts(dataroot: Path, tmp_path: Path) -> None:
    for name in ("prepare", "train", "generate"):
        ended = subprocess.run(
            [sys.executable, str(ROOT / "training/anomaly_factory" / f"{name}.py"), "--help"],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert ended.returncode == 0, ended.stderr


@pytest.mark.slow
def test_the_full_networks_take_a_step_at_256_pixels(tmp_path: Path) -> None:
    pair = lists.Pair("Images/a/train/pidinet_edges/a.png", "Images/a/train/good/a.jpg")
    perceptual = losses.PerceptualLoss(losses.vgg19_features())
    run = runs.Run(tmp_path, runs.Settings(batch=1), [pair], perceptual, torch.device("cpu"))
    picture = gradient_picture(256)
    one = warps.make_example(picture, picture, 0)
    inputs = torch.cat([one.edge, one.reference])[None]
    found = run.learn(inputs, one.target[None])
    assert set(found) == {"generator", "adversarial", "features", "perceptual", "discriminator"}
    run.save()
    again = networks.generator_from_state(read_weights(tmp_path / "generator.safetensors"))
    assert shapes_of(again) == published_generator()
