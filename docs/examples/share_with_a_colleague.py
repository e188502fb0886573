"""Share a record type with a colleague whose public key you have checked.

    python share_with_a_colleague.py contact 8d3f7a52-6f5e-4b07-9c1e-0f6a3c3f1e55 GzyBiGcUy_BcZcxFcLjMCKJ4CAI0lPD3ZYgJ0K4D1AE

The arguments are the record type, the colleague's client id, and the public key that she has read out to you (``e3db-connectors whoami``).
"""

import sys

from e3db_connectors import Client, errors


def main(record_type: str, reader_id: str, public_key: str) -> int:
    with Client() as client:
        try:
            client.share(record_type, reader_id, reader_public_key=public_key)
        except errors.UntrustedKey as exc:
            print(exc, file=sys.stderr)
            return 1
        for share in client.outgoing_sharing():
            print(f"{share.record_type} is shared with {share.reader_name} ({share.reader_id})")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
