//! Bytes to text: UTF-8, UTF-16 with a byte order mark, else what a PEP 263 cookie names, else Latin-1, which takes any byte.
//!
//! Decoding never fails; what was odd is said in the notes. A byte order mark is no part of the text.

use std::sync::LazyLock;

use regex::bytes::Regex;

/// A file's text and what was odd about its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The text, without a byte order mark.
    pub text: String,
    /// Whether there was a byte order mark.
    pub byte_order_mark: bool,
    /// What was odd (lower case, no full stop).
    pub notes: Vec<String>,
}

/// PEP 263's own expression for the cookie.
static COOKIE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?-u)^[ \t\x0c]*#.*?coding[:=][ \t]*([-\w.]+)").ok());

/// Reads bytes as text.
pub fn decode(bytes: &[u8]) -> Decoded {
    if let Some(decoded) = utf_16(bytes) {
        return decoded;
    }
    let (bytes, byte_order_mark) = match bytes.strip_prefix(b"\xEF\xBB\xBF") {
        Some(rest) => (rest, true),
        None => (bytes, false),
    };
    let mut notes = Vec::new();
    let cookie = cookie(bytes);
    let latin = cookie.as_deref().is_some_and(is_latin);
    let text = match std::str::from_utf8(bytes) {
        // what is ASCII is the same in both; a declared Latin-1 file with bytes that happen to be UTF-8 is Latin-1
        Ok(text) if !latin || text.is_ascii() => text.to_owned(),
        Ok(_) => latin_1(bytes),
        Err(error) => {
            if !latin {
                notes.push(format!(
                    "not UTF-8 from byte {} on: read as Latin-1",
                    error.valid_up_to()
                ));
            }
            latin_1(bytes)
        }
    };
    if let Some(name) = cookie.filter(|name| !is_latin(name) && !is_utf8(name)) {
        notes.push(format!("its encoding `{name}` is not read as such"));
    }
    if text.contains('\0') {
        notes.push("it holds NUL bytes".to_owned());
    }
    Decoded {
        text,
        byte_order_mark,
        notes,
    }
}

/// Text in UTF-16, which only a byte order mark tells: as some editors for Windows save SQL.
fn utf_16(bytes: &[u8]) -> Option<Decoded> {
    let (rest, little) = match bytes {
        [0xFF, 0xFE, rest @ ..] => (rest, true),
        [0xFE, 0xFF, rest @ ..] => (rest, false),
        _ => return None,
    };
    let units = rest.chunks_exact(2).map(|pair| {
        let pair = [pair[0], pair[1]];
        if little {
            u16::from_le_bytes(pair)
        } else {
            u16::from_be_bytes(pair)
        }
    });
    let text = char::decode_utf16(units)
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    Some(Decoded {
        text,
        byte_order_mark: true,
        notes: vec!["it is UTF-16: the tools that run it may not read that".to_owned()],
    })
}

fn latin_1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// The name in the encoding cookie of the first two lines, lower case with `-`.
fn cookie(bytes: &[u8]) -> Option<String> {
    let expression = COOKIE.as_ref()?;
    for line in bytes.split(|byte| *byte == b'\n').take(2) {
        if let Some(found) = expression.captures(line) {
            let name = String::from_utf8_lossy(&found[1]);
            return Some(name.to_ascii_lowercase().replace('_', "-"));
        }
        let blank = line.iter().all(u8::is_ascii_whitespace);
        if !blank && line.trim_ascii_start().first() != Some(&b'#') {
            return None;
        }
    }
    None
}

fn is_latin(name: &str) -> bool {
    // Windows-1252 differs only in 0x80 to 0x9f, which no identifier or keyword holds
    matches!(
        name,
        "latin-1" | "iso-8859-1" | "latin1" | "iso8859-1" | "l1" | "cp1252" | "windows-1252"
    ) || name.starts_with("iso-8859-15")
}

fn is_utf8(name: &str) -> bool {
    matches!(name, "utf-8" | "utf8" | "utf-8-sig" | "ascii" | "us-ascii")
        || name.starts_with("utf-8-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_no_text() {
        let decoded = decode(b"\xEF\xBB\xBFx = 1\n");
        assert_eq!(decoded.text, "x = 1\n");
        assert!(decoded.byte_order_mark);
        assert!(decoded.notes.is_empty());
    }

    #[test]
    fn utf_16_with_its_mark() {
        let decoded = decode(b"\xFF\xFEa\0\xE9\0");
        assert_eq!((decoded.text.as_str(), decoded.notes.len()), ("aé", 1));
        assert_eq!(decode(b"\xFE\xFF\0a").text, "a");
    }

    #[test]
    fn cookies_and_fallback() {
        assert_eq!(
            decode(b"# -*- coding: latin-1 -*-\n# \xe9").text,
            "# -*- coding: latin-1 -*-\n# \u{e9}"
        );
        assert!(decode(b"# coding=latin_1\n'\xe9'").notes.is_empty());
        let bare = decode(b"x = '\xe9'");
        assert_eq!(bare.text, "x = '\u{e9}'");
        assert_eq!(bare.notes, ["not UTF-8 from byte 5 on: read as Latin-1"]);
        // a cookie after code is none
        assert_eq!(
            decode(b"x = 1\n# coding: latin-1\n'\xc3\xa9'").text,
            "x = 1\n# coding: latin-1\n'é'"
        );
        assert_eq!(decode(b"a\0b").notes, ["it holds NUL bytes"]);
    }
}
