//! Annotations of class bodies, as far as classes are made of them: the names of all, and what `Mapped[int | None]` says.

use std::any::Any;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use super::{Context, Interpreter};
use crate::python::builtins;
use crate::python::host::{Eval, Host};
use crate::python::syntax::{BinaryOperator, ExpressionId, ExpressionKind, Module};
use crate::python::value::{HostObject, Key, Scope, Value};

impl<H: Host> Interpreter<H> {
    /// Annotations of a class body are kept by name: dataclasses and declarative models are made of them. The value is
    /// a [`LazyAnnotation`], but for `Mapped[...]` a tuple: what is mapped, and whether it may be `None`.
    pub(crate) fn record_annotation(
        &mut self,
        context: &Context<'_, H>,
        target: ExpressionId,
        annotation: Option<ExpressionId>,
    ) -> Eval<()> {
        let ExpressionKind::Name(name) = &context.module.expression(target).kind else {
            return Ok(());
        };
        let value = match annotation {
            Some(annotation) => self.mapped(context, annotation)?,
            None => Value::None,
        };
        let value = match (value, annotation) {
            (Value::None, Some(annotation)) => Value::host(LazyAnnotation {
                module: context.module.clone(),
                annotation,
                around: Rc::downgrade(context.scope.parent.as_ref().unwrap_or(&context.globals)),
                globals: Rc::downgrade(&context.globals),
            }),
            (value, _) => value,
        };
        let annotations = {
            let mut names = context.scope.names.borrow_mut();
            names
                .entry("__annotations__".into())
                .or_insert_with(builtins::containers::empty_dict)
                .clone()
        };
        if let Value::Dict(annotations) = annotations {
            annotations
                .borrow_mut()
                .insert(Key::Str(name.as_str().into()), value);
        }
        Ok(())
    }

    fn mapped(&mut self, context: &Context<'_, H>, annotation: ExpressionId) -> Eval<Value> {
        match subscript(context, annotation) {
            Some(("Mapped", inner)) => {
                let mut optional = false;
                let value = self.annotated(context, inner, &mut optional)?;
                Ok(Value::tuple(vec![value, Value::Bool(optional)]))
            }
            _ => Ok(Value::None),
        }
    }

    /// The type that an annotation names, without `Optional` and `| None`.
    fn annotated(
        &mut self,
        context: &Context<'_, H>,
        id: ExpressionId,
        optional: &mut bool,
    ) -> Eval<Value> {
        self.enter()?;
        let value = self.annotated_inner(context, id, optional);
        self.leave();
        value
    }

    fn annotated_inner(
        &mut self,
        context: &Context<'_, H>,
        id: ExpressionId,
        optional: &mut bool,
    ) -> Eval<Value> {
        match (subscript(context, id), &context.module.expression(id).kind) {
            (Some(("Optional", inner)), _) => {
                *optional = true;
                self.annotated(context, inner, optional)
            }
            (Some(("Union", inner)), _) => match &context.module.expression(inner).kind {
                ExpressionKind::Tuple(parts) => self.alternatives(context, parts, optional),
                _ => self.annotated(context, inner, optional),
            },
            (_, ExpressionKind::Binary { first, rest })
                if rest
                    .iter()
                    .all(|(operator, _)| *operator == BinaryOperator::Or) =>
            {
                let mut parts = vec![*first];
                parts.extend(rest.iter().map(|(_, part)| *part));
                self.alternatives(context, &parts, optional)
            }
            // names of classes that come later, and generics, say nothing about a column
            (Some(("Annotated", _)), _)
            | (None, ExpressionKind::Name(_) | ExpressionKind::Attribute { .. }) => {
                match self.expression(context, id) {
                    Err(raised) if !raised.bound => Ok(self.unsupported("an annotation")),
                    other => other,
                }
            }
            _ => Ok(self.unsupported("an annotation")),
        }
    }

    fn alternatives(
        &mut self,
        context: &Context<'_, H>,
        parts: &[ExpressionId],
        optional: &mut bool,
    ) -> Eval<Value> {
        let is_none = |part: &ExpressionId| {
            matches!(context.module.expression(*part).kind, ExpressionKind::None)
        };
        *optional |= parts.iter().any(is_none);
        let others: Vec<ExpressionId> = parts
            .iter()
            .copied()
            .filter(|part| !is_none(part))
            .collect();
        match others.as_slice() {
            [single] => self.annotated(context, *single, optional),
            _ => Ok(self.unsupported("an annotation")),
        }
    }
}

/// An annotation that was not evaluated: that of a field, which only some libraries read.
#[derive(Clone, Debug)]
pub struct LazyAnnotation {
    module: Arc<Module>,
    annotation: ExpressionId,
    /// The scope around the class: that of its body ends with it.
    around: Weak<Scope>,
    globals: Weak<Scope>,
}

impl HostObject for LazyAnnotation {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn type_name(&self) -> &'static str {
        "annotation"
    }
}

impl LazyAnnotation {
    /// The type that it names, and whether it may be `None`; `None`: it is no field's (`ClassVar[...]`).
    pub fn evaluate<H: Host>(
        &self,
        interpreter: &mut Interpreter<H>,
    ) -> Eval<Option<(Value, bool)>> {
        let (Some(scope), Some(globals)) = (self.around.upgrade(), self.globals.upgrade()) else {
            return Ok(Some((interpreter.unsupported("an annotation"), false)));
        };
        let context = Context {
            module: &self.module,
            home: scope.clone(),
            scope,
            globals,
            function: None,
            definition: None,
            class_body: false,
            yields: None,
        };
        let mut optional = false;
        match subscript(&context, self.annotation) {
            Some(("ClassVar", _)) => return Ok(None),
            Some(("Annotated", inner)) => {
                if let ExpressionKind::Tuple(parts) = &self.module.expression(inner).kind
                    && let Some(first) = parts.first()
                {
                    let value = interpreter.annotated(&context, *first, &mut optional)?;
                    return Ok(Some((value, optional)));
                }
            }
            _ => {}
        }
        let value = interpreter.annotated(&context, self.annotation, &mut optional)?;
        Ok(Some((value, optional)))
    }
}

/// The last name of what is subscripted, and the index: `orm.Mapped[int]`.
fn subscript<'a, H: Host>(
    context: &'a Context<'_, H>,
    id: ExpressionId,
) -> Option<(&'a str, ExpressionId)> {
    let ExpressionKind::Subscript { value, index } = &context.module.expression(id).kind else {
        return None;
    };
    let name = match &context.module.expression(*value).kind {
        ExpressionKind::Name(name) | ExpressionKind::Attribute { name, .. } => name,
        _ => return None,
    };
    Some((name, *index))
}
