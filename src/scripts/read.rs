//! A file's text to a [`Script`]: its directions, their statements, and how they are sent.

use std::sync::Arc;

use memchr::memchr2;

use super::directives::{self, Direction, Directions};
use super::{Format, Part, Script, Sending, dialect, run};
use crate::postgres::{ObjectKind, Statement, Version};
use crate::source::{FileId, Site, Span};
use crate::sql::{self, Parsed};
use crate::trace::{Call, Gap, Origin};

/// Something that PostgreSQL's parser refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The first line of the statement.
    pub site: Site,
    /// Why.
    pub why: Why,
}

/// Why a statement is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The parser's words.
    Syntax(String),
    /// Its tool sends a part of it only; what keeps it whole.
    Cut(String),
}

/// What came of a migration's files.
#[derive(Debug)]
pub enum Reading {
    /// It is a migration.
    Read {
        /// The migration, without what was refused.
        script: Script,
        /// What was refused.
        refusals: Vec<Refusal>,
    },
    /// It is written for another server.
    Foreign(&'static str),
}

/// Where Drizzle cuts a file into what it sends, whether a semicolon stands before it or not.
const BREAKPOINT: &str = "--> statement-breakpoint";

/// Psql's commands that change what the rest of the file does; all others are for its screen.
const WEIGHTY: [&str; 11] = [
    "\\i",
    "\\ir",
    "\\include",
    "\\include_relative",
    "\\c",
    "\\connect",
    "\\gexec",
    "\\if",
    "\\elif",
    "\\else",
    "\\copy",
];

/// Files that psql's `\\i` and `\\ir` bring in, by what is written behind the command.
#[derive(Clone, Debug)]
pub struct Included {
    /// The path as written.
    pub written: String,
    /// The file.
    pub file: FileId,
    /// Its text.
    pub text: Arc<str>,
    /// What it brings in itself.
    pub included: Vec<Included>,
}

/// The file of a migration's way down, where that is another.
pub type DownFile<'a> = Option<(FileId, &'a str)>;

/// Reads the migrations of a file: one, or as many as Liquibase's changesets, each with its own name then.
pub fn read_all(
    format: Format,
    file: FileId,
    text: &str,
    down: DownFile<'_>,
    included: &[Included],
    version: Version,
) -> Vec<(Option<String>, Reading)> {
    if format != Format::Liquibase || !directives::is_liquibase(text) {
        let directions = directives::directions(format, text);
        let reading = read_directions(format, file, text, &directions, down, included, version);
        return vec![(None, reading)];
    }
    directives::changesets(text)
        .into_iter()
        .map(|changeset| {
            let directions = &changeset.directions;
            let mut reading =
                read_directions(format, file, text, directions, None, included, version);
            if let Reading::Read { script, .. } = &mut reading {
                script.repeatable = changeset.repeatable;
            }
            (Some(changeset.id), reading)
        })
        .collect()
}

/// Reads a migration: the text of its file, and of the file with its way down where that is another.
pub fn read(
    format: Format,
    file: FileId,
    text: &str,
    down: DownFile<'_>,
    version: Version,
) -> Reading {
    let found = directives::directions(format, text);
    read_directions(format, file, text, &found, down, &[], version)
}

fn read_directions(
    format: Format,
    file: FileId,
    text: &str,
    found: &Directions,
    down: DownFile<'_>,
    included: &[Included],
    version: Version,
) -> Reading {
    let mut reader = Reader {
        format,
        version,
        refusals: Vec::new(),
        refused: Vec::new(),
    };
    let up = reader.part(file, text, &found.up, included);
    let down = match (down, &found.down) {
        (Some((file, text)), _) => {
            let own = directives::directions(format, text);
            Some(reader.part(file, text, &own.up, included))
        }
        (None, Some(direction)) => Some(reader.part(file, text, direction, included)),
        (None, None) => None,
    };
    let refused: Vec<&str> = reader.refused.iter().map(|text| &**text).collect();
    if let Some(server) = dialect::foreign(&refused) {
        return Reading::Foreign(server);
    }
    Reading::Read {
        script: Script {
            format,
            up,
            down,
            repeatable: false,
            rerunnable: false,
            guessed: false,
        },
        refusals: reader.refusals,
    }
}

struct Reader {
    format: Format,
    version: Version,
    refusals: Vec<Refusal>,
    /// The texts of what was refused.
    refused: Vec<Box<str>>,
}

impl Reader {
    fn part(
        &mut self,
        file: FileId,
        text: &str,
        direction: &Direction,
        included: &[Included],
    ) -> Part {
        let body = direction.text(text);
        let mut read = Statements::default();
        self.statements(file, &body, direction.range.start, included, &mut read);
        let Statements { calls, mut gaps } = read;
        let site = |span: Span| Site { file, span };
        let marker = Span::new(direction.marker.start as u32, direction.marker.end as u32);
        let place = match calls.first() {
            Some(first) if marker == Span::default() => first.site,
            _ => site(marker),
        };
        let sending = self.sending(direction.outside, &calls);
        if self.format == Format::Flyway && !direction.outside && self.is_mixed(&calls) {
            gaps.push(Gap {
                site: Some(place),
                what: "Flyway refuses a migration in which statements that can't be in a transaction stand beside others, unless `mixed` is true"
                    .to_owned(),
            });
        }
        Part {
            place,
            sending,
            explained: directives::is_explained(&body),
            gaps,
            calls,
        }
    }

    /// The statements of a text that begins at an offset of its file, with those of the files that it brings in.
    fn statements(
        &mut self,
        file: FileId,
        body: &str,
        base: usize,
        included: &[Included],
        read: &mut Statements,
    ) {
        let blanked = self.blanked(body);
        let body = blanked.as_deref().unwrap_or(body);
        let site = |span: Span| Site { file, span };
        let cuts = directives::Cuts::of(self.format, body);
        for Parsed { statement, span } in sql::parse_file(body) {
            let own = body.get(span.range()).unwrap_or_default();
            let whole = Span::new(base as u32 + span.start, base as u32 + span.end);
            let first_line = memchr2(b'\n', b'\r', own.as_bytes()).unwrap_or(own.len());
            let head = Span::new(
                whole.start,
                whole.start + own[..first_line].trim_end().len() as u32,
            );
            match statement {
                Statement::Other { tag, .. } if tag.starts_with('\\') => {
                    let brought = includes(own)
                        .and_then(|path| included.iter().find(|known| known.written == path));
                    if let Some(brought) = brought {
                        let text = brought.text.clone();
                        self.statements(brought.file, &text, 0, &brought.included, read);
                    } else if WEIGHTY.contains(&tag.as_str()) {
                        read.gaps.push(Gap {
                            site: Some(site(head)),
                            what: format!("psql's `{tag}` is not followed: what it brings in or decides is not known"),
                        });
                    }
                }
                Statement::SyntaxError { message } => {
                    self.refusals.push(Refusal {
                        site: site(head),
                        why: Why::Syntax(message.to_string()),
                    });
                    self.refused.push(own.into());
                }
                statement => {
                    if let Some(cuts) = &cuts
                        && cuts.cuts(span.start as usize, own)
                    {
                        self.refusals.push(Refusal {
                            site: site(head),
                            why: Why::Cut(cuts.remedy()),
                        });
                    }
                    read.calls.push(call(site(head), site(whole), statement));
                }
            }
        }
    }

    /// A text as the server gets it, each byte in its place; `None`: as it is.
    fn blanked(&self, body: &str) -> Option<String> {
        // the server takes no NUL, and tools cut the text there or refuse it: said elsewhere, read as a blank here
        let mut blanked = body.contains('\0').then(|| body.replace('\0', " "));
        if self.format == Format::Drizzle && body.contains(BREAKPOINT) {
            let end = format!("{:1$}", ";", BREAKPOINT.len());
            blanked = Some(blanked.as_deref().unwrap_or(body).replace(BREAKPOINT, &end));
        }
        blanked
    }

    /// Whether some statements can't be in a transaction and others can.
    fn is_mixed(&self, calls: &[Arc<Call>]) -> bool {
        let (outside, inside): (Vec<&Statement>, Vec<&Statement>) = calls
            .iter()
            .flat_map(|call| call.statements.iter())
            .partition(|statement| flyway_runs_outside(statement, self.version));
        // what only sets something goes with either
        !outside.is_empty()
            && inside
                .iter()
                .any(|statement| !matches!(statement, Statement::Set { .. }))
    }

    fn sending(&self, outside: bool, calls: &[Arc<Call>]) -> Sending {
        let facts = self.format.facts();
        let flyway_decides = self.format == Format::Flyway
            && calls
                .iter()
                .flat_map(|call| call.statements.iter())
                .any(|statement| flyway_runs_outside(statement, self.version));
        let supabase_decides = self.format == Format::Supabase
            && calls
                .iter()
                .flat_map(|call| call.statements.iter())
                .any(supabase_sends_alone);
        if outside || flyway_decides || supabase_decides {
            facts.without_transaction
        } else {
            facts.sending
        }
    }
}

/// The call that sends a statement of a file: its first line, all of it, and what it is.
fn call(site: Site, whole: Site, statement: Statement) -> Arc<Call> {
    Arc::new(Call {
        site,
        literal: Some(whole),
        origin: Origin::Script,
        statements: Arc::new([statement]),
        circumstances: None,
    })
}

/// What a part's texts hold.
#[derive(Default)]
struct Statements {
    calls: Vec<Arc<Call>>,
    gaps: Vec<Gap>,
}

/// The path behind psql's `\\i` or `\\ir`.
pub fn includes(line: &str) -> Option<&str> {
    let mut words = line.trim().splitn(2, char::is_whitespace);
    let command = words.next()?;
    if !matches!(command, "\\i" | "\\ir" | "\\include" | "\\include_relative") {
        return None;
    }
    let path = words.next()?.trim().trim_end_matches(';').trim();
    let path = path.trim_matches(['\'', '"']);
    (!path.is_empty() && !path.contains(':')).then_some(path)
}

/// Statements that Supabase's CLI sends by themselves, outside of the batch with the others (its
/// `isPipelineIncompatible`).
fn supabase_sends_alone(statement: &Statement) -> bool {
    match statement {
        Statement::CreateIndex(index) => index.concurrently,
        Statement::Drop(drop) => drop.concurrently,
        Statement::Reindex { concurrently, .. } => *concurrently,
        Statement::Vacuum { analyze_only, .. } => !analyze_only,
        Statement::Cluster { .. } => true,
        Statement::Other { tag, .. } => tag == "ALTER SYSTEM",
        _ => false,
    }
}

/// Statements for which Flyway runs the whole migration outside of a transaction (its `PostgreSQLParser`).
fn flyway_runs_outside(statement: &Statement, version: Version) -> bool {
    match statement {
        Statement::CreateIndex(index) => index.concurrently,
        Statement::Drop(drop) => {
            drop.concurrently || matches!(drop.kind, ObjectKind::Database | ObjectKind::Tablespace)
        }
        Statement::Reindex { kind, .. } => {
            matches!(kind, ObjectKind::Schema | ObjectKind::Database)
        }
        Statement::Vacuum { analyze_only, .. } => !analyze_only,
        Statement::AlterEnum(alter) => alter.rename_from.is_none() && version < Version(12),
        Statement::CreateNamed(named) => matches!(
            named.kind,
            ObjectKind::Database | ObjectKind::Tablespace | ObjectKind::Subscription
        ),
        Statement::Other { tag, .. } => matches!(tag.as_str(), "ALTER SYSTEM" | "DISCARD ALL"),
        _ => false,
    }
}

impl Script {
    /// Says how both directions are sent, whatever the files say.
    pub fn send(&mut self, sending: Sending) {
        self.up.sending = sending;
        if let Some(down) = &mut self.down {
            down.sending = sending;
        }
    }

    /// Decides whether a second run of the up part is real, once it is known how it is sent; `promised`: the project wants
    /// it to be possible.
    pub fn settle(&mut self, promised: bool) {
        let own_transactions = self
            .up
            .calls
            .iter()
            .any(|call| run::control(&call.statements).is_some());
        self.rerunnable =
            promised || (self.up.may_stop_halfway() && (!self.guessed || own_transactions));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_plain(text: &str) -> (Script, Vec<Refusal>) {
        match read(Format::Plain, FileId(0), text, None, Version(15)) {
            Reading::Read { script, refusals } => (script, refusals),
            Reading::Foreign(server) => panic!("{server}"),
        }
    }

    fn texts<'a>(part: &Part, text: &'a str) -> Vec<&'a str> {
        let wholes = part.calls.iter().filter_map(|call| call.literal);
        wholes.map(|whole| &text[whole.span.range()]).collect()
    }

    #[test]
    fn places_are_those_of_the_file() {
        let text =
            "-- é\n-- migrate:up\nCREATE TABLE t (\n  a int\n);\n-- migrate:down\nDROP TABLE t;\n";
        let Reading::Read { script, .. } = read(Format::Dbmate, FileId(3), text, None, Version(15))
        else {
            panic!("read");
        };
        let at = |site: Site| &text[site.span.range()];
        assert_eq!(at(script.up.calls[0].site), "CREATE TABLE t (");
        assert_eq!(texts(&script.up, text), ["CREATE TABLE t (\n  a int\n)"]);
        let down = script.down.expect("a down part");
        assert_eq!(texts(&down, text), ["DROP TABLE t"]);
        assert_eq!(at(down.place), "-- migrate:down");
    }

    #[test]
    fn a_broken_statement_is_one_refusal_and_hides_nothing() {
        let text = "SELECT 1;\nCREAT TABLE x (a int);\nSELECT 2;\n";
        let (script, refusals) = read_plain(text);
        assert_eq!(texts(&script.up, text), ["SELECT 1", "SELECT 2"]);
        assert_eq!(refusals.len(), 1);
        assert_eq!(refusals[0].site.span, Span::new(10, 31));
    }

    #[test]
    fn psqls_commands_are_no_statements() {
        let text = "\\set ON_ERROR_STOP on\nSELECT 1;\n\\i other.sql\n\\echo done\nSELECT 2;";
        let (script, refusals) = read_plain(text);
        assert_eq!(texts(&script.up, text), ["SELECT 1", "SELECT 2"]);
        assert_eq!((refusals.len(), script.up.gaps.len()), (0, 1));
    }

    #[test]
    fn tools_that_cut_at_semicolons_need_their_marks() {
        let function = "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$\nBEGIN\n    NULL; -- why\nEND\n$$;";
        let cut = |format, text: &str| match read(format, FileId(0), text, None, Version(15)) {
            Reading::Read { script, refusals } => (script.up.calls.len(), refusals.len()),
            Reading::Foreign(server) => panic!("{server}"),
        };
        let bare = format!("-- +goose Up\nSELECT 1;\n{function}\nSELECT 2;\n");
        // it is told, and the rest is read as it is meant
        assert_eq!(cut(Format::Goose, &bare), (3, 1));
        assert_eq!(
            cut(Format::SqlMigrate, &bare.replace("goose", "migrate")),
            (3, 1)
        );
        assert_eq!(cut(Format::Plain, &bare), (3, 0));
        let marked = format!(
            "-- +goose Up\nSELECT 1;\n-- +goose StatementBegin\n{function}\n-- +goose StatementEnd\nSELECT 2;\n"
        );
        assert_eq!(cut(Format::Goose, &marked), (3, 0));
        // where no line ends with one, nothing is cut
        let line = "-- +goose Up\nDO $$ BEGIN NULL; END $$;\nSELECT\n    1;\n";
        assert_eq!(cut(Format::Goose, line), (2, 0));
    }

    #[test]
    fn rows_of_a_copy_are_no_statements() {
        let text = "COPY t (a) FROM stdin;\n1; SELECT\n\\.\nSELECT 2;";
        let (script, refusals) = read_plain(text);
        assert_eq!(script.up.calls.len(), 2);
        assert!(refusals.is_empty());
    }

    #[test]
    fn files_of_other_servers_are_told() {
        let text = "SELECT 1;\nCREATE TABLE `t` (a int) ENGINE=InnoDB;\n";
        assert!(matches!(
            read(Format::Plain, FileId(0), text, None, Version(15)),
            Reading::Foreign("MySQL")
        ));
    }

    #[test]
    fn what_can_stop_halfway() {
        let halfway = |text: &str, sending| {
            let (mut script, _) = read_plain(text);
            script.send(sending);
            script.up.may_stop_halfway()
        };
        let two = "CREATE TABLE a (x int); CREATE TABLE b (x int);";
        assert!(halfway(two, Sending::Each));
        assert!(!halfway(two, Sending::OneCall) && !halfway(two, Sending::Block));
        assert!(!halfway(
            "SET lock_timeout = 1; CREATE TABLE a (x int);",
            Sending::Each
        ));
        assert!(halfway(
            "CREATE INDEX CONCURRENTLY i ON t (a);",
            Sending::OneCall
        ));
        let wrapped = format!("BEGIN; {two} COMMIT;");
        assert!(!halfway(&wrapped, Sending::Each));
        assert!(halfway(
            &format!("{wrapped} CREATE TABLE c (x int);"),
            Sending::Each
        ));
    }

    #[test]
    fn flyway_decides_by_the_statements() {
        let sending = |text: &str| match read(Format::Flyway, FileId(0), text, None, Version(15)) {
            Reading::Read { script, .. } => script.up.sending,
            Reading::Foreign(server) => panic!("{server}"),
        };
        assert_eq!(sending("CREATE TABLE t (a int);"), Sending::Block);
        assert_eq!(
            sending("CREATE INDEX CONCURRENTLY i ON t (a);"),
            Sending::Each
        );
    }
}
