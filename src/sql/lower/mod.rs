//! The parser's tree to [`Statement`]s: one function a node, split by subject.
//!
//! Lowering never fails and never drops: what no variant covers is [`Statement::Other`] with its command tag, and an
//! expression that is not modelled is [`Expr::Unknown`]. Depth is bounded.

use std::cell::Cell;

use pg_query::{Node, NodeEnum};
use smol_str::SmolStr;

use crate::limits::Limit;
use crate::postgres::Statement;

mod alter_table;
mod create_table;
mod dml;
mod drop_rename;
mod expressions;
mod functions;
mod misc;
mod names;
mod objects;
pub(super) mod query;
mod types;

pub(super) use expressions::{number, unary};
pub(super) use functions::checked_function;
pub(super) use types::{alias, type_text};

/// Deepest nesting of expressions and queries that is lowered: the evaluators recurse over what comes out.
const MAX_DEPTH: u16 = 120;

/// What lowering needs besides the tree.
pub(super) struct Context<'a> {
    /// The text that was parsed.
    text: &'a str,
    /// Byte offset and name of each bind parameter in it.
    parameters: &'a [(usize, SmolStr)],
    depth: Cell<u16>,
}

impl<'a> Context<'a> {
    pub(super) fn new(text: &'a str, parameters: &'a [(usize, SmolStr)]) -> Self {
        Self {
            text,
            parameters,
            depth: Cell::new(0),
        }
    }

    /// The bind parameter that stands at an offset.
    fn parameter(&self, location: i32) -> Option<SmolStr> {
        let offset = usize::try_from(location).ok()?;
        let index = self
            .parameters
            .binary_search_by_key(&offset, |(start, _)| *start)
            .ok()?;
        Some(self.parameters[index].1.clone())
    }

    /// Runs a step one level down, or gives `None` where that is too deep.
    fn deeper<T>(&self, step: impl FnOnce() -> T) -> Option<T> {
        let depth = self.depth.get();
        if depth >= MAX_DEPTH {
            return None;
        }
        self.depth.set(depth + 1);
        let result = step();
        self.depth.set(depth);
        Some(result)
    }
}

/// Lowers one statement.
pub(super) fn statement(context: &Context<'_>, node: Option<&Node>) -> Statement {
    let Some(node) = node.and_then(|node| node.node.as_ref()) else {
        return Statement::Unreadable {
            why: "an empty statement".into(),
            data: false,
        };
    };
    context
        .deeper(|| lower_node(context, node))
        .unwrap_or_else(|| Statement::Unreadable {
            why: Limit::Nesting.met().into(),
            data: false,
        })
}

fn lower_node(context: &Context<'_>, node: &NodeEnum) -> Statement {
    if query::is_query(node) {
        return query::statement(context, node);
    }
    create_table::statement(context, node)
        .or_else(|| alter_table::statement(context, node))
        .or_else(|| dml::statement(context, node))
        .or_else(|| drop_rename::statement(context, node))
        .or_else(|| functions::statement(context, node))
        .or_else(|| objects::statement(context, node))
        .unwrap_or_else(|| misc::statement(context, node))
}
