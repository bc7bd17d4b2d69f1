//! Containers that grew where it is in doubt whether anything executes.
//!
//! `rows.append(...)` in the body of a loop over unknown items leaves a list that holds something only if there was an item.
//! Inside of that loop it does; behind it, whether it is empty is as unknown as whether the loop had a turn.

use std::rc::Rc;

use super::Interpreter;
use crate::python::builtins;
use crate::python::host::{Arguments, Eval, Host};
use crate::python::value::{Scope, Value};
use crate::unknown::Unknown;

/// Most containers that are remembered.
const MOST: usize = 4096;

/// One doubt whether what is being executed executes on a real server.
#[derive(Debug)]
pub(crate) struct Doubt {
    /// Tells it from every other.
    number: u64,
    pub(super) unknown: Unknown,
}

/// A container that grew in doubt.
pub(crate) struct Growth {
    doubt: u64,
    unknown: Unknown,
    /// It held something before, for certain.
    held: bool,
    /// Keeps the container, and so its address.
    _container: Value,
}

impl<H: Host> Interpreter<H> {
    /// What follows executes only if something unknown says so; the place is the current statement unless it has one.
    pub(crate) fn push_conditional(&mut self, unknown: &Unknown) {
        let mut unknown = unknown.clone();
        if let Some(site) = self.site() {
            unknown = unknown.at(site);
        }
        self.state.doubts += 1;
        self.conditional.push(Doubt {
            number: self.state.doubts,
            unknown,
        });
    }

    /// Runs something that may not execute on a real server, if there is a doubt.
    pub fn in_doubt<T>(
        &mut self,
        doubt: Option<&Unknown>,
        run: impl FnOnce(&mut Self) -> Eval<T>,
    ) -> Eval<T> {
        let depth = self.conditional.len();
        if let Some(unknown) = doubt {
            self.push_conditional(unknown);
        }
        let result = run(self);
        self.conditional.truncate(depth);
        result
    }

    /// `globals()`: the names of a module as they are now.
    pub(crate) fn given_scope(&mut self, scope: &Rc<Scope>) -> Value {
        let given = builtins::containers::scope_dict(scope);
        if self.state.given_scopes.len() < MOST {
            self.state.given_scopes.push((given.clone(), scope.clone()));
        }
        given
    }

    /// A call that is not known gets a value: where it is what `globals()` gave, it may put any name in.
    pub(super) fn may_fill(&mut self, value: &Value, unknown: &Unknown) {
        if let Some(scope) = self.scope_given_as(value) {
            let mut names = scope.names.borrow_mut();
            let names_of = unknown.then("(...)");
            names
                .entry("*".into())
                .or_insert_with(|| Value::unknown(names_of));
        }
    }

    /// What a name of a dictionary may be that does not hold it.
    pub(crate) fn missing_in(&self, container: &Value) -> Option<Value> {
        let scope = self.scope_given_as(container)?;
        let names = scope.names.borrow();
        names.get("*").cloned()
    }

    fn scope_given_as(&self, value: &Value) -> Option<Rc<Scope>> {
        if self.state.given_scopes.is_empty() {
            return None;
        }
        let at = address(value)?;
        let given = self.state.given_scopes.iter();
        let mut found = given.filter(|(given, _)| address(given) == Some(at));
        found.next().map(|(_, scope)| scope.clone())
    }

    /// To be told before something is added to a container.
    pub(crate) fn note_growth(&mut self, container: &Value) {
        let Some(doubt) = self.conditional.last() else {
            return;
        };
        let held = match container {
            Value::List(items) => !items.borrow().is_empty(),
            Value::Set(items) | Value::Dict(items) => !items.borrow().is_empty(),
            _ => return,
        };
        let growth = Growth {
            doubt: doubt.number,
            unknown: doubt.unknown.clone(),
            held,
            _container: container.clone(),
        };
        self.remember_growth(container, growth);
    }

    fn remember_growth(&mut self, container: &Value, growth: Growth) {
        if let Some(address) = address(container)
            && self.state.grown.len() < MOST
        {
            self.state.grown.entry(address).or_insert(growth);
        }
    }

    /// Why a container may be empty although it holds something here.
    pub fn may_be_empty(&self, container: &Value) -> Option<&Unknown> {
        if self.state.grown.is_empty() {
            return None;
        }
        let growth = self.state.grown.get(&address(container)?)?;
        let inside = self
            .conditional
            .iter()
            .any(|doubt| doubt.number == growth.doubt);
        (!growth.held && !inside).then_some(&growth.unknown)
    }

    /// A container made from others (`sorted(rows)`, `rows.items()`) may be empty where they may be.
    pub(crate) fn inherit_growth<'a>(
        &mut self,
        made: &Value,
        sources: impl IntoIterator<Item = &'a Value>,
    ) {
        if self.state.grown.is_empty() {
            return;
        }
        let unknown = sources
            .into_iter()
            .find_map(|source| self.may_be_empty(source).cloned());
        if let Some(unknown) = unknown {
            self.mark_growth(made, unknown);
        }
    }

    /// A container that is as doubtful as something else.
    pub(crate) fn mark_growth(&mut self, made: &Value, unknown: Unknown) {
        let growth = Growth {
            doubt: 0,
            unknown,
            held: false,
            _container: made.clone(),
        };
        self.remember_growth(made, growth);
    }

    /// Of the arguments of a call, what `inherit_growth` wants to know of; nothing where nothing grew.
    pub(super) fn growing(&self, arguments: &Arguments) -> Vec<Value> {
        if self.state.grown.is_empty() {
            return Vec::new();
        }
        arguments.positional.clone()
    }

    pub(super) fn call_method_of_builtin(
        &mut self,
        receiver: &Value,
        name: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        if grows(name) {
            self.note_growth(receiver);
        }
        let result = self
            .nested(|interpreter| builtins::call_method(interpreter, receiver, name, arguments))?;
        self.inherit_growth(&result, [receiver]);
        Ok(result)
    }
}

/// Methods that add to their container.
fn grows(name: &str) -> bool {
    matches!(
        name,
        "append"
            | "appendleft"
            | "insert"
            | "extend"
            | "extendleft"
            | "add"
            | "update"
            | "setdefault"
    )
}

fn address(container: &Value) -> Option<usize> {
    Some(match container {
        Value::List(items) => Rc::as_ptr(items).addr(),
        Value::Set(items) | Value::Dict(items) => Rc::as_ptr(items).addr(),
        Value::Tuple(items) => Rc::as_ptr(items).addr(),
        Value::Instance(instance) => Rc::as_ptr(instance).addr(),
        Value::Host(host) => Rc::as_ptr(&host.0).cast::<()>().addr(),
        _ => return None,
    })
}
