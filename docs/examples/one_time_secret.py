"""Hand somebody a secret that can be read once, within an hour.

    echo swordfish | python one_time_secret.py send <reader's encryption key> <reader's signing key>
    python one_time_secret.py read <note id> <writer's signing key>

The secret comes from standard input: other users of the machine can see arguments.
"""

import sys
from datetime import UTC, datetime, timedelta

from e3db_connectors import Client, NoteOptions


def send(encryption_key: str, signing_key: str) -> None:
    options = NoteOptions(max_views=1, expiration=datetime.now(UTC) + timedelta(hours=1))
    with Client() as client:
        note = client.write_note({"secret": sys.stdin.read().strip()}, encryption_key, signing_key, options)
    print(note.note_id)


def read(note_id: str, writer_signing_key: str) -> None:
    with Client() as client:
        print(client.read_note(note_id, writer_signing_key=writer_signing_key).data["secret"])


if __name__ == "__main__":
    {"send": send, "read": read}[sys.argv[1]](*sys.argv[2:])
