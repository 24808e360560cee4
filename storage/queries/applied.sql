-- What the configuration file has already been applied to.

-- name: users
-- Every user by email.
SELECT id, lower(email) AS email, created_at FROM users

-- name: accounts
-- Every account with the hash of the text that it was made from.
SELECT id, user_id, exchange, name, config_hash, created_at FROM trading_accounts

-- name: agents
-- Every agent with the hash of the text that it was made from.
SELECT id, account_id, name, config_hash, version, created_at FROM trading_agents WHERE deleted_at IS NULL

-- name: limits
-- Every limit of an account as a whole, in force or not.
SELECT id, account_id, limit_type, limit_value, is_active FROM trading_limits
WHERE scope = 'account' AND symbol IS NULL AND exchange IS NULL AND asset IS NULL
