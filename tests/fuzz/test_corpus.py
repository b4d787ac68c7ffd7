"""What the fuzzer found stays found: its cases, the seeds, and hypothesis on every parser."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import targets
from tests.fuzz.limits import limited

FUZZ = Path(__file__).parent


CASES = sorted(path for kind in ("corpus", "seeds") for path in (FUZZ / kind).glob("*/*"))
TEXT = st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
STRUCTURED = st.lists(
    st.sampled_from(
        [b"filename", b"a.jpg", b",", b"\n", b'"', b": ", b"- ", b"[", b"{", b"}", b"]", b"0.5",
         b"nan", b"-1", b"\r\n", b"\xef\xbb\xbf", b"version: 2", b"tasks:", b"command: ",
         b"$input", b"'", b"==", b">=", b"numpy", b"PK\x03\x04", b"\xff\xd8\xff", b"\0", b"&a ",
         b"*a", b"!!python/object:os.system ", b"files", b"../"]
    ),
    max_size=30,
).map(b"".join)  # fmt: skip


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}-{path.name[:24]}")
@pytest.mark.filterwarnings("ignore")  # Pillow warns of what it then refuses
def test_a_found_case_ends_well_or_with_a_message(path: Path) -> None:
    targets.check(path.parent.name, path.read_bytes())


@pytest.mark.parametrize("name", sorted(targets.TARGETS))
@pytest.mark.filterwarnings("ignore")
def test_every_target_has_a_seed_and_takes_anything(name: str) -> None:
    assert list((FUZZ / "seeds" / name).iterdir()), "a fuzzer without seeds stays at the door"

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.one_of(st.binary(max_size=200), TEXT, STRUCTURED))
    def takes(data: bytes) -> None:
        targets.check(name, data)

    takes()


def test_a_case_beyond_its_limits_is_a_fault() -> None:
    with pytest.raises(TimeoutError), limited(seconds=0.1):
        time.sleep(5)
    with pytest.raises(MemoryError), limited(megabytes=50):
        bytearray(100 * 2**20)
