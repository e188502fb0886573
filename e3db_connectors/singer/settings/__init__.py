"""Settings of tap and target, as `--about` prints them."""

from e3db_connectors.singer.settings.checking import complete, parse_date
from e3db_connectors.singer.settings.environment import from_environment
from e3db_connectors.singer.settings.tap import TAP
from e3db_connectors.singer.settings.target import TARGET

__all__ = ["TAP", "TARGET", "complete", "from_environment", "parse_date"]
