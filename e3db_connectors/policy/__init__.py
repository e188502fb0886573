"""Rules on columns, applied before anything is decrypted."""

from e3db_connectors.policy.plan import ColumnPlan, FieldCounts

__all__ = ["ColumnPlan", "FieldCounts"]
