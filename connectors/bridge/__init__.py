"""The guarded layer over ccxt.pro: what every venue shares on its way to the wire."""
