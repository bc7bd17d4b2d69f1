//! Functions, procedures, aggregates, triggers, DO blocks, CALL.

use std::sync::Arc;

use pg_query::protobuf::{
    CreateFunctionStmt, CreateTrigStmt, DefineStmt, DoStmt, FunctionParameter,
    FunctionParameterMode, ObjectType,
};
use pg_query::{Node, NodeEnum};
use smol_str::SmolStr;

use super::names::{dotted, list, option, relation_of, string, strings, value_text};
use super::{Context, expressions, types};
use crate::postgres::expression::children;
use crate::postgres::name::truncate;
use crate::postgres::statement::{Block, CreateFunction, CreateTrigger, Returns};
use crate::postgres::{Expr, ObjectKind, Statement, TypeName};
use crate::sql::{lexer, plpgsql};

/// Statements of this subject.
pub(super) fn statement(context: &Context<'_>, node: &NodeEnum) -> Option<Statement> {
    Some(match node {
        NodeEnum::CreateFunctionStmt(create) => checked_function(create_function(context, create)),
        NodeEnum::DefineStmt(define) if define.kind() == ObjectType::ObjectAggregate => {
            Statement::CreateFunction(Box::new(create_aggregate(define)))
        }
        NodeEnum::CreateTrigStmt(create) => {
            Statement::CreateTrigger(Box::new(create_trigger(context, create)))
        }
        NodeEnum::DoStmt(node) => {
            let block = do_block(node);
            match plpgsql::syntax_error(&block) {
                Some(message) => Statement::SyntaxError { message },
                None => Statement::Do(Arc::new(block)),
            }
        }
        NodeEnum::CallStmt(call) => {
            let call = expressions::function_call(context, call.funccall.as_deref()?);
            let Expr::Call {
                name, arguments, ..
            } = call
            else {
                return None;
            };
            Statement::Call {
                name: *name,
                arguments,
            }
        }
        _ => return None,
    })
}

/// A function, unless the server would refuse its body when it is made.
pub(in crate::sql) fn checked_function(function: CreateFunction) -> Statement {
    if function.language == "plpgsql"
        && let Some(message) = plpgsql::refused_body(&function.body)
    {
        return Statement::SyntaxError { message };
    }
    Statement::CreateFunction(Box::new(function))
}

/// What the parameters of a function say.
#[derive(Default)]
struct Signature {
    arguments: Vec<TypeName>,
    names: Vec<SmolStr>,
    defaults: usize,
    /// OUT, INOUT and TABLE columns.
    output: Vec<(SmolStr, TypeName)>,
    /// It returns a table of them.
    is_table: bool,
}

fn signature(parameters: &[Node]) -> Signature {
    let mut signature = Signature::default();
    for node in parameters {
        let Some(NodeEnum::FunctionParameter(parameter)) = &node.node else {
            continue;
        };
        add_parameter(&mut signature, parameter);
    }
    signature
}

fn add_parameter(signature: &mut Signature, parameter: &FunctionParameter) {
    let type_name = types::type_of(parameter.arg_type.as_ref());
    let mode = parameter.mode();
    let is_output = matches!(
        mode,
        FunctionParameterMode::FuncParamOut
            | FunctionParameterMode::FuncParamInout
            | FunctionParameterMode::FuncParamTable
    );
    if is_output {
        signature.is_table |= mode == FunctionParameterMode::FuncParamTable;
        signature
            .output
            .push((truncate(&parameter.name), type_name.clone()));
    }
    let is_input = !matches!(
        mode,
        FunctionParameterMode::FuncParamOut | FunctionParameterMode::FuncParamTable
    );
    if is_input {
        signature.arguments.push(type_name);
        signature.names.push(truncate(&parameter.name));
        signature.defaults += usize::from(parameter.defexpr.is_some());
    }
}

fn create_function(context: &Context<'_>, create: &CreateFunctionStmt) -> CreateFunction {
    let signature = signature(&create.parameters);
    CreateFunction {
        kind: if create.is_procedure {
            ObjectKind::Procedure
        } else {
            ObjectKind::Function
        },
        name: dotted(&create.funcname),
        or_replace: create.replace,
        arguments: signature.arguments,
        argument_names: signature.names,
        returns: returns(create, signature.is_table, signature.output),
        defaults: signature.defaults,
        language: option(&create.options, "language")
            .and_then(|option| option.arg.as_deref())
            .and_then(string)
            .map_or_else(|| SmolStr::new("sql"), |name| name.to_lowercase().into()),
        body: body(context, create).into(),
    }
}

fn returns(
    create: &CreateFunctionStmt,
    is_table: bool,
    columns: Vec<(SmolStr, TypeName)>,
) -> Returns {
    // what the grammar puts there for RETURNS TABLE says no more than its columns
    let returned = create.return_type.as_ref().filter(|_| !is_table);
    Returns {
        set: is_table || returned.is_some_and(|returned| returned.setof),
        type_name: returned.map(types::type_name),
        columns,
    }
}

/// The text after AS, or the body that is written as SQL.
fn body(context: &Context<'_>, create: &CreateFunctionStmt) -> String {
    if let Some(written) = option(&create.options, "as").and_then(|option| option.arg.as_deref()) {
        return strings(list(written)).join(", ");
    }
    if create.sql_body.is_none() {
        return String::new();
    }
    let tokens = lexer::tokens(context.text);
    let atomic = tokens.windows(2).find(|pair| {
        pair[0].is_word(context.text, "begin") && pair[1].is_word(context.text, "atomic")
    });
    let start = atomic
        .and_then(|pair| pair.first())
        .or_else(|| {
            tokens
                .iter()
                .rfind(|token| token.is_word(context.text, "return"))
        })
        .map_or(0, |token| token.start);
    context.text.get(start..).unwrap_or_default().to_owned()
}

/// `CREATE AGGREGATE name (arguments) (options)`; in the old form the argument is the option `basetype`.
fn create_aggregate(define: &DefineStmt) -> CreateFunction {
    let mut signature = define
        .args
        .first()
        .map(|parameters| self::signature(list(parameters)))
        .unwrap_or_default();
    let type_option = |name: &str| {
        let argument = option(&define.definition, name)?.arg.as_deref()?;
        match argument.node.as_ref()? {
            NodeEnum::TypeName(name) => Some(types::type_name(name)),
            _ => None,
        }
    };
    if define.oldstyle {
        signature.arguments = type_option("basetype").into_iter().collect();
    }
    CreateFunction {
        kind: ObjectKind::Aggregate,
        name: dotted(&define.defnames),
        or_replace: define.replace,
        arguments: signature.arguments,
        argument_names: signature.names,
        defaults: 0,
        returns: type_option("stype").map(Returns::one).unwrap_or_default(),
        language: SmolStr::new("internal"),
        body: option(&define.definition, "sfunc")
            .and_then(|option| option.arg.as_deref())
            .and_then(value_text)
            .unwrap_or_default()
            .as_str()
            .into(),
    }
}

/// The columns of the row that a condition names: `NEW.a`, `OLD.b`.
fn of_row(expression: &Expr, columns: &mut Vec<SmolStr>) {
    if let Expr::Column { qualifier, name } = expression
        && matches!(qualifier.as_slice(), [row] if row == "new" || row == "old")
        && !columns.contains(name)
    {
        columns.push(name.clone());
    }
    for child in children(expression) {
        of_row(child, columns);
    }
}

fn create_trigger(context: &Context<'_>, create: &CreateTrigStmt) -> CreateTrigger {
    let mut condition = Vec::new();
    if let Some(written) = create.when_clause.as_deref() {
        of_row(&expressions::expression(context, written), &mut condition);
    }
    CreateTrigger {
        name: truncate(&create.trigname),
        table: relation_of(create.relation.as_ref()),
        or_replace: create.replace,
        constraint: create.isconstraint,
        function: dotted(&create.funcname),
        columns: strings(&create.columns),
        condition,
        always: create.row && create.when_clause.is_none(),
        events: create.events as u8,
    }
}

fn do_block(block: &DoStmt) -> Block {
    let text_of = |name: &str| {
        option(&block.args, name)
            .and_then(|option| option.arg.as_deref())
            .and_then(string)
    };
    let language = text_of("language").unwrap_or("plpgsql");
    if !language.eq_ignore_ascii_case("plpgsql") {
        return Block {
            unreadable: Some(format!("a block in {language}").into()),
            ..Block::default()
        };
    }
    plpgsql::block(text_of("as").unwrap_or_default())
}
