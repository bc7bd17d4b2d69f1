//! A revision's text beside its syntax: where a statement stands, how its file is written, how lines are moved.
//!
//! In: a parsed module and its text. Out: places and replacement text that follow the file's own indentation, quotes and
//! line ends. Knows Python's layout, and nothing of migrations.

use std::ops::RangeInclusive;

use crate::python::syntax::{
    Argument, Block, ExpressionId, ExpressionKind, FunctionBody, FunctionDefinition, Module,
    Statement, StatementKind,
};
use crate::source::Span;

use super::layout;

/// Line length of formatters that are not told another.
pub(super) const LINE_LENGTH: usize = 88;

/// A module with its text.
pub(super) struct Code<'a> {
    pub(super) module: &'a Module,
    pub(super) text: &'a str,
    /// Longest line that a formatter would leave alone.
    pub(super) limit: usize,
    /// The quote that the file prefers.
    pub(super) quote: char,
    /// What a line ends with.
    pub(super) newline: &'static str,
}

/// Where a statement stands: the function, and the blocks from its body down to the statement.
#[derive(Clone)]
pub(super) struct Place<'a> {
    pub(super) function: &'a FunctionDefinition,
    pub(super) chain: Vec<(&'a Block, usize)>,
}

impl<'a> Place<'a> {
    /// The statement itself.
    pub(super) fn statement(&self) -> Option<&'a Statement> {
        let (block, index) = self.chain.last()?;
        block.get(*index)
    }

    /// The statement of the function's own body that holds it.
    pub(super) fn outermost(&self) -> Option<&'a Statement> {
        let (block, index) = self.chain.first()?;
        block.get(*index)
    }

    /// The statements around it, innermost first.
    pub(super) fn enclosing(&self) -> impl Iterator<Item = &'a Statement> + '_ {
        self.chain
            .iter()
            .rev()
            .skip(1)
            .filter_map(|(block, index)| block.get(*index))
    }

    /// Whether it is executed once a call of its function, in the order of the text.
    pub(super) fn is_straight(&self) -> bool {
        !self.enclosing().any(|statement| {
            matches!(
                statement.kind,
                StatementKind::For { .. } | StatementKind::While { .. }
            )
        })
    }
}

/// A call as written.
#[derive(Clone)]
pub(super) struct Call<'a> {
    pub(super) span: Span,
    pub(super) callee: ExpressionId,
    pub(super) arguments: &'a [Argument],
}

impl<'a> Code<'a> {
    /// A module and its text; `limit` is the line length that the project's formatter is told: else the file's own longest
    /// line that could be broken says what is too long.
    pub(super) fn new(module: &'a Module, text: &'a str, limit: Option<usize>) -> Self {
        let limit = limit.unwrap_or_else(|| {
            let longest = text
                .lines()
                .filter(|line| line.contains('(') && !line.contains('#'))
                .map(|line| line.chars().count())
                .max();
            longest.unwrap_or(0).max(LINE_LENGTH)
        });
        let single = text.matches('\'').count();
        let double = text.matches('"').count();
        // docstrings have double quotes in any style
        let docstrings = 3 * text.matches("\"\"\"").count();
        let quote = if single > double.saturating_sub(docstrings) {
            '\''
        } else {
            '"'
        };
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        Self {
            module,
            text,
            limit,
            quote,
            newline,
        }
    }

    /// A text as a literal in the file's own quotes.
    pub(super) fn literal(&self, text: &str) -> String {
        let quote = if text.contains(self.quote) {
            if self.quote == '"' { '\'' } else { '"' }
        } else {
            self.quote
        };
        format!("{quote}{}{quote}", text.replace('\\', "\\\\"))
    }

    /// The text of a span.
    pub(super) fn slice(&self, span: Span) -> &'a str {
        self.text.get(span.range()).unwrap_or_default()
    }

    /// The text of an expression.
    pub(super) fn source(&self, id: ExpressionId) -> &'a str {
        self.slice(self.module.expression(id).span)
    }

    /// The innermost statement that begins at, or holds, an offset, with its function; `None` outside of functions.
    pub(super) fn place(&self, offset: u32) -> Option<Place<'a>> {
        let function = self
            .module
            .functions
            .iter()
            .filter(|function| {
                function.span.start <= offset
                    && offset < function.span.end
                    && matches!(function.body, FunctionBody::Block(_))
            })
            .max_by_key(|function| function.span.start)?;
        let FunctionBody::Block(body) = &function.body else {
            return None;
        };
        let mut chain = Vec::new();
        let mut block = body;
        'down: loop {
            let index = block
                .iter()
                .position(|one| one.span.start <= offset && offset < one.span.end)?;
            chain.push((block, index));
            let statement = &block[index];
            for inner in blocks(statement) {
                if inner
                    .iter()
                    .any(|one| one.span.start <= offset && offset < one.span.end)
                {
                    block = inner;
                    continue 'down;
                }
            }
            return Some(Place { function, chain });
        }
    }

    /// Offset of the first byte of the line of an offset.
    pub(super) fn line_start(&self, offset: u32) -> u32 {
        let before = &self.text[..offset as usize];
        before.rfind(['\n', '\r']).map_or(0, |at| at + 1) as u32
    }

    /// Offset of the end of the line of an offset, its line end apart.
    pub(super) fn line_end(&self, offset: u32) -> u32 {
        let rest = &self.text[offset as usize..];
        offset + rest.find(['\n', '\r']).unwrap_or(rest.len()) as u32
    }

    /// Offset behind the line end at an offset; the offset itself at the end of the text.
    pub(super) fn next_line(&self, end: u32) -> u32 {
        let rest = &self.text[end as usize..];
        let width = if rest.starts_with("\r\n") {
            2
        } else {
            usize::from(!rest.is_empty())
        };
        end + width as u32
    }

    /// The blanks before an offset on its line; `None` where something else stands there.
    pub(super) fn indent(&self, offset: u32) -> Option<&'a str> {
        let indent = &self.text[self.line_start(offset) as usize..offset as usize];
        indent
            .chars()
            .all(|character| character == ' ' || character == '\t')
            .then_some(indent)
    }

    /// One step of indentation, as the function's body has it.
    pub(super) fn unit(&self, function: &FunctionDefinition) -> &'a str {
        let FunctionBody::Block(body) = &function.body else {
            return "    ";
        };
        let outer = self.indent(function.header.start).unwrap_or_default();
        body.first()
            .and_then(|first| self.indent(first.span.start))
            .and_then(|inner| inner.strip_prefix(outer))
            .filter(|unit| !unit.is_empty())
            .unwrap_or("    ")
    }

    /// Whether a statement has its lines for itself, comments apart.
    pub(super) fn has_own_lines(&self, statement: &Statement) -> bool {
        let end = statement.span.end;
        let rest = self.text[end as usize..self.line_end(end) as usize].trim_start();
        self.indent(statement.span.start).is_some() && (rest.is_empty() || rest.starts_with('#'))
    }

    /// Edits of a statement that stands on one line: where they make the line too long, the whole line, broken.
    pub(super) fn fitted(
        &self,
        statement: &Statement,
        function: &FunctionDefinition,
        edits: Vec<(Span, String)>,
    ) -> Vec<(Span, String)> {
        let line = Span::new(
            self.line_start(statement.span.start),
            self.line_end(statement.span.start),
        );
        let inside = edits.iter().all(|(span, _)| line.contains(*span));
        if !line.contains(statement.span) || !inside {
            return edits;
        }
        let was = self.slice(line);
        let is = replaced(self.text, line, &edits);
        let unit = self.unit(function);
        let fits = is.contains('\n') || is.chars().count() <= self.limit;
        if fits || was.chars().count() > self.limit {
            return edits;
        }
        let broken = layout::fit(&is, unit, self.limit).join("\n");
        vec![(line, self.with_line_ends(&broken))]
    }

    /// The call of a statement whose callee is, or ends with, a name; only where there is exactly one.
    pub(super) fn call(&self, span: Span, name: &str) -> Option<Call<'a>> {
        let mut found = self.calls(span, name);
        let call = found.next()?;
        found.next().is_none().then_some(call)
    }

    /// All calls in a span whose callee is, or ends with, a name.
    pub(super) fn calls(&self, span: Span, name: &str) -> impl Iterator<Item = Call<'a>> {
        self.module
            .expressions
            .iter()
            .filter(move |expression| span.contains(expression.span))
            .filter_map(move |expression| match &expression.kind {
                ExpressionKind::Call { callee, arguments }
                    if last_name(self.module, *callee) == Some(name) =>
                {
                    Some(Call {
                        span: expression.span,
                        callee: *callee,
                        arguments,
                    })
                }
                _ => None,
            })
    }

    /// Whether a name is read inside a span.
    pub(super) fn mentions(&self, span: Span, name: &str) -> bool {
        self.module.expressions.iter().any(|expression| {
            span.contains(expression.span)
                && matches!(&expression.kind, ExpressionKind::Name(found) if found == name)
        })
    }

    /// The lines of some statements of a block, put under a header (`if ...:`), with edits inside them done first.
    pub(super) fn under(
        &self,
        block: &Block,
        range: RangeInclusive<usize>,
        header: &str,
        unit: &str,
        inner: &[(Span, String)],
    ) -> Option<(Span, String)> {
        let (first, last) = (block.get(*range.start())?, block.get(*range.end())?);
        if !range.clone().all(|index| self.has_own_lines(&block[index])) {
            return None;
        }
        let indent = self.indent(first.span.start)?;
        let span = Span::new(
            self.line_start(first.span.start),
            self.line_end(last.span.end),
        );
        let body = replaced(self.text, span, inner);
        let lines = layout::deeper(&body, self.slice(span), unit, self.limit);
        let mut out = layout::fit(&format!("{indent}{header}"), unit, self.limit).join("\n");
        out.push('\n');
        out.push_str(&lines);
        Some((span, self.with_line_ends(&out)))
    }

    /// Text with the file's own line ends.
    pub(super) fn with_line_ends(&self, text: &str) -> String {
        let plain = text.replace("\r\n", "\n");
        if self.newline == "\n" {
            plain
        } else {
            plain.replace('\n', self.newline)
        }
    }
}

/// The text of a span with edits inside it done.
pub(super) fn replaced(text: &str, span: Span, edits: &[(Span, String)]) -> String {
    let mut sorted: Vec<&(Span, String)> = edits.iter().collect();
    sorted.sort();
    let mut out = String::new();
    let mut at = span.start as usize;
    for (place, replacement) in sorted {
        if !span.contains(*place) || (place.start as usize) < at {
            continue;
        }
        out.push_str(&text[at..place.start as usize]);
        out.push_str(replacement);
        at = place.end as usize;
    }
    out.push_str(&text[at..span.end as usize]);
    out
}

/// The blocks of a compound statement.
pub(super) fn blocks(statement: &Statement) -> Vec<&Block> {
    match &statement.kind {
        StatementKind::If {
            branches,
            otherwise,
        } => branches
            .iter()
            .map(|(_, body)| body)
            .chain([otherwise])
            .collect(),
        StatementKind::For {
            body, otherwise, ..
        }
        | StatementKind::While {
            body, otherwise, ..
        } => vec![body, otherwise],
        StatementKind::With { body, .. } => vec![body],
        StatementKind::Try {
            body,
            handlers,
            otherwise,
            finally,
        } => [body]
            .into_iter()
            .chain(handlers.iter().map(|handler| &handler.body))
            .chain([otherwise, finally])
            .collect(),
        StatementKind::Match { cases, .. } => cases.iter().map(|case| &case.body).collect(),
        _ => Vec::new(),
    }
}

/// The last name of a callee: `create_table` of `op.create_table`.
pub(super) fn last_name(module: &Module, callee: ExpressionId) -> Option<&str> {
    match &module.expression(callee).kind {
        ExpressionKind::Name(name) | ExpressionKind::Attribute { name, .. } => Some(name),
        _ => None,
    }
}

impl Call<'_> {
    /// A positional argument; `None` where a spread comes before it.
    pub(super) fn positional(&self, index: usize) -> Option<ExpressionId> {
        match self.arguments.get(index)? {
            Argument::Positional(id)
                if self.arguments[..index]
                    .iter()
                    .all(|before| matches!(before, Argument::Positional(_))) =>
            {
                Some(*id)
            }
            _ => None,
        }
    }

    /// A keyword argument.
    pub(super) fn keyword(&self, name: &str) -> Option<ExpressionId> {
        self.arguments.iter().find_map(|argument| match argument {
            Argument::Keyword(found, id) if found == name => Some(*id),
            _ => None,
        })
    }

    /// An argument by place or by one of its names.
    pub(super) fn argument(&self, index: usize, names: &[&str]) -> Option<ExpressionId> {
        self.positional(index)
            .or_else(|| names.iter().find_map(|name| self.keyword(name)))
    }

    /// Whether it passes `*args` or `**kwargs`, so that what it passes is not all to be seen.
    pub(super) fn spreads(&self) -> bool {
        self.arguments
            .iter()
            .any(|argument| matches!(argument, Argument::Spread(_) | Argument::SpreadKeywords(_)))
    }

    fn ends(&self, module: &Module) -> Option<u32> {
        self.arguments
            .iter()
            .map(|argument| {
                let (Argument::Positional(id)
                | Argument::Keyword(_, id)
                | Argument::Spread(id)
                | Argument::SpreadKeywords(id)) = argument;
                module.expression(*id).span.end
            })
            .max()
    }

    fn start_of_arguments(&self, module: &Module) -> Option<u32> {
        let first = self.arguments.first()?;
        match first {
            Argument::Positional(id) => Some(module.expression(*id).span.start),
            // a keyword stands before its value
            Argument::Keyword(name, id) => {
                let value = module.expression(*id).span.start;
                value.checked_sub(name.len() as u32 + 1)
            }
            Argument::Spread(_) | Argument::SpreadKeywords(_) => None,
        }
    }

    /// The edit that gives the call one more argument at its end.
    pub(super) fn with_argument(&self, code: &Code<'_>, argument: &str) -> Option<(Span, String)> {
        let close = self.span.end - 1;
        if code.text.as_bytes().get(close as usize) != Some(&b')') {
            return None;
        }
        let Some(last) = self.ends(code.module) else {
            return Some((Span::new(close, close), argument.to_owned()));
        };
        let tail = &code.text[last as usize..close as usize];
        // a last argument in parentheses of its own ends later than its expression
        let bare: String = layout::without_comments(tail);
        let bare = bare.trim();
        if !bare.is_empty() && bare != "," {
            return None;
        }
        if !tail.contains('\n') {
            let comma = if bare == "," { " " } else { ", " };
            let at = if bare == "," { close } else { last };
            return Some((Span::new(at, at), format!("{comma}{argument}")));
        }
        // on a line of its own, as its neighbours are, and with a comma where they have one
        let line = code.line_start(last);
        let indent: String = code.text[line as usize..]
            .chars()
            .take_while(|character| *character == ' ' || *character == '\t')
            .collect();
        let closing_line = code.line_start(close);
        if code.indent(close).is_none() {
            return Some((Span::new(last, last), format!(", {argument}")));
        }
        if bare == "," {
            let text = format!(
                "{}{argument},{}",
                last_indent(code, self, &indent),
                code.newline
            );
            return Some((Span::new(closing_line, closing_line), text));
        }
        // a formatter's form without a comma at the end: all arguments on one line of their own, else each on one
        let own = self.start_of_arguments(code.module);
        let own = own.and_then(|open| Some((open, code.indent(open)?)));
        let Some((open, indent)) = own else {
            return Some((Span::new(last, last), format!(", {argument}")));
        };
        let (first, end) = (code.line_start(open), code.line_end(last));
        let whole = code.slice(Span::new(first, end));
        let parts = layout::split(code.slice(Span::new(open, last)), ',');
        if whole.contains('\n') {
            // several lines: the last argument, or the only one, is broken; a comment behind it stays behind it
            let comment = code.slice(Span::new(last, end));
            let text = format!(",{comment}{}{indent}{argument},", code.newline);
            return Some((Span::new(last, end), text));
        }
        if whole.chars().count() + argument.len() + 2 <= code.limit {
            return Some((Span::new(last, last), format!(", {argument}")));
        }
        let line = &code.text[code.line_start(self.span.start) as usize..];
        let outer: String = line.chars().take_while(|one| one.is_whitespace()).collect();
        let unit = indent.strip_prefix(outer.as_str()).unwrap_or("    ");
        let lines: Vec<String> = parts
            .into_iter()
            .chain([argument])
            .flat_map(|part| layout::fit(&format!("{indent}{part},"), unit, code.limit))
            .collect();
        Some((Span::new(first, last), lines.join(code.newline)))
    }
}

/// The indentation of a call's arguments that stand on lines of their own: that of the first that begins a line.
fn last_indent(code: &Code<'_>, call: &Call<'_>, fallback: &str) -> String {
    call.arguments
        .iter()
        .rev()
        .find_map(|argument| {
            let (Argument::Positional(id) | Argument::Spread(id)) = argument else {
                let (Argument::Keyword(_, id) | Argument::SpreadKeywords(id)) = argument else {
                    return None;
                };
                let line = code.line_start(code.module.expression(*id).span.start);
                let text = &code.text[line as usize..];
                return Some(text.chars().take_while(|one| one.is_whitespace()).collect());
            };
            code.indent(code.module.expression(*id).span.start)
                .map(str::to_owned)
        })
        .unwrap_or_else(|| fallback.to_owned())
}
