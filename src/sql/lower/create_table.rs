//! CREATE TABLE, its columns and constraints, indexes, views and tables from queries.

use pg_query::protobuf::{
    ColumnDef, ConstrType, Constraint, CreateStmt, CreateTableAsStmt, IndexElem, IndexStmt,
    ObjectType, OnCommitAction, PartitionBoundSpec, RangeVar, SortByDir, TableLikeClause,
    TableLikeOption, ViewStmt,
};
use pg_query::{Node, NodeEnum};
use smol_str::SmolStr;

use super::names::{dotted, list, relation_of, relations, some, string, strings};
use super::objects::sequence_options;
use super::{Context, expressions, query, types};
use crate::postgres::name::truncate;
use crate::postgres::statement::{
    ColumnDefinition, ConstraintDefinition, ConstraintKind, CreateIndex, CreateTable,
    CreateTableAs, CreateView, Generated, Identity, IndexElement, LikeClause, ReferentialAction,
};
use crate::postgres::{Expr, Statement};
use crate::sql::lexer;

/// Statements of this subject.
pub(super) fn statement(context: &Context<'_>, node: &NodeEnum) -> Option<Statement> {
    Some(match node {
        NodeEnum::CreateStmt(create) => {
            Statement::CreateTable(Box::new(create_table(context, create)))
        }
        NodeEnum::CreateForeignTableStmt(create) => {
            let mut table = create
                .base_stmt
                .as_ref()
                .map(|base| create_table(context, base))
                .unwrap_or_default();
            table.foreign_server = Some(SmolStr::new(&create.servername));
            Statement::CreateTable(Box::new(table))
        }
        NodeEnum::IndexStmt(index) => {
            Statement::CreateIndex(Box::new(create_index(context, index)))
        }
        NodeEnum::CreateTableAsStmt(create) => {
            Statement::CreateTableAs(Box::new(create_table_as(context, create)))
        }
        NodeEnum::ViewStmt(view) => Statement::CreateView(Box::new(create_view(context, view))),
        _ => return None,
    })
}

fn has_persistence(range: Option<&RangeVar>, persistence: &str) -> bool {
    range.is_some_and(|range| range.relpersistence == persistence)
}

fn create_table(context: &Context<'_>, create: &CreateStmt) -> CreateTable {
    let mut table = CreateTable {
        name: relation_of(create.relation.as_ref()),
        if_not_exists: create.if_not_exists,
        temporary: has_persistence(create.relation.as_ref(), "t"),
        unlogged: has_persistence(create.relation.as_ref(), "u"),
        on_commit_drop: create.oncommit() == OnCommitAction::OncommitDrop,
        of_type: create
            .of_typename
            .as_ref()
            .map(|name| types::type_name(name).name),
        partition_by: create
            .partspec
            .as_ref()
            .map(|spec| partition_key(&spec.part_params)),
        ..CreateTable::default()
    };
    let parents = relations(&create.inh_relations);
    match &create.partbound {
        Some(bound) => {
            table.partition_of = parents.into_iter().next();
            table.partition_bound = Some(partition_bound(context, bound));
        }
        None => table.inherits = parents,
    }
    for element in create.table_elts.iter().chain(&create.constraints) {
        match &element.node {
            Some(NodeEnum::ColumnDef(definition)) => {
                table.columns.push(column(context, definition));
            }
            Some(NodeEnum::Constraint(definition)) => {
                table.constraints.extend(constraint(context, definition));
            }
            Some(NodeEnum::TableLikeClause(clause)) => table.like.push(like(clause)),
            _ => {}
        }
    }
    table.columns.shrink_to_fit();
    table.constraints.shrink_to_fit();
    table
}

fn partition_key(nodes: &[Node]) -> Vec<SmolStr> {
    nodes
        .iter()
        .filter_map(|node| match node.node.as_ref()? {
            NodeEnum::PartitionElem(element) if element.name.is_empty() => {
                Some(SmolStr::new("(expression)"))
            }
            NodeEnum::PartitionElem(element) => Some(truncate(&element.name)),
            _ => None,
        })
        .collect()
}

/// A partition's bound as written, blanks made even: `FROM (10) TO (20)`, `IN ('a')`, `DEFAULT`.
pub(super) fn partition_bound(context: &Context<'_>, bound: &PartitionBoundSpec) -> SmolStr {
    if bound.is_default {
        return SmolStr::new("DEFAULT");
    }
    let Some(text) = usize::try_from(bound.location)
        .ok()
        .and_then(|start| context.text.get(start..))
    else {
        return SmolStr::default();
    };
    let mut written = String::new();
    let mut depth = 0_i32;
    for token in lexer::tokens(text) {
        let part = token.text(text);
        if depth == 0 && !matches!(part, "(") {
            let keyword = ["in", "from", "to", "with"]
                .iter()
                .any(|keyword| part.eq_ignore_ascii_case(keyword));
            // PARTITION BY and the like may follow
            let again = written.contains(')') && !part.eq_ignore_ascii_case("to");
            if !keyword || again {
                break;
            }
        }
        depth += match part {
            "(" => 1,
            ")" => -1,
            _ => 0,
        };
        let glued = written.is_empty() || written.ends_with('(') || matches!(part, ")" | ",");
        if !glued {
            written.push(' ');
        }
        if depth == 0 && part != ")" {
            written.push_str(&part.to_uppercase());
        } else {
            written.push_str(part);
        }
    }
    SmolStr::new(written)
}

fn like(clause: &TableLikeClause) -> LikeClause {
    // the parser's options are a bit mask, numbered as the enum is
    let has = |option: TableLikeOption| clause.options & (1 << (option as u32 - 1)) != 0;
    LikeClause {
        table: relation_of(clause.relation.as_ref()),
        indexes: has(TableLikeOption::CreateTableLikeIndexes),
        constraints: has(TableLikeOption::CreateTableLikeConstraints),
        defaults: has(TableLikeOption::CreateTableLikeDefaults),
        identity: has(TableLikeOption::CreateTableLikeIdentity),
    }
}

/// A column with its constraints.
pub(super) fn column(context: &Context<'_>, node: &ColumnDef) -> ColumnDefinition {
    let mut column = ColumnDefinition::new(&node.colname, types::type_of(node.type_name.as_ref()));
    column.default = expressions::optional(context, node.raw_default.as_deref()).map(Box::new);
    column.not_null = node.is_not_null;
    for member in &node.constraints {
        if let Some(NodeEnum::Constraint(constraint)) = &member.node {
            column_constraint(context, &mut column, constraint);
        }
    }
    // most have one, and a list that grows has room for four
    column.constraints.shrink_to_fit();
    column
}

fn column_constraint(context: &Context<'_>, column: &mut ColumnDefinition, node: &Constraint) {
    match node.contype() {
        ConstrType::ConstrNotnull => {
            column.not_null = true;
            if !node.conname.is_empty() {
                let kind = ConstraintKind::NotNull {
                    column: column.name.clone(),
                };
                column.constraints.push(definition(node, kind));
            }
        }
        ConstrType::ConstrDefault => {
            column.default = expressions::optional(context, node.raw_expr.as_deref()).map(Box::new);
        }
        ConstrType::ConstrIdentity => {
            column.identity = Some(identity(&node.generated_when));
            column.first_number = sequence_options(&node.options).first_number();
        }
        ConstrType::ConstrGenerated => {
            column.generated = Some(Generated {
                value: expressions::boxed(context, node.raw_expr.as_deref()),
                stored: node.generated_kind != "v",
            });
        }
        ConstrType::ConstrAttrDeferrable => {
            last(column, |constraint| constraint.deferrable = true);
        }
        ConstrType::ConstrAttrDeferred => last(column, |constraint| {
            constraint.deferrable = true;
            constraint.initially_deferred = true;
        }),
        ConstrType::ConstrAttrNotEnforced => {
            last(column, |constraint| constraint.not_valid = true);
        }
        _ => column.constraints.extend(constraint(context, node)),
    }
}

/// DEFERRABLE and the like are nodes of their own, after the constraint that they are about.
fn last(column: &mut ColumnDefinition, change: impl FnOnce(&mut ConstraintDefinition)) {
    if let Some(constraint) = column.constraints.last_mut() {
        change(constraint);
    }
}

/// `GENERATED ALWAYS` or `BY DEFAULT`, by the parser's letter.
pub(super) fn identity(generated_when: &str) -> Identity {
    if generated_when == "d" {
        Identity::ByDefault
    } else {
        Identity::Always
    }
}

fn definition(node: &Constraint, kind: ConstraintKind) -> ConstraintDefinition {
    ConstraintDefinition {
        deferrable: node.deferrable,
        initially_deferred: node.initdeferred,
        not_valid: node.skip_validation,
        no_inherit: node.is_no_inherit,
        ..ConstraintDefinition::new(some(&node.conname), kind)
    }
}

/// A constraint of a table, column or domain; `None` for what only annotates one.
pub(super) fn constraint(context: &Context<'_>, node: &Constraint) -> Option<ConstraintDefinition> {
    let kind = match node.contype() {
        ConstrType::ConstrCheck => {
            ConstraintKind::Check(expressions::boxed(context, node.raw_expr.as_deref()))
        }
        ConstrType::ConstrNotnull => ConstraintKind::NotNull {
            column: strings(&node.keys).into_iter().next().unwrap_or_default(),
        },
        ConstrType::ConstrUnique => ConstraintKind::Unique {
            columns: strings(&node.keys),
            include: strings(&node.including),
            nulls_not_distinct: node.nulls_not_distinct,
            using_index: some(&node.indexname).map(truncate),
        },
        ConstrType::ConstrPrimary => ConstraintKind::PrimaryKey {
            columns: strings(&node.keys),
            include: strings(&node.including),
            using_index: some(&node.indexname).map(truncate),
        },
        ConstrType::ConstrForeign => ConstraintKind::ForeignKey {
            columns: strings(&node.fk_attrs),
            table: relation_of(node.pktable.as_ref()),
            referenced: strings(&node.pk_attrs),
            on_delete: referential_action(&node.fk_del_action),
            on_update: referential_action(&node.fk_upd_action),
        },
        ConstrType::ConstrExclusion => ConstraintKind::Exclude {
            elements: exclusions(context, &node.exclusions),
            method: SmolStr::new(some(&node.access_method).unwrap_or("btree")),
            filter: expressions::optional(context, node.where_clause.as_deref()).map(Box::new),
        },
        _ => return None,
    };
    Some(definition(node, kind))
}

fn referential_action(letter: &str) -> ReferentialAction {
    match letter {
        "r" => ReferentialAction::Restrict,
        "c" => ReferentialAction::Cascade,
        "n" => ReferentialAction::SetNull,
        "d" => ReferentialAction::SetDefault,
        _ => ReferentialAction::NoAction,
    }
}

fn exclusions(context: &Context<'_>, nodes: &[Node]) -> Vec<IndexElement> {
    nodes
        .iter()
        .filter_map(|node| {
            let pair = list(node);
            let mut element = index_element(context, pair.first()?)?;
            element.with_operator = pair
                .get(1)
                .and_then(|operator| list(operator).last())
                .and_then(string)
                .map(SmolStr::new);
            Some(element)
        })
        .collect()
}

fn create_index(context: &Context<'_>, index: &IndexStmt) -> CreateIndex {
    let relation = index.relation.as_ref();
    CreateIndex {
        name: some(&index.idxname).map(truncate),
        table: relation_of(relation),
        unique: index.unique,
        concurrently: index.concurrent,
        if_not_exists: index.if_not_exists,
        only: relation.is_some_and(|relation| !relation.inh),
        method: SmolStr::new(some(&index.access_method).unwrap_or("btree")),
        elements: index_elements(context, &index.index_params),
        include: index
            .index_including_params
            .iter()
            .filter_map(|node| match node.node.as_ref()? {
                NodeEnum::IndexElem(element) => Some(truncate(&element.name)),
                _ => None,
            })
            .collect(),
        filter: expressions::optional(context, index.where_clause.as_deref()).map(Box::new),
        nulls_not_distinct: index.nulls_not_distinct,
    }
}

fn index_elements(context: &Context<'_>, nodes: &[Node]) -> Vec<IndexElement> {
    let mut elements = Vec::with_capacity(nodes.len());
    elements.extend(nodes.iter().filter_map(|node| index_element(context, node)));
    elements
}

fn index_element(context: &Context<'_>, node: &Node) -> Option<IndexElement> {
    match node.node.as_ref()? {
        NodeEnum::IndexElem(element) => Some(IndexElement {
            value: index_value(context, element),
            operator_class: (!element.opclass.is_empty())
                .then(|| dotted(&element.opclass).to_string().into()),
            descending: element.ordering() == SortByDir::SortbyDesc,
            with_operator: None,
        }),
        _ => None,
    }
}

/// What an index element computes: also the elements of ON CONFLICT.
pub(super) fn index_value(context: &Context<'_>, element: &IndexElem) -> Expr {
    if element.name.is_empty() {
        expressions::required(context, element.expr.as_deref())
    } else {
        Expr::column(&truncate(&element.name))
    }
}

fn create_table_as(context: &Context<'_>, create: &CreateTableAsStmt) -> CreateTableAs {
    let into = create.into.as_deref();
    let relation = into.and_then(|into| into.rel.as_ref());
    CreateTableAs {
        name: relation_of(relation),
        if_not_exists: create.if_not_exists,
        temporary: has_persistence(relation, "t"),
        materialized_view: create.objtype() == ObjectType::ObjectMatview,
        columns: into
            .map(|into| strings(&into.col_names))
            .unwrap_or_default(),
        query: query::query_of(context, create.query.as_deref()),
        with_data: into.is_none_or(|into| !into.skip_data),
    }
}

fn create_view(context: &Context<'_>, view: &ViewStmt) -> CreateView {
    CreateView {
        name: relation_of(view.view.as_ref()),
        or_replace: view.replace,
        temporary: has_persistence(view.view.as_ref(), "t"),
        columns: strings(&view.aliases),
        query: query::query_of(context, view.query.as_deref()),
    }
}
