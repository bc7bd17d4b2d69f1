//! How a module uses a name that it imports: static, from its expressions. The scopes of names are not told apart.

use std::collections::BTreeSet;

use smol_str::SmolStr;

use crate::python::syntax::{ExpressionId, ExpressionKind, Module};

/// The uses of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Uses {
    /// Its attributes that are read, each once.
    pub(super) attributes: BTreeSet<SmolStr>,
    /// It is also used as it is: called, handed on, iterated over.
    pub(super) bare: bool,
}

impl Uses {
    /// The uses of a name, or of a module by its dotted name.
    pub(super) fn of(module: &Module, bound: &str) -> Self {
        let mut uses = Self::default();
        let mut owners = BTreeSet::new();
        let ids = || (0_u32..).map(ExpressionId).zip(&module.expressions);
        for (_, expression) in ids() {
            if let ExpressionKind::Attribute { value, name } = &expression.kind
                && is_dotted(module, *value, bound)
            {
                uses.attributes.insert(name.clone());
                owners.insert(value.0);
            }
        }
        uses.bare = ids().any(|(id, _)| !owners.contains(&id.0) && is_dotted(module, id, bound));
        uses
    }

    /// Nothing uses it.
    pub(super) fn is_none(&self) -> bool {
        !self.bare && self.attributes.is_empty()
    }

    /// Only the attributes are used, and only such as a condition lets pass.
    pub(super) fn only(&self, passes: impl Fn(&str) -> bool) -> bool {
        !self.bare && !self.attributes.is_empty() && self.attributes.iter().all(|name| passes(name))
    }
}

/// Whether an expression is a name, dotted or not.
fn is_dotted(module: &Module, id: ExpressionId, wanted: &str) -> bool {
    match (&module.expression(id).kind, wanted.rsplit_once('.')) {
        (ExpressionKind::Name(name), None) => name == wanted,
        (ExpressionKind::Attribute { value, name }, Some((owner, last))) => {
            name == last && is_dotted(module, *value, owner)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::syntax;
    use crate::source::FileId;

    #[test]
    fn attributes_and_bare_uses_are_told_apart() {
        let module = syntax::parse(
            FileId(0),
            "import app.db\nfrom app import Status, User\nx = app.db.Json()\ny = Status.new.value\nz = list(Status)\nt = User.__tablename__\n",
        );
        let of = |name: &str| Uses::of(&module, name);
        assert!(of("app.db").only(|name| name == "Json"));
        assert!(of("Status").bare && of("Status").attributes.contains("new"));
        assert!(of("User").only(|name| name.starts_with("__")));
        assert!(of("Other").is_none());
    }
}
