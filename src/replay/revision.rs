//! A revision as replay and rules see it: its identifiers, its body, and the shape of its downgrade.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::alembic::imports::ApplicationImport;
use crate::alembic::revision::Facts;
use crate::python::syntax::{
    Argument, ExpressionKind, FunctionBody, FunctionDefinition, Module, StatementKind,
};
use crate::scripts::Script;
use crate::source::{FileId, Site, Span};

/// What a revision consists of: who runs it follows from that.
#[derive(Debug)]
pub enum Body {
    /// A module with `upgrade()` and `downgrade()`: Alembic's.
    Python(Arc<Module>),
    /// A SQL file with an up part and perhaps a down part.
    Script(Arc<Script>),
}

/// One revision file.
#[derive(Debug)]
pub struct Revision {
    /// `revision`.
    pub id: SmolStr,
    /// The file.
    pub file: FileId,
    /// What is run.
    pub body: Body,
    /// `down_revision`: none for a base, several for a merge.
    pub down_revisions: Vec<SmolStr>,
    /// It does not stand on all revisions that are replayed before it: Alembic may run those of other branches behind it.
    pub beside_others: bool,
    /// The shape of `downgrade()`.
    pub downgrade: Downgrade,
    /// Whether a docstring or a comment in `downgrade()` says more than a template does.
    pub downgrade_explained: bool,
    /// The same of `upgrade()`.
    pub upgrade_explained: bool,
    /// The name in `def upgrade`, else the value of `revision`: where a finding about the whole revision stands.
    pub place: Site,
    /// The value of `revision`.
    pub identified: Site,
    /// The name in `def downgrade`.
    pub downgrade_place: Option<Site>,
    /// What its text says beside what it does.
    pub facts: Facts,
    /// What it imports of the application; known once the project's modules are.
    pub application_imports: Vec<ApplicationImport>,
    /// Released: replayed, not reported.
    pub released: bool,
    /// Reported on: false for the files that the user did not name.
    pub reported: bool,
}

/// The shape of `downgrade()` (of the down part of a SQL file), as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Downgrade {
    /// There is none, and none is meant to be: SQL files without a way down.
    Forward,
    /// There is none.
    Absent,
    /// Nothing in it, and no word why.
    Empty,
    /// Nothing in it, with a docstring or comment that says why.
    Explained,
    /// Its first statement raises.
    Raises,
    /// It does something.
    Present,
}

impl Revision {
    /// A revision of a parsed module; `identified` is the place of its `revision` value.
    pub fn new(id: &str, down_revisions: &[String], module: Arc<Module>, identified: Span) -> Self {
        let site = |span| Site {
            file: module.file,
            span,
        };
        let name_of = |name| {
            module
                .top_level_function(name)
                .map(|function| site(function.name_span))
        };
        Self {
            id: SmolStr::new(id),
            file: module.file,
            down_revisions: down_revisions.iter().map(SmolStr::new).collect(),
            beside_others: false,
            downgrade: downgrade_shape(&module),
            downgrade_explained: module
                .top_level_function("downgrade")
                .is_some_and(|function| is_explained(&module, function)),
            upgrade_explained: module
                .top_level_function("upgrade")
                .is_some_and(|function| is_explained(&module, function)),
            place: name_of("upgrade").unwrap_or(site(identified)),
            identified: site(identified),
            downgrade_place: name_of("downgrade"),
            facts: Facts::default(),
            application_imports: Vec::new(),
            released: false,
            reported: true,
            body: Body::Python(module),
        }
    }

    /// A SQL file, after `parent` where there is one; `reversible` where others of its folder have a down part.
    pub fn of_script(
        id: &str,
        parent: Option<&str>,
        script: Arc<Script>,
        reversible: bool,
    ) -> Self {
        let downgrade = match &script.down {
            Some(down) if !down.calls.is_empty() => Downgrade::Present,
            Some(down) if down.explained => Downgrade::Explained,
            Some(_) => Downgrade::Empty,
            None if reversible => Downgrade::Absent,
            None => Downgrade::Forward,
        };
        Self {
            id: SmolStr::new(id),
            file: script.up.place.file,
            down_revisions: parent.into_iter().map(SmolStr::new).collect(),
            beside_others: false,
            downgrade,
            downgrade_explained: script.down.as_ref().is_some_and(|down| down.explained),
            upgrade_explained: script.up.explained,
            application_imports: Vec::new(),
            place: script.up.place,
            identified: script.up.place,
            facts: Facts::default(),
            downgrade_place: script.down.as_ref().map(|down| down.place),
            released: false,
            reported: true,
            body: Body::Script(script),
        }
    }

    /// The Python module, where it is one.
    pub fn module(&self) -> Option<&Arc<Module>> {
        match &self.body {
            Body::Python(module) => Some(module),
            Body::Script(_) => None,
        }
    }

    /// The SQL file, where it is one.
    pub fn script(&self) -> Option<&Script> {
        match &self.body {
            Body::Script(script) => Some(script),
            Body::Python(_) => None,
        }
    }
}

fn downgrade_shape(module: &Module) -> Downgrade {
    let Some(function) = module.top_level_function("downgrade") else {
        // an assignment (`downgrade = helper`) or an import makes it too; what it does shows when it runs
        return match module.constant("downgrade") {
            Some(_) => Downgrade::Present,
            None if imports(module, "downgrade") => Downgrade::Present,
            None => Downgrade::Absent,
        };
    };
    if module.starts_with_raise(function) {
        return Downgrade::Raises;
    }
    if !module.is_empty_function(function) {
        return Downgrade::Present;
    }
    if is_explained(module, function) {
        Downgrade::Explained
    } else {
        Downgrade::Empty
    }
}

/// Whether a name comes from an import at the top of the module.
fn imports(module: &Module, name: &str) -> bool {
    module.body.iter().any(|statement| match &statement.kind {
        StatementKind::FromImport { names, star, .. } => {
            *star
                || names
                    .iter()
                    .any(|imported| imported.alias.as_ref().unwrap_or(&imported.name) == name)
        }
        _ => false,
    })
}

/// A docstring, or a comment inside the function that is more than a template's or a linter's mark, says why.
fn is_explained(module: &Module, function: &FunctionDefinition) -> bool {
    let words = |text: &str| {
        text.split_whitespace()
            .filter(|word| word.chars().any(char::is_alphabetic))
            .count()
    };
    if module
        .function_docstring(function)
        .is_some_and(|(text, _)| words(text) > 1 && !is_template(text))
    {
        return true;
    }
    let comments = module.comments_in(function.span).iter().any(|comment| {
        let text = comment.text.trim_start_matches(['#', ' ']);
        words(text) > 1 && !is_template(text)
    });
    comments || told(module, function).any(|text| words(text) > 2)
}

/// What a function prints or logs first of all.
fn told<'a>(module: &'a Module, function: &'a FunctionDefinition) -> impl Iterator<Item = &'a str> {
    let block = match &function.body {
        FunctionBody::Block(block) => block.as_slice(),
        FunctionBody::Expression(_) => &[],
    };
    block.iter().filter_map(|statement| {
        let StatementKind::Expression(id) = &statement.kind else {
            return None;
        };
        let ExpressionKind::Call { callee, arguments } = &module.expression(*id).kind else {
            return None;
        };
        let (ExpressionKind::Name(name) | ExpressionKind::Attribute { name, .. }) =
            &module.expression(*callee).kind
        else {
            return None;
        };
        let tells = matches!(
            name.as_str(),
            "print" | "echo" | "info" | "warn" | "warning" | "error"
        );
        match arguments.first() {
            Some(Argument::Positional(id)) if tells => match &module.expression(*id).kind {
                ExpressionKind::Str { text, .. } => Some(&**text),
                _ => None,
            },
            _ => None,
        }
    })
}

/// Text that Alembic's template or a tool leaves behind says nothing.
fn is_template(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    [
        "### ",
        "noqa",
        "type: ignore",
        "pylint:",
        "pragma:",
        "please adjust",
        "downgrade schema",
        "upgrade schema",
        "end alembic commands",
        "commands auto generated",
    ]
    .iter()
    .any(|mark| text.starts_with(mark))
        || text.trim_end_matches('.') == "downgrade schema"
}
