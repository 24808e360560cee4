DROP TABLE backtests, notification_routes, halts, trading_states, trading_limits, risk_alerts, risk_metrics
