//! Configuration: `foreshot.toml`, `pyproject.toml`, `alembic.ini` as a stranger writes them, and a project configured by them.
#![no_main]

use camino::Utf8Path;
use foreshot::config::Loader;
use foreshot::discover::{self, Options, versions::Finder};
use foreshot::files::Memory;
use foreshot_fuzz::{mutate, on_this_thread, project, text};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

const REVISION: &str = "from alembic import op\nrevision = 'a'\ndown_revision = None\n\n\ndef upgrade():\n    op.drop_table('t')\n";

fuzz_target!(|data: &[u8]| {
    on_this_thread();
    let text = text(data);
    let rules = project::rules();
    for name in ["foreshot.toml", "pyproject.toml", "alembic.ini", "setup.cfg", "requirements.txt"] {
        let mut memory = Memory::new()
            .with("alembic/env.py", "from alembic import context\n")
            .with("alembic/versions/a.py", REVISION)
            .with("migrations/V1__a.sql", "create table t (a int);\n")
            .with("requirements.txt", "alembic\n");
        for (path, text) in project::files(&text, name) {
            memory = memory.with(&path, text);
        }
        let loader = Loader {
            files: &memory,
            root: Utf8Path::new(""),
            rules: &rules,
        };
        if let Err(error) = loader.nearest(Utf8Path::new("")) {
            assert!(!error.message.is_empty() && error.line > 0);
        }
        let _ = discover::discover(&memory, &[], &Options::default());
        let _ = Finder::new(&memory).versions(Utf8Path::new("alembic"));
        if let Some(project) = project::Project::open(memory) {
            project.analyse(&Default::default(), None);
        }
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate::mutate("config", data, size, max_size, seed)
});
