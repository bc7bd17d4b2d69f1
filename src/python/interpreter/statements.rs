//! Statements.

use std::rc::Rc;

use smol_str::SmolStr;

use super::listing;
use super::{Context, Flow, Interpreter, UNKNOWN_TURNS};
use crate::limits::Limit;
use crate::python::builtins;
use crate::python::host::{Eval, Host, Raise, Truth};
use crate::python::syntax::{
    Case, ExpressionId, ExpressionKind, Handler, Pattern, Statement, StatementKind,
};
use crate::python::value::{Scope, Value};
use crate::unknown::{Reason, Unknown};

impl<H: Host> Interpreter<H> {
    pub(crate) fn block(&mut self, context: &Context<'_, H>, block: &[Statement]) -> Eval<Flow> {
        // an early return guards what follows it, up to the end of its block
        let guards = self.state.provenance.depth();
        let result = self.statements(context, block);
        self.state.provenance.leave(guards);
        result
    }

    fn statements(&mut self, context: &Context<'_, H>, block: &[Statement]) -> Eval<Flow> {
        for statement in block {
            match self.statement(context, statement)? {
                Flow::Normal => {}
                flow => return Ok(flow),
            }
        }
        Ok(Flow::Normal)
    }

    fn statement(&mut self, context: &Context<'_, H>, statement: &Statement) -> Eval<Flow> {
        self.enter()?;
        self.set_site(context.site(statement.header));
        let result = self.statement_inner(context, statement);
        self.leave();
        result
    }

    fn statement_inner(&mut self, context: &Context<'_, H>, statement: &Statement) -> Eval<Flow> {
        match &statement.kind {
            StatementKind::Expression(id) => self.expression_statement(context, *id)?,
            StatementKind::Assign { targets, value } => {
                let start = self.state.provenance.mark();
                let value = self.expression(context, *value)?;
                for target in targets {
                    self.assign(context, *target, value.clone())?;
                    self.note_origin(context, *target, start);
                }
            }
            StatementKind::AugmentedAssign {
                target,
                operator,
                value,
            } => self.augmented_assign(context, *target, *operator, *value)?,
            StatementKind::AnnotatedAssign {
                target,
                annotation,
                value,
            } => {
                if let Some(value) = value {
                    let start = self.state.provenance.mark();
                    let value = self.expression(context, *value)?;
                    self.assign(context, *target, value)?;
                    self.note_origin(context, *target, start);
                }
                if context.class_body {
                    self.record_annotation(context, *target, *annotation)?;
                }
            }
            StatementKind::Function {
                function,
                decorators,
            } => {
                let definition = context.module.function(*function);
                let mut value = self.make_function(context, *function)?;
                for decorator in decorators.iter().rev() {
                    let decorator = self.expression(context, *decorator)?;
                    value = self.decorate(&decorator, value)?;
                }
                self.bind(context, &definition.name, value);
            }
            StatementKind::Class(class) => {
                let value = self.define_class(context, class)?;
                self.bind(context, &class.name, value);
            }
            StatementKind::If {
                branches,
                otherwise,
            } => return self.if_statement(context, branches, otherwise),
            StatementKind::For {
                target,
                iterable,
                body,
                otherwise,
            } => {
                let iterable = self.expression(context, *iterable)?;
                return self.for_loop(context, statement, *target, &iterable, body, otherwise);
            }
            StatementKind::While {
                condition,
                body,
                otherwise,
            } => return self.while_loop(context, statement, *condition, body, otherwise),
            StatementKind::With { items, body } => {
                return self.with(context, statement, items, body);
            }
            StatementKind::Try {
                body,
                handlers,
                otherwise,
                finally,
            } => return self.try_statement(context, body, handlers, otherwise, finally),
            StatementKind::Return(value) => {
                let value = match value {
                    Some(value) => self.expression(context, *value)?,
                    None => Value::None,
                };
                return Ok(Flow::Return(value));
            }
            StatementKind::Raise { exception, cause } => {
                let Some(exception) = exception else {
                    return Err(self.raise_again());
                };
                let exception = self.expression(context, *exception)?;
                if let Some(cause) = cause {
                    self.expression(context, *cause)?;
                }
                return Err(self.raise_value(exception)?);
            }
            StatementKind::Assert { condition, message } => {
                if !self.assertion(context, *condition)? {
                    let message = match message {
                        Some(message) => {
                            let message = self.expression(context, *message)?;
                            self.string(&message)?
                        }
                        None => "".into(),
                    };
                    return Err(self.error("AssertionError", &message));
                }
            }
            StatementKind::Delete(targets) => {
                for target in targets {
                    self.delete(context, *target)?;
                }
            }
            StatementKind::Pass | StatementKind::Global(_) | StatementKind::Nonlocal(_) => {}
            StatementKind::Break => return Ok(Flow::Break),
            StatementKind::Continue => return Ok(Flow::Continue),
            StatementKind::Import(modules) => {
                for module in modules {
                    self.import_statement(context, module)?;
                }
            }
            StatementKind::FromImport {
                level,
                module,
                names,
                star,
            } => self.import_names(context, *level, module, names, *star)?,
            StatementKind::Match { subject, cases } => {
                return self.match_statement(context, *subject, cases);
            }
            StatementKind::TypeAlias(name) => {
                let value = self.unsupported("a type alias");
                self.bind(context, name, value);
            }
            StatementKind::Hole => {
                H::gap(self, "a statement that can't be read".to_owned());
            }
        }
        Ok(Flow::Normal)
    }

    /// A value that is dropped; where it came from an unknown callee, something may have happened.
    fn expression_statement(&mut self, context: &Context<'_, H>, id: ExpressionId) -> Eval<()> {
        let mut inner = id;
        while let ExpressionKind::Await(awaited) = context.module.expression(inner).kind {
            inner = awaited;
        }
        if let ExpressionKind::Call { callee, arguments } = &context.module.expression(inner).kind {
            self.call_expression(context, inner, *callee, arguments, true)?;
            return Ok(());
        }
        self.expression(context, id)?;
        Ok(())
    }

    /// An assertion about something unknown holds: who wrote it expects it to.
    fn assertion(&mut self, context: &Context<'_, H>, condition: ExpressionId) -> Eval<bool> {
        let value = self.expression(context, condition)?;
        match self.truth_of(&value)? {
            Truth::Known(truth) => Ok(truth),
            Truth::Unknown(_) => Ok(true),
        }
    }

    fn raise_again(&mut self) -> Box<Raise> {
        match self.state.handling.last() {
            Some(exception) => Box::new(Raise {
                exception: exception.clone(),
                bound: false,
                explicit: false,
            }),
            None => self.error("RuntimeError", "No active exception to reraise"),
        }
    }

    fn raise_value(&mut self, exception: Value) -> Eval<Box<Raise>> {
        let exception = match exception {
            Value::Class(_) | Value::Builtin(_) => {
                self.call_value(&exception, crate::python::Arguments::default())?
            }
            other => other,
        };
        Ok(Box::new(Raise {
            exception,
            bound: false,
            explicit: true,
        }))
    }

    fn for_loop(
        &mut self,
        context: &Context<'_, H>,
        statement: &Statement,
        target: ExpressionId,
        iterable: &Value,
        body: &[Statement],
        otherwise: &[Statement],
    ) -> Eval<Flow> {
        let items = match self.iterate(iterable)? {
            Ok(items) => items,
            Err(unknown) => {
                let item = Value::unknown(listing::element(&unknown));
                let depth = self.conditional.len();
                self.push_conditional(&unknown);
                self.state.found = None;
                let result = self
                    .assign(context, target, item)
                    .and_then(|()| self.block(context, body));
                self.conditional.truncate(depth);
                let asked = unknown.asked.as_deref().map(|asked| asked.listing);
                return match self.without_rows(&unknown, result, Flow::Normal)? {
                    // what was looked for is there, and the search ends with it
                    flow @ Flow::Return(_) if asked.is_some() && self.state.found == asked => {
                        Ok(flow)
                    }
                    // `return found` or what follows: which of them is not known
                    Flow::Return(value) if !value.is_none() => {
                        let returned = unknown.then("[...] that is returned");
                        Ok(Flow::Return(Value::unknown(returned)))
                    }
                    // whether the loop was left is as unknown as whether it was entered: what follows is executed
                    _ => {
                        self.set_site(context.site(statement.header));
                        self.block(context, otherwise)
                    }
                };
            }
        };
        if items.len() > self.limits.turns as usize {
            return Err(self.bound(Limit::LoopTurns));
        }
        let depth = self.conditional.len();
        let doubt = self.may_be_empty(iterable).cloned();
        if let Some(unknown) = &doubt {
            self.push_conditional(unknown);
        }
        let left = self.turns(context, statement, target, (iterable, items), body);
        self.conditional.truncate(depth);
        let left = match &doubt {
            Some(unknown) => self.without_rows(unknown, left, None)?,
            None => left?,
        };
        match (left, doubt) {
            (Some(Flow::Return(value)), Some(unknown)) if !value.is_none() => {
                let returned = unknown.then("[...] that is returned");
                return Ok(Flow::Return(Value::unknown(returned)));
            }
            (Some(flow), None) => return Ok(flow),
            (Some(_), Some(_)) | (None, _) => {}
        }
        self.set_site(context.site(statement.header));
        self.block(context, otherwise)
    }

    /// Where the body of a loop raises that executes only if there are rows, the run goes on as it does without any: that
    /// is certain to be a way through, and what the rows would lead to is said.
    fn without_rows<T>(&mut self, rows: &Unknown, result: Eval<T>, without: T) -> Eval<T> {
        let raise = match result {
            Err(raise) if !raise.bound && rows.reason == Reason::Data => raise,
            result => return result,
        };
        let class = match &raise.exception {
            Value::Instance(instance) => instance.class.name.to_string(),
            Value::Unknown(unknown) => unknown.what.to_string(),
            _ => "an exception".to_owned(),
        };
        let message = self.string(&raise.exception)?;
        let what = format!(
            "where there are {}, it ends with {class}: {}",
            rows.what,
            message.replace(crate::unknown::HOLE, "{?}")
        );
        H::gap(self, what);
        Ok(without)
    }

    /// The turns of a loop; how it was left, if not by its end.
    fn turns(
        &mut self,
        context: &Context<'_, H>,
        statement: &Statement,
        target: ExpressionId,
        (iterable, items): (&Value, Vec<Value>),
        body: &[Statement],
    ) -> Eval<Option<Flow>> {
        let size = live_size::<H>(iterable);
        for item in items {
            self.set_site(context.site(statement.header));
            self.assign(context, target, item)?;
            match self.block(context, body)? {
                Flow::Normal | Flow::Continue => {}
                Flow::Break => return Ok(Some(Flow::Normal)),
                flow @ Flow::Return(_) => return Ok(Some(flow)),
            }
            // Python looks when it asks for the next item, behind the last one too
            if live_size::<H>(iterable) != size {
                self.set_site(context.site(statement.header));
                let what = if matches!(iterable, Value::Dict(_)) {
                    "dictionary"
                } else {
                    "Set"
                };
                let message = format!("{what} changed size during iteration");
                return Err(self.error("RuntimeError", &message));
            }
        }
        Ok(None)
    }

    fn if_statement(
        &mut self,
        context: &Context<'_, H>,
        branches: &[(ExpressionId, Vec<Statement>)],
        otherwise: &[Statement],
    ) -> Eval<Flow> {
        let guards = self.state.provenance.depth();
        let mut escapes = false;
        for (position, (condition, body)) in branches.iter().enumerate() {
            let site = context.site(context.module.expression(*condition).span);
            self.set_site(site);
            let last = position + 1 == branches.len();
            let refuses = (ends_in_raise(body), last && ends_in_raise(otherwise));
            self.state.searching = ends_search(body);
            let taken = self.branch(context, *condition, refuses);
            self.state.searching = false;
            let taken = taken?;
            let leaves = ends_in_leaving(body);
            // what a branch with an alternative does not do is no skipped work
            let skips = taken == leaves && last && otherwise.is_empty();
            let taken = self.guard(site, taken, skips);
            if taken {
                let result = self.block(context, body);
                self.state.provenance.leave(guards);
                return result;
            }
            escapes |= leaves;
        }
        let result = self.block(context, otherwise);
        if !escapes {
            self.state.provenance.leave(guards);
        }
        result
    }

    /// Whether an `if` takes its branch. `refuses`: the branch, or what stands in its place, ends in `raise`. A migration
    /// that checks what can't be known and raises does nothing in that world, so the other one tells.
    fn branch(
        &mut self,
        context: &Context<'_, H>,
        condition: ExpressionId,
        refuses: (bool, bool),
    ) -> Eval<bool> {
        let presuming = self.state.presuming;
        self.state.presuming = presuming || refuses.0 != refuses.1;
        let asked = self.state.asked;
        let taken = self.condition(context, condition);
        self.state.presuming = presuming;
        let unknown = self.state.asked != asked;
        Ok(match (unknown, refuses) {
            (true, (true, false)) => {
                taken?;
                false
            }
            (true, (false, true)) => {
                taken?;
                true
            }
            _ => taken?,
        })
    }

    fn while_loop(
        &mut self,
        context: &Context<'_, H>,
        statement: &Statement,
        condition: ExpressionId,
        body: &[Statement],
        otherwise: &[Statement],
    ) -> Eval<Flow> {
        let endless = matches!(
            context.module.expression(condition).kind,
            ExpressionKind::Bool(true) | ExpressionKind::Int(_)
        );
        let mut turns = 0;
        let mut unknown_turns = 0;
        loop {
            self.set_site(context.site(statement.header));
            let value = self.expression(context, condition)?;
            let doubt = match self.truth_of(&value)? {
                Truth::Known(false) => break,
                Truth::Known(true) => None,
                Truth::Unknown(unknown) => {
                    // how often is not known: once stands for all
                    if turns > 0 || !self.decide(&unknown) {
                        break;
                    }
                    Some(unknown)
                }
            };
            turns += 1;
            if turns > self.limits.turns {
                return Err(self.bound(Limit::LoopTurns));
            }
            let depth = self.conditional.len();
            if let Some(doubt) = &doubt {
                self.push_conditional(doubt);
            }
            let asked = self.state.asked;
            let result = self.block(context, body);
            self.conditional.truncate(depth);
            match result? {
                Flow::Normal | Flow::Continue => {}
                Flow::Break => return Ok(Flow::Normal),
                flow @ Flow::Return(_) => return Ok(flow),
            }
            if doubt.is_some() {
                break;
            }
            if self.state.asked != asked {
                // `while True: rows = fetch(); if not rows: break`: the end hangs on what is not known, once stands for all
                unknown_turns += 1;
                if endless || unknown_turns == UNKNOWN_TURNS {
                    return Ok(Flow::Normal);
                }
            }
        }
        self.set_site(context.site(statement.header));
        self.block(context, otherwise)
    }

    fn try_statement(
        &mut self,
        context: &Context<'_, H>,
        body: &[Statement],
        handlers: &[Handler],
        otherwise: &[Statement],
        finally: &[Statement],
    ) -> Eval<Flow> {
        let depth = self.state.guards.len();
        let guard = self.enter_try(context, handlers);
        self.state.guards.push(guard);
        let tried = self.block(context, body);
        self.state.guards.truncate(depth);
        let result = match tried {
            Ok(Flow::Normal) => self.block(context, otherwise),
            Ok(flow) => Ok(flow),
            Err(raised) if raised.bound => return Err(raised),
            Err(raised) => self.handle(context, raised, handlers),
        };
        if let Err(raised) = &result
            && raised.bound
        {
            return result;
        }
        match self.block(context, finally)? {
            Flow::Normal => result,
            flow => Ok(flow),
        }
    }

    fn handle(
        &mut self,
        context: &Context<'_, H>,
        raised: Box<Raise>,
        handlers: &[Handler],
    ) -> Eval<Flow> {
        for handler in handlers {
            let matches = match handler.class {
                None => true,
                Some(class) => {
                    let class = self.expression(context, class)?;
                    self.catches(&raised.exception, &class)?
                }
            };
            if !matches {
                continue;
            }
            if let Some(name) = &handler.name {
                self.bind(context, name, raised.exception.clone());
            }
            let depth = self.state.handling.len();
            self.state.handling.push(raised.exception.clone());
            let result = self.block(context, &handler.body);
            self.state.handling.truncate(depth);
            return result;
        }
        Err(raised)
    }

    /// Whether `except class` catches an exception.
    pub(crate) fn catches(&mut self, exception: &Value, class: &Value) -> Eval<bool> {
        if let Value::Tuple(classes) = class {
            for class in classes.iter() {
                if self.catches(exception, class)? {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        let truth = match (exception, class) {
            (Value::Unknown(_), Value::Class(class))
                if matches!(class.name.as_str(), "Exception" | "BaseException") =>
            {
                Truth::Known(true)
            }
            _ => self.is_instance(exception, class)?,
        };
        Ok(match truth {
            Truth::Known(truth) => truth,
            Truth::Unknown(unknown) => self.decide(&unknown),
        })
    }

    fn match_statement(
        &mut self,
        context: &Context<'_, H>,
        subject: ExpressionId,
        cases: &[Case],
    ) -> Eval<Flow> {
        let subject = self.expression(context, subject)?;
        for case in cases {
            let matched = match self.matches(context, &subject, &case.pattern)? {
                Some(matched) => matched,
                None => {
                    let unknown = self.unknown_at(Reason::Unsupported, "a pattern of match");
                    self.decide(&unknown)
                }
            };
            if !matched {
                continue;
            }
            if let Some(guard) = case.guard
                && !self.condition(context, guard)?
            {
                continue;
            }
            return self.block(context, &case.body);
        }
        Ok(Flow::Normal)
    }

    /// Whether a value matches a pattern; `None`: not known.
    fn matches(
        &mut self,
        context: &Context<'_, H>,
        value: &Value,
        pattern: &Pattern,
    ) -> Eval<Option<bool>> {
        Ok(match pattern {
            Pattern::Wildcard => Some(true),
            Pattern::Capture(name) => {
                self.bind(context, name, value.clone());
                Some(true)
            }
            Pattern::Value(id) => {
                let expected = self.expression(context, *id)?;
                self.equal(value, &expected)
            }
            Pattern::Or(patterns) => {
                let mut known = true;
                for pattern in patterns {
                    match self.matches(context, value, pattern)? {
                        Some(true) => return Ok(Some(true)),
                        Some(false) => {}
                        None => known = false,
                    }
                }
                known.then_some(false)
            }
            Pattern::As(pattern, name) => {
                let matched = self.matches(context, value, pattern)?;
                self.bind(context, name, value.clone());
                matched
            }
            Pattern::Unsupported(names) => {
                for name in names {
                    let part = self.unsupported("a part of a match");
                    self.bind(context, name, part);
                }
                None
            }
        })
    }

    /// Binds a name as an assignment in this context does.
    pub(crate) fn bind(&mut self, context: &Context<'_, H>, name: &SmolStr, value: Value) {
        let scope = Self::binding_scope(context, name);
        scope.names.borrow_mut().insert(name.clone(), value);
    }

    fn binding_scope(context: &Context<'_, H>, name: &SmolStr) -> Rc<Scope> {
        let Some(definition) = context.definition else {
            return context.scope.clone();
        };
        if definition.globals.contains(name) {
            return context.globals.clone();
        }
        if definition.nonlocals.contains(name) {
            let mut scope = context.home.parent.clone();
            while let Some(candidate) = scope {
                if candidate.names.borrow().contains_key(name) {
                    return candidate;
                }
                scope = candidate.parent.clone();
            }
        }
        context.scope.clone()
    }

    /// Assigns to a name, attribute, item, or several.
    pub(crate) fn assign(
        &mut self,
        context: &Context<'_, H>,
        target: ExpressionId,
        value: Value,
    ) -> Eval<()> {
        match &context.module.expression(target).kind {
            ExpressionKind::Name(name) => self.bind(context, name, value),
            ExpressionKind::Attribute {
                value: object,
                name,
            } => {
                let object = self.expression(context, *object)?;
                self.set_attribute(&object, name, value)?;
            }
            ExpressionKind::Subscript {
                value: object,
                index,
            } => {
                let object = self.expression(context, *object)?;
                let index = self.expression(context, *index)?;
                self.set_item(&object, &index, value)?;
            }
            ExpressionKind::Tuple(targets) | ExpressionKind::List(targets) => {
                self.enter()?;
                let result = self.unpack(context, targets, &value);
                self.leave();
                result?;
            }
            ExpressionKind::Starred(inner) => {
                let value = match self.iterate(&value)? {
                    Ok(items) => Value::list(items),
                    Err(unknown) => Value::unknown(unknown),
                };
                self.assign(context, *inner, value)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn unpack(
        &mut self,
        context: &Context<'_, H>,
        targets: &[ExpressionId],
        value: &Value,
    ) -> Eval<()> {
        let items = match self.iterate(value)? {
            Ok(items) => items,
            Err(unknown) => {
                for (position, target) in targets.iter().enumerate() {
                    let item = Value::unknown(unknown.then(&format!("[{position}]")));
                    match context.module.expression(*target).kind {
                        ExpressionKind::Starred(inner) => self.assign(context, inner, item)?,
                        _ => self.assign(context, *target, item)?,
                    }
                }
                return Ok(());
            }
        };
        let star = targets.iter().position(|target| {
            matches!(
                context.module.expression(*target).kind,
                ExpressionKind::Starred(_)
            )
        });
        let Some(star) = star else {
            if items.len() != targets.len() {
                return Err(self.error(
                    "ValueError",
                    &if items.len() > targets.len() {
                        format!("too many values to unpack (expected {})", targets.len())
                    } else {
                        format!(
                            "not enough values to unpack (expected {}, got {})",
                            targets.len(),
                            items.len()
                        )
                    },
                ));
            }
            for (target, item) in targets.iter().zip(items) {
                self.assign(context, *target, item)?;
            }
            return Ok(());
        };
        let behind = targets.len() - star - 1;
        if items.len() < star + behind {
            return Err(self.error("ValueError", "not enough values to unpack"));
        }
        let middle_end = items.len() - behind;
        for (target, item) in targets[..star].iter().zip(&items[..star]) {
            self.assign(context, *target, item.clone())?;
        }
        self.assign(
            context,
            targets[star],
            Value::list(items[star..middle_end].to_vec()),
        )?;
        for (target, item) in targets[star + 1..].iter().zip(&items[middle_end..]) {
            self.assign(context, *target, item.clone())?;
        }
        Ok(())
    }

    fn augmented_assign(
        &mut self,
        context: &Context<'_, H>,
        target: ExpressionId,
        operator: crate::python::syntax::BinaryOperator,
        value: ExpressionId,
    ) -> Eval<()> {
        let current = self.expression(context, target)?;
        let operand = self.expression(context, value)?;
        let result = if builtins::containers::augment(self, &current, operator, &operand)? {
            current
        } else {
            self.binary(operator, &current, &operand)?
        };
        self.assign(context, target, result)
    }

    fn delete(&mut self, context: &Context<'_, H>, target: ExpressionId) -> Eval<()> {
        match &context.module.expression(target).kind {
            ExpressionKind::Name(name) => {
                let scope = Self::binding_scope(context, name);
                let removed = scope.names.borrow_mut().shift_remove(name);
                drop(removed);
            }
            ExpressionKind::Attribute { value, name } => {
                let object = self.expression(context, *value)?;
                if let Value::Instance(instance) = &object {
                    instance.attributes.borrow_mut().shift_remove(name);
                }
            }
            ExpressionKind::Subscript { value, index } => {
                let object = self.expression(context, *value)?;
                let index = self.expression(context, *index)?;
                builtins::containers::delete_item(self, &object, &index)?;
            }
            ExpressionKind::Tuple(targets) | ExpressionKind::List(targets) => {
                self.enter()?;
                let result = targets
                    .iter()
                    .try_for_each(|target| self.delete(context, *target));
                self.leave();
                result?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Whether a block ends in `raise`.
fn ends_in_raise(body: &[Statement]) -> bool {
    matches!(
        body.last().map(|statement| &statement.kind),
        Some(StatementKind::Raise { .. })
    )
}

/// Whether a block ends by leaving what is around it.
/// Whether a loop ends with the item for which these statements are: `if column["name"] == "x": return True`.
fn ends_search(body: &[Statement]) -> bool {
    let last = body.last().map(|statement| &statement.kind);
    matches!(last, Some(StatementKind::Return(_) | StatementKind::Break))
}

fn ends_in_leaving(body: &[Statement]) -> bool {
    matches!(
        body.last().map(|statement| &statement.kind),
        Some(
            StatementKind::Return(_)
                | StatementKind::Continue
                | StatementKind::Break
                | StatementKind::Raise { .. }
        )
    )
}

/// The size of a collection that may not change while a loop goes over it.
fn live_size<H: Host>(iterable: &Value) -> Option<usize> {
    match iterable {
        Value::Dict(items) | Value::Set(items) => Some(items.borrow().len()),
        Value::Host(host) => H::live_size(host),
        _ => None,
    }
}
