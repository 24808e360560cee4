DROP TABLE backtests, notification_routes, risk_days, halts, trading_states, trading_limits, risk_alerts, risk_metrics
