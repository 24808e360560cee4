-- The paper venue's statements. Its rows are written by the statements of its row structs (storage/tables.py).

-- name: commit_function
-- Commits a batch in one round trip, all or nothing; a batch that is known was committed before and changes nothing.
CREATE OR REPLACE FUNCTION pg_temp.cival_paper_commit(
    p_batch uuid,
    p_rows jsonb[], -- per row class an array of rows, null if the batch has none
    p_venue text, -- null: nobody claims anything
    p_epoch bigint
) RETURNS void LANGUAGE plpgsql AS $body$
#variable_conflict use_column
BEGIN
    -- FOR SHARE makes a take-over wait for the commit.
    IF p_venue IS NOT NULL THEN
        PERFORM FROM paper.owners AS o
        WHERE o.venue = p_venue AND o.epoch = p_epoch AND o.expires_at > clock_timestamp() FOR SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the claim of venue % with epoch % does not hold', p_venue, p_epoch USING ERRCODE = 'CV004';
        END IF;
    END IF;
    INSERT INTO paper.batches (id) VALUES (p_batch) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN;
    END IF;
{tables}
END
$body$

-- name: commit
-- Calls the function above.
SELECT pg_temp.cival_paper_commit($1, $2, $3, $4)

-- name: prolong_claim
-- Keeps a venue that nobody has taken meanwhile, expired or not.
UPDATE paper.owners SET expires_at = clock_timestamp() + $4 * interval '1 microsecond'
WHERE venue = $1 AND owner = $2 AND epoch = $3 RETURNING epoch

-- name: take_claim
-- Takes a venue that is free, expired, or was this node's before it restarted.
INSERT INTO paper.owners AS o (venue, epoch, owner, holder, expires_at)
VALUES ($1, 1, $2, $3, clock_timestamp() + $4 * interval '1 microsecond')
ON CONFLICT (venue) DO UPDATE
    SET epoch = o.epoch + 1, owner = excluded.owner, holder = excluded.holder, expires_at = excluded.expires_at
    WHERE o.owner = excluded.owner OR o.expires_at <= clock_timestamp()
RETURNING epoch

-- name: holder
-- Who runs a venue.
SELECT holder FROM paper.owners WHERE venue = $1

-- name: release_claim
-- The row stays, and with it the epoch.
UPDATE paper.owners SET expires_at = clock_timestamp() WHERE venue = $1 AND owner = $2 AND epoch = $3

-- name: accounts
-- Accounts of a venue.
SELECT {columns:PaperAccountRow} FROM paper.accounts t WHERE t.venue = $1

-- name: balances
-- Balances of some accounts.
SELECT {columns:PaperBalanceRow} FROM paper.balances t WHERE t.account_id = ANY ($1::uuid[])

-- name: positions
-- Positions of some accounts.
SELECT {columns:PaperPositionRow} FROM paper.positions t WHERE t.account_id = ANY ($1::uuid[])

-- name: open_orders
-- Orders that rest or wait for their trigger, oldest first.
SELECT {columns:PaperOrderRow} FROM paper.orders t
WHERE t.venue = $1 AND t.state IN ('pending', 'open') ORDER BY t.placed_at, length(t.external_order_id), t.external_order_id

-- name: last_cursor
-- Cursor of the newest trade of a venue.
SELECT coalesce(max(cursor), 0) FROM paper.trades WHERE venue = $1

-- name: mark
-- The frame that the venue has matched in a session.
SELECT {columns:PaperMarkRow} FROM paper.position t WHERE t.venue = $1 AND t.session = $2

-- name: last_order_id
-- The newest external order id that was given out, in any session.
SELECT coalesce(max(last_order_id), 0) FROM paper.position WHERE venue = $1

-- name: fills
-- Trades of an account after a cursor, oldest first.
SELECT {columns:PaperTradeRow} FROM paper.trades t
WHERE t.account_id = $1 AND t.cursor > $2 ORDER BY t.cursor LIMIT $3

-- name: order_fills
-- Trades of one order after a cursor, oldest first. An order has few, so that the index of its trades is enough.
SELECT {columns:PaperTradeRow} FROM paper.trades t
WHERE t.account_id = $1 AND t.cursor > $2 AND t.venue_client_id = $4 ORDER BY t.cursor LIMIT $3

-- name: order
-- One order, open or not.
SELECT {columns:PaperOrderRow} FROM paper.orders t WHERE t.account_id = $1 AND t.venue_client_id = $2
