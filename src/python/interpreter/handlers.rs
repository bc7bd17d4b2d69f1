//! What handlers would do with an exception: asked where one is due that the host does not raise.

use super::{Context, Interpreter};
use crate::python::host::{Host, Truth};
use crate::python::syntax::{self, ExpressionKind, Handler, Statement, StatementKind};
use crate::python::value::Value;
use crate::source::Site;

/// A `try` whose body is being executed: its handlers, in order.
pub(crate) type Guard = Vec<GuardHandler>;

/// A handler, as far as it can be told before it runs.
pub(crate) struct GuardHandler {
    /// What it catches; `None`: everything.
    class: Option<Value>,
    /// The class as written, or the `except`.
    site: Site,
    /// It neither raises nor rolls back, so the function goes on behind it.
    goes_on: bool,
}

impl<H: Host> Interpreter<H> {
    /// The handlers of a `try`; one whose class can't be evaluated is the last, since it may catch anything.
    pub(crate) fn enter_try(&mut self, context: &Context<'_, H>, handlers: &[Handler]) -> Guard {
        let mut guard = Vec::with_capacity(handlers.len());
        for handler in handlers {
            let mut span = handler.span;
            span.end = span.end.min(span.start + "except".len() as u32);
            let class = match handler.class {
                None => None,
                Some(class) => {
                    span = context.module.expression(class).span;
                    match self.expression(context, class) {
                        Ok(class) => Some(class),
                        Err(_) => {
                            guard.push(GuardHandler {
                                class: None,
                                site: context.site(span),
                                goes_on: false,
                            });
                            break;
                        }
                    }
                }
            };
            guard.push(GuardHandler {
                class,
                site: context.site(span),
                goes_on: !leaves(context.module, &handler.body),
            });
        }
        guard
    }

    /// Whether a handler is running.
    pub fn is_handling(&self) -> bool {
        !self.state.handling.is_empty()
    }

    /// Whether a handler catches an exception; `None`: not known.
    fn handles(&mut self, handler: &GuardHandler, exception: &Value) -> Option<bool> {
        match &handler.class {
            None => Some(true),
            Some(class) => match self.is_instance(exception, class) {
                Ok(Truth::Known(truth)) => Some(truth),
                Ok(Truth::Unknown(_)) | Err(_) => None,
            },
        }
    }

    /// Whether there is a handler around what runs now.
    pub fn has_handler(&self) -> bool {
        self.state
            .guards
            .iter()
            .any(|handlers| !handlers.is_empty())
    }

    /// Whether a handler may catch an exception raised now.
    pub fn may_be_caught(&mut self, exception: &Value) -> bool {
        let guards = std::mem::take(&mut self.state.guards);
        let caught = guards
            .iter()
            .flatten()
            .any(|handler| self.handles(handler, exception) != Some(false));
        self.state.guards = guards;
        caught
    }

    /// The handler that would certainly catch an exception raised now and let the function go on behind it.
    pub fn swallowing_handler(&mut self, exception: &Value) -> Option<Site> {
        let guards = std::mem::take(&mut self.state.guards);
        let caught = guards.iter().rev().find_map(|guard| {
            guard
                .iter()
                .find_map(|handler| match self.handles(handler, exception) {
                    Some(false) => None,
                    Some(true) => Some(handler.goes_on.then_some(handler.site)),
                    None => Some(None),
                })
        });
        self.state.guards = guards;
        caught.flatten()
    }
}

/// Whether a block may raise or roll back.
fn leaves(module: &syntax::Module, block: &[Statement]) -> bool {
    block.iter().any(|statement| match &statement.kind {
        StatementKind::Raise { .. } => true,
        StatementKind::Expression(id) => rolls_back(module, *id),
        StatementKind::If {
            branches,
            otherwise,
        } => branches.iter().any(|(_, body)| leaves(module, body)) || leaves(module, otherwise),
        StatementKind::For {
            body, otherwise, ..
        }
        | StatementKind::While {
            body, otherwise, ..
        } => leaves(module, body) || leaves(module, otherwise),
        StatementKind::With { body, .. } => leaves(module, body),
        StatementKind::Try {
            body,
            handlers,
            otherwise,
            finally,
        } => {
            [body, otherwise, finally]
                .iter()
                .any(|block| leaves(module, block))
                || handlers.iter().any(|handler| leaves(module, &handler.body))
        }
        _ => false,
    })
}

fn rolls_back(module: &syntax::Module, id: syntax::ExpressionId) -> bool {
    let ExpressionKind::Call { callee, .. } = &module.expression(id).kind else {
        return false;
    };
    matches!(
        &module.expression(*callee).kind,
        ExpressionKind::Attribute { name, .. } if name == "rollback"
    )
}
