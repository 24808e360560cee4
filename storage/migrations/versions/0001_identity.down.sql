DROP TABLE api_rate_limits, exchange_status, trading_pairs, trading_accounts, user_api_keys, user_sessions, users
-- ;;
DROP FUNCTION cival_ts(bigint)
-- ;;
DROP DOMAIN amount, positive_amount, unsigned_amount, sequence_number,
    order_side, order_type, order_time_in_force, order_status, order_lifecycle, order_done_reason, order_origin, position_side, trade_liquidity
