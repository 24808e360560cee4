-- The paper venue's statements. Its rows are written by the statements of its row structs (storage/tables.py).

-- name: commit_function
-- Commits a batch in one round trip, all or nothing; a batch that is known was committed before and changes nothing.
CREATE OR REPLACE FUNCTION pg_temp.cival_paper_commit(
    p_batch uuid,
    p_rows jsonb[] -- per row class an array of rows, null if the batch has none
) RETURNS void LANGUAGE plpgsql AS $body$
#variable_conflict use_column
BEGIN
    INSERT INTO paper.batches (id) VALUES (p_batch) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN;
    END IF;
{tables}
END
$body$

-- name: commit
-- Calls the function above.
SELECT pg_temp.cival_paper_commit($1, $2)

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

-- name: order
-- One order, open or not.
SELECT {columns:PaperOrderRow} FROM paper.orders t WHERE t.account_id = $1 AND t.venue_client_id = $2
