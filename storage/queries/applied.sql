-- What the configuration file has already been applied to.

-- name: users
-- Every user by email.
SELECT id, lower(email) AS email, created_at FROM users

-- name: accounts
-- Every account with the hash of the text that it was made from.
SELECT id, user_id, exchange, name, config_hash, created_at FROM trading_accounts

-- name: agents
-- Every agent with the hash of the text that it was made from.
SELECT id, account_id, name, config_hash, created_at FROM trading_agents WHERE deleted_at IS NULL
