"""Where Alembic enters. It is given an open connection by schema.py; there is no offline mode and no alembic.ini."""

from alembic import context

from gateway.storage import tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
    transactional_ddl=True,  # both databases roll DDL back, so that a migration is done whole or not at all
)
context.run_migrations()
