-- What a database needs before its first migration. Run as the superuser of the embedded server, or as the user of the
-- migration URL; running it again changes nothing. What is already there (Supabase) is left alone.

DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN SELECT * FROM (VALUES
        ('authenticated', 'NOLOGIN NOINHERIT'), -- tenants: sees its own rows only
        ('cival_owner', 'LOGIN'),               -- migrations only
        ('cival_daemon', 'LOGIN'),              -- the engine: all rows, no DDL, no BYPASSRLS
        ('cival_api', 'LOGIN NOINHERIT'),       -- may become `authenticated`, has nothing of its own
        ('cival_reader', 'LOGIN')               -- people and tools: all rows, no secrets, read only
    ) AS roles (name, options) LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name) THEN
                EXECUTE format('CREATE ROLE %I %s', wanted.name, wanted.options);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL; -- Another database of the same server is being prepared at this moment.
        END;
    END LOOP;
END
$$;

DO $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole
        WHERE r.rolname = 'cival_reader' AND s.setdatabase = 0
            AND 'default_transaction_read_only=on' = ANY (s.setconfig))
    THEN
        ALTER ROLE cival_reader SET default_transaction_read_only = on;
    END IF;
    IF NOT pg_has_role('cival_api', 'authenticated', 'MEMBER') THEN
        GRANT authenticated TO cival_api;
    END IF;
END
$$;

-- A served database is often given one user, which then works under our roles by `SET ROLE`.
DO $$
DECLARE
    role_name text;
BEGIN
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        RETURN;
    END IF;
    FOREACH role_name IN ARRAY ARRAY['cival_owner', 'cival_daemon', 'cival_api', 'cival_reader', 'authenticated'] LOOP
        -- Making a role gives its maker ADMIN but, since 16, neither SET nor INHERIT: MEMBER would be true already.
        IF NOT pg_has_role(current_user, role_name, 'USAGE') THEN
            EXECUTE format('GRANT %I TO %I', role_name, current_user);
        END IF;
    END LOOP;
END
$$;

-- Granted by default to everybody; a careful administrator may have taken it away. The daemon's sessions make a function
-- of their own (TEMPORARY).
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN SELECT * FROM (VALUES
        ('cival_owner', 'CONNECT'), ('cival_owner', 'CREATE'), ('cival_daemon', 'CONNECT'), ('cival_daemon', 'TEMPORARY'),
        ('cival_api', 'CONNECT'), ('cival_reader', 'CONNECT')
    ) AS rights (name, privilege) LOOP
        IF NOT has_database_privilege(wanted.name, current_database(), wanted.privilege) THEN
            EXECUTE format('GRANT %s ON DATABASE %I TO %I', wanted.privilege, current_database(), wanted.name);
        END IF;
    END LOOP;
END
$$;

GRANT USAGE, CREATE ON SCHEMA public TO cival_owner;
GRANT USAGE ON SCHEMA public TO authenticated, cival_daemon, cival_reader;

-- The identity that policies ask for. Supabase has its own; this one reads the same settings.
DO $$
BEGIN
    IF to_regprocedure('auth.uid()') IS NULL THEN
        CREATE SCHEMA IF NOT EXISTS auth;
        -- After a transaction with SET LOCAL the setting is '' and no longer NULL, hence the nullif.
        CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $body$
            SELECT coalesce(
                nullif(current_setting('request.jwt.claim.sub', true), ''),
                nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid
        $body$;
    END IF;
    IF NOT has_schema_privilege('cival_owner', 'auth', 'USAGE') THEN
        GRANT USAGE ON SCHEMA auth TO cival_owner;
    END IF;
    IF NOT has_schema_privilege('authenticated', 'auth', 'USAGE') THEN
        GRANT USAGE ON SCHEMA auth TO authenticated;
    END IF;
END
$$;

-- Statement statistics, where the server has loaded them and lets us.
DO $$
BEGIN
    IF current_setting('shared_preload_libraries') LIKE '%pg_stat_statements%'
        AND NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_stat_statements')
    THEN
        CREATE EXTENSION pg_stat_statements;
    END IF;
    IF NOT pg_has_role('cival_reader', 'pg_read_all_stats', 'MEMBER') THEN
        GRANT pg_read_all_stats TO cival_reader, cival_daemon;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'pg_stat_statements: expected the right to create and read it, was refused';
END
$$;

-- What the runner and Alembic keep for themselves; here, so that a downgrade to nothing leaves them.
DO $$
BEGIN
    IF to_regclass('public.schema_files') IS NULL THEN
        CREATE TABLE public.schema_files (
            revision varchar(32) NOT NULL,
            file text PRIMARY KEY,
            sha256 varchar(64) NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE TABLE IF NOT EXISTS public.alembic_version (
            version_num varchar(32) NOT NULL,
            CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
        );
        ALTER TABLE public.schema_files OWNER TO cival_owner;
        ALTER TABLE public.alembic_version OWNER TO cival_owner;
        GRANT SELECT ON public.schema_files, public.alembic_version TO authenticated, cival_daemon, cival_reader;
    END IF;
END
$$;
