//! Variables of PL/pgSQL: scopes, and their values put into the SQL that uses them.
//!
//! The server hands a variable to a query as a parameter; here its value replaces the column of that name. A name that
//! is both a variable and a column is an error there (42702), so nothing is lost.

use smol_str::SmolStr;

use crate::postgres::expression::{FromItem, QueryBody};
use crate::postgres::statement::{ConflictAction, InsertSource, MergeAction};
use crate::postgres::{Datum, Expr, Query, Statement};

/// What a variable holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Variable {
    Value(Datum),
    /// A row; `None` where its fields are not known.
    Record(Option<Vec<(SmolStr, Datum)>>),
}

/// Nested scopes of variables, and the values of `$1`, `$2`...
#[derive(Clone, Debug, Default)]
pub(super) struct Variables {
    scopes: Vec<Vec<(SmolStr, Variable)>>,
}

impl Variables {
    pub(super) fn open(&mut self) {
        self.scopes.push(Vec::new());
    }

    pub(super) fn close(&mut self) {
        self.scopes.pop();
    }

    pub(super) fn declare(&mut self, name: SmolStr, value: Variable) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.push((name, value));
        }
    }

    fn get(&self, name: &str) -> Option<&Variable> {
        self.scopes
            .iter()
            .rev()
            .flat_map(|scope| scope.iter().rev())
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    fn get_mut(&mut self, name: &str) -> Option<&mut Variable> {
        self.scopes
            .iter_mut()
            .rev()
            .flat_map(|scope| scope.iter_mut().rev())
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// Whether a variable holds rows.
    pub(super) fn is_record(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Variable::Record(_)))
    }

    /// Sets a variable, or a field of a record (`record.field`).
    pub(super) fn set(&mut self, target: &str, value: Variable) {
        if let Some((name, field)) = target.split_once('.')
            && let Variable::Value(value) = &value
            && let Some(Variable::Record(Some(fields))) = self.get_mut(name)
        {
            match fields.iter_mut().find(|(known, _)| known == field) {
                Some((_, slot)) => *slot = value.clone(),
                None => fields.push((SmolStr::new(field), value.clone())),
            }
            return;
        }
        match self.get_mut(target) {
            Some(slot) => *slot = value,
            None => self.declare(SmolStr::new(target), value),
        }
    }

    /// The value that a column reference means, where it means a variable; text may hold holes.
    pub(super) fn value(&self, qualifier: &[SmolStr], name: &str) -> Option<Datum> {
        match qualifier {
            [] => match self.get(name)? {
                Variable::Value(value) => Some(value.clone()),
                Variable::Record(_) => Some(Datum::Unknown),
            },
            [.., record] => match self.get(record)? {
                Variable::Record(Some(fields)) => Some(
                    fields
                        .iter()
                        .find(|(field, _)| field == name)
                        .map_or(Datum::Unknown, |(_, value)| value.clone()),
                ),
                Variable::Record(None) => Some(Datum::Unknown),
                Variable::Value(_) => None,
            },
        }
    }
}

/// Puts the values of variables and of `$n` into a statement.
pub(super) fn in_statement(statement: &mut Statement, variables: &Variables, parameters: &[Datum]) {
    let values = Values {
        variables,
        parameters,
    };
    values.statement(statement);
}

/// Puts the values of variables into an expression.
pub(super) fn in_expression(expression: &mut Expr, variables: &Variables) {
    let values = Values {
        variables,
        parameters: &[],
    };
    values.expression(expression);
}

/// As a value of SQL, text with a hole is not known.
fn known(value: &Datum) -> Datum {
    match value {
        Datum::Text(text) => Datum::text(text),
        other => other.clone(),
    }
}

struct Values<'a> {
    variables: &'a Variables,
    parameters: &'a [Datum],
}

impl Values<'_> {
    fn statement(&self, statement: &mut Statement) {
        match statement {
            Statement::Query(query) => self.query(query),
            Statement::CreateTableAs(create) => self.query(&mut create.query),
            Statement::Insert(insert) => {
                insert
                    .with
                    .iter_mut()
                    .for_each(|table| self.statement(&mut table.statement));
                match &mut insert.source {
                    InsertSource::Values(rows) => {
                        rows.iter_mut()
                            .flatten()
                            .for_each(|value| self.expression(value));
                    }
                    InsertSource::Query(query) => self.query(query),
                    InsertSource::DefaultValues => {}
                }
                if let Some(conflict) = &mut insert.on_conflict
                    && let ConflictAction::Update {
                        assignments,
                        filter,
                    } = &mut conflict.action
                {
                    for assignment in assignments {
                        self.expression(&mut assignment.value);
                    }
                    self.optional(filter);
                }
            }
            Statement::Update(update) => {
                update
                    .with
                    .iter_mut()
                    .for_each(|table| self.statement(&mut table.statement));
                update
                    .assignments
                    .iter_mut()
                    .for_each(|assignment| self.expression(&mut assignment.value));
                update.from.iter_mut().for_each(|item| self.item(item));
                self.optional(&mut update.filter);
            }
            Statement::Delete(delete) => {
                delete
                    .with
                    .iter_mut()
                    .for_each(|table| self.statement(&mut table.statement));
                delete.using.iter_mut().for_each(|item| self.item(item));
                self.optional(&mut delete.filter);
            }
            Statement::Merge(merge) => {
                for member in &mut merge.with {
                    self.statement(&mut member.statement);
                }
                self.item(&mut merge.source);
                self.expression(&mut merge.on);
                for clause in &mut merge.clauses {
                    self.optional(&mut clause.condition);
                    match &mut clause.action {
                        MergeAction::Insert { values, .. } => self.all(values),
                        MergeAction::Update(assignments) => assignments
                            .iter_mut()
                            .for_each(|assignment| self.expression(&mut assignment.value)),
                        MergeAction::Delete | MergeAction::Nothing => {}
                    }
                }
            }
            Statement::Call { arguments, .. } => self.all(arguments),
            _ => {}
        }
    }

    fn query(&self, query: &mut Query) {
        for table in &mut query.with {
            self.statement(&mut table.statement);
        }
        match &mut query.body {
            QueryBody::Select(select) => {
                for target in &mut select.targets {
                    self.expression(&mut target.value);
                }
                select.from.iter_mut().for_each(|item| self.item(item));
                self.optional(&mut select.filter);
                self.all(&mut select.group_by);
                self.optional(&mut select.having);
            }
            QueryBody::Values(rows) => rows.iter_mut().for_each(|row| self.all(row)),
            QueryBody::Set { left, right, .. } => {
                self.query(left);
                self.query(right);
            }
        }
        for order in &mut query.order_by {
            self.expression(&mut order.value);
        }
        self.optional(&mut query.limit);
        self.optional(&mut query.offset);
    }

    fn item(&self, item: &mut FromItem) {
        match item {
            FromItem::Table { .. } => {}
            FromItem::Query { query, .. } => self.query(query),
            FromItem::Function { call, .. } => self.expression(call),
            FromItem::Join {
                left, right, on, ..
            } => {
                self.item(left);
                self.item(right);
                self.optional(on);
            }
        }
    }

    fn optional(&self, expression: &mut Option<Expr>) {
        if let Some(expression) = expression {
            self.expression(expression);
        }
    }

    fn all(&self, expressions: &mut [Expr]) {
        for expression in expressions {
            self.expression(expression);
        }
    }

    fn expression(&self, expression: &mut Expr) {
        match expression {
            Expr::Column { qualifier, name } => {
                if let Some(value) = self.variables.value(qualifier, name) {
                    *expression = Expr::Value(known(&value));
                }
            }
            Expr::Parameter(name) => {
                let index = name.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
                if let Some(value) = index.and_then(|index| self.parameters.get(index)) {
                    *expression = Expr::Value(known(value));
                }
            }
            Expr::Value(_) | Expr::Star { .. } | Expr::Default | Expr::Unknown(_) => {}
            Expr::Cast { value, .. }
            | Expr::Unary { value, .. }
            | Expr::Not(value)
            | Expr::IsNull { value, .. }
            | Expr::IsBool { value, .. } => self.expression(value),
            Expr::Field { value, name } => {
                // `(record).field` is a field of the variable, too
                if let Expr::Column {
                    qualifier,
                    name: record,
                } = &**value
                    && qualifier.is_empty()
                    && self.variables.is_record(record)
                    && let Some(found) = self.variables.value(std::slice::from_ref(record), name)
                {
                    *expression = Expr::Value(known(&found));
                } else {
                    self.expression(value);
                }
            }
            Expr::Binary { left, right, .. } => {
                self.expression(left);
                self.expression(right);
            }
            Expr::And(all) | Expr::Or(all) | Expr::Array(all) | Expr::Row(all) => self.all(all),
            Expr::In { value, list, .. } => {
                self.expression(value);
                self.all(list);
            }
            Expr::InQuery { value, query, .. } => {
                self.expression(value);
                self.query(query);
            }
            Expr::Between {
                value, low, high, ..
            } => {
                self.expression(value);
                self.expression(low);
                self.expression(high);
            }
            Expr::Quantified { value, array, .. } => {
                self.expression(value);
                self.expression(array);
            }
            Expr::Call {
                arguments, filter, ..
            } => {
                self.all(arguments);
                if let Some(filter) = filter {
                    self.expression(filter);
                }
            }
            Expr::Case {
                operand,
                arms,
                otherwise,
            } => {
                if let Some(operand) = operand {
                    self.expression(operand);
                }
                for (condition, result) in arms {
                    self.expression(condition);
                    self.expression(result);
                }
                if let Some(otherwise) = otherwise {
                    self.expression(otherwise);
                }
            }
            Expr::Exists(query) | Expr::Subquery(query) | Expr::ArrayQuery(query) => {
                self.query(query);
            }
            Expr::Subscript { value, indexes } => {
                self.expression(value);
                self.all(indexes);
            }
        }
    }
}
