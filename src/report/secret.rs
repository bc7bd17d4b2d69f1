//! Passwords in URLs, covered: reports go to logs that more people read than the code.

use std::borrow::Cow;

/// What ends a URL in a text.
const ENDS: [char; 8] = [' ', '\t', '\n', '\r', '\'', '"', '`', '<'];

/// A text with the password of each URL (`scheme://user:password@host`, `?password=...`) covered by as many stars as it
/// has bytes, so that all else stays where it is.
pub(super) fn covered(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut secrets = Vec::new();
    let mut from = 0;
    while let Some(found) = text[from..].find("://") {
        let start = from + found + 3;
        let end = text[start..]
            .find(ENDS)
            .map_or(text.len(), |length| start + length);
        let url = &text[start..end];
        // a password may hold a slash: the last `@` ends it
        if let Some(at) = url.rfind('@')
            && let Some(colon) = url[..at].find(':')
        {
            secrets.push(start + colon + 1..start + at);
        }
        if let Some(query) = url.find("password=") {
            let value = start + query + "password=".len();
            let length = text[value..end].find('&').unwrap_or(end - value);
            secrets.push(value..value + length);
        }
        from = end;
    }
    if secrets.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for secret in secrets {
        if secret.start >= at {
            out.push_str(&text[at..secret.start]);
            out.extend(std::iter::repeat_n('*', secret.len()));
            at = secret.end;
        }
    }
    out.push_str(&text[at..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::covered;

    #[test]
    fn passwords_are_covered_and_all_else_stays() {
        assert_eq!(
            covered("to 'postgresql+psycopg://app:s3/é@t@db:5432/x' and http://x/y:z"),
            "to 'postgresql+psycopg://app:*******@db:5432/x' and http://x/y:z"
        );
        assert_eq!(
            covered("postgresql://db/x?user=a&password=pw&b=1"),
            "postgresql://db/x?user=a&password=**&b=1"
        );
        assert_eq!(covered("a://b:c@d a://e:ff@g"), "a://b:*@d a://e:**@g");
        assert_eq!(covered("nothing: here@all"), "nothing: here@all");
        assert_eq!(covered("://:@"), "://:@");
    }
}
