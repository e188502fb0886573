"""The delay of searches came into use; its tables were there."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Nothing to do."""
