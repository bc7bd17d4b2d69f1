//! Tokens of one statement, taken one by one.

use std::sync::LazyLock;

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use crate::postgres::Name;
use crate::postgres::name::{MAX_IDENTIFIER, is_reserved};
use crate::sql::lexer::{self, Token, TokenKind};

/// Words that may be the name of a column but not of a function or type (manual, appendix C). The grammar has forms of its own for
/// most.
const COLUMN_NAMES_ONLY: [&str; 63] = [
    "between",
    "bigint",
    "bit",
    "boolean",
    "char",
    "character",
    "coalesce",
    "dec",
    "decimal",
    "exists",
    "extract",
    "float",
    "greatest",
    "grouping",
    "inout",
    "int",
    "integer",
    "interval",
    "json",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_table",
    "json_value",
    "least",
    "merge_action",
    "national",
    "nchar",
    "none",
    "normalize",
    "nullif",
    "numeric",
    "out",
    "overlay",
    "position",
    "precision",
    "real",
    "row",
    "setof",
    "smallint",
    "substring",
    "time",
    "timestamp",
    "treat",
    "trim",
    "values",
    "varchar",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
];

/// Words without reservation that begin a clause where a name may stand, or are a part of a type's name.
const CLAUSES: [&str; 6] = ["by", "double", "exclude", "if", "set", "without"];

/// What was read; `None`: it is not certain, and the parser reads the statement. Where a clause may be absent, what was read is an
/// `Option` of its own.
pub(super) type Certain<T> = Option<T>;

/// The statement's text and the token that comes next.
pub(super) struct Cursor<'a> {
    text: &'a str,
    next: Option<Token>,
    behind: std::slice::Iter<'a, Token>,
    /// How deeply the expression that is being read nests.
    pub(super) depth: u8,
}

impl<'a> Cursor<'a> {
    /// Before the first token. `None` for a text that the parser does not take at all.
    pub(super) fn new(text: &'a str, tokens: &'a [Token]) -> Certain<Self> {
        let (first, last) = (tokens.first()?, tokens.last()?);
        if text.as_bytes()[first.start..last.end].contains(&0) {
            return None;
        }
        let mut behind = tokens.iter();
        Some(Self {
            text,
            next: behind.next().copied(),
            behind,
            depth: 0,
        })
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.next.is_none()
    }

    /// Goes past the next token if it is what was looked for; whether it is.
    fn take(&mut self, found: bool) -> bool {
        if found {
            self.advance();
        }
        found
    }

    fn advance(&mut self) {
        self.next = self.behind.next().copied();
    }

    /// Whether the next token is that keyword.
    pub(super) fn is_at(&self, word: &str) -> bool {
        self.next
            .is_some_and(|token| token.is_word(self.text, word))
    }

    /// Takes a keyword, if it comes next.
    pub(super) fn word(&mut self, word: &str) -> bool {
        self.take(self.is_at(word))
    }

    /// Takes a keyword that must come.
    pub(super) fn must(&mut self, word: &str) -> Certain<()> {
        self.word(word).then_some(())
    }

    /// Takes keywords that come together or not at all: `None` where only the first does.
    pub(super) fn words(&mut self, words: &[&str]) -> Certain<bool> {
        let (first, rest) = words.split_first()?;
        if !self.word(first) {
            return Some(false);
        }
        for word in rest {
            self.must(word)?;
        }
        Some(true)
    }

    /// Whether the next token is that punctuation or operator.
    pub(super) fn is_at_symbol(&self, symbol: &str) -> bool {
        self.next.is_some_and(|token| token.is(self.text, symbol))
    }

    /// Takes a punctuation or an operator, if it comes next.
    pub(super) fn symbol(&mut self, symbol: &str) -> bool {
        self.take(self.is_at_symbol(symbol))
    }

    /// Takes a punctuation or an operator that must come.
    pub(super) fn must_symbol(&mut self, symbol: &str) -> Certain<()> {
        self.symbol(symbol).then_some(())
    }

    /// Takes an operator of a set.
    pub(super) fn operator(&mut self, of: &[&'static str]) -> Certain<&'static str> {
        let token = self.next?;
        let text = token.text(self.text);
        let found = of
            .iter()
            .find(|operator| **operator == text && token.is(self.text, text))?;
        self.advance();
        Some(found)
    }

    /// Takes a name as the server keeps it. A word that the grammar may want for itself is none.
    pub(super) fn identifier(&mut self) -> Certain<SmolStr> {
        let token = self.next?;
        let text = token.text(self.text);
        let name = match token.kind {
            TokenKind::Word if text.len() <= MAX_IDENTIFIER && text.is_ascii() => folded(text)?,
            TokenKind::Quoted => quoted(text)?,
            _ => return None,
        };
        self.advance();
        Some(name)
    }

    /// Takes a name with an optional schema.
    pub(super) fn name(&mut self) -> Certain<Name> {
        let first = self.identifier()?;
        if !self.symbol(".") {
            return Some(Name {
                schema: None,
                name: first,
            });
        }
        let name = self.identifier()?;
        (!self.is_at_symbol(".")).then_some(Name {
            schema: Some(first),
            name,
        })
    }

    /// The same for what the parser keeps as a list of words: `pg_catalog` is dropped.
    pub(super) fn dotted(&mut self) -> Certain<Name> {
        let mut name = self.name()?;
        name.schema.take_if(|schema| schema == "pg_catalog");
        Some(name)
    }

    /// Takes names in parentheses.
    pub(super) fn columns(&mut self) -> Certain<Vec<SmolStr>> {
        self.in_parentheses(Self::identifier)
    }

    /// The same where there may be none.
    pub(super) fn columns_if_any(&mut self) -> Certain<Vec<SmolStr>> {
        if self.is_at_symbol("(") {
            self.columns()
        } else {
            Some(Vec::new())
        }
    }

    /// Takes one thing or more, separated by commas.
    pub(super) fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Certain<T>,
    ) -> Certain<Vec<T>> {
        let mut all = vec![read(self)?];
        while self.symbol(",") {
            all.push(read(self)?);
        }
        all.shrink_to_fit();
        Some(all)
    }

    /// The same in parentheses.
    pub(super) fn in_parentheses<T>(
        &mut self,
        read: impl FnMut(&mut Self) -> Certain<T>,
    ) -> Certain<Vec<T>> {
        self.must_symbol("(")?;
        let all = self.list(read)?;
        self.must_symbol(")")?;
        Some(all)
    }

    /// Takes a plain or dollar-quoted string: its content. Strings with escapes, and of bits, are left to the parser, as are two
    /// that make one.
    pub(super) fn string(&mut self) -> Certain<String> {
        let token = self.next.filter(|token| token.kind == TokenKind::String)?;
        let content = content(token.text(self.text))?;
        self.advance();
        let continued = self
            .next
            .is_some_and(|token| token.kind == TokenKind::String);
        (!continued).then_some(content)
    }

    /// Takes a number of digits with or without a fraction, which no letter follows.
    pub(super) fn number(&mut self) -> Certain<&'a str> {
        let token = self.next.filter(|token| token.kind == TokenKind::Number)?;
        let text = token.text(self.text);
        let digits = |part: &str| {
            !part.is_empty() && part.len() <= 15 && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        let plain = match text.split_once('.') {
            Some((whole, fraction)) => digits(whole) && digits(fraction),
            None => digits(text) && (text == "0" || !text.starts_with('0')),
        };
        let glued = self.text.as_bytes().get(token.end).is_some_and(|byte| {
            byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"_$.".contains(byte)
        });
        if !plain || glued {
            return None;
        }
        self.advance();
        Some(text)
    }
}

/// A word as a name, lower case; `None` for a keyword that is more than a name.
fn folded(word: &str) -> Certain<SmolStr> {
    static WORDS: LazyLock<FxHashSet<&str>> =
        LazyLock::new(|| COLUMN_NAMES_ONLY.into_iter().chain(CLAUSES).collect());
    let name = if word.bytes().any(|byte| byte.is_ascii_uppercase()) {
        SmolStr::new(word.to_ascii_lowercase())
    } else {
        SmolStr::new(word)
    };
    (!is_reserved(&name) && !WORDS.contains(name.as_str())).then_some(name)
}

/// The content of `"name"`; one with quotes in it, or of other characters than ASCII, is left to the parser.
fn quoted(text: &str) -> Certain<SmolStr> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let plain = !inner.is_empty()
        && inner.len() <= MAX_IDENTIFIER
        && inner.is_ascii()
        && !inner.contains('"');
    plain.then(|| SmolStr::new(inner))
}

fn content(text: &str) -> Certain<String> {
    if let Some((tag, body)) = lexer::dollar_body(text) {
        // one that is not closed has no end of its own
        let closed = text.len() >= 2 * tag && text.ends_with(&text[..tag]);
        return closed.then(|| body.to_owned());
    }
    let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
    if !inner.contains('\'') {
        return Some(inner.to_owned());
    }
    let content = inner.replace("''", "\u{0}");
    (!content.contains('\'')).then(|| content.replace('\u{0}', "'"))
}
