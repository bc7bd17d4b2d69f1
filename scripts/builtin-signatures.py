"""Writes src/postgres/query/builtin_signatures.txt and builtin_operators.txt from running servers: the argument types of the built-in
functions that migrations call, and of the built-in operators, of all the servers together.

usage: builtin-signatures.py URL... (psycopg2; the first server is the oldest)
"""

import collections
import pathlib
import sys

import psycopg2

NAMES = """
lower upper initcap length char_length character_length octet_length bit_length btrim ltrim rtrim lpad rpad left right substring
substr replace translate reverse repeat split_part strpos position ascii chr md5 encode decode convert_from convert_to to_hex
quote_ident starts_with regexp_replace regexp_match regexp_matches regexp_split_to_array regexp_split_to_table
string_to_array array_to_string array_length array_upper array_lower array_append array_prepend array_cat array_remove
array_replace array_position cardinality unnest array_ndims to_char to_date to_timestamp to_number date_part extract date_trunc
age justify_days justify_hours justify_interval isfinite timezone abs ceil ceiling floor round trunc sign sqrt
power exp ln log mod div jsonb_array_length json_array_length jsonb_array_elements json_array_elements
jsonb_array_elements_text json_array_elements_text jsonb_each json_each jsonb_each_text json_each_text jsonb_object_keys
json_object_keys jsonb_typeof json_typeof jsonb_set jsonb_insert jsonb_strip_nulls json_strip_nulls jsonb_pretty sha256 sha512
hashtext to_tsvector to_tsquery plainto_tsquery websearch_to_tsquery setweight isempty sum avg bool_and bool_or every string_agg
host masklen overlay
""".split()

FUNCTIONS = """
SELECT p.proname, array(SELECT CASE WHEN e.typname IS NULL THEN t.typname ELSE e.typname || '[]' END
    FROM unnest(p.proargtypes) WITH ORDINALITY a(oid, n) JOIN pg_type t ON t.oid = a.oid
    LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A' AND t.typlen = -1 ORDER BY n), p.pronargdefaults
FROM pg_proc p WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = ANY (%s) AND provariadic = 0
"""

OPERATORS = """
SELECT o.oprname, array(SELECT CASE WHEN e.typname IS NULL THEN t.typname ELSE e.typname || '[]' END
    FROM unnest(ARRAY[o.oprleft, o.oprright]) WITH ORDINALITY a(oid, n) JOIN pg_type t ON t.oid = a.oid
    LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A' AND t.typlen = -1 ORDER BY n)
FROM pg_operator o WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprkind = 'b' AND oprname = ANY (%s)
"""

SYMBOLS = """
+ - * / % || -> ->> #> #>> #- ? ?| ?& @> <@ && = <> < > <= >= ~~ !~~ ~~* !~~* ~ !~ ~* !~*
""".split()

# types that no server has since 12
GONE = {"abstime", "reltime", "tinterval"}

HEAD = "# Made by scripts/builtin-signatures.py from the catalogs of PostgreSQL {}.\n"


def main(urls):
    functions, operators, versions = collections.defaultdict(set), collections.defaultdict(set), []
    for url in urls:
        with psycopg2.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute("SHOW server_version")
            versions.append(cursor.fetchone()[0].split()[0].split(".")[0])
            cursor.execute(FUNCTIONS, (NAMES,))
            for name, types, defaults in cursor.fetchall():
                for count in range(len(types) - defaults, len(types) + 1):
                    if not GONE.intersection(types):
                        functions[name].add(",".join(types[:count]))
            cursor.execute(OPERATORS, (SYMBOLS,))
            for name, types in cursor.fetchall():
                if not GONE.intersection(types):
                    operators[name].add(",".join(types))
    folder = pathlib.Path(__file__).parent.parent / "src/postgres/query"
    for path, found in [("builtin_signatures.txt", functions), ("builtin_operators.txt", operators)]:
        lines = [f"{name} {' '.join(sorted(found[name]))}\n" for name in sorted(found)]
        (folder / path).write_text(HEAD.format(", ".join(versions)) + "".join(lines))


main(sys.argv[1:])
