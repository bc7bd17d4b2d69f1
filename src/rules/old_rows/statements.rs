//! The statements of a call as they run: those inside DO blocks and WITH too.

use crate::postgres::statement::{Block, PlStatement, Statement};

/// Statements with those inside DO blocks and WITH, in the order in which they run.
pub(in crate::rules) fn flat(statements: &[Statement]) -> Vec<&Statement> {
    let mut all = Vec::new();
    for statement in statements {
        let with = match statement {
            Statement::Insert(insert) => insert.with.as_slice(),
            Statement::Update(update) => update.with.as_slice(),
            Statement::Delete(delete) => delete.with.as_slice(),
            Statement::Query(query) => query.with.as_slice(),
            _ => [].as_slice(),
        };
        for member in with {
            all.extend(flat(std::slice::from_ref(&*member.statement)));
        }
        if let Statement::Do(block) = statement {
            block_statements(block, &mut all);
        }
        all.push(statement);
    }
    all
}

fn block_statements<'a>(block: &'a Block, all: &mut Vec<&'a Statement>) {
    pl_statements(&block.body, all);
    for handler in &block.handlers {
        pl_statements(&handler.body, all);
    }
}

fn pl_statements<'a>(statements: &'a [PlStatement], all: &mut Vec<&'a Statement>) {
    for statement in statements {
        match statement {
            PlStatement::Sql { statement, .. } => {
                all.extend(flat(std::slice::from_ref(statement)));
            }
            PlStatement::If { arms, otherwise } => {
                for (_, body) in arms {
                    pl_statements(body, all);
                }
                pl_statements(otherwise, all);
            }
            PlStatement::ForQuery { body, .. }
            | PlStatement::ForExecute { body, .. }
            | PlStatement::ForRange { body, .. }
            | PlStatement::ForEach { body, .. }
            | PlStatement::While { body, .. }
            | PlStatement::Loop { body } => pl_statements(body, all),
            PlStatement::Block(block) => block_statements(block, all),
            _ => {}
        }
    }
}

/// Whether a block does what can't be read: dynamic SQL, a body that is not understood.
pub(super) fn is_unreadable(block: &Block) -> bool {
    fn any(statements: &[PlStatement]) -> bool {
        statements.iter().any(|statement| match statement {
            PlStatement::Execute { .. }
            | PlStatement::ForExecute { .. }
            | PlStatement::Perform(_)
            | PlStatement::Unknown(_) => true,
            PlStatement::If { arms, otherwise } => {
                arms.iter().any(|(_, body)| any(body)) || any(otherwise)
            }
            PlStatement::ForQuery { body, .. }
            | PlStatement::ForRange { body, .. }
            | PlStatement::ForEach { body, .. }
            | PlStatement::While { body, .. }
            | PlStatement::Loop { body } => any(body),
            PlStatement::Block(block) => is_unreadable(block),
            _ => false,
        })
    }
    block.unreadable.is_some() || any(&block.body)
}
