"""Write the rows of a CSV file as records; run again, it writes nothing twice.

    python bulk_load.py rows.csv customer id

The arguments are the file, the record type, and the column that names a row.
"""

import csv
import sys
from pathlib import Path

from e3db_connectors import Client, NewRecord


def main(path: str, record_type: str, key: str) -> int:
    with Client() as client, Path(path).open(newline="", encoding="utf-8") as file:
        rows = (NewRecord(record_type, row, operation_id=f"{record_type}/{row[key]}") for row in csv.DictReader(file))
        written = failed = 0
        for outcome in client.write_many(rows):
            if outcome.ok:
                written += 1
            else:
                failed += 1
                print(f"{outcome.item.operation_id}: {outcome.error}", file=sys.stderr)
    print(f"{written} rows are there, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
