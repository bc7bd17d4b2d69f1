//! Fixes: what is accepted still parses, cures its finding and is at rest: a second repair finds nothing more to do.
#![no_main]

use foreshot::repair::{self, Wanted};
use foreshot_fuzz::{mutate, on_this_thread, project, text};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|data: &[u8]| {
    on_this_thread();
    let Some(project) = project::Project::open(project::python(&text(data))) else {
        return;
    };
    let analyse = |texts: &repair::Texts, attempts: &foreshot::fix::Attempts| project.round(texts, attempts);
    for unsafe_too in [false, true] {
        let wanted = Wanted {
            unsafe_too,
            ..Wanted::default()
        };
        let first = analyse(&Default::default(), &Default::default());
        if !first.diagnostics.iter().any(|one| one.fix.is_some()) {
            return;
        }
        let before = first.diagnostics.len();
        let repaired = repair::repair(first, &analyse, &wanted, &|_| true);
        for (path, new) in &repaired.texts {
            let old = project.text(path);
            assert!(
                project::is_readable(path, new) || !project::is_readable(path, &old),
                "a fix breaks `{path}`:\n{new}"
            );
        }
        assert_eq!(repaired.fixed.is_empty(), repaired.texts.is_empty());
        assert!(repaired.last.diagnostics.len() <= before + repaired.fixed.len());
        let again = analyse(&repaired.texts, &Default::default());
        project::report(&project::Found {
            diagnostics: again.diagnostics,
            sources: again.sources,
            proofs: again.proofs,
            effort: 0,
        });
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate::mutate("fixes", data, size, max_size, seed)
});
