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

-- name: events
-- The first events of each user, up to the first that is young. An event may bear the time of a recording; whoever
-- replays one finds its events for as long as the id of their unit is kept.
DELETE FROM events WHERE (user_id, seq) IN (
    SELECT e.user_id, e.seq
    FROM stream_heads h CROSS JOIN LATERAL (
        SELECT o.user_id, o.seq, bool_and(o.is_old) OVER (ORDER BY o.seq) AS leaves
        FROM (SELECT n.user_id, n.seq, n.at < $1 AND NOT EXISTS (
                  SELECT FROM write_units u WHERE u.id = n.unit_id AND u.committed_at >= $1) AS is_old
              FROM events n WHERE n.user_id = h.user_id ORDER BY n.seq LIMIT $2) o) e
    WHERE h.channel = '' AND e.leaves
      AND (SELECT f.at < $1 FROM events f WHERE f.user_id = h.user_id ORDER BY f.seq LIMIT 1)
    ORDER BY e.user_id, e.seq LIMIT $2)
