//! Executes a PL/pgSQL block: control flow, variables, handlers, dynamic SQL (manual, chapter 41).
//!
//! In: a [`Block`] and an [`Executor`], which runs SQL and answers expressions. Out: what came of the block as a whole.
//! A handler undoes its block to the savepoint at its start. A condition that can't be known makes the outcome unknown,
//! unless neither way does anything. Steps are bounded.

mod text;
mod variables;

use std::sync::Arc;

use smol_str::SmolStr;

use self::variables::{Variable, Variables, in_expression, in_statement};
use super::statement::{Block, Handler, PlStatement, TransactionStatement};
use super::{Datum, Expr, Outcome, ResultSet, ServerError, SqlState, Statement};
use crate::limits::Limit;
use crate::unknown;

/// Blocks in blocks, also through the statements that they run.
const MAX_DEPTH: u16 = 60;

/// What came of one statement of SQL.
#[derive(Clone, Debug, PartialEq)]
pub struct Ran {
    /// Its outcome.
    pub outcome: Outcome,
    /// Its rows, where it returns rows.
    pub result: Option<ResultSet>,
    /// Rows touched, where known.
    pub row_count: Option<u64>,
}

/// Who runs the SQL of a block. Variables are already replaced by their values in what it gets.
pub trait Executor {
    /// A point to come back to.
    type Savepoint;

    /// Runs one statement, without a savepoint of its own.
    fn run(&mut self, statement: &Statement) -> Ran;

    /// The value of an expression; [`Datum::Unknown`] where it can't be known.
    fn evaluate(&mut self, expression: &Expr) -> Result<Datum, ServerError>;

    /// Reads the text of EXECUTE.
    fn parse(&self, text: &str) -> Vec<Statement>;

    /// Marks the state now.
    fn savepoint(&mut self) -> Self::Savepoint;

    /// Goes back to a mark: everything since is undone.
    fn rollback(&mut self, savepoint: Self::Savepoint);

    /// Forgets a mark: its block came to its end, or is left by an error that it does not handle.
    fn release(&mut self, savepoint: Self::Savepoint) {
        drop(savepoint);
    }

    /// COMMIT or ROLLBACK in the block (2D000 inside a transaction block).
    fn end_transaction(&mut self, commit: bool) -> Outcome;
}

/// Longest text that is put together, in bytes: statements for EXECUTE are shorter.
const LONGEST: usize = 200_000;

/// Runs a block, with the values of parameters.
pub fn execute(
    block: &Block,
    parameters: Vec<(SmolStr, Datum)>,
    executor: &mut impl Executor,
) -> Outcome {
    let mut run = Run {
        executor,
        variables: Variables::default(),
        steps: 0,
        depth: 0,
        handled: 0,
        caught: Vec::new(),
    };
    run.variables.open();
    run.variables
        .declare("found".into(), Variable::Value(Datum::Bool(false)));
    for (name, value) in parameters {
        run.variables.declare(name, Variable::Value(value));
    }
    match run.block(block) {
        Flow::Error(error) => Outcome::Error(Box::new(error)),
        Flow::Unknown(why) => Outcome::Unknown(why),
        Flow::Next | Flow::Exit | Flow::Continue | Flow::Return => Outcome::Ok,
    }
}

/// Where control goes after a statement.
enum Flow {
    Next,
    Exit,
    Continue,
    Return,
    Error(ServerError),
    Unknown(Arc<str>),
}

struct Run<'a, E: Executor> {
    executor: &'a mut E,
    variables: Variables,
    steps: u32,
    depth: u16,
    /// Blocks with handlers around the current statement: COMMIT is refused there.
    handled: u16,
    /// Errors whose handlers run now, innermost last: what a bare RAISE throws again.
    caught: Vec<ServerError>,
}

fn unknown_flow(why: &str) -> Flow {
    Flow::Unknown(why.into())
}

fn failure(state: SqlState, message: impl Into<String>) -> Flow {
    Flow::Error(ServerError::new(state, message))
}

/// `Ok` goes on with the value, anything else leaves the function with its flow.
macro_rules! value {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(flow) => return flow,
        }
    };
}

impl<E: Executor> Run<'_, E> {
    fn block(&mut self, block: &Block) -> Flow {
        if let Some(why) = &block.unreadable {
            return Flow::Unknown(why.clone());
        }
        if self.depth >= MAX_DEPTH {
            return unknown_flow(&Limit::Nesting.met());
        }
        self.depth += 1;
        self.variables.open();
        let flow = self.declared_block(block);
        self.variables.close();
        self.depth -= 1;
        flow
    }

    fn declared_block(&mut self, block: &Block) -> Flow {
        for declaration in &block.declarations {
            let variable = if is_record(&declaration.type_name) {
                Variable::Record(None)
            } else {
                let value = match &declaration.value {
                    Some(value) => value!(self.evaluate(value)),
                    None => Datum::Null,
                };
                Variable::Value(value)
            };
            self.variables.declare(declaration.name.clone(), variable);
        }
        if block.handlers.is_empty() {
            return self.statements(&block.body);
        }
        let savepoint = self.executor.savepoint();
        self.handled += 1;
        let flow = self.statements(&block.body);
        self.handled -= 1;
        let Flow::Error(error) = flow else {
            self.executor.release(savepoint);
            return flow;
        };
        let handler = block
            .handlers
            .iter()
            .find(|handler| handles(handler, &error));
        let Some(handler) = handler else {
            self.executor.release(savepoint);
            return Flow::Error(error);
        };
        self.executor.rollback(savepoint);
        self.handle(handler, error)
    }

    fn handle(&mut self, handler: &Handler, error: ServerError) -> Flow {
        self.variables.open();
        let message = Datum::Text(error.message.as_str().into());
        let state = Datum::Text(error.sqlstate.code().into());
        self.variables
            .declare("sqlerrm".into(), Variable::Value(message));
        self.variables
            .declare("sqlstate".into(), Variable::Value(state));
        self.caught.push(error);
        let flow = self.statements(&handler.body);
        self.caught.pop();
        self.variables.close();
        flow
    }

    fn statements(&mut self, statements: &[PlStatement]) -> Flow {
        for statement in statements {
            self.steps += 1;
            if u64::from(self.steps) > Limit::LoopTurns.get() {
                return unknown_flow(&Limit::LoopTurns.met());
            }
            match self.statement(statement) {
                Flow::Next => {}
                other => return other,
            }
        }
        Flow::Next
    }

    fn statement(&mut self, statement: &PlStatement) -> Flow {
        match statement {
            PlStatement::Null => Flow::Next,
            PlStatement::Return => Flow::Return,
            PlStatement::Block(block) => self.block(block),
            PlStatement::Sql {
                statement: Statement::Query(_),
                into,
                ..
            } if into.is_empty() => failure(
                SqlState::SYNTAX_ERROR,
                "query has no destination for result data",
            ),
            PlStatement::Sql {
                statement,
                into,
                strict,
            } => self.sql(statement.clone(), &[], into, *strict),
            PlStatement::Perform(query) => {
                self.sql(Statement::Query(query.clone()), &[], &[], false)
            }
            PlStatement::Execute { text, into, using } => self.dynamic(text, into, using),
            PlStatement::Assign { target, value } => {
                let value = value!(self.evaluate(value));
                self.variables.set(target, Variable::Value(value));
                Flow::Next
            }
            PlStatement::If { arms, otherwise } => self.conditional(arms, otherwise),
            PlStatement::ForQuery {
                variables,
                query,
                body,
            } => {
                let rows = value!(self.query(Statement::Query(query.clone()), &[]));
                self.for_rows(variables, rows, body)
            }
            PlStatement::ForExecute {
                variables,
                text,
                using,
                body,
            } => self.for_dynamic(variables, text, using, body),
            PlStatement::ForRange { .. } => self.for_range(statement),
            PlStatement::ForEach {
                variable,
                array,
                body,
            } => self.for_each(variable, array, body),
            PlStatement::While { condition, body } => self.looped(Some(condition), body),
            PlStatement::Loop { body } => self.looped(None, body),
            PlStatement::Exit { condition, next } => self.exit(condition.as_ref(), *next),
            PlStatement::Raise {
                level,
                condition,
                message,
            } => self.raise(level, condition.as_deref(), message),
            PlStatement::Commit => self.end_transaction(true),
            PlStatement::Rollback => self.end_transaction(false),
            PlStatement::Unknown(what) => {
                Flow::Unknown(format!("{what} in a PL/pgSQL block").into())
            }
        }
    }

    fn end_transaction(&mut self, commit: bool) -> Flow {
        if self.handled > 0 {
            let verb = if commit { "commit" } else { "roll back" };
            return failure(
                SqlState::INVALID_TRANSACTION_TERMINATION,
                format!("cannot {verb} while a subtransaction is active"),
            );
        }
        outcome_flow(self.executor.end_transaction(commit))
    }

    // values

    /// The value of an expression with the variables in it.
    fn evaluate(&mut self, expression: &Expr) -> Result<Datum, Flow> {
        self.value(expression.clone())
    }

    /// Text that is put together is computed here, so that unknown parts become holes; the rest is the executor's.
    fn value(&mut self, mut expression: Expr) -> Result<Datum, Flow> {
        if let Expr::Column { qualifier, name } = &expression
            && let Some(value) = self.variables.value(qualifier, name)
        {
            return Ok(value);
        }
        match expression {
            Expr::Value(value) => Ok(value),
            Expr::Cast { value, type_name }
                if !type_name.array && matches!(&*type_name.name.name, "text" | "varchar") =>
            {
                self.value(*value)
            }
            Expr::Binary {
                operator,
                left,
                right,
            } if operator == "||" => {
                let left = self.value(*left)?;
                let right = self.value(*right)?;
                Ok(joined(&left, &right))
            }
            Expr::Call {
                name, arguments, ..
            } if makes_text(&name.name) => {
                let mut values = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    values.push(self.value(argument)?);
                }
                Ok(text::call(&name.name, &values)
                    .filter(|value| !matches!(value, Datum::Text(text) if text.len() > LONGEST))
                    .unwrap_or(Datum::Unknown))
            }
            _ => {
                in_expression(&mut expression, &self.variables);
                self.executor.evaluate(&expression).map_err(Flow::Error)
            }
        }
    }

    /// Whether a condition holds; `None` where that can't be known.
    fn holds(&mut self, condition: &Expr) -> Result<Option<bool>, Flow> {
        Ok(match self.evaluate(condition)? {
            Datum::Bool(value) => Some(value),
            Datum::Null => Some(false),
            Datum::Text(text) => boolean(&text),
            Datum::Int(value) => Some(value != 0),
            _ => None,
        })
    }

    // SQL

    /// Runs a statement and puts its first row into variables.
    fn sql(
        &mut self,
        statement: Statement,
        parameters: &[Datum],
        into: &[SmolStr],
        strict: bool,
    ) -> Flow {
        let is_insert_or_such = matches!(
            statement,
            Statement::Insert(_)
                | Statement::Update(_)
                | Statement::Delete(_)
                | Statement::Query(_)
        );
        let ran = value!(self.run(statement, parameters));
        let count = ran
            .result
            .as_ref()
            .and_then(|result| result.rows.as_ref())
            .map(|rows| rows.len() as u64)
            .or(ran.row_count);
        if is_insert_or_such {
            let found = count.map_or(Datum::Unknown, |count| Datum::Bool(count > 0));
            self.variables.set("found", Variable::Value(found));
        }
        if into.is_empty() {
            return Flow::Next;
        }
        self.assign_row(into, ran.result, strict)
    }

    fn run(&mut self, mut statement: Statement, parameters: &[Datum]) -> Result<Ran, Flow> {
        in_statement(&mut statement, &self.variables, parameters);
        if let Statement::Transaction(kind) = &statement {
            return Err(transaction_refused(kind));
        }
        let ran = self.executor.run(&statement);
        match ran.outcome {
            Outcome::Ok => Ok(ran),
            other => Err(outcome_flow(other)),
        }
    }

    fn query(
        &mut self,
        statement: Statement,
        parameters: &[Datum],
    ) -> Result<Option<ResultSet>, Flow> {
        Ok(self.run(statement, parameters)?.result)
    }

    fn assign_row(&mut self, into: &[SmolStr], result: Option<ResultSet>, strict: bool) -> Flow {
        let Some(ResultSet {
            columns,
            rows: Some(rows),
            ..
        }) = result
        else {
            self.forget(into);
            return Flow::Next;
        };
        if strict && rows.is_empty() {
            return failure(SqlState::NO_DATA_FOUND, "query returned no rows");
        }
        if strict && rows.len() > 1 {
            return failure(SqlState::TOO_MANY_ROWS, "query returned more than one row");
        }
        let row = rows
            .into_iter()
            .next()
            .unwrap_or_else(|| vec![Datum::Null; columns.len()]);
        self.set_row(into, &columns, row);
        Flow::Next
    }

    fn set_row(&mut self, into: &[SmolStr], columns: &[SmolStr], row: Vec<Datum>) {
        if let [record] = into
            && (self.variables.is_record(record) || columns.len() > 1)
        {
            let fields = columns.iter().cloned().zip(row).collect();
            self.variables.set(record, Variable::Record(Some(fields)));
            return;
        }
        let mut values = row.into_iter();
        for target in into {
            let value = values.next().unwrap_or(Datum::Null);
            self.variables.set(target, Variable::Value(value));
        }
    }

    /// The variables have values that can't be known.
    fn forget(&mut self, targets: &[SmolStr]) {
        for target in targets {
            let value = if self.variables.is_record(target) {
                Variable::Record(None)
            } else {
                Variable::Value(Datum::Unknown)
            };
            self.variables.set(target, value);
        }
    }

    fn dynamic_statements(&mut self, text: &Expr) -> Result<Vec<Statement>, Flow> {
        match self.evaluate(text)? {
            Datum::Text(text) => Ok(self.executor.parse(&text)),
            Datum::Null => Err(failure(
                SqlState::named("null_value_not_allowed")
                    .unwrap_or(SqlState::INVALID_PARAMETER_VALUE),
                "query string argument of EXECUTE is null",
            )),
            _ => Err(unknown_flow("the text of EXECUTE is not known")),
        }
    }

    fn parameters(&mut self, using: &[Expr]) -> Result<Vec<Datum>, Flow> {
        using.iter().map(|value| self.evaluate(value)).collect()
    }

    fn dynamic(&mut self, text: &Expr, into: &[SmolStr], using: &[Expr]) -> Flow {
        let statements = value!(self.dynamic_statements(text));
        let parameters = value!(self.parameters(using));
        let last = statements.len().saturating_sub(1);
        for (index, statement) in statements.into_iter().enumerate() {
            let into = if index == last { into } else { &[] };
            match self.sql(statement, &parameters, into, false) {
                Flow::Next => {}
                other => return other,
            }
        }
        Flow::Next
    }

    // control flow

    fn conditional(
        &mut self,
        arms: &[(Expr, Vec<PlStatement>)],
        otherwise: &[PlStatement],
    ) -> Flow {
        for (index, (condition, body)) in arms.iter().enumerate() {
            match value!(self.holds(condition)) {
                Some(true) => return self.statements(body),
                Some(false) => {}
                None => {
                    let open = arms.get(index..).unwrap_or_default();
                    let bodies = open
                        .iter()
                        .map(|(_, body)| body.as_slice())
                        .chain([otherwise]);
                    return self.skip(bodies, "a condition of a PL/pgSQL block is not known");
                }
            }
        }
        self.statements(otherwise)
    }

    /// Goes past bodies of which it is not known whether they run: only where none of them does anything.
    fn skip<'b>(&mut self, bodies: impl Iterator<Item = &'b [PlStatement]>, why: &str) -> Flow {
        let mut assigned = Vec::new();
        for body in bodies {
            if !does_nothing(body, &mut assigned) {
                return unknown_flow(why);
            }
        }
        self.forget(&assigned);
        Flow::Next
    }

    fn for_rows(
        &mut self,
        variables: &[SmolStr],
        result: Option<ResultSet>,
        body: &[PlStatement],
    ) -> Flow {
        let Some(ResultSet {
            columns,
            rows: Some(rows),
            ..
        }) = result
        else {
            return self.skip([body].into_iter(), "the rows of a loop are not known");
        };
        let found = !rows.is_empty();
        self.variables.open();
        for variable in variables {
            let is_known = self.variables.is_record(variable);
            if !is_known && variables.len() == 1 && columns.len() > 1 {
                self.variables
                    .declare(variable.clone(), Variable::Record(None));
            }
        }
        let mut flow = Flow::Next;
        for row in rows {
            self.set_row(variables, &columns, row);
            match self.statements(body) {
                Flow::Next | Flow::Continue => {}
                Flow::Exit => break,
                other => {
                    flow = other;
                    break;
                }
            }
        }
        self.variables.close();
        self.variables
            .set("found", Variable::Value(Datum::Bool(found)));
        flow
    }

    fn for_dynamic(
        &mut self,
        variables: &[SmolStr],
        text: &Expr,
        using: &[Expr],
        body: &[PlStatement],
    ) -> Flow {
        let mut statements = value!(self.dynamic_statements(text));
        let parameters = value!(self.parameters(using));
        let (Some(statement), true) = (statements.pop(), statements.is_empty()) else {
            return unknown_flow("the query of a loop is not one statement");
        };
        let rows = value!(self.query(statement, &parameters));
        self.for_rows(variables, rows, body)
    }

    fn for_range(&mut self, statement: &PlStatement) -> Flow {
        let PlStatement::ForRange {
            variable,
            low,
            high,
            step,
            reverse,
            body,
        } = statement
        else {
            return Flow::Next;
        };
        let low = value!(self.evaluate(low));
        let high = value!(self.evaluate(high));
        let step = match step {
            Some(step) => value!(self.evaluate(step)),
            None => Datum::Int(1),
        };
        let (Datum::Int(low), Datum::Int(high), Datum::Int(step)) = (low, high, step) else {
            return self.skip(
                [body.as_slice()].into_iter(),
                "the bounds of a loop are not known",
            );
        };
        if step <= 0 {
            return failure(
                SqlState::INVALID_PARAMETER_VALUE,
                "BY value of FOR loop must be greater than zero",
            );
        }
        let mut current = low;
        loop {
            let past = if *reverse {
                current < high
            } else {
                current > high
            };
            if past {
                return Flow::Next;
            }
            self.variables.open();
            self.variables
                .declare(variable.clone(), Variable::Value(Datum::Int(current)));
            let flow = self.one_pass(body);
            self.variables.close();
            match flow {
                Flow::Next | Flow::Continue => {}
                Flow::Exit => return Flow::Next,
                other => return other,
            }
            let following = if *reverse {
                current.checked_sub(step)
            } else {
                current.checked_add(step)
            };
            match following {
                Some(following) => current = following,
                None => return Flow::Next,
            }
        }
    }

    /// A body once, counted as a step of its own, or an empty loop would never end.
    fn one_pass(&mut self, body: &[PlStatement]) -> Flow {
        self.steps += 1;
        if u64::from(self.steps) > Limit::LoopTurns.get() {
            return unknown_flow(&Limit::LoopTurns.met());
        }
        self.statements(body)
    }

    fn for_each(&mut self, variable: &SmolStr, array: &Expr, body: &[PlStatement]) -> Flow {
        let values = match value!(self.evaluate(array)) {
            Datum::Array(values) => values,
            Datum::Null => {
                return failure(
                    SqlState::named("null_value_not_allowed")
                        .unwrap_or(SqlState::INVALID_PARAMETER_VALUE),
                    "FOREACH expression must not be null",
                );
            }
            _ => {
                return self.skip([body].into_iter(), "the array of a loop is not known");
            }
        };
        for value in values.iter() {
            self.variables.set(variable, Variable::Value(value.clone()));
            match self.one_pass(body) {
                Flow::Next | Flow::Continue => {}
                Flow::Exit => break,
                other => return other,
            }
        }
        Flow::Next
    }

    fn looped(&mut self, condition: Option<&Expr>, body: &[PlStatement]) -> Flow {
        loop {
            if let Some(condition) = condition {
                match value!(self.holds(condition)) {
                    Some(true) => {}
                    Some(false) => return Flow::Next,
                    None => {
                        return self
                            .skip([body].into_iter(), "the condition of a loop is not known");
                    }
                }
            }
            match self.one_pass(body) {
                Flow::Next | Flow::Continue => {}
                Flow::Exit => return Flow::Next,
                other => return other,
            }
        }
    }

    fn exit(&mut self, condition: Option<&Expr>, next: bool) -> Flow {
        if let Some(condition) = condition {
            match value!(self.holds(condition)) {
                Some(true) => {}
                Some(false) => return Flow::Next,
                None => return unknown_flow("the condition of EXIT is not known"),
            }
        }
        if next { Flow::Continue } else { Flow::Exit }
    }

    fn raise(&mut self, level: &str, condition: Option<&str>, message: &str) -> Flow {
        if level != "exception" {
            return Flow::Next;
        }
        let Some(condition) = condition else {
            return failure(SqlState::RAISE_EXCEPTION, message);
        };
        if condition == "rethrow" {
            return match self.caught.last() {
                Some(error) => Flow::Error(error.clone()),
                // outside of a handler the server says 0Z002
                None => failure(
                    SqlState::PLPGSQL_ERROR,
                    "RAISE without parameters cannot be used outside an exception handler",
                ),
            };
        }
        match SqlState::named(condition) {
            Some(state) => {
                let message = if message.is_empty() {
                    condition
                } else {
                    message
                };
                failure(state, message)
            }
            None => Flow::Unknown(format!("RAISE of {condition}").into()),
        }
    }
}

fn outcome_flow(outcome: Outcome) -> Flow {
    match outcome {
        Outcome::Ok => Flow::Next,
        Outcome::Error(error) => Flow::Error(*error),
        Outcome::Unknown(why) => Flow::Unknown(why),
    }
}

/// Transaction control as SQL is refused in PL/pgSQL (0A000); its own COMMIT and ROLLBACK are statements apart.
fn transaction_refused(_: &TransactionStatement) -> Flow {
    failure(
        SqlState::FEATURE_NOT_SUPPORTED,
        "unsupported transaction command in PL/pgSQL",
    )
}

fn is_record(type_name: &str) -> bool {
    type_name == "record" || type_name.ends_with("%rowtype")
}

fn makes_text(name: &str) -> bool {
    matches!(
        name,
        "format" | "quote_ident" | "quote_literal" | "quote_nullable" | "concat"
    )
}

/// `left || right` as text.
fn joined(left: &Datum, right: &Datum) -> Datum {
    if matches!(left, Datum::Array(_)) || matches!(right, Datum::Array(_)) {
        return Datum::Unknown;
    }
    match (text::text_of(left), text::text_of(right)) {
        // in a loop a text may double each time
        (Some(left), Some(right)) if left.len() + right.len() > LONGEST => Datum::Unknown,
        (Some(left), Some(right)) => Datum::Text(format!("{left}{right}").into()),
        _ => Datum::Null,
    }
}

/// A text as a boolean, as the server's input function reads it; one with a hole is not known.
fn boolean(text: &str) -> Option<bool> {
    if unknown::has_hole(text) || unknown::is_fresh(text) {
        return None;
    }
    match text.trim().to_ascii_lowercase().as_str() {
        "t" | "true" | "yes" | "on" | "1" => Some(true),
        "f" | "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn handles(handler: &Handler, error: &ServerError) -> bool {
    handler
        .conditions
        .iter()
        .any(|condition| match condition.strip_prefix("sqlstate ") {
            Some(code) => code.eq_ignore_ascii_case(error.sqlstate.code()),
            None => error.sqlstate.matches_condition(condition),
        })
}

/// Whether statements change nothing but variables, which are collected.
fn does_nothing(statements: &[PlStatement], assigned: &mut Vec<SmolStr>) -> bool {
    statements.iter().all(|statement| match statement {
        PlStatement::Null => true,
        PlStatement::Raise { level, .. } => level != "exception",
        PlStatement::Assign { target, .. } => {
            let name = target.split('.').next().unwrap_or(target);
            assigned.push(SmolStr::new(name));
            true
        }
        PlStatement::If { arms, otherwise } => {
            arms.iter().all(|(_, body)| does_nothing(body, assigned))
                && does_nothing(otherwise, assigned)
        }
        PlStatement::Block(block) => {
            block.unreadable.is_none()
                && block.declarations.is_empty()
                && does_nothing(&block.body, assigned)
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests;
