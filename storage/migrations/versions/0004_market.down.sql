DROP TABLE trading_signals_default, equity_points_default
-- ;;
DROP TABLE system_logs, order_book_snapshots, price_tickers, market_data_ohlcv
-- ;;
DROP FUNCTION ensure_month(text, date), drop_month(text, date)
