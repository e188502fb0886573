"""Print what was changed since a time, without decrypting more than one field.

python changes_since.py contact 2026-03-04T00:00:00+00:00 name
"""

import sys
from datetime import datetime

from e3db_connectors import Client, Search


def main(record_type: str, since: str, field: str) -> None:
    search = Search(count=1000).match(record_types=record_type).range(key="MODIFIED", start=datetime.fromisoformat(since))
    with Client() as client:
        for found in client.search_all(search):
            record = client.read(found.meta.record_id, fields=[field])
            print(found.meta.last_modified, record.data.get(field, "(no such field)"))


if __name__ == "__main__":
    main(*sys.argv[1:])
