"""Upload a file encrypted, share it, and download it again as the reader.

    python send_a_file.py report.pdf work

The arguments are a file and the profile of the reader; the sender is the default profile.
"""

import sys
from pathlib import Path

from e3db_connectors import Client, Config


def main(path: str, reader_profile: str) -> None:
    with Client() as sender, Client(Config.load(reader_profile)) as reader:
        record = sender.write_file("report", path, plain={"name": Path(path).name})
        sender.share("report", reader.client_id, reader_public_key=reader.config.public_key)
        target = Path(path).with_suffix(".received")
        reader.read_file(record.meta.record_id, target)
        print(f"{target}: {target.stat().st_size} bytes, {record.meta.file_meta.size} encrypted")


if __name__ == "__main__":
    main(*sys.argv[1:])
