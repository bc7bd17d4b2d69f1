//! `application-import`: a revision imports the application, which changes under its feet.

use super::{Check, Context, Rule, label};
use crate::alembic::imports::{ApplicationImport, ImportKind};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "application-import",
        summary: "a revision imports models, settings or code of the application, which change under its feet",
        tags: &["data"],
        category: "data",
        default_level: Level::At(Severity::Warning),
        markdown: include_str!("../../rules/application-import.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let imports = &context.replayed.revision.application_imports;
    let Some(first) = imports.iter().min_by_key(|import| import.kind) else {
        return Vec::new();
    };
    vec![report(context, first, imports)]
}

fn report(
    context: &Context<'_>,
    first: &ApplicationImport,
    all: &[ApplicationImport],
) -> Diagnostic {
    let what = shown(first);
    let message = match first.kind {
        ImportKind::Model => format!(
            "the revision uses {what} as it is when it runs, not as it was when it was written: on a new database a column that a later revision adds is missing here (42703), or there already when that comes (42701)"
        ),
        ImportKind::Enumeration => format!(
            "the revision uses {what} as it is when it runs, not as it was when it was written: a new database gets members that later revisions add, and those fail then"
        ),
        ImportKind::Setting => format!(
            "the revision does what {what} says where it runs: two databases at the same revision may differ"
        ),
        ImportKind::Code => format!(
            "the revision uses {what} as it is when it runs, not as it was when it was written: when that changes or goes, old revisions break on a new database"
        ),
        ImportKind::Unused => format!(
            "the revision imports {what} from the application and does nothing with it: when that goes, old revisions break on a new database"
        ),
        ImportKind::Constant => format!(
            "the revision takes {what} from the application as it is when it runs: when that changes or goes, old revisions do something else or break on a new database"
        ),
    };
    let mut diagnostic = context.diagnostic(&RULE, first.site, message);
    if matches!(
        first.kind,
        ImportKind::Code | ImportKind::Constant | ImportKind::Unused
    ) {
        diagnostic.severity = Severity::Note;
    }
    diagnostic.help = Some(
        match first.kind {
            ImportKind::Model => {
                "write down in the revision what it needs of the table: `sa.table(\"...\", sa.column(\"...\"))`"
            }
            ImportKind::Enumeration => "write the values down in the revision",
            ImportKind::Constant => "write it down in the revision",
            ImportKind::Unused => "leave the import out, and out of `script.py.mako`",
            ImportKind::Setting => "write the value down in the revision, or keep it out of the schema",
            ImportKind::Code => "copy what is needed into the revision or into a helper beside the migrations",
        }
        .to_owned(),
    );
    let mut places = vec![first.site];
    for other in all {
        if !places.contains(&other.site) {
            places.push(other.site);
            diagnostic
                .labels
                .push(label(other.site, format!("and {}", shown(other))));
        }
    }
    diagnostic
}

fn shown(import: &ApplicationImport) -> String {
    match &import.name {
        Some(name) => format!("`{name}` of `{}`", import.module),
        None => format!("`{}`", import.module),
    }
}
