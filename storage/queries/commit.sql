-- Statements of the writer's connection (storage/postgres_facts.py). `{tables}` is filled in from the row structs.

-- name: commit_function
-- Commits a batch of units in one round trip: leases, units, rows, heads, events, in this order, all or nothing.
CREATE OR REPLACE FUNCTION pg_temp.cival_commit(
    p_users uuid[],   -- whose leases must be held, in order, null if no unit belongs to a cell
    p_fences bigint[], -- their fences
    p_units jsonb,    -- [[id, user_id, n, fence, first_seq, last_seq]]
    p_rows jsonb[],   -- per row class an array of rows, null if the batch has none
    p_counts int[],   -- how many rows each of them holds
    p_heads jsonb,    -- [[user_id, channel, seq]] after the batch, in order, null without events
    p_before jsonb,   -- {user_id: seq} before the batch
    p_events jsonb,   -- [[user_id, seq, channel, prev_seq, unit_id, account_id, type, correlation_id, causation_id, at]]
    p_payloads json[] -- of the events, kept as they are
) RETURNS void LANGUAGE plpgsql AS $body$
#variable_conflict use_column
DECLARE
    v_found int;
BEGIN
    IF cardinality(p_users) = 1 THEN
        -- By far the most frequent, and on the way of every order: without a sort and a sum it takes half as long.
        PERFORM FROM cell_leases AS l
        WHERE l.user_id = p_users[1] AND l.fence = p_fences[1] AND l.expires_at > clock_timestamp() FOR SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'expected the lease of the batch to be held' USING ERRCODE = 'CV001';
        END IF;
    ELSIF p_users IS NOT NULL THEN
        -- Two fences of one user cannot both be held: then too few are found.
        SELECT count(*) INTO v_found FROM (
            SELECT FROM cell_leases AS l
            WHERE l.user_id = ANY (p_users) AND l.fence = p_fences[array_position(p_users, l.user_id)]
                AND l.expires_at > clock_timestamp()
            ORDER BY l.user_id FOR SHARE
        ) AS held;
        IF v_found < cardinality(p_users) THEN
            RAISE EXCEPTION 'expected every lease of the batch to be held' USING ERRCODE = 'CV001';
        END IF;
    END IF;

    -- Waits here for a transaction that holds the same unit: one whose COMMIT answer was lost.
    INSERT INTO write_units (id, user_id, n, fence, first_seq, last_seq)
    SELECT (e ->> 0)::uuid, (e ->> 1)::uuid, (e ->> 2)::bigint, (e ->> 3)::bigint, (e ->> 4)::bigint, (e ->> 5)::bigint
    FROM jsonb_array_elements(p_units) AS elements (e)
    ON CONFLICT (id) DO NOTHING;
    GET DIAGNOSTICS v_found = ROW_COUNT;
    IF v_found < jsonb_array_length(p_units) THEN
        RAISE EXCEPTION 'expected new units only' USING ERRCODE = 'CV002';
    END IF;

{tables}
    IF p_heads IS NOT NULL THEN
        -- The row of channel '' comes first and guards the others of its user. A stale number touches no row.
        INSERT INTO stream_heads AS h (user_id, channel, seq)
        SELECT (e ->> 0)::uuid, e ->> 1, (e ->> 2)::bigint
        FROM jsonb_array_elements(p_heads) AS elements (e)
        ON CONFLICT (user_id, channel) DO UPDATE SET seq = EXCLUDED.seq
        WHERE h.channel <> '' OR h.seq = (p_before ->> h.user_id::text)::bigint;
        GET DIAGNOSTICS v_found = ROW_COUNT;
        IF v_found < jsonb_array_length(p_heads) THEN
            RAISE EXCEPTION 'expected the heads that the batch was numbered from' USING ERRCODE = 'CV003';
        END IF;
        INSERT INTO events (
            user_id, seq, channel, prev_seq, unit_id, account_id, type, payload, correlation_id, causation_id, at)
        SELECT (e ->> 0)::uuid, (e ->> 1)::bigint, e ->> 2, (e ->> 3)::bigint, (e ->> 4)::uuid, (e ->> 5)::uuid,
            e ->> 6, payload, (e ->> 7)::uuid, (e ->> 8)::uuid, cival_ts((e ->> 9)::bigint)
        FROM ROWS FROM (jsonb_array_elements(p_events), unnest(p_payloads)) AS elements (e, payload);
    END IF;
END
$body$

-- name: commit_table
-- One table of the function: {statement} writes rows of the class at {place}.
    IF p_rows[{place}] IS NOT NULL THEN
        {statement};
    END IF;

-- name: commit_guarded_table
-- The same where every row must be written: it exists already (update), or belongs to the same user (upsert).
    IF p_rows[{place}] IS NOT NULL THEN
        {statement};
        GET DIAGNOSTICS v_found = ROW_COUNT;
        IF v_found < p_counts[{place}] THEN
            RAISE EXCEPTION '{table}: expected % rows of this user to be written, was %', p_counts[{place}], v_found
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;

-- name: commit
-- Calls the function above.
SELECT pg_temp.cival_commit($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: held_leases
-- Which of these leases are held now.
SELECT l.user_id, l.fence FROM cell_leases AS l
JOIN unnest($1::uuid[], $2::bigint[]) AS c (user_id, fence) ON c.user_id = l.user_id AND c.fence = l.fence
WHERE l.expires_at > clock_timestamp()

-- name: committed_units
-- Which of these units were committed before, with the numbers of their events.
SELECT id, user_id, first_seq, last_seq FROM write_units WHERE id = ANY ($1::uuid[])

-- name: events_of_unit
-- The events of a committed unit.
SELECT user_id, seq, prev_seq, channel, type, at, account_id, correlation_id, payload FROM events
WHERE user_id = $1 AND seq BETWEEN $2 AND $3 ORDER BY seq

-- name: heads
-- The numbers that these users' events have reached, per channel.
SELECT user_id, channel, seq FROM stream_heads WHERE user_id = ANY ($1::uuid[])
