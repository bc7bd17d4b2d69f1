//! What a statement that can't be judged may have done: a block whatever its statements would do, each in doubt; one of which
//! only the head is known what that says, and more.

use crate::postgres::catalog::Catalog;
use crate::postgres::session::Checkpoint;
use crate::postgres::statement::{AlterTableCommand, Block, PlStatement};
use crate::postgres::{Datum, Expr, Parameters, Session, Statement};

use super::resolve;

/// Most statements of a block that are looked at.
const MOST: usize = 200;

/// Leaves the catalog as it was at a checkpoint or as the statements of a block make it: what differs may be there or not.
pub(crate) fn run(session: &mut Session, block: &Block, before: Checkpoint) {
    let used = session.call.assumed.clone();
    session.restore(before);
    let mut statements = Vec::new();
    collect(session, block, &mut statements);
    let old = session.catalog.clone();
    for statement in statements.iter().take(MOST) {
        let checkpoint = session.checkpoint();
        let done = session.execute_nested(statement, &Parameters::default());
        if done.is_err() {
            session.restore(checkpoint);
        }
    }
    session.catalog = Catalog::merge(&old, &session.catalog);
    if executes_unknown(block) {
        session.catalog.unsettled = true;
        session.forget_numbers();
    }
    resolve::assume_again(session, &used);
}

/// Of the relation that the head of a statement names, the rest of the statement may have made anything.
pub(crate) fn open(session: &mut Session, head: &Statement) {
    let name = match head {
        Statement::CreateTable(create) => &create.name,
        Statement::CreateView(create) => &create.name,
        Statement::AlterTable(alter) => &alter.name,
        _ => return,
    };
    let found = session.catalog.find_relation(&session.search_path, name);
    let Some(name) = found.map(|relation| relation.name.clone()) else {
        return;
    };
    if let Some(relation) = session.catalog.relation_mut(&name) {
        relation.open();
    }
}

/// Whether a block executes texts that are put together when it runs.
fn executes_unknown(block: &Block) -> bool {
    let mut found = false;
    block.each(&mut |statement| {
        found |= match statement {
            PlStatement::Execute { text, .. } => !matches!(text, Expr::Value(Datum::Text(_))),
            _ => false,
        };
    });
    found
}

/// Whether a statement that is not known may have taken numbers of sequences.
pub(crate) fn takes_numbers(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::Insert(_)
            | Statement::Update(_)
            | Statement::Delete(_)
            | Statement::Merge(_)
            | Statement::Copy { .. }
            | Statement::Query(_)
            | Statement::Call { .. }
            | Statement::Do(_)
    )
}

/// Whether a statement that is not known may have made or renamed something.
pub(crate) fn makes(statement: &Statement) -> bool {
    match statement {
        Statement::AlterTable(alter) => alter.commands.iter().any(|command| {
            matches!(
                command,
                AlterTableCommand::AddColumn { .. } | AlterTableCommand::AddConstraint(_)
            )
        }),
        Statement::CreateTable(_)
        | Statement::CreateIndex(_)
        | Statement::CreateView(_)
        | Statement::CreateType(_)
        | Statement::CreateFunction(_)
        | Statement::CreateTrigger(_)
        | Statement::Rename(_) => true,
        _ => false,
    }
}

fn collect(session: &Session, block: &Block, all: &mut Vec<Statement>) {
    block.each(&mut |statement| match statement {
        PlStatement::Sql { statement, .. } if !matches!(statement, Statement::Query(_)) => {
            all.push(statement.clone());
        }
        PlStatement::Execute {
            text: Expr::Value(Datum::Text(text)),
            ..
        } => all.extend((session.parser)(text)),
        _ => {}
    });
}

#[cfg(test)]
mod tests {
    use crate::postgres::{Catalog, Outcome, Parameters, Session, Statement, Version};
    use crate::sql::{self, Placeholders};

    fn parse(text: &str) -> Vec<Statement> {
        sql::parse(text, Placeholders::None)
            .iter()
            .map(|parsed| parsed.statement.clone())
            .collect()
    }

    /// What each call comes to: ok, an SQLSTATE, or `?` where it is not known.
    fn answers(calls: &[&str]) -> Vec<String> {
        let mut session = Session::new(Catalog::default(), Version(17), parse);
        calls
            .iter()
            .map(|text| {
                let text = text.replace("{?}", "\u{F8FF}");
                let answer = session.execute(&parse(&text), &Parameters::default());
                match answer.outcome {
                    Outcome::Ok => "ok".to_owned(),
                    Outcome::Error(error) => error.sqlstate.code().to_owned(),
                    Outcome::Unknown(_) => "?".to_owned(),
                }
            })
            .collect()
    }

    #[test]
    fn what_a_block_may_have_done_is_in_doubt_and_the_rest_is_not() {
        let block = "DO $$ BEGIN IF (SELECT count(*) FROM pg_stat_activity) > 3 THEN \
                     CREATE TYPE mood AS ENUM ('a'); ALTER TABLE t ADD COLUMN b int; END IF; END $$";
        let calls = [
            "CREATE TABLE t (a int)",
            block,
            "ALTER TABLE t DROP COLUMN b",
            "DROP TYPE mood",
            "DROP TYPE other",
            "ALTER TABLE t DROP COLUMN a",
        ];
        assert_eq!(answers(&calls), ["ok", "?", "?", "?", "42704", "ok"]);
    }

    #[test]
    fn what_was_made_unseen_is_not_missed() {
        let calls = [
            "CREATE TABLE t (a int)",
            "ALTER TABLE t DROP COLUMN nope",
            "ALTER TABLE t DROP COLUMN a",
            "DO $$ BEGIN EXECUTE current_setting('my.text'); END $$",
            "ALTER TABLE t DROP COLUMN made",
            "DROP INDEX made",
            // it was dropped here
            "ALTER TABLE t DROP COLUMN a",
        ];
        assert_eq!(answers(&calls), ["ok", "42703", "ok", "?", "?", "?", "?"]);
        let named = [
            "CREATE TABLE t (a int)",
            "ALTER TABLE t ADD COLUMN c{?} int",
            "ALTER TABLE t DROP COLUMN c1",
        ];
        assert_eq!(answers(&named), ["ok", "?", "?"]);
    }

    #[test]
    fn the_head_of_a_statement_says_what_is_there_afterwards() {
        let calls = [
            "CREATE TYPE mood AS ENUM ({?})",
            "CREATE TABLE t (a mood)",
            "INSERT INTO t VALUES ('x')",
            "CREATE TYPE mood AS ENUM ({?})",
            "CREATE TABLE u (id int, {?})",
            "ALTER TABLE u ADD COLUMN b int",
            "CREATE TABLE u (id int, {?})",
            "ALTER TABLE missing ADD {?} {?} {?}",
        ];
        // of what is open any use is taken to be right
        let expected = ["ok", "ok", "ok", "42710", "?", "ok", "42P07", "42P01"];
        assert_eq!(answers(&calls), expected);
    }
}
