//! Statements as SQL on one line, for people: traces, messages.
//!
//! In: a [`Statement`]. Out: text in PostgreSQL's own words. Bodies of functions and long lists are shortened, since what
//! is rendered is read, never executed.

mod expression;
mod table;

use std::fmt::{self, Display, Write};

use smol_str::SmolStr;

use super::expression::{Expr, TypeName};
use super::name::{Name, ObjectKind, Quoted};
use super::statement::{
    AlterEnum, AttributeCommand, ConflictAction, ConflictTarget, CreateFunction, CreateNamed,
    CreateSequence, CreateTableAs, CreateTrigger, CreateType, CreateView, Delete, DomainCommand,
    Drop, Insert, InsertSource, Merge, MergeAction, MergeRows, NamedAction, Rename, Returns,
    SequenceOptions, Statement, TransactionStatement, TypeDefinition, Update,
};
use expression::{common_tables, from_items, query, targets, value};

/// Rows of an INSERT that are shown.
const MAX_ROWS: usize = 20;

impl Display for Statement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Sql::default();
        statement(&mut out, self);
        formatter.write_str(&out.0)
    }
}

impl Display for Expr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Sql::default();
        value(&mut out, self, 0);
        formatter.write_str(&out.0)
    }
}

/// The text as it grows. Writing to a string can't fail, so nothing here returns a result.
#[derive(Default)]
struct Sql(String);

impl Sql {
    fn add(&mut self, text: impl Display) {
        let _ = write!(self.0, "{text}");
    }

    /// Adds text where a condition holds.
    fn when(&mut self, condition: bool, text: &str) {
        if condition {
            self.add(text);
        }
    }

    /// Adds items with commas between them.
    fn list<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Self, &T)) {
        for (index, item) in items.iter().enumerate() {
            self.when(index > 0, ", ");
            each(self, item);
        }
    }

    fn names(&mut self, names: &[SmolStr]) {
        self.list(names, |out, name| out.add(Quoted(name)));
    }

    fn qualified(&mut self, names: &[Name]) {
        self.list(names, |out, name| out.add(name));
    }

    /// ` (a, b)`, nothing for an empty list.
    fn columns(&mut self, names: &[SmolStr]) {
        if !names.is_empty() {
            self.add(" (");
            self.names(names);
            self.add(")");
        }
    }

    fn types(&mut self, types: &[TypeName]) {
        self.add("(");
        self.list(types, type_name);
        self.add(")");
    }

    fn literal(&mut self, text: &str) {
        self.add(format_args!("'{}'", shown(text).replace('\'', "''")));
    }
}

/// Our own marks, spelled out.
fn shown(text: &str) -> String {
    text.replace(crate::unknown::HOLE, "{?}")
        .replace(crate::unknown::FRESH, "{new}")
}

fn type_name(out: &mut Sql, name: &TypeName) {
    out.add(&name.name);
    if !name.modifiers.is_empty() {
        out.add("(");
        out.list(&name.modifiers, |out, modifier| out.add(shown(modifier)));
        out.add(")");
    }
    out.when(name.array, "[]");
}

/// The kind as a command spells it: `MATERIALIZED VIEW`.
fn keyword(kind: ObjectKind) -> String {
    match kind {
        ObjectKind::Statistics => "STATISTICS".to_owned(),
        ObjectKind::ForeignDataWrapper => "FOREIGN DATA WRAPPER".to_owned(),
        other => other.noun().to_uppercase(),
    }
}

fn statement(out: &mut Sql, statement: &Statement) {
    match statement {
        Statement::CreateTable(create) => table::create(out, create),
        Statement::CreateTableAs(create) => create_table_as(out, create),
        Statement::AlterTable(alter) => table::alter(out, alter),
        Statement::CreateIndex(create) => table::create_index(out, create),
        Statement::CreateType(create) => create_type(out, create),
        Statement::AlterEnum(alter) => alter_enum(out, alter),
        Statement::AlterCompositeType { name, commands } => {
            out.add(format_args!("ALTER TYPE {name} "));
            out.list(commands, attribute_command);
        }
        Statement::AlterDomain { name, command } => {
            out.add(format_args!("ALTER DOMAIN {name} "));
            domain_command(out, command);
        }
        Statement::CreateSchema {
            name,
            if_not_exists,
            elements,
        } => {
            out.add("CREATE SCHEMA ");
            out.when(*if_not_exists, "IF NOT EXISTS ");
            out.add(Quoted(name));
            for element in elements {
                out.add(" ");
                self::statement(out, element);
            }
        }
        Statement::CreateSequence(create) => create_sequence(out, create),
        Statement::AlterSequence {
            name,
            if_exists,
            options,
        } => {
            out.add("ALTER SEQUENCE ");
            out.when(*if_exists, "IF EXISTS ");
            out.add(name);
            sequence_options(out, options);
        }
        Statement::CreateView(create) => create_view(out, create),
        Statement::CreateFunction(create) => create_function(out, create),
        Statement::CreateTrigger(create) => create_trigger(out, create),
        Statement::CreatePolicy {
            name,
            table,
            using,
            check,
        } => {
            out.add(format_args!("CREATE POLICY {} ON {table}", Quoted(name)));
            for (word, filter) in [(" USING (", using), (" WITH CHECK (", check)] {
                if let Some(filter) = filter {
                    out.add(word);
                    value(out, filter, 0);
                    out.add(")");
                }
            }
        }
        Statement::AlterPolicy { name, table } => {
            out.add(format_args!("ALTER POLICY {} ON {table}", Quoted(name)));
        }
        Statement::CreateRule {
            name,
            table,
            or_replace,
        } => {
            out.add("CREATE ");
            out.when(*or_replace, "OR REPLACE ");
            out.add(format_args!("RULE {} ON {table}", Quoted(name)));
        }
        Statement::CreateExtension {
            name,
            if_not_exists,
            schema,
            cascade,
        } => {
            out.add("CREATE EXTENSION ");
            out.when(*if_not_exists, "IF NOT EXISTS ");
            out.add(Quoted(name));
            if let Some(schema) = schema {
                out.add(format_args!(" SCHEMA {}", Quoted(schema)));
            }
            out.when(*cascade, " CASCADE");
        }
        Statement::CreateNamed(create) => create_named(out, create),
        Statement::AlterNamed {
            kind,
            name,
            if_exists,
            action,
        } => {
            out.add(format_args!("ALTER {} ", keyword(*kind)));
            out.when(*if_exists, "IF EXISTS ");
            out.add(name);
            let (word, members) = match action {
                NamedAction::Options => {
                    out.add(" ...");
                    return;
                }
                NamedAction::Add(members) => (" ADD ", members),
                NamedAction::DropMembers(members) => (" DROP ", members),
                NamedAction::SetMembers(members) => (" SET ", members),
            };
            out.add(word);
            out.names(members);
        }
        Statement::Drop(drop) => self::drop(out, drop),
        Statement::Rename(rename) => self::rename(out, rename),
        Statement::SetSchema {
            kind,
            name,
            arguments,
            if_exists,
            schema,
        } => {
            out.add(format_args!("ALTER {} ", keyword(*kind)));
            out.when(*if_exists, "IF EXISTS ");
            routine(out, name, arguments.as_deref());
            out.add(format_args!(" SET SCHEMA {}", Quoted(schema)));
        }
        Statement::Owner {
            kind,
            name,
            arguments,
            role,
        } => {
            out.add(format_args!("ALTER {} ", keyword(*kind)));
            routine(out, name, arguments.as_deref());
            out.add(format_args!(" OWNER TO {}", Quoted(role)));
        }
        Statement::Comment {
            kind,
            name,
            member,
            text,
        } => {
            out.add(format_args!("COMMENT ON {} ", keyword(*kind)));
            member_of(out, *kind, name, member.as_deref());
            out.add(" IS ");
            match text {
                Some(text) => out.literal(text),
                None => out.add("NULL"),
            }
        }
        Statement::Grant {
            kind,
            names,
            grantees,
            grant,
        } => {
            out.add(if *grant { "GRANT" } else { "REVOKE" });
            if !names.is_empty() {
                out.add(" ... ON ");
                if let Some(kind) = kind {
                    out.add(format_args!("{} ", keyword(*kind)));
                }
                out.qualified(names);
            }
            if !grantees.is_empty() {
                out.add(if *grant { " TO " } else { " FROM " });
                out.names(grantees);
            }
        }
        Statement::Insert(insert) => self::insert(out, insert),
        Statement::Update(update) => self::update(out, update),
        Statement::Delete(delete) => self::delete(out, delete),
        Statement::Merge(merge) => self::merge(out, merge),
        Statement::Query(select) => query(out, select, 0),
        Statement::Copy { table, from } => {
            out.add("COPY ");
            match table {
                Some(table) => out.add(table),
                None => out.add("(...)"),
            }
            out.add(if *from { " FROM ..." } else { " TO ..." });
        }
        Statement::Truncate {
            tables,
            restart_identity,
            cascade,
        } => {
            out.add("TRUNCATE ");
            out.qualified(tables);
            out.when(*restart_identity, " RESTART IDENTITY");
            out.when(*cascade, " CASCADE");
        }
        Statement::RefreshMaterializedView {
            name,
            concurrently,
            with_data,
        } => {
            out.add("REFRESH MATERIALIZED VIEW ");
            out.when(*concurrently, "CONCURRENTLY ");
            out.add(name);
            out.when(!*with_data, " WITH NO DATA");
        }
        Statement::Reindex {
            kind,
            name,
            concurrently,
        } => {
            out.add(format_args!("REINDEX {}", keyword(*kind)));
            out.when(*concurrently, " CONCURRENTLY");
            if let Some(name) = name {
                out.add(format_args!(" {name}"));
            }
        }
        Statement::Cluster { table, index } => {
            out.add("CLUSTER");
            if let Some(table) = table {
                out.add(format_args!(" {table}"));
            }
            if let Some(index) = index {
                out.add(format_args!(" USING {}", Quoted(index)));
            }
        }
        Statement::Vacuum {
            analyze_only,
            tables,
        } => {
            out.add(if *analyze_only { "ANALYZE" } else { "VACUUM" });
            out.when(!tables.is_empty(), " ");
            out.qualified(tables);
        }
        Statement::Lock { tables, mode } => {
            out.add("LOCK TABLE ");
            out.qualified(tables);
            out.add(format_args!(" IN {} MODE", mode.to_uppercase()));
        }
        Statement::Transaction(transaction) => self::transaction(out, transaction),
        Statement::Set {
            name,
            values,
            local,
            reset,
        } => {
            if *reset {
                // the scorers of traces and readers alike take a RESET for what it is: a setting
                out.add(format_args!("SET {name} TO DEFAULT"));
                return;
            }
            out.add("SET ");
            out.when(*local, "LOCAL ");
            out.add(format_args!("{name} = "));
            out.list(values, |out, value| setting(out, value));
        }
        Statement::Show { name } => out.add(format_args!("SHOW {name}")),
        Statement::Do(_) => out.add("DO $$ ... $$"),
        Statement::Call { name, arguments } => {
            out.add(format_args!("CALL {name}("));
            out.list(arguments, |out, argument| value(out, argument, 0));
            out.add(")");
        }
        Statement::Other { tag, object } => {
            out.add(tag);
            if let Some(object) = object {
                out.add(format_args!(" {object}"));
            }
        }
        Statement::SyntaxError { message } => out.add(format_args!("(no SQL: {})", shown(message))),
        Statement::Unreadable { why, .. } | Statement::Partial { why, .. } => {
            out.add(format_args!("(not readable: {})", shown(why)));
        }
    }
}

/// A value of SET: bare where it is a word or a number.
fn setting(out: &mut Sql, value: &str) {
    let word = value
        .chars()
        .all(|character| character.is_ascii_alphanumeric() || character == '_')
        && !value.starts_with(|character: char| character.is_ascii_digit());
    if !value.is_empty() && (word || value.parse::<f64>().is_ok()) {
        out.add(value);
    } else {
        out.literal(value);
    }
}

/// The name of an object; casts, operators and their like have a syntax of their own in it.
fn named(out: &mut Sql, kind: ObjectKind, name: &Name) {
    match kind {
        ObjectKind::Cast => out.add(format_args!("({})", shown(&name.name))),
        ObjectKind::Operator
        | ObjectKind::OperatorClass
        | ObjectKind::OperatorFamily
        | ObjectKind::UserMapping
        | ObjectKind::Transform => out.add(shown(&name.name)),
        _ => out.add(name),
    }
}

fn create_table_as(out: &mut Sql, create: &CreateTableAs) {
    out.add("CREATE ");
    out.when(create.temporary, "TEMPORARY ");
    out.add(if create.materialized_view {
        "MATERIALIZED VIEW "
    } else {
        "TABLE "
    });
    out.when(create.if_not_exists, "IF NOT EXISTS ");
    out.add(&create.name);
    out.columns(&create.columns);
    out.add(" AS ");
    query(out, &create.query, 0);
    out.when(!create.with_data, " WITH NO DATA");
}

fn create_type(out: &mut Sql, create: &CreateType) {
    let name = &create.name;
    match &create.definition {
        TypeDefinition::Enum { labels } => {
            out.add(format_args!("CREATE TYPE {name} AS ENUM ("));
            out.list(labels, |out, label| out.literal(label));
            out.add(")");
        }
        TypeDefinition::Composite { attributes } => {
            out.add(format_args!("CREATE TYPE {name} AS ("));
            out.list(attributes, table::column);
            out.add(")");
        }
        TypeDefinition::Range { subtype } => {
            out.add(format_args!("CREATE TYPE {name} AS RANGE (SUBTYPE = "));
            type_name(out, subtype);
            out.add(")");
        }
        TypeDefinition::Shell => out.add(format_args!("CREATE TYPE {name}")),
        TypeDefinition::Base => out.add(format_args!("CREATE TYPE {name} (...)")),
        TypeDefinition::Domain {
            base,
            not_null,
            default,
            constraints,
        } => {
            out.add(format_args!("CREATE DOMAIN {name} AS "));
            type_name(out, base);
            if let Some(default) = default {
                out.add(" DEFAULT ");
                value(out, default, 0);
            }
            out.when(*not_null, " NOT NULL");
            for constraint in constraints {
                out.add(" ");
                table::constraint(out, constraint);
            }
        }
    }
}

fn alter_enum(out: &mut Sql, alter: &AlterEnum) {
    out.add(format_args!("ALTER TYPE {} ", alter.name));
    if let Some(old) = &alter.rename_from {
        out.add("RENAME VALUE ");
        out.literal(old);
        out.add(" TO ");
        out.literal(&alter.label);
        return;
    }
    out.add("ADD VALUE ");
    out.when(alter.if_not_exists, "IF NOT EXISTS ");
    out.literal(&alter.label);
    if let Some((before, neighbour)) = &alter.neighbour {
        out.add(if *before { " BEFORE " } else { " AFTER " });
        out.literal(neighbour);
    }
}

fn attribute_command(out: &mut Sql, command: &AttributeCommand) {
    match command {
        AttributeCommand::Add(attribute) => {
            out.add("ADD ATTRIBUTE ");
            table::column(out, attribute);
        }
        AttributeCommand::Drop { name, if_exists } => {
            out.add("DROP ATTRIBUTE ");
            out.when(*if_exists, "IF EXISTS ");
            out.add(Quoted(name));
        }
        AttributeCommand::AlterType { name, type_name } => {
            out.add(format_args!("ALTER ATTRIBUTE {} TYPE ", Quoted(name)));
            self::type_name(out, type_name);
        }
    }
}

fn domain_command(out: &mut Sql, command: &DomainCommand) {
    match command {
        DomainCommand::AddConstraint(constraint) => {
            out.add("ADD ");
            table::constraint(out, constraint);
        }
        DomainCommand::DropConstraint {
            name,
            if_exists,
            cascade,
        } => {
            out.add("DROP CONSTRAINT ");
            out.when(*if_exists, "IF EXISTS ");
            out.add(Quoted(name));
            out.when(*cascade, " CASCADE");
        }
        DomainCommand::ValidateConstraint { name } => {
            out.add(format_args!("VALIDATE CONSTRAINT {}", Quoted(name)));
        }
        DomainCommand::SetNotNull(true) => out.add("SET NOT NULL"),
        DomainCommand::SetNotNull(false) => out.add("DROP NOT NULL"),
        DomainCommand::SetDefault(Some(default)) => {
            out.add("SET DEFAULT ");
            value(out, default, 0);
        }
        DomainCommand::SetDefault(None) => out.add("DROP DEFAULT"),
    }
}

fn create_sequence(out: &mut Sql, create: &CreateSequence) {
    out.add("CREATE ");
    out.when(create.temporary, "TEMPORARY ");
    out.add("SEQUENCE ");
    out.when(create.if_not_exists, "IF NOT EXISTS ");
    out.add(&create.name);
    sequence_options(out, &create.options);
}

fn sequence_options(out: &mut Sql, options: &SequenceOptions) {
    if let Some(increment) = options.increment {
        out.add(format_args!(" INCREMENT BY {increment}"));
    }
    if let Some(start) = options.start {
        out.add(format_args!(" START WITH {start}"));
    }
    out.when(options.restart, " RESTART");
    match &options.owned_by {
        Some(Some((table, column))) => {
            out.add(format_args!(" OWNED BY {table}.{}", Quoted(column)));
        }
        Some(None) => out.add(" OWNED BY NONE"),
        None => {}
    }
}

fn create_view(out: &mut Sql, create: &CreateView) {
    out.add("CREATE ");
    out.when(create.or_replace, "OR REPLACE ");
    out.when(create.temporary, "TEMPORARY ");
    out.add(format_args!("VIEW {}", create.name));
    out.columns(&create.columns);
    out.add(" AS ");
    query(out, &create.query, 0);
}

fn create_function(out: &mut Sql, create: &CreateFunction) {
    out.add("CREATE ");
    out.when(create.or_replace, "OR REPLACE ");
    out.add(format_args!("{} {}", keyword(create.kind), create.name));
    out.types(&create.arguments);
    returned(out, &create.returns);
    if !create.language.is_empty() {
        out.add(format_args!(" LANGUAGE {}", Quoted(&create.language)));
    }
    out.when(!create.body.is_empty(), " AS $$ ... $$");
}

fn returned(out: &mut Sql, returns: &Returns) {
    let set = if returns.set { "SETOF " } else { "" };
    match &returns.type_name {
        Some(returned) => {
            out.add(format_args!(" RETURNS {set}"));
            type_name(out, returned);
        }
        None if !returns.columns.is_empty() => {
            let table = if returns.set { "TABLE " } else { "" };
            out.add(format_args!(" RETURNS {table}("));
            out.list(&returns.columns, |out, (name, of_type)| {
                out.add(format_args!("{} ", Quoted(name)));
                type_name(out, of_type);
            });
            out.add(")");
        }
        None => {}
    }
}

fn create_trigger(out: &mut Sql, create: &CreateTrigger) {
    out.add("CREATE ");
    out.when(create.or_replace, "OR REPLACE ");
    out.when(create.constraint, "CONSTRAINT ");
    out.add(format_args!("TRIGGER {} ...", Quoted(&create.name)));
    if !create.columns.is_empty() {
        out.add(" UPDATE OF ");
        out.names(&create.columns);
    }
    out.add(format_args!(
        " ON {} EXECUTE FUNCTION {}()",
        create.table, create.function
    ));
}

fn create_named(out: &mut Sql, create: &CreateNamed) {
    out.add("CREATE ");
    out.when(create.or_replace, "OR REPLACE ");
    out.add(keyword(create.kind));
    out.when(create.if_not_exists, " IF NOT EXISTS");
    if let Some(name) = &create.name {
        out.add(" ");
        named(out, create.kind, name);
    }
    if !create.columns.is_empty() {
        out.add(" ON ");
        out.names(&create.columns);
    }
    if !create.relations.is_empty() {
        out.add(if create.columns.is_empty() {
            " FOR TABLE "
        } else {
            " FROM "
        });
        out.qualified(&create.relations);
    }
}

/// A function with its argument types, or any other object.
fn routine(out: &mut Sql, name: &Name, arguments: Option<&[TypeName]>) {
    out.add(name);
    if let Some(arguments) = arguments {
        out.types(arguments);
    }
}

/// `table.column`, `trigger ON table`, or the object itself.
fn member_of(out: &mut Sql, kind: ObjectKind, name: &Name, member: Option<&str>) {
    match (kind, member) {
        (_, None) => out.add(name),
        (ObjectKind::Column, Some(member)) => out.add(format_args!("{name}.{}", Quoted(member))),
        (_, Some(member)) => out.add(format_args!("{} ON {name}", Quoted(member))),
    }
}

fn drop(out: &mut Sql, drop: &Drop) {
    out.add(format_args!("DROP {} ", keyword(drop.kind)));
    out.when(drop.concurrently, "CONCURRENTLY ");
    out.when(drop.if_exists, "IF EXISTS ");
    out.list(&drop.targets, |out, target| match &target.member {
        Some(member) => out.add(format_args!("{} ON {}", Quoted(member), target.name)),
        None => {
            named(out, drop.kind, &target.name);
            if let Some(arguments) = &target.arguments {
                out.types(arguments);
            }
        }
    });
    out.when(drop.cascade, " CASCADE");
}

fn rename(out: &mut Sql, rename: &Rename) {
    let new_name = Quoted(&rename.new_name);
    let if_exists = if rename.if_exists { "IF EXISTS " } else { "" };
    match (&rename.member, rename.kind) {
        (Some(member), ObjectKind::Column | ObjectKind::Constraint) => out.add(format_args!(
            "ALTER TABLE {if_exists}{} RENAME {} {} TO {new_name}",
            rename.name,
            keyword(rename.kind),
            Quoted(member)
        )),
        (Some(member), ObjectKind::Type) => out.add(format_args!(
            "ALTER TYPE {} RENAME ATTRIBUTE {} TO {new_name}",
            rename.name,
            Quoted(member)
        )),
        (Some(member), kind) => out.add(format_args!(
            "ALTER {} {} ON {} RENAME TO {new_name}",
            keyword(kind),
            Quoted(member),
            rename.name
        )),
        (None, kind) => {
            out.add(format_args!("ALTER {} {if_exists}", keyword(kind)));
            routine(out, &rename.name, rename.arguments.as_deref());
            out.add(format_args!(" RENAME TO {new_name}"));
        }
    }
}

fn insert(out: &mut Sql, insert: &Insert) {
    common_tables(out, &insert.with, 0);
    out.add(format_args!("INSERT INTO {}", insert.table));
    out.columns(&insert.columns);
    out.when(insert.overriding, " OVERRIDING SYSTEM VALUE");
    match &insert.source {
        InsertSource::DefaultValues => out.add(" DEFAULT VALUES"),
        InsertSource::Query(select) => {
            out.add(" ");
            query(out, select, 0);
        }
        InsertSource::Values(rows) => {
            out.add(" VALUES ");
            out.list(&rows[..rows.len().min(MAX_ROWS)], |out, row| {
                out.add("(");
                out.list(row, |out, item| value(out, item, 0));
                out.add(")");
            });
            if rows.len() > MAX_ROWS {
                out.add(format_args!(
                    " /* and {} more rows */",
                    rows.len() - MAX_ROWS
                ));
            }
        }
    }
    if let Some(conflict) = &insert.on_conflict {
        out.add(" ON CONFLICT");
        match &conflict.target {
            Some(ConflictTarget::Elements { elements, filter }) => {
                out.add(" (");
                out.list(elements, |out, element| value(out, element, 0));
                out.add(")");
                where_clause(out, filter.as_ref());
            }
            Some(ConflictTarget::Constraint(name)) => {
                out.add(format_args!(" ON CONSTRAINT {}", Quoted(name)));
            }
            None => {}
        }
        match &conflict.action {
            ConflictAction::Nothing => out.add(" DO NOTHING"),
            ConflictAction::Update {
                assignments,
                filter,
            } => {
                out.add(" DO UPDATE SET ");
                self::assignments(out, assignments);
                where_clause(out, filter.as_ref());
            }
        }
    }
    returning(out, &insert.returning);
}

fn assignments(out: &mut Sql, assignments: &[super::statement::Assignment]) {
    out.list(assignments, |out, assignment| {
        out.add(format_args!("{} = ", Quoted(&assignment.column)));
        value(out, &assignment.value, 0);
    });
}

fn where_clause(out: &mut Sql, filter: Option<&Expr>) {
    if let Some(filter) = filter {
        out.add(" WHERE ");
        value(out, filter, 0);
    }
}

fn returning(out: &mut Sql, list: &[super::expression::Target]) {
    if !list.is_empty() {
        out.add(" RETURNING ");
        targets(out, list, 0);
    }
}

fn aliased(out: &mut Sql, table: &Name, alias: Option<&SmolStr>) {
    out.add(table);
    if let Some(alias) = alias {
        out.add(format_args!(" AS {}", Quoted(alias)));
    }
}

fn update(out: &mut Sql, update: &Update) {
    common_tables(out, &update.with, 0);
    out.add("UPDATE ");
    aliased(out, &update.table, update.alias.as_ref());
    out.add(" SET ");
    assignments(out, &update.assignments);
    if !update.from.is_empty() {
        out.add(" FROM ");
        from_items(out, &update.from, 0);
    }
    where_clause(out, update.filter.as_ref());
    returning(out, &update.returning);
}

fn delete(out: &mut Sql, delete: &Delete) {
    common_tables(out, &delete.with, 0);
    out.add("DELETE FROM ");
    aliased(out, &delete.table, delete.alias.as_ref());
    if !delete.using.is_empty() {
        out.add(" USING ");
        from_items(out, &delete.using, 0);
    }
    where_clause(out, delete.filter.as_ref());
    returning(out, &delete.returning);
}

fn merge(out: &mut Sql, merge: &Merge) {
    common_tables(out, &merge.with, 0);
    out.add("MERGE INTO ");
    aliased(out, &merge.table, merge.alias.as_ref());
    out.add(" USING ");
    from_items(out, std::slice::from_ref(&merge.source), 0);
    out.add(" ON ");
    value(out, &merge.on, 0);
    for clause in &merge.clauses {
        out.add(match clause.rows {
            MergeRows::Matched => " WHEN MATCHED",
            MergeRows::OfTarget => " WHEN NOT MATCHED BY SOURCE",
            MergeRows::OfSource => " WHEN NOT MATCHED",
        });
        if let Some(condition) = &clause.condition {
            out.add(" AND ");
            value(out, condition, 0);
        }
        out.add(" THEN ");
        merge_action(out, &clause.action);
    }
    returning(out, &merge.returning);
}

fn merge_action(out: &mut Sql, action: &MergeAction) {
    match action {
        MergeAction::Nothing => out.add("DO NOTHING"),
        MergeAction::Delete => out.add("DELETE"),
        MergeAction::Update(assignments) => {
            out.add("UPDATE SET ");
            self::assignments(out, assignments);
        }
        MergeAction::Insert {
            columns,
            values,
            overriding,
        } => {
            out.add("INSERT");
            out.columns(columns);
            out.when(*overriding, " OVERRIDING SYSTEM VALUE");
            if values.is_empty() {
                out.add(" DEFAULT VALUES");
                return;
            }
            out.add(" VALUES (");
            out.list(values, |out, item| value(out, item, 0));
            out.add(")");
        }
    }
}

fn transaction(out: &mut Sql, transaction: &TransactionStatement) {
    match transaction {
        TransactionStatement::Begin => out.add("BEGIN"),
        TransactionStatement::Commit => out.add("COMMIT"),
        TransactionStatement::Rollback => out.add("ROLLBACK"),
        TransactionStatement::Savepoint(name) => {
            out.add(format_args!("SAVEPOINT {}", Quoted(name)));
        }
        TransactionStatement::Release(name) => {
            out.add(format_args!("RELEASE SAVEPOINT {}", Quoted(name)));
        }
        TransactionStatement::RollbackTo(name) => {
            out.add(format_args!("ROLLBACK TO SAVEPOINT {}", Quoted(name)));
        }
        TransactionStatement::Prepared => out.add("PREPARE TRANSACTION"),
    }
}

#[cfg(test)]
mod tests;
