//! What a program that asked the catalog decided on: from then on it is known, in this world. No statement executes.

use crate::postgres::Session;
use crate::postgres::catalog::known::{member_key, member_presence};
use crate::postgres::catalog::{Presence, QualifiedName, RelationKind};
use crate::postgres::name::ObjectKind;

use super::{alter_table, constraint, drop, index, resolve};

impl Session {
    /// A relation of which it was not known whether it is there is, or is not.
    pub fn learn_relation(&mut self, name: &QualifiedName, there: bool) {
        if self.catalog.has_relation(name, &[]).is_some() {
            return;
        }
        self.unnoticed(|session| {
            let found = session
                .catalog
                .relation(name)
                .map(|relation| relation.key());
            let key = found.clone().unwrap_or_else(|| name.key(ObjectKind::Table));
            session.catalog.maybe.remove(&key);
            match (found, there) {
                (Some(_), true) => {
                    if let Some(relation) = session.catalog.relation_mut(name) {
                        relation.presence = Presence::Certain;
                    }
                }
                (Some(_), false) => drop::remove_relation(session, name),
                (None, true) => resolve::insert_assumed(session, name.clone(), RelationKind::Table),
                (None, false) => {
                    session.catalog.gone.insert(key);
                }
            }
        });
    }

    /// A column, an index or a constraint of a table of which it was not known whether it is there is, or is not. The table is:
    /// it was asked for its parts.
    pub fn learn_member(
        &mut self,
        table: &QualifiedName,
        kind: ObjectKind,
        name: &str,
        there: bool,
    ) {
        self.learn_relation(table, true);
        if self.catalog.has_member(table, kind, name).is_some() {
            return;
        }
        self.unnoticed(|session| {
            let Some(relation) = session.catalog.relation(table) else {
                return;
            };
            match (member_presence(relation, kind, name), there) {
                (Some(_), true) => session.settle_member(table, kind, name),
                (Some(_), false) => match kind {
                    ObjectKind::Column => alter_table::remove_column(session, table, name),
                    ObjectKind::Index => index::remove(session, table, name),
                    _ => constraint::remove(session, table, name),
                },
                (None, true) => match kind {
                    ObjectKind::Column => {
                        // an open table has any column
                        let _ = resolve::column(session, table, name);
                    }
                    ObjectKind::Index => index::assume(session, table, name),
                    // of a constraint nothing can be told but its name
                    _ => {}
                },
                (None, false) => {
                    session.catalog.gone.insert(member_key(table, kind, name));
                }
            }
        });
    }

    fn settle_member(&mut self, table: &QualifiedName, kind: ObjectKind, name: &str) {
        if kind == ObjectKind::Column {
            resolve::set_column_presence(self, table, name, Presence::Certain);
            return;
        }
        let Some(relation) = self.catalog.relation_mut(table) else {
            return;
        };
        if kind == ObjectKind::Index {
            for found in relation.indexes.matching_mut(|known| known.name == name) {
                found.presence = Presence::Certain;
            }
        } else {
            for found in relation
                .constraints
                .matching_mut(|known| known.name == name)
            {
                found.presence = Presence::Certain;
            }
        }
    }

    /// Runs something that is no call: what it changes and assumes is not reported.
    fn unnoticed(&mut self, run: impl FnOnce(&mut Self)) {
        let call = std::mem::take(&mut self.call);
        run(self);
        self.call = call;
    }
}
