-- What a cell needs when it starts. `{columns:Row}` is the select list of a row struct over the alias `t`.

-- name: user
-- Time zone of a user who may trade.
SELECT time_zone FROM users WHERE id = $1 AND is_active

-- name: users
-- Users who have an account in use.
SELECT DISTINCT u.id FROM users u JOIN trading_accounts a ON a.user_id = u.id WHERE u.is_active AND a.is_active ORDER BY 1

-- name: accounts
-- Accounts in use, with their watermark and whether they were compared with their venue before.
SELECT {columns:AccountRow}, w.cursor AS watermark,
       EXISTS (SELECT FROM watermarks m WHERE m.account_id = t.id AND m.kind = 'opened') AS is_opened
FROM trading_accounts t LEFT JOIN watermarks w ON w.account_id = t.id AND w.kind = 'fills'
WHERE t.user_id = $1 AND t.is_active ORDER BY t.created_at, t.id

-- name: open_orders
-- Orders that are not over: not done, with fills that have not come, refused and alive, with an open request,
-- or with a fill that was inferred in the last days.
SELECT {columns:OrderRow} FROM orders t WHERE t.id IN (
    SELECT o.id FROM orders o WHERE o.account_id = ANY ($1::uuid[])
        AND (o.lifecycle <> 'done' OR o.missing_quantity > 0 OR o.status_detail = 'exists_after_all')
    UNION SELECT r.order_id FROM order_requests r
        WHERE r.account_id = ANY ($1::uuid[]) AND r.state IN ('requested', 'unknown')
    UNION SELECT f.order_id FROM trades f
        WHERE f.account_id = ANY ($1::uuid[]) AND f.inferred AND f.voided_by IS NULL AND f.created_at > now() - $2::interval
    ) ORDER BY t.created_at, t.id

-- name: recent_orders
-- The newest orders of a user, newest first.
SELECT {columns:OrderRow} FROM orders t WHERE t.user_id = $1 ORDER BY t.created_at DESC, t.id DESC LIMIT $2

-- name: orders_by_client_id
-- Orders by the ids that the venue knows them by.
SELECT {columns:OrderRow} FROM orders t WHERE t.account_id = $1 AND t.venue_client_id = ANY ($2::text[])

-- name: trades_of_orders
-- All trades of some orders, oldest first; those that count no more too.
SELECT {columns:TradeRow} FROM trades t WHERE t.order_id = ANY ($1::uuid[]) ORDER BY t.executed_at, t.id

-- name: evidence_of_orders
-- Reports about trades of some orders that are not booked.
SELECT {columns:TradeEvidenceRow} FROM trade_evidence t WHERE t.order_id = ANY ($1::uuid[]) ORDER BY t.id

-- name: tombstones
-- Reports about trades of some accounts of which no order is known, the newest.
SELECT {columns:TradeEvidenceRow} FROM trade_evidence t
WHERE t.account_id = ANY ($1::uuid[]) AND t.order_id IS NULL ORDER BY t.created_at DESC LIMIT $2

-- name: recent_trades
-- The newest trades that count of each position of some accounts.
SELECT {columns:TradeRow} FROM positions p CROSS JOIN LATERAL (
    SELECT * FROM trades n WHERE n.account_id = p.account_id AND n.symbol = p.symbol AND n.voided_by IS NULL
    ORDER BY n.id DESC LIMIT $2) t
WHERE p.account_id = ANY ($1::uuid[])

-- name: last_values
-- What some accounts were worth when they were last valued.
SELECT {columns:EquityPointRow} FROM unnest($1::uuid[]) a (id) CROSS JOIN LATERAL (
    SELECT * FROM equity_points e WHERE e.account_id = a.id ORDER BY e.at DESC LIMIT 1) t

-- name: lots
-- Lots of some accounts that are open, and those of some trades; in the order of their trades.
SELECT {columns:LotRow} FROM lots t LEFT JOIN trades b ON b.id = t.trade_id
WHERE t.account_id = ANY ($1::uuid[]) AND t.remaining > 0 OR t.id = ANY ($2::uuid[])
ORDER BY t.opened_at, length(b.external_trade_id) NULLS FIRST, b.external_trade_id, t.id

-- name: requests_of_orders
-- Requests of some orders that are not answered.
SELECT {columns:OrderRequestRow} FROM order_requests t
WHERE t.order_id = ANY ($1::uuid[]) AND t.state IN ('requested', 'unknown') ORDER BY t.created_at, t.id

-- name: order_of_intent
-- The order that an intent key, or else a caller's id, belongs to.
SELECT id FROM orders WHERE account_id = $1 AND (intent_key = $2 OR client_order_id = $3)
ORDER BY (intent_key = $2) DESC LIMIT 1

-- name: positions
-- Positions of some accounts, flat ones too: they hold what was realised.
SELECT {columns:PositionRow} FROM positions t WHERE t.account_id = ANY ($1::uuid[])

-- name: balances
-- Balances of some accounts.
SELECT {columns:BalanceRow} FROM balances t WHERE t.account_id = ANY ($1::uuid[])

-- name: discrepancies
-- Open discrepancies of some accounts.
SELECT {columns:DiscrepancyRow} FROM discrepancies t WHERE t.account_id = ANY ($1::uuid[]) AND t.state = 'open'

-- name: agents
-- Agents of a user, of every status.
SELECT {columns:AgentRow}, t.version, t.state, t.input_position FROM trading_agents t
WHERE t.user_id = $1 AND t.deleted_at IS NULL ORDER BY t.created_at, t.id

-- name: agent_trades
-- Per agent and symbol: sums over all its trades, and the trades since its position last began or changed sides; for
-- those of the newest $2 trades (null: of all). Where that is too few, `is_first` is true of none.
WITH sums AS (
    SELECT o.agent_id, t.symbol, -sum(CASE t.side WHEN 'buy' THEN t.quantity ELSE -t.quantity END * t.price) AS cash_flow,
           sum(CASE WHEN t.fee_asset = split_part(split_part(t.symbol, ':', 1), '/', 2) THEN t.fees ELSE 0 END) AS fees,
           sum(CASE t.side WHEN 'buy' THEN t.quantity ELSE -t.quantity END) AS total
    FROM trading_agents a JOIN orders o ON o.agent_id = a.id JOIN trades t ON t.order_id = o.id
    WHERE a.user_id = $1 AND t.voided_by IS NULL GROUP BY 1, 2),
running AS (
    SELECT s.agent_id, s.symbol, n.price, n.quantity, n.side, n.change, row_number() OVER w AS back,
           s.total - sum(n.change) OVER w AS before
    FROM sums s CROSS JOIN LATERAL (
        SELECT t.price, t.quantity, t.side, t.executed_at, t.id,
               CASE t.side WHEN 'buy' THEN t.quantity ELSE -t.quantity END AS change
        FROM trades t JOIN orders o ON o.id = t.order_id
        WHERE t.user_id = $1 AND t.symbol = s.symbol AND t.voided_by IS NULL AND o.agent_id = s.agent_id
        ORDER BY t.executed_at DESC, t.id DESC LIMIT $2) n
    WHERE s.total <> 0
    WINDOW w AS (PARTITION BY s.agent_id, s.symbol ORDER BY n.executed_at DESC, n.id DESC)),
began AS (
    SELECT agent_id, symbol, min(back) AS back FROM running
    WHERE sign(before + change) <> sign(before) GROUP BY 1, 2)
SELECT s.agent_id, s.symbol, s.cash_flow, s.fees, s.total, r.before + r.change AS size, r.side, r.price, r.quantity,
       r.back = b.back AS is_first
FROM sums s LEFT JOIN began b ON b.agent_id = s.agent_id AND b.symbol = s.symbol
LEFT JOIN running r ON r.agent_id = s.agent_id AND r.symbol = s.symbol AND r.back <= b.back
ORDER BY s.agent_id, s.symbol, r.back DESC

-- name: limits
-- Limits of a user that are in force.
SELECT {columns:LimitRow} FROM trading_limits t WHERE t.user_id = $1 AND t.is_active

-- name: states
-- Trading states of a user.
SELECT {columns:TradingStateRow} FROM trading_states t WHERE t.user_id = $1

-- name: halts
-- Uses of the kill switch that nobody has lifted.
SELECT {columns:HaltRow} FROM halts t WHERE t.user_id = $1 AND t.state <> 'lifted' ORDER BY t.requested_at

-- name: risk_days
-- What the newest day of a user and of each account began with.
SELECT {columns:RiskDayRow} FROM risk_days t WHERE t.user_id = $1

-- name: trips
-- Limits that have tripped and that nobody has armed again.
SELECT {columns:LimitTripRow} FROM trading_limits t WHERE t.user_id = $1 AND t.tripped_at IS NOT NULL

-- name: last_day
-- The newest daily snapshot of a user.
SELECT {columns:PortfolioSnapshotRow} FROM portfolio_snapshots t WHERE t.user_id = $1 ORDER BY t.snapshot_date DESC LIMIT 1

-- name: replay_positions
-- The frames up to which the users and the venue have processed a session.
SELECT frame FROM replay_positions WHERE session = $1
UNION ALL SELECT frame FROM paper.position WHERE session = $1

-- name: last_prices
-- The newest known price of each instrument of a venue: its ticker, else the close of its last minute.
SELECT p.symbol, coalesce(k.price, c.close_price) AS price
FROM trading_pairs p
LEFT JOIN price_tickers k ON k.symbol = p.symbol AND k.exchange = p.exchange
LEFT JOIN LATERAL (
    SELECT close_price FROM market_data_ohlcv o
    WHERE o.symbol = p.symbol AND o.exchange = p.exchange AND o.timeframe = '1m' ORDER BY open_time DESC LIMIT 1) c ON true
WHERE p.exchange = $1 AND coalesce(k.price, c.close_price) IS NOT NULL

-- name: executors
-- Executors of a user that have not ended.
SELECT {columns:ExecutorRow} FROM executors t
WHERE t.user_id = $1 AND t.status IN ('active', 'paused', 'stopping', 'error') ORDER BY t.created_at, t.id

-- name: executor_slots
-- What the orders of each slot of some executors add up to. An intent key is `executor:ID:SLOT:GENERATION`.
SELECT s.executor_id, s.name, max(s.generation) AS generation, sum(s.filled_quantity) AS filled,
       sum(s.filled_quantity * coalesce(s.average_price, 0)) AS value,
       (array_agg(s.side ORDER BY s.generation))[1] AS side,
       (array_agg(s.price ORDER BY s.generation))[1] AS first_price
FROM (SELECT o.executor_id, o.side::text, o.price, o.filled_quantity, o.average_price,
             substring(o.intent_key FROM '^executor:[^:]+:(.*):[0-9]+$') AS name,
             substring(o.intent_key FROM '([0-9]+)$')::bigint AS generation
      FROM orders o WHERE o.executor_id = ANY ($1::uuid[])) s
GROUP BY s.executor_id, s.name ORDER BY s.executor_id, s.name

-- name: executor_orders
-- Orders of some executors that live, and the last 20 of each slot: a trade of theirs may still be taken back.
SELECT {columns:OrderRow} FROM orders t
WHERE t.executor_id = ANY ($1::uuid[]) AND (t.lifecycle <> 'done' OR t.id IN (
    SELECT s.id FROM (
        SELECT o.id, row_number() OVER (
            PARTITION BY o.executor_id, substring(o.intent_key FROM '^(.*):[0-9]+$')
            ORDER BY substring(o.intent_key FROM '([0-9]+)$')::bigint DESC) AS place
        FROM orders o WHERE o.executor_id = ANY ($1::uuid[])) s
    WHERE s.place <= 20))
ORDER BY t.created_at, t.id
