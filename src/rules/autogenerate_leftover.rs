//! `autogenerate-leftover`: what autogenerate wrote was not looked at.

use super::{Check, Context, HistoryContext, Rule, label};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::history::Index;
use crate::postgres::{Catalog, ObjectKind, Statement};
use crate::source::Site;
use crate::trace::Event;

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "autogenerate-leftover",
        summary: "what autogenerate wrote was not looked at: its comments stay, or it drops a table of an extension",
        tags: &["history"],
        category: "history",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/autogenerate-leftover.md"),
    },
    check: Check::Both(check, check_comments),
};

/// Tables that extensions make, by the extension: autogenerate finds them in the database and in no model.
const OF_EXTENSIONS: &[(&str, &[&str])] = &[
    ("postgis", &["spatial_ref_sys"]),
    (
        "postgis_tiger_geocoder",
        &[
            "addrfeat",
            "county_lookup",
            "countysub_lookup",
            "direction_lookup",
            "featnames",
            "geocode_settings",
            "geocode_settings_default",
            "loader_lookuptables",
            "loader_platform",
            "loader_variables",
            "pagc_gaz",
            "pagc_lex",
            "pagc_rules",
            "place_lookup",
            "secondary_unit_lookup",
            "state_lookup",
            "street_type_lookup",
            "tabblock",
            "tabblock20",
            "zcta5",
            "zip_lookup",
            "zip_lookup_all",
            "zip_lookup_base",
            "zip_state_loc",
        ],
    ),
    (
        "address_standardizer_data_us",
        &["us_gaz", "us_lex", "us_rules"],
    ),
];

/// Drops of tables that belong to extensions and that no revision made.
fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let replayed = context.replayed;
    let mut drops: Vec<(&Event, &str, &str)> = Vec::new();
    for event in &replayed.first.events {
        let Some(Statement::Drop(drop)) = event.statements.first() else {
            continue;
        };
        for target in &drop.targets {
            let name = target.name.name.as_str();
            let extension = OF_EXTENSIONS
                .iter()
                .find(|(_, tables)| drop.kind == ObjectKind::Table && tables.contains(&name));
            if let Some((extension, _)) = extension
                && !is_made(&replayed.before, name)
            {
                drops.push((event, name, extension));
            }
        }
    }
    let Some((event, name, extension)) = drops.first() else {
        return Vec::new();
    };
    let elsewhere = if event.statements.iter().any(Statement::is_guarded) {
        ""
    } else {
        ", and elsewhere since there is no such table (42P01)"
    };
    let message = format!(
        "the upgrade fails where the extension `{extension}` is installed (2BP01: its table `{name}` can't be dropped){elsewhere}"
    );
    let mut diagnostic = context.diagnostic(&RULE, event.site, message);
    diagnostic.help = Some(
        "delete the line and its reverse in `downgrade()`, and let `include_name` or `include_object` in `env.py` pass over tables of extensions"
            .to_owned(),
    );
    for (event, name, _) in &drops[1..] {
        let what = format!("`{name}` is of an extension too");
        diagnostic.labels.push(label(event.site, what));
    }
    vec![diagnostic]
}

fn is_made(catalog: &Catalog, name: &str) -> bool {
    catalog.relations.named(name).next().is_some()
}

/// The comments that ask to be removed once one has looked: once a database, at the newest revision that has them.
fn check_comments(context: &HistoryContext<'_>) -> Vec<Diagnostic> {
    let graph = context.graph;
    let commented = |index: &Index| {
        let revision = context.revision(*index)?;
        let file = revision.file;
        let reported = revision.reported && !revision.released;
        let span = revision.facts.template_comment.filter(|_| reported)?;
        Some((*index, Site { file, span }))
    };
    let found: Vec<(Index, Site)> = graph.order().iter().filter_map(commented).collect();
    let Some((index, site)) = found.last() else {
        return Vec::new();
    };
    let message = "nothing shows that a person has read what autogenerate wrote: its request to adjust it still stands here";
    let mut diagnostic = context.diagnostic(&RULE, *index, *site, message.to_owned());
    diagnostic.severity = Severity::Note;
    diagnostic.help = Some(
        "read the operations (renames show as a drop and an add), then remove the comment"
            .to_owned(),
    );
    if found.len() > 1 {
        diagnostic.notes.push(match found.len() - 1 {
            1 => "1 more revision has it".to_owned(),
            more => format!("{more} more revisions have it"),
        });
    }
    vec![diagnostic]
}
