"""How fast each submission serves: the whole ingestion program next to its bare network.

    python -m benchmarks.serving [--images N] [--repeats N] [--only NAME] [--write]
    python -m benchmarks.serving --trained SUBMISSION IMAGES [--images N] [--repeats N]

For every submission with weights, on the development images of its track, images a second of
- the program: the ingestion program from the first image to the predictions file;
- the network: the submission's networks alone, on ready tensors, in batches of the same size;
- preprocess: opening, decoding and preparing the images in threads, and nothing else;
- the loop: `predict` image by image, as an official program calls it, of every fourth image.
All four in turn, N times, in one process for each submission: neither starting Python nor loading
counts. The table has medians, and medians of each round's ratios. A CPU computes
networks and prepares images with the same processors, so that "both" is the rate at which one could
follow the other; an accelerator can reach the lower of the two. With a GPU the batch sizes are 1,
32 and 256, without one the submission's own. --write puts the table between the serving markers of
benchmarks/README.md. `--trained SUBMISSION IMAGES` measures a trained copy on photographs instead,
and prints its row.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from kit import submissions
from kit.markdown import read_block, table, write_block
from wildlife_ingestion.images import list_images
from wildlife_ingestion.plan import Plan, make_plan
from wildlife_ingestion.predict import predict_all
from wildlife_ingestion.submission import load_submission, read_prediction_kind

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "ingestion_program"
README = ROOT / "benchmarks" / "README.md"
TASK = "development"
GPU_SIZES = (1, 32, 256)
LOOPED = 4  # the loop takes every fourth image: its rate is the same, and it is the slowest
MEASURED = ("program", "network", "preprocess", "loop")
AIM = 0.9  # of the network or of preprocess, whichever is lower; and no less than the loop
Rates = dict[str, float]


# --- in a process of its own for each submission


def child(folder: Path, images: Path, repeats: int) -> list[dict[str, Any]]:
    """Return for each round the four rates, the batch size, and the device."""
    listed = list_images(images).images
    submission = load_submission(folder, PROGRAM, {})
    plan = make_plan(submission.model, listed, images, one_by_one=False)
    single = make_plan(submission.model, listed, images, one_by_one=True)
    prepared = [plan.prepare(image) for image in listed]  # the first look warms everything up
    network = network_alone(plan, prepared)
    kind = read_prediction_kind(folder)

    def preprocess() -> None:
        with ThreadPoolExecutor(plan.threads) as pool:
            list(pool.map(plan.prepare, listed))

    def loop() -> None:
        for image in listed[::LOOPED]:
            single.answer([single.prepare(image)])

    rounds = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as output, redirect_stdout(sys.stderr):
            program = seconds(partial(predict_all, submission, listed, kind, images, Path(output)))
        rates = {
            "program": len(listed) / program,
            "network": len(listed) / seconds(network),
            "preprocess": len(listed) / seconds(preprocess),
            "loop": len(listed[::LOOPED]) / seconds(loop),
        }
        rounds.append({**rates, "batch": plan.batch_size, "device": device_name()})
    return rounds


def network_alone(plan: Plan, prepared: list[Any]) -> Callable[[], None]:
    """Return what runs the networks again on all tensors that they get; without any: `answer`."""
    size = plan.batch_size
    batches = [prepared[start : start + size] for start in range(0, len(prepared), size)]
    calls: list[tuple[Any, Any]] = []
    with noted(calls):
        for batch in batches:
            plan.answer(batch)

    def again() -> None:
        for network, pixels in calls:
            network(pixels)
        if not calls:
            for batch in batches:
                plan.answer(batch)

    return again


@contextmanager
def noted(calls: list[tuple[Any, Any]]) -> Iterator[None]:
    """Note each call of a ServedNetwork of the submission that is loaded, and its tensors."""
    module: Any = sys.modules.get("wildlife_submission.served_network")
    if module is None:
        yield
        return
    call = module.ServedNetwork.__call__

    def noting(network: Any, pixels: Any) -> Any:
        calls.append((network, pixels))
        return call(network, pixels)

    module.ServedNetwork.__call__ = noting
    try:
        yield
    finally:
        module.ServedNetwork.__call__ = call


def device_name() -> str:
    """Return the name of the GPU, or "CPU"."""
    torch: Any = sys.modules.get("torch")
    return str(torch.cuda.get_device_name()) if torch and torch.cuda.is_available() else "CPU"


def seconds(way: Callable[[], None]) -> float:
    """Return how long a way takes."""
    started = time.perf_counter()
    way()
    return time.perf_counter() - started


# --- the parent


def measured(folder: Path, images: Path, repeats: int) -> list[dict[str, Any]]:
    """Measure one submission in a process of its own: what `child` returns."""
    arguments = ["--child", str(folder), str(images), "--repeats", str(repeats)]
    command = [sys.executable, "-m", "benchmarks.serving", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        sys.exit(f"{command} ended with {done.returncode}:\n{done.stderr}")
    rounds: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return rounds


def with_batch_size(name: str, size: int | None, work: Path) -> Path:
    """Copy a submission and set its batch size; None: its own."""
    folder = work / f"{name}-{size}"
    shutil.copytree(submissions.find(name).path, folder)
    if size is not None:
        with (folder / "model.py").open("a", encoding="utf-8") as stream:
            stream.write(f"\n\nModel.batch_size = {size}\n")
    return folder


def some_images(name: str, count: int, work: Path) -> Path:
    """Link the first development images of the submission's track, and their metadata.csv."""
    track = submissions.track_of(submissions.find(name).path)
    source = ROOT / "sample_data" / str(track) / "input_data" / TASK
    folder = work / f"images-{track}"
    if not folder.is_dir():
        folder.mkdir()
        chosen = sorted(source.glob("*.jpg"))[:count]
        for path in chosen:
            (folder / path.name).symlink_to(path)
        if (source / "metadata.csv").is_file():
            shutil.copy(source / "metadata.csv", folder)
    return folder


def has_gpu() -> bool:
    """Return whether torch sees a GPU; asked in another process, which may end without torch."""
    code = "import torch, sys; sys.exit(not torch.cuda.is_available())"
    return subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def all_rounds(names: list[str], count: int, repeats: int) -> dict[tuple[str, int], list[Any]]:
    """Return the rounds of each submission and batch size."""
    found: dict[tuple[str, int], list[Any]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        for name in names:
            for size in GPU_SIZES if has_gpu() else (None,):
                folder = with_batch_size(name, size, work)
                rounds = measured(folder, some_images(name, count, work), repeats)
                found[name, rounds[0]["batch"]] = rounds
                for one in rounds:
                    shown = ", ".join(f"{what} {one[what]:.1f}" for what in MEASURED)
                    print(f"  {name}, {one['batch']}: {shown}", flush=True)
    return found


def photographs(folder: Path, count: int, work: Path) -> Path:
    """Link the first images of a folder of photographs."""
    chosen = list_images(folder).images[:count]
    linked = work / "photographs"
    linked.mkdir()
    for one in chosen:
        (linked / one.path.name).symlink_to(one.path.resolve())
    return linked


def trained_rounds(folder: Path, images: Path, count: int, repeats: int) -> list[Any]:
    """Return the rounds of a trained copy of a submission on photographs."""
    with tempfile.TemporaryDirectory() as temporary:
        shown = photographs(images, count, Path(temporary))
        return measured(folder.resolve(), shown, repeats)


def both(rates: Rates) -> float:
    """Return the rate of the network and preprocess one after the other."""
    return 1 / (1 / rates["network"] + 1 / rates["preprocess"])


def lower(rates: Rates) -> float:
    """Return the lower of the rates of the network and preprocess."""
    return min(rates["network"], rates["preprocess"])


RATIOS: dict[str, Callable[[Rates], float]] = {
    "of the lower": lambda rates: rates["program"] / lower(rates),
    "of both": lambda rates: rates["program"] / both(rates),
    "of the loop": lambda rates: rates["program"] / rates["loop"],
}


def report(found: dict[tuple[str, int], list[Any]]) -> str:
    """Return the table: medians of rates, and of the ratios of each round."""
    rows = []
    for (name, batch), rounds in found.items():
        rates = [statistics.median(one[what] for one in rounds) for what in MEASURED]
        ratios = [statistics.median(ratio(one) for one in rounds) for ratio in RATIOS.values()]
        rows.append(
            [f"`{name}`", str(batch), *(f"{v:.1f}" for v in rates), *(f"{v:.2f}" for v in ratios)]
        )
    titles = ["images/s", "batch", *MEASURED, *RATIOS]
    return "\n".join(table(titles, rows, numbers=range(1, len(titles))))


def footnote(found: dict[tuple[str, int], list[Any]], count: int, repeats: int) -> str:
    """Say where and how the table was measured."""
    device = next(iter(found.values()))[0]["device"]
    processors = len(os.sched_getaffinity(0))
    where = machine(f"{processors} processors", f"networks on {device}")
    return (
        f"{count} images, medians of {repeats} rounds in turn. {where}, with a load of "
        f"{os.getloadavg()[0]:.1f} when it ended. Written by "
        f"`python -m benchmarks.serving --write --images {count} --repeats {repeats}`."
    )


def main() -> None:
    """Measure, print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=200, help="of each track (default 200)")
    parser.add_argument("--repeats", type=int, default=3, help="rounds (default 3)")
    parser.add_argument("--only", action="append", help="a submission, given once or more")
    parser.add_argument(
        "--trained", nargs=2, type=Path, metavar=("SUBMISSION", "IMAGES"), help="see above"
    )
    parser.add_argument("--write", action="store_true", help="put the table into the README")
    parser.add_argument("--child", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        folder, images = options.child
        print(json.dumps(child(folder, images, options.repeats)))
        return
    if options.trained:
        folder, images = options.trained
        rounds = trained_rounds(folder, images, options.images, options.repeats)
        print(report({(folder.name, rounds[0]["batch"]): rounds}))
        return
    if options.write:
        read_block(README, "serving")  # better told before the measuring
    served = [one.name for one in submissions.discover() if (one.path / "weights.json").is_file()]
    found = all_rounds(options.only or served, options.images, options.repeats)
    text = f"{report(found)}\n\n{footnote(found, options.images, options.repeats)}"
    print("\n" + text)
    if options.write:
        write_block(README, "serving", text)


if __name__ == "__main__":
    main()
