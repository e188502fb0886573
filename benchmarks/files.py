"""Large files: sealing and opening against bare secretstream calls on the same bytes, and the memory that it takes."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from os import urandom
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nacl import bindings

from benchmarks.measure import alternating, table
from e3db_connectors.crypto.access_keys import ACCESS_KEY_SIZE
from e3db_connectors.crypto.files import BLOCK_SIZE, open_file, seal_file

if TYPE_CHECKING:
    from collections.abc import Iterator

MEBIBYTE: Final = 1 << 20
SIZE: Final = 64 * MEBIBYTE
MEMORY_SIZES: Final = (1, 64, 1024)
_PIECE: Final = 256 * 1024


class Generated(io.RawIOBase):
    """A file of zeros that takes no room."""

    def __init__(self, size: int) -> None:
        """It has *size* bytes."""
        self._left = size
        self._zeros = bytes(_PIECE)

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        taken = min(self._left, _PIECE if size < 0 else size)
        self._left -= taken
        return self._zeros[:taken]


def bare_seal(data: bytes) -> int:
    """Nothing but the calls that encrypt."""
    state = bindings.crypto_secretstream_xchacha20poly1305_state()
    bindings.crypto_secretstream_xchacha20poly1305_init_push(state, bytes(32))
    push, message = bindings.crypto_secretstream_xchacha20poly1305_push, bindings.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
    return drain(push(state, data[start : start + BLOCK_SIZE], None, message) for start in range(0, len(data), BLOCK_SIZE))


def bare_open(header: bytes, blocks: list[bytes]) -> None:
    """Nothing but the calls that decrypt."""
    state = bindings.crypto_secretstream_xchacha20poly1305_state()
    bindings.crypto_secretstream_xchacha20poly1305_init_pull(state, header, bytes(32))
    for block in blocks:
        bindings.crypto_secretstream_xchacha20poly1305_pull(state, block)


def sealed_blocks(data: bytes) -> tuple[bytes, list[bytes]]:
    """What `bare_open` opens."""
    state = bindings.crypto_secretstream_xchacha20poly1305_state()
    header = bindings.crypto_secretstream_xchacha20poly1305_init_push(state, bytes(32))
    blocks = [bindings.crypto_secretstream_xchacha20poly1305_push(state, data[s : s + BLOCK_SIZE]) for s in range(0, len(data), BLOCK_SIZE)]
    return header, blocks


def drain(pieces: Iterator[bytes]) -> int:
    """Use pieces up; their size."""
    return sum(map(len, pieces))


def pieces_of(body: bytes) -> Iterator[bytes]:
    """A body as it comes over the network."""
    return (body[start : start + _PIECE] for start in range(0, len(body), _PIECE))


def rates() -> None:
    """Print how fast it goes."""
    data, key = urandom(SIZE), urandom(ACCESS_KEY_SIZE)
    body, (header, blocks) = b"".join(seal_file(key, io.BytesIO(data))), sealed_blocks(data)
    seconds = alternating(
        {
            "bare push": lambda: bare_seal(data),
            "seal_file": lambda: drain(seal_file(key, io.BytesIO(data))),
            "bare pull": lambda: bare_open(header, blocks),
            "open_file": lambda: drain(open_file(key, pieces_of(body))),
        },
        rounds=5,
    )
    bare = {"bare push": "bare push", "seal_file": "bare push", "bare pull": "bare pull", "open_file": "bare pull"}
    rows = [[way, f"{SIZE / MEBIBYTE / took:.0f} MiB/s", f"{100 * seconds[bare[way]] / took:.0f} %"] for way, took in seconds.items()]
    table(f"A file of {SIZE // MEBIBYTE} MiB, one core", ["way", "rate", "of the bare calls"], rows)


def memory() -> None:
    """Print what it takes: each size in a process of its own."""
    rows = []
    for size in MEMORY_SIZES:
        done = subprocess.run([sys.executable, "-m", "benchmarks.files", str(size)], capture_output=True, text=True, check=True)  # noqa: S603 - ourselves
        rows.append([f"{size} MiB", f"{int(done.stdout) / 1024:.1f} MiB"])
    table("Peak memory of a process that seals a file and opens it again", ["file", "peak"], rows)


def seal_and_open(size: int) -> None:
    """Do it once, without keeping any of it, and print the peak in KiB, as Linux counts it for this program alone."""
    key = urandom(ACCESS_KEY_SIZE)
    drain(open_file(key, seal_file(key, Generated(size * MEBIBYTE))))  # type: ignore[arg-type]
    status = Path("/proc/self/status").read_text(encoding="ascii")
    print(re.search(r"VmHWM:\s+(\d+)", status)[1])  # type: ignore[index]  # noqa: T201 - what it is run for


if __name__ == "__main__":
    seal_and_open(int(sys.argv[1]))
