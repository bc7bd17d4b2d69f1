use std::sync::Arc;

use super::*;

const RULES: [&str; 3] = ["missing-guard", "missing-downgrade", RULE];

/// Puts one finding of `missing-guard` on each line; gives the lines that stay, and what is said of the comments.
fn applied(path: &str, text: &str) -> (Vec<u32>, Vec<String>) {
    let sources = SourceMap::default();
    let file = Arc::new(SourceFile::new(path, text));
    let id = sources.add(file.clone());
    let findings = (1..=file.line_count())
        .filter_map(|line| {
            let start = file.line_start(line)?;
            let mut made = problem(id, Span::new(start, start), String::new(), "");
            made.rule = "missing-guard";
            Some(made)
        })
        .collect();
    let applied = apply(findings, &sources, |judged, _| judged == path, &RULES, true);
    let (own, others): (Vec<_>, Vec<_>) = applied
        .diagnostics
        .into_iter()
        .partition(|diagnostic| diagnostic.rule == RULE);
    let said = own
        .iter()
        .map(|diagnostic| {
            let at = file.position(diagnostic.site.span.start);
            format!("{}:{} {}", at.line, at.column, diagnostic.message)
        })
        .collect();
    let lines = others
        .iter()
        .map(|diagnostic| file.line(diagnostic.site.span.start))
        .collect();
    (lines, said)
}

#[test]
fn at_the_end_of_a_line_and_above_a_statement() {
    let text = "a()  # foreshot: ignore[missing-guard] known\nb()\n# foreshot: ignore[missing-guard] because\nc(\n  1,\n)\nd()\n";
    assert_eq!(applied("x.py", text), (vec![2, 3, 7, 8], vec![]));
}

#[test]
fn at_the_end_of_a_statement_of_several_lines() {
    let text = "a(\n  1,\n)  # foreshot: ignore[missing-guard]: known\nb(\n  1,  # foreshot: ignore[missing-guard] this line\n  2)\n";
    assert_eq!(applied("x.py", text), (vec![4, 6, 7], vec![]));
}

#[test]
fn for_the_file() {
    let text = "# foreshot: file-ignore[missing-guard, missing-downgrade] generated\r\na()\r\n";
    let said = "1:40 this suppresses nothing: there is no finding of `missing-downgrade` here";
    assert_eq!(applied("x.py", text), (vec![], vec![said.into()]));
}

#[test]
fn what_stands_in_a_string_is_no_comment() {
    let text = "s = '''\n# foreshot: ignore[missing-guard] no\n'''\nt = f\"{d[\"#\"]} # foreshot: ignore[missing-guard] no\"\n";
    assert_eq!(applied("x.py", text), (vec![1, 2, 3, 4, 5], vec![]));
}

#[test]
fn mistakes_are_findings() {
    let text = "a()  # foreshot: ignore[missing-guard]\nb()  # foreshot: ignore[mising-guard] x\nc()  # foreshot: ignore all\n\
                d()  # noqa # foreshot: ignore[missing-guard] fine\ne()  # foreshot: skip\nf()  # foreshot: ignore[] x\n";
    let (lines, said) = applied("x.py", text);
    assert_eq!(lines, [1, 2, 3, 5, 6, 7]);
    assert_eq!(
        said,
        [
            "1:6 this suppression gives no reason",
            "2:25 there is no rule `mising-guard`",
            "3:6 this suppression names no rule in brackets",
            "5:6 this `foreshot:` comment is neither `ignore[...]` nor `file-ignore[...]`",
            "6:6 this suppression names no rule, or an empty one",
        ]
    );
}

#[test]
fn the_same_in_sql() {
    let text = "SELECT '-- foreshot: ignore[missing-guard] no';\n-- foreshot: ignore[missing-guard] known\nCREATE TABLE t (\n  a int\n);\n\
                DO $x$ -- foreshot: ignore[missing-guard] no\n$x$;\nDROP TABLE t; -- foreshot: ignore[missing-guard] yes\n";
    assert_eq!(applied("x.sql", text), (vec![1, 2, 6, 7, 9], vec![]));
}

#[test]
fn hostile_text_ends() {
    for text in [
        "# foreshot: ignore[",
        "'\\",
        "f'{",
        "f'{'{'{'",
        "foreshot: \"\"\"",
        "$",
        "# foreshot:",
    ] {
        applied("x.py", text);
        applied("x.sql", text);
    }
}

#[test]
fn sql_inside_python_accepts_for_its_whole_statement() {
    let text = "a()\nop.execute(\n    \"\"\"\n    DROP TABLE t -- foreshot: ignore[missing-guard] gone for good\n    \"\"\"\n)\nb()\n\
                op.execute('DROP TABLE u -- foreshot: ignore[missing-guard] that too')\nx = 'no -- comment'\n";
    let (lines, said) = applied("a.py", text);
    assert_eq!((lines, said), (vec![1, 7, 9, 10], vec![]));
}
