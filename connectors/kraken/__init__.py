"""Kraken, spot: market data and orders."""
