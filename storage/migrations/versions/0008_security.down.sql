DO $$
DECLARE
    p record;
    t record;
BEGIN
    FOR p IN SELECT policyname, tablename FROM pg_policies WHERE schemaname = 'public' LOOP
        EXECUTE format('DROP POLICY %I ON %I', p.policyname, p.tablename);
    END LOOP;
    FOR t IN
        SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relrowsecurity
    LOOP
        EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY', t.relname);
    END LOOP;
    FOR t IN
        SELECT c.relname FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
            AND c.relname NOT IN ('alembic_version', 'schema_files')
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    LOOP
        EXECUTE format('REVOKE ALL ON %I FROM authenticated, cival_daemon, cival_reader', t.relname);
    END LOOP;
END
$$
-- ;;
REVOKE ALL ON FUNCTION ensure_month(text, date), drop_month(text, date) FROM cival_daemon
-- ;;
GRANT EXECUTE ON FUNCTION ensure_month(text, date), drop_month(text, date) TO PUBLIC
-- ;;
REVOKE ALL ON ALL TABLES IN SCHEMA paper FROM cival_daemon, cival_reader
-- ;;
REVOKE USAGE ON SCHEMA paper FROM cival_daemon, cival_reader
