"""Writing rows so that writing them again changes nothing: keyed upserts, doubles and their repair (design section 4.7)."""

from e3db_connectors.sync.writing.delete import RowDeleter
from e3db_connectors.sync.writing.failures import Failures
from e3db_connectors.sync.writing.outcomes import DELETE_OUTCOMES, OUTCOMES, RowOutcome
from e3db_connectors.sync.writing.repair import Repair, repair_keys
from e3db_connectors.sync.writing.streams import WriteOptions, open_deleter, open_writer
from e3db_connectors.sync.writing.writer import RowWriter

__all__ = [
    "DELETE_OUTCOMES",
    "OUTCOMES",
    "Failures",
    "Repair",
    "RowDeleter",
    "RowOutcome",
    "RowWriter",
    "WriteOptions",
    "open_deleter",
    "open_writer",
    "repair_keys",
]
