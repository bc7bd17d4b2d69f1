//! `sa.text()` and `bindparam()`.

use std::any::Any;
use std::rc::Rc;

use smol_str::SmolStr;

use super::core::{self, Element};
use super::literal;
use super::object::{self, Interp, Object, function};
use crate::postgres::{Datum, Expr, Query, Statement};
use crate::python::{Arguments, Eval, HostRef, Str, Value};
use crate::sql::{self, Placeholders};
use crate::unknown::Reason;

/// Names of this file, of any module of SQLAlchemy's.
pub fn lookup(_: &mut Interp, module: &str, name: &str) -> Option<Value> {
    if !super::modules::is_sqlalchemy(module) || name != "text" {
        return None;
    }
    Some(function(
        "TextClause",
        |interp, arguments| match arguments.get(0, "text") {
            Some(Value::Str(text)) => Ok(object::value(TextClause::new(text.clone()))),
            Some(Value::Unknown(unknown)) => Ok(Value::Unknown(unknown.clone())),
            Some(other) if object::get::<TextClause>(other).is_some() => Ok(other.clone()),
            Some(Value::None) | None => Err(interp.error(
                "TypeError",
                "expected string or bytes-like object, got 'NoneType'",
            )),
            Some(_) => Ok(interp.unknown(Reason::Unsupported, "text(...)")),
        },
    ))
}

/// SQL text with bind parameters.
#[derive(Clone, Debug)]
pub struct TextClause {
    source: Str,
    /// Values bound already.
    bound: Vec<(SmolStr, Value)>,
}

impl TextClause {
    /// A text without bound values.
    pub fn new(source: Str) -> Self {
        Self {
            source,
            bound: Vec::new(),
        }
    }

    /// The text as written.
    pub fn text(&self) -> &str {
        &self.source.text
    }

    /// The text with its place.
    pub fn source(&self) -> &Str {
        &self.source
    }

    /// Values bound by `bindparams`.
    pub fn bound(&self) -> &[(SmolStr, Value)] {
        &self.bound
    }

    /// The text as an expression (a default, a condition, a column).
    pub fn expression(&self) -> Expr {
        let mut expr = core::convert::parse_text(self.text());
        if !self.bound.is_empty() {
            core::substitute::walk(&mut expr, &mut |expr| {
                if let Expr::Parameter(name) = expr
                    && let Some((_, value)) = self.bound.iter().find(|(known, _)| known == name)
                {
                    *expr = Expr::Value(simple_datum(value));
                }
            });
        }
        expr
    }

    /// The text as a query, if it is one.
    pub fn query(&self) -> Option<Query> {
        let parsed = sql::parse(self.text(), Placeholders::Named);
        match &*parsed {
            [only] => match &only.statement {
                Statement::Query(query) => Some((**query).clone()),
                _ => None,
            },
            _ => None,
        }
    }
}

fn simple_datum(value: &Value) -> Datum {
    match value {
        Value::None => Datum::Null,
        Value::Bool(known) => Datum::Bool(*known),
        Value::Int(known) => Datum::Int(*known),
        Value::Float(known) => Datum::Float(*known),
        Value::Str(text) => Datum::text(&text.text),
        Value::Fresh(what) => super::literal::fresh(what),
        _ => Datum::Unknown,
    }
}

impl Object for TextClause {
    fn type_name(&self) -> &'static str {
        "TextClause"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &[
            "bindparams",
            "columns",
            "execution_options",
            "compile",
            "params",
            "self_group",
            "label",
            "label_",
            "alias",
            "subquery",
            "cte",
            "scalar_subquery",
        ]
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(match name {
            "text" => Some(Value::Str(self.source.clone())),
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
        match method {
            "bindparams" | "params" => {
                let mut next = self.clone();
                for argument in &arguments.positional {
                    if let Some(parameter) = object::get::<BindParameter>(argument)
                        && let Some(value) = &parameter.value
                    {
                        next.bound.push((parameter.name.clone(), value.clone()));
                    }
                    if method == "params" {
                        for (key, value) in literal::text_entries(argument).into_iter().flatten() {
                            next.bound.push((SmolStr::new(&*key), value));
                        }
                    }
                }
                next.bound.extend(arguments.keyword.iter().cloned());
                Ok(object::value(next))
            }
            "columns" | "alias" | "subquery" | "cte" | "scalar_subquery" => match self.query() {
                Some(query) if method != "columns" => {
                    let select = core::select::SelectObject::of_query(query);
                    match select.wrapped(interp, method, &arguments)? {
                        Some(wrapped) => Ok(wrapped),
                        None => Ok(interp.unknown(Reason::Unsupported, method)),
                    }
                }
                _ => Ok(Value::Host(this.clone())),
            },
            "label" => {
                let label = arguments
                    .get(0, "name")
                    .and_then(core::convert::column_name);
                Ok(Element {
                    label,
                    ..Element::new(self.expression())
                }
                .value())
            }
            "compile" => Ok(interp.unknown(Reason::Unsupported, "compile()")),
            _ => Ok(Value::Host(this.clone())),
        }
    }
    fn string(&self, _: &mut Interp, _: &HostRef) -> Eval<Option<Rc<str>>> {
        Ok(Some(self.source.text.clone()))
    }
}

/// `bindparam("x", value=..., type_=..., expanding=...)`.
#[derive(Clone, Debug)]
pub struct BindParameter {
    /// Its name.
    pub name: SmolStr,
    /// Its value, where one was given.
    pub value: Option<Value>,
}

impl BindParameter {
    /// The parameter that a call of `bindparam` makes.
    pub fn of(arguments: &Arguments) -> Self {
        let name = arguments
            .get(0, "key")
            .and_then(Value::as_str)
            .map_or_else(|| SmolStr::new_static("param_1"), SmolStr::new);
        let value = arguments.get(1, "value").cloned().or_else(|| {
            arguments.named("callable_").map(|_| {
                Value::unknown(crate::unknown::Unknown::new(
                    Reason::Unsupported,
                    "bindparam(callable_=...)",
                ))
            })
        });
        Self { name, value }
    }

    /// The parameter as an expression.
    pub fn expression(&self, interp: &mut Interp) -> Expr {
        match &self.value {
            Some(value) => Expr::Value(literal::datum(interp, value)),
            None => Expr::Parameter(self.name.clone()),
        }
    }
}

impl Object for BindParameter {
    fn type_name(&self) -> &'static str {
        "BindParameter"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        core::operators::METHODS
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(match name {
            "key" | "name" => Some(Value::str(self.name.as_str())),
            "value" => Some(self.value.clone().unwrap_or(Value::None)),
            _ => None,
        })
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        _: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        let element = Element::new(self.expression(interp)).value();
        core::operators::method(interp, &element, method, &arguments)
    }
    fn operator(
        &self,
        interp: &mut Interp,
        _: &HostRef,
        operator: crate::python::HostOperator,
        other: &Value,
        reflected: bool,
    ) -> Eval<Option<Value>> {
        let element = Element::new(self.expression(interp)).value();
        core::operators::binary(interp, &element, operator, other, reflected)
    }
}
