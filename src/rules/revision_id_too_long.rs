//! `revision-id-too-long`: a revision id does not fit into the version table.

use super::{Check, Context, Rule};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::Catalog;
use crate::postgres::catalog::Relation;

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "revision-id-too-long",
        summary: "a revision id does not fit into the version table",
        tags: &["history"],
        category: "history",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/revision-id-too-long.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let revision = &context.replayed.revision;
    if revision.script().is_some() {
        return Vec::new();
    }
    let length = revision.id.chars().count();
    // the row is written after the upgrade, which may widen the column itself
    let Some((table, width)) = version_column(&context.replayed.after) else {
        return Vec::new();
    };
    if length <= width {
        return Vec::new();
    }
    let site = revision.identified;
    let message = format!(
        "the upgrade fails when it is recorded (22001): the id has {length} characters, and `{table}.version_num` holds {width}"
    );
    let mut diagnostic = context.diagnostic(&RULE, site, message);
    diagnostic.help = Some(format!(
        "shorten it to {width} characters, in the revisions that follow it too; or let an earlier revision widen the column (`ALTER TABLE {table} ALTER COLUMN version_num TYPE varchar(255)`)"
    ));
    vec![diagnostic]
}

/// Alembic's table, known by its key and column, and how many characters the column holds; `None`: as many as one likes.
fn version_column(catalog: &Catalog) -> Option<(&str, usize)> {
    // its usual name first: not all tables are looked through in each revision
    let mut usual = catalog.relations.named("alembic_version");
    usual.find_map(|relation| width(relation)).or_else(|| {
        catalog
            .relations
            .values()
            .find_map(|relation| width(relation))
    })
}

fn width(relation: &Relation) -> Option<(&str, usize)> {
    let column = relation.column("version_num")?;
    relation.constraint(&format!("{}_pkc", relation.name.name))?;
    if column.type_name.name.name != "varchar" {
        return None;
    }
    let width = column.type_name.modifiers.first()?.parse().ok()?;
    Some((relation.name.name.as_str(), width))
}
