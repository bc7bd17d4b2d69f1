//! DO blocks: the session as what PL/pgSQL runs its SQL on.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::postgres::plpgsql::{self, Executor, Ran};
use crate::postgres::session::Checkpoint;
use crate::postgres::statement::Block;
use crate::postgres::{
    Datum, Expr, Outcome, Parameters, ServerError, Session, SqlState, Statement, TransactionMode,
};

use super::{Effect, Failure, data, possible};

/// DO.
pub(crate) fn run(session: &mut Session, block: &Arc<Block>, parameters: &Parameters) -> Effect {
    run_with(session, block, Vec::new(), parameters)
}

/// A body with the values of its parameters.
pub(crate) fn run_with(
    session: &mut Session,
    block: &Arc<Block>,
    variables: Vec<(SmolStr, Datum)>,
    parameters: &Parameters,
) -> Effect {
    let before = session.checkpoint();
    let mut nested = Nested {
        session,
        parameters,
    };
    match plpgsql::execute(block, variables, &mut nested) {
        Outcome::Ok => {}
        Outcome::Error(error) => return Err(Failure::Error(*error)),
        Outcome::Unknown(why) => {
            possible::run(session, block, before);
            session.doubt(why);
        }
    }
    session.call.result = None;
    session.call.row_count = None;
    Ok(())
}

struct Nested<'a> {
    session: &'a mut Session,
    parameters: &'a Parameters,
}

impl Executor for Nested<'_> {
    type Savepoint = Checkpoint;

    fn run(&mut self, statement: &Statement) -> Ran {
        self.session.call.result = None;
        self.session.call.row_count = None;
        // a doubt of this statement is its own outcome here: control flow may hang on it
        let before = self.session.call.doubt.take();
        let done = self.session.execute_nested(statement, self.parameters);
        let doubt = std::mem::replace(&mut self.session.call.doubt, before);
        let outcome = match (done, doubt) {
            (Ok(()), None) => Outcome::Ok,
            (Err(Failure::Error(error)), None) => Outcome::Error(Box::new(error)),
            (Err(Failure::Unknown(why)), _) | (_, Some(why)) => Outcome::Unknown(why),
        };
        Ran {
            outcome,
            result: self.session.call.result.take(),
            row_count: self.session.call.row_count.take(),
        }
    }

    fn evaluate(&mut self, expression: &Expr) -> Result<Datum, ServerError> {
        data::evaluate(self.session, expression, self.parameters)
    }

    fn parse(&self, text: &str) -> Vec<Statement> {
        (self.session.parser)(text)
    }

    fn savepoint(&mut self) -> Checkpoint {
        self.session.transaction.subtransactions += 1;
        self.session.checkpoint()
    }

    fn rollback(&mut self, savepoint: Checkpoint) {
        let subtransactions = &mut self.session.transaction.subtransactions;
        *subtransactions = subtransactions.saturating_sub(1);
        self.session.restore(savepoint);
    }

    fn end_transaction(&mut self, commit: bool) -> Outcome {
        let atomic = self.session.transaction.mode == TransactionMode::Block
            || self.session.call.statements > 1
            || self.session.call.depth > 0;
        if atomic {
            return Outcome::Error(Box::new(ServerError::new(
                SqlState::INVALID_TRANSACTION_TERMINATION,
                "invalid transaction termination",
            )));
        }
        if commit {
            self.session.commit();
        }
        Outcome::Ok
    }
}
