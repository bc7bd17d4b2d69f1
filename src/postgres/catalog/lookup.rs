//! Finding things by name, and lists of them in the order in which a catalog query gives them.
//!
//! Lookups see objects of every [`Presence`]; the caller decides what a doubtful one means to it.

use std::sync::Arc;

use smol_str::SmolStr;

use super::{
    Catalog, Function, NextNumber, Presence, QualifiedName, Relation, RelationKind, Type, TypeKind,
};
use crate::postgres::Name;

/// The schema of temporary objects, searched before all others.
pub const TEMPORARY_SCHEMA: &str = "pg_temp";

impl Catalog {
    /// Whether there may be more than the statements that were read have made: tables are assumed, or one was not read.
    pub fn has_more(&self) -> bool {
        self.unread || self.relations.has_assumed()
    }

    /// The number that a sequence gives next, where that is known.
    pub fn next_number(&self, sequence: &QualifiedName) -> Option<i64> {
        let next = self.relations.get(sequence)?.next_value?;
        (next.noted == self.numbers_lost).then_some(next.number)
    }

    /// Notes the next number of a sequence that is there.
    pub fn set_next_number(&mut self, sequence: &QualifiedName, number: Option<i64>) {
        let noted = self.numbers_lost;
        let next = number.map(|number| NextNumber { number, noted });
        let is_other = |relation: &Arc<Relation>| {
            relation.kind == RelationKind::Sequence && relation.next_value != next
        };
        if self.relations.get(sequence).is_some_and(is_other)
            && let Some(relation) = self.relation_mut(sequence)
        {
            relation.next_value = next;
        }
    }

    /// The sequences that columns of a table own, each with its column.
    pub fn owned_sequences<'a>(
        &'a self,
        table: &'a QualifiedName,
    ) -> impl Iterator<Item = (&'a SmolStr, &'a Arc<Relation>)> {
        self.relations
            .mentioning(table)
            .filter_map(move |relation| {
                let (owner, column) = relation.owned_by.as_deref()?;
                (owner == table).then_some((column, relation))
            })
    }

    /// The sequence that a column owns.
    pub fn owned_sequence<'a>(
        &'a self,
        table: &'a QualifiedName,
        column: &str,
    ) -> Option<&'a Arc<Relation>> {
        let mut owned = self.owned_sequences(table);
        owned
            .find(|(own, _)| *own == column)
            .map(|(_, sequence)| sequence)
    }

    /// Any sequence may have been used.
    pub fn forget_numbers(&mut self) {
        self.numbers_lost += 1;
    }

    /// What has this name, in any schema, may be anything from now on: a relation's columns, a type's labels.
    pub fn open_named(&mut self, name: &str) {
        let relations: Vec<QualifiedName> = self
            .relations
            .named(name)
            .map(|relation| relation.name.clone())
            .collect();
        for relation in relations {
            if let Some(found) = self.relations.get_mut(&relation) {
                found.open();
            }
        }
        let types: Vec<QualifiedName> = self
            .types
            .keys()
            .filter(|known| known.name == name)
            .cloned()
            .collect();
        for name in types {
            if let Some(found) = self.type_mut(&name) {
                found.definition = TypeKind::Open;
            }
        }
    }

    /// The relation that a name means: temporary ones first, then the search path.
    pub fn find_relation(&self, search_path: &[SmolStr], name: &Name) -> Option<&Arc<Relation>> {
        find(name, search_path, |candidate| self.relations.get(candidate))
    }

    /// The type, made by a statement, that a name means.
    pub fn find_type(&self, search_path: &[SmolStr], name: &Name) -> Option<&Arc<Type>> {
        find(name, search_path, |candidate| self.types.get(candidate))
    }

    /// All overloads of the function that a name means: those of the first schema that has any.
    pub fn find_functions(
        &self,
        search_path: &[SmolStr],
        name: &Name,
    ) -> Option<(QualifiedName, &Arc<Vec<Function>>)> {
        if let Some(schema) = &name.schema {
            let qualified = QualifiedName::new(schema, &name.name);
            return self.functions.get(&qualified).map(|all| (qualified, all));
        }
        search_path.iter().find_map(|schema| {
            let qualified = QualifiedName::new(schema, &name.name);
            self.functions.get(&qualified).map(|all| (qualified, all))
        })
    }

    /// The relation of a qualified name.
    pub fn relation(&self, name: &QualifiedName) -> Option<&Arc<Relation>> {
        self.relations.get(name)
    }

    /// The relation of a qualified name, to change it; a copy is made where it is shared.
    pub fn relation_mut(&mut self, name: &QualifiedName) -> Option<&mut Relation> {
        self.relations.get_mut(name)
    }

    /// The type of a qualified name, to change it.
    pub fn type_mut(&mut self, name: &QualifiedName) -> Option<&mut Type> {
        self.types.get_mut(name).map(Arc::make_mut)
    }

    /// All relations of a schema, by name.
    pub fn relations_in<'a>(
        &'a self,
        schema: &'a str,
    ) -> impl Iterator<Item = &'a Arc<Relation>> + 'a {
        self.relations
            .values()
            .filter(move |relation| relation.name.schema == schema)
    }

    /// Tables of a schema (ordinary, partitioned and foreign), by name.
    pub fn tables<'a>(&'a self, schema: &'a str) -> impl Iterator<Item = &'a Arc<Relation>> + 'a {
        self.relations_in(schema)
            .filter(|relation| relation.kind.is_table())
    }

    /// Views of a schema, without materialized ones, by name.
    pub fn views<'a>(&'a self, schema: &'a str) -> impl Iterator<Item = &'a Arc<Relation>> + 'a {
        self.relations_in(schema)
            .filter(|relation| relation.kind == RelationKind::View)
    }

    /// Materialized views of a schema, by name.
    pub fn materialized_views<'a>(
        &'a self,
        schema: &'a str,
    ) -> impl Iterator<Item = &'a Arc<Relation>> + 'a {
        self.relations_in(schema)
            .filter(|relation| relation.kind == RelationKind::MaterializedView)
    }

    /// Sequences of a schema, by name.
    pub fn sequences<'a>(
        &'a self,
        schema: &'a str,
    ) -> impl Iterator<Item = &'a Arc<Relation>> + 'a {
        self.relations_in(schema)
            .filter(|relation| relation.kind == RelationKind::Sequence)
    }

    /// Types of a schema, by name.
    pub fn types_in<'a>(&'a self, schema: &'a str) -> impl Iterator<Item = &'a Arc<Type>> + 'a {
        self.types
            .iter()
            .filter(move |(name, _)| name.schema == schema)
            .map(|(_, found)| found)
    }

    /// Functions that take or give back a type.
    pub fn functions_with(&self, type_name: &QualifiedName) -> Vec<QualifiedName> {
        let has = |function: &Function| {
            let types = function.arguments.iter().chain(function.returns.types());
            types.into_iter().any(|one| type_name.is_of(one))
        };
        self.functions
            .iter()
            .filter(|(_, all)| all.iter().any(has))
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Enum types of a schema, by name.
    pub fn enums<'a>(&'a self, schema: &'a str) -> impl Iterator<Item = &'a Arc<Type>> + 'a {
        self.types_in(schema)
            .filter(|found| matches!(found.definition, TypeKind::Enum { .. }))
    }

    /// Whether a schema is there; those of the system always are.
    pub fn schema(&self, name: &str) -> Option<Presence> {
        if name == TEMPORARY_SCHEMA || name == "pg_catalog" || name == "information_schema" {
            return Some(Presence::Certain);
        }
        self.schemas.get(name).copied()
    }

    /// Whether an extension is installed.
    pub fn has_extension(&self, name: &str) -> bool {
        self.extensions.contains_key(name)
    }
}

/// Whether a name means a relation of the system catalogs, which the simulation does not list.
pub fn is_system_relation(name: &Name) -> bool {
    match name.schema.as_deref() {
        Some("pg_catalog" | "information_schema" | "pg_toast") => true,
        Some(_) => false,
        None => name.name.starts_with("pg_"),
    }
}

fn find<'a, T>(
    name: &Name,
    search_path: &[SmolStr],
    get: impl Fn(&QualifiedName) -> Option<&'a Arc<T>>,
) -> Option<&'a Arc<T>> {
    if let Some(schema) = &name.schema {
        return get(&QualifiedName {
            schema: schema.clone(),
            name: name.name.clone(),
        });
    }
    let mut candidate = QualifiedName {
        schema: SmolStr::new_static(TEMPORARY_SCHEMA),
        name: name.name.clone(),
    };
    if let Some(found) = get(&candidate) {
        return Some(found);
    }
    for schema in search_path {
        candidate.schema = schema.clone();
        if let Some(found) = get(&candidate) {
            return Some(found);
        }
    }
    None
}

/// The argument types of a function as its key and messages show them, with the closing parenthesis: `integer, text)`.
pub fn signature(arguments: &[crate::postgres::TypeName]) -> String {
    let mut text = String::new();
    for (index, argument) in arguments.iter().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        text.push_str(&display_type_name(argument));
    }
    text.push(')');
    text
}

/// A type as messages show it, without its schema: `character varying`, `integer[]`.
pub fn display_type_name(type_name: &crate::postgres::TypeName) -> String {
    let mut text = super::builtin::display_type(&type_name.name.name).to_string();
    if type_name.array {
        text.push_str("[]");
    }
    text
}
