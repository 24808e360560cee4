DROP TABLE api_rate_limits, exchange_status, trading_pairs, trading_accounts, user_api_keys, user_sessions, users
-- ;;
DROP FUNCTION cival_ts(bigint)
-- ;;
DROP DOMAIN amount
