"""Binance: the wire format, parsed without a network."""
