//! The one door between the interpreter and the world: what is not Python itself is asked of a [`Host`].
//!
//! Functions take the interpreter, which owns the host (`interpreter.host`), so that the host may call back into Python
//! (a `values_callable`, a decorated function).

use std::rc::Rc;

use smol_str::SmolStr;

use super::interpreter::{Grounds, Interpreter};
use super::value::{Class, HostRef, Value};
use crate::source::Site;
use crate::unknown::Unknown;

/// A Python exception on its way up, or the end of the run by a bound.
#[derive(Clone, Debug)]
pub struct Raise {
    /// The exception instance (or an unknown value, raised as is).
    pub exception: Value,
    /// A bound of foreshot's own was hit (steps, depth): no handler of the migration may catch it.
    pub bound: bool,
    /// A `raise` statement says so: the migration (or its helper) refuses, nothing went wrong by itself.
    pub explicit: bool,
}

/// Result of anything that may raise.
pub type Eval<T> = Result<T, Box<Raise>>;

/// Arguments of a call, evaluated.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    /// Positional ones, `*args` spread.
    pub positional: Vec<Value>,
    /// Keyword ones in order, `**kwargs` spread.
    pub keyword: Vec<(SmolStr, Value)>,
    /// Arguments came from an unknown `*args` or `**kwargs`: there may be more.
    pub incomplete: bool,
}

impl Arguments {
    /// The argument that stands at a position or has a name.
    pub fn get(&self, position: usize, name: &str) -> Option<&Value> {
        self.positional.get(position).or_else(|| self.named(name))
    }

    /// The keyword argument of a name.
    pub fn named(&self, name: &str) -> Option<&Value> {
        self.keyword
            .iter()
            .find(|(keyword, _)| keyword == name)
            .map(|(_, value)| value)
    }
}

/// A truth value that may be unknown.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Truth {
    Known(bool),
    Unknown(Unknown),
}

/// Infix operators that a host object may define (`table.c.x == 1`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum HostOperator {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Modulo,
    Power,
    And,
    Or,
    Xor,
    LeftShift,
    RightShift,
    MatrixMultiply,
}

/// The world, as the interpreter asks for it.
///
/// A default answer is given where most worlds have none.
pub trait Host: Sized {
    /// A module that is neither Python's own nor of the project (`alembic.op`, `sqlalchemy`); `None`: not modelled,
    /// its attributes are unknown.
    fn import(interpreter: &mut Interpreter<Self>, module: &str) -> Option<Value>;
    /// `object.name`; `Ok(None)`: no such attribute (AttributeError).
    fn attribute(
        interpreter: &mut Interpreter<Self>,
        object: &HostRef,
        name: &str,
    ) -> Eval<Option<Value>>;
    /// `object.name = value`.
    fn set_attribute(
        interpreter: &mut Interpreter<Self>,
        object: &HostRef,
        name: &str,
        value: Value,
    ) -> Eval<()>;
    /// `callee(arguments)`.
    fn call(
        interpreter: &mut Interpreter<Self>,
        callee: &HostRef,
        arguments: Arguments,
    ) -> Eval<Value>;
    /// `object[index]`.
    fn item(interpreter: &mut Interpreter<Self>, object: &HostRef, index: &Value) -> Eval<Value>;
    /// `object[index] = value`.
    fn set_item(
        interpreter: &mut Interpreter<Self>,
        object: &HostRef,
        index: &Value,
        value: Value,
    ) -> Eval<()>;
    /// `for x in object`: a list of values, or an unknown value.
    fn iterate(interpreter: &mut Interpreter<Self>, object: &HostRef) -> Eval<Value>;
    /// `item in object`.
    fn contains(interpreter: &mut Interpreter<Self>, object: &HostRef, item: &Value)
    -> Eval<Truth>;
    /// An operator of which at least one side is a host object; `None`: not defined.
    fn operator(
        interpreter: &mut Interpreter<Self>,
        operator: HostOperator,
        left: &Value,
        right: &Value,
    ) -> Eval<Option<Value>>;
    /// `-object`, `~object`: `"-"`, `"~"`; `None`: not defined.
    fn unary(
        interpreter: &mut Interpreter<Self>,
        operator: &str,
        object: &HostRef,
    ) -> Eval<Option<Value>>;
    /// `bool(object)`.
    fn truth(interpreter: &mut Interpreter<Self>, object: &HostRef) -> Eval<Truth>;
    /// `len(object)`; `None`: not known or not defined.
    fn length(interpreter: &mut Interpreter<Self>, object: &HostRef) -> Eval<Option<usize>>;
    /// Its size, where a `for` loop over it notices that it changes: a set.
    fn live_size(object: &HostRef) -> Option<usize> {
        let _ = object;
        None
    }
    /// `str(object)`; `None`: not known.
    fn string(interpreter: &mut Interpreter<Self>, object: &HostRef) -> Eval<Option<Rc<str>>>;
    /// `with object as x`.
    fn enter(interpreter: &mut Interpreter<Self>, object: &HostRef) -> Eval<Value>;
    /// The end of that `with`; true suppresses the exception.
    fn exit(
        interpreter: &mut Interpreter<Self>,
        object: &HostRef,
        raised: Option<&Raise>,
    ) -> Eval<bool>;
    /// `isinstance(value, class)` where `class` is a host object.
    fn is_instance(
        interpreter: &mut Interpreter<Self>,
        value: &Value,
        class: &HostRef,
    ) -> Eval<Truth>;
    /// A class of the project with a host base was defined (a declarative model, a custom type). `keywords` are those of
    /// the class statement.
    fn class_defined(
        interpreter: &mut Interpreter<Self>,
        class: &Rc<Class>,
        keywords: &[(SmolStr, Value)],
    ) -> Eval<()>;
    /// A class of the project with a host base is called; `None`: as any Python class.
    fn instantiate(
        interpreter: &mut Interpreter<Self>,
        class: &Rc<Class>,
        arguments: &Arguments,
    ) -> Eval<Option<Value>>;
    /// An attribute that neither an instance nor its class has, where the class has a host base.
    fn inherited(
        interpreter: &mut Interpreter<Self>,
        receiver: &Value,
        class: &Rc<Class>,
        name: &str,
    ) -> Eval<Option<Value>>;
    /// An attribute of a value that is not known, which is the same whatever the value is; `None`: as unknown as it.
    fn unknown_attribute(_: &mut Interpreter<Self>, _: &str) -> Option<Value> {
        None
    }
    /// The condition of an `if` was decided by questions to the host ([`Interpreter::asked`]): `taken` its branch or not;
    /// `skips` whether work is passed over for it. Gives the host's number of it, and which way to go on.
    fn guard(
        _: &mut Interpreter<Self>,
        _site: Site,
        taken: bool,
        _skips: bool,
        _grounds: Grounds,
    ) -> (u32, bool) {
        (0, taken)
    }

    /// Something unknown is called: the value, where the host knows more of it than that.
    fn unknown_call(_: &mut Interpreter<Self>, _: &Unknown, _: &Arguments) -> Eval<Option<Value>> {
        Ok(None)
    }
    /// Whether a text that something unknown is given names a thing of the host's world, so that the answer is about that.
    fn names_thing(_: &mut Interpreter<Self>, _: &str) -> bool {
        false
    }
    /// Whether a name is in one of the host's lists that are not all known ([`crate::unknown::Asked`]); `None`: not known either.
    fn has_member(_: &mut Interpreter<Self>, _listing: u32, _name: &str) -> Option<bool> {
        None
    }
    /// An unknown condition: which way this world goes.
    fn decide(interpreter: &mut Interpreter<Self>, unknown: &Unknown) -> bool;
    /// Something was met that is not modelled; the place is the interpreter's current site.
    fn gap(interpreter: &mut Interpreter<Self>, what: String);
}
