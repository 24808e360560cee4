-- Who is asking; read as the daemon, before there is a tenant.

-- name: session
-- A session or token that is good now, and its user.
SELECT s.id, s.kind, s.name, s.expires_at, s.user_id,
       u.email, u.password_hash, u.full_name, u.role, u.is_active, u.time_zone
FROM user_sessions s JOIN users u ON u.id = s.user_id
WHERE s.token_hash = $1 AND s.revoked_at IS NULL AND s.expires_at > now() AND u.is_active

-- name: person_by_email
-- A user by email, letters of either case.
SELECT id AS user_id, email, password_hash, full_name, role, is_active, time_zone FROM users WHERE lower(email) = lower($1)

-- name: person
-- A user by id.
SELECT id AS user_id, email, password_hash, full_name, role, is_active, time_zone FROM users WHERE id = $1

-- name: has_people
-- Whether anybody could log in.
SELECT EXISTS (SELECT FROM users WHERE is_active AND password_hash IS NOT NULL)

-- name: people
-- A page of users, oldest first.
SELECT {person}::text AS item, t.created_at AS at, t.id
FROM users t WHERE ($1::timestamptz IS NULL OR (t.created_at, t.id) > ($1, $2::uuid))
ORDER BY t.created_at, t.id LIMIT $3

-- name: sessions
-- A user's live sessions or tokens, newest first.
SELECT coalesce(json_agg({session} ORDER BY t.created_at DESC, t.id DESC), '[]')::text
FROM user_sessions t
WHERE t.user_id = $1 AND t.kind = $2 AND t.revoked_at IS NULL AND t.expires_at > now()

-- name: session_row
-- The whole row of one session or token.
SELECT id, user_id, token_hash, kind, name, expires_at, revoked_at, created_at
FROM user_sessions WHERE user_id = $1 AND id = $2

-- name: user_row
-- The whole row of a user.
SELECT id, email, password_hash, full_name, role, is_active, time_zone, created_at, updated_at FROM users WHERE id = $1
