"""How fast the prediction step is: the ingestion program compared with a plain loop, in one run.

    python -m benchmarks.ingestion [--quick] [--repeats N] [--write]

Both predict the same generated JPEGs (100 of 5184x3456, 1,000 of 240x180; --quick: a tenth) with
the same light feature extractor, each in a process of its own, in turn, N times. The times are of
the loop over the images: not of starting Python, importing or loading. --write puts the table
between the ingestion markers of benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from PIL import Image

from kit.markdown import table, write_block

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "ingestion_program"
README = ROOT / "benchmarks" / "README.md"
THREADS = min(8, len(os.sched_getaffinity(0)))
BATCH = 16
DISTINCT = 8

# Colour histograms and orientations of edges at 224x224, and a linear score: a submission that
# costs little compared with decoding, so that what is measured is the program around it.
SUBMISSION = """
import numpy as np

class Model:
    def load(self):
        self.weights = np.random.default_rng(0).normal(size=24 + 64)

    def preprocess(self, image):
        {before}
        return np.asarray(image.convert("RGB").resize((224, 224)))

    def features(self, pixels):
        colours = [np.bincount(pixels[..., c].ravel() >> 5, minlength=8) for c in range(3)]
        grey = pixels.astype(np.float32).mean(axis=2)
        down, right = np.gradient(grey)
        angle = (np.arctan2(down, right) * (32 / np.pi)).astype(int) % 64
        edges = np.bincount(angle.ravel(), np.hypot(down, right).ravel(), minlength=64)
        return np.concatenate([*colours, edges]) / grey.size

    def predict_batch(self, batch):
        features = np.stack([self.features(pixels) for pixels in batch])
        return [float(score) for score in features @ self.weights]

    def predict(self, image):
        return self.predict_batch([self.preprocess(image)])[0]
"""
SPELLINGS = {"full": "", "draft": 'image.draft("RGB", (224, 224))'}


@dataclass(frozen=True)
class Row:
    """One way to predict; `measure` gives seconds and processor seconds of its loop."""

    title: str
    measure: Callable[[Path], tuple[float, float]]


# --- the images


def photograph(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Structure at every scale (soft shapes down to texture) and sensor noise, as in a photo."""
    total = np.zeros((height, width, 3), np.float32)
    cell = 2
    while cell < max(width, height):
        coarse = rng.normal(size=(height // cell + 2, width // cell + 2, 3)) * cell**0.55
        for channel in range(3):
            layer = Image.fromarray(coarse[..., channel].astype(np.float32))
            total[..., channel] += np.asarray(
                layer.resize((width, height), Image.Resampling.BICUBIC)
            )
        cell *= 2
    total *= 45 / total.std()
    total += 120 + rng.normal(scale=5, size=(height, width, 1))
    return Image.fromarray(np.clip(total, 0, 255).astype(np.uint8))


def make_images(folder: Path, number: int, width: int, height: int) -> float:
    """Writes `number` JPEGs, DISTINCT of them different. Returns their mean size in bytes."""
    folder.mkdir()
    rng = np.random.default_rng(7)
    flips = [None, *list(Image.Transpose)[:3]]
    photographs = [photograph(rng, width, height) for _ in range(DISTINCT // len(flips))]
    files: list[bytes] = []
    for base in photographs:
        for flip in flips:
            path = folder / "encoded.tmp"
            turned = base if flip is None else base.transpose(flip)
            turned.resize((width, height)).save(path, "JPEG", quality=92)
            files.append(path.read_bytes())
            path.unlink()
    for index in range(number):
        (folder / f"{index:05}.jpg").write_bytes(files[index % len(files)])
    return statistics.fmean(len(data) for data in files)


# --- what is measured; `--child` runs the first two in a process of their own


def load_model(submission: Path) -> Any:
    Image.preinit()  # as the program does before it loads the submission
    spec = importlib.util.spec_from_file_location("model", submission / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["model"] = module
    spec.loader.exec_module(module)
    model = module.Model()
    model.load()
    return model


def plain_loop(images: Path, submission: Path, output: Path) -> None:
    """Open, predict, write, one after the other, as the official program of the challenge."""
    from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]

    model = load_model(submission)
    with (output / "predictions.txt").open("w") as file, clock():
        for path in tqdm(list(images.iterdir())):
            image = Image.open(path)
            file.write(f"{path.name},{round(model.predict(image), 4)}\n")


def pure_cost(images: Path, submission: Path, output: Path) -> None:
    """All of preprocess in as many threads, then all of predict_batch: nothing else."""
    model = load_model(submission)
    paths = sorted(images.iterdir())
    with clock():
        with ThreadPoolExecutor(THREADS) as pool:
            prepared = list(pool.map(lambda path: model.preprocess(Image.open(path)), paths))
        for start in range(0, len(prepared), BATCH):
            model.predict_batch(prepared[start : start + BATCH])


class clock:
    """Prints the TIMING line that the ingestion program prints."""

    def __enter__(self) -> None:
        self._start, self._cpu = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        seconds = time.perf_counter() - self._start
        cpu = time.process_time() - self._cpu
        print("TIMING " + json.dumps({"predict_s": seconds, "predict_cpu_s": cpu}))


def timed(command: list[str]) -> tuple[float, float]:
    environment = {**os.environ, "INGESTION_INSTALL": "never"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        sys.exit(f"{command} ended with {done.returncode}:\n{done.stderr}")
    timing = json.loads(done.stdout.split("TIMING ")[1].splitlines()[0])
    return timing["predict_s"], timing["predict_cpu_s"]


def rows(work: Path) -> list[Row]:
    """The rows of the table, in the order in which they run."""
    output = work / "output"

    def child(kind: str, spelling: str) -> Callable[[Path], tuple[float, float]]:
        def measure(images: Path) -> tuple[float, float]:
            script = [sys.executable, __file__, "--child", kind]
            return timed([*script, *map(str, (images, work / spelling, output))])

        return measure

    def program(images: Path) -> tuple[float, float]:
        script = [sys.executable, str(PROGRAM / "ingestion.py")]
        return timed([*script, *map(str, (images, output, PROGRAM, work / "draft"))])

    return [
        Row("plain loop, full decoding", child("plain", "full")),
        Row("plain loop, reduced-scale decoding", child("plain", "draft")),
        Row("ingestion program, reduced-scale decoding", program),
        Row("pure cost of preprocess + predict_batch", child("pure", "draft")),
    ]


# --- the table


def size_section(title: str, number: int, times: dict[str, list[tuple[float, float]]]) -> str:
    walls = [statistics.median(wall for wall, _ in measured) for measured in times.values()]
    cpus = [statistics.median(cpu for _, cpu in measured) for measured in times.values()]
    full, reduced, program, pure = walls
    titles = ["", "seconds", "images/s", "processor seconds", "times the full plain loop"]
    rows = [
        [name, f"{wall:.2f}", f"{number / wall:.1f}", f"{cpu:.2f}", f"{full / wall:.2f}"]
        for name, wall, cpu in zip(times, walls, cpus, strict=True)
    ]
    lines = [f"### {title}\n", *table(titles, rows, numbers=(1, 2, 3, 4))]
    lines.append(
        f"\nThe program is **{full / program:.2f}** times as fast as the plain loop with full "
        f"decoding and **{reduced / program:.2f}** times as fast as the plain loop with the same "
        f"submission. Overhead over the pure cost: **{100 * (program / pure - 1):+.1f} %** in "
        f"time, **{100 * (cpus[2] / cpus[3] - 1):+.1f} %** in processor time.\n"
    )
    return "\n".join(lines)


def measure_all(images: Path, work: Path, repeats: int) -> dict[str, list[tuple[float, float]]]:
    times: dict[str, list[tuple[float, float]]] = {row.title: [] for row in rows(work)}
    for repeat in range(repeats):
        for row in rows(work):
            wall, cpu = row.measure(images)
            times[row.title].append((wall, cpu))
            print(
                f"  {repeat + 1}/{repeats} {row.title}: {wall:.2f} s ({cpu:.2f} s cpu)", flush=True
            )
    return times


def report(quick: bool, repeats: int) -> str:
    sizes = [(100, 5184, 3456), (1000, 240, 180)]
    parts = []
    busy = os.getloadavg()[0]  # times of a busy machine say little; this shows which they are
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        (work / "output").mkdir()
        for name, line in SPELLINGS.items():
            (work / name).mkdir()
            (work / name / "model.py").write_text(SUBMISSION.format(before=line))
        for number, width, height in sizes:
            number = number // 10 if quick else number
            images = work / f"{width}x{height}"
            size = make_images(images, number, width, height)
            unit = f"{size / 1e6:.1f} MB" if size > 1e6 else f"{size / 1e3:.0f} kB"
            title = f"{number:,} JPEGs of {width}x{height} ({unit} each)"
            print(title, flush=True)
            parts.append(size_section(title, number, measure_all(images, work, repeats)))
    return "\n".join([introduction(quick, repeats, busy), *parts])


def introduction(quick: bool, repeats: int, busy: float) -> str:
    command = "python -m benchmarks.ingestion --write" + (" --quick" if quick else "")
    return (
        f"Written by `{command} --repeats {repeats}`: medians of {repeats} runs in turn on "
        f"{THREADS} usable processors, Python {platform.python_version()}, Pillow "
        f"{PIL.__version__}, with a load of {busy:.1f} from other work when it began. Full "
        "decoding is how published submissions are written; reduced-scale decoding is one line "
        "more (`image.draft`). Against the plain loop with the same submission no program can be "
        f"more than {THREADS} times as fast on {THREADS} processors; the rest is decoding less.\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the images")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each row (default 3)")
    parser.add_argument("--write", action="store_true", help="put the table into the README")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        kind, *folders = options.child
        {"plain": plain_loop, "pure": pure_cost}[kind](*map(Path, folders))
        return
    text = report(options.quick, options.repeats)
    print("\n" + text)
    if options.write:
        write_block(README, "ingestion", text)


if __name__ == "__main__":
    main()
