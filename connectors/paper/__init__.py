"""The paper venue: matching against market data, with its own truth."""
