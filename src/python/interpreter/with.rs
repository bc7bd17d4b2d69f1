//! `with` statements, and where the values of `yield` go.
//!
//! A generator-based context manager is run inside out: when its body reaches the `yield`, the body of the `with` is
//! executed there, so that `try`, `finally` and the generator's own `with` statements surround it as they do in Python.

use std::cell::RefCell;

use super::{Context, Flow, Frame, Interpreter};
use crate::limits::Limit;
use crate::python::builtins;
use crate::python::host::{Arguments, Eval, Host, Raise};
use crate::python::syntax::{Statement, WithItem};
use crate::python::value::Value;

/// Takes the values that a generator yields.
pub(crate) trait YieldSink<H: Host> {
    fn take(&self, interpreter: &mut Interpreter<H>, value: Value) -> Eval<()>;
}

/// Collects all of them: generators are run to their end at once.
#[derive(Default)]
pub(crate) struct Collect(pub(crate) RefCell<Vec<Value>>);

impl<H: Host> YieldSink<H> for Collect {
    fn take(&self, interpreter: &mut Interpreter<H>, value: Value) -> Eval<()> {
        let length = self.0.borrow().len();
        if length >= interpreter.limits.turns as usize {
            return Err(interpreter.bound(Limit::LoopTurns));
        }
        self.0.borrow_mut().push(value);
        Ok(())
    }
}

/// Executes the body of a `with` at the `yield` of its context manager.
struct Inline<'a, H: Host> {
    context: &'a Context<'a, H>,
    statement: &'a Statement,
    items: &'a [WithItem],
    body: &'a [Statement],
    frame: Option<Frame>,
    result: RefCell<Option<Option<Flow>>>,
}

impl<H: Host> YieldSink<H> for Inline<'_, H> {
    fn take(&self, interpreter: &mut Interpreter<H>, value: Value) -> Eval<()> {
        if self.result.borrow().is_some() {
            return Err(interpreter.error("RuntimeError", "generator didn't stop"));
        }
        *self.result.borrow_mut() = Some(None);
        let depth = interpreter.frames.len();
        interpreter.frames.extend(self.frame.clone());
        let result = interpreter.inside(self.context, self.statement, self.items, self.body, value);
        interpreter.frames.truncate(depth);
        *self.result.borrow_mut() = Some(Some(result?));
        Ok(())
    }
}

impl<H: Host> Interpreter<H> {
    pub(crate) fn with(
        &mut self,
        context: &Context<'_, H>,
        statement: &Statement,
        items: &[WithItem],
        body: &[Statement],
    ) -> Eval<Flow> {
        let Some(item) = items.first() else {
            return self.block(context, body);
        };
        self.enter()?;
        let result = self.with_item(context, statement, item, items, body);
        self.leave();
        result
    }

    fn with_item(
        &mut self,
        context: &Context<'_, H>,
        statement: &Statement,
        item: &WithItem,
        items: &[WithItem],
        body: &[Statement],
    ) -> Eval<Flow> {
        let header = context.site(statement.header);
        let manager = self.expression(context, item.value)?;
        match &manager {
            Value::Host(host) => {
                let value = H::enter(self, host)?;
                let result = self.inside(context, statement, items, body, value);
                self.set_site(header);
                let raised = result.as_ref().err().map(|raised| &**raised);
                let suppressed = H::exit(self, host, raised)?;
                match result {
                    Err(raised) if suppressed && !raised.bound => Ok(Flow::Normal),
                    result => result,
                }
            }
            Value::Instance(found) if found.class.name == "_GeneratorContextManager" => {
                let frame = self.frames.last().cloned();
                let sink = Inline {
                    context,
                    statement,
                    items,
                    body,
                    frame,
                    result: RefCell::new(None),
                };
                self.run_generator_manager(&manager, &sink)?;
                match sink.result.into_inner() {
                    Some(Some(flow)) => Ok(flow),
                    Some(None) => Ok(Flow::Normal),
                    None => Err(self.error("RuntimeError", "generator didn't yield")),
                }
            }
            Value::Unknown(unknown) => {
                let value = Value::unknown(unknown.then(" as entered"));
                self.inside(context, statement, items, body, value)
            }
            _ => {
                let value = self.enter_manager(&manager)?;
                let result = self.inside(context, statement, items, body, value);
                self.set_site(header);
                match result {
                    Err(raised) if raised.bound => Err(raised),
                    Err(raised) => {
                        if self.exit_manager(&manager, Some(&raised))? {
                            return Ok(Flow::Normal);
                        }
                        Err(raised)
                    }
                    Ok(flow) => {
                        self.exit_manager(&manager, None)?;
                        Ok(flow)
                    }
                }
            }
        }
    }

    /// Binds what entering gave and executes the items that follow, then the body.
    fn inside(
        &mut self,
        context: &Context<'_, H>,
        statement: &Statement,
        items: &[WithItem],
        body: &[Statement],
        value: Value,
    ) -> Eval<Flow> {
        let depth = self.state.withs.len();
        self.state.withs.push(context.site(statement.header));
        let result = match items.first().and_then(|item| item.target) {
            Some(target) => self.assign(context, target, value),
            None => Ok(()),
        }
        .and_then(|()| {
            let rest = items.get(1..).unwrap_or_default();
            self.with(context, statement, rest, body)
        });
        self.state.withs.truncate(depth);
        result
    }

    /// Runs the generator of a `@contextmanager` function.
    fn run_generator_manager(&mut self, manager: &Value, sink: &dyn YieldSink<H>) -> Eval<()> {
        let Some((function, arguments)) = builtins::contexts::generator_call(self, manager)? else {
            return Ok(());
        };
        self.run_function(&function, arguments, Some(sink))?;
        Ok(())
    }

    /// `__enter__` of anything that is no host object and no generator.
    pub(crate) fn enter_manager(&mut self, manager: &Value) -> Eval<Value> {
        if let Some(value) = builtins::contexts::enter(self, manager)? {
            return Ok(value);
        }
        match manager {
            Value::Host(host) => H::enter(self, host),
            Value::Unknown(_) => Ok(manager.clone()),
            _ => match self.find_attribute(manager, "__enter__")? {
                Some(enter) => self.call_value(&enter, Arguments::default()),
                None => Err(self.error(
                    "TypeError",
                    &format!(
                        "'{}' object does not support the context manager protocol",
                        builtins::type_name(manager)
                    ),
                )),
            },
        }
    }

    /// `__exit__`; true suppresses the exception.
    pub(crate) fn exit_manager(&mut self, manager: &Value, raised: Option<&Raise>) -> Eval<bool> {
        if let Some(suppressed) = builtins::contexts::exit(self, manager, raised)? {
            return Ok(suppressed);
        }
        match manager {
            Value::Host(host) => H::exit(self, host, raised),
            Value::Unknown(_) => Ok(false),
            _ => {
                let Some(exit) = self.find_attribute(manager, "__exit__")? else {
                    return Ok(false);
                };
                let exception = raised.map_or(Value::None, |raised| raised.exception.clone());
                let class = match &exception {
                    Value::Instance(instance) => Value::Class(instance.class.clone()),
                    _ => exception.clone(),
                };
                let result = self.call_value(
                    &exit,
                    Arguments {
                        positional: vec![class, exception, Value::None],
                        ..Arguments::default()
                    },
                )?;
                Ok(raised.is_some() && self.truth(&result)?)
            }
        }
    }
}
