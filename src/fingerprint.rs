//! What makes a finding the same finding when lines have moved: its rule, its file and its statement.
//!
//! The statement is the logical line (Python) or the statement (SQL) in which the finding stands, without comments, white
//! space and what a formatter changes. Two findings of one rule in one statement are told apart by their number alone.

use std::collections::{BTreeMap, HashMap};

use camino::Utf8PathBuf;
use sha2::{Digest, Sha256};

use crate::diagnostic::Diagnostic;
use crate::source::{FileId, SourceMap};
use crate::suppress::{Scanned, scan_file};

/// Longest statement that is kept for a reader, in characters.
const SHOWN: usize = 120;

/// A finding's identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint {
    /// The rule.
    pub rule: String,
    /// The file, relative to the root, with `/`.
    pub file: Utf8PathBuf,
    /// Hash of the normalised statement: 16 hexadecimal digits.
    pub statement: String,
}

impl Fingerprint {
    /// One number for all of it, with the how-manieth such finding it is (from 0): 32 hexadecimal digits.
    pub fn id(&self, occurrence: usize) -> String {
        let whole = format!(
            "{}\0{}\0{}\0{occurrence}",
            self.rule, self.file, self.statement
        );
        hexadecimal(&Sha256::digest(whole.as_bytes())[..16])
    }
}

/// Fingerprints of the findings of one analysis; files are scanned once.
pub struct Fingerprints<'a> {
    sources: &'a SourceMap,
    scanned: HashMap<FileId, Scanned>,
    /// Hashes by the file and the first line of a statement: a long one may have many findings.
    hashes: HashMap<(FileId, u32), String>,
}

impl<'a> Fingerprints<'a> {
    /// Of findings in these files.
    pub fn new(sources: &'a SourceMap) -> Self {
        Self {
            sources,
            scanned: HashMap::new(),
            hashes: HashMap::new(),
        }
    }

    /// The identity of a finding.
    pub fn of(&mut self, diagnostic: &Diagnostic) -> Fingerprint {
        let id = diagnostic.site.file;
        let file = self.sources.file(id);
        let lines = self.lines(diagnostic);
        let statement = match self.hashes.get(&(id, lines.0)) {
            Some(known) => known.clone(),
            None => {
                let text = normalized(&self.text(id, lines));
                let hash = hexadecimal(&Sha256::digest(text)[..8]);
                self.hashes.insert((id, lines.0), hash.clone());
                hash
            }
        };
        Fingerprint {
            rule: diagnostic.rule.to_owned(),
            file: file.path().as_str().replace('\\', "/").into(),
            statement,
        }
    }

    /// The statement for a reader: on one line, cut.
    pub fn excerpt(&mut self, diagnostic: &Diagnostic) -> String {
        let lines = self.lines(diagnostic);
        let statement = self.text(diagnostic.site.file, lines);
        let mut words = statement.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some((end, _)) = words.char_indices().nth(SHOWN) {
            words.truncate(end);
            words.push('…');
        }
        words
    }

    /// Numbers that stay when lines move, one for each finding.
    pub fn ids(&mut self, diagnostics: &[Diagnostic]) -> Vec<String> {
        let mut seen: BTreeMap<Fingerprint, usize> = BTreeMap::new();
        diagnostics
            .iter()
            .map(|diagnostic| {
                let fingerprint = self.of(diagnostic);
                let count = seen.entry(fingerprint.clone()).or_default();
                *count += 1;
                fingerprint.id(*count - 1)
            })
            .collect()
    }

    /// First and last line of a finding's statement.
    fn lines(&mut self, diagnostic: &Diagnostic) -> (u32, u32) {
        let site = diagnostic.site;
        let file = self.sources.file(site.file);
        let scanned = self
            .scanned
            .entry(site.file)
            .or_insert_with(|| scan_file(&file));
        let line = file.line(site.span.start);
        // statements are in order and do not overlap
        let after = scanned.statements.partition_point(|(_, last)| *last < line);
        scanned
            .statements
            .get(after)
            .copied()
            .filter(|(first, _)| *first <= line)
            .unwrap_or((line, line))
    }

    /// The text of a statement, without comments.
    fn text(&mut self, id: FileId, (first, last): (u32, u32)) -> String {
        let file = self.sources.file(id);
        let scanned = self.scanned.entry(id).or_insert_with(|| scan_file(&file));
        let start = file.line_start(first).unwrap_or(0);
        let end = file
            .line_span(last)
            .map_or(file.text().len() as u32, |span| span.end);
        let mut text = String::new();
        let mut at = start;
        let from = scanned
            .comments
            .partition_point(|comment| comment.span.start < start);
        for comment in &scanned.comments[from..] {
            if comment.span.end > end {
                break;
            }
            text.push_str(&file.text()[at as usize..comment.span.start as usize]);
            at = comment.span.end;
        }
        text.push_str(&file.text()[at as usize..end.max(at) as usize]);
        text
    }
}

/// What is left of a statement when a formatter may do as it likes: no white space, one kind of quote, no last comma.
fn normalized(statement: &str) -> String {
    let mut out = String::with_capacity(statement.len());
    for character in statement.chars() {
        match character {
            // a backslash joins lines; inside strings one less is no other finding
            '\\' => {}
            _ if character.is_whitespace() => {}
            '\'' => out.push('"'),
            ')' | ']' | '}' => {
                if out.ends_with(',') {
                    out.pop();
                }
                out.push(character);
            }
            _ => out.push(character),
        }
    }
    out
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Severity;
    use crate::source::{Site, SourceFile, Span};
    use std::sync::Arc;

    fn fingerprint(text: &str, needle: &str) -> (Fingerprint, String) {
        let sources = SourceMap::default();
        let file = sources.add(Arc::new(SourceFile::new("a.py", text)));
        let start = text.find(needle).expect("there") as u32;
        let site = Site {
            file,
            span: Span::new(start, start + 1),
        };
        let diagnostic = Diagnostic::new("missing-guard", Severity::Error, site, "x");
        let mut fingerprints = Fingerprints::new(&sources);
        (
            fingerprints.of(&diagnostic),
            fingerprints.excerpt(&diagnostic),
        )
    }

    #[test]
    fn lines_comments_and_formatting_do_not_matter() {
        let one = fingerprint("x = 1\nop.create_table('t', sa.Column('id'))\n", "op.");
        let other = fingerprint(
            "# more\n\n\nop.create_table(  # foreshot\n    \"t\",\n    sa.Column(\"id\"),\n)\ny = 2\n",
            "op.",
        );
        assert_eq!(one.0, other.0);
        assert_eq!(one.1, "op.create_table('t', sa.Column('id'))");
        assert_eq!(other.1, "op.create_table( \"t\", sa.Column(\"id\"), )");
        let third = fingerprint("op.create_table('u', sa.Column('id'))\n", "op.");
        assert_ne!(one.0, third.0);
    }

    #[test]
    fn equal_findings_have_ids_of_their_own() {
        let (fingerprint, _) = fingerprint("op.f()\n", "op.");
        assert_ne!(fingerprint.id(0), fingerprint.id(1));
        assert_eq!(fingerprint.id(0).len(), 32);
    }
}
