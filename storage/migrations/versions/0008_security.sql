-- Who may see and change what. Row-level security on every table with a user, forced on the owner as well.

GRANT USAGE ON SCHEMA paper TO cival_daemon, cival_reader
-- ;;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA paper TO cival_daemon
-- ;;
GRANT SELECT ON ALL TABLES IN SCHEMA paper TO cival_reader
-- ;;
-- (select auth.uid()) is evaluated once per query; a bare auth.uid() once per row (16 times slower on a scan).
DO $$
DECLARE
    t record;
BEGIN
    FOR t IN
        SELECT c.oid, c.relname, CASE c.relname WHEN 'users' THEN 'id' ELSE 'user_id' END AS owner_column
        FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
            AND (c.relname = 'users' OR EXISTS (
                SELECT FROM pg_attribute a
                WHERE a.attrelid = c.oid AND a.attname = 'user_id' AND NOT a.attisdropped))
        ORDER BY c.relname
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t.relname);
        EXECUTE format(
            'CREATE POLICY %I ON %I TO authenticated USING ((SELECT auth.uid()) = %I) WITH CHECK ((SELECT auth.uid()) = %3$I)',
            'Users can only see their own ' || t.relname, t.relname, t.owner_column);
        EXECUTE format('CREATE POLICY "The daemon writes %s" ON %1$I TO cival_daemon USING (true) WITH CHECK (true)',
            t.relname);
        EXECUTE format('CREATE POLICY "The reader sees %s" ON %1$I FOR SELECT TO cival_reader USING (true)', t.relname);
    END LOOP;
END
$$
-- ;;
-- Readers get no secret: a table with one is granted column by column. The daemon may change what is not a record.
DO $$
DECLARE
    t record;
    append_only constant text[] := ARRAY[
        'ledger_entries', 'ledger_lines', 'events', 'write_units', 'audit_log', 'trades', 'trade_evidence', 'reconciliations',
        'decisions'];
BEGIN
    FOR t IN
        SELECT c.relname,
            string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FILTER (
                WHERE a.attname NOT LIKE '%\_encrypted' AND a.attname NOT IN ('password_hash', 'token_hash')) AS shown,
            bool_or(a.attname LIKE '%\_encrypted' OR a.attname IN ('password_hash', 'token_hash')) AS has_secret
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
            AND c.relname NOT IN ('alembic_version', 'schema_files')
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
        GROUP BY c.relname ORDER BY c.relname
    LOOP
        IF t.has_secret THEN
            EXECUTE format('GRANT SELECT (%s) ON %I TO authenticated, cival_reader', t.shown, t.relname);
        ELSE
            EXECUTE format('GRANT SELECT ON %I TO authenticated, cival_reader', t.relname);
        END IF;
        EXECUTE format('GRANT SELECT, INSERT ON %I TO cival_daemon', t.relname);
        IF t.relname <> ALL (append_only) THEN
            EXECUTE format('GRANT UPDATE, DELETE ON %I TO cival_daemon', t.relname);
        END IF;
    END LOOP;
END
$$
-- ;;
-- A trade is a fact; what is learnt later is that it counts no more, and what it realised once those before it changed.
GRANT UPDATE (voided_by, realized_pnl) ON trades TO cival_daemon
-- ;;
-- A unit learns the numbers of its events in the transaction that inserted it.
GRANT UPDATE (first_seq, last_seq) ON write_units TO cival_daemon
-- ;;
-- Retention of the journal; the ledger and the audit log have none.
GRANT DELETE ON events, write_units TO cival_daemon
-- ;;
REVOKE DELETE ON users, cell_leases FROM cival_daemon
-- ;;
REVOKE ALL ON FUNCTION ensure_month(text, date), drop_month(text, date) FROM PUBLIC
-- ;;
GRANT EXECUTE ON FUNCTION ensure_month(text, date), drop_month(text, date) TO cival_daemon
