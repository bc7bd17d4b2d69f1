"""Fills tables with rows, as a database in use has them: of each table two with NULL wherever it may be, two that agree in all but their keys, and
one with values that people do not expect (negative numbers, empty texts)."""

import psycopg2

TABLES = (
    "select c.oid, format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    " where c.relkind in ('r', 'p') and not c.relispartition and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by 2"
)
COLUMNS = (
    "select a.attname, a.attnotnull, t.typcategory::text, t.typname, coalesce(e.label, ''), a.atttypmod,"
    " exists (select from pg_index i where i.indrelid = a.attrelid and i.indisunique and a.attnum = any (i.indkey)),"
    " exists (select from pg_constraint f where f.conrelid = a.attrelid and f.contype = 'f' and a.attnum = any (f.conkey))"
    " from pg_attribute a join pg_type t on t.oid = a.atttypid"
    " left join lateral (select min(enumlabel) as label from pg_enum where enumtypid = t.oid) e on true"
    " where a.attrelid = %s and a.attnum > 0 and not a.attisdropped and a.attidentity <> 'a' order by a.attnum"
)


# keys begin here: literals of migrations are smaller
KEYS = 7000


def value(number, category, kind, label, modifier):
    """A literal that a column of this type accepts; other numbers give other values where the type has them."""
    if category == "N":
        return str(number)
    if category == "B":
        return "true"
    if category == "E":
        return label
    if category == "A":
        return "{}"
    if category == "D":
        second = abs(number) % 28 + 1
        return {"time": f"00:00:{second:02}", "timetz": f"00:00:{second:02}"}.get(kind, f"2020-01-{second:02}")
    if category == "T":
        return f"{number} days"
    if category == "R":
        return "empty"
    if kind == "uuid":
        return f"00000000-0000-0000-0000-{abs(number):012}"
    if kind in ("json", "jsonb"):
        return "{}"
    text = f"x{number}" if number >= 0 else ""
    return text[: max(1, modifier - 4)] if category == "S" and modifier > 4 else text


def fill(cursor):
    """Five rows a table; foreign keys are not checked meanwhile, rows that a CHECK refuses are left out."""
    cursor.execute("set session_replication_role = replica")
    cursor.execute(TABLES)
    for table, name in cursor.fetchall():
        cursor.execute(COLUMNS, (table,))
        columns = cursor.fetchall()
        for number in range(1, 6):
            names, values = [], []
            for column, required, category, kind, label, modifier, unique, reference in columns:
                if required or number > 2 or unique:
                    plain = -1 if number == 5 else 1
                    chosen = KEYS + number if unique else KEYS + 1 if reference else plain
                    names.append('"' + column.replace('"', '""') + '"')
                    values.append(value(chosen, category, kind, label, modifier))
            if names:
                try:
                    cursor.execute(f"insert into {name} ({', '.join(names)}) values ({', '.join(['%s'] * len(values))})", values)
                except psycopg2.Error:
                    continue
    cursor.execute("reset session_replication_role")
