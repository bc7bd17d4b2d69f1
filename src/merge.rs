//! The revision that joins several heads: the file that `alembic merge` would write.
//!
//! In: the heads, and the project's `script.py.mako` and naming. Out: a file's name and text. Of Mako the plain part is
//! read, which templates of revisions are made of: `${expression}` with the names that Alembic gives, and comments. No IO.

use std::fmt::Write;

use sha1::{Digest, Sha1};

/// What Alembic's generic environment has.
const GENERIC: &str = "\"\"\"${message}

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
Create Date: ${create_date}

\"\"\"
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa
${imports if imports else \"\"}

# revision identifiers, used by Alembic.
revision: str = ${repr(up_revision)}
down_revision: Union[str, Sequence[str], None] = ${repr(down_revision)}
branch_labels: Union[str, Sequence[str], None] = ${repr(branch_labels)}
depends_on: Union[str, Sequence[str], None] = ${repr(depends_on)}


def upgrade() -> None:
    \"\"\"Upgrade schema.\"\"\"
    ${upgrades if upgrades else \"pass\"}


def downgrade() -> None:
    \"\"\"Downgrade schema.\"\"\"
    ${downgrades if downgrades else \"pass\"}
";

/// How a project names the files of its revisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naming {
    /// `file_template`.
    pub file_template: String,
    /// `truncate_slug_length`.
    pub slug_length: usize,
}

impl Default for Naming {
    /// What Alembic does where nothing is set.
    fn default() -> Self {
        Self {
            file_template: "%(rev)s_%(slug)s".to_owned(),
            slug_length: 40,
        }
    }
}

/// A merge revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// Its id.
    pub id: String,
    /// The heads that it joins.
    pub heads: Vec<String>,
    /// What it says of itself.
    pub message: String,
    /// When it is made: seconds since 1970 in UTC.
    pub seconds: u64,
}

impl Merge {
    /// Joins heads; without an id one that follows from the heads, so that whoever joins the same ones makes the same.
    pub fn new(
        heads: Vec<String>,
        message: Option<String>,
        id: Option<String>,
        seconds: u64,
    ) -> Self {
        let message = message.unwrap_or_else(|| match heads.as_slice() {
            [all @ .., last] if !all.is_empty() => format!("merge {} and {last}", all.join(", ")),
            _ => "merge heads".to_owned(),
        });
        let id = id.unwrap_or_else(|| {
            let digest = Sha1::digest(heads.join(" ").as_bytes());
            digest.iter().take(6).fold(String::new(), |mut id, byte| {
                let _ = write!(id, "{byte:02x}");
                id
            })
        });
        Self {
            id,
            heads,
            message,
            seconds,
        }
    }

    /// The file's name, as the project names its revisions.
    pub fn file_name(&self, naming: &Naming) -> String {
        let time = Time::of(self.seconds);
        let mut name = naming.file_template.clone();
        let slug = slug(&self.message, naming.slug_length);
        for (key, value) in [
            ("rev", &self.id),
            ("slug", &slug),
            ("epoch", &self.seconds.to_string()),
        ] {
            for kind in ["s", "d"] {
                name = name.replace(&format!("%({key}){kind}"), value);
            }
        }
        for (key, value) in [
            ("year", time.year),
            ("month", time.month),
            ("day", time.day),
            ("hour", time.hour),
            ("minute", time.minute),
            ("second", time.second),
        ] {
            name = name.replace(&format!("%({key}).2d"), &format!("{value:02}"));
            name = name.replace(&format!("%({key})02d"), &format!("{value:02}"));
            name = name.replace(&format!("%({key})d"), &value.to_string());
            name = name.replace(&format!("%({key})s"), &value.to_string());
        }
        format!("{name}.py")
    }

    /// The file's text; `None` where the template is more than plain.
    pub fn text(&self, template: Option<&str>) -> Option<String> {
        let template = template.unwrap_or(GENERIC).replace("\r\n", "\n");
        let mut out = String::new();
        for line in template.split_inclusive('\n') {
            let start = line.trim_start();
            // a line of Mako's own: a comment goes, a statement is more than plain
            if start.starts_with("##") {
                continue;
            }
            if (start.starts_with('%') && !start.starts_with("%%")) || line.contains("<%") {
                return None;
            }
            out.push_str(line);
        }
        let mut text = String::new();
        let mut rest = out.as_str();
        while let Some(at) = rest.find("${") {
            let end = at + rest[at..].find('}')?;
            text.push_str(&rest[..at]);
            text.push_str(&self.value(rest[at + 2..end].trim())?);
            rest = &rest[end + 1..];
        }
        text.push_str(rest);
        Some(text)
    }

    /// What an expression of a template comes to.
    fn value(&self, expression: &str) -> Option<String> {
        let (expression, filters) = match expression.split_once('|') {
            Some((expression, filters)) => (expression.trim(), filters),
            None => (expression, ""),
        };
        let filters: Vec<&str> = filters
            .split(',')
            .map(str::trim)
            .filter(|one| !one.is_empty())
            .collect();
        if let Some((value, other)) = expression.split_once(" else ") {
            let (value, condition) = value.split_once(" if ")?;
            // all that may be there is the message: a merge has no operations and no imports
            let value = self.name(value.trim())?;
            return if condition.trim().is_empty() {
                None
            } else if value.is_empty() {
                literal(other.trim())
            } else {
                Some(value)
            };
        }
        if let Some(inner) = expression
            .strip_prefix("repr(")
            .and_then(|rest| rest.strip_suffix(')'))
        {
            return match inner.trim() {
                "up_revision" => Some(quoted(&self.id)),
                "down_revision" => Some(self.tuple()),
                "message" => Some(quoted(&self.message)),
                "branch_labels" | "depends_on" => Some("None".to_owned()),
                _ => None,
            };
        }
        match (expression, filters.as_slice()) {
            ("down_revision", ["comma", ..]) => Some(self.heads.join(", ")),
            ("down_revision", _) => Some(self.tuple()),
            ("branch_labels" | "depends_on", ["comma", ..]) => Some(String::new()),
            ("branch_labels" | "depends_on", _) => Some("None".to_owned()),
            (name, [] | ["n"]) => self.name(name),
            _ => None,
        }
    }

    fn name(&self, name: &str) -> Option<String> {
        match name {
            "message" => Some(self.message.clone()),
            "up_revision" => Some(self.id.clone()),
            "create_date" => Some(Time::of(self.seconds).text()),
            "imports" | "upgrades" | "downgrades" => Some(String::new()),
            _ => None,
        }
    }

    fn tuple(&self) -> String {
        let heads: Vec<String> = self.heads.iter().map(|head| quoted(head)).collect();
        format!("({})", heads.join(", "))
    }
}

/// A literal of a template's expression, without its quotes.
fn literal(text: &str) -> Option<String> {
    let quote = text
        .chars()
        .next()
        .filter(|one| matches!(one, '"' | '\''))?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains(['\\', quote])).then(|| inner.to_owned())
}

/// A text as Python's `repr` has it.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\");
    if escaped.contains('\'') && !escaped.contains('"') {
        format!("\"{escaped}\"")
    } else {
        format!("'{}'", escaped.replace('\'', "\\'"))
    }
}

/// The words of a message as Alembic makes a file's name of them.
fn slug(message: &str, length: usize) -> String {
    let words: Vec<String> = message
        .split(|one: char| !(one.is_alphanumeric() || one == '_'))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let slug = words.join("_");
    if slug.chars().count() <= length {
        return slug;
    }
    let cut: String = slug.chars().take(length).collect();
    match cut.rsplit_once('_') {
        Some((whole, _)) => format!("{whole}_"),
        None => cut,
    }
}

/// A time in UTC.
struct Time {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

impl Time {
    fn of(seconds: u64) -> Self {
        let (mut days, rest) = (seconds / 86400, seconds % 86400);
        let is_leap = |year: u64| {
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
        };
        let mut year = 1970;
        while days >= 365 + u64::from(is_leap(year)) {
            days -= 365 + u64::from(is_leap(year));
            year += 1;
        }
        let mut month = 1;
        for length in [
            31,
            28 + u64::from(is_leap(year)),
            31,
            30,
            31,
            30,
            31,
            31,
            30,
            31,
            30,
            31,
        ] {
            if days < length {
                break;
            }
            days -= length;
            month += 1;
        }
        Self {
            year,
            month,
            day: days + 1,
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: rest % 60,
        }
    }

    fn text(&self) -> String {
        format!(
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            self.year, self.month, self.day, self.hour, self.minute, self.second
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merge() -> Merge {
        let heads = vec!["aaa".to_owned(), "bbb".to_owned()];
        Merge::new(heads, None, Some("ccc".to_owned()), 1_709_210_096)
    }

    #[test]
    fn files_are_named_as_the_project_names_them() {
        assert_eq!(
            merge().file_name(&Naming::default()),
            "ccc_merge_aaa_and_bbb.py"
        );
        let naming = Naming {
            file_template: "%(year)d_%(month).2d_%(day).2d_%(hour).2d%(minute).2d-%(rev)s_%(slug)s"
                .to_owned(),
            slug_length: 9,
        };
        // counted by `date -u -d @1709210096`
        assert_eq!(merge().file_name(&naming), "2024_02_29_1234-ccc_merge_.py");
    }

    #[test]
    fn the_generic_template_is_filled_in() {
        let text = merge().text(None).expect("plain");
        assert!(text.starts_with("\"\"\"merge aaa and bbb\n\nRevision ID: ccc\nRevises: aaa, bbb\nCreate Date: 2024-02-29 12:34:56\n"), "{text}");
        assert!(
            text.contains("down_revision: Union[str, Sequence[str], None] = ('aaa', 'bbb')\n"),
            "{text}"
        );
        assert!(
            text.contains("def upgrade() -> None:\n    \"\"\"Upgrade schema.\"\"\"\n    pass\n"),
            "{text}"
        );
    }

    #[test]
    fn a_template_that_computes_is_not_plain() {
        assert_eq!(merge().text(Some("% if x:\n${message}\n% endif\n")), None);
        assert_eq!(merge().text(Some("${config.get_main_option('x')}\n")), None);
        assert_eq!(
            merge()
                .text(Some("## note\nrevision = ${repr(up_revision)}\n"))
                .as_deref(),
            Some("revision = 'ccc'\n")
        );
    }

    #[test]
    fn the_same_heads_have_the_same_id() {
        let of = |heads: [&str; 2]| Merge::new(heads.map(str::to_owned).to_vec(), None, None, 0).id;
        assert_eq!(of(["a", "b"]), of(["a", "b"]));
        assert_ne!(of(["a", "b"]), of(["a", "c"]));
        assert_eq!(of(["a", "b"]).len(), 12);
    }
}
