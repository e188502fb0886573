"""What alembic runs: the steps, in the transaction that `opening` has begun."""

from alembic import context

from e3db_connectors.server.store import schema

context.configure(connection=context.config.attributes["connection"], target_metadata=schema.metadata)
context.run_migrations()
