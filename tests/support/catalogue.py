"""Everything that a schema is made of, as text, so that two states can be compared."""

from storage.pool import Connection

_QUERY = """
select 'table ' || c.oid::regclass || ' ' || c.relkind::text || c.relpersistence::text || ' '
        || coalesce(c.reloptions::text, '')
        || ' rls ' || c.relrowsecurity || c.relforcerowsecurity || ' acl ' || coalesce(sorted(c.relacl::text[]), '')
        || ' owner ' || pg_get_userbyid(c.relowner) || coalesce(' ' || pg_get_partkeydef(c.oid), '')
        || coalesce(' ' || pg_get_expr(c.relpartbound, c.oid), '')
    from ours c where c.relkind not in ('i', 'I')
union all
select 'column ' || c.oid::regclass || ' ' || a.attnum || ' ' || a.attname || ' '
        || format_type(a.atttypid, a.atttypmod) || ' not null ' || a.attnotnull
        || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
        || ' acl ' || coalesce(sorted(a.attacl::text[]), '')
    from ours c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
union all
select 'constraint ' || coalesce(conrelid::regclass::text, '') || ' ' || conname || ' ' || pg_get_constraintdef(k.oid)
    from pg_constraint k where connamespace in (select oid from places)
union all
select 'index ' || pg_get_indexdef(c.oid) from ours c where c.relkind in ('i', 'I')
union all
select 'policy ' || tablename || ' ' || policyname || ' ' || cmd || ' ' || roles::text || ' ' || coalesce(qual, '')
        || ' ' || coalesce(with_check, '')
    from pg_policies where schemaname in ('public', 'paper')
union all
select 'function ' || pg_get_functiondef(p.oid) || ' acl ' || coalesce(sorted(p.proacl::text[]), '')
    from pg_proc p where pronamespace in (select oid from places)
        and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
union all
select 'trigger ' || pg_get_triggerdef(t.oid) from pg_trigger t join ours c on c.oid = t.tgrelid where not tgisinternal
union all
select 'view ' || pg_get_viewdef(c.oid) from ours c where c.relkind = 'v'
union all
select 'type ' || typname || ' ' || typtype::text || ' ' || format_type(typbasetype, typtypmod)
    from pg_type where typnamespace in (select oid from places) and typtype = 'd'
union all
select 'schema ' || nspname || ' acl ' || coalesce(sorted(nspacl::text[]), '') from pg_namespace
    where oid in (select oid from places)
order by 1
"""


async def catalogue(connection: Connection) -> list[str]:
    """Return what is in the schemas `public` and `paper`, extensions aside. Needs the superuser."""
    await connection.execute(
        """
        create or replace function pg_temp.sorted(items text[]) returns text language sql as
            $$ select string_agg(item, ',' order by item) from unnest(items) item $$
        """
    )
    rows = await connection.fetch(
        "with places as (select oid from pg_namespace where nspname in ('public', 'paper')), "
        "ours as (select * from pg_class c where relnamespace in (select oid from places) "
        "and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')) "
        + _QUERY.replace("sorted(", "pg_temp.sorted(")
    )
    return [row[0] for row in rows]
