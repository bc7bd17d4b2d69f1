use super::super::expression::{Datum, FromItem, Query, QueryBody, Select, Target};
use super::super::statement::{
    AlterTable, AlterTableCommand, ColumnDefinition, ConstraintDefinition, ConstraintKind,
    CreateIndex, CreateTable, DropTarget, IndexElement, OnConflict, ReferentialAction,
};
use super::*;

fn integer(number: i64) -> Expr {
    Expr::Value(Datum::Int(number))
}

fn equals(column: &str, right: Expr) -> Expr {
    Expr::Binary {
        operator: "=".into(),
        left: Box::new(Expr::column(column)),
        right: Box::new(right),
    }
}

#[test]
fn tables() {
    let mut create = CreateTable {
        name: Name::qualified(Some("app"), "Order"),
        ..CreateTable::default()
    };
    let mut id = ColumnDefinition::new("id", TypeName::new("int4"));
    id.not_null = true;
    create.columns.push(id);
    let mut note = ColumnDefinition::new(
        "note",
        TypeName {
            modifiers: vec!["50".into()],
            ..TypeName::new("varchar")
        },
    );
    note.default = Some(Box::new(Expr::text("it's")));
    create.columns.push(note);
    create.constraints.push(ConstraintDefinition::new(
        Some("fk"),
        ConstraintKind::ForeignKey {
            columns: vec!["id".into()],
            table: Name::new("users"),
            referenced: vec!["id".into()],
            on_delete: ReferentialAction::Cascade,
            on_update: ReferentialAction::NoAction,
        },
    ));
    assert_eq!(
        Statement::CreateTable(Box::new(create)).to_string(),
        "CREATE TABLE app.\"Order\" (id int4 NOT NULL, note varchar(50) DEFAULT 'it''s', \
         CONSTRAINT fk FOREIGN KEY (id) REFERENCES users (id) ON DELETE CASCADE)"
    );
    let alter = AlterTable {
        kind: ObjectKind::Table,
        name: Name::new("t"),
        if_exists: false,
        only: false,
        commands: vec![
            AlterTableCommand::DropColumn {
                name: "c".into(),
                if_exists: true,
                cascade: false,
            },
            AlterTableCommand::SetNotNull { column: "d".into() },
        ],
    };
    assert_eq!(
        Statement::AlterTable(Box::new(alter)).to_string(),
        "ALTER TABLE t DROP COLUMN IF EXISTS c, ALTER COLUMN d SET NOT NULL"
    );
}

#[test]
fn indexes_and_drops() {
    let create = CreateIndex {
        name: Some("ix".into()),
        table: Name::new("t"),
        unique: true,
        concurrently: true,
        if_not_exists: false,
        only: false,
        method: "gin".into(),
        elements: vec![
            IndexElement {
                value: Expr::call("lower", vec![Expr::column("a")]),
                operator_class: None,
                descending: true,
                with_operator: None,
            },
            IndexElement {
                value: Expr::Binary {
                    operator: "||".into(),
                    left: Box::new(Expr::column("a")),
                    right: Box::new(Expr::column("b")),
                },
                operator_class: None,
                descending: false,
                with_operator: None,
            },
        ],
        include: vec![],
        filter: Some(Box::new(Expr::Not(Box::new(equals("a", integer(1)))))),
        nulls_not_distinct: false,
    };
    assert_eq!(
        Statement::CreateIndex(Box::new(create)).to_string(),
        "CREATE UNIQUE INDEX CONCURRENTLY ix ON t USING gin (lower(a) DESC, (a || b)) WHERE NOT (a = 1)"
    );
    let drop = Drop {
        kind: ObjectKind::Trigger,
        targets: vec![DropTarget {
            name: Name::new("t"),
            member: Some("tr".into()),
            arguments: None,
        }],
        if_exists: true,
        cascade: true,
        concurrently: false,
    };
    assert_eq!(
        Statement::Drop(Box::new(drop)).to_string(),
        "DROP TRIGGER IF EXISTS tr ON t CASCADE"
    );
}

#[test]
fn rows_and_queries() {
    let insert = Insert {
        with: vec![],
        table: Name::new("t"),
        columns: vec!["a".into()],
        in_parts: Vec::new(),
        source: InsertSource::Values((0..30).map(|number| vec![integer(number)]).collect()),
        on_conflict: Some(OnConflict {
            target: None,
            action: ConflictAction::Nothing,
        }),
        overriding: false,
        returning: vec![],
    };
    let text = Statement::Insert(Box::new(insert)).to_string();
    assert!(
        text.starts_with("INSERT INTO t (a) VALUES (0), (1), "),
        "{text}"
    );
    assert!(
        text.ends_with("(19) /* and 10 more rows */ ON CONFLICT DO NOTHING"),
        "{text}"
    );
    let query = Query {
        with: vec![],
        body: QueryBody::Select(Box::new(Select {
            targets: vec![Target {
                value: integer(1),
                alias: Some("one".into()),
            }],
            from: vec![FromItem::Table {
                name: Name::new("t"),
                alias: None,
                columns: vec![],
            }],
            filter: Some(Expr::And(vec![
                equals("a", Expr::Parameter("x".into())),
                Expr::Or(vec![
                    equals("b", Expr::Value(Datum::Unknown)),
                    Expr::column("c"),
                ]),
            ])),
            ..Select::default()
        })),
        order_by: vec![],
        limit: Some(integer(1)),
        offset: None,
        into: None,
    };
    assert_eq!(
        Statement::Query(Box::new(query)).to_string(),
        "SELECT 1 AS one FROM t WHERE (a = :x) AND ((b = {?}) OR c) LIMIT 1"
    );
}

#[test]
fn deep_nesting_is_cut() {
    let mut deep = integer(1);
    for _ in 0..5_000 {
        deep = Expr::Not(Box::new(deep));
    }
    let statement = Statement::Call {
        name: Name::new("f"),
        arguments: vec![deep],
    };
    assert!(statement.to_string().contains("..."));
}

#[test]
fn names_are_quoted_where_they_must_be() {
    let lock = Statement::Lock {
        tables: vec![
            Name::new("user"),
            Name::qualified(Some("App"), "position"),
            Name::new("a\u{F8FF}"),
        ],
        mode: "access exclusive".into(),
    };
    assert_eq!(
        lock.to_string(),
        "LOCK TABLE \"user\", \"App\".position, a{?} IN ACCESS EXCLUSIVE MODE"
    );
    let set = Statement::Set {
        name: "lock_timeout".into(),
        values: vec!["5s".into(), "off".into(), "12".into()],
        local: true,
        reset: false,
    };
    assert_eq!(set.to_string(), "SET LOCAL lock_timeout = '5s', off, 12");
}
