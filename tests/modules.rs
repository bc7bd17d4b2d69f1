//! What revisions load of their project: modules by file, files of packages, settings, models in modules of their own.

mod common;

use std::path::Path;

use serde_json::Value;

const INI: &str = "[alembic]\nscript_location = alembic\n";
const HEAD: &str = "from alembic import op\nimport sqlalchemy as sa\n";

fn project(files: &[(&str, &str)]) -> common::folder::TemporaryFolder {
    let folder = common::temporary_folder();
    common::write(folder.path(), "alembic.ini", INI);
    for (path, text) in files {
        common::write(folder.path(), path, text);
    }
    folder
}

fn revision(id: &str, parent: &str, text: &str) -> String {
    format!("{HEAD}revision = {id:?}\ndown_revision = {parent}\n{text}")
}

/// Statements and outcomes of the first run of all revisions.
fn first(folder: &Path) -> Vec<String> {
    let output = common::foreshot(folder, &["trace", "--format", "json", "."]);
    common::assert_exit(&output, 0);
    let events = common::stdout(&output);
    let events = events
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object a line"));
    let shown = |event: Value| {
        let text = event["statement"].as_str().expect("a statement");
        let outcome = event["sqlstate"].as_str().or(event["outcome"].as_str());
        format!("{text} {}", outcome.expect("an outcome"))
    };
    events
        .filter(|event: &Value| event["run"] == "first")
        .map(shown)
        .collect()
}

#[test]
fn modules_and_files_are_loaded_by_their_place() {
    let body = "import importlib.resources, importlib.util, pathlib, pkgutil, runpy, string\n\
        from importlib import resources\nfrom importlib.machinery import SourceFileLoader\n\
        def upgrade():\n    \
        op.execute(importlib.resources.files('app').joinpath('sql', 'one.sql').read_text())\n    \
        op.execute((resources.files('app') / 'sql' / 'one.sql').read_text().replace('one', 'two'))\n    \
        op.execute(resources.read_text('app.sql', 'one.sql').replace('one', 'three'))\n    \
        op.execute(pkgutil.get_data('app', 'sql/one.sql').decode().replace('one', 'four'))\n    \
        op.execute(string.Template('CREATE TABLE ${n}_$n (id int) -- $$ $x').safe_substitute(n='five'))\n    \
        here = pathlib.Path(__file__)\n    \
        spec = importlib.util.spec_from_file_location('_rev', here.with_name('1_first.py'))\n    \
        module = importlib.util.module_from_spec(spec)\n    spec.loader.exec_module(module)\n    \
        module.make('six')\n    \
        SourceFileLoader('x', str(here.with_name('1_first.py'))).load_module().make('seven')\n    \
        runpy.run_path(str(here.with_name('1_first.py')))['make']('eight')\n\
        def downgrade():\n    pass\n";
    let folder = project(&[
        ("app/__init__.py", ""),
        ("app/sql/one.sql", "CREATE TABLE one (id int)"),
        (
            "alembic/versions/1_first.py",
            &revision(
                "a",
                "None",
                "def make(name):\n    op.create_table(name, sa.Column('id', sa.Integer))\ndef upgrade():\n    make('zero')\ndef downgrade():\n    op.drop_table('zero')\n",
            ),
        ),
        ("alembic/versions/2_next.py", &revision("b", "'a'", body)),
    ]);
    assert_eq!(
        first(folder.path()),
        [
            "CREATE TABLE zero (id int4) ok",
            "CREATE TABLE one (id int) ok",
            "CREATE TABLE two (id int) ok",
            "CREATE TABLE three (id int) ok",
            "CREATE TABLE four (id int) ok",
            "CREATE TABLE five_five (id int) -- $ $x ok",
            "CREATE TABLE six (id int4) ok",
            "CREATE TABLE seven (id int4) ok",
            "CREATE TABLE eight (id int4) ok",
        ]
    );
}

#[test]
fn settings_have_their_defaults() {
    let settings = "from pydantic import BaseModel, Field\nfrom pydantic_settings import BaseSettings\n\
        class Part(BaseModel):\n    size: int = Field(3, gt=0)\n\
        class Settings(BaseSettings):\n    names: list[str] = Field(default_factory=lambda: ['n1', 'n2'])\n    \
        part: Part = Field(default_factory=Part)\n    needed: str = Field(...)\nsettings = Settings()\n";
    let body = "from app.settings import settings\ndef upgrade():\n    \
        for name in settings.names:\n        op.create_table(name, sa.Column('id', sa.Integer))\n    \
        op.execute(f'CREATE TABLE p{settings.part.size} (id int)')\n    \
        op.execute(f'CREATE TABLE q{settings.needed} (id int)')\ndef downgrade():\n    pass\n";
    let folder = project(&[
        ("app/__init__.py", ""),
        ("app/settings.py", settings),
        ("alembic/versions/a.py", &revision("a", "None", body)),
    ]);
    assert_eq!(
        first(folder.path()),
        [
            "CREATE TABLE n1 (id int4) ok",
            "CREATE TABLE n2 (id int4) ok",
            "CREATE TABLE p3 (id int) ok",
            "CREATE TABLE q{?} (id int) unknown",
        ]
    );
}

#[test]
fn a_key_that_was_made_once_is_no_new_one() {
    let seed = "def upgrade():\n    \
        op.execute('CREATE TABLE p (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text UNIQUE)')\n    \
        op.execute('CREATE TABLE e (p uuid PRIMARY KEY, w int)')\n    \
        op.execute(\"INSERT INTO p (name) VALUES ('a')\")\ndef downgrade():\n    op.drop_table('e')\n    op.drop_table('p')\n";
    let upsert = "def upgrade():\n    bind = op.get_bind()\n    \
        key = bind.execute(sa.text(\"SELECT id FROM p WHERE name = 'a'\")).scalar()\n    \
        if key is None:\n        return\n    \
        bind.execute(sa.text('INSERT INTO e (p, w) VALUES (:p, 1) ON CONFLICT (p) DO UPDATE SET w = EXCLUDED.w'), {'p': key})\n\
        def downgrade():\n    op.execute('DELETE FROM e')\n";
    let folder = project(&[
        ("alembic/versions/a.py", &revision("a", "None", seed)),
        ("alembic/versions/b.py", &revision("b", "'a'", upsert)),
    ]);
    let output = common::foreshot(folder.path(), &["check", "--output-format", "concise"]);
    let findings = common::findings(&common::stdout(&output));
    let of_upsert: Vec<_> = findings
        .iter()
        .filter(|one| one.path.ends_with("b.py"))
        .collect();
    assert!(
        of_upsert
            .iter()
            .all(|one| one.rule != "non-idempotent-insert"),
        "{of_upsert:?}"
    );
    // it is there, so the rest is read
    assert_eq!(first(folder.path()).len(), 4 + 1);
}

/// What became of each statement of the first run.
fn outcomes(folder: &Path) -> Vec<String> {
    let lines = first(folder).into_iter();
    lines
        .map(|line| line.rsplit(' ').next().expect("an outcome").to_owned())
        .collect()
}

#[test]
fn the_search_path_that_env_py_sets_is_the_revisions() {
    let env = "from alembic import context\nfrom sqlalchemy import create_engine, text\n\
        with create_engine('postgresql://').connect() as connection:\n    \
        connection.execute(text('CREATE SCHEMA IF NOT EXISTS tenant'))\n    \
        connection.execute(text('SET search_path TO tenant'))\n    connection.commit()\n    \
        context.configure(connection=connection)\n    with context.begin_transaction():\n        context.run_migrations()\n";
    let body = "def upgrade():\n    \
        op.create_table('t', sa.Column('id', sa.Integer), sa.Column('m', sa.Enum('a', name='mood')))\n    \
        op.execute('ALTER TABLE tenant.t ADD COLUMN n tenant.mood')\n    \
        op.execute('DROP TYPE public.mood')\ndef downgrade():\n    pass\n";
    let folder = project(&[
        ("alembic/env.py", env),
        ("alembic/versions/a.py", &revision("a", "None", body)),
    ]);
    assert_eq!(outcomes(folder.path()), ["ok", "ok", "ok", "42704"]);
}

#[test]
fn what_env_py_executes_first_is_there() {
    let env = "from alembic import context\nfrom sqlalchemy import create_engine, text\n\
        with create_engine('postgresql://').connect() as connection:\n    \
        connection.execute(text('CREATE SCHEMA IF NOT EXISTS app'))\n    \
        connection.execute(text(\"CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'\"))\n    \
        connection.execute(text(\"DO $$ BEGIN CREATE TYPE mood AS ENUM ('sad'); EXCEPTION WHEN duplicate_object THEN NULL; END $$\"))\n    \
        connection.commit()\n    context.configure(connection=connection)\n    with context.begin_transaction():\n        \
        context.execute('CREATE TABLE IF NOT EXISTS early (id int)')\n        context.run_migrations()\n        \
        connection.execute(text('CREATE TABLE late (id int)'))\n";
    let body = "def upgrade():\n    \
        op.create_table('t', sa.Column('id', sa.Integer, server_default=sa.text('one()')), schema='app')\n    \
        op.execute('ALTER TABLE app.t ADD COLUMN m mood')\n    \
        op.execute('ALTER TABLE early ADD COLUMN x int')\n    \
        op.execute('CREATE TABLE late (id int)')\ndef downgrade():\n    pass\n";
    let folder = project(&[
        ("alembic/env.py", env),
        ("alembic/versions/a.py", &revision("a", "None", body)),
    ]);
    assert_eq!(outcomes(folder.path()), ["ok"; 4]);
}
