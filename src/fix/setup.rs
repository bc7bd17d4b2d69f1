//! What a guard's condition stands on: the Inspector, sets of names, imports; each made once, where it is first needed.

use super::Facts;
use super::ask::{Ask, Listing, TableText};
use super::code::{Code, last_name};
use super::guards::{Plan, Spot};
use super::helpers::{self, Given};
use super::layout;
use crate::config::PackageVersion;
use crate::python::syntax::{
    Argument, ExpressionId, ExpressionKind, FunctionBody, FunctionDefinition, Statement,
    StatementKind,
};
use crate::source::Span;

/// A condition and the edits that set up what it names.
pub(super) struct Setup {
    pub(super) edits: Vec<(Span, String)>,
    pub(super) condition: String,
}

/// By what a guard asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The project's own predicate.
    Helper,
    /// One Inspector a function.
    Inspector,
    /// An Inspector of its own.
    FreshInspector,
}

/// The condition of a guard, as text.
pub(super) fn condition(
    facts: &Facts<'_>,
    spot: &Spot<'_>,
    ask: &Ask,
    plan: &Plan<'_>,
    by: By,
) -> Option<Setup> {
    let mut writer = Writer {
        facts,
        spot,
        plan,
        fresh: by == By::FreshInspector,
        edits: Vec::new(),
        inserted: Vec::new(),
    };
    let condition = match by {
        By::Helper => writer.helper(ask)?,
        By::Inspector | By::FreshInspector => writer.ask(ask)?,
    };
    Some(Setup {
        edits: writer.edits,
        condition,
    })
}

struct Writer<'a, 'b> {
    facts: &'a Facts<'b>,
    spot: &'a Spot<'a>,
    plan: &'a Plan<'a>,
    fresh: bool,
    edits: Vec<(Span, String)>,
    inserted: Vec<String>,
}

impl<'a> Writer<'a, '_> {
    fn code(&self) -> &'a Code<'a> {
        self.facts.code
    }

    fn function(&self) -> &'a FunctionDefinition {
        self.spot.place.function
    }

    fn ask(&mut self, ask: &Ask) -> Option<String> {
        let not = |present: bool| if present { "" } else { "not " };
        match ask {
            Ask::Table { table, present } => {
                Some(format!("{}{}", not(*present), self.has_table(table)?))
            }
            Ask::Part {
                listing,
                table,
                name,
                present,
            } => {
                let names = self.names(*listing, table)?;
                Some(format!("{name} {}in {names}", not(*present)))
            }
            Ask::PrimaryKey { table, present } => {
                let inspector = self.inspector()?;
                let quote = self.code().quote;
                Some(format!(
                    "{}{inspector}.get_pk_constraint({})[{quote}constrained_columns{quote}]",
                    not(*present),
                    table.arguments()
                ))
            }
            Ask::RenamedColumn { table, old, new } => {
                let names = self.names(Listing::Columns, table)?;
                if names.starts_with('{') {
                    return Some(format!("{old} in {names}"));
                }
                Some(format!("{old} in {names} and {new} not in {names}"))
            }
            Ask::RenamedTable { old, new } => {
                let old = self.has_table(old)?;
                Some(format!("{old} and not {}", self.has_table(new)?))
            }
            Ask::Sequence { table, present } => {
                if self.facts.config.sqlalchemy_version < PackageVersion(1, 4, 0) {
                    return None;
                }
                let inspector = self.inspector()?;
                Some(format!(
                    "{}{inspector}.has_sequence({})",
                    not(*present),
                    table.arguments()
                ))
            }
        }
    }

    /// The call of the project's own predicate.
    fn helper(&mut self, ask: &Ask) -> Option<String> {
        let facts = self.facts;
        let helper = helpers::of(&facts.style.helpers, ask)?;
        let (table, part, present) = match ask {
            Ask::Table { table, present } => (table, None, *present),
            Ask::Part {
                table,
                name,
                present,
                ..
            } => (table, Some(name), *present),
            _ => return None,
        };
        let before = self.spot.place.outermost()?;
        let mut arguments = Vec::new();
        for given in &helper.arguments {
            arguments.push(match given {
                Given::Table => table.name.clone(),
                Given::Part => part?.clone(),
                Given::Connection => self.bind(before)?,
                Given::Inspector => self.inspector()?,
                Given::Schema => table.schema.clone().unwrap_or_else(|| "None".to_owned()),
            });
        }
        if let Some(schema) = &table.schema
            && !helper.arguments.contains(&Given::Schema)
        {
            arguments.push(format!("{}={schema}", helper.schema.as_ref()?));
        }
        if !helpers::is_imported(self.code().module, helper) {
            let edit = import_of_project(self.code(), &helper.import)?;
            if !self.edits.contains(&edit) {
                self.edits.push(edit);
            }
        }
        let not = if present { "" } else { "not " };
        Some(format!("{not}{}({})", helper.callee, arguments.join(", ")))
    }

    fn has_table(&mut self, table: &TableText) -> Option<String> {
        // SQLAlchemy 1.3 has no `Inspector.has_table`
        if self.facts.config.sqlalchemy_version < PackageVersion(1, 4, 0) {
            return None;
        }
        let inspector = self.inspector()?;
        Some(format!("{inspector}.has_table({})", table.arguments()))
    }

    /// The names of a table's parts: a variable where the table is the same all through the function.
    fn names(&mut self, listing: Listing, table: &TableText) -> Option<String> {
        let quote = self.code().quote;
        let item = listing.item();
        let set = |inspector: &str| {
            format!(
                "{{{item}[{quote}name{quote}] for {item} in {inspector}.{}({})}}",
                listing.method(),
                table.arguments()
            )
        };
        if self.fresh || table.literal.is_none() {
            return Some(set(&self.inspector()?));
        }
        let first = self.plan.asked.iter().find(|(ask, _)| match ask {
            Ask::Part {
                listing: other,
                table: same,
                ..
            } => *other == listing && same == table,
            Ask::RenamedColumn { table: same, .. } => listing == Listing::Columns && same == table,
            _ => false,
        });
        let before = first.map_or_else(|| self.spot.place.outermost(), |(_, one)| Some(*one))?;
        if let Some(known) = self.existing_set(listing, table, before) {
            return Some(known);
        }
        let inspector = self.inspector()?;
        let variable = self.variable(listing, table)?;
        self.insert(before, &format!("{variable} = {}", set(&inspector)))?;
        Some(variable)
    }

    /// A set of those names that the function has already.
    fn existing_set(
        &self,
        listing: Listing,
        table: &TableText,
        before: &Statement,
    ) -> Option<String> {
        let wanted = format!(".{}({})", listing.method(), table.arguments());
        body(self.function())
            .iter()
            .take_while(|one| one.span.end <= before.span.start)
            .find_map(|one| {
                let (name, value) = assignment(self.code(), one)?;
                let text = self.code().source(value);
                let comprehension = matches!(
                    self.code().module.expression(value).kind,
                    ExpressionKind::Comprehension(_)
                );
                (comprehension
                    && text.contains(&wanted)
                    && text.contains("name")
                    && !text.contains(" if "))
                .then(|| name.to_owned())
            })
    }

    /// A name for a set that the function does not use for something else.
    fn variable(&self, listing: Listing, table: &TableText) -> Option<String> {
        let several = self.plan.asked.iter().any(|(ask, _)| match ask {
            Ask::Part {
                listing: other,
                table: another,
                ..
            } => *other == listing && another != table && another.literal.is_some(),
            Ask::RenamedColumn { table: another, .. } => {
                listing == Listing::Columns && another != table
            }
            _ => false,
        });
        let base = listing.variable();
        let plain: String = table
            .literal
            .as_deref()?
            .chars()
            .map(|one| {
                if one.is_ascii_alphanumeric() {
                    one.to_ascii_lowercase()
                } else {
                    '_'
                }
            })
            .collect();
        let long = format!("{plain}_{base}");
        let candidates = if several {
            vec![long]
        } else {
            vec![base.to_owned(), long]
        };
        candidates.into_iter().find(|name| {
            !self.is_taken(name) && !name.starts_with(|one: char| one.is_ascii_digit())
        })
    }

    fn is_taken(&self, name: &str) -> bool {
        let code = self.code();
        let whole = Span::new(0, code.text.len() as u32);
        code.mentions(whole, name)
            || self
                .function()
                .parameters
                .iter()
                .any(|parameter| parameter.name == name)
    }

    /// The Inspector: a variable of the function's own, one that is set up, or a new one each time.
    fn inspector(&mut self) -> Option<String> {
        let first = self
            .plan
            .asked
            .first()
            .map(|(_, one)| *one)
            .or_else(|| self.spot.place.outermost())?;
        if self.fresh {
            return Some(format!("{}({})", self.inspect()?, self.bind(first)?));
        }
        let code = self.code();
        let known = body(self.function())
            .iter()
            .take_while(|one| one.span.end <= first.span.start)
            .filter_map(|one| {
                let (name, value) = assignment(code, one)?;
                is_inspect(code, value).then(|| name.to_owned())
            })
            .last();
        if let Some(known) = known {
            return Some(known);
        }
        let name = ["inspector", "schema_inspector"]
            .into_iter()
            .find(|name| !self.is_taken(name) || self.is_inspector_later(name))?;
        let value = format!("{}({})", self.inspect()?, self.bind(first)?);
        self.insert(first, &format!("{name} = {value}"))?;
        Some(name.to_owned())
    }

    /// Whether all assignments of a name in the function make an Inspector: then it may be made earlier too.
    fn is_inspector_later(&self, name: &str) -> bool {
        let code = self.code();
        let function = self.function();
        let assigned: Vec<bool> = body(function)
            .iter()
            .filter_map(|one| assignment(code, one))
            .filter(|(target, _)| *target == name)
            .map(|(_, value)| is_inspect(code, value))
            .collect();
        let outside = code.mentions(Span::new(0, function.span.start), name)
            || code.mentions(Span::new(function.span.end, code.text.len() as u32), name);
        !assigned.is_empty() && assigned.iter().all(|one| *one)
            || (outside && !code.mentions(function.span, name))
    }

    /// `op.get_bind()`, or the variable that holds it.
    fn bind(&mut self, before: &Statement) -> Option<String> {
        let code = self.code();
        let known = body(self.function())
            .iter()
            .take_while(|one| one.span.end <= before.span.start)
            .find_map(|one| {
                let (name, value) = assignment(code, one)?;
                let ExpressionKind::Call { callee, arguments } =
                    &code.module.expression(value).kind
                else {
                    return None;
                };
                (last_name(code.module, *callee) == Some("get_bind") && arguments.is_empty())
                    .then(|| name.to_owned())
            });
        if let Some(known) = known {
            return Some(known);
        }
        Some(format!("{}.get_bind()", self.op()?))
    }

    /// The name of `alembic.op`, imported if it is not.
    fn op(&mut self) -> Option<String> {
        if let Some(name) = imported_name(self.code(), "alembic", "op") {
            return Some(name);
        }
        self.import("from alembic import op")?;
        Some("op".to_owned())
    }

    /// The name of `sqlalchemy.inspect`, imported if it is not.
    fn inspect(&mut self) -> Option<String> {
        let code = self.code();
        if let Some(name) = imported_name(code, "sqlalchemy", "inspect") {
            return Some(name);
        }
        if let Some(module) = imported_module(code, "sqlalchemy") {
            return Some(format!("{module}.inspect"));
        }
        self.import("import sqlalchemy as sa")?;
        Some("sa.inspect".to_owned())
    }

    fn import(&mut self, line: &str) -> Option<()> {
        let edit = import(self.code(), line)?;
        if !self.edits.contains(&edit) {
            self.edits.push(edit);
        }
        Some(())
    }

    /// Puts a line before a statement of the function's body, once.
    fn insert(&mut self, before: &Statement, line: &str) -> Option<()> {
        if self.inserted.iter().any(|known| known == line) {
            return Some(());
        }
        let code = self.code();
        let indent = code.indent(before.span.start)?;
        let unit = code.unit(self.function());
        let mut text = layout::fit(&format!("{indent}{line}"), unit, code.limit).join("\n");
        text.push('\n');
        let at = code.line_start(before.span.start);
        self.edits
            .push((Span::new(at, at), code.with_line_ends(&text)));
        self.inserted.push(line.to_owned());
        Some(())
    }
}

/// The statements of a function.
pub(super) fn body(function: &FunctionDefinition) -> &[Statement] {
    match &function.body {
        FunctionBody::Block(block) => block,
        FunctionBody::Expression(_) => &[],
    }
}

/// `name = value`.
fn assignment<'a>(code: &Code<'a>, statement: &Statement) -> Option<(&'a str, ExpressionId)> {
    let (target, value) = match &statement.kind {
        StatementKind::Assign { targets, value } if targets.len() == 1 => (targets[0], *value),
        StatementKind::AnnotatedAssign {
            target,
            value: Some(value),
            ..
        } => (*target, *value),
        _ => return None,
    };
    match &code.module.expression(target).kind {
        ExpressionKind::Name(_) => Some((code.source(target), value)),
        _ => None,
    }
}

/// Whether an expression makes an Inspector on the migration's own connection.
fn is_inspect(code: &Code<'_>, value: ExpressionId) -> bool {
    let ExpressionKind::Call { callee, arguments } = &code.module.expression(value).kind else {
        return false;
    };
    let made = matches!(
        last_name(code.module, *callee),
        Some("inspect" | "from_engine")
    );
    let [Argument::Positional(bind)] = arguments.as_slice() else {
        return false;
    };
    let bind = code.source(*bind);
    made && !bind.contains("engine")
}

/// The name under which a module's import at the top of the file brings something in.
fn imported_name(code: &Code<'_>, from: &str, wanted: &str) -> Option<String> {
    code.module.body.iter().find_map(|statement| {
        let StatementKind::FromImport {
            level: 0,
            module,
            names,
            ..
        } = &statement.kind
        else {
            return None;
        };
        if module != from {
            return None;
        }
        let found = names.iter().find(|name| name.name == wanted)?;
        Some(found.alias.as_ref().unwrap_or(&found.name).to_string())
    })
}

/// The name under which a whole module is imported.
pub(super) fn imported_module(code: &Code<'_>, wanted: &str) -> Option<String> {
    code.module.body.iter().find_map(|statement| {
        let StatementKind::Import(modules) = &statement.kind else {
            return None;
        };
        let found = modules.iter().find(|one| one.module == wanted)?;
        Some(found.alias.as_ref().unwrap_or(&found.module).to_string())
    })
}

/// The edit that imports `op`, where it is not.
pub(super) fn import_of_op(code: &Code<'_>) -> Option<(Span, String)> {
    match imported_name(code, "alembic", "op") {
        Some(_) => None,
        None => import(code, "from alembic import op"),
    }
}

/// The name of `sqlalchemy.dialects.postgresql`, and the edit that imports it where it is not.
pub(super) fn postgresql(code: &Code<'_>) -> Option<(String, Option<(Span, String)>)> {
    if let Some(name) = imported_name(code, "sqlalchemy.dialects", "postgresql") {
        return Some((name, None));
    }
    let edit = import(code, "from sqlalchemy.dialects import postgresql")?;
    Some(("postgresql".to_owned(), Some(edit)))
}

/// The edit that imports something of the project's own: behind what the file imports of the same package, else behind all
/// imports, in a part of its own.
pub(super) fn import_of_project(code: &Code<'_>, line: &str) -> Option<(Span, String)> {
    let package = |text: &str| {
        let module = text.split_whitespace().nth(1)?;
        Some(module.split('.').next()?.to_owned())
    };
    let mut imports = code.module.body.iter().filter(|one| {
        matches!(
            one.kind,
            StatementKind::Import(_) | StatementKind::FromImport { .. }
        ) && code.has_own_lines(one)
    });
    let last = imports.clone().next_back()?;
    let same = imports.rfind(|one| package(code.slice(one.span)) == package(line));
    let at = code.line_end(same.unwrap_or(last).span.end);
    let gap = if same.is_some() { "\n" } else { "\n\n" };
    Some((
        Span::new(at, at),
        code.with_line_ends(&format!("{gap}{line}")),
    ))
}

/// The edit that adds an import: before the first import from `alembic` or `sqlalchemy`, as isort has it.
pub(super) fn import(code: &Code<'_>, line: &str) -> Option<(Span, String)> {
    let plain = line.starts_with("import ");
    let of_third_party = |statement: &Statement| match &statement.kind {
        StatementKind::Import(modules) => modules
            .iter()
            .any(|one| one.module.starts_with("sqlalchemy") || one.module.starts_with("alembic")),
        StatementKind::FromImport { module, .. } => {
            module.starts_with("sqlalchemy") || module.starts_with("alembic")
        }
        _ => false,
    };
    let mut imports = code.module.body.iter().filter(|one| {
        matches!(
            one.kind,
            StatementKind::Import(_) | StatementKind::FromImport { .. }
        ) && code.has_own_lines(one)
    });
    let third: Vec<&Statement> = imports.clone().filter(|one| of_third_party(one)).collect();
    let place = if plain {
        third.first().copied()
    } else {
        // among `from` imports, by module
        third
            .iter()
            .find(|one| {
                matches!(one.kind, StatementKind::FromImport { .. }) && code.slice(one.span) > line
            })
            .copied()
    };
    let text = code.with_line_ends(&format!("{line}\n"));
    if let Some(place) = place {
        let at = code.line_start(place.span.start);
        return Some((Span::new(at, at), text));
    }
    let last = third.last().copied().or_else(|| imports.next_back())?;
    let mut at = code.line_end(last.span.end);
    let rest = &code.text[at as usize..];
    at += if rest.starts_with("\r\n") {
        2
    } else {
        u32::from(!rest.is_empty())
    };
    Some((Span::new(at, at), text))
}
