//! SQL text to tokens, by PostgreSQL's lexical rules (manual, section 4.1), without ever failing.
//!
//! In: any text. Out: tokens in order with byte spans; blanks and comments are left out. What is not closed reaches to
//! the end of the text. The parser proper has its own scanner, which gives up at the first error: splitting and
//! PL/pgSQL need one that goes on.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// Identifier or keyword without quotes.
    Word,
    /// `"identifier"`.
    Quoted,
    /// `'text'` with any prefix, or `$tag$text$tag$`.
    String,
    Number,
    /// `$1`.
    Parameter,
    /// A run of operator characters; also `::`, `:=` and `..`.
    Operator,
    /// One of `( ) [ ] , ; : .`.
    Punctuation,
    /// A character that has no place in SQL.
    Other,
}

/// A token and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Token {
    /// Its text.
    pub(crate) fn text(self, source: &str) -> &str {
        source.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether it is that keyword, in any case.
    pub(crate) fn is_word(self, source: &str, word: &str) -> bool {
        self.kind == TokenKind::Word
            && self.end - self.start == word.len()
            && self.text(source).eq_ignore_ascii_case(word)
    }

    /// Whether it is that punctuation or operator.
    pub(crate) fn is(self, source: &str, text: &str) -> bool {
        matches!(self.kind, TokenKind::Punctuation | TokenKind::Operator)
            && self.end - self.start == text.len()
            && self.text(source) == text
    }
}

/// All tokens of a text.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(token) = next(text, at) {
        at = token.end;
        found.push(token);
    }
    found
}

/// The first token at or after a byte offset.
pub(crate) fn next(text: &str, at: usize) -> Option<Token> {
    let bytes = text.as_bytes();
    let start = skip_blanks(bytes, at)?;
    let (kind, end) = token_at(bytes, start);
    let end = boundary(text, end.max(start + 1));
    Some(Token { kind, start, end })
}

/// Where the string, the quoted name or the comment begins that a text never closes.
pub(crate) fn unclosed_at_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(token) = next(text, at) {
        at = token.end;
        if token.end == text.len() && matches!(token.kind, TokenKind::String | TokenKind::Quoted) {
            // closed exactly at the end, it needs no character more
            let longer = format!("{text} ");
            let closed = next(&longer, token.start).is_some_and(|same| same.end == token.end);
            return (!closed).then_some(token.start);
        }
    }
    // behind the last token stand blanks and comments
    let mut last = at;
    while let Some(offset) = text[last..].find("/*") {
        let line = text[..last + offset].rfind('\n').map_or(0, |end| end + 1);
        let start = last + offset;
        if text[line.max(last)..start].contains("--") {
            last = start + 2;
            continue;
        }
        let end = block_comment(bytes, start);
        if end >= bytes.len() && !text.ends_with("*/") {
            return Some(start);
        }
        last = end.max(start + 2).min(text.len());
    }
    None
}

/// The next offset that is a character's beginning.
fn boundary(text: &str, mut offset: usize) -> usize {
    while offset < text.len() && !text.is_char_boundary(offset) {
        offset += 1;
    }
    offset.min(text.len())
}

/// Offset of the first byte that is neither blank nor comment.
fn skip_blanks(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match bytes.get(at)? {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => at += 1,
            b'-' if bytes.get(at + 1) == Some(&b'-') => {
                while !matches!(bytes.get(at), None | Some(b'\n' | b'\r')) {
                    at += 1;
                }
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => at = block_comment(bytes, at),
            _ => return Some(at),
        }
    }
}

/// End of a block comment, which nests.
fn block_comment(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'/', Some(b'*')) => {
                depth += 1;
                at += 2;
            }
            (b'*', Some(b'/')) => {
                depth = depth.saturating_sub(1);
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    at
}

fn token_at(bytes: &[u8], start: usize) -> (TokenKind, usize) {
    let byte = bytes[start];
    let next = bytes.get(start + 1).copied();
    match byte {
        b'\'' => (TokenKind::String, quoted_end(bytes, start, false)),
        b'"' => (TokenKind::Quoted, quoted_end(bytes, start, false)),
        b'e' | b'E' if next == Some(b'\'') => {
            (TokenKind::String, quoted_end(bytes, start + 1, true))
        }
        b'b' | b'B' | b'x' | b'X' | b'n' | b'N' if next == Some(b'\'') => {
            (TokenKind::String, quoted_end(bytes, start + 1, false))
        }
        b'u' | b'U' if next == Some(b'&') && bytes.get(start + 2) == Some(&b'\'') => {
            (TokenKind::String, quoted_end(bytes, start + 2, false))
        }
        b'u' | b'U' if next == Some(b'&') && bytes.get(start + 2) == Some(&b'"') => {
            (TokenKind::Quoted, quoted_end(bytes, start + 2, false))
        }
        b'$' => dollar(bytes, start),
        b'0'..=b'9' => (TokenKind::Number, number_end(bytes, start)),
        b'.' if next.is_some_and(|digit| digit.is_ascii_digit()) => {
            (TokenKind::Number, number_end(bytes, start))
        }
        b'.' if next == Some(b'.') => (TokenKind::Operator, start + 2),
        b':' if matches!(next, Some(b':' | b'=')) => (TokenKind::Operator, start + 2),
        b'(' | b')' | b'[' | b']' | b',' | b';' | b':' | b'.' => {
            (TokenKind::Punctuation, start + 1)
        }
        _ if is_word_start(byte) => (TokenKind::Word, word_end(bytes, start)),
        _ if is_operator(byte) => (TokenKind::Operator, operator_end(bytes, start)),
        _ => (TokenKind::Other, start + 1),
    }
}

const WORD_START: u8 = 1;
const WORD: u8 = 2;
const OPERATOR: u8 = 4;

/// What each byte may be a part of.
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < classes.len() {
        let this = byte as u8;
        if this.is_ascii_alphabetic() || this == b'_' || this >= 0x80 {
            classes[byte] = WORD_START | WORD;
        } else if this.is_ascii_digit() || this == b'$' {
            classes[byte] = WORD;
        }
        byte += 1;
    }
    let operators = b"~!@#^&|`?+-*/%<>=";
    let mut at = 0;
    while at < operators.len() {
        classes[operators[at] as usize] = OPERATOR;
        at += 1;
    }
    classes
};

fn is_word_start(byte: u8) -> bool {
    CLASSES[usize::from(byte)] & WORD_START != 0
}

fn is_word(byte: u8) -> bool {
    CLASSES[usize::from(byte)] & WORD != 0
}

fn is_operator(byte: u8) -> bool {
    CLASSES[usize::from(byte)] & OPERATOR != 0
}

fn word_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while bytes.get(at).is_some_and(|byte| is_word(*byte)) {
        at += 1;
    }
    at
}

fn operator_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while at < bytes.len() && is_operator(bytes[at]) {
        let comment = matches!(
            (bytes[at], bytes.get(at + 1)),
            (b'-', Some(b'-')) | (b'/', Some(b'*'))
        );
        if comment && at > start {
            break;
        }
        at += 1;
    }
    at
}

fn number_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while at < bytes.len() {
        match bytes[at] {
            b'.' if bytes.get(at + 1) == Some(&b'.') => break,
            b'0'..=b'9' | b'.' | b'_' => at += 1,
            b'e' | b'E'
                if matches!(bytes.get(at + 1), Some(b'0'..=b'9'))
                    || (matches!(bytes.get(at + 1), Some(b'+' | b'-'))
                        && matches!(bytes.get(at + 2), Some(b'0'..=b'9'))) =>
            {
                at += 2;
            }
            b'x' | b'X' | b'o' | b'O' | b'a'..=b'f' | b'A'..=b'F' if bytes[start] == b'0' => {
                at += 1;
            }
            _ => break,
        }
    }
    at
}

/// End of a quoted token whose opening quote stands at `open`.
fn quoted_end(bytes: &[u8], open: usize, escapes: bool) -> usize {
    let quote = bytes[open];
    let mut at = open + 1;
    while at < bytes.len() {
        if escapes && bytes[at] == b'\\' {
            at += 2;
        } else if bytes[at] != quote {
            at += 1;
        } else if bytes.get(at + 1) == Some(&quote) {
            at += 2;
        } else {
            return at + 1;
        }
    }
    bytes.len()
}

/// `$1`, `$$...$$`, `$tag$...$tag$`, or a lone dollar sign.
fn dollar(bytes: &[u8], start: usize) -> (TokenKind, usize) {
    let digits = bytes[start + 1..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if digits > 0 {
        return (TokenKind::Parameter, start + 1 + digits);
    }
    let tag = bytes[start + 1..]
        .iter()
        .take_while(|byte| is_word(**byte) && **byte != b'$')
        .count();
    let body = start + tag + 2;
    if bytes.get(start + 1 + tag) != Some(&b'$') {
        return (TokenKind::Other, start + 1);
    }
    let delimiter = &bytes[start..body];
    let end = bytes[body..]
        .windows(delimiter.len())
        .position(|window| window == delimiter)
        .map_or(bytes.len(), |offset| body + offset + delimiter.len());
    (TokenKind::String, end)
}

/// The body of a dollar-quoted string, with its offset in the token; `None` for other strings.
pub(crate) fn dollar_body(token: &str) -> Option<(usize, &str)> {
    let rest = token.strip_prefix('$')?;
    let tag = rest.find('$')? + 2;
    let end = token.len().checked_sub(tag)?;
    Some((tag, token.get(tag..end.max(tag))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        tokens(text)
            .into_iter()
            .map(|token| token.text(text))
            .collect()
    }

    #[test]
    fn tokens_as_the_server_cuts_them() {
        assert_eq!(
            texts("a.b::int -- c\n:= 'x''y' E'a\\'b' $t$ ; $t$ /* /* */ ; */ 1..2 $1 <=-1 \"é;\""),
            [
                "a",
                ".",
                "b",
                "::",
                "int",
                ":=",
                "'x''y'",
                "E'a\\'b'",
                "$t$ ; $t$",
                "1",
                "..",
                "2",
                "$1",
                "<=-",
                "1",
                "\"é;\""
            ]
        );
    }

    #[test]
    fn what_is_not_closed_reaches_to_the_end() {
        assert_eq!(texts("a 'b; c"), ["a", "'b; c"]);
        assert_eq!(texts("a $q$ b; $x$"), ["a", "$q$ b; $x$"]);
        assert_eq!(texts("a /* b"), ["a"]);
        assert_eq!(texts("é\\"), ["é", "\\"]);
        assert_eq!(texts("E'\\"), ["E'\\"]);
    }

    #[test]
    fn dollar_bodies() {
        assert_eq!(dollar_body("$$ x $$"), Some((2, " x ")));
        assert_eq!(dollar_body("$a$x$a$"), Some((3, "x")));
        assert_eq!(dollar_body("'x'"), None);
        assert_eq!(dollar_body("$"), None);
    }

    /// Byte spans by the server's own scanner, without comments.
    fn scanned(text: &str) -> Option<Vec<(usize, usize)>> {
        let comments = [275, 276];
        let tokens = pg_query::scan_tokens(text).ok()?;
        Some(
            tokens
                .iter()
                .filter(|token| !comments.contains(&token.token))
                .map(|token| (token.start as usize, token.end as usize))
                .collect(),
        )
    }

    #[test]
    fn the_servers_scanner_agrees() {
        for text in [
            "select a.b, \"c\"\"d\" from t where x <= -1 and y @> '{}'::jsonb -- é",
            "select 1.5e10, .5, 0x1F, 1_000, $1, U&'d\\0061t', E'\\'', B'01'",
            "do $é$ ; $$ ; $é$; select a[1:2], f(x := 1), 'é' || $q$b$q$",
            "select a/*b*/-c, a!=b, a-- x\n - b",
        ] {
            let spans = tokens(text).iter().map(|t| (t.start, t.end)).collect();
            assert_eq!(scanned(text), Some(spans), "{text}");
        }
    }
}
