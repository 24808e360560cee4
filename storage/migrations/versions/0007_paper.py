"""Schema `paper`: the paper venue's own truth."""

from alembic import op

from storage.migration_files import statements

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Run the SQL file of the same name, statement by statement."""
    for statement in statements(__file__):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Take it back."""
    for statement in statements(__file__, down=True):
        op.get_bind().exec_driver_sql(statement)
