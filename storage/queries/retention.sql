-- Rows that no longer serve anybody leave, a bounded number at a time. $1: not newer than this time; $2: rows at most.

-- name: write_units
-- Units that nobody can give again.
DELETE FROM write_units WHERE ctid = ANY (ARRAY(SELECT ctid FROM write_units WHERE committed_at < $1 LIMIT $2))

-- name: paper_batches
-- Batches of paper venues that nobody can give again.
DELETE FROM paper.batches WHERE ctid = ANY (ARRAY(SELECT ctid FROM paper.batches WHERE committed_at < $1 LIMIT $2))

-- name: idempotency_keys
-- Keys that have expired.
DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(SELECT ctid FROM idempotency_keys WHERE expires_at < $1 LIMIT $2))
