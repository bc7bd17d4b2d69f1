//! `relative-update`: a change of data that builds on the old value happens once more on each run.

use smol_str::SmolStr;

use super::missing_guard::WHEN;
use super::old_rows::{asks, columns_of, flat, strip};
use super::{Check, Context, Rule, issued_elsewhere, rollback, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::catalog::Relation;
use crate::postgres::expression::{Expr, children};
use crate::postgres::name::{Name, Quoted};
use crate::postgres::statement::{
    AlterTableCommand, Assignment, ConflictAction, MergeAction, Statement,
};
use crate::postgres::{Datum, Outcome};
use crate::trace::Event;

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "relative-update",
        summary: "a value is computed from its old one, so that a second run changes it once more",
        tags: &["data"],
        category: "data",
        default_level: Level::At(Severity::Warning),
        markdown: include_str!("../../rules/relative-update.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    for event in &context.replayed.rerun.events {
        if matches!(event.outcome, Outcome::Error(_))
            || !rollback::is_certain(event)
            || found.iter().any(|known| known.site == event.site)
        {
            continue;
        }
        if let Some((table, column)) = flat(&event.statements)
            .into_iter()
            .find_map(|statement| moved(context, statement))
        {
            found.push(report(context, event, table, &column));
        }
    }
    found
}

/// Whether a statement changes a value from its old one.
pub(super) fn is_it(context: &Context<'_>, statement: &Statement) -> bool {
    moved(context, statement).is_some()
}

/// The table and column whose value a statement computes from its old one.
fn moved<'a>(context: &Context<'_>, statement: &'a Statement) -> Option<(&'a Name, SmolStr)> {
    let catalog = &context.replayed.after;
    match statement {
        Statement::Update(update) => {
            let own = Own {
                names: [Some(&update.table.name), update.alias.as_ref()],
                relation: words::relation(catalog, &update.table),
            };
            moved_by(&own, &update.assignments, update.filter.as_ref())
                .map(|column| (&update.table, column))
        }
        Statement::Insert(insert) => {
            let conflict = insert.on_conflict.as_ref()?;
            let ConflictAction::Update {
                assignments,
                filter,
            } = &conflict.action
            else {
                return None;
            };
            let own = Own {
                names: [Some(&insert.table.name), None],
                relation: words::relation(catalog, &insert.table),
            };
            moved_by(&own, assignments, filter.as_ref()).map(|column| (&insert.table, column))
        }
        Statement::Merge(merge) => {
            let own = Own {
                names: [Some(&merge.table.name), merge.alias.as_ref()],
                relation: words::relation(catalog, &merge.table),
            };
            merge.clauses.iter().find_map(|clause| {
                let MergeAction::Update(assignments) = &clause.action else {
                    return None;
                };
                moved_by(&own, assignments, clause.condition.as_ref())
                    .map(|column| (&merge.table, column))
            })
        }
        Statement::AlterTable(alter) => alter.commands.iter().find_map(|command| {
            let AlterTableCommand::AlterType {
                column,
                using: Some(using),
                ..
            } = command
            else {
                return None;
            };
            let own = Own {
                names: [Some(&alter.name.name), None],
                relation: words::relation(catalog, &alter.name),
            };
            own.moves(using, column)
                .then(|| (&alter.name, column.clone()))
        }),
        _ => None,
    }
}

/// The column that assignments compute from its old value, where no filter keeps a second run from them.
fn moved_by(own: &Own<'_>, assignments: &[Assignment], filter: Option<&Expr>) -> Option<SmolStr> {
    if filter.is_some_and(|filter| stops(filter, assignments)) {
        return None;
    }
    assignments
        .iter()
        .find(|assignment| own.moves(&assignment.value, &assignment.column))
        .map(|assignment| assignment.column.clone())
}

/// Whether a condition may keep a second run from the rows that the first one changed: it reads what the statement writes,
/// or asks elsewhere. That a value is there is no such condition: it still is.
fn stops(filter: &Expr, assignments: &[Assignment]) -> bool {
    match strip(filter) {
        Expr::IsNull { negated: true, .. } => false,
        Expr::And(parts) => parts.iter().any(|part| stops(part, assignments)),
        filter => {
            let mut columns = Vec::new();
            columns_of(filter, &mut columns);
            asks(filter)
                || assignments
                    .iter()
                    .any(|assignment| columns.contains(&assignment.column))
        }
    }
}

/// The table that is written.
struct Own<'a> {
    names: [Option<&'a SmolStr>; 2],
    relation: Option<&'a Relation>,
}

impl Own<'_> {
    /// Whether an expression is the column itself.
    fn is(&self, expression: &Expr, column: &str) -> bool {
        match strip(expression) {
            Expr::Column { qualifier, name } => {
                name == column
                    && qualifier
                        .last()
                        .is_none_or(|qualifier| self.names.contains(&Some(qualifier)))
            }
            _ => false,
        }
    }

    fn reads(&self, expression: &Expr, column: &str) -> bool {
        self.is(expression, column)
            || children(expression)
                .into_iter()
                .any(|child| self.reads(child, column))
    }

    /// Whether a value, computed from the column and computed once more from that, is another one again.
    fn moves(&self, value: &Expr, column: &str) -> bool {
        if !self.reads(value, column) {
            return false;
        }
        match strip(value) {
            Expr::Not(inner) => self.is(inner, column) || self.moves(inner, column),
            Expr::Unary { operator, value } => {
                (operator == "-" && self.is(value, column)) || self.moves(value, column)
            }
            Expr::Binary {
                operator,
                left,
                right,
            } => {
                self.steps(operator, left, right, column)
                    || self.moves(left, column)
                    || self.moves(right, column)
            }
            Expr::Call {
                name, arguments, ..
            } => {
                (appends(&name.name, arguments)
                    && arguments.iter().any(|argument| self.is(argument, column)))
                    || arguments
                        .iter()
                        .any(|argument| self.moves(argument, column))
            }
            Expr::Case {
                operand,
                arms,
                otherwise,
            } => {
                // a condition on the column may tell what is done from what is not
                let asks_itself = operand
                    .as_deref()
                    .is_some_and(|operand| self.reads(operand, column))
                    || arms.iter().any(|(when, _)| self.reads(when, column));
                !asks_itself
                    && (arms.iter().any(|(_, then)| self.moves(then, column))
                        || otherwise
                            .as_deref()
                            .is_some_and(|otherwise| self.moves(otherwise, column)))
            }
            _ => false,
        }
    }

    /// Whether an operator takes the column a step further.
    fn steps(&self, operator: &str, left: &Expr, right: &Expr, column: &str) -> bool {
        let reads = |side| self.reads_whole(side, column);
        let (in_left, in_right) = (reads(left), reads(right));
        if !in_left && !in_right {
            return false;
        }
        let other = if in_left { right } else { left };
        let still = |neutral: i64| matches!(strip(other), Expr::Value(Datum::Int(value)) if *value == neutral);
        let kind = self
            .relation
            .and_then(|relation| relation.column(column))
            .map(|column| column.type_name.clone());
        let json = kind
            .as_ref()
            .is_some_and(|kind| matches!(kind.name.name.as_str(), "jsonb" | "json" | "hstore"))
            || is_json(other);
        match operator {
            "+" => !still(0),
            "-" => !still(0) && !json && in_left,
            "*" => !still(1),
            "/" => !still(1) && in_left,
            "^" => in_left,
            // an object merged with the same keys twice is the same; text and arrays grow
            "||" => {
                kind.is_some()
                    && !json
                    && !matches!(strip(other), Expr::Value(Datum::Text(text)) if text.is_empty())
            }
            _ => false,
        }
    }

    /// Whether one side of an operator is the column, or the column with a stand-in for NULL.
    fn reads_whole(&self, side: &Expr, column: &str) -> bool {
        match strip(side) {
            Expr::Call {
                name, arguments, ..
            } if name.name == "coalesce" => arguments
                .first()
                .is_some_and(|first| self.is(first, column)),
            other => self.is(other, column),
        }
    }
}

fn is_json(expression: &Expr) -> bool {
    match expression {
        Expr::Cast { type_name, .. } => {
            matches!(type_name.name.name.as_str(), "jsonb" | "json" | "hstore")
        }
        Expr::Call { name, .. } => name.name.starts_with("json"),
        _ => false,
    }
}

/// Whether a function makes something longer of its argument.
fn appends(function: &str, arguments: &[Expr]) -> bool {
    match function {
        "array_append" | "array_prepend" | "array_cat" | "repeat" | "reverse" => true,
        "concat" => arguments.len() > 1,
        // `replace(x, 'a', 'ba')` finds what it has put there
        "replace" => match arguments {
            [_, from, to] => match (strip(from), strip(to)) {
                (Expr::Value(Datum::Text(from)), Expr::Value(Datum::Text(to))) => {
                    !from.is_empty() && from != to && to.contains(&**from)
                }
                _ => false,
            },
            _ => false,
        },
        _ => false,
    }
}

fn report(context: &Context<'_>, event: &Event, table: &Name, column: &str) -> Diagnostic {
    let message = format!(
        "{} changes `{}` once more each time it runs, without an error: it computes it from the old value ({WHEN})",
        words::call(event),
        Quoted(column),
    );
    let mut diagnostic = context.diagnostic(&RULE, event.site, message);
    diagnostic.help = Some(format!(
        "leave out the rows that are done: write a mark in the same statement and ask for it (`WHERE`), or compute a new column of `{table}` from the old one"
    ));
    diagnostic.labels.extend(issued_elsewhere(event));
    diagnostic
}
