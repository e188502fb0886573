"""Which fields of a record are opened: only those that somebody asked for (design section 4.8)."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass
class FieldCounts:
    """How many fields of a run were opened, and how many left alone."""

    decrypted: int = 0
    untouched: int = 0


@dataclass(frozen=True)
class ColumnPlan:
    """The fields to decrypt.

    Args:
        fields: Their names; every other field stays sealed.
    """

    fields: frozenset[str]

    def choose(self, present: Collection[str], counts: FieldCounts) -> frozenset[str]:
        """Choose among the fields that a record has, and count the choice."""
        chosen = self.fields.intersection(present)
        counts.decrypted += len(chosen)
        counts.untouched += len(present) - len(chosen)
        return chosen
