-- Do the books add up? Each statement returns what breaks its rule; no row is the proof. Read as cival_reader.

-- name: ledger entries that do not sum to zero
-- Double entry, per entry and asset.
SELECT entry_id, asset, sum(amount) AS amount FROM ledger_lines GROUP BY 1, 2 HAVING sum(amount) <> 0 LIMIT 10

-- name: orders whose filled quantity is not the sum of their trades
-- Fills are law; voided ones do not count.
SELECT o.id, o.filled_quantity, coalesce(sum(t.quantity), 0) AS traded
FROM orders o LEFT JOIN trades t ON t.order_id = o.id AND t.voided_by IS NULL
GROUP BY o.id HAVING o.filled_quantity <> coalesce(sum(t.quantity), 0) LIMIT 10

-- name: trades without a ledger entry
-- A trade and its entry travel in one unit.
SELECT t.id FROM trades t LEFT JOIN ledger_entries e ON e.trade_id = t.id WHERE e.id IS NULL LIMIT 10

-- name: balances that are not the sum of their ledger lines
-- A balance is a projection of the ledger.
WITH sums AS (
    SELECT account_id, asset, sum(amount) AS total FROM ledger_lines WHERE ledger_account LIKE 'assets:%' GROUP BY 1, 2)
SELECT account_id, asset, b.total, s.total AS lines FROM balances b FULL JOIN sums s USING (account_id, asset)
WHERE coalesce(b.total, 0) <> coalesce(s.total, 0) LIMIT 10

-- name: positions that are not the sum of their open lots
-- Lots and position are two views on the same trades.
WITH sums AS (
    SELECT account_id, symbol, sum(CASE side WHEN 'buy' THEN remaining ELSE -remaining END) AS size
    FROM lots WHERE remaining > 0 GROUP BY 1, 2)
SELECT account_id, symbol, p.size, s.size AS lots FROM positions p FULL JOIN sums s USING (account_id, symbol)
WHERE coalesce(p.size, 0) <> coalesce(s.size, 0) LIMIT 10

-- name: holes in a journal
-- A user's events count 1, 2, 3 from the oldest that is kept.
SELECT user_id, seq FROM (
    SELECT user_id, seq, lag(seq) OVER (PARTITION BY user_id ORDER BY seq) AS before FROM events) e
WHERE before IS NOT NULL AND seq <> before + 1 LIMIT 10

-- name: discrepancies with a venue that nobody has explained
-- Ours and the venue's numbers differ.
SELECT account_id, kind, asset, ours, venue FROM discrepancies WHERE state = 'open' LIMIT 10

-- name: rows in a default partition
-- A month's partition was missing when they came.
SELECT c.relname FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid
WHERE pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT' AND c.reltuples > 0 LIMIT 10
