//! What is made again when a column's type changes: indexes and CHECK constraints over it, which must still make sense with the new
//! type, and with the types that their literals had (`ATPostAlterTypeParse`).

use crate::postgres::catalog::{Constraint, Index, QualifiedName, Relation, known};
use crate::postgres::name::{ObjectKey, ObjectKind};
use crate::postgres::statement::ConstraintKind;
use crate::postgres::{Expr, Session};

use super::{Effect, Failure, data, expressions, index};

/// An expression over a column that has changed its type, and where it stands.
struct Kept {
    /// The index or the constraint.
    of: ObjectKey,
    /// As the server kept it.
    expression: Expr,
    /// The clause, where it is a condition.
    clause: Option<&'static str>,
    /// What the server says where it isn't immutable and has to be.
    immutable: Option<&'static str>,
}

/// The expressions over a column as they are kept while it still has its old type. What is not modelled is left out.
pub(super) struct Expressions(Vec<Kept>);

impl Expressions {
    /// Of a relation's indexes and CHECK constraints.
    pub(super) fn over(session: &mut Session, relation: &Relation, column: &str) -> Self {
        let mut kept = Vec::new();
        for one in written(relation) {
            let uses = expressions::columns_used(one.expression)
                .iter()
                .any(|used| used == column);
            if uses && let Some(expression) = data::typed_over(session, relation, one.expression) {
                kept.push(Kept {
                    of: known::member_key(&relation.name, one.kind, one.name),
                    expression,
                    clause: one.clause,
                    immutable: one.immutable,
                });
            }
        }
        Self(kept)
    }

    /// Reads them again, now that the column has its new type.
    pub(super) fn check(&self, session: &mut Session, table: &QualifiedName) -> Effect {
        self.0.iter().try_for_each(|kept| {
            kept.check(session, table).map_err(|failure| match failure {
                Failure::Error(error) => Failure::Error(error.about(kept.of.clone())),
                unknown @ Failure::Unknown(_) => unknown,
            })
        })
    }
}

impl Kept {
    fn check(&self, session: &mut Session, table: &QualifiedName) -> Effect {
        data::check_over(session, table, &self.expression)?;
        if let Some(clause) = self.clause {
            data::check_boolean(session, table, &self.expression, clause)?;
        }
        if let Some(message) = self.immutable {
            data::check_immutable(session, table, &self.expression, message)?;
        }
        Ok(())
    }
}

/// An expression of an index or a constraint, as it is written.
struct Written<'a> {
    kind: ObjectKind,
    name: &'a str,
    expression: &'a Expr,
    clause: Option<&'static str>,
    immutable: Option<&'static str>,
}

/// The expressions of a relation's CHECK constraints and indexes; of a plain column there is nothing to read.
fn written(relation: &Relation) -> impl Iterator<Item = Written<'_>> {
    let constraints = relation.constraints.iter().filter_map(of_constraint);
    let all = constraints.chain(relation.indexes.iter().flat_map(of_index));
    all.filter(|one| one.clause.is_some() || !matches!(one.expression, Expr::Column { .. }))
}

fn of_constraint(constraint: &Constraint) -> Option<Written<'_>> {
    match &constraint.definition.kind {
        ConstraintKind::Check(condition) => Some(Written {
            kind: ObjectKind::Constraint,
            name: &constraint.name,
            expression: condition,
            clause: Some("CHECK"),
            immutable: None,
        }),
        _ => None,
    }
}

fn of_index(index: &Index) -> impl Iterator<Item = Written<'_>> {
    let of = |expression, clause, immutable| Written {
        kind: ObjectKind::Index,
        name: &index.name,
        expression,
        clause,
        immutable: Some(immutable),
    };
    let elements = index.elements.iter();
    elements
        .map(move |element| of(&element.value, None, index::MUTABLE_ELEMENT))
        .chain(
            index
                .filter
                .as_deref()
                .map(move |filter| of(filter, Some("WHERE"), index::MUTABLE_FILTER)),
        )
}

/// Refuses a type that an index over the column can't have: its operator class takes another, or there is none for it.
pub(super) fn check_indexes(
    session: &Session,
    table: &QualifiedName,
    relation: &Relation,
    column: &str,
) -> Effect {
    let over = |index: &&Index| index.columns.iter().any(|used| used == column);
    relation.indexes.iter().filter(over).try_for_each(|found| {
        index::check_operator_classes(session, table, &found.method, &found.elements)
    })
}

#[cfg(test)]
mod tests {
    use crate::postgres::{Catalog, Outcome, Parameters, Session, Version};
    use crate::sql;

    /// What becomes of ALTER COLUMN TYPE where an index has a condition as its predicate, and where a CHECK has it. PostgreSQL 15.
    const ANSWERS: &str = "
        int4    | c > 0                      | int8        | ok    | ok
        int4    | c > 0                      | numeric     | ok    | ok
        int4    | c > 0                      | text        | 42883 | 42883
        int4    | c IN (1, 2)                | bool        | 42883 | 42883
        int4    | c BETWEEN 1 AND 2          | varchar(20) | 42883 | 42883
        int4    | abs(c) > 1                 | text        | 42883 | 42883
        int4    | c + 1 > 2                  | text        | 42883 | 42883
        int4    | -c < 1                     | bool        | 42883 | 42883
        int4    | c IS NOT NULL              | e1          | ok    | ok
        int4    | c::text = '1'              | e1          | 42P17 | ok
        text    | c = 'a'                    | varchar(20) | ok    | ok
        text    | c = 'a'                    | e1          | 42883 | 42883
        text    | c = 'a'                    | jsonb       | 42883 | 42883
        text    | lower(c) = 'a'             | e1          | 42883 | 42883
        text    | c LIKE 'a%'                | uuid        | 42883 | 42883
        text    | c ~ '^a'                   | int4        | 42883 | 42883
        text    | c || 'x' = 'ax'            | int4        | ok    | ok
        text    | c || 'x' = 'ax'            | timestamp   | 42P17 | ok
        text    | coalesce(c, '') = ''       | e1          | 42804 | 42804
        text    | c = ANY (ARRAY['a', 'b'])  | e1          | 42883 | 42883
        varchar | c = 'a'                    | text        | ok    | ok
        varchar | c = 'a'                    | int4        | ok    | ok
        varchar | c = 'a'                    | e1          | 42P17 | ok
        varchar | c IN ('a', 'b')            | e1          | 42P17 | ok
        varchar | lower(c) = 'a'             | timestamptz | 42P17 | ok
        varchar | c = 'a' OR c IS NULL       | uuid        | ok    | ok
        bool    | c                          | int4        | 42804 | 42804
        bool    | NOT c                      | text        | 42804 | 42804
        bool    | c IS NOT FALSE             | int4        | 42804 | 42804
        bool    | c = true                   | int4        | 42883 | 42883
        e1      | c = 'a'                    | e2          | 42883 | 42883
        e1      | c IN ('a', 'b')            | varchar(20) | 42883 | 42883
        e1      | c IS NOT NULL              | text        | ok    | ok
        timestamp | c > '2020-01-01'         | timestamptz | 42P17 | ok
        timestamp | c > '2020-01-01'         | date        | ok    | ok
        uuid    | c <> '11111111-1111-1111-1111-111111111111' | text | 42883 | 42883
        jsonb   | c ->> 'a' = 'b'            | json        | ok    | ok
        jsonb   | c @> '{}'                  | json        | 42883 | 42883
        jsonb   | jsonb_typeof(c) = 'object' | json        | 42883 | 42883
    ";

    fn last_answer(script: &str) -> String {
        let mut session = Session::new(Catalog::default(), Version(15), sql::statements);
        let mut last = String::new();
        for statement in script.split(';').filter(|text| !text.trim().is_empty()) {
            let statements = sql::statements(statement);
            last = match session.execute(&statements, &Parameters::default()).outcome {
                Outcome::Ok => "ok".to_owned(),
                Outcome::Error(error) => error.sqlstate.code().to_owned(),
                Outcome::Unknown(why) => why.to_string(),
            };
        }
        last
    }

    #[test]
    fn conditions_over_a_column_are_read_again_with_its_new_type() {
        let types = "CREATE TYPE e1 AS ENUM ('a', 'b'); CREATE TYPE e2 AS ENUM ('a', 'b', 'c');";
        for row in ANSWERS.lines().filter(|row| row.contains('|')) {
            let cells: Vec<&str> = row.split(" | ").map(str::trim).collect();
            let [from, condition, to, in_index, in_check] = cells[..] else {
                panic!("{row}");
            };
            let alter = format!("ALTER TABLE t ALTER COLUMN c TYPE {to} USING c::text::{to};");
            let index = format!(
                "{types} CREATE TABLE t (c {from}); CREATE INDEX i ON t (c) WHERE {condition}; {alter}"
            );
            let check = format!("{types} CREATE TABLE t (c {from}, CHECK ({condition})); {alter}");
            let index = if from == "jsonb" {
                index.replace("ON t (c)", "ON t ((1))")
            } else {
                index
            };
            assert_eq!(last_answer(&index), in_index, "{index}");
            assert_eq!(last_answer(&check), in_check, "{check}");
        }
    }

    #[test]
    fn an_index_needs_an_operator_class_for_the_new_type() {
        let script = "CREATE TABLE t (c jsonb); CREATE INDEX i ON t USING gin (c); \
                      ALTER TABLE t ALTER COLUMN c TYPE text USING c::text";
        assert_eq!(last_answer(script), "42704");
        let dropped = script.replace("ALTER TABLE", "DROP INDEX i; ALTER TABLE");
        assert_eq!(last_answer(&dropped), "ok");
    }
}
