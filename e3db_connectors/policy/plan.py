"""A policy applied to the columns of one record type: which fields are opened, and what is shown of them (design section 4.8)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from e3db_connectors.errors import ConfigError
from e3db_connectors.policy.pseudonyms import KEY_VARIABLE, Pseudonymiser
from e3db_connectors.policy.rules import Drop, Pseudonym, Rule
from e3db_connectors.policy.texts import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from e3db_connectors.policy.document import Policy

_log = logging.getLogger(__name__)

_UNSELECTED: Final = Drop(column="*")


@dataclass(frozen=True)
class Treatment:
    """What becomes of a field.

    Args:
        column: Where it is shown.
        rule: The rule.
        value: What is shown of a decrypted value.
    """

    column: str
    rule: Rule
    value: Callable[[Any], Any]


class ColumnPlan:
    """What becomes of the fields of one record type; decided once.

    Args:
        policy: The rules.
        record_type: The type.
        columns: The column of each known field.
        selected: The columns that were asked for; None: all. Fields of others are dropped, so never opened.
        pseudonymiser: Makes the pseudonyms.

    Raises:
        ConfigError: A rule names a column that is not there, or makes pseudonyms and there is no key.
    """

    def __init__(
        self,
        policy: Policy,
        record_type: str,
        columns: Mapping[str, str],
        *,
        selected: Collection[str] | None = None,
        pseudonymiser: Pseudonymiser | None = None,
    ) -> None:
        """Decide."""
        if pseudonymiser is None and policy.needs_key(record_type):
            raise ConfigError(
                f"a rule makes pseudonyms of columns of {record_type}, and there is no key: give pseudonym_key (--pseudonym-key-file), "
                f"or set {KEY_VARIABLE}"
            )
        self._policy, self._record_type, self._pseudonymiser = policy, record_type, pseudonymiser
        if columns:  # of a type without records nothing is known
            self._check_names({*columns.keys(), *columns.values()})
        self.fields: Final = {name: self._treatment(column, name, column, selected=selected) for name, column in columns.items()}

    def shown(self) -> dict[str, Treatment]:
        """The known fields that have a column."""
        return {name: treatment for name, treatment in self.fields.items() if treatment.rule.shown}

    def unknown(self, name: str, column: str | None) -> Treatment:
        """What becomes of a field that is not known: its rule goes by its name.

        Args:
            name: The field.
            column: Where such fields are shown; None: nowhere.
        """
        if column is None:
            return Treatment(name, _UNSELECTED, _as_it_is)
        return self._treatment(column, name)

    def _treatment(self, column: str, *names: str, selected: Collection[str] | None = None) -> Treatment:
        rule = self._policy.rule_of(self._record_type, *names)
        if selected is not None and column not in selected:
            rule = _UNSELECTED
        return Treatment(column, rule, self._pseudonym(rule) if isinstance(rule, Pseudonym) else rule.value)

    def _pseudonym(self, rule: Pseudonym) -> Callable[[Any], Any]:
        maker = self._pseudonymiser
        if maker is None:
            raise ConfigError("there is no pseudonym key")
        domain = maker.domain(rule.domain)
        return lambda value: None if value is None else maker.pseudonym(canonical(value), domain)

    def _check_names(self, names: set[str]) -> None:
        problems = self._policy.missing(self._record_type, names)
        if problems and self._policy.on_missing == "fail":
            raise ConfigError(
                f"policy: {'; '.join(problems)}; mend the rule, say by record_type which type it is for, or set on_missing to warn"
            )
        for problem in problems:
            _log.warning("policy: %s", problem)


def _as_it_is(value: Any) -> Any:
    return value
