//! Queries: SELECT, VALUES, set operations, FROM, WITH.

use pg_query::protobuf::{
    Alias, CommonTableExpr, JoinExpr, JoinType, RangeFunction, SelectStmt, SetOperation, SortBy,
    SortByDir, SortByNulls, WithClause,
};
use pg_query::{Node, NodeEnum};
use smol_str::SmolStr;

use super::names::{list, relation, relation_of, some, strings};
use super::{Context, expressions};
use crate::postgres::expression::{
    CommonTable, FromItem, JoinKind, OrderBy, QueryBody, Select, SetOperator, Target,
};
use crate::postgres::statement::CreateTableAs;
use crate::postgres::{Datum, Expr, Query, Statement};
use crate::unknown::HOLE;

/// Most arms of UNION and the like that are kept: they nest to the left.
const MAX_ARMS: usize = 400;

/// Whether a node is a query as a statement.
pub(super) fn is_query(node: &NodeEnum) -> bool {
    matches!(node, NodeEnum::SelectStmt(_))
}

/// A query as a statement; `SELECT ... INTO` makes a table.
pub(super) fn statement(context: &Context<'_>, node: &NodeEnum) -> Statement {
    let NodeEnum::SelectStmt(node) = node else {
        return Statement::Unreadable {
            why: "not a query".into(),
            data: true,
        };
    };
    let mut query = select(context, node);
    let Some(into) = into_clause(node) else {
        return Statement::Query(Box::new(query));
    };
    query.into = None;
    Statement::CreateTableAs(Box::new(CreateTableAs {
        name: relation_of(into.rel.as_ref()),
        if_not_exists: false,
        temporary: into
            .rel
            .as_ref()
            .is_some_and(|relation| relation.relpersistence == "t"),
        materialized_view: false,
        columns: Vec::new(),
        query,
        with_data: true,
    }))
}

/// The INTO of a query: in a set operation it stands in the first arm.
fn into_clause(node: &SelectStmt) -> Option<&pg_query::protobuf::IntoClause> {
    let mut current = node;
    loop {
        if let Some(into) = &current.into_clause {
            return Some(into);
        }
        current = current.larg.as_deref()?;
    }
}

/// A query that must be one; anything else is a query of nothing known.
pub(super) fn query_of(context: &Context<'_>, node: Option<&Node>) -> Query {
    match node.and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::SelectStmt(select)) => self::select(context, select),
        _ => opaque("a query that is not modelled"),
    }
}

/// A query that gives one unknown value.
fn opaque(what: &str) -> Query {
    Query::from(QueryBody::Select(Box::new(Select {
        targets: vec![Target {
            value: Expr::Unknown(SmolStr::new(what)),
            alias: None,
        }],
        ..Select::default()
    })))
}

/// The value of a query that is `SELECT value` and no more.
pub(in crate::sql) fn only_target(query: Query) -> Option<Expr> {
    if !query.with.is_empty() || query.limit.is_some() || !query.order_by.is_empty() {
        return None;
    }
    let QueryBody::Select(mut select) = query.body else {
        return None;
    };
    let bare = select.from.is_empty()
        && select.filter.is_none()
        && select.group_by.is_empty()
        && select.having.is_none()
        && !select.distinct
        && select.targets.len() == 1;
    let target = select.targets.pop()?;
    (bare && target.alias.is_none()).then_some(target.value)
}

/// Lowers a query.
pub(super) fn select(context: &Context<'_>, node: &SelectStmt) -> Query {
    context
        .deeper(|| lower(context, node))
        .unwrap_or_else(|| opaque("nested too deeply"))
}

fn lower(context: &Context<'_>, node: &SelectStmt) -> Query {
    let mut query = if node.op() == SetOperation::SetopNone || node.larg.is_none() {
        Query::from(body(context, node))
    } else {
        set_operation(context, node)
    };
    clauses(context, node, &mut query);
    query
}

/// WITH, ORDER BY, LIMIT, OFFSET, INTO.
fn clauses(context: &Context<'_>, node: &SelectStmt, query: &mut Query) {
    query.with = with(context, node.with_clause.as_ref());
    query.order_by = order_by(context, &node.sort_clause);
    // LIMIT ALL is LIMIT NULL
    query.limit = expressions::optional(context, node.limit_count.as_deref())
        .filter(|limit| *limit != Expr::Value(Datum::Null));
    query.offset = expressions::optional(context, node.limit_offset.as_deref());
    query.into = node
        .into_clause
        .as_ref()
        .map(|into| relation_of(into.rel.as_ref()));
}

fn body(context: &Context<'_>, node: &SelectStmt) -> QueryBody {
    if !node.values_lists.is_empty() {
        return QueryBody::Values(rows(context, &node.values_lists));
    }
    let from = from(context, &node.from_clause);
    let mut filter = expressions::optional(context, node.where_clause.as_deref());
    if from.iter().any(ends_in_hole) {
        filter = Some(with_hole(filter));
    }
    QueryBody::Select(Box::new(Select {
        distinct: !node.distinct_clause.is_empty(),
        distinct_on: distinct_on(context, &node.distinct_clause),
        targets: targets(context, &node.target_list),
        from,
        filter,
        group_by: expressions::all(context, &node.group_clause),
        having: expressions::optional(context, node.having_clause.as_deref()),
    }))
}

/// The expressions of DISTINCT ON: DISTINCT alone is one node that is empty.
fn distinct_on(context: &Context<'_>, nodes: &[Node]) -> Vec<Expr> {
    if nodes.iter().any(|node| node.node.is_none()) {
        return Vec::new();
    }
    expressions::all(context, nodes)
}

/// Whether a word is all hole. As an alias it may as well be clauses that follow: `FROM t {where}`.
pub(super) fn is_hole(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|character| character == HOLE)
}

fn ends_in_hole(item: &FromItem) -> bool {
    let alias = match item {
        FromItem::Table { alias, .. }
        | FromItem::Query { alias, .. }
        | FromItem::Function { alias, .. } => alias,
        FromItem::Join { right, .. } => return ends_in_hole(right),
    };
    alias.as_deref().is_some_and(is_hole)
}

/// A condition of which a part is not known.
pub(super) fn with_hole(filter: Option<Expr>) -> Expr {
    let hole = Expr::Value(Datum::Unknown);
    match filter {
        Some(filter) => Expr::And(vec![filter, hole]),
        None => hole,
    }
}

/// Rows of VALUES.
pub(super) fn rows(context: &Context<'_>, lists: &[Node]) -> Vec<Vec<Expr>> {
    lists
        .iter()
        .map(|row| expressions::all(context, list(row)))
        .collect()
}

/// `a UNION b UNION c` nests to the left: the arms are walked, not recursed into.
fn set_operation(context: &Context<'_>, last: &SelectStmt) -> Query {
    let mut arms = Vec::new();
    let mut current = last;
    let first = loop {
        arms.push(current);
        let Some(left) = current.larg.as_deref() else {
            return opaque("a set operation without a left side");
        };
        let plain_chain = left.op() != SetOperation::SetopNone
            && left.with_clause.is_none()
            && left.sort_clause.is_empty()
            && left.limit_count.is_none()
            && left.limit_offset.is_none();
        if !plain_chain {
            break left;
        }
        current = left;
    };
    if arms.len() > MAX_ARMS {
        return opaque("too many arms of a set operation");
    }
    let mut query = select(context, first);
    for arm in arms.into_iter().rev() {
        let right = match arm.rarg.as_deref() {
            Some(right) => select(context, right),
            None => opaque("a set operation without a right side"),
        };
        query = Query::from(QueryBody::Set {
            operator: match arm.op() {
                SetOperation::SetopIntersect => SetOperator::Intersect,
                SetOperation::SetopExcept => SetOperator::Except,
                _ => SetOperator::Union,
            },
            all: arm.all,
            left: Box::new(query),
            right: Box::new(right),
        });
    }
    query
}

/// Output columns, of SELECT and RETURNING.
pub(super) fn targets(context: &Context<'_>, nodes: &[Node]) -> Vec<Target> {
    nodes
        .iter()
        .filter_map(|node| match node.node.as_ref()? {
            // `SELECT count(*) {from}`: what the hole adds may change any value
            NodeEnum::ResTarget(target) if is_hole(&target.name) => Some(Target {
                value: Expr::Value(Datum::Unknown),
                alias: None,
            }),
            NodeEnum::ResTarget(target) => Some(Target {
                value: expressions::required(context, target.val.as_deref()),
                alias: some(&target.name).map(SmolStr::new),
            }),
            _ => None,
        })
        .collect()
}

/// WITH.
pub(super) fn with(context: &Context<'_>, clause: Option<&WithClause>) -> Vec<CommonTable> {
    let Some(clause) = clause else {
        return Vec::new();
    };
    clause
        .ctes
        .iter()
        .filter_map(|node| match node.node.as_ref()? {
            NodeEnum::CommonTableExpr(table) => {
                Some(common_table(context, table, clause.recursive))
            }
            _ => None,
        })
        .collect()
}

fn common_table(context: &Context<'_>, table: &CommonTableExpr, recursive: bool) -> CommonTable {
    CommonTable {
        name: SmolStr::new(&table.ctename),
        columns: strings(&table.aliascolnames),
        statement: Box::new(super::statement(context, table.ctequery.as_deref())),
        recursive,
    }
}

fn order_by(context: &Context<'_>, nodes: &[Node]) -> Vec<OrderBy> {
    nodes
        .iter()
        .filter_map(|node| match node.node.as_ref()? {
            NodeEnum::SortBy(sort) => Some(order(context, sort)),
            _ => None,
        })
        .collect()
}

fn order(context: &Context<'_>, sort: &SortBy) -> OrderBy {
    OrderBy {
        value: expressions::required(context, sort.node.as_deref()),
        descending: sort.sortby_dir() == SortByDir::SortbyDesc,
        nulls_first: match sort.sortby_nulls() {
            SortByNulls::SortbyNullsFirst => Some(true),
            SortByNulls::SortbyNullsLast => Some(false),
            _ => None,
        },
    }
}

/// The items of FROM or USING.
pub(super) fn from(context: &Context<'_>, nodes: &[Node]) -> Vec<FromItem> {
    nodes.iter().map(|node| from_item(context, node)).collect()
}

/// One item of FROM.
pub(super) fn from_item(context: &Context<'_>, node: &Node) -> FromItem {
    context
        .deeper(|| lower_from_item(context, node))
        .unwrap_or_else(|| unknown_item("nested too deeply", None))
}

fn unknown_item(what: &str, alias: Option<&Alias>) -> FromItem {
    FromItem::Function {
        call: Expr::Unknown(SmolStr::new(what)),
        alias: alias_name(alias),
        columns: alias_columns(alias),
    }
}

pub(super) fn alias_name(alias: Option<&Alias>) -> Option<SmolStr> {
    alias.map(|alias| SmolStr::new(&alias.aliasname))
}

fn alias_columns(alias: Option<&Alias>) -> Vec<SmolStr> {
    alias
        .map(|alias| strings(&alias.colnames))
        .unwrap_or_default()
}

fn lower_from_item(context: &Context<'_>, node: &Node) -> FromItem {
    match &node.node {
        Some(NodeEnum::RangeVar(range)) => FromItem::Table {
            name: relation(range),
            alias: alias_name(range.alias.as_ref()),
            columns: alias_columns(range.alias.as_ref()),
        },
        Some(NodeEnum::RangeSubselect(subselect)) => FromItem::Query {
            query: Box::new(query_of(context, subselect.subquery.as_deref())),
            alias: alias_name(subselect.alias.as_ref()),
            columns: alias_columns(subselect.alias.as_ref()),
            lateral: subselect.lateral,
        },
        Some(NodeEnum::RangeFunction(function)) => table_function(context, function),
        Some(NodeEnum::JoinExpr(join)) => self::join(context, join),
        Some(NodeEnum::RangeTableSample(sample)) => match sample.relation.as_deref() {
            Some(relation) => from_item(context, relation),
            None => unknown_item("TABLESAMPLE", None),
        },
        Some(NodeEnum::RangeTableFunc(table)) => unknown_item("XMLTABLE", table.alias.as_ref()),
        Some(NodeEnum::JsonTable(table)) => unknown_item("JSON_TABLE", table.alias.as_ref()),
        _ => unknown_item("an item of FROM that is not modelled", None),
    }
}

fn table_function(context: &Context<'_>, function: &RangeFunction) -> FromItem {
    let alias = function.alias.as_ref();
    let mut columns = alias_columns(alias);
    if columns.is_empty() {
        columns = function
            .coldeflist
            .iter()
            .filter_map(|node| match node.node.as_ref()? {
                NodeEnum::ColumnDef(column) => Some(SmolStr::new(&column.colname)),
                _ => None,
            })
            .collect();
    }
    let call = match function.functions.as_slice() {
        [only] if !function.ordinality => match list(only).first() {
            Some(call) => expressions::expression(context, call),
            None => Expr::Unknown("a function in FROM".into()),
        },
        [_] => Expr::Unknown("WITH ORDINALITY".into()),
        _ => Expr::Unknown("ROWS FROM".into()),
    };
    FromItem::Function {
        call,
        alias: alias_name(alias),
        columns,
    }
}

fn join(context: &Context<'_>, join: &JoinExpr) -> FromItem {
    let side = |node: Option<&Node>| match node {
        Some(node) => from_item(context, node),
        None => unknown_item("a join without a side", None),
    };
    let on = expressions::optional(context, join.quals.as_deref());
    let kind = match join.jointype() {
        JoinType::JoinLeft => JoinKind::Left,
        JoinType::JoinRight => JoinKind::Right,
        JoinType::JoinFull => JoinKind::Full,
        _ if on.is_none() && join.using_clause.is_empty() && !join.is_natural => JoinKind::Cross,
        _ => JoinKind::Inner,
    };
    let joined = FromItem::Join {
        kind,
        left: Box::new(side(join.larg.as_deref())),
        right: Box::new(side(join.rarg.as_deref())),
        on,
        using: strings(&join.using_clause),
        natural: join.is_natural,
    };
    let alias = join.alias.as_ref();
    match alias_name(alias) {
        None => joined,
        // an alias of a join hides the names inside, as one of a subquery does
        Some(name) => FromItem::Query {
            query: Box::new(everything_of(joined)),
            alias: Some(name),
            columns: alias_columns(alias),
            lateral: true,
        },
    }
}

fn everything_of(item: FromItem) -> Query {
    Query::from(Select {
        targets: vec![Target {
            value: Expr::Star {
                qualifier: Vec::new(),
            },
            alias: None,
        }],
        from: vec![item],
        ..Select::default()
    })
}
