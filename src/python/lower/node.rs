//! What is asked of the nodes of tree-sitter's trees most: their kind and their fields. tree-sitter compares and measures
//! C strings for each; here a number is looked up.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;
use tree_sitter::{Language, Node};

struct Names {
    kinds: Vec<&'static str>,
    fields: FxHashMap<&'static str, u16>,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let language: &'static Language = Box::leak(Box::new(tree_sitter_python::LANGUAGE.into()));
    let kinds = (0..language.node_kind_count() as u16)
        .map(|id| language.node_kind_for_id(id).unwrap_or_default())
        .collect();
    // the numbers of fields begin with 1
    let fields = (1..=language.field_count() as u16)
        .filter_map(|id| Some((language.field_name_for_id(id)?, id)))
        .collect();
    Names { kinds, fields }
});

/// A node as the lowering asks.
pub(super) trait Asked<'tree> {
    /// Its kind, as the grammar calls it.
    fn kind_name(&self) -> &'tree str;
    /// Its child in a field of the grammar.
    fn field(&self, name: &str) -> Option<Node<'tree>>;
}

impl<'tree> Asked<'tree> for Node<'tree> {
    fn kind_name(&self) -> &'tree str {
        // an error's number is none of the language
        let known = NAMES.kinds.get(self.kind_id() as usize);
        known.copied().unwrap_or_else(|| self.kind())
    }

    fn field(&self, name: &str) -> Option<Node<'tree>> {
        self.child_by_field_id(*NAMES.fields.get(name)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_fields_are_those_of_the_grammar() {
        let mut parser = tree_sitter::Parser::new();
        parser
            .set_language(&tree_sitter_python::LANGUAGE.into())
            .expect("the language");
        let tree = parser.parse("def f(a): return a\n(", None).expect("a tree");
        let mut nodes = vec![tree.root_node()];
        while let Some(node) = nodes.pop() {
            assert_eq!(node.kind_name(), node.kind());
            for field in ["name", "body", "parameters", "nothing"] {
                assert_eq!(node.field(field), node.child_by_field_name(field));
            }
            nodes.extend(node.children(&mut node.walk()));
        }
    }
}
