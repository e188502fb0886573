"""The command `e3db-connectors`: thin, and quick to start; whatever is heavy is imported where it is used."""

from e3db_connectors.cli.main import main

__all__ = ["main"]
