//! Names that nothing binds, found without running anything.
//!
//! In: a module and a function of it. Out: names that the function reads although the module binds them nowhere (in no scope,
//! by no assignment, import, parameter or definition) and Python has none of that name: reading them raises `NameError`. A module
//! with `from x import *`, one that is broken, and one that makes names up (`globals()`) gives none.

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::syntax::{
    Block, Clause, ExpressionId, ExpressionKind, FunctionDefinition, Module, Pattern, Statement,
    StatementKind,
};
use crate::source::Span;

/// Names of Python's own, 3.8 to 3.14.
const BUILTINS: &[&str] = &[
    "ArithmeticError",
    "AssertionError",
    "AttributeError",
    "BaseException",
    "BaseExceptionGroup",
    "BlockingIOError",
    "BrokenPipeError",
    "BufferError",
    "BytesWarning",
    "ChildProcessError",
    "ConnectionAbortedError",
    "ConnectionError",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "DeprecationWarning",
    "EOFError",
    "Ellipsis",
    "EncodingWarning",
    "EnvironmentError",
    "Exception",
    "ExceptionGroup",
    "False",
    "FileExistsError",
    "FileNotFoundError",
    "FloatingPointError",
    "FutureWarning",
    "GeneratorExit",
    "IOError",
    "ImportError",
    "ImportWarning",
    "IndentationError",
    "IndexError",
    "InterruptedError",
    "IsADirectoryError",
    "KeyError",
    "KeyboardInterrupt",
    "LookupError",
    "MemoryError",
    "ModuleNotFoundError",
    "NameError",
    "None",
    "NotADirectoryError",
    "NotImplemented",
    "NotImplementedError",
    "OSError",
    "OverflowError",
    "PendingDeprecationWarning",
    "PermissionError",
    "ProcessLookupError",
    "PythonFinalizationError",
    "RecursionError",
    "ReferenceError",
    "ResourceWarning",
    "RuntimeError",
    "RuntimeWarning",
    "StopAsyncIteration",
    "StopIteration",
    "SyntaxError",
    "SyntaxWarning",
    "SystemError",
    "SystemExit",
    "TabError",
    "TimeoutError",
    "True",
    "TypeError",
    "UnboundLocalError",
    "UnicodeDecodeError",
    "UnicodeEncodeError",
    "UnicodeError",
    "UnicodeTranslateError",
    "UnicodeWarning",
    "UserWarning",
    "ValueError",
    "Warning",
    "WindowsError",
    "ZeroDivisionError",
    "_",
    "__annotations__",
    "__build_class__",
    "__builtins__",
    "__class__",
    "__debug__",
    "__dict__",
    "__doc__",
    "__file__",
    "__import__",
    "__loader__",
    "__module__",
    "__name__",
    "__package__",
    "__path__",
    "__qualname__",
    "__spec__",
    "abs",
    "aiter",
    "all",
    "anext",
    "any",
    "ascii",
    "bin",
    "bool",
    "breakpoint",
    "bytearray",
    "bytes",
    "callable",
    "chr",
    "classmethod",
    "compile",
    "complex",
    "copyright",
    "credits",
    "delattr",
    "dict",
    "dir",
    "divmod",
    "enumerate",
    "eval",
    "exec",
    "exit",
    "filter",
    "float",
    "format",
    "frozenset",
    "getattr",
    "globals",
    "hasattr",
    "hash",
    "help",
    "hex",
    "id",
    "input",
    "int",
    "isinstance",
    "issubclass",
    "iter",
    "len",
    "license",
    "list",
    "locals",
    "map",
    "max",
    "memoryview",
    "min",
    "next",
    "object",
    "oct",
    "open",
    "ord",
    "pow",
    "print",
    "property",
    "quit",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "setattr",
    "slice",
    "sorted",
    "staticmethod",
    "str",
    "sum",
    "super",
    "tuple",
    "type",
    "vars",
    "zip",
];

/// Calls by which a module may bind names that its text does not show.
const MAKERS: &[&str] = &["globals", "locals", "vars", "exec", "setattr"];

/// Names that a function reads and nothing binds, each once, where it is read first.
pub fn undefined(module: &Module, function: &FunctionDefinition) -> Vec<(SmolStr, Span)> {
    if module.is_broken() || function.broken {
        return Vec::new();
    }
    let reads = reads(module, function.span);
    // the common case: everything that is read is bound by the module's own statements
    let mut bound = Bound {
        module,
        names: FxHashSet::default(),
        star: false,
    };
    bound.module_names();
    if bound.star {
        return Vec::new();
    }
    let mut found: Vec<(SmolStr, Span)> = Vec::new();
    for (name, span) in reads {
        if bound.names.contains(&name)
            || BUILTINS.binary_search(&name.as_str()).is_ok()
            || found.iter().any(|(known, _)| *known == name)
        {
            continue;
        }
        found.push((name, span));
    }
    found
}

/// All names in a span, in the order of their places.
fn reads(module: &Module, span: Span) -> Vec<(SmolStr, Span)> {
    let mut reads: Vec<(SmolStr, Span)> = module
        .expressions
        .iter()
        .filter(|expression| expression.span.start >= span.start && expression.span.end <= span.end)
        .filter_map(|expression| match &expression.kind {
            ExpressionKind::Name(name) => Some((name.clone(), expression.span)),
            _ => None,
        })
        .collect();
    reads.sort_by_key(|(_, span)| *span);
    reads
}

/// All names that a module binds, whatever the scope.
struct Bound<'a> {
    module: &'a Module,
    names: FxHashSet<SmolStr>,
    star: bool,
}

impl Bound<'_> {
    fn module_names(&mut self) {
        let module = self.module;
        self.block(&module.body);
        for function in &module.functions {
            for parameter in &function.parameters {
                self.names.insert(parameter.name.clone());
            }
            self.names.extend(function.globals.iter().cloned());
            if let super::syntax::FunctionBody::Block(block) = &function.body {
                self.block(block);
            }
        }
        for expression in &module.expressions {
            match &expression.kind {
                ExpressionKind::Walrus { name, .. } => {
                    self.names.insert(name.clone());
                }
                ExpressionKind::Comprehension(comprehension) => {
                    for clause in &comprehension.clauses {
                        if let Clause::For { target, .. } = clause {
                            self.target(*target);
                        }
                    }
                }
                // names of other origin: whatever the text does not show may be there
                ExpressionKind::Name(name) if MAKERS.contains(&name.as_str()) => self.star = true,
                ExpressionKind::Hole => self.star = true,
                _ => {}
            }
        }
    }

    fn block(&mut self, block: &Block) {
        for statement in block {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::Assign { targets, .. } => {
                for target in targets {
                    self.target(*target);
                }
            }
            StatementKind::AugmentedAssign { target, .. }
            | StatementKind::AnnotatedAssign { target, .. } => self.target(*target),
            StatementKind::Function { function, .. } => {
                self.names
                    .insert(self.module.function(*function).name.clone());
            }
            StatementKind::Class(class) => {
                self.names.insert(class.name.clone());
                self.block(&class.body);
            }
            StatementKind::If {
                branches,
                otherwise,
            } => {
                for (_, body) in branches {
                    self.block(body);
                }
                self.block(otherwise);
            }
            StatementKind::For {
                target,
                body,
                otherwise,
                ..
            } => {
                self.target(*target);
                self.block(body);
                self.block(otherwise);
            }
            StatementKind::While {
                body, otherwise, ..
            } => {
                self.block(body);
                self.block(otherwise);
            }
            StatementKind::With { items, body } => {
                for item in items {
                    if let Some(target) = item.target {
                        self.target(target);
                    }
                }
                self.block(body);
            }
            StatementKind::Try {
                body,
                handlers,
                otherwise,
                finally,
            } => {
                for block in [body, otherwise, finally] {
                    self.block(block);
                }
                for handler in handlers {
                    self.names.extend(handler.name.clone());
                    self.block(&handler.body);
                }
            }
            StatementKind::Import(modules) => {
                for imported in modules {
                    let bound = imported.alias.clone().unwrap_or_else(|| {
                        let first = imported.module.split('.').next().unwrap_or_default();
                        SmolStr::new(first)
                    });
                    self.names.insert(bound);
                }
            }
            StatementKind::FromImport { names, star, .. } => {
                self.star |= *star;
                for imported in names {
                    let bound = imported.alias.as_ref().unwrap_or(&imported.name);
                    self.names.insert(bound.clone());
                }
            }
            StatementKind::Global(names) | StatementKind::Nonlocal(names) => {
                self.names.extend(names.iter().cloned());
            }
            StatementKind::Match { cases, .. } => {
                for case in cases {
                    self.pattern(&case.pattern);
                    self.block(&case.body);
                }
            }
            StatementKind::TypeAlias(name) => {
                self.names.insert(name.clone());
            }
            StatementKind::Hole => self.star = true,
            StatementKind::Expression(_)
            | StatementKind::Return(_)
            | StatementKind::Raise { .. }
            | StatementKind::Assert { .. }
            | StatementKind::Delete(_)
            | StatementKind::Pass
            | StatementKind::Break
            | StatementKind::Continue => {}
        }
    }

    fn pattern(&mut self, pattern: &Pattern) {
        match pattern {
            Pattern::Capture(name) => {
                self.names.insert(name.clone());
            }
            Pattern::Or(patterns) => patterns.iter().for_each(|inner| self.pattern(inner)),
            Pattern::As(inner, name) => {
                self.names.insert(name.clone());
                self.pattern(inner);
            }
            Pattern::Unsupported(names) => self.names.extend(names.iter().cloned()),
            Pattern::Wildcard | Pattern::Value(_) => {}
        }
    }

    fn target(&mut self, target: ExpressionId) {
        match &self.module.expression(target).kind {
            ExpressionKind::Name(name) => {
                self.names.insert(name.clone());
            }
            ExpressionKind::Tuple(items) | ExpressionKind::List(items) => {
                for item in items {
                    self.target(*item);
                }
            }
            ExpressionKind::Starred(inner) => self.target(*inner),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::syntax;
    use crate::source::FileId;

    fn names(text: &str) -> Vec<String> {
        let module = syntax::parse(FileId(0), text);
        let function = module.top_level_function("f").expect("a function f");
        undefined(&module, function)
            .into_iter()
            .map(|(name, _)| name.to_string())
            .collect()
    }

    #[test]
    fn the_list_is_sorted() {
        assert!(BUILTINS.is_sorted());
    }

    #[test]
    fn what_nothing_binds_is_found_once() {
        assert_eq!(
            names("def f():\n    x = a.b(c)\n    return a\n"),
            ["a", "c"]
        );
    }

    #[test]
    fn every_way_to_bind_counts() {
        let text = "import one.two, three as four\nfrom m import five as six, seven\n\
            def f(p, *args, q=1, **kw):\n    (a, [b, *c]) = p\n    d: int = q\n    for e, g in args:\n        pass\n\
            \x20   with kw as h, h as (i, j):\n        pass\n    try:\n        pass\n    except ValueError as k:\n        print(k)\n\
            \x20   global l\n    [m for m in a if (n := m)]\n    lambda o: o\n    def r(): pass\n    class S: pass\n\
            \x20   return (one, four, six, seven, b, c, d, e, g, h, i, j, l, n, r, S, late)\n\nlate = 1\n";
        assert!(names(text).is_empty(), "{:?}", names(text));
    }

    #[test]
    fn a_star_import_and_made_up_names_give_none() {
        assert!(names("from m import *\ndef f():\n    return a\n").is_empty());
        assert!(names("globals()['a'] = 1\ndef f():\n    return a\n").is_empty());
    }
}
