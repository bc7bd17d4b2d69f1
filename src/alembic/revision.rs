//! A revision's identifiers, read without running it: `revision`, `down_revision`, `branch_labels`, `depends_on`.

use smol_str::SmolStr;

use crate::python::Function;
use crate::python::syntax::{ConstantKind, FunctionDefinition, Module, ParameterKind};
use crate::source::Span;

/// An identifier and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier {
    /// The identifier.
    pub text: SmolStr,
    /// Where the literal stands.
    pub span: Span,
}

/// What Alembic reads of a revision file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifiers {
    /// `revision`.
    pub revision: Identifier,
    /// `down_revision`: none for a base, several for a merge.
    pub down_revisions: Vec<Identifier>,
    /// `branch_labels`.
    pub branch_labels: Vec<Identifier>,
    /// `depends_on`.
    pub depends_on: Vec<Identifier>,
    /// A name whose value is not written as a literal, so that the graph is not known here.
    pub unreadable: Option<Span>,
}

/// The identifiers of a module; `None`: it assigns no `revision`, so Alembic does not take it for one.
pub fn identifiers(module: &Module) -> Option<Identifiers> {
    let constant = module.constant("revision")?;
    let ConstantKind::Str(text) = &constant.kind else {
        return None;
    };
    let mut unreadable = None;
    let mut all = |name: &str| -> Vec<Identifier> {
        let Some(constant) = module.constant(name) else {
            return Vec::new();
        };
        match constant.strings() {
            Some(strings) => strings
                .into_iter()
                .map(|(text, span)| Identifier { text, span })
                .collect(),
            None => {
                unreadable.get_or_insert(constant.span);
                Vec::new()
            }
        }
    };
    Some(Identifiers {
        revision: Identifier {
            text: text.clone(),
            span: constant.span,
        },
        down_revisions: all("down_revision"),
        branch_labels: all("branch_labels"),
        depends_on: all("depends_on"),
        unreadable,
    })
}

/// Whether a function must be given one argument, as the functions of Alembic's multidb template.
pub fn takes_argument(function: &Function) -> bool {
    let index = function.definition.0 as usize;
    function
        .syntax
        .functions
        .get(index)
        .is_some_and(requires_one)
}

fn requires_one(definition: &FunctionDefinition) -> bool {
    let required = definition
        .parameters
        .iter()
        .filter(|parameter| {
            parameter.default.is_none()
                && matches!(
                    parameter.kind,
                    ParameterKind::Normal | ParameterKind::PositionalOnly
                )
        })
        .count();
    required == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::syntax;
    use crate::source::FileId;

    fn read(text: &str) -> Option<Identifiers> {
        identifiers(&syntax::parse(FileId(0), text))
    }

    #[test]
    fn a_revision_says_where_it_stands() {
        let found = read("revision = 'b'\ndown_revision: str | None = 'a'\nbranch_labels = None\n")
            .expect("a revision");
        assert_eq!(found.revision.text, "b");
        assert_eq!(found.revision.span, Span::new(11, 14));
        assert_eq!(found.down_revisions[0].text, "a");
        assert!(found.branch_labels.is_empty());
        assert_eq!(found.unreadable, None);
    }

    #[test]
    fn a_merge_has_several_parents() {
        let found =
            read("revision = 'm'\ndown_revision = ('a', 'b')\ndepends_on = ['x']").expect("read");
        let texts: Vec<&str> = found
            .down_revisions
            .iter()
            .map(|parent| parent.text.as_str())
            .collect();
        assert_eq!(texts, ["a", "b"]);
        assert_eq!(found.depends_on[0].text, "x");
    }

    #[test]
    fn what_must_be_executed_is_said() {
        assert_eq!(read("x = 1"), None);
        let found = read("revision = 'a'\ndown_revision = before()").expect("read");
        assert_eq!(found.unreadable, Some(Span::new(31, 39)));
    }
}
