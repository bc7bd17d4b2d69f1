//! Expressions.

use std::rc::Rc;

use indexmap::IndexMap;

use super::listing;
use super::usual;
use super::{Context, Interpreter};
use crate::limits::Limit;
use crate::python::builtins;
use crate::python::host::{Arguments, Eval, Host, Truth};
use crate::python::syntax::{
    Argument, Clause, Comprehension, ComprehensionKind, DictItem, ExpressionId, ExpressionKind,
    UnaryOperator,
};
use crate::python::value::{Key, Scope, Str, Value};
use crate::unknown::{Reason, Unknown};

impl<H: Host> Interpreter<H> {
    pub(crate) fn expression(&mut self, context: &Context<'_, H>, id: ExpressionId) -> Eval<Value> {
        // the common leaves cost no level
        let expression = context.module.expression(id);
        match &expression.kind {
            ExpressionKind::None => return Ok(Value::None),
            ExpressionKind::Bool(value) => return Ok(Value::Bool(*value)),
            ExpressionKind::Int(value) => return Ok(Value::Int(*value)),
            ExpressionKind::Str { text, literal } => {
                return Ok(Value::Str(Str {
                    text: Rc::from(&**text),
                    literal: literal.map(|span| context.site(span)),
                }));
            }
            ExpressionKind::Name(name) => return self.lookup(context, name),
            _ => {}
        }
        self.enter()?;
        let result = self.expression_inner(context, id);
        self.leave();
        if let (Ok(Value::Str(string)), true) = (&result, self.state.holes.any()) {
            self.remember_holes(&string.text);
        }
        result
    }

    fn expression_inner(&mut self, context: &Context<'_, H>, id: ExpressionId) -> Eval<Value> {
        let expression = context.module.expression(id);
        Ok(match &expression.kind {
            ExpressionKind::None
            | ExpressionKind::Bool(_)
            | ExpressionKind::Int(_)
            | ExpressionKind::Str { .. }
            | ExpressionKind::Name(_) => return self.expression(context, id),
            ExpressionKind::Ellipsis => Value::Ellipsis,
            ExpressionKind::Float(value) => Value::Float(*value),
            ExpressionKind::Bytes(bytes) => Value::Bytes(Rc::from(&**bytes)),
            ExpressionKind::Joined(parts) => Value::str(self.joined(context, parts)?),
            ExpressionKind::Attribute { value, name } => {
                let object = self.expression(context, *value)?;
                self.attribute(&object, name)?
            }
            ExpressionKind::Subscript { value, index } => {
                let object = self.expression(context, *value)?;
                let index = self.expression(context, *index)?;
                self.item(&object, &index)?
            }
            ExpressionKind::Slice { lower, upper, step } => {
                let mut parts = Vec::with_capacity(3);
                for part in [lower, upper, step] {
                    parts.push(match part {
                        Some(part) => self.expression(context, *part)?,
                        None => Value::None,
                    });
                }
                builtins::containers::slice_object(parts)
            }
            ExpressionKind::Call { callee, arguments } => {
                return self.call_expression(context, id, *callee, arguments, false);
            }
            ExpressionKind::Binary { first, rest } => {
                let mut value = self.expression(context, *first)?;
                for (operator, operand) in rest {
                    let operand = self.expression(context, *operand)?;
                    value = self.binary(*operator, &value, &operand)?;
                }
                value
            }
            ExpressionKind::Unary { operator, operand } => {
                let value = self.expression(context, *operand)?;
                if *operator == UnaryOperator::Not {
                    return Ok(match self.truth_of(&value)? {
                        Truth::Known(truth) => Value::Bool(!truth),
                        Truth::Unknown(unknown) => {
                            let truth = self.decide(&unknown);
                            Value::Bool(!truth)
                        }
                    });
                }
                self.unary(*operator, &value)?
            }
            ExpressionKind::Boolean { and, operands } => {
                return self.boolean(context, *and, operands);
            }
            ExpressionKind::Compare { first, rest } => {
                let mut left = self.expression(context, *first)?;
                let mut result = Value::Bool(true);
                for (position, (comparison, right)) in rest.iter().enumerate() {
                    let right = self.expression(context, *right)?;
                    result = self.compare(*comparison, &left, &right)?;
                    if position + 1 < rest.len() && !self.truth(&result)? {
                        return Ok(Value::Bool(false));
                    }
                    left = right;
                }
                result
            }
            ExpressionKind::Conditional {
                condition,
                then,
                otherwise,
            } => {
                let taken = if self.condition(context, *condition)? {
                    then
                } else {
                    otherwise
                };
                self.expression(context, *taken)?
            }
            ExpressionKind::Lambda(function) => self.make_function(context, *function)?,
            ExpressionKind::List(items) => match self.display(context, items)? {
                Ok(items) => Value::list(items),
                Err(unknown) => Value::unknown(unknown),
            },
            ExpressionKind::Tuple(items) => match self.display(context, items)? {
                Ok(items) => Value::tuple(items),
                Err(unknown) => Value::unknown(unknown),
            },
            ExpressionKind::Set(items) => match self.display(context, items)? {
                Ok(items) => builtins::containers::set_of(self, items)?,
                Err(unknown) => Value::unknown(unknown),
            },
            ExpressionKind::Dict(items) => self.dict_display(context, items)?,
            ExpressionKind::Comprehension(comprehension) => {
                self.comprehension(context, comprehension)?
            }
            ExpressionKind::Walrus { name, value } => {
                let value = self.expression(context, *value)?;
                let home = context.with_scope(context.home.clone());
                self.bind(&home, name, value.clone());
                value
            }
            ExpressionKind::Starred(inner) | ExpressionKind::Await(inner) => {
                self.expression(context, *inner)?
            }
            ExpressionKind::Yield(value) => {
                let value = match value {
                    Some(value) => self.expression(context, *value)?,
                    None => Value::None,
                };
                if let Some(sink) = context.yields {
                    sink.take(self, value)?;
                }
                Value::None
            }
            ExpressionKind::YieldFrom(value) => {
                let value = self.expression(context, *value)?;
                let items = match self.iterate(&value)? {
                    Ok(items) => items,
                    Err(unknown) => vec![Value::unknown(unknown.then("[...]"))],
                };
                if let Some(sink) = context.yields {
                    for item in items {
                        sink.take(self, item)?;
                    }
                }
                Value::None
            }
            ExpressionKind::Hole => self.unsupported("an expression that can't be read"),
        })
    }

    /// A name: of the scopes outwards, then of Python itself.
    fn lookup(&mut self, context: &Context<'_, H>, name: &str) -> Eval<Value> {
        let mut scope = Some(&context.scope);
        while let Some(current) = scope {
            let found = current.names.borrow().get(name).cloned();
            if let Some(value) = found {
                self.state.provenance.used(current, name);
                return self.resolve(current, name, value);
            }
            scope = current.parent.as_ref();
        }
        if let Some(value) = builtins::lookup(name) {
            return Ok(value);
        }
        if name == "__class__"
            && let Some(function) = context.function
            && let Some(class) = function.class.borrow().clone()
        {
            return Ok(Value::Class(class));
        }
        // `from something import *` may have brought it
        if let Some(star) = context.globals.names.borrow().get("*").cloned() {
            return Ok(match star {
                Value::Unknown(unknown) => Value::unknown(Unknown {
                    what: format!("{}.{name}", unknown.what).into(),
                    asked: None,
                    usual: None,
                    ..(*unknown).clone()
                }),
                other => other,
            });
        }
        if context.module.is_broken() {
            return Ok(self.unsupported(name));
        }
        Err(self.error("NameError", &format!("name '{name}' is not defined")))
    }

    /// The truth of a condition; an unknown one is decided by the host.
    pub(crate) fn condition(&mut self, context: &Context<'_, H>, id: ExpressionId) -> Eval<bool> {
        match &context.module.expression(id).kind {
            ExpressionKind::Boolean { and, operands } => {
                let start = self.state.provenance.mark();
                for operand in operands {
                    if self.condition(context, *operand)? != *and {
                        return Ok(!*and);
                    }
                }
                self.state.provenance.decided_since(start);
                Ok(*and)
            }
            ExpressionKind::Unary {
                operator: UnaryOperator::Not,
                operand,
            } => Ok(!self.condition(context, *operand)?),
            _ => {
                let start = self.state.provenance.mark();
                let value = self.expression(context, id)?;
                let truth = self.truth(&value);
                self.state.provenance.decided_since(start);
                truth
            }
        }
    }

    fn boolean(
        &mut self,
        context: &Context<'_, H>,
        and: bool,
        operands: &[ExpressionId],
    ) -> Eval<Value> {
        let mut value = Value::Bool(and);
        for (position, operand) in operands.iter().enumerate() {
            value = self.expression(context, *operand)?;
            if position + 1 == operands.len() {
                break;
            }
            match self.truth_of(&value)? {
                Truth::Known(truth) if truth != and => return Ok(value),
                Truth::Known(_) => {}
                Truth::Unknown(unknown) => {
                    let pure = operands[position + 1..]
                        .iter()
                        .all(|operand| Self::is_pure(context, *operand));
                    // `os.getenv("X") or "default"`: nothing happens either way, so no world need be chosen
                    if pure {
                        let word = if and { " and ..." } else { " or ..." };
                        let mut usual = usual::of(&value);
                        for operand in &operands[position + 1..] {
                            // the first that decides, or the last
                            if usual.as_ref().is_none_or(|usual| usual.is_true() != and) {
                                break;
                            }
                            usual = usual::of(&self.expression(context, *operand)?);
                        }
                        return Ok(Value::unknown(unknown.then(word).usually(usual)));
                    }
                    if self.decide(&unknown) != and {
                        // the operand itself, as Python gives it; a false one is a condition's mostly, decided once
                        return Ok(if and { Value::Bool(false) } else { value });
                    }
                }
            }
        }
        Ok(value)
    }

    fn is_pure(context: &Context<'_, H>, id: ExpressionId) -> bool {
        matches!(
            context.module.expression(id).kind,
            ExpressionKind::None
                | ExpressionKind::Bool(_)
                | ExpressionKind::Int(_)
                | ExpressionKind::Float(_)
                | ExpressionKind::Str { .. }
                | ExpressionKind::Name(_)
        )
    }

    fn display(
        &mut self,
        context: &Context<'_, H>,
        ids: &[ExpressionId],
    ) -> Eval<Result<Vec<Value>, Unknown>> {
        let mut items = Vec::with_capacity(ids.len());
        let mut hidden = None;
        for id in ids {
            if let ExpressionKind::Starred(inner) = context.module.expression(*id).kind {
                let value = self.expression(context, inner)?;
                match self.iterate(&value)? {
                    Ok(spread) => items.extend(spread),
                    Err(unknown) => hidden = Some(unknown),
                }
            } else {
                items.push(self.expression(context, *id)?);
            }
        }
        Ok(hidden.map_or(Ok(items), Err))
    }

    fn dict_display(&mut self, context: &Context<'_, H>, items: &[DictItem]) -> Eval<Value> {
        let mut entries = IndexMap::with_capacity(items.len());
        let mut hidden = None;
        for item in items {
            match *item {
                DictItem::Pair(key, value) => {
                    let key = self.expression(context, key)?;
                    let key = self.key_of(&key)?;
                    let value = self.expression(context, value)?;
                    entries.insert(key, value);
                }
                DictItem::Spread(value) => {
                    let value = self.expression(context, value)?;
                    match builtins::containers::pairs(self, &value)? {
                        Ok(pairs) => entries.extend(pairs),
                        Err(unknown) => hidden = Some(unknown),
                    }
                }
            }
        }
        Ok(match hidden {
            Some(unknown) => Value::unknown(unknown),
            None => builtins::containers::dict_of(entries),
        })
    }

    /// Evaluates a call; `dropped`: nobody looks at the result.
    pub(crate) fn call_expression(
        &mut self,
        context: &Context<'_, H>,
        id: ExpressionId,
        callee: ExpressionId,
        arguments: &[Argument],
        dropped: bool,
    ) -> Eval<Value> {
        let callee_value = self.expression(context, callee)?;
        if let Value::Builtin(name) = callee_value
            && let Some(value) = self.scoped_builtin(context, name, arguments)?
        {
            return Ok(value);
        }
        let arguments = self.arguments(context, arguments)?;
        if let Some(frame) = self.frames.last_mut() {
            frame.call = context.site(context.module.expression(id).span);
        }
        if let Value::Unknown(unknown) = &callee_value {
            return self.call_unknown(unknown, &arguments, dropped);
        }
        self.call_value(&callee_value, arguments)
    }

    /// Built-ins that see the caller's scope.
    fn scoped_builtin(
        &mut self,
        context: &Context<'_, H>,
        name: &str,
        arguments: &[Argument],
    ) -> Eval<Option<Value>> {
        Ok(match (name, arguments) {
            ("globals", []) => Some(self.given_scope(&context.globals)),
            ("locals" | "vars", []) => Some(builtins::containers::scope_dict(&context.scope)),
            ("dir", []) => {
                let names = context.scope.names.borrow();
                Some(Value::list(
                    names.keys().map(|name| Value::str(name.as_str())).collect(),
                ))
            }
            ("super", []) => Some(self.zero_argument_super(context)),
            _ => None,
        })
    }

    fn zero_argument_super(&mut self, context: &Context<'_, H>) -> Value {
        let class = context
            .function
            .and_then(|function| function.class.borrow().clone());
        let receiver = context
            .definition
            .and_then(|definition| definition.parameters.first())
            .and_then(|first| context.home.names.borrow().get(&first.name).cloned());
        match (class, receiver) {
            (Some(class), Some(receiver)) => Value::Super {
                class,
                receiver: Box::new(receiver),
            },
            _ => self.unsupported("super()"),
        }
    }

    fn arguments(&mut self, context: &Context<'_, H>, arguments: &[Argument]) -> Eval<Arguments> {
        let mut evaluated = Arguments {
            positional: Vec::with_capacity(arguments.len()),
            ..Arguments::default()
        };
        for argument in arguments {
            match argument {
                Argument::Positional(id) => {
                    let value = self.expression(context, *id)?;
                    evaluated.positional.push(value);
                }
                Argument::Keyword(name, id) => {
                    let value = self.expression(context, *id)?;
                    evaluated.keyword.push((name.clone(), value));
                }
                Argument::Spread(id) => {
                    let value = self.expression(context, *id)?;
                    match self.iterate(&value)? {
                        Ok(items) => evaluated.positional.extend(items),
                        Err(_) => evaluated.incomplete = true,
                    }
                }
                Argument::SpreadKeywords(id) => {
                    let value = self.expression(context, *id)?;
                    match builtins::containers::pairs(self, &value)? {
                        Ok(pairs) => {
                            for (key, value) in pairs {
                                if let Key::Str(name) = key {
                                    evaluated.keyword.push((name.as_ref().into(), value));
                                }
                            }
                        }
                        Err(_) => evaluated.incomplete = true,
                    }
                }
            }
        }
        Ok(evaluated)
    }

    fn comprehension(
        &mut self,
        context: &Context<'_, H>,
        comprehension: &Comprehension,
    ) -> Eval<Value> {
        let scope = Rc::new(Scope {
            names: std::cell::RefCell::default(),
            parent: Some(context.scope.clone()),
            ..Scope::default()
        });
        let inner = context.with_scope(scope);
        let mut collected = Collected::default();
        let depth = self.conditional.len();
        let result = self.clauses(&inner, comprehension, 0, &mut collected);
        self.conditional.truncate(depth);
        result?;
        // what stands for each item does not pass, so none does
        let passes_none = collected.filter.is_none()
            && collected.source.is_some()
            && collected.items.is_empty()
            && collected.entries.is_empty();
        if let Some(unknown) = collected.hidden.filter(|_| !passes_none) {
            // rows made of rows that are not known have the keys of the one that stands for them
            if let (ComprehensionKind::List, [Value::Dict(_)]) =
                (comprehension.kind, collected.items.as_slice())
            {
                let rows = Value::list(collected.items);
                self.mark_growth(&rows, unknown);
                return Ok(rows);
            }
            let element = collected.items.last();
            let gathered = match &collected.source {
                Some(source) if comprehension.value.is_none() => {
                    listing::gathered(source, collected.filter.as_ref(), element)
                }
                _ => None,
            };
            return Ok(Value::unknown(gathered.unwrap_or(unknown)));
        }
        let doubt = collected.doubt.take();
        let made = match comprehension.kind {
            ComprehensionKind::List => Value::list(collected.items),
            ComprehensionKind::Generator => builtins::iterators::iterator(collected.items),
            ComprehensionKind::Set => builtins::containers::set_of(self, collected.items)?,
            ComprehensionKind::Dict => builtins::containers::dict_of(collected.entries),
        };
        if let Some(unknown) = doubt {
            self.mark_growth(&made, unknown);
        }
        Ok(made)
    }

    fn clauses(
        &mut self,
        context: &Context<'_, H>,
        comprehension: &Comprehension,
        position: usize,
        collected: &mut Collected,
    ) -> Eval<()> {
        match comprehension.clauses.get(position) {
            None => {
                let element = self.expression(context, comprehension.element)?;
                if let Some(value) = comprehension.value {
                    let key = self.key_of(&element)?;
                    let value = self.expression(context, value)?;
                    collected.entries.insert(key, value);
                } else {
                    collected.items.push(element);
                }
                Ok(())
            }
            Some(Clause::If(condition)) => {
                let value = self.expression(context, *condition)?;
                match self.truth_of(&value)? {
                    Truth::Known(true) => {}
                    Truth::Known(false) => return Ok(()),
                    // which items pass is not known, so the whole is not
                    Truth::Unknown(unknown) => {
                        collected.filter = Some(unknown.clone());
                        collected.hidden = Some(unknown);
                    }
                }
                self.clauses(context, comprehension, position + 1, collected)
            }
            Some(Clause::For { target, iterable }) => {
                let iterable = self.expression(context, *iterable)?;
                let items = match self.iterate(&iterable)? {
                    Ok(items) => items,
                    Err(unknown) => {
                        let item = Value::unknown(listing::element(&unknown));
                        let depth = self.conditional.len();
                        self.push_conditional(&unknown);
                        collected.source = Some(unknown.clone());
                        collected.hidden = Some(unknown);
                        let result = self.assign(context, *target, item).and_then(|()| {
                            self.clauses(context, comprehension, position + 1, collected)
                        });
                        self.conditional.truncate(depth);
                        return result;
                    }
                };
                if items.len() > self.limits.turns as usize {
                    return Err(self.bound(Limit::LoopTurns));
                }
                let depth = self.conditional.len();
                if let Some(unknown) = self.may_be_empty(&iterable).cloned() {
                    self.push_conditional(&unknown);
                    collected.doubt = Some(unknown);
                }
                for item in items {
                    self.tick()?;
                    self.assign(context, *target, item)?;
                    self.clauses(context, comprehension, position + 1, collected)?;
                }
                self.conditional.truncate(depth);
                Ok(())
            }
        }
    }

    /// Calling something unknown: the arguments were evaluated, the rest is unknown.
    pub(crate) fn call_unknown(
        &mut self,
        unknown: &Unknown,
        arguments: &Arguments,
        dropped: bool,
    ) -> Eval<Value> {
        if let Some(value) = H::unknown_call(self, unknown, arguments)? {
            return Ok(value);
        }
        let values = || {
            let named = arguments.keyword.iter().map(|(_, value)| value);
            arguments.positional.iter().chain(named)
        };
        values().for_each(|value| self.may_fill(value, unknown));
        let touches = values().any(|value| builtins::touches_host(value, 0));
        if touches || dropped {
            let what = format!(
                "`{}` is not known, what calling it does is not analysed",
                unknown.what
            );
            H::gap(self, what);
        }
        let mut suffix = String::from("(");
        for (position, value) in arguments.positional.iter().enumerate() {
            if position > 0 {
                suffix.push_str(", ");
            }
            builtins::describe(value, &mut suffix);
        }
        suffix.push(')');
        let result = unknown.then(&suffix);
        let mut result = self.usual_call(unknown, arguments, result)?;
        if result.reason == Reason::Environment {
            let of_data = |value: &Value| matches!(value, Value::Unknown(given) if given.reason == Reason::Data);
            let mut texts = values().filter_map(Value::as_str);
            // given the database, or a name of what is in it, the answer depends on more than the environment
            if touches || texts.any(|text| H::names_thing(self, text)) {
                result.reason = Reason::Unsupported;
            // nor is it the same in all runs where it is made of rows
            } else if values().any(of_data) {
                result.reason = Reason::Data;
            }
        }
        Ok(Value::unknown(result))
    }
}

#[derive(Default)]
struct Collected {
    items: Vec<Value>,
    entries: IndexMap<Key, Value>,
    hidden: Option<Unknown>,
    /// What is iterated over, where it is not known.
    source: Option<Unknown>,
    /// The condition on which an item passes, where it is not known.
    filter: Option<Unknown>,
    /// Why it may have nothing.
    doubt: Option<Unknown>,
}
