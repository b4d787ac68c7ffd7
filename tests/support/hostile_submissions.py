"""Submissions that mean harm: what each does in `load()`, and against which promise it goes.

Every attack is bounded by itself, so that a broken defence fails a test and not the machine. It
prints TRIED when it begins and BREACH when it has got what it wanted. @OUTSIDE@ is a file of
this machine, @REFERENCE@ the bundle's reference data, @PORT@ a port where this machine listens,
@MARK@ a number that no other process has in its command line. OUTPUT is /app/output.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from kit.isolation.limits import Limits

LIMITS = Limits(
    memory_bytes=256 * 1024**2,
    processes=64,
    output_bytes=32 * 1024**2,
    output_files=1000,
    temporary_bytes=16 * 1024**2,
    log_bytes=1024**2,
)


@dataclass(frozen=True)
class Hostile:
    """One attack.

    Attributes:
        name: what it does.
        promise: the code of the promise in kit.isolation.promises that it goes against.
        load: the body of `load()`.
        ends: a part of the run's failure; "" when the run ends well all the same; None when
            either may happen.
        predict: what `predict` returns, as source.
        time_limit_s: of each step.
    """

    name: str
    promise: str
    load: str
    ends: str | None = ""
    predict: str = "image.size[0] / 100"
    time_limit_s: float = 60

    def model(self, places: dict[str, str]) -> str:
        """The source of model.py with the @...@ of this machine put in."""
        body = textwrap.indent(textwrap.dedent(self.load), " " * 8)
        source = _MODEL.format(body=body, predict=self.predict)
        for name, value in places.items():
            source = source.replace(f"@{name}@", value)
        return source


_MODEL = """
import json, os, signal, socket, subprocess, sys, time
OUTPUT = sys.argv[2]

class Model:
    def load(self):
        print("TRIED", flush=True)
{body}

    def predict(self, image):
        return {predict}
"""

HOSTILE = (
    Hostile("reads the reference data", "reference", """
        places = ["@REFERENCE@", "/app", *(f"/{name}" for name in os.listdir("/"))]
        dull = ("/usr", "/proc", "/sys", "/lib", "/lib64", "/bin", "/sbin", "/dev")
        for place in places:
            for folder, below, names in os.walk(place):
                if folder in dull or "/lib/python" in folder:
                    below.clear()
                elif "ref.csv" in names:
                    print("BREACH", folder, flush=True)
                    raise SystemExit
    """),
    Hostile("lists / and the processes", "machine", """
        print("ROOT", json.dumps(sorted(os.listdir("/"))), flush=True)
        if os.path.exists("@OUTSIDE@"):
            print("BREACH", "@OUTSIDE@", flush=True)
        for number in filter(str.isdigit, os.listdir("/proc")):
            try:
                words = open(f"/proc/{number}/cmdline").read()
            except OSError:
                continue
            if "pytest" in words and "bwrap" not in words:
                print("BREACH", words, flush=True)
    """),
    Hostile("opens sockets", "network", """
        def attempt(kind, address):
            with socket.socket(socket.AF_INET, kind) as wire:
                wire.settimeout(2)
                try:
                    wire.connect(address)
                    wire.send(b"x")
                    print("BREACH", address, flush=True)
                except OSError as error:
                    print("refused", address, error, flush=True)
        attempt(socket.SOCK_STREAM, ("127.0.0.1", @PORT@))
        attempt(socket.SOCK_STREAM, ("192.0.2.1", 80))
        attempt(socket.SOCK_DGRAM, ("192.0.2.1", 53))
        others = [name for _, name in socket.if_nameindex() if name != "lo"]
        for name in others:
            # Tunnels that a kernel makes in every network of its own lead nowhere.
            if open(f"/sys/class/net/{name}/operstate").read().strip() == "up":
                print("BREACH", name, flush=True)
    """),
    Hostile("writes outside its output", "writes", """
        def attempt(action, *arguments):
            try:
                action(*arguments)
            except OSError as error:
                print("refused", arguments, error, flush=True)
        for path in ("@OUTSIDE@", "@REFERENCE@/ref.csv", "/app/input_data/0.png", "/etc/passwd"):
            attempt(lambda path: open(path, "w").write("mine"), path)
        for name in os.listdir("/app/input_data"):
            attempt(os.remove, f"/app/input_data/{name}")
        attempt(lambda: open("/app/program/ingestion.py", "a").write("#"))
    """),
    Hostile("forks without end", "processes", """
        children = []
        try:
            while len(children) < 400:
                child = os.fork()
                if child == 0:
                    time.sleep(30)
                    os._exit(0)
                children.append(child)
            print("BREACH", len(children), flush=True)
        except OSError as error:
            print("refused", len(children), error, flush=True)
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    """),
    Hostile("allocates without end", "memory", """
        hoard = []
        for number in range(128):
            hoard.append(b"x" * 16_000_000)
        print("BREACH", flush=True)
    """, ends="needed more memory than 268,435,456 bytes"),
    Hostile("fills the disk", "output", """
        for number in range(200):
            with open(f"{OUTPUT}/{number}", "wb") as stream:
                stream.write(b"x" * 4_000_000)
            time.sleep(0.05)
        print("BREACH", flush=True)
    """, ends="wrote more than 33,554,432 bytes or 1,000 files"),
    Hostile("makes files without end", "output", """
        for number in range(20_000):
            open(f"{OUTPUT}/{number}", "w").close()
            if number % 1000 == 0:
                time.sleep(0.1)
        print("BREACH", flush=True)
    """, ends="wrote more than 33,554,432 bytes or 1,000 files"),
    Hostile("fills /tmp", "temporary", """
        try:
            with open("/tmp/filler", "wb") as stream:
                for _ in range(30):
                    stream.write(b"x" * 1_000_000)
            print("BREACH", flush=True)
        except OSError as error:
            print("refused", error, flush=True)
    """),
    Hostile("sleeps past the limit", "time", """
        time.sleep(600)
    """, ends="the time limit of 2 s was exceeded", time_limit_s=2),
    Hostile("ignores SIGTERM", "time", """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        while True:
            time.sleep(1)
    """, ends="the time limit of 2 s was exceeded", time_limit_s=2),
    Hostile("leaves a daemon behind", "daemons", """
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execvp("sleep", ["sleep", "@MARK@"])
            os._exit(0)
        os.wait()
        time.sleep(0.3)
    """),
    Hostile("prints 1 GB", "logs", """
        for _ in range(1024):
            os.write(1, b"x" * 1024**2)
        print("the last line", flush=True)
    """),
    Hostile("writes a metadata file", "metadata", """
        open(f"{OUTPUT}/metadata", "w").write("ingestionExitCode: 0")
    """, ends="a program wrote this file into /app/output"),
    Hostile("writes predictions and gives up", "predictions", """
        rows = "".join(f"{number}.png,{number % 2}.0000\\n" for number in range(4))
        open(f"{OUTPUT}/predictions.txt", "w").write(rows)
        sys.exit("gave up")
    """, ends="the ingestion program ended with exit status 1"),
    Hostile("writes predictions of its own", "predictions", """
        open(f"{OUTPUT}/predictions.txt", "w").write("0.png,0.1234\\n")
    """),
    Hostile("plants scores.json", "scores", """
        best = {{"challenge_score": 1.0, "accuracy": 1.0}}
        open(f"{{OUTPUT}}/scores.json", "w").write(json.dumps(best))
    """.replace("{{", "{").replace("}}", "}"), predict="0.0"),
    Hostile("links out of its output", "links", """
        os.symlink("@OUTSIDE@", f"{OUTPUT}/leak.txt")
        os.symlink("/", f"{OUTPUT}/everything")
    """, ends="expected only files in /app/output, found everything (a link), leak.txt (a link)"),
    Hostile("leaves a pipe that nobody fills", "links", """
        os.mkfifo(f"{OUTPUT}/pipe")
    """, ends="found pipe (a pipe)"),
    Hostile("leaves a name that is no text", "links", """
        open(os.fsencode(OUTPUT) + b"/\\xff", "w").close()
    """, ends="(a name that is not UTF-8)"),
    Hostile("kills its parent", "survival", """
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(0.5)
    """, ends=None),
)  # fmt: skip
