-- A long past for one account: what `cival bench recovery` starts from. Both sides of it, the engine's and the paper
-- venue's, agree: of four past orders one bought, one sold what it had bought a little dearer, two were cancelled.

-- name: account
-- The account that is filled.
SELECT a.id, a.user_id, a.exchange FROM trading_accounts a ORDER BY a.created_at LIMIT 1

-- name: fast
-- No checks of what is consistent by construction: superuser, this session only.
SELECT set_config('session_replication_role', 'replica', false), set_config('synchronous_commit', 'off', false)

-- name: agent
-- An agent that has made half of the past and does not run.
INSERT INTO trading_agents (id, user_id, account_id, name, agent_type, symbols, configuration, status)
VALUES ('00000000-0000-7000-8000-0000000000a1', $2, $1, 'past', 'trend_follower', '{BTC/USDT}', '{}', 'inactive')

-- name: past_orders
-- Orders that are done.
INSERT INTO orders (
    id, user_id, account_id, external_order_id, client_order_id, venue_client_id, intent_key, symbol, side, type,
    quantity, price, time_in_force, status, lifecycle, done_reason, filled_quantity, average_price, exchange, origin,
    agent_id, correlation_id, fence, send_by, venue_updated_at, created_at, updated_at)
SELECT o.id, $2, $1, g, o.id, 'cv-' || replace(o.id::text, '-', ''), g, 'BTC/USDT',
       (CASE g % 4 WHEN 2 THEN 'sell' ELSE 'buy' END)::order_side, 'limit',
       0.001, CASE g % 4 WHEN 1 THEN 50000 WHEN 2 THEN 50001 ELSE 20000 END, 'GTC',
       (CASE WHEN g % 4 IN (1, 2) THEN 'filled' ELSE 'cancelled' END)::order_status, 'done',
       (CASE WHEN g % 4 IN (1, 2) THEN 'filled' ELSE 'cancelled' END)::order_done_reason,
       CASE WHEN g % 4 IN (1, 2) THEN 0.001 ELSE 0 END, CASE g % 4 WHEN 1 THEN 50000 WHEN 2 THEN 50001 END, $3,
       (CASE WHEN g % 8 < 4 THEN 'agent' ELSE 'api' END)::order_origin,
       CASE WHEN g % 8 < 4 THEN '00000000-0000-7000-8000-0000000000a1'::uuid END, o.id, 1, o.at, o.at, o.at, o.at
FROM generate_series(1, $4::bigint) g, LATERAL (
    SELECT (lpad(to_hex(g), 12, '0') || '70008000000000000000')::uuid AS id,
           now() - interval '2 days' + g * interval '1 millisecond' AS at) o

-- name: open_orders
-- Orders that rest far below the market.
INSERT INTO orders (
    id, user_id, account_id, external_order_id, client_order_id, venue_client_id, intent_key, symbol, side, type,
    quantity, price, time_in_force, status, lifecycle, exchange, origin, correlation_id, fence, send_by,
    venue_updated_at, created_at, updated_at, request)
SELECT o.id, $2, $1, g, o.id, 'cv-' || replace(o.id::text, '-', ''), g, 'BTC/USDT', 'buy', 'limit', 0.001,
       10000 + g % 1000, 'GTC', 'open', 'working', $3, 'api', o.id, 1, o.at, o.at, o.at, o.at,
       jsonb_build_object('symbol', 'BTC/USDT', 'quantity', '0.001')
FROM generate_series($4::bigint + 1, $4 + $5::bigint) g, LATERAL (
    SELECT (lpad(to_hex(g), 12, '0') || '70008000000000000000')::uuid AS id, now() - interval '1 day' AS at) o

-- name: trades
-- One trade per order that has filled.
INSERT INTO trades (
    id, order_id, user_id, account_id, external_trade_id, symbol, side, quantity, price, fees, fee_asset, liquidity,
    realized_pnl, exchange, correlation_id, executed_at, created_at)
SELECT o.id, o.id, o.user_id, o.account_id, o.external_order_id, o.symbol, o.side, o.filled_quantity, o.average_price,
       0, 'USDT', 'maker', CASE o.side WHEN 'sell' THEN 0.001 ELSE 0 END, o.exchange, o.correlation_id, o.created_at,
       o.created_at
FROM orders o WHERE o.status = 'filled'

-- name: entries
-- One ledger entry per trade.
INSERT INTO ledger_entries (id, user_id, account_id, kind, trade_id, order_id, correlation_id, at)
SELECT t.id, t.user_id, t.account_id, 'fill', t.id, t.order_id, t.correlation_id, t.executed_at FROM trades t

-- name: lines
-- Base and quote of each entry, each against the symbol's trading account.
INSERT INTO ledger_lines (entry_id, line_no, user_id, account_id, asset, ledger_account, amount)
SELECT t.id, l.line_no, t.user_id, t.account_id, l.asset, l.ledger_account,
       l.sign * CASE t.side WHEN 'buy' THEN 1 ELSE -1 END * CASE l.asset WHEN 'BTC' THEN 0.001 ELSE 0.001 * t.price END
FROM trades t CROSS JOIN (VALUES
    (0, 'BTC', 'assets:cash', 1), (1, 'BTC', 'trading:BTC/USDT', -1),
    (2, 'USDT', 'assets:cash', -1), (3, 'USDT', 'trading:BTC/USDT', 1)) AS l (line_no, asset, ledger_account, sign)

-- name: position
-- Flat, with what the pairs of trades have earned.
INSERT INTO positions (user_id, account_id, symbol, size, average_price, realized_pnl, exchange)
VALUES ($2, $1, 'BTC/USDT', 0, 0, $4::bigint / 4 * 0.001, $3)

-- name: balances
-- What is owned: what the ledger's cash lines sum to.
UPDATE balances b SET total = s.total, locked = s.locked, free = s.total - s.locked
FROM (SELECT l.asset, sum(l.amount) AS total,
             CASE l.asset WHEN 'USDT' THEN (
                 SELECT coalesce(sum(quantity * price), 0) FROM orders WHERE status = 'open') ELSE 0 END AS locked
      FROM ledger_lines l WHERE l.ledger_account = 'assets:cash' GROUP BY l.asset) s
WHERE b.asset = s.asset

-- name: watermark
-- Everything that the venue has is in the books.
INSERT INTO watermarks (account_id, user_id, kind, cursor)
SELECT $1, $2, 'fills', max(external_trade_id::bigint)::text FROM trades
ON CONFLICT (account_id, kind) DO UPDATE SET cursor = excluded.cursor

-- name: paper_orders
-- The venue's side of the orders.
INSERT INTO paper.orders (
    account_id, venue_client_id, external_order_id, venue, symbol, side, type, quantity, price, time_in_force, state,
    filled_quantity, queue_ahead, placed_at, updated_at)
SELECT o.account_id, o.venue_client_id, o.external_order_id, o.exchange, o.symbol, o.side, o.type, o.quantity, o.price,
       o.time_in_force, o.status, o.filled_quantity, CASE o.status WHEN 'open' THEN 0 END, o.created_at, o.created_at
FROM orders o

-- name: paper_trades
-- The venue's side of the trades.
INSERT INTO paper.trades (
    venue, cursor, account_id, venue_client_id, external_order_id, external_trade_id, symbol, side, price, quantity,
    fee, fee_asset, liquidity, executed_at)
SELECT t.exchange, t.external_trade_id::bigint, t.account_id, o.venue_client_id, o.external_order_id,
       t.external_trade_id, t.symbol, t.side, t.price, t.quantity, 0, 'USDT', 'maker', t.executed_at
FROM trades t JOIN orders o ON o.id = t.order_id

-- name: paper_balances
-- The venue's side of the balances.
UPDATE paper.balances p SET free = b.free, locked = b.locked
FROM balances b WHERE b.account_id = p.account_id AND b.asset = p.asset

-- name: paper_position
-- The venue's counters.
INSERT INTO paper.position (venue, session, frame, last_order_id, last_trade_id)
VALUES ($1, 'bench', 0, $2::bigint + $3::bigint, $2)

-- name: last_run
-- What the newest comparison of the account found.
SELECT outcome, matched, discrepancies, duration_ms FROM reconciliations ORDER BY started_at DESC LIMIT 1

-- name: unlike
-- Orders that are not as they were: lost, doubled, closed.
SELECT abs((SELECT count(*) FROM orders WHERE lifecycle = 'working') - $1::bigint)
     + abs((SELECT count(*) FROM orders) - $1 - $2::bigint) + (SELECT count(*) FROM discrepancies)
