DROP TABLE chain_nonces, chain_transactions, audit_log, idempotency_keys, discrepancies, reconciliations, watermarks,
    replay_positions, rate_shares, cell_leases, events, stream_heads, write_units
