-- What a tenant reads. `{name}` is the row `t` as a JSON object (storage/read_columns.py). Paged statements give
-- (item, at, id), the last two being the place where the next page goes on.

-- name: orders
-- A page of orders, newest first.
SELECT {order_item}::text AS item, t.created_at AS at, t.id
FROM orders t
WHERE t.user_id = $1
  AND ($2::uuid IS NULL OR t.account_id = $2)
  AND ($3::text IS NULL OR t.symbol = $3)
  AND ($4::uuid IS NULL OR t.agent_id = $4)
  AND (cardinality($5::text[]) = 0 OR t.status = ANY ($5))
  AND ($6::text IS NULL OR t.client_order_id = $6)
  AND ($7::timestamptz IS NULL OR t.created_at >= $7)
  AND ($8::timestamptz IS NULL OR t.created_at < $8)
  AND ($9::timestamptz IS NULL OR (t.created_at, t.id) < ($9, $10::uuid))
ORDER BY t.created_at DESC, t.id DESC LIMIT $11

-- name: order
-- One order.
SELECT {order}::text FROM orders t WHERE t.user_id = $1 AND t.id = $2

-- name: order_events
-- The journal of one order, as one thing led to the next: the signal, what was decided on it, what the gate said, then
-- the order's changes, requests, trades and alarms, oldest first, then what its fills have booked. All carry the order's
-- correlation. Decision, verdict and entries are no events and have no number. A row that takes the repeats of a denial
-- has theirs, with the signals behind them.
SELECT coalesce(json_agg(x.item ORDER BY x.place, x.seq NULLS LAST, x.at), '[]')::text
FROM (
    SELECT json_build_object(
        'seq', e.seq, 'prev', e.prev_seq, 'channel', e.channel, 'type', e.type,
        'at', {time e.at}, 'data', e.payload) AS item,
        CASE WHEN e.channel = 'signals' THEN 0 ELSE 3 END AS place, e.seq, e.at
    FROM orders o
    JOIN events e ON e.user_id = o.user_id AND e.correlation_id = o.correlation_id
    WHERE o.user_id = $1 AND o.id = $2
      AND (o.id::text IN (
        CASE e.channel WHEN 'orders' THEN e.payload ->> 'id' END, e.payload ->> 'order_id',
        e.payload #>> '{data,order_id}')
        OR (e.channel = 'signals' AND e.payload ->> 'id' = o.signal_id::text))
    UNION ALL
    SELECT json_build_object(
        'seq', e.seq, 'prev', e.prev_seq, 'channel', e.channel, 'type', e.type,
        'at', {time e.at}, 'data', e.payload), 3, e.seq, e.at
    FROM orders o
    JOIN events d ON d.user_id = o.user_id AND d.correlation_id = o.correlation_id
    JOIN events e ON e.user_id = o.user_id AND e.correlation_id = d.causation_id
    WHERE o.user_id = $1 AND o.id = $2 AND o.denial_count > 1
      AND d.type = 'OrderDenied' AND d.payload ->> 'id' = o.id::text AND d.causation_id <> o.correlation_id
      AND e.channel = 'signals' AND e.payload ->> 'symbol' = o.symbol
    UNION ALL
    SELECT json_build_object(
        'seq', NULL, 'prev', NULL, 'channel', 'decisions', 'type', 'IntentDecided', 'at', {time o.created_at},
        'data', json_build_object(
            'intent_key', o.intent_key, 'origin', o.origin, 'agent_id', o.agent_id, 'executor_id', o.executor_id,
            'signal_id', o.signal_id, 'symbol', o.symbol, 'side', o.side, 'type', o.type,
            'quantity', coalesce(o.request ->> 'quantity', o.quantity::text),
            'price', coalesce(o.request ->> 'price', o.price::text),
            'stop_price', coalesce(o.request ->> 'stop_price', o.stop_price::text),
            'correlation_id', o.correlation_id)), 1, NULL, o.created_at
    FROM orders o WHERE o.user_id = $1 AND o.id = $2 AND o.origin <> 'external'
    UNION ALL
    -- What the gate refuses is the only order that was never to be sent.
    SELECT json_build_object(
        'seq', NULL, 'prev', NULL, 'channel', 'risk',
        'type', CASE WHEN v.is_denied THEN 'IntentDenied' ELSE 'IntentPassed' END, 'at', {time o.created_at},
        'data', json_build_object(
            'intent_key', o.intent_key, 'code', CASE WHEN v.is_denied THEN o.denial_code END,
            'limit', CASE WHEN v.is_denied THEN o.denial_limit END,
            'value', CASE WHEN v.is_denied THEN o.denial_value END,
            'count', CASE WHEN v.is_denied THEN o.denial_count ELSE 0 END,
            'last_intent_key', o.last_intent_key, 'correlation_id', o.correlation_id)), 2, NULL, o.created_at
    FROM orders o CROSS JOIN LATERAL (SELECT o.send_by IS NULL AND o.done_reason = 'denied' AS is_denied) v
    WHERE o.user_id = $1 AND o.id = $2 AND o.origin <> 'external'
    UNION ALL
    SELECT json_build_object(
        'seq', NULL, 'prev', NULL, 'channel', 'ledger', 'type', 'LedgerEntryBooked', 'at', {time l.at},
        'data', json_build_object(
            'id', l.id, 'kind', l.kind, 'trade_id', l.trade_id, 'reverses', l.reverses, 'memo', l.memo,
            'correlation_id', l.correlation_id)), 4, NULL, l.at
    FROM ledger_entries l
    WHERE l.user_id = $1 AND l.order_id = $2) x

-- name: trades
-- A page of trades, newest first.
SELECT {trade}::text AS item, t.executed_at AS at, t.id
FROM trades t
WHERE t.user_id = $1
  AND ($2::uuid IS NULL OR t.account_id = $2)
  AND ($3::text IS NULL OR t.symbol = $3)
  AND ($4::uuid IS NULL OR t.order_id = $4)
  AND ($5::timestamptz IS NULL OR t.executed_at >= $5)
  AND ($6::timestamptz IS NULL OR t.executed_at < $6)
  AND ($7::timestamptz IS NULL OR (t.executed_at, t.id) < ($7, $8::uuid))
ORDER BY t.executed_at DESC, t.id DESC LIMIT $9

-- name: ledger_entries
-- A page of ledger entries with their lines, newest first.
SELECT left({ledger_entry}::text, -1) || ',"lines":' || (
    SELECT coalesce(json_agg(json_build_object(
        'line_no', l.line_no, 'ledger_account', l.ledger_account, 'asset', l.asset, 'amount', l.amount::text)
        ORDER BY l.line_no), '[]')
    FROM ledger_lines l WHERE l.entry_id = t.id)::text || '}' AS item, t.at, t.id
FROM ledger_entries t
WHERE t.user_id = $1
  AND ($2::uuid IS NULL OR t.account_id = $2)
  AND ($3::uuid IS NULL OR t.order_id = $3)
  AND ($4::timestamptz IS NULL OR t.at >= $4)
  AND ($5::timestamptz IS NULL OR t.at < $5)
  AND ($6::timestamptz IS NULL OR (t.at, t.id) < ($6, $7::uuid))
ORDER BY t.at DESC, t.id DESC LIMIT $8

-- name: signals
-- A page of signals, newest first.
SELECT {signal}::text AS item, t.created_at AS at, t.id
FROM trading_signals t
WHERE t.user_id = $1
  AND ($2::uuid IS NULL OR t.agent_id = $2)
  AND ($3::text IS NULL OR t.symbol = $3)
  AND ($4::timestamptz IS NULL OR t.created_at >= $4)
  AND ($5::timestamptz IS NULL OR t.created_at < $5)
  AND ($6::timestamptz IS NULL OR (t.created_at, t.id) < ($6, $7::uuid))
ORDER BY t.created_at DESC, t.id DESC LIMIT $8

-- name: accounts
-- A page of accounts, oldest first.
SELECT {account}::text AS item, t.created_at AS at, t.id
FROM trading_accounts t
WHERE t.user_id = $1 AND ($2::timestamptz IS NULL OR (t.created_at, t.id) > ($2, $3::uuid))
ORDER BY t.created_at, t.id LIMIT $4

-- name: account
-- One account.
SELECT {account}::text FROM trading_accounts t WHERE t.user_id = $1 AND t.id = $2

-- name: positions
-- All positions, by account and symbol.
SELECT coalesce(json_agg({position} ORDER BY t.symbol, t.account_id, t.position_side), '[]')::text
FROM positions t
WHERE t.user_id = $1
  AND ($2::uuid IS NULL OR t.account_id = $2)
  AND ($3::text IS NULL OR t.symbol = $3)
  AND ($4::boolean OR t.size <> 0)

-- name: position
-- One position.
SELECT {position}::text FROM positions t WHERE t.user_id = $1 AND t.id = $2

-- name: balances
-- All balances, by account and asset.
SELECT coalesce(json_agg({balance} ORDER BY t.account_id, t.asset), '[]')::text
FROM balances t WHERE t.user_id = $1 AND ($2::uuid IS NULL OR t.account_id = $2)

-- name: portfolio
-- The newest value of every account, and their sum.
WITH newest AS (
    SELECT p.* FROM trading_accounts a
    CROSS JOIN LATERAL (
        SELECT e.* FROM equity_points e WHERE e.account_id = a.id ORDER BY e.at DESC LIMIT 1) p
    WHERE a.user_id = $1)
SELECT json_build_object(
    'equity', coalesce(sum(t.equity), 0)::text, 'cash', coalesce(sum(t.cash), 0)::text,
    'realized_pnl', coalesce(sum(t.realized_pnl), 0)::text,
    'unrealized_pnl', coalesce(sum(t.unrealized_pnl), 0)::text, 'fees', coalesce(sum(t.fees), 0)::text,
    'accounts', coalesce(json_agg({equity_point} ORDER BY t.account_id), '[]'))::text
FROM newest t

-- name: equity_points
-- Per account all points of a range if they are at most $5; else the last one of each of $5 equal spans of time from the
-- first point to the last, each found in the index: a curve of years costs what a curve of days does. Oldest first.
WITH curves AS (
    SELECT a.id AS account_id, f.at AS first_at, l.at AS last_at, n.points <= $5 AS is_whole
    FROM trading_accounts a
    CROSS JOIN LATERAL (
        SELECT e.at FROM equity_points e
        WHERE e.account_id = a.id AND e.at >= coalesce($3::timestamptz, '-infinity')
          AND e.at < coalesce($4::timestamptz, 'infinity')
        ORDER BY e.at LIMIT 1) f
    CROSS JOIN LATERAL (
        SELECT e.at FROM equity_points e
        WHERE e.account_id = a.id AND e.at >= f.at AND e.at < coalesce($4::timestamptz, 'infinity')
        ORDER BY e.at DESC LIMIT 1) l
    CROSS JOIN LATERAL (
        SELECT count(*) AS points FROM (
            SELECT FROM equity_points e WHERE e.account_id = a.id AND e.at BETWEEN f.at AND l.at
            LIMIT $5::bigint + 1) counted) n
    WHERE a.user_id = $1 AND ($2::uuid IS NULL OR a.id = $2)),
spans AS (
    SELECT c.account_id,
        c.first_at + (c.last_at - c.first_at) * (k::double precision / $5)
            - CASE k WHEN 0 THEN interval '1 microsecond' ELSE interval '0' END AS after,
        c.first_at + (c.last_at - c.first_at) * ((k + 1)::double precision / $5) AS until
    FROM curves c CROSS JOIN generate_series(0, $5::bigint - 1) k WHERE NOT c.is_whole),
chosen AS (
    SELECT p.* FROM spans s
    CROSS JOIN LATERAL (
        SELECT e.* FROM equity_points e
        WHERE e.account_id = s.account_id AND e.at > s.after AND e.at <= s.until ORDER BY e.at DESC LIMIT 1) p
    UNION ALL
    SELECT e.* FROM curves c
    JOIN equity_points e ON e.account_id = c.account_id AND e.at BETWEEN c.first_at AND c.last_at WHERE c.is_whole)
SELECT coalesce(json_agg({equity_point} ORDER BY t.at, t.account_id), '[]')::text FROM chosen t

-- name: snapshots
-- A page of daily snapshots, newest first.
SELECT {snapshot}::text AS item, t.created_at AS at, t.id
FROM portfolio_snapshots t
WHERE t.user_id = $1 AND ($2::timestamptz IS NULL OR (t.created_at, t.id) < ($2, $3::uuid))
ORDER BY t.created_at DESC, t.id DESC LIMIT $4

-- name: reconciliations
-- A page of reconciliation runs, newest first.
SELECT {reconciliation}::text AS item, t.started_at AS at, t.id
FROM reconciliations t
WHERE t.user_id = $1 AND t.account_id = $2 AND ($3::timestamptz IS NULL OR (t.started_at, t.id) < ($3, $4::uuid))
ORDER BY t.started_at DESC, t.id DESC LIMIT $5

-- name: discrepancies
-- A page of discrepancies, newest first.
SELECT {discrepancy}::text AS item, t.created_at AS at, t.id
FROM discrepancies t
WHERE t.user_id = $1 AND t.account_id = $2 AND ($3::text IS NULL OR t.state = $3)
  AND ($4::timestamptz IS NULL OR (t.created_at, t.id) < ($4, $5::uuid))
ORDER BY t.created_at DESC, t.id DESC LIMIT $6

-- name: discrepancy
-- One discrepancy of an account.
SELECT t.id, t.user_id, t.account_id, t.kind, t.asset, t.ours, t.venue, t.guess, t.state, t.detail, t.resolved_by,
       t.resolved_at, t.created_at, t.updated_at
FROM discrepancies t WHERE t.user_id = $1 AND t.account_id = $2 AND t.id = $3

-- name: agents
-- A page of agents, oldest first.
SELECT {agent_item}::text AS item, t.created_at AS at, t.id
FROM trading_agents t
WHERE t.user_id = $1 AND t.deleted_at IS NULL AND ($2::timestamptz IS NULL OR (t.created_at, t.id) > ($2, $3::uuid))
ORDER BY t.created_at, t.id LIMIT $4

-- name: agent
-- One agent, with its state.
SELECT {agent}::text FROM trading_agents t WHERE t.user_id = $1 AND t.id = $2 AND t.deleted_at IS NULL

-- name: executors
-- A page of executors of one status or all, newest first.
SELECT {executor}::text AS item, t.created_at AS at, t.id
FROM executors t
WHERE t.user_id = $1 AND ($2::text IS NULL OR t.status = $2)
  AND ($3::timestamptz IS NULL OR (t.created_at, t.id) < ($3, $4::uuid))
ORDER BY t.created_at DESC, t.id DESC LIMIT $5

-- name: executor
-- One executor with its newest orders.
SELECT ({executor}::jsonb || jsonb_build_object('orders', (
    SELECT coalesce(jsonb_agg({order_item}::jsonb ORDER BY t.created_at DESC, t.id DESC), '[]')
    FROM (SELECT * FROM orders o WHERE o.executor_id = $2 AND o.user_id = $1
          ORDER BY o.created_at DESC, o.id DESC LIMIT 100) t)))::text
FROM executors t WHERE t.user_id = $1 AND t.id = $2

-- name: limits
-- All limits.
SELECT coalesce(json_agg({limit} ORDER BY t.limit_type, t.created_at, t.id), '[]')::text
FROM trading_limits t WHERE t.user_id = $1

-- name: alerts
-- A page of alerts, newest first.
SELECT {alert}::text AS item, t.created_at AS at, t.id
FROM risk_alerts t
WHERE t.user_id = $1 AND ($2::timestamptz IS NULL OR (t.created_at, t.id) < ($2, $3::uuid))
ORDER BY t.created_at DESC, t.id DESC LIMIT $4

-- name: trading_states
-- All trading states.
SELECT coalesce(json_agg({trading_state} ORDER BY t.scope, t.scope_id), '[]')::text
FROM trading_states t WHERE t.user_id = $1

-- name: halts
-- The newest uses of the kill switch.
SELECT coalesce(json_agg(item ORDER BY at DESC), '[]')::text FROM (
    SELECT {halt} AS item, t.requested_at AS at FROM halts t WHERE t.user_id = $1 ORDER BY t.requested_at DESC LIMIT 100
) newest

-- name: halt
-- One use of the kill switch.
SELECT {halt}::text FROM halts t WHERE t.user_id = $1 AND t.id = $2

-- name: audit
-- A page of the audit log, newest first.
SELECT {audit}::text AS item, t.created_at AS at, t.id
FROM audit_log t
WHERE t.user_id = $1 AND ($2::timestamptz IS NULL OR (t.created_at, t.id) < ($2, $3::uuid))
ORDER BY t.created_at DESC, t.id DESC LIMIT $4

-- name: stored_answer
-- The first answer to an idempotency key.
SELECT request_hash, status_code, object_type, object_id, answer::text AS answer
FROM idempotency_keys WHERE user_id = $1 AND key = $2 AND expires_at > now()

-- name: pairs
-- All instruments, by venue and symbol.
SELECT coalesce(json_agg({pair} ORDER BY t.exchange, t.symbol), '[]')::text
FROM trading_pairs t
WHERE ($1::text IS NULL OR t.exchange = $1) AND ($2::text IS NULL OR t.symbol = $2)

-- name: tickers
-- All newest prices, by venue and symbol.
SELECT coalesce(json_agg({ticker} ORDER BY t.exchange, t.symbol), '[]')::text
FROM price_tickers t
WHERE ($1::text IS NULL OR t.exchange = $1) AND ($2::text IS NULL OR t.symbol = $2)

-- name: ohlcv
-- The newest closed bars of a range, oldest first.
SELECT coalesce(json_agg({candle} ORDER BY t.open_time), '[]')::text
FROM (SELECT * FROM market_data_ohlcv
      WHERE exchange = $1 AND symbol = $2 AND timeframe = $3
        AND ($4::timestamptz IS NULL OR open_time >= $4)
        AND ($5::timestamptz IS NULL OR open_time < $5)
      ORDER BY open_time DESC LIMIT $6) t

-- name: books
-- The newest stored book of each instrument.
SELECT coalesce(json_agg({book} ORDER BY t.exchange, t.symbol), '[]')::text
FROM trading_pairs p
CROSS JOIN LATERAL (
    SELECT * FROM order_book_snapshots b
    WHERE b.symbol = p.symbol AND b.exchange = p.exchange ORDER BY b.timestamp DESC LIMIT 1) t
WHERE ($1::text IS NULL OR p.exchange = $1) AND ($2::text IS NULL OR p.symbol = $2)

-- name: exchanges
-- The health of all venues.
SELECT coalesce(json_agg({exchange} ORDER BY t.exchange), '[]')::text FROM exchange_status t

-- name: journal_head
-- From where to where the user's events can be replayed.
SELECT (SELECT min(seq) FROM events WHERE user_id = $1) AS oldest,
       (SELECT seq FROM stream_heads WHERE user_id = $1 AND channel = '') AS last

-- name: events_since
-- Events of some channels after a number, in order.
SELECT seq, prev_seq, channel, type, at, account_id, correlation_id, payload::text AS data
FROM events WHERE user_id = $1 AND channel = ANY ($2::text[]) AND seq > $3 ORDER BY seq LIMIT $4

-- name: snapshot_orders
-- Unfinished orders, newest first.
SELECT coalesce(json_agg({order_item} ORDER BY t.created_at DESC, t.id DESC), '[]')::text
FROM orders t WHERE t.user_id = $1 AND t.status IN ('pending', 'open', 'partial')

-- name: snapshot_trades
-- The newest 100 trades.
SELECT coalesce(json_agg({trade} ORDER BY t.executed_at DESC, t.id DESC), '[]')::text
FROM (SELECT * FROM trades WHERE user_id = $1 ORDER BY executed_at DESC, id DESC LIMIT 100) t

-- name: snapshot_signals
-- The newest 100 signals.
SELECT coalesce(json_agg({signal} ORDER BY t.created_at DESC, t.id DESC), '[]')::text
FROM (SELECT * FROM trading_signals WHERE user_id = $1 ORDER BY created_at DESC, id DESC LIMIT 100) t

-- name: snapshot_alerts
-- The newest 100 alerts.
SELECT coalesce(json_agg({alert} ORDER BY t.created_at DESC, t.id DESC), '[]')::text
FROM (SELECT * FROM risk_alerts WHERE user_id = $1 ORDER BY created_at DESC, id DESC LIMIT 100) t

-- name: snapshot_positions
-- Positions with a size.
SELECT coalesce(json_agg({position} ORDER BY t.symbol, t.account_id), '[]')::text
FROM positions t WHERE t.user_id = $1 AND t.size <> 0

-- name: snapshot_balances
-- All balances.
SELECT coalesce(json_agg({balance} ORDER BY t.account_id, t.asset), '[]')::text FROM balances t WHERE t.user_id = $1

-- name: snapshot_agents
-- All agents.
SELECT coalesce(json_agg({agent_item} ORDER BY t.created_at, t.id), '[]')::text
FROM trading_agents t WHERE t.user_id = $1 AND t.deleted_at IS NULL

-- name: snapshot_portfolio
-- The newest value of every account.
SELECT coalesce(json_agg({equity_point} ORDER BY t.account_id), '[]')::text
FROM trading_accounts a
CROSS JOIN LATERAL (SELECT e.* FROM equity_points e WHERE e.account_id = a.id ORDER BY e.at DESC LIMIT 1) t
WHERE a.user_id = $1

-- name: snapshot_risk
-- All limits.
SELECT coalesce(json_agg({limit} ORDER BY t.limit_type, t.created_at, t.id), '[]')::text
FROM trading_limits t WHERE t.user_id = $1

-- name: snapshot_control
-- All trading states.
SELECT coalesce(json_agg({trading_state} ORDER BY t.scope, t.scope_id), '[]')::text
FROM trading_states t WHERE t.user_id = $1
