//! Lines of Python: moved deeper, and broken where they grow too long, as ruff and black break them.
//!
//! In and out: text with `\n`. Only lines that a move makes too long are broken: what was too long before stays its
//! author's.

/// A character that opens a bracket, and the one that closes it.
fn closing(open: char) -> Option<char> {
    match open {
        '(' => Some(')'),
        '[' => Some(']'),
        '{' => Some('}'),
        _ => None,
    }
}

/// Walks text, passing over strings and comments: calls `visit` with the offset of every other character.
fn walk(text: &str, mut visit: impl FnMut(usize, char), mut string: impl FnMut(usize, usize)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'#' => {
                at += text[at..].find('\n').unwrap_or(text.len() - at);
            }
            quote @ (b'"' | b'\'') => {
                let end = string_end(bytes, at, quote);
                string(at, end);
                at = end;
            }
            _ => {
                let character = text[at..].chars().next().unwrap_or(' ');
                visit(at, character);
                at += character.len_utf8();
            }
        }
    }
}

/// Where a string that opens at an offset ends.
fn string_end(bytes: &[u8], start: usize, quote: u8) -> usize {
    let triple = bytes[start..].starts_with(&[quote; 3]);
    let mut at = start + if triple { 3 } else { 1 };
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote => {
                if !triple {
                    return at + 1;
                }
                if bytes[at..].starts_with(&[quote; 3]) {
                    return at + 3;
                }
                at += 1;
            }
            b'\n' if !triple => return at,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Text without its comments.
pub(super) fn without_comments(text: &str) -> String {
    let mut kept = String::new();
    let mut strings: Vec<(usize, usize)> = Vec::new();
    walk(
        text,
        |_, character| kept.push(character),
        |start, end| strings.push((start, end)),
    );
    if strings.is_empty() {
        kept
    } else {
        text.to_owned()
    }
}

/// Lines one step deeper; what stands inside a string that spans lines is left as it is, and so is a line that was too long
/// in the file already (`original`).
pub(super) fn deeper(text: &str, original: &str, unit: &str, limit: usize) -> String {
    let text = text.replace("\r\n", "\n");
    let was_there = |line: &str| original.lines().any(|one| one == line);
    let mut inside: Vec<(usize, usize)> = Vec::new();
    walk(&text, |_, _| {}, |start, end| inside.push((start, end)));
    let mut out = Vec::new();
    let mut at = 0;
    let lines: Vec<&str> = text.split('\n').collect();
    for (number, line) in lines.iter().enumerate() {
        let in_string = inside.iter().any(|(start, end)| *start < at && at < *end);
        let ends_in_string = inside
            .iter()
            .any(|(start, end)| *start < at + line.len() && at + line.len() < *end);
        if in_string || line.trim().is_empty() {
            out.push((*line).to_owned());
        } else {
            let moved = format!("{unit}{line}");
            let own = width(line) > limit && was_there(line);
            if !own && width(&moved) > limit && !ends_in_string {
                let opened = number.checked_sub(1).map(|before| lines[before].trim_end());
                let closed = lines.get(number + 1).map(|after| after.trim_start());
                let inside = opened.is_some_and(|line| line.ends_with(['(', '[', '{']))
                    && closed.is_some_and(|line| line.starts_with([')', ']', '}']));
                out.extend(match each(&moved) {
                    // all that a bracket holds on one line: each part gets its own
                    Some(parts) if inside => parts
                        .iter()
                        .flat_map(|part| fit(part, unit, limit))
                        .collect(),
                    _ => fit(&moved, unit, limit),
                });
            } else {
                out.push(moved);
            }
        }
        at += line.len() + 1;
    }
    out.join("\n")
}

/// The parts between the commas of a line, each with one behind it; `None` where there is but one.
fn each(line: &str) -> Option<Vec<String>> {
    let indent = &line[..line.len() - line.trim_start().len()];
    let parts = split(line.trim(), ',');
    let several = parts.len() > 1 && !line.contains('#');
    several.then(|| {
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        parts.map(|part| format!("{indent}{part},")).collect()
    })
}

fn width(line: &str) -> usize {
    line.chars()
        .map(|character| if character == '\t' { 4 } else { 1 })
        .sum()
}

/// How many places of a text are not as a formatter with that line length leaves them: lines that it would break, and
/// broken ones that it would join.
pub(super) fn misfits(text: &str, limit: usize) -> usize {
    let text = text.replace("\r\n", "\n");
    let mut strings: Vec<(usize, usize)> = Vec::new();
    walk(&text, |_, _| {}, |start, end| strings.push((start, end)));
    let mut at = 0;
    let mut lines: Vec<&str> = Vec::new();
    for line in text.split('\n') {
        let inside = strings.iter().any(|(start, end)| {
            (*start < at && at < *end) || (*start < at + line.len() && at + line.len() < *end)
        });
        // what stands in a string that spans lines is as its author wants it
        lines.push(if inside { "#" } else { line });
        at += line.len() + 1;
    }
    let several = |line: &str| {
        let parts = split(line.trim(), ',');
        !line.contains('#') && parts.iter().filter(|part| !part.is_empty()).count() > 1
    };
    let too_long =
        |line: &&&str| width(line) > limit && (last_bracket(line).is_some() || several(line));
    let joinable = |three: &&[&str]| {
        let [first, middle, last] = three else {
            return false;
        };
        first.ends_with(['(', '[', '{'])
            && last.trim_start().starts_with([')', ']', '}'])
            && !middle.trim_end().ends_with([',', '(', '[', '{'])
            && !three.iter().any(|line| line.contains('#'))
            && width(first) + width(middle.trim()) + width(last.trim()) <= limit
    };
    lines.iter().filter(too_long).count() + lines.windows(3).filter(joinable).count()
}

/// A condition in brackets of its own, an operand a line; `None` where the line is none, or ends with a bracket to break.
fn condition(line: &str, indent: &str, unit: &str) -> Option<Vec<String>> {
    let inner = line.trim_start().strip_prefix("if ")?.strip_suffix(':')?;
    if inner.ends_with([')', ']', '}']) || inner.contains('#') {
        return None;
    }
    let mut parts = operands(inner, &[" and ", " or "]);
    if parts.len() == 1 {
        parts = operands(inner, &[" not in ", " in "]);
    }
    let mut out = vec![format!("{indent}if (")];
    out.extend(parts.into_iter().map(|one| format!("{indent}{unit}{one}")));
    out.push(format!("{indent}):"));
    Some(out)
}

/// The operands of some operators outside of brackets, each with the operator before it.
fn operands<'a>(text: &'a str, operators: &[&str]) -> Vec<&'a str> {
    let cuts = cuts_outside_brackets(text, |at, _, _| {
        operators.iter().any(|one| text[at..].starts_with(one))
            // the second word of `not in`
            && !text[..at].ends_with(" not")
    });
    pieces(text, &cuts, 0)
}

/// Where to cut a text outside of brackets and strings. `is_cut` is told the place, the character there and the cuts before it.
fn cuts_outside_brackets(text: &str, is_cut: impl Fn(usize, char, &[usize]) -> bool) -> Vec<usize> {
    let mut depth = 0_i32;
    let mut cuts = Vec::new();
    walk(
        text,
        |at, character| match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ if depth == 0 && is_cut(at, character, &cuts) => cuts.push(at),
            _ => {}
        },
        |_, _| {},
    );
    cuts
}

/// One line as the lines that a formatter would make of it.
pub(super) fn fit(line: &str, unit: &str, limit: usize) -> Vec<String> {
    if width(line) <= limit {
        return vec![line.to_owned()];
    }
    let indent: String = line
        .chars()
        .take_while(|character| character.is_whitespace())
        .collect();
    if let Some(broken) = condition(line, &indent, unit) {
        return broken;
    }
    let Some((head, body, tail)) = last_bracket(line) else {
        return vec![line.to_owned()];
    };
    let deeper = format!("{indent}{unit}");
    let whole = format!("{deeper}{body}");
    let mut out = vec![head.to_owned()];
    let parts = split(body, ',');
    let magic = body.trim_end().ends_with(',');
    if width(&whole) <= limit && !magic {
        out.push(whole);
    } else if parts.len() > 1 || magic {
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        for part in parts {
            out.extend(fit(&format!("{deeper}{part},"), unit, limit));
        }
    } else if is_call(head) && comprehension(body).len() == 1 {
        // what stands alone gets no comma
        out.extend(fit(&whole, unit, limit));
    } else {
        for clause in comprehension(body) {
            out.extend(fit(&format!("{deeper}{clause}"), unit, limit));
        }
    }
    out.push(format!("{indent}{tail}"));
    out
}

/// Whether what ends with an opening bracket is a call: a bracket that only groups takes no comma.
fn is_call(head: &str) -> bool {
    head.strip_suffix('(')
        .and_then(|before| before.chars().next_back())
        .is_some_and(|last| last.is_alphanumeric() || last == '_' || last == ')' || last == ']')
}

/// A line in three: up to and with the opening bracket of its last outermost pair, what stands inside, the rest.
fn last_bracket(line: &str) -> Option<(&str, &str, &str)> {
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut last = None;
    let mut broken = false;
    walk(
        line,
        |at, character| {
            if let Some(close) = closing(character) {
                open.push((at, close));
            } else if matches!(character, ')' | ']' | '}') {
                match open.pop() {
                    Some((start, close)) if close == character => {
                        // an empty pair has nothing to break
                        if open.is_empty() && start + 1 < at {
                            last = Some((start, at));
                        }
                    }
                    _ => broken = true,
                }
            }
        },
        |_, _| {},
    );
    let (start, end) = last?;
    if broken || !open.is_empty() || line.contains('#') {
        return None;
    }
    Some((&line[..=start], line[start + 1..end].trim(), &line[end..]))
}

/// Parts of a text between a separator outside of brackets and strings, trimmed.
pub(super) fn split(text: &str, separator: char) -> Vec<&str> {
    let cuts = cuts_outside_brackets(text, |_, character, _| character == separator);
    pieces(text, &cuts, separator.len_utf8())
}

/// What lies between the cuts, without the blanks around it; each cut takes away as many bytes.
fn pieces<'a>(text: &'a str, cuts: &[usize], width: usize) -> Vec<&'a str> {
    let mut parts = Vec::with_capacity(cuts.len() + 1);
    let mut at = 0;
    for cut in cuts {
        parts.push(text[at..*cut].trim());
        at = cut + width;
    }
    parts.push(text[at..].trim());
    parts
}

/// A comprehension before its `for` and `if`; anything else whole.
fn comprehension(text: &str) -> Vec<&str> {
    let cuts = cuts_outside_brackets(text, |at, _, before| {
        text[at..].starts_with(" for ") || (text[at..].starts_with(" if ") && !before.is_empty())
    });
    pieces(text, &cuts, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_moved_and_strings_are_not() {
        let text = "    op.execute(\n        \"\"\"\n  SELECT 1\n    \"\"\"\n    )\n\n    # why";
        assert_eq!(
            deeper(text, text, "    ", 88),
            "        op.execute(\n            \"\"\"\n  SELECT 1\n    \"\"\"\n        )\n\n        # why"
        );
    }

    #[test]
    fn what_grows_too_long_is_broken_as_a_formatter_does() {
        let line =
            "    op.add_column(\"tickets\", sa.Column(\"region\", sa.String(50), nullable=True))";
        assert_eq!(
            fit(line, "    ", 60),
            [
                "    op.add_column(",
                "        \"tickets\",",
                "        sa.Column(\"region\", sa.String(50), nullable=True),",
                "    )"
            ]
        );
        assert_eq!(
            fit(
                "    op.create_index(\"ix\", \"tickets\", [\"region\"])",
                "    ",
                46
            ),
            [
                "    op.create_index(",
                "        \"ix\", \"tickets\", [\"region\"]",
                "    )"
            ]
        );
        assert_eq!(
            fit(
                "columns = {c[\"name\"] for c in inspector.get_columns(\"tickets\")}",
                "    ",
                46
            ),
            [
                "columns = {",
                "    c[\"name\"]",
                "    for c in inspector.get_columns(\"tickets\")",
                "}"
            ]
        );
    }

    #[test]
    fn a_long_condition_gets_brackets() {
        assert_eq!(
            fit(
                "    if \"old\" in columns and \"new\" not in columns:",
                "    ",
                40
            ),
            [
                "    if (",
                "        \"old\" in columns",
                "        and \"new\" not in columns",
                "    ):"
            ]
        );
        assert_eq!(
            fit(
                "if \"a_rather_long_name\" not in unique_constraints:",
                "    ",
                40
            ),
            [
                "if (",
                "    \"a_rather_long_name\"",
                "    not in unique_constraints",
                "):"
            ]
        );
    }

    #[test]
    fn a_line_length_shows_in_what_is_broken_and_what_is_not() {
        let text = "call(\n    \"a text of some length\", other\n)\n";
        assert_eq!(misfits(text, 30), 1);
        assert_eq!(misfits(text, 36), 1);
        assert_eq!(misfits(text, 34), 0);
        assert_eq!(misfits("call(\n    a,\n)\n", 88), 0);
        assert_eq!(misfits("\"\"\"\ncall(\n    a\n)\n\"\"\"\n", 88), 0);
    }

    #[test]
    fn brackets_in_strings_are_text() {
        assert_eq!(
            split("a, ')', (b, c), \"x,\"", ','),
            ["a", "')'", "(b, c)", "\"x,\""]
        );
    }
}
