//! `subquery()`, `cte()`, `alias()` of a SELECT, and their columns.

use std::any::Any;
use std::rc::Rc;

use smol_str::SmolStr;

use super::{SelectObject, join, output_names};
use crate::alembic::core::convert::column_name;
use crate::alembic::core::{Element, Source};
use crate::alembic::object::{self, Interp, Object};
use crate::postgres::expression::{CommonTable, FromItem, JoinKind};
use crate::postgres::statement::Statement;
use crate::postgres::{Expr, Name, Query};
use crate::python::{Arguments, Eval, HostRef, Value};
use crate::unknown::Reason;

/// A named subquery or CTE.
#[derive(Clone, Debug)]
pub struct Subquery {
    pub(super) query: Query,
    pub(super) name: SmolStr,
    pub(super) common: bool,
}

impl Subquery {
    /// The query inside.
    pub fn query(&self) -> Query {
        self.query.clone()
    }

    pub(super) fn source(&self) -> Source {
        if self.common {
            return Source {
                item: FromItem::Table {
                    name: Name::new(&self.name),
                    alias: None,
                    columns: Vec::new(),
                },
                with: vec![CommonTable {
                    name: self.name.clone(),
                    columns: Vec::new(),
                    statement: Box::new(Statement::Query(Box::new(self.query.clone()))),
                    recursive: false,
                }],
            };
        }
        Source {
            item: FromItem::Query {
                query: Box::new(self.query.clone()),
                alias: Some(self.name.clone()),
                columns: Vec::new(),
                lateral: false,
            },
            with: Vec::new(),
        }
    }
}

impl Object for Subquery {
    fn type_name(&self) -> &'static str {
        if self.common { "CTE" } else { "Subquery" }
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &[
            "select",
            "join",
            "outerjoin",
            "alias",
            "union",
            "union_all",
            "scalar_subquery",
            "as_scalar",
        ]
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(match name {
            "c" | "columns" => Some(object::value(SubqueryColumns {
                qualifier: Some(self.name.clone()),
                names: output_names(&self.query),
                source: Some(self.source()),
            })),
            "name" => Some(Value::str(self.name.as_str())),
            _ => None,
        })
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        this: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        let value = Value::Host(this.clone());
        match method {
            "select" => Ok(object::value(SelectObject::of_targets(interp, &[value])?)),
            "join" => join(interp, &value, &arguments, JoinKind::Inner),
            "outerjoin" => join(interp, &value, &arguments, JoinKind::Left),
            "alias" => Ok(object::value(Self {
                name: arguments
                    .get(0, "name")
                    .and_then(Value::as_str)
                    .map_or_else(|| self.name.clone(), SmolStr::new),
                ..self.clone()
            })),
            "scalar_subquery" | "as_scalar" => {
                Ok(Element::new(Expr::Subquery(Box::new(self.query()))).value())
            }
            _ => Ok(interp.unknown(Reason::Unsupported, &format!("subquery.{method}()"))),
        }
    }
}

/// `subquery.c`.
#[derive(Debug)]
pub(super) struct SubqueryColumns {
    pub(super) qualifier: Option<SmolStr>,
    pub(super) names: Vec<SmolStr>,
    pub(super) source: Option<Source>,
}

impl SubqueryColumns {
    fn column(&self, name: &str) -> Value {
        Element {
            sources: self.source.clone().into_iter().collect(),
            ..Element::new(Expr::Column {
                qualifier: self.qualifier.clone().into_iter().collect(),
                name: SmolStr::new(name),
            })
        }
        .value()
    }
}

impl Object for SubqueryColumns {
    fn type_name(&self) -> &'static str {
        "ReadOnlyColumnCollection"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok((!name.starts_with("__")).then(|| self.column(name)))
    }
    fn item(&self, interp: &mut Interp, _: &HostRef, index: &Value) -> Eval<Value> {
        if let Value::Int(index) = index
            && let Some(name) = usize::try_from(*index)
                .ok()
                .and_then(|index| self.names.get(index))
        {
            return Ok(self.column(name));
        }
        Ok(match column_name(index) {
            Some(name) => self.column(&name),
            None => interp.unknown(Reason::Unsupported, "columns[...]"),
        })
    }
    fn iterate(&self, _: &mut Interp, _: &HostRef) -> Eval<Value> {
        Ok(Value::list(
            self.names.iter().map(|name| self.column(name)).collect(),
        ))
    }
    fn string(&self, _: &mut Interp, _: &HostRef) -> Eval<Option<Rc<str>>> {
        Ok(None)
    }
}
