//! COMMENT, enum types, triggers, functions without parameters, BEGIN and COMMIT.

use smol_str::SmolStr;

use super::cursor::{Certain, Cursor};
use super::types;
use crate::postgres::catalog::trigger_events;
use crate::postgres::statement::{
    CreateFunction, CreateTrigger, CreateType, Returns, TransactionStatement, TypeDefinition,
};
use crate::postgres::{Name, ObjectKind, Statement};
use crate::sql::lower;

/// A statement that is one word.
pub(super) fn transaction(cursor: &mut Cursor<'_>) -> Certain<Statement> {
    let kind = if cursor.word("begin") {
        TransactionStatement::Begin
    } else if cursor.word("commit") {
        TransactionStatement::Commit
    } else {
        cursor.must("rollback")?;
        TransactionStatement::Rollback
    };
    Some(Statement::Transaction(kind))
}

/// Behind `COMMENT`: on tables and columns.
pub(super) fn comment(cursor: &mut Cursor<'_>) -> Certain<Statement> {
    cursor.must("on")?;
    let (kind, name, member) = if cursor.word("table") {
        (ObjectKind::Table, cursor.name()?, None)
    } else {
        cursor.must("column")?;
        let (name, member) = member(cursor)?;
        (ObjectKind::Column, name, Some(member))
    };
    cursor.must("is")?;
    let text = if cursor.word("null") {
        None
    } else {
        // an empty comment is none
        Some(cursor.string()?).filter(|text| !text.is_empty())
    };
    Some(Statement::Comment {
        kind,
        name,
        member,
        text: text.map(Into::into),
    })
}

/// `[schema.]table.column`.
fn member(cursor: &mut Cursor<'_>) -> Certain<(Name, SmolStr)> {
    let first = cursor.identifier()?;
    cursor.must_symbol(".")?;
    let second = cursor.identifier()?;
    if !cursor.symbol(".") {
        let table = Name {
            schema: None,
            name: first,
        };
        return Some((table, second));
    }
    let table = Name {
        schema: Some(first),
        name: second,
    };
    Some((table, cursor.identifier()?))
}

/// Behind `CREATE TYPE`.
pub(super) fn create_enum(cursor: &mut Cursor<'_>) -> Certain<Statement> {
    let name = cursor.dotted()?;
    cursor.must("as")?;
    cursor.must("enum")?;
    let labels = cursor.in_parentheses(|cursor| cursor.string().map(SmolStr::new))?;
    Some(Statement::CreateType(Box::new(CreateType {
        name,
        definition: TypeDefinition::Enum { labels },
    })))
}

/// Behind `CREATE [OR REPLACE] TRIGGER`.
pub(super) fn create_trigger(cursor: &mut Cursor<'_>, or_replace: bool) -> Certain<Statement> {
    let name = cursor.identifier()?;
    if !cursor.word("before") {
        cursor.must("after")?;
    }
    let (events, columns) = fires_on(cursor)?;
    cursor.must("on")?;
    let table = cursor.name()?;
    cursor.must("for")?;
    cursor.word("each");
    let always = cursor.word("row");
    if !always {
        cursor.must("statement")?;
    }
    cursor.must("execute")?;
    if !cursor.word("function") {
        cursor.must("procedure")?;
    }
    let function = cursor.dotted()?;
    cursor.must_symbol("(")?;
    cursor.must_symbol(")")?;
    Some(Statement::CreateTrigger(Box::new(CreateTrigger {
        name,
        table,
        or_replace,
        constraint: false,
        function,
        columns,
        condition: Vec::new(),
        always,
        events,
    })))
}

/// `INSERT OR UPDATE OF a, b OR DELETE`, each once.
fn fires_on(cursor: &mut Cursor<'_>) -> Certain<(u8, Vec<SmolStr>)> {
    let mut events = 0;
    let mut columns = Vec::new();
    loop {
        let event = if cursor.word("insert") {
            trigger_events::INSERT
        } else if cursor.word("delete") {
            trigger_events::DELETE
        } else {
            cursor.must("update")?;
            if cursor.word("of") {
                columns = cursor.list(Cursor::identifier)?;
            }
            trigger_events::UPDATE
        };
        if events & event != 0 {
            return None;
        }
        events |= event;
        if !cursor.word("or") {
            return Some((events, columns));
        }
    }
}

/// Behind `CREATE [OR REPLACE] FUNCTION`: one without parameters, as triggers need it.
pub(super) fn create_function(cursor: &mut Cursor<'_>, or_replace: bool) -> Certain<Statement> {
    let name = cursor.dotted()?;
    cursor.must_symbol("(")?;
    cursor.must_symbol(")")?;
    cursor.must("returns")?;
    let returned = types::type_name(cursor)?;
    let (mut language, mut body) = (None, None);
    loop {
        if cursor.word("language") {
            if language.replace(cursor.identifier()?).is_some() {
                return None;
            }
        } else if cursor.word("as") {
            if body.replace(cursor.string()?).is_some() {
                return None;
            }
        } else if cursor.is_at_end() {
            break;
        } else {
            return None;
        }
    }
    let made = lower::checked_function(CreateFunction {
        kind: ObjectKind::Function,
        name,
        or_replace,
        arguments: Vec::new(),
        argument_names: Vec::new(),
        defaults: 0,
        returns: Returns::one(returned),
        language: language?.to_lowercase().into(),
        body: body?.into(),
    });
    // why a body is refused is for whoever knows what stands in the file
    matches!(made, Statement::CreateFunction(_)).then_some(made)
}
