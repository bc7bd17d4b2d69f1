"""The state of a database as a mapping of (kind, name) to text: what foreshot calls a change is a difference of two of them."""

USER = "with user_schema as (select oid from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema') "

# what migrations make: asked after each statement of a second run
CORE = {
    "relation": "select c.oid::regclass::text, concat_ws(' ', c.relkind::text, c.relpersistence::text, case when c.relrowsecurity then 'rls' end,"
    " case when i.indisvalid is false then 'invalid' end, pg_get_indexdef(i.indexrelid),"
    " case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end, obj_description(c.oid, 'pg_class'))"
    " from pg_class c left join pg_index i on i.indexrelid = c.oid where c.relnamespace in (select oid from user_schema)",
    "column": "select a.attrelid::regclass || '.' || a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull,"
    " a.attidentity::text, pg_get_expr(d.adbin, d.adrelid), col_description(a.attrelid, a.attnum)) from pg_attribute a"
    " join pg_class c on c.oid = a.attrelid left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum"
    " where a.attnum > 0 and not a.attisdropped and c.relkind <> 'i' and c.relnamespace in (select oid from user_schema)",
    "constraint": "select coalesce(nullif(conrelid, 0)::regclass::text, contypid::regtype::text) || '.' || conname, pg_get_constraintdef(oid)"
    " from pg_constraint where connamespace in (select oid from user_schema)",
    "type": "select t.oid::regtype::text, concat_ws(' ', typtype::text, typdefault, (select string_agg(enumlabel, ',' order by enumsortorder)"
    " from pg_enum where enumtypid = t.oid)) from pg_type t left join pg_class c on c.oid = t.typrelid"
    " where t.typnamespace in (select oid from user_schema) and t.typtype in ('e', 'd', 'r', 'c') and (c.relkind is null or c.relkind = 'c')",
    "function": "select oid::regprocedure::text, prokind::text || md5(prosrc) from pg_proc where pronamespace in (select oid from user_schema)",
    "trigger": "select tgrelid::regclass || '.' || tgname, tgenabled::text || pg_get_triggerdef(oid) from pg_trigger where not tgisinternal",
    "policy": "select polrelid::regclass || '.' || polname, concat_ws(' ', polcmd::text, pg_get_expr(polqual, polrelid)) from pg_policy",
    "schema": "select nspname::text, concat_ws(' ', nspowner, nspacl::text) from pg_namespace where oid in (select oid from user_schema)",
    "extension": "select extname::text, extversion from pg_extension",
}

# what only a server's administration makes, and settings: asked for the measured tables alone
WIDE = {
    "settings": "select oid::regclass::text, concat_ws(' ', reloptions::text, reltablespace, pg_get_userbyid(relowner), relacl::text, relreplident::text)"
    " from pg_class where relnamespace in (select oid from user_schema)",
    "validated": "select coalesce(nullif(conrelid, 0)::regclass::text, '') || '.' || conname, convalidated::text from pg_constraint"
    " where connamespace in (select oid from user_schema)",
    "rule": "select ev_class::regclass || '.' || rulename, pg_get_ruledef(oid) from pg_rewrite where ev_class in (select oid from pg_class"
    " where relnamespace in (select oid from user_schema))",
    "sequence": "select format('%I.%I', schemaname, sequencename), concat_ws(' ', increment_by, last_value) from pg_sequences",
    "role": "select rolname::text, concat_ws(' ', rolcanlogin, rolconfig::text) from pg_roles where rolname !~ '^pg_'",
    "member": "select roleid::regrole || '.' || member::regrole, '' from pg_auth_members where roleid >= 16384",
    "publication": "select pubname::text, puballtables::text from pg_publication",
    "published": "select prpubid || '.' || prrelid::regclass, '' from pg_publication_rel",
    "subscription": "select subname::text, subenabled::text from pg_subscription",
    "statistics": "select stxname::text, '' from pg_statistic_ext",
    "event trigger": "select evtname::text, evtenabled::text from pg_event_trigger",
    "collation": "select oid::text || collname, '' from pg_collation where collnamespace in (select oid from user_schema)",
    "operator": "select oid::regoperator::text, '' from pg_operator where oprnamespace in (select oid from user_schema)",
    "operator class": "select opcname::text, '' from pg_opclass where oid >= 16384",
    "operator family": "select opfname::text, '' from pg_opfamily where oid >= 16384",
    "cast": "select castsource::regtype || ' ' || casttarget::regtype, '' from pg_cast where oid >= 16384",
    "wrapper": "select fdwname::text, '' from pg_foreign_data_wrapper",
    "server": "select srvname::text, '' from pg_foreign_server",
    "mapping": "select srvname || '.' || usename, '' from pg_user_mappings",
    "privileges": "select concat_ws(' ', defaclrole, defaclnamespace, defaclobjtype::text), defaclacl::text from pg_default_acl",
    "parent": "select inhrelid::regclass || ' ' || inhparent::regclass, '' from pg_inherits",
    "search configuration": "select cfgname::text, '' from pg_ts_config where oid >= 16384",
    "dictionary": "select dictname::text, '' from pg_ts_dict where oid >= 16384",
    "transform": "select trftype::regtype::text, '' from pg_transform",
    "language": "select lanname::text, '' from pg_language",
    "access method": "select amname::text, '' from pg_am",
    "setting": "select setdatabase || '.' || setrole, setconfig::text from pg_db_role_setting",
    "description": "select classoid::regclass || '.' || objoid || '.' || objsubid, description from pg_description where objoid >= 16384",
    "database": "select datname::text, '' from pg_database",
    "listening": "select channel, '' from pg_listening_channels() as channel",
    "prepared": "select gid, '' from pg_prepared_xacts",
}


def union(kinds):
    return USER + " union all ".join(f"select '{kind}', * from ({query}) as asked(name, text)" for kind, query in kinds.items())


QUERIES = {False: union(CORE), True: union({**CORE, **WIDE})}
TABLES = USER + (
    "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    " where c.relkind = 'r' and n.oid in (select oid from user_schema) order by 1"
)


def snapshot(cursor, wide=False):
    """What the connection of this cursor sees: the catalog, and of each table the number of rows and a digest of them."""
    cursor.execute(QUERIES[wide])
    state = {(kind, name): text for kind, name, text in cursor.fetchall()}
    cursor.execute(TABLES)
    tables = [table for (table,) in cursor.fetchall()]
    if tables:
        counts = " union all ".join(
            f"select {number}, count(*), md5(string_agg(whole_row::text, chr(10) order by whole_row::text)) from {table} whole_row"
            for number, table in enumerate(tables)
        )
        cursor.execute(counts)
        for number, count, digest in cursor.fetchall():
            state["rows", tables[number]] = count
            state["values", tables[number]] = digest
    return state


def differences(before, after):
    """The keys that one state has and the other has not, or has otherwise."""
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
