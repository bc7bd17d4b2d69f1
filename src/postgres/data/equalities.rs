//! Conditions that only ask columns to be equal to values, as those of data migrations mostly do: a look at a row shows that it
//! is not meant, without evaluating anything.

use crate::postgres::catalog::{Relation, Row};
use crate::postgres::expression::{Datum, Expr, FromItem};
use crate::postgres::query::Environment;

/// What a condition asks of columns, each to be equal to a value of its own type.
pub(super) struct Equalities<'a>(Vec<(&'a str, &'a Datum)>);

impl<'a> Equalities<'a> {
    /// Those of a condition on a table alone; empty where it asks anything else, which may be an error in some row.
    pub(super) fn of(
        relation: &Relation,
        from: &[FromItem],
        filter: Option<&'a Expr>,
        environment: &'a Environment<'_>,
    ) -> Self {
        let parts = match filter {
            _ if !from.is_empty() => &[],
            Some(Expr::And(parts)) => parts.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        let all = parts
            .iter()
            .map(|part| equality(relation, part, environment));
        Self(all.collect::<Option<Vec<_>>>().unwrap_or_default())
    }

    /// Whether a row certainly does not match.
    pub(super) fn exclude(&self, row: &Row) -> bool {
        self.0
            .iter()
            .any(|(column, wanted)| match (row.get(column), wanted) {
                (Datum::Int(own), Datum::Int(wanted)) => own != wanted,
                (Datum::Text(own), Datum::Text(wanted)) => own != wanted,
                _ => false,
            })
    }
}

/// `column = value`, where values of the column's type are the same only if they are written alike.
fn equality<'a>(
    relation: &Relation,
    condition: &'a Expr,
    environment: &'a Environment<'_>,
) -> Option<(&'a str, &'a Datum)> {
    let Expr::Binary {
        operator,
        left,
        right,
    } = condition
    else {
        return None;
    };
    let (Expr::Column { name, .. }, "=") = (&**left, operator.as_str()) else {
        return None;
    };
    let value = match &**right {
        Expr::Value(value) => value,
        Expr::Parameter(parameter) => environment.parameters.get(parameter)?,
        _ => return None,
    };
    let type_name = &relation.column(name)?.type_name;
    let plain: &[&str] = match value {
        Datum::Int(_) => &["int2", "int4", "int8"],
        Datum::Text(_) => &["text", "varchar"],
        _ => &[],
    };
    let fits = !type_name.array && plain.contains(&type_name.name.name.as_str());
    fits.then_some((name.as_str(), value))
}
