//! The lines that a diagnostic shows, cut to a readable width and made safe to print, as codespan-reporting wants them.
//!
//! Codespan renders whole lines; a migration may hold a line of a megabyte. So it gets an excerpt, a text of only those
//! lines, and this view translates back: line numbers and columns are those of the file.

use std::collections::BTreeMap;
use std::ops::Range;

use codespan_reporting::files::{Error, Files};

use super::{clean, is_harmful, secret, slashes};
use crate::source::{FileId, Site, SourceMap, Span};

/// Longest line that is shown, in characters.
const WIDTH: usize = 180;
/// How much of a long line is shown before its label.
const LEAD: usize = 60;

/// One line as shown.
struct Line {
    /// Its bytes in the excerpt, without the line end.
    range: Range<usize>,
    /// Offset in the file of the first byte shown.
    original: u32,
    /// Bytes of the excerpt line before that one (an ellipsis).
    lead: usize,
}

struct FileExcerpt {
    path: String,
    text: String,
    lines: BTreeMap<usize, Line>,
}

/// The excerpts of one diagnostic.
pub(super) struct Excerpts<'a> {
    sources: &'a SourceMap,
    files: BTreeMap<FileId, FileExcerpt>,
}

impl<'a> Excerpts<'a> {
    /// The lines on which some sites begin.
    pub(super) fn new(sources: &'a SourceMap, sites: impl IntoIterator<Item = Site>) -> Self {
        let mut wanted: BTreeMap<FileId, BTreeMap<u32, u32>> = BTreeMap::new();
        for site in sites {
            let line = sources.file(site.file).line(site.span.start);
            // the first site of a line decides which part of a long one is shown
            wanted
                .entry(site.file)
                .or_default()
                .entry(line)
                .or_insert(site.span.start);
        }
        let files = wanted
            .into_iter()
            .map(|(id, lines)| (id, excerpt(sources, id, &lines)))
            .collect();
        Self { sources, files }
    }

    /// A site's bytes in the excerpt: what of it stands on its first line and is shown.
    pub(super) fn range(&self, site: Site) -> Option<Range<usize>> {
        let excerpt = self.files.get(&site.file)?;
        let file = self.sources.file(site.file);
        let index = file.line(site.span.start) as usize;
        let line = excerpt.lines.get(&index)?;
        let low = line.range.start + line.lead;
        let translate = |offset: u32| {
            let moved = low + offset.saturating_sub(line.original) as usize;
            floor_char(&excerpt.text, moved.clamp(low, line.range.end))
        };
        let start = translate(site.span.start);
        let end = translate(site.span.end.max(site.span.start));
        Some(start..end.max(start))
    }
}

fn floor_char(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn excerpt(sources: &SourceMap, id: FileId, wanted: &BTreeMap<u32, u32>) -> FileExcerpt {
    let file = sources.file(id);
    let mut text = String::new();
    let mut lines = BTreeMap::new();
    for (number, focus) in wanted {
        let Some(span) = file.line_span(*number) else {
            continue;
        };
        let whole = secret::covered(&file.text()[span.range()]);
        let (shown, cut_before, cut_after) =
            window(&whole, focus.saturating_sub(span.start) as usize);
        let start = text.len();
        if cut_before {
            text.push('…');
        }
        let lead = text.len() - start;
        let line: String = whole[shown.clone()].chars().map(harmless).collect();
        // a command to the runner of GitHub Actions; of the same length, so that labels stay under their text
        text.push_str(&line.replace("##[", "##("));
        if cut_after {
            text.push('…');
        }
        let line = Line {
            range: start..text.len(),
            original: Span::new(span.start + shown.start as u32, span.end).start,
            lead,
        };
        lines.insert(*number as usize, line);
        text.push('\n');
    }
    FileExcerpt {
        path: clean(&slashes(file.path())),
        text,
        lines,
    }
}

/// The part of a line to show around a byte offset, and whether something is cut at either end.
fn window(line: &str, focus: usize) -> (Range<usize>, bool, bool) {
    // bytes bound characters from above: most lines are short
    if line.len() <= WIDTH || line.chars().count() <= WIDTH {
        return (0..line.len(), false, false);
    }
    let focus = floor_char(line, focus);
    let before = line[..focus]
        .char_indices()
        .rev()
        .take(LEAD)
        .last()
        .map_or(focus, |(at, _)| at);
    let start = if line[..focus].chars().count() <= LEAD * 2 {
        0
    } else {
        before
    };
    let end = line[start..]
        .char_indices()
        .nth(WIDTH)
        .map_or(line.len(), |(at, _)| start + at);
    (start..end, start > 0, end < line.len())
}

/// A character that a terminal only shows, of the same length in bytes.
fn harmless(character: char) -> char {
    if character == '\t' || !is_harmful(character) {
        return character;
    }
    match character.len_utf8() {
        1 => '?',
        2 => '¿',
        _ => '\u{FFFD}',
    }
}

impl<'a> Files<'a> for Excerpts<'_> {
    type FileId = FileId;
    type Name = &'a str;
    type Source = &'a str;

    fn name(&'a self, id: FileId) -> Result<&'a str, Error> {
        self.files
            .get(&id)
            .map(|file| file.path.as_str())
            .ok_or(Error::FileMissing)
    }

    fn source(&'a self, id: FileId) -> Result<&'a str, Error> {
        self.files
            .get(&id)
            .map(|file| file.text.as_str())
            .ok_or(Error::FileMissing)
    }

    /// The line's index is its number: gaps between shown lines stay gaps.
    fn line_index(&'a self, id: FileId, byte_index: usize) -> Result<usize, Error> {
        let file = self.files.get(&id).ok_or(Error::FileMissing)?;
        file.lines
            .iter()
            .find(|(_, line)| byte_index <= line.range.end)
            .or_else(|| file.lines.iter().next_back())
            .map(|(number, _)| *number)
            .ok_or(Error::FileMissing)
    }

    fn line_number(&'a self, _id: FileId, line_index: usize) -> Result<usize, Error> {
        Ok(line_index)
    }

    fn column_number(
        &'a self,
        id: FileId,
        line_index: usize,
        byte_index: usize,
    ) -> Result<usize, Error> {
        let file = self.files.get(&id).ok_or(Error::FileMissing)?;
        let line = file.lines.get(&line_index).ok_or(Error::FileMissing)?;
        let inside = byte_index.saturating_sub(line.range.start + line.lead);
        let source = self.sources.file(id);
        Ok(source.position(line.original + inside as u32).column as usize)
    }

    fn line_range(&'a self, id: FileId, line_index: usize) -> Result<Range<usize>, Error> {
        let file = self.files.get(&id).ok_or(Error::FileMissing)?;
        match file.lines.get(&line_index) {
            // with its line end, as codespan counts
            Some(line) => Ok(line.range.start..(line.range.end + 1).min(file.text.len())),
            // a line between two that are shown
            None => {
                let at = file
                    .lines
                    .range(..line_index)
                    .next_back()
                    .map_or(0, |(_, line)| line.range.end);
                Ok(at..at)
            }
        }
    }
}
