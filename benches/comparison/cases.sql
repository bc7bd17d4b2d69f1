-- 40 migrations of one or a few statements, written for comparing tools on SQL files; `compare.py` reads them.
--
-- case  its name
-- sent  statement (each committed by itself), file (in a transaction of the tool's), call (as one string)
-- harm  what happens on PostgreSQL 17, or none
-- given  the schema before it (may be repeated)
-- found-by  the rules that say so, of any tool

-- case: table and index without guards
-- sent: statement
-- harm: 42P07 on the attempt after a failure in the middle
-- found-by: missing-guard prefer-robust-stmts
CREATE TABLE tickets (id bigint PRIMARY KEY, title text);
CREATE INDEX ix_tickets_title ON tickets (title);

-- case: two columns without guards
-- sent: statement
-- harm: 42701 on the attempt after a failure in the middle
-- given: CREATE TABLE tickets (id bigint PRIMARY KEY);
-- found-by: missing-guard prefer-robust-stmts
ALTER TABLE tickets ADD COLUMN region text;
ALTER TABLE tickets ADD COLUMN state text;

-- case: enum type and its column
-- sent: statement
-- harm: 42710 on the attempt after a failure in the middle
-- given: CREATE TABLE tickets (id bigint PRIMARY KEY);
-- found-by: missing-guard prefer-robust-stmts
CREATE TYPE ticket_state AS ENUM ('open', 'closed');
ALTER TABLE tickets ADD COLUMN IF NOT EXISTS state ticket_state;

-- case: seed rows without a key
-- sent: file
-- harm: rows come twice on a second run
-- given: CREATE TABLE regions (code text, title text);
-- found-by: non-idempotent-insert
INSERT INTO regions (code, title) VALUES ('north', 'North'), ('south', 'South');

-- case: ON CONFLICT that no key ever meets
-- sent: file
-- harm: rows come twice on a second run
-- given: CREATE TABLE regions (id bigserial PRIMARY KEY, code text);
-- found-by: non-idempotent-insert
INSERT INTO regions (code) VALUES ('north') ON CONFLICT DO NOTHING;

-- case: constraint with IF EXISTS on its table alone
-- sent: statement
-- harm: 42710 on the attempt after a failure in the middle
-- given: CREATE TABLE tickets (id bigint PRIMARY KEY, title text);
-- found-by: missing-guard prefer-robust-stmts
ALTER TABLE IF EXISTS tickets ADD CONSTRAINT ck_title CHECK (title <> '') NOT VALID;
ALTER TABLE tickets VALIDATE CONSTRAINT ck_title;

-- case: column renamed, and another added
-- sent: statement
-- harm: 42703 on the attempt after a failure in the middle
-- given: CREATE TABLE tickets (id bigint PRIMARY KEY, name text);
-- found-by: missing-guard prefer-robust-stmts renaming-column
ALTER TABLE tickets RENAME COLUMN name TO title;
ALTER TABLE tickets ADD COLUMN IF NOT EXISTS state text;

-- case: guards on everything
-- sent: statement
-- harm: none
CREATE TABLE IF NOT EXISTS tickets (id bigint PRIMARY KEY, title text);
CREATE INDEX IF NOT EXISTS ix_tickets_title ON tickets (title);
ALTER TABLE tickets ADD COLUMN IF NOT EXISTS state text;

-- case: a block that accepts the error
-- sent: statement
-- harm: none
DO $$ BEGIN CREATE TYPE ticket_state AS ENUM ('open'); EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE TABLE IF NOT EXISTS tickets (id bigint PRIMARY KEY, state ticket_state);

-- case: constraint dropped and made again
-- sent: file
-- harm: none
-- given: CREATE TABLE tickets (id bigint PRIMARY KEY, parent_id bigint);
ALTER TABLE tickets DROP CONSTRAINT IF EXISTS fk_parent;
ALTER TABLE tickets ADD CONSTRAINT fk_parent FOREIGN KEY (parent_id) REFERENCES tickets (id) NOT VALID;

-- case: functions and views replaced
-- sent: statement
-- harm: none
CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE OR REPLACE VIEW ones AS SELECT one() AS n;

-- case: a block that asks the catalog first
-- sent: statement
-- harm: none
-- given: CREATE TABLE tickets (id bigint PRIMARY KEY);
DO $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM information_schema.columns WHERE table_name = 'tickets' AND column_name = 'state') THEN
    ALTER TABLE tickets ADD COLUMN state text;
  END IF;
END $$;
CREATE INDEX IF NOT EXISTS ix_state ON tickets (state);

-- case: a block that asks for another column
-- sent: statement
-- harm: 42701 on the attempt after a failure in the middle
-- given: CREATE TABLE tickets (id bigint PRIMARY KEY);
-- found-by: missing-guard prefer-robust-stmts
DO $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM information_schema.columns WHERE table_name = 'tickets' AND column_name = 'status') THEN
    ALTER TABLE tickets ADD COLUMN state text;
  END IF;
END $$;
CREATE INDEX IF NOT EXISTS ix_state ON tickets (state);

-- case: index built concurrently in a transaction
-- sent: file
-- harm: 25001
-- given: CREATE TABLE tickets (id bigint PRIMARY KEY, title text);
-- found-by: statement-forbidden-in-transaction ban-concurrent-index-creation-in-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_title ON tickets (title);
ALTER TABLE tickets ADD COLUMN IF NOT EXISTS state text;

-- case: index dropped concurrently in a transaction
-- sent: file
-- harm: 25001
-- given: CREATE TABLE tickets (id bigint PRIMARY KEY, title text); CREATE INDEX ix_title ON tickets (title);
-- found-by: statement-forbidden-in-transaction ban-concurrent-index-creation-in-transaction
DROP INDEX CONCURRENTLY IF EXISTS ix_title;
ALTER TABLE tickets ADD COLUMN IF NOT EXISTS state text;

-- case: REINDEX CONCURRENTLY in a transaction
-- sent: file
-- harm: 25001
-- given: CREATE TABLE tickets (id bigint PRIMARY KEY);
-- found-by: statement-forbidden-in-transaction ban-concurrent-index-creation-in-transaction
REINDEX TABLE CONCURRENTLY tickets;
COMMENT ON TABLE tickets IS 'reindexed';

-- case: VACUUM in a transaction
-- sent: file
-- harm: 25001
-- given: CREATE TABLE tickets (id bigint PRIMARY KEY);
-- found-by: statement-forbidden-in-transaction
VACUUM tickets;
COMMENT ON TABLE tickets IS 'clean';

-- case: enum value used where it is added
-- sent: file
-- harm: 55P04
-- given: CREATE TYPE ticket_state AS ENUM ('open'); CREATE TABLE tickets (id bigint PRIMARY KEY, state ticket_state);
-- found-by: enum-value-in-transaction enum-value-used-before-commit
ALTER TYPE ticket_state ADD VALUE IF NOT EXISTS 'held' AFTER 'open';
UPDATE tickets SET state = 'held' WHERE id = 1;

-- case: enum value as a default where it is added
-- sent: call
-- harm: 55P04
-- given: CREATE TYPE ticket_state AS ENUM ('open'); CREATE TABLE tickets (id bigint PRIMARY KEY, state ticket_state);
-- found-by: enum-value-in-transaction enum-value-used-before-commit
ALTER TYPE ticket_state ADD VALUE IF NOT EXISTS 'held' AFTER 'open';
ALTER TABLE tickets ALTER COLUMN state SET DEFAULT 'held';

-- case: enum value used after its commit
-- sent: statement
-- harm: none
-- given: CREATE TYPE ticket_state AS ENUM ('open'); CREATE TABLE tickets (id bigint PRIMARY KEY, state ticket_state);
ALTER TYPE ticket_state ADD VALUE IF NOT EXISTS 'held' AFTER 'open';
UPDATE tickets SET state = 'held' WHERE id = 1;

-- case: enum value of a type made in the same transaction
-- sent: file
-- harm: none
CREATE TYPE ticket_state AS ENUM ('open');
ALTER TYPE ticket_state ADD VALUE 'held' AFTER 'open';
CREATE TABLE tickets (id bigint PRIMARY KEY, state ticket_state DEFAULT 'held');

-- case: concurrent index beside another statement in one string
-- sent: call
-- harm: 25001
-- given: CREATE TABLE tickets (id bigint PRIMARY KEY, title text);
-- found-by: statement-forbidden-in-transaction ban-concurrent-index-creation-in-transaction
SET lock_timeout = '2s';
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_title ON tickets (title);

-- case: concurrent index alone in one string
-- sent: call
-- harm: none
-- given: CREATE TABLE tickets (id bigint PRIMARY KEY, title text);
CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_title ON tickets (title);

-- case: concurrent index in a block
-- sent: statement
-- harm: 25001
-- given: CREATE TABLE tickets (id bigint PRIMARY KEY, title text);
-- found-by: statement-forbidden-in-transaction ban-concurrent-index-creation-in-transaction
DO $$ BEGIN EXECUTE 'CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_title ON tickets (title)'; END $$;

-- case: COMMIT in the middle of the tool's transaction
-- sent: file
-- harm: 42P07 on the attempt after a failure behind COMMIT
-- found-by: missing-guard partial-commit manual-commit prefer-robust-stmts transaction-nesting
CREATE TABLE tickets (id bigint PRIMARY KEY);
COMMIT;
CREATE TABLE customers (id bigint PRIMARY KEY);

-- case: SAVEPOINT in one string
-- sent: call
-- harm: 25P01
-- given: CREATE TABLE tickets (id bigint PRIMARY KEY);
-- found-by: statement-forbidden-in-transaction fails-on-first-run
SAVEPOINT before;
ALTER TABLE tickets ADD COLUMN IF NOT EXISTS state text;
RELEASE SAVEPOINT before;

-- case: a column that is not there
-- sent: file
-- harm: 42703
-- given: CREATE TABLE tickets (id bigint PRIMARY KEY, title text);
-- found-by: fails-on-first-run
CREATE INDEX IF NOT EXISTS ix_name ON tickets (name);

-- case: a column that a view needs
-- sent: file
-- harm: 2BP01
-- given: CREATE TABLE tickets (id bigint PRIMARY KEY, title text); CREATE VIEW titles AS SELECT title FROM tickets;
-- found-by: fails-on-first-run
ALTER TABLE tickets DROP COLUMN IF EXISTS title;

-- case: a foreign key between types that don't fit
-- sent: file
-- harm: 42804
-- given: CREATE TABLE tickets (id uuid PRIMARY KEY); CREATE TABLE notes (id bigint PRIMARY KEY, ticket_id bigint);
-- found-by: fails-on-first-run
ALTER TABLE notes ADD CONSTRAINT fk_ticket FOREIGN KEY (ticket_id) REFERENCES tickets (id) NOT VALID;

-- case: a conflict target without a key
-- sent: file
-- harm: 42P10
-- given: CREATE TABLE regions (code text, title text);
-- found-by: conflict-target-missing fails-on-first-run
INSERT INTO regions (code, title) VALUES ('north', 'North') ON CONFLICT (code) DO NOTHING;

-- case: a syntax error beside another harm
-- sent: statement
-- harm: 42601, and 42P07 on the attempt after it is repaired
-- found-by: missing-guard prefer-robust-stmts
CREATE TABLE tickets (id bigint PRIMARY KEY);
ALTER TABEL tickets ADD COLUMN title text;
CREATE TABLE customers (id bigint PRIMARY KEY);

-- case: a template's hole
-- sent: file
-- harm: none
-- given: CREATE TABLE tickets (id bigint PRIMARY KEY);
GRANT SELECT ON tickets TO {{ reader }};

-- case: rows for psql
-- sent: statement
-- harm: none
-- given: CREATE TABLE regions (code text PRIMARY KEY);
COPY regions (code) FROM stdin;
north
south; east
\.

-- case: index on a table that is in use
-- sent: file
-- harm: SHARE lock: writes wait until the index is built
-- given: CREATE TABLE tickets (id bigint PRIMARY KEY, title text);
-- found-by: require-concurrent-index-creation blocking-index
CREATE INDEX IF NOT EXISTS ix_title ON tickets (title);

-- case: check constraint that is validated at once
-- sent: file
-- harm: ACCESS EXCLUSIVE lock while all rows are read
-- given: CREATE TABLE tickets (id bigint PRIMARY KEY, title text);
-- found-by: constraint-missing-not-valid blocking-constraint
ALTER TABLE tickets DROP CONSTRAINT IF EXISTS ck_title;
ALTER TABLE tickets ADD CONSTRAINT ck_title CHECK (title <> '');

-- case: SET NOT NULL
-- sent: file
-- harm: ACCESS EXCLUSIVE lock while all rows are read
-- given: CREATE TABLE tickets (id bigint PRIMARY KEY, title text);
-- found-by: adding-not-nullable-field blocking-not-null
ALTER TABLE tickets ALTER COLUMN title SET NOT NULL;

-- case: a type that needs a rewrite
-- sent: file
-- harm: ACCESS EXCLUSIVE lock while the table is rewritten
-- given: CREATE TABLE tickets (id int PRIMARY KEY);
-- found-by: changing-column-type table-rewrite
ALTER TABLE tickets ALTER COLUMN id TYPE bigint;

-- case: a wider varchar
-- sent: file
-- harm: none
-- given: CREATE TABLE tickets (id bigint PRIMARY KEY, title varchar(50));
ALTER TABLE tickets ALTER COLUMN title TYPE varchar(100);

-- case: index on a table made just above
-- sent: file
-- harm: none
CREATE TABLE tickets (id bigint PRIMARY KEY, title text);
CREATE INDEX ix_title ON tickets (title);
ALTER TABLE tickets ALTER COLUMN title SET NOT NULL;

-- case: a column with a constant default
-- sent: file
-- harm: none
-- given: CREATE TABLE tickets (id bigint PRIMARY KEY);
ALTER TABLE tickets ADD COLUMN IF NOT EXISTS state text NOT NULL DEFAULT 'new';
