"""Alembic's entry: runs the revisions on the connection that `storage.migrate` hands over.

Each revision is a transaction of its own, which also writes down the checksum of its file.
"""

from collections.abc import Collection, Mapping
from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo

from storage.migration_files import migration_files


def _note_files(
    ctx: MigrationContext,
    step: MigrationInfo,
    heads: Collection[Any],  # noqa: ARG001 - Alembic's signature
    run_args: Mapping[str, Any],  # noqa: ARG001 - as above
) -> None:
    """Keep `schema_files` in step with the revisions, in the same transaction."""
    connection = ctx.connection
    revision = step.up_revision_id
    assert connection is not None, "only an offline run has no connection"
    assert revision is not None, "only a stamp has no revision"
    connection.exec_driver_sql("delete from public.schema_files where revision = $1", (revision,))
    if not step.is_upgrade:
        return
    for file in migration_files():
        if file.revision == revision:
            connection.exec_driver_sql(
                "insert into public.schema_files (revision, file, sha256) values ($1, $2, $3)",
                (revision, file.name, file.sha256),
            )


context.configure(
    connection=context.config.attributes["connection"],
    transaction_per_migration=True,
    on_version_apply=_note_files,
    version_table_schema="public",
)
with context.begin_transaction():
    context.run_migrations()
