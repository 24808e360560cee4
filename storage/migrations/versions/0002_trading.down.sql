DROP TABLE decisions, trading_signals, trades, order_requests, orders, executors, trading_agents, trading_strategies
