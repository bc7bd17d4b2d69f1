//! What a project adds to Alembic or puts in its place: registered operations, implementations, wrapped operations.

use std::any::Any;
use std::ops::Bound::{Included, Unbounded};
use std::rc::Rc;

use smol_str::SmolStr;

use super::operation;
use crate::alembic::arguments::name_of;
use crate::alembic::environment::{DriverCall, Environment};
use crate::alembic::object::{self, Interp, Object};
use crate::alembic::{bridge, context};
use crate::postgres::Statement;
use crate::python::{Arguments, Eval, HostRef, Raise, Value};
use crate::trace::Origin;

/// Key under which a run remembers what a project put in place of an attribute.
pub fn replacement_key(owner: &str, name: &str) -> String {
    format!("{REPLACED}{owner}.{name}")
}

const REPLACED: &str = "replaced ";

/// What a project put in place of an attribute: nearly always nothing, which costs no key.
pub fn replacement(interp: &Interp, owner: &str, name: &str) -> Option<Value> {
    let memo = &interp.host.memo;
    let (first, _) = memo
        .range::<str, _>((Included(REPLACED), Unbounded))
        .next()?;
    first
        .starts_with(REPLACED)
        .then(|| memo.get(&replacement_key(owner, name)).cloned())?
}

/// What a project put in place of `op.<name>`, or registered under it.
pub fn replaced(interp: &mut Interp, name: &str) -> Option<Value> {
    if let Some(value) = replacement(interp, "alembic.op", name) {
        return Some(value);
    }
    if let Some(function) = replacement(interp, "Operations", name) {
        return Some(object::value(Bound {
            function,
            receiver: instance(),
        }));
    }
    let registered = interp
        .host
        .memo
        .get(&format!("registered operation {name}"))?
        .clone();
    let Value::Tuple(parts) = &registered else {
        return None;
    };
    let (class, method) = (parts.first()?.clone(), parts.get(1)?.as_str()?.to_owned());
    Some(object::value(Registered {
        class,
        method: SmolStr::new(method),
        receiver: instance(),
    }))
}

/// What a project put in place of a batch's method.
pub fn replaced_in_batch(interp: &mut Interp, batch: &HostRef, name: &str) -> Option<Value> {
    let function = replacement(interp, "BatchOperations", name)?;
    Some(object::value(Bound {
        function,
        receiver: Value::Host(batch.clone()),
    }))
}

/// Notes that an operation is not known. It may have changed anything, so that nothing is certain to be missing behind it,
/// and what its arguments name it may have made anew.
pub fn unknown(interp: &mut Interp, name: &str, arguments: &Arguments) -> Value {
    let what = format!("the operation op.{name} is not known");
    <Environment as crate::python::Host>::gap(interp, what);
    let mut texts = Vec::new();
    let named = arguments.keyword.iter().map(|(_, value)| value);
    for value in arguments.positional.iter().chain(named) {
        collect_texts(value, &mut texts, 0);
    }
    let session = &mut interp.host.session;
    session.note_unread();
    for text in texts {
        session.catalog.open_named(&text);
    }
    super::super::arguments::unsupported(interp, &format!("op.{name}()"))
}

/// The plain texts of a value, as deep as arguments go.
fn collect_texts(value: &Value, into: &mut Vec<SmolStr>, depth: usize) {
    const DEEPEST: usize = 4;
    match value {
        Value::Str(text) => into.push(SmolStr::new(&*text.text)),
        Value::List(items) if depth < DEEPEST => {
            let items = items.borrow();
            items
                .iter()
                .for_each(|item| collect_texts(item, into, depth + 1));
        }
        Value::Tuple(items) if depth < DEEPEST => {
            items
                .iter()
                .for_each(|item| collect_texts(item, into, depth + 1));
        }
        _ => {}
    }
}

/// A function that gets a receiver as its first argument.
#[derive(Debug)]
struct Bound {
    function: Value,
    receiver: Value,
}

impl Object for Bound {
    fn type_name(&self) -> &'static str {
        "method"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn call(&self, interp: &mut Interp, _: &HostRef, mut arguments: Arguments) -> Eval<Value> {
        arguments.positional.insert(0, self.receiver.clone());
        interp.call(&self.function, arguments)
    }
}

/// An operation that a project registered: a class method that gets the operations.
#[derive(Debug)]
struct Registered {
    class: Value,
    method: SmolStr,
    receiver: Value,
}

impl Object for Registered {
    fn type_name(&self) -> &'static str {
        "function"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn call(&self, interp: &mut Interp, _: &HostRef, mut arguments: Arguments) -> Eval<Value> {
        let function = interp.attribute(&self.class, &self.method)?;
        arguments.positional.insert(0, self.receiver.clone());
        interp.call(&function, arguments)
    }
}

/// `@Operations.register_operation("name", sourcename=None)`.
pub fn register_operation(interp: &mut Interp, arguments: Arguments) -> Eval<Value> {
    let name = match arguments.get(0, "name").cloned() {
        Some(name) => name_of(interp, &name)?.unwrap_or_default(),
        None => SmolStr::default(),
    };
    let method = match arguments.get(1, "sourcename").cloned() {
        Some(source) => name_of(interp, &source)?.unwrap_or_else(|| name.clone()),
        None => name.clone(),
    };
    Ok(object::value(Register {
        key: format!("registered operation {name}"),
        method: Some(method),
    }))
}

/// `@Operations.implementation_for(Class)`.
pub fn implementation_for(interp: &mut Interp, arguments: Arguments) -> Eval<Value> {
    let key = match arguments.get(0, "op_cls") {
        Some(class) => implementation_key(class),
        None => return Ok(crate::alembic::arguments::unsupported(interp, "class")),
    };
    Ok(object::value(Register { key, method: None }))
}

fn implementation_key(class: &Value) -> String {
    match class {
        Value::Class(class) => format!("implementation {:p}", Rc::as_ptr(class)),
        Value::Host(host) => format!("implementation of {}", host.0.type_name()),
        _ => "implementation of something unknown".to_owned(),
    }
}

/// A decorator that remembers what it decorates.
#[derive(Debug)]
struct Register {
    key: String,
    method: Option<SmolStr>,
}

impl Object for Register {
    fn type_name(&self) -> &'static str {
        "function"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn call(&self, interp: &mut Interp, _: &HostRef, arguments: Arguments) -> Eval<Value> {
        let decorated = arguments.positional.first().cloned().unwrap_or(Value::None);
        let remembered = match &self.method {
            Some(method) => Value::tuple(vec![decorated.clone(), Value::str(method.as_str())]),
            None => decorated.clone(),
        };
        interp.host.memo.insert(self.key.clone(), remembered);
        Ok(decorated)
    }
}

/// `operations.invoke(operation)`: the implementation that a project registered for the operation's class.
pub fn invoke(interp: &mut Interp, arguments: &Arguments) -> Eval<Value> {
    let Some(operation) = arguments.positional.first().cloned() else {
        return Ok(Value::None);
    };
    let implementation = match &operation {
        Value::Instance(instance) => {
            let mut classes = vec![Value::Class(instance.class.clone())];
            classes.extend(instance.class.bases.iter().cloned());
            classes
                .iter()
                .find_map(|class| interp.host.memo.get(&implementation_key(class)).cloned())
        }
        _ => None,
    };
    let Some(implementation) = implementation else {
        if !matches!(operation, Value::Instance(_)) {
            // one of Alembic's own as an object: what it is about can't be told from its arguments
            let statement = Statement::Unreadable {
                why: "an operation as an object".into(),
                data: false,
            };
            Environment::execute(interp, DriverCall::new(Origin::Construct, statement))?;
        }
        return Ok(unknown(interp, "invoke", arguments));
    };
    let call = Arguments {
        positional: vec![instance(), operation],
        ..Arguments::default()
    };
    interp.call(&implementation, call)
}

/// The class `Operations`.
pub fn operations_class(_: &mut Interp) -> Value {
    object::value(OperationsClass("Operations"))
}

/// The class `BatchOperations`.
pub fn batch_class() -> Value {
    object::value(OperationsClass("BatchOperations"))
}

/// `MigrateOperation`, the base class of a project's own operations.
pub fn migrate_operation() -> Value {
    object::value(MigrateOperation)
}

/// `Operations(context)`: the operations as an object.
pub fn instance() -> Value {
    object::value(OperationsObject)
}

#[derive(Debug)]
struct MigrateOperation;

impl Object for MigrateOperation {
    fn type_name(&self) -> &'static str {
        "MigrateOperation"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[derive(Debug)]
struct OperationsClass(&'static str);

impl Object for OperationsClass {
    fn type_name(&self) -> &'static str {
        self.0
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(&self, interp: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        if let Some(value) = replacement(interp, self.0, name) {
            return Ok(Some(value));
        }
        Ok(match name {
            "register_operation" => {
                Some(object::function("register_operation", register_operation))
            }
            "implementation_for" => {
                Some(object::function("implementation_for", implementation_for))
            }
            "context" => Some(object::function("context", |_, _| Ok(instance()))),
            "__name__" => Some(Value::str(self.0)),
            // the plain function: it gets its receiver first
            _ => Some(object::value(Unbound(SmolStr::new(name)))),
        })
    }
    fn set_attribute(
        &self,
        interp: &mut Interp,
        _: &HostRef,
        name: &str,
        value: Value,
    ) -> Eval<()> {
        interp
            .host
            .memo
            .insert(replacement_key(self.0, name), value);
        Ok(())
    }
    fn call(&self, _: &mut Interp, _: &HostRef, _: Arguments) -> Eval<Value> {
        Ok(instance())
    }
}

/// `Operations.add_column`: a function whose first argument is the operations or the batch.
#[derive(Debug)]
struct Unbound(SmolStr);

impl Object for Unbound {
    fn type_name(&self) -> &'static str {
        "function"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok((name == "__name__").then(|| Value::str(self.0.as_str())))
    }
    fn call(&self, interp: &mut Interp, _: &HostRef, mut arguments: Arguments) -> Eval<Value> {
        let receiver = if arguments.positional.is_empty() {
            None
        } else {
            Some(arguments.positional.remove(0))
        };
        if let Some(Value::Host(host)) = &receiver
            && let Some(batch) = object::downcast::<super::batch::Batch>(host)
        {
            return batch.invoke(interp, host, &self.0, arguments);
        }
        let original = match super::find(&self.0) {
            Some(definition) => return super::call(interp, definition, arguments, None),
            None => operation(interp, &self.0),
        };
        interp.call(&original, arguments)
    }
}

#[derive(Debug)]
struct OperationsObject;

impl Object for OperationsObject {
    fn type_name(&self) -> &'static str {
        "Operations"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(&self, interp: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(match name {
            "migration_context" => Some(context::migration_context(interp)),
            "impl" => {
                let context = context::migration_context(interp);
                Some(interp.attribute(&context, "impl")?)
            }
            "get_bind" => Some(object::function("get_bind", |interp, _| {
                Ok(bridge::bind(interp))
            })),
            _ if name.starts_with("__") => None,
            _ => Some(operation(interp, name)),
        })
    }
    fn enter(&self, _: &mut Interp, this: &HostRef) -> Eval<Value> {
        Ok(Value::Host(this.clone()))
    }
    fn exit(&self, _: &mut Interp, _: &HostRef, _: Option<&Raise>) -> Eval<bool> {
        Ok(false)
    }
}
