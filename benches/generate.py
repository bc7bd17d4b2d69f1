"""Writes SQL migrations for measuring: FOLDER gets COUNT files of 10 statements each, or one file of SIZE megabytes.

    python3 benches/generate.py files /tmp/bench/files 2000
    python3 benches/generate.py single /tmp/bench/single.sql 10

The same arguments give the same bytes. Statements are what migrations are made of: tables, columns, indexes, constraints, rows, comments,
a function now and then; each file stands on the tables of the one before it.
"""

import pathlib
import sys


def statements(number):
    """Ten statements about one table, as one file of a real folder would hold them."""
    name = f"orders_{number}"
    before = f"orders_{number - 1}" if number else None
    reference = (
        f"ALTER TABLE {name} ADD CONSTRAINT fk_{name} FOREIGN KEY (parent_id) REFERENCES {before} (id);"
        if before
        else f"ALTER TABLE {name} ADD CONSTRAINT ck_{name} CHECK (parent_id > 0);"
    )
    return [
        f"CREATE TABLE {name} (\n    id bigint PRIMARY KEY,\n    parent_id bigint,\n    title varchar(200) NOT NULL,\n"
        f"    created_at timestamptz NOT NULL DEFAULT now()\n);",
        f"CREATE INDEX ix_{name}_title ON {name} (title);",
        f"ALTER TABLE {name} ADD COLUMN state text NOT NULL DEFAULT 'new';",
        reference,
        f"CREATE UNIQUE INDEX uq_{name} ON {name} (title, created_at);",
        f"ALTER TABLE {name} ALTER COLUMN title TYPE text;",
        f"INSERT INTO {name} (id, title) VALUES (1, 'first; still one statement'), (2, 'second');",
        f"COMMENT ON TABLE {name} IS 'Orders of region {number}';",
        f"CREATE OR REPLACE FUNCTION touch_{number}() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n    NEW.created_at := now();\n    RETURN NEW;\nEND\n$$;",
        f"CREATE TRIGGER tr_{name} BEFORE UPDATE ON {name} FOR EACH ROW EXECUTE FUNCTION touch_{number}();",
    ]


def text(number):
    return f"-- step {number}\n" + "\n".join(statements(number)) + "\n"


def main():
    kind, path, amount = sys.argv[1:4]
    path = pathlib.Path(path)
    if kind == "files":
        path.mkdir(parents=True, exist_ok=True)
        for number in range(int(amount)):
            (path / f"{number + 1:05}_orders.sql").write_text(text(number))
        return
    wanted = int(amount) * 1_000_000
    path.parent.mkdir(parents=True, exist_ok=True)
    size = number = 0
    with path.open("w") as out:
        while size < wanted:
            size += out.write(text(number))
            number += 1


main()
