"""Rules on columns, applied before anything is decrypted."""

from e3db_connectors.policy.counts import ColumnCounts, FieldCounts
from e3db_connectors.policy.document import Policy, json_schema
from e3db_connectors.policy.plan import ColumnPlan, Treatment
from e3db_connectors.policy.pseudonyms import Pseudonymiser, pseudonymiser

__all__ = ["ColumnCounts", "ColumnPlan", "FieldCounts", "Policy", "Pseudonymiser", "Treatment", "json_schema", "pseudonymiser"]
