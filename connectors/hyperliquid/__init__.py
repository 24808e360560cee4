"""Hyperliquid: perpetuals and spot."""
