"""Stands in for `tap-e3db` on the path of `meltano run`: passes everything on and counts the RECORD lines of each stream."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path


def main(count_file: str, tap: str, *arguments: str) -> int:
    """Run the tap and append its counts, as a line of JSON, to *count_file*."""
    with subprocess.Popen([tap, *arguments], stdout=subprocess.PIPE) as process:  # noqa: S603 - the project's own tap
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        counts = Counter[str]()
        for line in process.stdout or ():
            sys.stdout.buffer.write(line)
            if line.startswith(b'{"type":"RECORD"'):
                counts[json.loads(line)["stream"]] += 1
        sys.stdout.flush()
    if "--discover" not in arguments:
        with Path(count_file).open("a", encoding="utf-8") as file:
            file.write(json.dumps(counts) + "\n")
    return process.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
