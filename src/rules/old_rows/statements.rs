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
            block.each(&mut |statement| {
                if let PlStatement::Sql { statement, .. } = statement {
                    all.extend(flat(std::slice::from_ref(statement)));
                }
            });
        }
        all.push(statement);
    }
    all
}

/// Whether a block does what can't be read: dynamic SQL, a body that is not understood.
pub(super) fn is_unreadable(block: &Block) -> bool {
    let mut found = block.unreadable.is_some();
    block.each(&mut |statement| {
        found |= match statement {
            PlStatement::Execute { .. }
            | PlStatement::ForExecute { .. }
            | PlStatement::Perform(_)
            | PlStatement::Unknown(_) => true,
            PlStatement::Block(block) => block.unreadable.is_some(),
            _ => false,
        };
    });
    found
}
