//! The rules: they judge traces, catalogs and the revision graph, never syntax.
//!
//! A rule is a file here, a page in `rules/` and a line in [`RULES`]. In: a [`Context`] (one revision with its runs), a
//! [`HistoryContext`] (the revision graph) or a [`CommandContext`] (all revisions as one command), as its [`Check`] says. Out: diagnostics at the rule's own severity;
//! levels, suppressions and selection come after.

mod advice;
mod application_import;
mod argument_needs_newer_alembic;
mod autogenerate_leftover;
mod bind_parameter_in_literal;
mod claims;
mod conflict_target_missing;
mod drop_constraint_without_name;
mod duplicate_revision;
mod edited_released_revision;
mod empty_revision;
mod enum_create_type_ignored;
mod enum_created_twice;
mod enum_left_behind;
mod enum_type_not_created;
mod enum_value_used_before_commit;
mod failing_downgrade;
mod failing_reupgrade;
mod failing_upgrade;
mod fails_on_existing_rows;
mod geometry_index_twice;
mod guard_asymmetry;
mod guard_of_another_object;
mod guard_proves_only_table;
mod guards;
mod incomplete_downgrade;
mod invalid_index_left_behind;
mod inverted_guard;
mod lossy_downgrade;
mod manual_commit;
mod missing_downgrade;
pub(crate) mod missing_guard;
pub(crate) mod missing_import;
mod missing_parent;
mod multiple_heads;
mod non_idempotent_insert;
mod offline_incompatible;
mod old_rows;
mod partial_commit;
mod raise_after_work;
mod refusals;
mod reinserted_seed;
mod relative_update;
mod revision_cycle;
mod revision_id_too_long;
mod rollback;
mod script_words;
pub(crate) mod second_run;
mod self_merge;
mod stale_inspector;
mod stale_parent;
mod statement_forbidden_in_transaction;
mod swallowed_error_in_transaction;
mod unbounded_backfill;
mod unnamed_constraint;
mod unreachable_revision;
pub(crate) mod words;

use std::cell::OnceCell;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::config::{Config, Level, PackageVersion};
use crate::diagnostic::{Diagnostic, Label, RuleInfo, Severity};
use crate::history::{Graph, Index};
use crate::replay::window::{Seen, Windows};
use crate::replay::{Replayed, Revision, Setting, Transactions};
use crate::source::{FileId, Site, SourceMap};
use crate::trace::Call;
use missing_guard::Cause;
use rollback::Difference;

/// What a rule sees.
pub struct Context<'a> {
    /// The revision and its runs.
    pub replayed: &'a Replayed,
    /// What the user set.
    pub config: &'a Config,
    /// How `env.py` and the settings hold the transactions of a command.
    pub transactions: Transactions,
    /// The names that constraints get where they have none are not known: `env.py` hands Alembic a MetaData that can't be read.
    pub names_unknown: bool,
    /// What the downgrade does not give back: four rules ask.
    differences: OnceCell<Vec<Difference>>,
    /// What goes wrong with the schema in a second run: as many ask.
    causes: OnceCell<Vec<Cause<'a>>>,
    /// Where a spatial index is made that is there.
    geometry_indexes: OnceCell<FxHashSet<Site>>,
}

/// A rule: data and a function.
pub struct Rule {
    /// What lists and reports show of it; its default level is the severity of its findings unless one is milder.
    pub info: RuleInfo,
    /// How it judges.
    pub check: Check,
}

/// What a rule looks at, and how it judges that.
#[derive(Clone, Copy)]
pub enum Check {
    /// One revision with its four runs.
    Revision(fn(&Context<'_>) -> Vec<Diagnostic>),
    /// The revision graph of a database: static, so it holds where the code can't be interpreted.
    History(fn(&HistoryContext<'_>) -> Vec<Diagnostic>),
    /// Each revision with its runs, and the graph.
    Both(
        fn(&Context<'_>) -> Vec<Diagnostic>,
        fn(&HistoryContext<'_>) -> Vec<Diagnostic>,
    ),
    /// All revisions as one command, for what crosses them.
    Command(fn(&CommandContext<'_>) -> Vec<Diagnostic>),
}

/// What a rule on the revision graph sees.
pub struct HistoryContext<'a> {
    /// The graph.
    pub graph: &'a Graph,
    /// The revisions, in the linear order of the graph ([`Graph::order`]).
    pub revisions: &'a [Arc<Revision>],
    /// What the user set.
    pub config: &'a Config,
    /// The database before the change that is judged, where `--since` names one and it was there.
    pub base: Option<Base<'a>>,
    /// The revision of a file: rules ask once a revision.
    by_file: FxHashMap<FileId, &'a Arc<Revision>>,
}

/// A database before the change that is judged: for rules that compare. Its files are in `sources`, marked as past
/// ([`SourceMap::is_past`]).
#[derive(Clone, Copy)]
pub struct Base<'a> {
    /// How the user calls the branch that the change goes to: `origin/main`.
    pub name: &'a str,
    /// Where the change began (the merge base): a revision here is released for it, and one that is not is new.
    pub fork: Side<'a>,
    /// What the branch is now: `fork`, or what others have brought since.
    pub tip: Side<'a>,
    /// The texts and paths of all files, today's too.
    pub sources: &'a SourceMap,
}

/// The revisions of a database at one commit.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// The graph.
    pub graph: &'a Graph,
    /// The revisions, in its linear order.
    pub revisions: &'a [Arc<Revision>],
}

/// What a rule on a whole command sees.
pub struct CommandContext<'a> {
    /// What the first runs showed of things that can matter beyond their revision, in the linear order.
    pub seen: &'a [Seen],
    /// The commands that were replayed.
    pub windows: &'a Windows,
    /// What the user set.
    pub config: &'a Config,
    /// How `env.py` and the settings hold the transactions of a command.
    pub transactions: Transactions,
}

/// The rule about edits of what is released: it alone reports on released revisions.
pub const EDITED_RELEASED: &str = edited_released_revision::RULE.info.id;

/// All rules, sorted by id.
pub static RULES: &[Rule] = &[
    application_import::RULE,
    argument_needs_newer_alembic::RULE,
    autogenerate_leftover::RULE,
    bind_parameter_in_literal::RULE,
    conflict_target_missing::RULE,
    drop_constraint_without_name::RULE,
    duplicate_revision::RULE,
    edited_released_revision::RULE,
    empty_revision::RULE,
    enum_create_type_ignored::RULE,
    enum_created_twice::RULE,
    enum_left_behind::RULE,
    enum_type_not_created::RULE,
    enum_value_used_before_commit::RULE,
    failing_downgrade::RULE,
    failing_reupgrade::RULE,
    failing_upgrade::RULE,
    fails_on_existing_rows::RULE,
    geometry_index_twice::RULE,
    guard_asymmetry::RULE,
    guard_of_another_object::RULE,
    guard_proves_only_table::RULE,
    incomplete_downgrade::RULE,
    invalid_index_left_behind::RULE,
    inverted_guard::RULE,
    lossy_downgrade::RULE,
    manual_commit::RULE,
    missing_downgrade::RULE,
    missing_guard::RULE,
    missing_import::RULE,
    missing_parent::RULE,
    multiple_heads::RULE,
    non_idempotent_insert::RULE,
    offline_incompatible::RULE,
    partial_commit::RULE,
    raise_after_work::RULE,
    reinserted_seed::RULE,
    relative_update::RULE,
    revision_cycle::RULE,
    revision_id_too_long::RULE,
    self_merge::RULE,
    stale_inspector::RULE,
    stale_parent::RULE,
    statement_forbidden_in_transaction::RULE,
    swallowed_error_in_transaction::RULE,
    unbounded_backfill::RULE,
    unnamed_constraint::RULE,
    unreachable_revision::RULE,
];

/// Judges one revision by all rules.
pub fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let found = check_revision(context);
    match context.replayed.revision.script() {
        Some(script) => script_words::translate(found, script),
        None => found,
    }
}

fn check_revision(context: &Context<'_>) -> Vec<Diagnostic> {
    RULES
        .iter()
        .flat_map(|rule| match rule.check {
            Check::Revision(check) | Check::Both(check, _) => check(context),
            Check::History(_) | Check::Command(_) => Vec::new(),
        })
        .collect()
}

/// Judges the revision graph of a database by all rules.
pub fn check_history(context: &HistoryContext<'_>) -> Vec<Diagnostic> {
    // what a revision file says of itself is Alembic's: SQL files are in the order of their names
    let is_script = |revision: &Arc<Revision>| revision.script().is_some();
    if context.revisions.iter().any(is_script) {
        return duplicate_revision::of_scripts(context);
    }
    RULES
        .iter()
        .flat_map(|rule| match rule.check {
            Check::History(check) | Check::Both(_, check) => check(context),
            Check::Revision(_) | Check::Command(_) => Vec::new(),
        })
        .collect()
}

/// Judges the revisions of a database as one command by all rules.
pub fn check_command(context: &CommandContext<'_>) -> Vec<Diagnostic> {
    RULES
        .iter()
        .flat_map(|rule| match rule.check {
            Check::Command(check) => check(context),
            Check::Revision(_) | Check::History(_) | Check::Both(..) => Vec::new(),
        })
        .flat_map(|found| {
            let of_file = |one: &&Seen| one.revision.file == found.site.file;
            match context
                .seen
                .iter()
                .find(of_file)
                .and_then(|one| one.revision.script())
            {
                Some(script) => script_words::translate(vec![found], script),
                None => vec![found],
            }
        })
        .collect()
}

impl Rule {
    /// Whether its findings are reported: a rule that leaves a cause to it must take it over where they are not.
    fn is_on(&self, config: &Config) -> bool {
        config.is_on(&self.info)
    }

    /// The severity of its findings unless one is milder.
    fn severity(&self) -> Severity {
        match self.info.default_level {
            Level::At(severity) => severity,
            Level::Off => Severity::Note,
        }
    }
}

impl<'a> Context<'a> {
    /// What rules see of a revision.
    pub fn new(replayed: &'a Replayed, setting: &'a Setting) -> Self {
        Self {
            replayed,
            config: &setting.config,
            transactions: setting.transactions,
            names_unknown: setting.names_unknown,
            differences: OnceCell::new(),
            causes: OnceCell::new(),
            geometry_indexes: OnceCell::new(),
        }
    }

    /// See [`missing_guard::schema_causes`].
    pub(crate) fn schema_causes(&self) -> &[Cause<'a>] {
        self.causes
            .get_or_init(|| missing_guard::schema_causes(self))
    }

    /// See [`geometry_index_twice::places`].
    fn geometry_indexes(&self) -> &FxHashSet<Site> {
        self.geometry_indexes
            .get_or_init(|| geometry_index_twice::places(&self.replayed.first.events))
    }

    /// See [`rollback::differences`].
    fn differences(&self) -> &[Difference] {
        self.differences
            .get_or_init(|| rollback::differences(self.replayed))
    }

    /// A diagnostic of a rule about this revision.
    fn diagnostic(&self, rule: &Rule, site: Site, message: String) -> Diagnostic {
        Diagnostic {
            revision: Some(self.replayed.revision.id.to_string()),
            ..Diagnostic::new(rule.info.id, rule.severity(), site, message)
        }
    }
}

impl<'a> HistoryContext<'a> {
    /// What rules on the graph see of a database.
    pub fn new(
        graph: &'a Graph,
        revisions: &'a [Arc<Revision>],
        config: &'a Config,
        base: Option<Base<'a>>,
    ) -> Self {
        let by_file = revisions.iter().map(|revision| (revision.file, revision));
        Self {
            graph,
            revisions,
            config,
            base,
            by_file: by_file.collect(),
        }
    }

    /// The revision that stands in a file.
    pub fn revision_in(&self, file: FileId) -> Option<&'a Arc<Revision>> {
        self.by_file.get(&file).copied()
    }

    /// A revision of the graph: one whose work the initial schema holds already is not among them.
    fn revision(&self, index: Index) -> Option<&'a Arc<Revision>> {
        self.revision_in(self.graph.revisions()[index].file)
    }

    /// The id of a revision.
    fn id(&self, index: Index) -> &str {
        &self.graph.revisions()[index].identifiers.revision
    }

    /// The place of its `revision`.
    fn place(&self, index: Index) -> Site {
        let revision = &self.graph.revisions()[index];
        Site {
            file: revision.file,
            span: revision.identifiers.revision_span,
        }
    }

    /// The place of its `down_revision`.
    fn parent_place(&self, index: Index) -> Site {
        let revision = &self.graph.revisions()[index];
        Site {
            file: revision.file,
            span: revision.identifiers.down_revision_span,
        }
    }

    /// Whether it is one of Alembic's.
    fn is_alembic(&self, index: Index) -> bool {
        self.revision(index)
            .is_some_and(|revision| revision.facts.substance != 0)
    }

    /// Whether it is reported on.
    fn is_reported(&self, index: Index) -> bool {
        self.revision(index)
            .is_some_and(|revision| revision.reported && !revision.released)
    }

    /// A diagnostic of a rule about a revision.
    fn diagnostic(&self, rule: &Rule, index: Index, site: Site, message: String) -> Diagnostic {
        Diagnostic {
            revision: Some(self.id(index).to_owned()),
            ..Diagnostic::new(rule.info.id, rule.severity(), site, message)
        }
    }
}

/// A diagnostic of a rule on a whole command about one of its revisions.
fn about_seen(rule: &Rule, seen: &Seen, site: Site, message: String) -> Diagnostic {
    Diagnostic {
        revision: Some(seen.revision.id.to_string()),
        ..Diagnostic::new(rule.info.id, rule.severity(), site, message)
    }
}

/// Since which Alembic an operation has an argument that guards it, and its name.
pub(crate) fn native_guard(operation: &str, batch: bool) -> Option<(&'static str, PackageVersion)> {
    advice::native(operation, batch)
}

/// Where the statement of a call is issued, if that is in a helper.
fn issued_elsewhere(call: &Call) -> Option<Label> {
    (!call.is_direct()).then(|| label(call.innermost(), "the statement is issued here"))
}

fn label(site: Site, message: impl Into<String>) -> Label {
    Label {
        site,
        message: message.into(),
    }
}
