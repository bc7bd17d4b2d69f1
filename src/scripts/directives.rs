//! What a file says to its tool in comments: where its parts begin, and whether it wants a transaction.
//!
//! Lines are looked at one by one, strings notwithstanding, as the tools do.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memmem};

use super::Format;

/// One direction in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Direction {
    /// Bytes of its text.
    pub(super) range: Range<usize>,
    /// Bytes of the line that begins it; empty at the start of the file where no line does.
    pub(super) marker: Range<usize>,
    /// It asks for no transaction.
    pub(super) outside: bool,
    /// Bytes in its range that are not its own: those of the other direction, and marks.
    pub(super) foreign: Vec<Range<usize>>,
}

impl Direction {
    /// Its text with blanks for what is not its own: offsets stay.
    pub(super) fn text<'a>(&self, whole: &'a str) -> Cow<'a, str> {
        let body = whole.get(self.range.clone()).unwrap_or_default();
        if self.foreign.is_empty() {
            return Cow::Borrowed(body);
        }
        let mut own = body.as_bytes().to_vec();
        for range in &self.foreign {
            let start = range.start.saturating_sub(self.range.start).min(own.len());
            let end = range.end.saturating_sub(self.range.start).min(own.len());
            for byte in &mut own[start..end.max(start)] {
                if !matches!(byte, b'\n' | b'\r') {
                    *byte = b' ';
                }
            }
        }
        // whole lines are blanked: what is left is UTF-8 as before
        Cow::Owned(String::from_utf8_lossy(&own).into_owned())
    }
}

/// The directions of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Directions {
    pub(super) up: Direction,
    pub(super) down: Option<Direction>,
}

/// What a line means to a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Up {
        outside: bool,
    },
    Down {
        outside: bool,
    },
    /// For both directions of the file.
    Outside,
}

/// Finds the directions of a text; all of it is the up part where no line says otherwise.
pub(super) fn directions(format: Format, text: &str) -> Directions {
    let mut marks: Vec<(Range<usize>, Mark)> = Vec::new();
    for (at, line) in comment_lines(text) {
        // sqlx looks at the beginning of the file alone
        if format == Format::Sqlx && at > 0 {
            break;
        }
        let bare = line.trim_end();
        if let Some(mark) = mark(format, bare) {
            marks.push((at..at + bare.len(), mark));
        }
    }
    let mut whole = Direction {
        range: 0..text.len(),
        ..Direction::default()
    };
    let outside = marks.iter().any(|(_, mark)| *mark == Mark::Outside);
    let mut up: Option<Direction> = None;
    let mut down: Option<Direction> = None;
    for (line, mark) in marks {
        let (slot, other, asks) = match mark {
            Mark::Up { outside } => (&mut up, &mut down, outside),
            Mark::Down { outside } => (&mut down, &mut up, outside),
            Mark::Outside => continue,
        };
        if let Some(open) = other
            && open.range.end == text.len()
            && open.range.start <= line.start
        {
            open.range.end = line.start;
        }
        if let Some(again) = slot {
            // a second section of the same direction, behind one of the other
            if again.range.end < text.len() {
                again.foreign.push(again.range.end..line.end);
                again.range.end = text.len();
            }
        } else {
            *slot = Some(Direction {
                range: line.end..text.len(),
                marker: line,
                outside: asks || outside,
                foreign: Vec::new(),
            });
        }
    }
    if up.is_none() {
        // node-pg-migrate: what stands before `-- Down Migration` is the up part
        whole.outside = outside;
        if let Some(down) = &down {
            whole.range.end = down.marker.start;
        }
        up = Some(whole);
    }
    Directions {
        up: up.unwrap_or_default(),
        down,
    }
}

/// The lines of a text that begin with `--` but for blanks, each with its offset: few of a file's, found without a look at the others.
fn comment_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut dashes = memmem::find_iter(text.as_bytes(), "--");
    let mut seen = 0;
    std::iter::from_fn(move || {
        loop {
            let dash = dashes.next()?;
            if dash < seen {
                continue;
            }
            let start = seen + text[seen..dash].rfind('\n').map_or(0, |end| end + 1);
            let end = memchr(b'\n', &text.as_bytes()[dash..]).map_or(text.len(), |end| dash + end);
            // the line's own break stands before the next line
            seen = end;
            if text[start..dash].trim_start().is_empty() {
                return Some((start, &text[start..end]));
            }
        }
    })
}

fn mark(format: Format, line: &str) -> Option<Mark> {
    let comment = line.trim_start().strip_prefix("--")?;
    match format {
        Format::Dbmate => {
            let words = comment.trim_start().strip_prefix("migrate:")?;
            let outside = words
                .split_whitespace()
                .any(|word| word == "transaction:false");
            match words.split_whitespace().next()? {
                "up" => Some(Mark::Up { outside }),
                "down" => Some(Mark::Down { outside }),
                _ => None,
            }
        }
        Format::Goose => {
            let words = comment.trim_start().strip_prefix("+goose")?;
            let words: Vec<String> = words
                .split_whitespace()
                .map(str::to_ascii_lowercase)
                .collect();
            match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                ["up"] => Some(Mark::Up { outside: false }),
                ["down"] => Some(Mark::Down { outside: false }),
                ["no", "transaction"] => Some(Mark::Outside),
                _ => None,
            }
        }
        Format::NodePgMigrate => {
            let words = comment.trim_start_matches(|c: char| c == '-' || c.is_whitespace());
            let words = words.to_ascii_lowercase();
            let mut words = words.split_whitespace();
            match (words.next()?, words.next()?) {
                ("up", second) if second.starts_with("migration") => {
                    Some(Mark::Up { outside: false })
                }
                ("down", second) if second.starts_with("migration") => {
                    Some(Mark::Down { outside: false })
                }
                _ => None,
            }
        }
        Format::Sqlx => line
            .starts_with("-- no-transaction")
            .then_some(Mark::Outside),
        Format::SqlMigrate => {
            let words = comment.trim_start().strip_prefix("+migrate")?;
            let outside = words.split_whitespace().any(|word| word == "notransaction");
            match words.split_whitespace().next()? {
                "Up" => Some(Mark::Up { outside }),
                "Down" => Some(Mark::Down { outside }),
                _ => None,
            }
        }
        Format::Rambler => match line.trim_end() {
            "-- rambler up" => Some(Mark::Up { outside: false }),
            "-- rambler down" => Some(Mark::Down { outside: false }),
            _ => None,
        },
        Format::Tern => match line.trim() {
            "---- create above / drop below ----" => Some(Mark::Down { outside: false }),
            "---- tern: disable-tx ----" => Some(Mark::Outside),
            _ => None,
        },
        Format::Yoyo => {
            let value = comment.trim_start().strip_prefix("transactional")?;
            let value = value.trim_start().strip_prefix(':')?.trim();
            value.eq_ignore_ascii_case("false").then_some(Mark::Outside)
        }
        Format::Plain
        | Format::Diesel
        | Format::Drizzle
        | Format::Flyway
        | Format::GolangMigrate
        | Format::Hasura
        | Format::Liquibase
        | Format::Prisma
        | Format::Supabase => None,
    }
}

/// Whether a text begins as Liquibase's formatted SQL must.
pub(super) fn is_liquibase(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty());
    first.is_some_and(|line| {
        let words = line.trim().trim_start_matches('-').trim_start();
        line.trim_start().starts_with("--")
            && words
                .to_ascii_lowercase()
                .starts_with("liquibase formatted sql")
    })
}

/// One changeset of a file of Liquibase's: a migration of its own, with a transaction of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changeset {
    /// `author:id`.
    pub(super) id: String,
    pub(super) directions: Directions,
    /// It runs again whenever it changes, or always.
    pub(super) repeatable: bool,
}

/// The changesets of a text.
pub(super) fn changesets(text: &str) -> Vec<Changeset> {
    let mut found: Vec<Changeset> = Vec::new();
    let mut rollbacks: Vec<Vec<Range<usize>>> = Vec::new();
    let mut at = 0;
    let mut in_comment = false;
    for line in text.split_inclusive('\n') {
        let span = at..at + line.trim_end().len();
        at += line.len();
        let bare = line.trim();
        if let Some(words) = after_mark(bare, "changeset") {
            if let Some(last) = found.last_mut() {
                last.directions.up.range.end = span.start;
            }
            found.push(changeset(words, span, text.len()));
            rollbacks.push(Vec::new());
            continue;
        }
        let Some(own) = rollbacks.last_mut() else {
            continue;
        };
        if bare.eq_ignore_ascii_case("/* liquibase rollback") {
            in_comment = true;
        } else if in_comment && bare == "*/" {
            in_comment = false;
        } else if in_comment {
            own.push(span);
        } else if let Some(words) = after_mark(bare, "rollback") {
            own.push(span.end - words.len()..span.end);
        }
    }
    for (changeset, lines) in found.iter_mut().zip(rollbacks) {
        let (Some(first), Some(last)) = (lines.first(), lines.last()) else {
            continue;
        };
        let range = changeset.directions.up.range.clone();
        let mut foreign = Vec::with_capacity(lines.len() + 1);
        let mut start = range.start;
        for line in &lines {
            foreign.push(start..line.start);
            start = line.end;
        }
        foreign.push(start..range.end);
        // `--rollback empty`, `--rollback not required`: there is nothing to undo
        let words = text.get(first.start..last.end).unwrap_or_default().trim();
        let nothing = lines.len() == 1
            && (words.eq_ignore_ascii_case("empty") || words.eq_ignore_ascii_case("not required"));
        if nothing {
            foreign.push(range.clone());
        }
        changeset.directions.down = Some(Direction {
            marker: first.clone(),
            outside: changeset.directions.up.outside,
            foreign,
            range,
        });
    }
    for changeset in &mut found {
        // rollbacks in a comment are a comment of the up part: nothing to blank
        changeset.directions.up.foreign.clear();
    }
    found
}

/// What stands behind `--mark` of Liquibase's: `--changeset a:1 x:y`, `-- rollback DROP ...`.
fn after_mark<'a>(line: &'a str, mark: &str) -> Option<&'a str> {
    let words = line
        .strip_prefix("--")?
        .trim_start_matches(['-', ' ', '\t']);
    let head = words.get(..mark.len())?;
    let rest = words.get(mark.len()..)?;
    let ends = rest.is_empty() || rest.starts_with([' ', '\t', ':']);
    (head.eq_ignore_ascii_case(mark) && ends).then(|| rest.trim_start_matches(':').trim_start())
}

fn changeset(words: &str, marker: Range<usize>, end: usize) -> Changeset {
    let mut parts = words.split_whitespace();
    let id = parts.next().unwrap_or_default().to_owned();
    let has = |wanted: &str| {
        words
            .split_whitespace()
            .any(|part| part.eq_ignore_ascii_case(wanted))
    };
    Changeset {
        id,
        repeatable: has("runOnChange:true") || has("runAlways:true"),
        directions: Directions {
            up: Direction {
                range: marker.end..end,
                marker,
                outside: has("runInTransaction:false"),
                foreign: Vec::new(),
            },
            down: None,
        },
    }
}

/// The format that a text's marks belong to.
pub(super) fn format_of(text: &str) -> Option<Format> {
    let first = text.lines().next().unwrap_or_default();
    if mark(Format::Sqlx, first).is_some() {
        return Some(Format::Sqlx);
    }
    if is_liquibase(text) {
        return Some(Format::Liquibase);
    }
    let marked = text.lines().find_map(|line| {
        [
            Format::Dbmate,
            Format::Goose,
            Format::NodePgMigrate,
            Format::Rambler,
            Format::SqlMigrate,
            Format::Tern,
        ]
        .into_iter()
        .find(|format| mark(*format, line).is_some())
    });
    let leading = || {
        text.lines()
            .map(str::trim)
            .take_while(|line| line.is_empty() || line.starts_with("--"))
    };
    let is_yoyo = |line: &str| {
        let words = line.trim_start_matches(['-', ' ']);
        words.starts_with("depends:") || words.starts_with("transactional:")
    };
    marked.or_else(|| leading().any(is_yoyo).then_some(Format::Yoyo))
}

/// Where goose and sql-migrate cut a text: between `StatementBegin` and `StatementEnd` nowhere, elsewhere behind each line that
/// ends with a semicolon, whatever it stands in.
pub(super) struct Cuts {
    marker: &'static str,
    /// What is kept whole.
    kept: Vec<Range<usize>>,
}

impl Cuts {
    /// Of a text of a format's; `None`: its tool knows where a statement ends.
    pub(super) fn of(format: Format, text: &str) -> Option<Self> {
        let marker = match format {
            Format::Goose => "+goose",
            Format::SqlMigrate => "+migrate",
            _ => return None,
        };
        let mut kept = Vec::new();
        let mut begin = None;
        for (at, line) in comment_lines(text) {
            let comment = line.trim_start().trim_start_matches('-').trim();
            let Some(word) = comment.strip_prefix(marker) else {
                continue;
            };
            let word = word.trim();
            if word.eq_ignore_ascii_case("StatementBegin") {
                begin = Some(at);
            } else if let Some(begin) = begin.take() {
                kept.push(begin..at);
            }
        }
        kept.extend(begin.map(|begin| begin..text.len()));
        Some(Self { marker, kept })
    }

    /// Whether a statement that begins at an offset is cut inside: one of its lines but the last ends with a semicolon.
    pub(super) fn cuts(&self, at: usize, statement: &str) -> bool {
        let mut lines = statement.trim_end().lines().rev().skip(1);
        let behind = self.kept.partition_point(|kept| kept.end <= at);
        let is_kept = self.kept.get(behind).is_some_and(|kept| kept.contains(&at));
        !is_kept && lines.any(ends_with_semicolon)
    }

    /// What is to be written around such a statement.
    pub(super) fn remedy(&self) -> String {
        let marker = self.marker;
        format!(
            "put `-- {marker} StatementBegin` before it and `-- {marker} StatementEnd` after it"
        )
    }
}

/// Whether the last word of a line that is no comment ends with a semicolon.
fn ends_with_semicolon(line: &str) -> bool {
    let words = line
        .split_whitespace()
        .take_while(|word| !word.starts_with("--"));
    words.last().is_some_and(|word| word.ends_with(';'))
}

/// Whether a comment of a part says why it is empty: more than a tool's mark or template.
pub(super) fn is_explained(text: &str) -> bool {
    comment_lines(text)
        .filter_map(|(_, line)| line.trim_start().strip_prefix("--"))
        .any(|comment| {
            let comment = comment.trim_start_matches(['-', ' ', '\t']);
            let words = comment
                .split_whitespace()
                .filter(|word| word.chars().any(char::is_alphabetic))
                .count();
            let lower = comment.to_ascii_lowercase();
            words > 1
                && ![
                    "+goose",
                    "+migrate",
                    "rambler ",
                    "create above",
                    "write your migrate ",
                    "depends:",
                    "transactional:",
                    "rollback",
                    "changeset ",
                    "liquibase formatted",
                    "migrate:",
                    "sql in ",
                    "add down migration script",
                    "add up migration script",
                    "add migration script",
                    "this file should undo",
                    "your sql goes here",
                    "down migration",
                    "up migration",
                    "foreshot:",
                    "todo",
                ]
                .iter()
                .any(|template| lower.starts_with(template))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(format: Format, text: &str) -> (&str, Option<&str>) {
        let found = directions(format, text);
        (
            text[found.up.range.clone()].trim(),
            found.down.map(|down| text[down.range].trim()),
        )
    }

    #[test]
    fn parts_by_each_tools_marks() {
        let goose = "-- about\n-- +goose Up\nA;\n-- +goose Down\nB;\n";
        assert_eq!(parts(Format::Goose, goose), ("A;", Some("B;")));
        let dbmate = "-- migrate:up\r\nA;\r\n\r\n-- migrate:down\r\nB;\r\n";
        assert_eq!(parts(Format::Dbmate, dbmate), ("A;", Some("B;")));
        let node = "A;\n---- Down Migration\nB;\n";
        assert_eq!(parts(Format::NodePgMigrate, node), ("A;", Some("B;")));
        assert_eq!(parts(Format::Plain, goose).1, None);
        let reversed = "-- migrate:down\nB;\n-- migrate:up\nA;";
        assert_eq!(parts(Format::Dbmate, reversed), ("A;", Some("B;")));
    }

    #[test]
    fn who_wants_no_transaction() {
        let outside = |format, text| directions(format, text).up.outside;
        assert!(outside(
            Format::Dbmate,
            "-- migrate:up transaction:false\nA"
        ));
        assert!(!outside(
            Format::Dbmate,
            "-- migrate:up transaction:true\nA"
        ));
        assert!(outside(
            Format::Goose,
            "-- +goose NO TRANSACTION\n-- +goose Up\nA"
        ));
        assert!(outside(Format::Sqlx, "-- no-transaction\nA"));
        assert!(!outside(Format::Sqlx, "\n-- no-transaction\nA"));
        let down = directions(
            Format::Dbmate,
            "-- migrate:up\nA\n-- migrate:down transaction:false\nB",
        );
        assert!(!down.up.outside && down.down.is_some_and(|down| down.outside));
    }

    #[test]
    fn marks_tell_the_format() {
        assert_eq!(format_of("\n-- +goose Up\n"), Some(Format::Goose));
        assert_eq!(format_of("-- migrate:up\n"), Some(Format::Dbmate));
        assert_eq!(format_of("-- Up Migration\n"), Some(Format::NodePgMigrate));
        assert_eq!(format_of("-- no-transaction\n"), Some(Format::Sqlx));
        assert_eq!(format_of("-- we migrate up here\n"), None);
    }

    #[test]
    fn templates_explain_nothing() {
        assert!(is_explained("-- the rows can't be told apart any more\n"));
        assert!(!is_explained(
            "-- +goose Down\n-- SQL in this section is executed when the migration is rolled back.\n"
        ));
        assert!(!is_explained(
            "-- This file should undo anything in `up.sql`\n"
        ));
    }
}
