//! PL/pgSQL text to a [`Block`]: the body of DO and of functions (manual, chapter 41).
//!
//! A reader of its own over the tokens, since libpg_query's gives lines instead of values and refuses types that it
//! does not know. SQL inside is lowered by the same code as SQL outside; variables stay columns, and who executes the
//! block tells them apart. What can't be read makes the block unreadable and says why.

mod fragments;

use std::cell::RefCell;
use std::sync::Arc;

use smol_str::SmolStr;

pub(super) use self::fragments::syntax_error;
use self::fragments::{declared_type, expression, fold, is_hole, literal, one_of, starts_a_query};
use super::lexer::{self, Token, TokenKind};
use super::read;
use super::remembered::Remembered;
use crate::limits::Limit;
use crate::postgres::statement::{Block, Declaration, Handler, PlStatement};
use crate::postgres::{Expr, Statement};

/// Deepest nesting of blocks, loops and conditions.
const MAX_DEPTH: u16 = 40;

type Read<T> = Result<T, Arc<str>>;

/// Bytes of bodies that one thread remembers a verdict for: past it, all are forgotten.
const REMEMBERED_BYTES: usize = 1 << 20;

/// What the server says of bodies, by their text.
type Verdicts = Remembered<Box<str>, Option<Arc<str>>>;

thread_local! {
    static VERDICTS: RefCell<Verdicts> = RefCell::new(Remembered::new(REMEMBERED_BYTES));
}

/// Why the server refuses a function's body; equal bodies (the trigger that stamps a row, say) are read once per thread.
pub(super) fn refused_body(text: &str) -> Option<Arc<str>> {
    if let Some(known) = VERDICTS.with_borrow(|verdicts| verdicts.get(text)) {
        return known;
    }
    let verdict = syntax_error(&block(text));
    VERDICTS.with_borrow_mut(|verdicts| verdicts.insert(text.into(), verdict.clone(), text.len()));
    verdict
}

/// Reads a body.
pub(super) fn block(text: &str) -> Block {
    let mut reader = Reader {
        text,
        tokens: lexer::tokens(text),
        at: 0,
        depth: 0,
    };
    let read = reader.block().and_then(|block| {
        reader.eat(";");
        match reader.peek() {
            None => Ok(block),
            Some(_) => Err(reader.unexpected("the end")),
        }
    });
    read.unwrap_or_else(|why| Block {
        unreadable: Some(why),
        ..Block::default()
    })
}

struct Reader<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: u16,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<Token> {
        self.tokens.get(self.at).copied()
    }

    fn peek_word(&self, ahead: usize, word: &str) -> bool {
        self.tokens
            .get(self.at + ahead)
            .is_some_and(|token| token.is_word(self.text, word))
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.peek()?;
        self.at += 1;
        Some(token)
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.peek_word(0, word);
        self.at += usize::from(found);
        found
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.peek().is_some_and(|token| token.is(self.text, text));
        self.at += usize::from(found);
        found
    }

    fn expect_word(&mut self, word: &str) -> Read<()> {
        if self.eat_word(word) {
            return Ok(());
        }
        Err(self.unexpected(&word.to_uppercase()))
    }

    fn expect(&mut self, text: &str) -> Read<()> {
        if self.eat(text) {
            return Ok(());
        }
        Err(self.unexpected(text))
    }

    fn unexpected(&self, wanted: &str) -> Arc<str> {
        match self.peek() {
            Some(token) => {
                let found: String = token.text(self.text).chars().take(40).collect();
                format!("`{found}` where {wanted} should stand").into()
            }
            None => format!("the body ends where {wanted} should stand").into(),
        }
    }

    fn identifier(&mut self) -> Read<SmolStr> {
        match self.peek() {
            Some(token) if matches!(token.kind, TokenKind::Word | TokenKind::Quoted) => {
                self.at += 1;
                Ok(fold(token.text(self.text)))
            }
            _ => Err(self.unexpected("a name")),
        }
    }

    /// A variable: `name`, `record.field`; subscripts are not part of it.
    fn variable(&mut self) -> Read<SmolStr> {
        let mut name = self.identifier()?.to_string();
        while self.eat(".") {
            name.push('.');
            name.push_str(&self.identifier()?);
        }
        Ok(name.into())
    }

    fn variables(&mut self) -> Read<Vec<SmolStr>> {
        let mut names = vec![self.variable()?];
        while self.eat(",") {
            names.push(self.variable()?);
        }
        Ok(names)
    }

    /// Text up to, not including, a token at depth 0 that `stops`; words of CASE ... END inside do not stop.
    fn until(&mut self, stops: impl Fn(&str, Token) -> bool) -> &'a str {
        let text = self.text;
        let first = self.at;
        let mut nesting = 0_usize;
        let mut cases = 0_usize;
        while let Some(token) = self.peek() {
            let part = token.text(text);
            if nesting == 0 && cases == 0 && stops(text, token) {
                break;
            }
            match part {
                "(" | "[" if token.kind == TokenKind::Punctuation => nesting += 1,
                ")" | "]" if token.kind == TokenKind::Punctuation => {
                    nesting = nesting.saturating_sub(1);
                }
                // a semicolon always ends a fragment, or one slip would swallow the rest of the body
                ";" if token.kind == TokenKind::Punctuation => break,
                _ if token.is_word(text, "case") => cases += 1,
                _ if token.is_word(text, "end") => cases = cases.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
        }
        self.slice(first, self.at)
    }

    /// The text of some tokens, with what stands between them.
    fn slice(&self, first: usize, end: usize) -> &'a str {
        let (Some(start), Some(last)) = (
            self.tokens.get(first),
            end.checked_sub(1).and_then(|last| self.tokens.get(last)),
        ) else {
            return "";
        };
        self.text.get(start.start..last.end).unwrap_or_default()
    }

    fn until_word(&mut self, word: &str) -> &'a str {
        self.until(|text, token| token.is_word(text, word))
    }

    fn until_semicolon(&mut self) -> &'a str {
        self.until(|_, _| false)
    }

    fn skip_label(&mut self) {
        let is_label = self.peek().is_some_and(|token| token.is(self.text, "<<"));
        if is_label {
            self.at += 2;
            self.eat(">>");
        }
    }

    /// `[DECLARE ...] BEGIN ... [EXCEPTION ...] END [label]`, without its semicolon.
    fn block(&mut self) -> Read<Block> {
        self.deeper(|reader| {
            reader.skip_label();
            let mut block = Block::default();
            while reader.eat_word("declare") {
                reader.declarations(&mut block.declarations)?;
            }
            reader.expect_word("begin")?;
            block.body = reader.statements()?;
            if reader.eat_word("exception") {
                while reader.eat_word("when") {
                    let conditions = reader.conditions()?;
                    let body = reader.statements()?;
                    block.handlers.push(Handler { conditions, body });
                }
            }
            reader.expect_word("end")?;
            reader.skip_name();
            Ok(block)
        })
    }

    fn deeper<T>(&mut self, step: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        if self.depth >= MAX_DEPTH {
            return Err(Limit::Nesting.met().into());
        }
        self.depth += 1;
        let result = step(self);
        self.depth -= 1;
        result
    }

    /// The label after END.
    fn skip_name(&mut self) {
        let is_name = self
            .peek()
            .is_some_and(|token| matches!(token.kind, TokenKind::Word | TokenKind::Quoted));
        self.at += usize::from(is_name);
    }

    fn conditions(&mut self) -> Read<Vec<SmolStr>> {
        let mut conditions = Vec::new();
        loop {
            let name = self.identifier()?;
            if name == "sqlstate" {
                let state = self.next().map_or("", |token| token.text(self.text));
                conditions.push(format!("sqlstate {}", state.trim_matches('\'')).into());
            } else {
                conditions.push(name);
            }
            if !self.eat_word("or") {
                break;
            }
        }
        self.expect_word("then")?;
        Ok(conditions)
    }

    fn declarations(&mut self, declarations: &mut Vec<Declaration>) -> Read<()> {
        while !self.peek_word(0, "begin") && !self.peek_word(0, "declare") {
            if self.peek().is_none() {
                return Err(self.unexpected("BEGIN"));
            }
            self.skip_label();
            let name = self.identifier()?;
            if self.eat_word("alias") {
                // another name of a parameter or variable
                self.expect_word("for")?;
                let value = Some(expression(self.until_semicolon()));
                self.expect(";")?;
                declarations.push(Declaration {
                    name,
                    type_name: SmolStr::default(),
                    value,
                });
                continue;
            }
            self.eat_word("constant");
            let is_value = |text: &str, token: Token| {
                token.is_word(text, "default")
                    || token.is_word(text, "not")
                    || token.is(text, ":=")
                    || token.is(text, "=")
            };
            let type_name = declared_type(self.until(is_value));
            if self.eat_word("not") {
                self.expect_word("null")?;
            }
            let has_value = self.eat_word("default") || self.eat(":=") || self.eat("=");
            let value = has_value.then(|| expression(self.until_semicolon()));
            self.expect(";")?;
            declarations.push(Declaration {
                name,
                type_name,
                value,
            });
        }
        Ok(())
    }

    /// Statements up to a word that ends them, which is left.
    fn statements(&mut self) -> Read<Vec<PlStatement>> {
        self.deeper(|reader| {
            let mut statements = Vec::new();
            loop {
                let ends = ["end", "exception", "elsif", "elseif", "else", "when"]
                    .iter()
                    .any(|word| reader.peek_word(0, word));
                if ends || reader.peek().is_none() {
                    return Ok(statements);
                }
                statements.push(reader.statement()?);
            }
        })
    }

    fn statement(&mut self) -> Read<PlStatement> {
        self.skip_label();
        let Some(first) = self.peek() else {
            return Err(self.unexpected("a statement"));
        };
        if self.is_assignment() {
            return self.assignment();
        }
        if is_hole(first.text(self.text)) {
            self.at += 1;
            self.eat(";");
            return Ok(PlStatement::Unknown("text that is not known".into()));
        }
        let word = if first.kind == TokenKind::Word {
            first.text(self.text).to_ascii_lowercase()
        } else {
            String::new()
        };
        match word.as_str() {
            "begin" | "declare" => {
                let block = self.block()?;
                self.expect(";")?;
                Ok(PlStatement::Block(Box::new(block)))
            }
            "if" => self.conditional(),
            "case" => self.case(),
            "loop" | "while" | "for" | "foreach" => self.looped(&word),
            "exit" | "continue" => self.exit(word == "continue"),
            "return" => self.returned(),
            "raise" => self.raise(),
            "execute" => self.execute(),
            "perform" => self.perform(),
            "null" => self.simple(PlStatement::Null),
            "commit" => self.simple(PlStatement::Commit),
            "rollback" => self.simple(PlStatement::Rollback),
            "get" => self.diagnostics(),
            "assert" => self.assert(),
            "open" | "fetch" | "close" | "move" => {
                self.until_semicolon();
                self.expect(";")?;
                Ok(PlStatement::Unknown(word.to_uppercase().into()))
            }
            _ => self.sql(),
        }
    }

    fn simple(&mut self, statement: PlStatement) -> Read<PlStatement> {
        self.until_semicolon();
        self.expect(";")?;
        Ok(statement)
    }

    /// `GET DIAGNOSTICS a = ROW_COUNT, ...`: assignments of what is not known.
    fn diagnostics(&mut self) -> Read<PlStatement> {
        self.at += 1;
        if !self.eat_word("current") {
            self.eat_word("stacked");
        }
        self.expect_word("diagnostics")?;
        let mut body = Vec::new();
        loop {
            let target = self.variable()?;
            let item = self.until(|text, token| token.is(text, ","));
            let item = item.trim_start_matches([':', '=', ' ']);
            body.push(PlStatement::Assign {
                target,
                value: Expr::Unknown(item.to_uppercase().into()),
            });
            if !self.eat(",") {
                break;
            }
        }
        self.expect(";")?;
        Ok(PlStatement::Block(Box::new(Block {
            body,
            ..Block::default()
        })))
    }

    /// `ASSERT condition [, message]`.
    fn assert(&mut self) -> Read<PlStatement> {
        self.at += 1;
        let condition = expression(self.until(|text, token| token.is(text, ",")));
        self.until_semicolon();
        self.expect(";")?;
        Ok(PlStatement::If {
            arms: vec![(condition, vec![PlStatement::Null])],
            otherwise: vec![PlStatement::Raise {
                level: "exception".into(),
                condition: Some("assert_failure".into()),
                message: "assertion failed".into(),
            }],
        })
    }

    /// `name := ...`, `record.field = ...`, `array[1] := ...`.
    fn is_assignment(&self) -> bool {
        let mut at = self.at;
        let kind = |at: usize| self.tokens.get(at).map(|token| token.kind);
        let is = |at: usize, text: &str| {
            self.tokens
                .get(at)
                .is_some_and(|token| token.is(self.text, text))
        };
        if !matches!(kind(at), Some(TokenKind::Word | TokenKind::Quoted)) {
            return false;
        }
        at += 1;
        loop {
            if is(at, ".") {
                at += 2;
            } else if is(at, "[") {
                while at < self.tokens.len() && !is(at, "]") && !is(at, ";") {
                    at += 1;
                }
                at += 1;
            } else {
                return is(at, ":=") || is(at, "=");
            }
        }
    }

    fn assignment(&mut self) -> Read<PlStatement> {
        let target = self.variable()?;
        let is_element = self.peek().is_some_and(|token| token.is(self.text, "["));
        self.until(|text, token| token.is(text, ":=") || token.is(text, "="));
        self.at += 1;
        let value = self.until_semicolon();
        self.expect(";")?;
        if is_element {
            return Ok(PlStatement::Assign {
                target,
                value: Expr::Unknown("an array of which an element was set".into()),
            });
        }
        Ok(PlStatement::Assign {
            target,
            value: expression(value),
        })
    }

    fn conditional(&mut self) -> Read<PlStatement> {
        self.at += 1;
        let mut arms = Vec::new();
        let mut otherwise = Vec::new();
        loop {
            let condition = expression(self.until_word("then"));
            self.expect_word("then")?;
            arms.push((condition, self.statements()?));
            if !self.eat_word("elsif") && !self.eat_word("elseif") {
                break;
            }
        }
        if self.eat_word("else") {
            otherwise = self.statements()?;
        }
        self.expect_word("end")?;
        self.expect_word("if")?;
        self.expect(";")?;
        Ok(PlStatement::If { arms, otherwise })
    }

    /// CASE as a statement: an IF; without ELSE it fails where no arm fits.
    fn case(&mut self) -> Read<PlStatement> {
        self.at += 1;
        let operand = self.until_word("when");
        let operand = (!operand.is_empty()).then(|| expression(operand));
        let mut arms = Vec::new();
        while self.eat_word("when") {
            let condition = self.until_word("then");
            self.expect_word("then")?;
            let condition = match &operand {
                None => expression(condition),
                Some(operand) => one_of(operand, expression(&format!("ROW({condition})"))),
            };
            arms.push((condition, self.statements()?));
        }
        let otherwise = if self.eat_word("else") {
            self.statements()?
        } else {
            vec![PlStatement::Raise {
                level: "exception".into(),
                condition: Some("case_not_found".into()),
                message: "case not found".into(),
            }]
        };
        self.expect_word("end")?;
        self.expect_word("case")?;
        self.expect(";")?;
        Ok(PlStatement::If { arms, otherwise })
    }

    fn looped(&mut self, word: &str) -> Read<PlStatement> {
        self.at += 1;
        match word {
            "loop" => Ok(PlStatement::Loop {
                body: self.loop_body()?,
            }),
            "while" => {
                let condition = expression(self.until_word("loop"));
                self.expect_word("loop")?;
                let body = self.loop_body()?;
                Ok(PlStatement::While { condition, body })
            }
            "foreach" => self.for_each(),
            _ => self.for_loop(),
        }
    }

    /// The rest of a loop after the word LOOP.
    fn loop_body(&mut self) -> Read<Vec<PlStatement>> {
        let body = self.statements()?;
        self.expect_word("end")?;
        self.expect_word("loop")?;
        self.skip_name();
        self.expect(";")?;
        Ok(body)
    }

    fn for_each(&mut self) -> Read<PlStatement> {
        let variable = self.variable()?;
        if self.eat_word("slice") {
            self.at += 1;
        }
        self.expect_word("in")?;
        self.expect_word("array")?;
        let array = expression(self.until_word("loop"));
        self.expect_word("loop")?;
        Ok(PlStatement::ForEach {
            variable,
            array,
            body: self.loop_body()?,
        })
    }

    fn for_loop(&mut self) -> Read<PlStatement> {
        let variables = self.variables()?;
        self.expect_word("in")?;
        if self.eat_word("execute") {
            let text =
                expression(self.until(|text, token| {
                    token.is_word(text, "using") || token.is_word(text, "loop")
                }));
            let using = self.using(|text, token| token.is_word(text, "loop"));
            self.expect_word("loop")?;
            return Ok(PlStatement::ForExecute {
                variables,
                text,
                using,
                body: self.loop_body()?,
            });
        }
        let start = self.at;
        let reverse = self.eat_word("reverse");
        let low = self.until(|text, token| token.is(text, "..") || token.is_word(text, "loop"));
        if self.eat("..") {
            return self.for_range(variables, low, reverse);
        }
        let query = self.slice(start, self.at);
        self.expect_word("loop")?;
        let body = self.loop_body()?;
        Ok(match read::one_statement(query) {
            Statement::Query(query) => PlStatement::ForQuery {
                variables,
                query,
                body,
            },
            Statement::SyntaxError { message } if starts_a_query(query) => PlStatement::Sql {
                statement: Statement::SyntaxError { message },
                into: Vec::new(),
                strict: false,
            },
            _ => PlStatement::Unknown("a loop over a cursor".into()),
        })
    }

    fn for_range(
        &mut self,
        variables: Vec<SmolStr>,
        low: &str,
        reverse: bool,
    ) -> Read<PlStatement> {
        let high = expression(
            self.until(|text, token| token.is_word(text, "by") || token.is_word(text, "loop")),
        );
        let step = self
            .eat_word("by")
            .then(|| expression(self.until_word("loop")));
        self.expect_word("loop")?;
        Ok(PlStatement::ForRange {
            variable: variables.into_iter().next().unwrap_or_default(),
            low: expression(low),
            high,
            step,
            reverse,
            body: self.loop_body()?,
        })
    }

    fn exit(&mut self, next: bool) -> Read<PlStatement> {
        self.at += 1;
        let mut labelled = false;
        if !self.peek_word(0, "when") && self.peek().is_some_and(|t| t.kind == TokenKind::Word) {
            labelled = true;
            self.at += 1;
        }
        let condition = self
            .eat_word("when")
            .then(|| expression(self.until_semicolon()));
        self.expect(";")?;
        if labelled {
            return Ok(PlStatement::Unknown("EXIT or CONTINUE of a label".into()));
        }
        Ok(PlStatement::Exit { condition, next })
    }

    fn returned(&mut self) -> Read<PlStatement> {
        self.at += 1;
        let what = if self.peek_word(0, "query") || self.peek_word(0, "next") {
            PlStatement::Unknown("RETURN of rows".into())
        } else {
            PlStatement::Return
        };
        self.simple(what)
    }

    fn raise(&mut self) -> Read<PlStatement> {
        self.at += 1;
        let mut level = SmolStr::new("exception");
        let levels = ["debug", "log", "info", "notice", "warning", "exception"];
        if let Some(found) = levels.iter().find(|level| self.peek_word(0, level)) {
            level = SmolStr::new(found);
            self.at += 1;
        }
        let mut condition = None;
        let mut message = SmolStr::default();
        match self.peek() {
            // a bare RAISE in a handler throws the same error again
            Some(token) if token.is(self.text, ";") => condition = Some("rethrow".into()),
            Some(token) if token.kind == TokenKind::String => {
                message = literal(token.text(self.text));
                self.at += 1;
                // a literal may go on in the next line
                while let Some(more) = self.peek()
                    && more.kind == TokenKind::String
                {
                    message = format!("{message}{}", literal(more.text(self.text))).into();
                    self.at += 1;
                }
            }
            Some(token) if token.is_word(self.text, "sqlstate") => {
                self.at += 1;
                let state = self.next().map_or("", |token| token.text(self.text));
                condition = Some(literal(state));
            }
            Some(token) if token.is_word(self.text, "using") => {}
            _ => condition = Some(self.identifier()?),
        }
        self.until_word("using");
        if self.eat_word("using") {
            self.raise_options(&mut condition, &mut message);
        }
        self.until_semicolon();
        self.expect(";")?;
        Ok(PlStatement::Raise {
            level,
            condition,
            message,
        })
    }

    fn raise_options(&mut self, condition: &mut Option<SmolStr>, message: &mut SmolStr) {
        loop {
            let is_code = self.eat_word("errcode");
            let is_message = !is_code && self.eat_word("message");
            self.until(|text, token| token.is(text, "=") || token.is(text, ":="));
            self.at += 1;
            let value = self.until(|text, token| token.is(text, ","));
            if is_code {
                *condition = Some(literal(value));
            } else if is_message {
                *message = literal(value);
            }
            if !self.eat(",") {
                return;
            }
        }
    }

    fn execute(&mut self) -> Read<PlStatement> {
        self.at += 1;
        let ends =
            |text: &str, token: Token| token.is_word(text, "into") || token.is_word(text, "using");
        let text = expression(self.until(ends));
        let mut into = Vec::new();
        let mut using = Vec::new();
        loop {
            if self.eat_word("into") {
                self.eat_word("strict");
                into = self.variables()?;
            } else if self.peek_word(0, "using") {
                using = self.using(|text, token| token.is_word(text, "into"));
            } else {
                break;
            }
        }
        self.expect(";")?;
        Ok(PlStatement::Execute { text, into, using })
    }

    /// `USING a, b`, where it stands.
    fn using(&mut self, stops: impl Fn(&str, Token) -> bool) -> Vec<Expr> {
        let mut values = Vec::new();
        if !self.eat_word("using") {
            return values;
        }
        loop {
            let value = self.until(|text, token| token.is(text, ",") || stops(text, token));
            values.push(expression(value));
            if !self.eat(",") {
                return values;
            }
        }
    }

    fn perform(&mut self) -> Read<PlStatement> {
        self.at += 1;
        let text = format!("SELECT {}\n", self.until_semicolon());
        self.expect(";")?;
        Ok(match read::one_statement(&text) {
            Statement::Query(query) => PlStatement::Perform(query),
            statement => PlStatement::Sql {
                statement,
                into: Vec::new(),
                strict: false,
            },
        })
    }

    /// A statement of SQL, its INTO taken out.
    fn sql(&mut self) -> Read<PlStatement> {
        let first = self.at;
        let has_into = [
            "select", "insert", "update", "delete", "merge", "with", "values", "show",
        ]
        .iter()
        .any(|word| self.peek_word(0, word));
        let mut text = String::new();
        let mut from = first;
        let mut into = Vec::new();
        let mut strict = false;
        loop {
            if has_into {
                self.until_word("into");
            }
            if !has_into || !self.peek_word(0, "into") {
                break;
            }
            let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
            let names_table = before.is_some_and(|token| {
                token.is_word(self.text, "insert") || token.is_word(self.text, "merge")
            });
            if names_table || !into.is_empty() {
                self.at += 1;
                continue;
            }
            text.push_str(self.slice(from, self.at));
            text.push(' ');
            self.at += 1;
            strict = self.eat_word("strict");
            into = self.variables()?;
            from = self.at;
        }
        self.until_semicolon();
        text.push_str(self.slice(from.min(self.at), self.at));
        if self.at == first {
            return Err(self.unexpected("a statement"));
        }
        self.expect(";")?;
        Ok(PlStatement::Sql {
            statement: read::one_statement(&text),
            into,
            strict,
        })
    }
}
