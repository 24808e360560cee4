"""Recorded frames and candles, played back as a venue's public feed."""
