use super::*;
use crate::files::Memory;

fn revision(id: &str, down: &str) -> String {
    format!("revision = '{id}'\ndown_revision = {down}\n")
}

fn found(files: &Memory, path: &str) -> Discovery {
    discover(files, &[path.into()], &Options::default()).expect("found")
}

fn ini_project() -> Memory {
    Memory::new()
        .with(
            "alembic.ini",
            "[alembic]\nscript_location = %(here)s/db\nprepend_sys_path = lib\n",
        )
        .with("lib/helper.py", "")
        .with("db/env.py", "from alembic import context")
        .with("db/versions/__init__.py", "")
        .with("db/versions/1.py", revision("1", "None"))
        .with("db/versions/2.py", revision("2", "'1'"))
        .with("db/versions/notes.py", "x = 1")
        .with("db/old/0.py", revision("0", "None"))
}

#[test]
fn what_alembic_loads_and_no_more() {
    let discovery = found(&ini_project(), "");
    let [database] = discovery.databases.as_slice() else {
        panic!("{discovery:?}");
    };
    assert_eq!(
        database.revision_files,
        ["db/versions/1.py", "db/versions/2.py"]
    );
    assert_eq!(database.env_py.as_deref(), Some(Utf8Path::new("db/env.py")));
    assert_eq!(database.import_roots, ["lib", "", "db"]);
    assert_eq!(database.report_only, None);
    let notes: Vec<_> = discovery
        .notes
        .iter()
        .filter_map(|note| note.path.as_deref())
        .collect();
    assert_eq!(notes, ["db/old", "db/versions/notes.py"]);
}

#[test]
fn a_named_file_is_reported_and_the_rest_replayed() {
    let discovery = found(&ini_project(), "db/versions/2.py");
    let [database] = discovery.databases.as_slice() else {
        panic!("{discovery:?}");
    };
    assert_eq!(database.revision_files.len(), 2);
    assert_eq!(
        database.report_only,
        Some(BTreeSet::from(["db/versions/2.py".into()]))
    );
    assert_eq!(
        found(&ini_project(), "db/versions").databases[0].report_only,
        None
    );
    assert_eq!(found(&ini_project(), "db/old").databases[0].name, "db/old");
}

#[test]
fn without_configuration_folders_are_databases() {
    let files = Memory::new()
        .with("app/migrations/env.py", "import alembic")
        .with("app/migrations/versions/a.py", revision("a", "None"))
        .with("app/migrations/versions/2024/b.py", revision("b", "'a'"))
        .with("mysql/v/a.py", revision("a", "None"))
        .with("postgres/v/a.py", revision("a", "None"));
    let discovery = found(&files, "");
    let names: Vec<_> = discovery
        .databases
        .iter()
        .map(|database| database.name.as_str())
        .collect();
    assert_eq!(names, ["app/migrations", "mysql/v", "postgres/v"]);
    assert_eq!(discovery.databases[0].revision_files.len(), 2);
    assert_eq!(
        discovery.databases[0].script_location.as_deref(),
        Some(Utf8Path::new("app/migrations"))
    );
}

#[test]
fn siblings_that_repeat_ids_are_apart() {
    let files = Memory::new()
        .with(
            "alembic.ini",
            "[alembic]\nscript_location = db\nrecursive_version_locations = true\n",
        )
        .with("db/env.py", "")
        .with("db/versions/east/a.py", revision("a", "None"))
        .with("db/versions/west/a.py", revision("a", "None"));
    let discovery = found(&files, "");
    let names: Vec<_> = discovery
        .databases
        .iter()
        .map(|database| database.name.as_str())
        .collect();
    assert_eq!(names, ["db/versions/east", "db/versions/west"]);
}

#[test]
fn folders_that_env_py_adds_continue_the_graph() {
    let files = Memory::new()
        .with("alembic.ini", "[alembic]\nscript_location = db\n")
        .with("db/env.py", "")
        .with("db/versions/a.py", revision("a", "None"))
        .with("db/versions/expand/b.py", revision("b", "'a'"));
    let discovery = found(&files, "");
    assert_eq!(discovery.databases.len(), 1);
    assert_eq!(discovery.databases[0].revision_files.len(), 2);
}

#[test]
fn flask_migrate_names_no_script_location() {
    let files = Memory::new()
        .with(
            "migrations/alembic.ini",
            "[alembic]\n[loggers]\nkeys = root\n",
        )
        .with("migrations/env.py", "")
        .with("migrations/versions/a.py", revision("a", "None"));
    let discovery = found(&files, "migrations/versions");
    assert_eq!(
        discovery.databases[0].ini.as_deref(),
        Some(Utf8Path::new("migrations/alembic.ini"))
    );
}

#[test]
fn nothing_to_analyse_is_an_error_with_the_remedy() {
    let files = Memory::new().with("a/x.py", "x = 1");
    let error =
        |path: &str| discover(&files, &[path.into()], &Options::default()).expect_err("nothing");
    assert_eq!(error("a"), DiscoverError::Nothing("a".into()));
    assert_eq!(error("b"), DiscoverError::Missing("b".into()));
    // a hook names whatever changed: a file that is no migration is no mistake
    let discovery = found(&files, "a/x.py");
    assert_eq!((discovery.databases.len(), discovery.notes.len()), (0, 1));
    let options = Options {
        name: Some("x".into()),
        ..Options::default()
    };
    let error = discover(&ini_project(), &["".into()], &options).expect_err("no section");
    assert!(matches!(error, DiscoverError::NoSection { .. }));
}

#[test]
fn version_locations_are_one_database_if_they_are_one_graph() {
    let ini = "[alembic]\nscript_location = db\nversion_locations = db/one db/two\n";
    let files = Memory::new()
        .with("alembic.ini", ini)
        .with("db/env.py", "")
        .with("db/one/a.py", revision("a", "None"));
    let apart = files.clone().with("db/two/b.py", revision("b", "None"));
    assert_eq!(found(&apart, "").databases.len(), 2);
    let joined = files.clone().with("db/two/b.py", revision("b", "'a'"));
    assert_eq!(found(&joined, "").databases.len(), 1);
    let dependent = files.with(
        "db/two/b.py",
        revision("b", "None") + "depends_on = ('a',)\n",
    );
    assert_eq!(found(&dependent, "").databases.len(), 1);
}

#[test]
fn a_folder_a_dialect_below_a_location() {
    let files = Memory::new()
        .with("alembic.ini", "[alembic]\nscript_location = db\n")
        .with("db/env.py", "import alembic")
        .with("db/versions/sqlite/a.py", revision("a", "None"))
        .with("db/versions/postgres/b.py", revision("b", "None"));
    let discovery = found(&files, "");
    // SQLite's never run on PostgreSQL
    assert_eq!(discovery.databases.len(), 1, "{discovery:?}");
    assert_eq!(
        discovery.databases[0].ini.as_deref(),
        Some(Utf8Path::new("alembic.ini"))
    );
    assert_eq!(
        discovery.databases[0].revision_files,
        ["db/versions/postgres/b.py"]
    );
    assert_eq!(
        discovery.notes[0].path.as_deref(),
        Some(Utf8Path::new("db/versions/sqlite"))
    );
    assert_eq!(found(&files, "db/versions/sqlite").databases.len(), 1);
    let alone = Memory::new()
        .with("alembic.ini", "[alembic]\nscript_location = db\n")
        .with("db/env.py", "import alembic")
        .with("db/versions/sqlite/a.py", revision("a", "None"));
    assert_eq!(found(&alone, "").databases.len(), 1);
}
