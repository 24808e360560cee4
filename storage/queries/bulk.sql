-- Statements of tables that are partitioned by month, and of the bulk connection.

-- name: ensure_month
-- Makes the partition of a month; in its own transaction, before the rows.
SELECT ensure_month($1, $2)
