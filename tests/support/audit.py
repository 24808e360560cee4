"""An independent auditor: compares the paper venue's truth with the engine's by SQL, after everything has come to rest.

It shares no code with the engine. Each check is a query that returns what breaks it; an empty answer is the proof.
"""

import asyncpg

CHECKS = {
    "an order at the venue that the engine does not know": """
        select p.account_id, p.venue_client_id, p.state from paper.orders p
        left join orders o on o.account_id = p.account_id and o.venue_client_id = p.venue_client_id
        where o.id is null
    """,
    "an order that the engine believes sent and the venue does not know": """
        select o.id, o.status, o.external_order_id from orders o
        left join paper.orders p on p.account_id = o.account_id and p.venue_client_id = o.venue_client_id
        where p.venue_client_id is null
          and (o.external_order_id is not null or o.lifecycle = 'working' or o.filled_quantity > 0)
    """,
    "two orders for one decision": """
        select account_id, intent_key, count(*) from orders group by 1, 2 having count(*) > 1
    """,
    "an order whose end differs from the venue's": """
        select o.id, o.status, p.state, o.filled_quantity, p.filled_quantity as venue_filled from orders o
        join paper.orders p on p.account_id = o.account_id and p.venue_client_id = o.venue_client_id
        where (p.state in ('filled', 'cancelled', 'expired', 'rejected') and o.status <> p.state)
           or (p.state in ('open', 'pending') and o.status not in ('open', 'partial'))
           or o.filled_quantity <> p.filled_quantity
    """,
    "a trade that is not the same on both sides": """
        select coalesce(t.external_trade_id, p.external_trade_id) as trade, t.id, p.cursor from trades t
        full join paper.trades p on p.account_id = t.account_id and p.symbol = t.symbol
          and p.external_trade_id = t.external_trade_id and p.side = t.side
        where t.id is null or p.cursor is null or t.quantity <> p.quantity or t.price <> p.price or t.fees <> p.fee
           or t.fee_asset <> p.fee_asset or t.executed_at <> p.executed_at
    """,
    "an order whose filled quantity is not the sum of its trades": """
        select o.id, o.filled_quantity, sum(t.quantity) from orders o left join trades t on t.order_id = o.id
        group by o.id having o.filled_quantity <> coalesce(sum(t.quantity), 0)
    """,
    "a position that is not the sum of its trades": """
        with sums as (
          select account_id, symbol, sum(case side when 'buy' then quantity else -quantity end) as size
          from trades where symbol like '%:%' group by 1, 2)
        select coalesce(p.account_id, s.account_id), coalesce(p.symbol, s.symbol), p.size, s.size as traded
        from (select * from positions where symbol like '%:%') p full join sums s using (account_id, symbol)
        where coalesce(p.size, 0) <> coalesce(s.size, 0)
    """,
    "a position that is not the sum of its open lots": """
        with sums as (
          select account_id, symbol, sum(case side when 'buy' then remaining else -remaining end) as size,
                 count(distinct side) as sides
          from lots where remaining > 0 group by 1, 2)
        select coalesce(p.account_id, s.account_id), coalesce(p.symbol, s.symbol), p.size, s.size as lots
        from positions p full join sums s using (account_id, symbol)
        where coalesce(p.size, 0) <> coalesce(s.size, 0) or s.sides > 1
    """,
    "a ledger entry that does not sum to zero": """
        select entry_id, asset, sum(amount) from ledger_lines group by 1, 2 having sum(amount) <> 0
    """,
    "a trade without its ledger entry": """
        select t.id from trades t left join ledger_entries e on e.trade_id = t.id where e.id is null
    """,
    "a balance that is not the sum of its ledger lines": """
        with sums as (
          select account_id, asset, sum(amount) as total from ledger_lines
          where ledger_account like 'assets:%' group by 1, 2)
        select coalesce(b.account_id, s.account_id), coalesce(b.asset, s.asset), b.total, s.total as lines
        from balances b full join sums s using (account_id, asset)
        where coalesce(b.total, 0) <> coalesce(s.total, 0) or b.free + b.locked <> b.total
    """,
    "a balance that differs from the venue's": """
        select coalesce(b.account_id, p.account_id), coalesce(b.asset, p.asset), b.total, b.locked, p.free, p.locked
        from balances b full join paper.balances p using (account_id, asset)
        where coalesce(b.total, 0) <> coalesce(p.free + p.locked, 0)
    """,
    "a position that differs from the venue's": """
        select coalesce(p.account_id, v.account_id), coalesce(p.symbol, v.symbol), p.size, v.size as venue
        from (select * from positions where symbol like '%:%') p full join paper.positions v using (account_id, symbol)
        where coalesce(p.size, 0) <> coalesce(v.size, 0)
    """,
    "a hole in a user's journal": """
        select user_id, seq from (
          select user_id, seq, lag(seq, 1, 0::bigint) over (partition by user_id order by seq) as before from events) e
        where seq <> before + 1
    """,
    "an event whose prev is not the one before it on its channel": """
        select user_id, channel, seq, prev_seq from (
          select user_id, channel, seq, prev_seq,
                 lag(seq, 1, 0::bigint) over (partition by user_id, channel order by seq) as before from events) e
        where prev_seq <> before
    """,
    "a head that is not the last event": """
        select h.user_id, h.channel, h.seq from stream_heads h
        where h.seq <> (select coalesce(max(e.seq), 0) from events e
                        where e.user_id = h.user_id and (h.channel = '' or e.channel = h.channel))
    """,
    "an agent that decided twice on one input": """
        select agent_id, split_part(intent_key, ':', 1), intent_key from (
          select agent_id, intent_key, count(*) over (partition by agent_id, intent_key) as n from orders
          where agent_id is not null) o where n > 1
    """,
    "an open discrepancy": "select account_id, kind, asset, ours, venue from discrepancies where state = 'open'",
}


async def violations(url: str) -> dict[str, list[str]]:
    """Run every check on a database at rest; what is broken, and by which rows (at most ten each)."""
    connection = await asyncpg.connect(url)
    try:
        found = {}
        for name, sql in CHECKS.items():
            if rows := await connection.fetch(f"select * from ({sql}) broken limit 10"):
                found[name] = [str(dict(row)) for row in rows]
        return found
    finally:
        await connection.close()


async def unfinished(url: str) -> int:
    """Count orders whose outcome the engine does not know yet."""
    connection = await asyncpg.connect(url)
    try:
        count: int = await connection.fetchval(
            "select count(*) from orders where lifecycle in ('submitting', 'unknown')"
        )
        return count
    finally:
        await connection.close()
