"""Coinbase Advanced Trade, spot: the wire format and its parsing, the adapters, what the venue can do."""
