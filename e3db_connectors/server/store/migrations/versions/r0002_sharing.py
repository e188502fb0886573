"""The first schema that is migrated: databases of it are there already, so there is nothing to do."""

revision = "0002"
down_revision = None


def upgrade() -> None:
    """Begin here."""
