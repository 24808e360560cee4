-- What makes the engine's memory provable: units, events and their numbers, leases, reconciliation, audit, chains.

-- One row per committed unit. A batch begins by inserting here: a unit that is already present was committed by a
-- transaction whose answer was lost.
CREATE TABLE write_units (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL, -- no foreign key: units of the engine itself have none
    n bigint CHECK (n > 0), -- number within the cell; NULL outside one
    fence bigint,
    first_seq bigint, -- of its events; NULL without any
    last_seq bigint,
    committed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uk_write_unit_number UNIQUE (user_id, fence, n),
    CONSTRAINT write_unit_seq_range CHECK ((first_seq IS NULL) = (last_seq IS NULL) AND first_seq <= last_seq)
)
-- ;;
CREATE INDEX idx_write_units_committed ON write_units USING brin (committed_at)
-- ;;
CREATE TABLE stream_heads (
    user_id uuid NOT NULL,
    channel varchar(32) NOT NULL, -- '' is the head of the user
    seq sequence_number NOT NULL,
    PRIMARY KEY (user_id, channel)
) WITH (fillfactor = 50)
-- ;;
CREATE TABLE events (
    user_id uuid NOT NULL,
    seq bigint NOT NULL, -- above `prev_seq`: 1, 2, 3 per user, without holes
    channel varchar(32) NOT NULL,
    prev_seq sequence_number NOT NULL, -- the user's previous event on this channel, 0 if none
    unit_id uuid NOT NULL,
    account_id uuid,
    type varchar(64) NOT NULL,
    payload json NOT NULL, -- as it was sent to clients, byte for byte
    correlation_id uuid,
    causation_id uuid,
    at timestamptz NOT NULL,
    PRIMARY KEY (user_id, seq),
    CONSTRAINT event_seq_grows CHECK (prev_seq < seq)
)
-- ;;
CREATE INDEX idx_events_channel ON events (user_id, channel, seq)
-- ;;
CREATE INDEX idx_events_correlation ON events (user_id, correlation_id) WHERE correlation_id IS NOT NULL
-- ;;
CREATE INDEX idx_events_at ON events USING brin (at)
-- ;;
CREATE TABLE cell_leases (
    user_id uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    fence bigint NOT NULL CHECK (fence > 0), -- only ever grows
    owner uuid NOT NULL, -- node id of the data directory
    expires_at timestamptz NOT NULL,
    holder text NOT NULL DEFAULT '' -- the process, for people
) WITH (fillfactor = 50)
-- ;;
-- Engines that reach a venue from one address share what the venue allows per address.
CREATE TABLE rate_shares (
    venue varchar(50) NOT NULL,
    rate_group varchar(255) NOT NULL, -- who shares an address
    owner uuid NOT NULL, -- node id of the data directory
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (venue, rate_group, owner)
) WITH (fillfactor = 50)
-- ;;
CREATE TABLE replay_positions (
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session text NOT NULL,
    frame bigint NOT NULL CHECK (frame >= 0),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, session)
) WITH (fillfactor = 50)
-- ;;
CREATE TABLE watermarks (
    account_id uuid NOT NULL,
    user_id uuid NOT NULL,
    kind varchar(50) NOT NULL, -- fills, transfers, funding; with a symbol where the venue counts per symbol
    cursor text,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, kind),
    CONSTRAINT fk_watermark_account FOREIGN KEY (account_id, user_id)
        REFERENCES trading_accounts (id, user_id) ON DELETE CASCADE
) WITH (fillfactor = 50)
-- ;;
CREATE TABLE reconciliations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    account_id uuid NOT NULL,
    trigger varchar(20) NOT NULL CHECK (trigger IN ('start', 'reconnect', 'takeover', 'timer', 'demand')),
    depth varchar(10) NOT NULL DEFAULT 'light' CHECK (depth IN ('light', 'deep')),
    outcome varchar(20) NOT NULL CHECK (outcome IN ('done', 'partial', 'failed')),
    matched integer NOT NULL DEFAULT 0,
    adopted integer NOT NULL DEFAULT 0,
    late_fills integer NOT NULL DEFAULT 0,
    inferred integer NOT NULL DEFAULT 0,
    absent integer NOT NULL DEFAULT 0,
    cannot_tell integer NOT NULL DEFAULT 0,
    discrepancies integer NOT NULL DEFAULT 0,
    pages integer NOT NULL DEFAULT 0,
    duration_ms integer NOT NULL DEFAULT 0,
    error text,
    detail jsonb,
    fence bigint,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    CONSTRAINT uk_reconciliation_tenant UNIQUE (id, user_id),
    CONSTRAINT fk_reconciliation_account FOREIGN KEY (account_id, user_id)
        REFERENCES trading_accounts (id, user_id) ON DELETE CASCADE
)
-- ;;
CREATE INDEX idx_reconciliations_account ON reconciliations (account_id, started_at DESC)
-- ;;
CREATE TABLE discrepancies (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    account_id uuid NOT NULL,
    reconciliation_id uuid,
    kind varchar(20) NOT NULL CHECK (kind IN ('balance', 'position', 'order', 'trade')),
    asset varchar(50) NOT NULL, -- an asset, or the symbol of a position, order or trade
    ours amount,
    venue amount,
    guess text,
    state varchar(20) NOT NULL CHECK (state IN ('open', 'explained', 'written_off')),
    detail jsonb, -- the evidence, such as a second report of one trade id with other numbers
    resolved_by text,
    resolved_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT fk_discrepancy_account FOREIGN KEY (account_id, user_id)
        REFERENCES trading_accounts (id, user_id) ON DELETE CASCADE,
    CONSTRAINT fk_discrepancy_reconciliation FOREIGN KEY (reconciliation_id, user_id)
        REFERENCES reconciliations (id, user_id)
)
-- ;;
CREATE INDEX idx_discrepancies_account ON discrepancies (account_id, created_at DESC)
-- ;;
CREATE INDEX idx_discrepancies_open ON discrepancies (account_id) WHERE state = 'open'
-- ;;
CREATE TABLE idempotency_keys (
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    key varchar(255) NOT NULL,
    request_hash varchar(64) NOT NULL, -- the same key with another body is refused
    status_code integer NOT NULL,
    object_type varchar(50),
    object_id varchar(255),
    answer jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, key)
)
-- ;;
CREATE INDEX idx_idempotency_expires ON idempotency_keys (expires_at)
-- ;;
CREATE TABLE audit_log (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL, -- no foreign key: it also records who does not exist, and outlives users
    actor_id uuid, -- who acted; another than `user_id` when an admin acts for somebody
    action varchar(100) NOT NULL,
    object_type varchar(50),
    object_id varchar(255),
    outcome varchar(50) NOT NULL,
    detail jsonb,
    remote_addr varchar(64),
    correlation_id uuid,
    created_at timestamptz NOT NULL DEFAULT now()
)
-- ;;
CREATE INDEX idx_audit_user_created ON audit_log (user_id, created_at DESC)
-- ;;
CREATE INDEX idx_audit_created ON audit_log (created_at DESC)
-- ;;
-- Journal before broadcast: the signed bytes are here before they leave, and are sent again as they are.
CREATE TABLE chain_transactions (
    hash bytea PRIMARY KEY,
    chain_id bigint NOT NULL,
    sender bytea NOT NULL,
    nonce bigint NOT NULL CHECK (nonce >= 0),
    attempt smallint NOT NULL CHECK (attempt >= 0),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    account_id uuid NOT NULL,
    order_id uuid,
    purpose varchar(20) NOT NULL CHECK (purpose IN ('swap', 'approve', 'wrap', 'cancel')),
    raw bytea NOT NULL,
    max_fee numeric(40) NOT NULL, -- wei per gas
    priority_fee numeric(40) NOT NULL,
    gas_limit bigint NOT NULL,
    state varchar(20) NOT NULL CHECK (state IN (
        'signed', 'pending', 'mined', 'final', 'reverted', 'replaced', 'dropped', 'superseded')),
    block_number bigint,
    block_hash bytea,
    fence bigint,
    correlation_id uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uk_chain_transaction_attempt UNIQUE (chain_id, sender, nonce, attempt),
    CONSTRAINT fk_chain_transaction_account FOREIGN KEY (account_id, user_id) REFERENCES trading_accounts (id, user_id),
    CONSTRAINT fk_chain_transaction_order FOREIGN KEY (order_id, user_id) REFERENCES orders (id, user_id)
)
-- ;;
CREATE INDEX idx_chain_transactions_open ON chain_transactions (chain_id, sender, nonce)
    WHERE state IN ('signed', 'pending', 'mined')
-- ;;
CREATE INDEX idx_chain_transactions_order ON chain_transactions (order_id) WHERE order_id IS NOT NULL
-- ;;
CREATE TABLE chain_nonces (
    chain_id bigint NOT NULL,
    sender bytea NOT NULL,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    next bigint NOT NULL CHECK (next >= 0),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (chain_id, sender)
) WITH (fillfactor = 50)
