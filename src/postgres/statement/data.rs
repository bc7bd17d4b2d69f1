//! Statements that write rows, and the blocks of PL/pgSQL.

use std::sync::Arc;

use smol_str::SmolStr;

use super::Statement;
use crate::postgres::expression::{CommonTable, Expr, FromItem, Query, Target};
use crate::postgres::name::Name;

/// INSERT.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Insert {
    pub with: Vec<CommonTable>,
    pub table: Name,
    /// Empty: all columns in order.
    pub columns: Vec<SmolStr>,
    /// Columns of which only elements or fields are given: `(a[1], a[2], c.x)`.
    pub in_parts: Vec<SmolStr>,
    pub source: InsertSource,
    pub on_conflict: Option<OnConflict>,
    pub overriding: bool,
    pub returning: Vec<Target>,
}

/// Where inserted rows come from.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum InsertSource {
    Values(Vec<Vec<Expr>>),
    Query(Box<Query>),
    DefaultValues,
}

/// ON CONFLICT.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct OnConflict {
    pub target: Option<ConflictTarget>,
    pub action: ConflictAction,
}

/// Which unique index ON CONFLICT means.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum ConflictTarget {
    Elements {
        elements: Vec<Expr>,
        filter: Option<Expr>,
    },
    Constraint(SmolStr),
}

/// What ON CONFLICT does.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum ConflictAction {
    Nothing,
    Update {
        assignments: Vec<Assignment>,
        filter: Option<Expr>,
    },
}

/// `column = value`.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Assignment {
    pub column: SmolStr,
    pub value: Expr,
}

/// UPDATE.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Update {
    pub with: Vec<CommonTable>,
    pub table: Name,
    pub alias: Option<SmolStr>,
    pub assignments: Vec<Assignment>,
    pub from: Vec<FromItem>,
    pub filter: Option<Expr>,
    pub returning: Vec<Target>,
}

/// DELETE.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Delete {
    pub with: Vec<CommonTable>,
    pub table: Name,
    pub alias: Option<SmolStr>,
    pub using: Vec<FromItem>,
    pub filter: Option<Expr>,
    pub returning: Vec<Target>,
}

/// MERGE (15+).
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Merge {
    pub with: Vec<CommonTable>,
    pub table: Name,
    pub alias: Option<SmolStr>,
    pub source: FromItem,
    pub on: Expr,
    /// Of each row the first that is for it acts.
    pub clauses: Vec<MergeClause>,
    pub returning: Vec<Target>,
}

/// A WHEN clause of MERGE.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct MergeClause {
    pub rows: MergeRows,
    pub condition: Option<Expr>,
    pub action: MergeAction,
}

/// The rows that a WHEN clause is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeRows {
    /// MATCHED: rows of both.
    Matched,
    /// NOT MATCHED BY SOURCE (17+): rows of the table.
    OfTarget,
    /// NOT MATCHED: rows of the source.
    OfSource,
}

/// What a WHEN clause does.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum MergeAction {
    Nothing,
    /// No values: DEFAULT VALUES. No columns: all, in their order.
    Insert {
        columns: Vec<SmolStr>,
        values: Vec<Expr>,
        overriding: bool,
    },
    Update(Vec<Assignment>),
    Delete,
}

/// A PL/pgSQL block: a DO body or a part of one.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Block {
    pub declarations: Vec<Declaration>,
    pub body: Vec<PlStatement>,
    pub handlers: Vec<Handler>,
    /// Set where the body could not be read: why.
    pub unreadable: Option<Arc<str>>,
}

impl Block {
    /// Calls `visit` for each statement of the block and of those in it, its handlers' too, in the order of the text.
    pub fn each<'a>(&'a self, visit: &mut dyn FnMut(&'a PlStatement)) {
        each(&self.body, visit);
        for handler in &self.handlers {
            each(&handler.body, visit);
        }
    }
}

fn each<'a>(statements: &'a [PlStatement], visit: &mut dyn FnMut(&'a PlStatement)) {
    for statement in statements {
        visit(statement);
        match statement {
            PlStatement::If { arms, otherwise } => {
                for (_, body) in arms {
                    each(body, visit);
                }
                each(otherwise, visit);
            }
            PlStatement::ForQuery { body, .. }
            | PlStatement::ForExecute { body, .. }
            | PlStatement::ForRange { body, .. }
            | PlStatement::ForEach { body, .. }
            | PlStatement::While { body, .. }
            | PlStatement::Loop { body } => each(body, visit),
            PlStatement::Block(block) => block.each(visit),
            _ => {}
        }
    }
}

/// A variable of a block.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Declaration {
    pub name: SmolStr,
    pub type_name: SmolStr,
    pub value: Option<Expr>,
}

/// EXCEPTION WHEN conditions THEN body.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Handler {
    /// Condition names, lower case; a `SQLSTATE '42P07'` as `sqlstate 42P07`.
    pub conditions: Vec<SmolStr>,
    pub body: Vec<PlStatement>,
}

/// One statement of PL/pgSQL.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum PlStatement {
    Sql {
        statement: Statement,
        into: Vec<SmolStr>,
        strict: bool,
    },
    Execute {
        text: Expr,
        into: Vec<SmolStr>,
        using: Vec<Expr>,
    },
    Perform(Box<Query>),
    Assign {
        target: SmolStr,
        value: Expr,
    },
    If {
        arms: Vec<(Expr, Vec<PlStatement>)>,
        otherwise: Vec<PlStatement>,
    },
    /// FOR record IN query.
    ForQuery {
        variables: Vec<SmolStr>,
        query: Box<Query>,
        body: Vec<PlStatement>,
    },
    /// FOR record IN EXECUTE text.
    ForExecute {
        variables: Vec<SmolStr>,
        text: Expr,
        using: Vec<Expr>,
        body: Vec<PlStatement>,
    },
    ForRange {
        variable: SmolStr,
        low: Expr,
        high: Expr,
        step: Option<Expr>,
        reverse: bool,
        body: Vec<PlStatement>,
    },
    ForEach {
        variable: SmolStr,
        array: Expr,
        body: Vec<PlStatement>,
    },
    While {
        condition: Expr,
        body: Vec<PlStatement>,
    },
    Loop {
        body: Vec<PlStatement>,
    },
    Exit {
        condition: Option<Expr>,
        next: bool,
    },
    Return,
    /// `level` is lower case; only `exception` stops. `condition` is a condition name or SQLSTATE.
    Raise {
        level: SmolStr,
        condition: Option<SmolStr>,
        message: SmolStr,
    },
    Block(Box<Block>),
    Commit,
    Rollback,
    Null,
    /// Anything else, with what it is.
    Unknown(SmolStr),
}
