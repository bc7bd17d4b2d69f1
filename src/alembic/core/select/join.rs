//! `join()` and `outerjoin()`: what stands in FROM.

use std::any::Any;

use smol_str::SmolStr;

use super::{SelectObject, source_of};
use crate::alembic::core::{self, Source};
use crate::alembic::object::{self, Interp, Object};
use crate::postgres::Expr;
use crate::postgres::expression::{FromItem, JoinKind, Target};
use crate::python::{Arguments, Eval, HostRef, Value};
use crate::unknown::Reason;

pub(super) fn free_join(interp: &mut Interp, arguments: &Arguments, kind: JoinKind) -> Eval<Value> {
    let mut rest = arguments.clone();
    if rest.positional.is_empty() {
        return Ok(interp.unknown(Reason::Unsupported, "join(...)"));
    }
    let left = rest.positional.remove(0);
    join(interp, &left, &rest, kind)
}

/// `left.join(right, onclause)` of tables and joins.
pub fn join(
    interp: &mut Interp,
    left: &Value,
    arguments: &Arguments,
    kind: JoinKind,
) -> Eval<Value> {
    let right = arguments.get(0, "right").cloned().unwrap_or(Value::None);
    let (Some(left), Some(right)) = (source_of(interp, left)?, source_of(interp, &right)?) else {
        return Ok(interp.unknown(Reason::Unsupported, "join(...)"));
    };
    let on = match arguments.get(1, "onclause").cloned() {
        Some(on) if !on.is_none() => core::expression(interp, &on)?,
        _ => Expr::Unknown(SmolStr::new_static("join condition")),
    };
    let kind = match arguments.get(2, "isouter") {
        Some(Value::Bool(true)) => JoinKind::Left,
        _ => kind,
    };
    let mut with = left.with;
    with.extend(right.with);
    Ok(object::value(JoinObject {
        source: Source {
            item: FromItem::Join {
                kind,
                left: Box::new(left.item),
                right: Box::new(right.item),
                on: Some(on),
                using: Vec::new(),
                natural: false,
            },
            with,
        },
    }))
}

/// `a.join(b, ...)`.
#[derive(Debug)]
pub struct JoinObject {
    pub(super) source: Source,
}

impl Object for JoinObject {
    fn type_name(&self) -> &'static str {
        "Join"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &["join", "outerjoin", "select"]
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        this: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        match method {
            "join" => join(
                interp,
                &Value::Host(this.clone()),
                &arguments,
                JoinKind::Inner,
            ),
            "outerjoin" => join(
                interp,
                &Value::Host(this.clone()),
                &arguments,
                JoinKind::Left,
            ),
            _ => {
                let mut select = SelectObject::of_targets(interp, &[])?;
                select.parts.targets.push(Target {
                    value: Expr::Star {
                        qualifier: Vec::new(),
                    },
                    alias: None,
                });
                select.parts.from.push(self.source.item.clone());
                Ok(object::value(select))
            }
        }
    }
}
