//! File text and positions: byte offsets inside, line and column only where a person or a machine reads them.
//!
//! Offsets are bytes into the UTF-8 text. Lines and columns count from 1; columns count code points.
//! Reading files is left to [`crate::files`].

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use camino::{Utf8Path, Utf8PathBuf};

/// Half-open range of byte offsets in one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset one past the last byte.
    pub end: u32,
}

impl Span {
    /// A span from `start` to `end`, both byte offsets.
    pub const fn new(start: u32, end: u32) -> Self {
        Self { start, end }
    }

    /// The span's bytes as a range for slicing.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Whether `other` lies wholly inside.
    pub fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

/// Number of a file in one analysis; see [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Site {
    /// The file.
    pub file: FileId,
    /// The place in it.
    pub span: Span,
}

/// One-based line and column; the column counts code points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in code points, from 1.
    pub column: u32,
}

/// A file's text with the offsets of its lines.
#[derive(Debug)]
pub struct SourceFile {
    path: Utf8PathBuf,
    text: Arc<str>,
    lines: Vec<u32>,
}

impl SourceFile {
    /// `path` is relative to the project root, with `/`.
    pub fn new(path: impl Into<Utf8PathBuf>, text: impl Into<Arc<str>>) -> Self {
        let text: Arc<str> = text.into();
        let mut lines = vec![0];
        let bytes = text.as_bytes();
        for (offset, byte) in bytes.iter().enumerate() {
            if *byte > b'\r' {
                continue;
            }
            // a lone CR ends a line too, as it does for Python and for editors
            let ends = match byte {
                b'\n' => true,
                b'\r' => bytes.get(offset + 1) != Some(&b'\n'),
                _ => false,
            };
            if ends {
                lines.push(offset as u32 + 1);
            }
        }
        Self {
            path: path.into(),
            text,
            lines,
        }
    }

    /// Path relative to the project root, with `/`.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// The whole text.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// One-based line of a byte offset.
    pub fn line(&self, offset: u32) -> u32 {
        self.lines.partition_point(|start| *start <= offset) as u32
    }

    /// One-based line and column of a byte offset; an offset past the end is the end.
    pub fn position(&self, offset: u32) -> Position {
        let offset = offset.min(self.text.len() as u32);
        let line = self.line(offset);
        let start = self.lines[line as usize - 1] as usize;
        let column = self.text[start..offset as usize].chars().count() as u32 + 1;
        Position { line, column }
    }

    /// The text of a one-based line, without its line end; `None` past the last line.
    pub fn line_text(&self, line: u32) -> Option<&str> {
        let span = self.line_span(line)?;
        Some(&self.text[span.range()])
    }

    /// The span of a one-based line, without its line end.
    pub fn line_span(&self, line: u32) -> Option<Span> {
        let start = *self.lines.get((line as usize).checked_sub(1)?)? as usize;
        let end = self
            .lines
            .get(line as usize)
            .map_or(self.text.len(), |next| *next as usize);
        let text = self.text[start..end].trim_end_matches(['\n', '\r']);
        Some(Span::new(start as u32, (start + text.len()) as u32))
    }

    /// Number of lines; an empty file has one.
    pub fn line_count(&self) -> u32 {
        self.lines.len() as u32
    }

    /// Offset of the first byte of a one-based line.
    pub fn line_start(&self, line: u32) -> Option<u32> {
        self.lines.get((line as usize).checked_sub(1)?).copied()
    }
}

/// All files of one analysis, by number. Modules that a revision imports are added when they are first needed, from any
/// thread: numbers identify a file, and never order anything that is printed.
///
/// Files as they were before the change that is judged are among them, marked, so that a label can point at them.
#[derive(Debug, Default)]
pub struct SourceMap {
    files: Arc<RwLock<Vec<Numbered>>>,
    past: bool,
    /// Numbers of texts that another text has taken the place of, here.
    superseded: RwLock<BTreeSet<FileId>>,
}

#[derive(Debug)]
struct Numbered {
    file: Arc<SourceFile>,
    past: bool,
}

impl SourceMap {
    /// The same map for files as they were before the change that is judged: those that are added here are marked so.
    #[must_use]
    pub fn past(&self) -> Self {
        Self {
            files: self.files.clone(),
            past: true,
            superseded: RwLock::default(),
        }
    }

    /// The same map for an analysis of files of which some have another text: numbers mean the same in both.
    #[must_use]
    pub fn revised(&self) -> Self {
        Self {
            files: self.files.clone(),
            past: self.past,
            superseded: RwLock::default(),
        }
    }

    /// Says that a text is not that of its file any more.
    pub fn supersede(&self, id: FileId) {
        let mut superseded = self
            .superseded
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        superseded.insert(id);
    }

    /// Says that a text is that of its file again.
    pub fn restore(&self, id: FileId) {
        let mut superseded = self
            .superseded
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        superseded.remove(&id);
    }

    /// Whether a text is not that of its file any more.
    pub fn is_superseded(&self, id: FileId) -> bool {
        let superseded = self
            .superseded
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        superseded.contains(&id)
    }

    /// Adds a file and gives its number.
    pub fn add(&self, file: Arc<SourceFile>) -> FileId {
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        files.push(Numbered {
            file,
            past: self.past,
        });
        FileId(files.len() as u32 - 1)
    }

    /// The file of a number that this map gave.
    pub fn file(&self, id: FileId) -> Arc<SourceFile> {
        self.files.read().unwrap_or_else(PoisonError::into_inner)[id.0 as usize]
            .file
            .clone()
    }

    /// Whether a file's text is that from before the change that is judged.
    pub fn is_past(&self, id: FileId) -> bool {
        self.files.read().unwrap_or_else(PoisonError::into_inner)[id.0 as usize].past
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_counted_by_hand() {
        let file = SourceFile::new("x.py", "é\tb\r\nc = 'ü' # x\r\n\rlast");
        let at = |needle: &str| file.position(file.text().find(needle).expect("there") as u32);
        assert_eq!(at("b"), Position { line: 1, column: 3 });
        assert_eq!(at("c"), Position { line: 2, column: 1 });
        assert_eq!(at("#"), Position { line: 2, column: 9 });
        assert_eq!(at("last"), Position { line: 4, column: 1 });
        assert_eq!(file.line_text(2), Some("c = 'ü' # x"));
        assert_eq!(file.line_text(5), None);
    }
}
