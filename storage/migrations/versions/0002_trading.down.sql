DROP TABLE decisions, trading_signals, trade_evidence, trades, order_requests, orders, executors, trading_agents, trading_strategies
