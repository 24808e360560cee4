-- What is stored of past candles.

-- name: missing
-- The parts of a range without candles: ($1 exchange, $2 symbol, $3 timeframe, [$4, $5), $6 microseconds of a candle).
WITH stored AS (
    SELECT open_time FROM market_data_ohlcv
    WHERE exchange = $1 AND symbol = $2 AND timeframe = $3 AND open_time >= $4 AND open_time < $5
), edges AS (
    SELECT $4::timestamptz AS free_from, min(open_time) AS next_open FROM stored
    UNION ALL
    SELECT open_time + $6::bigint * interval '1 microsecond', lead(open_time) OVER (ORDER BY open_time) FROM stored
)
SELECT free_from AS since, coalesce(next_open, $5) AS until FROM edges
WHERE free_from < coalesce(next_open, $5) ORDER BY free_from
