//! JSON in which nothing moves a cursor or is a command to a CI system, written as it is made.
//!
//! A path has to be what it is, so characters that could do such a thing, which can only stand in strings, are written as
//! escapes.

use std::io::{self, Write};

use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use super::is_harmful;

/// What would begin a command to the runner of GitHub Actions, wherever in a line it stands, and what stands instead.
const COMMAND: (&str, &str) = ("##[", "#\\u0023[");

/// Writes a value on lines of their own.
pub(super) fn pretty(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    write(out, value, PrettyFormatter::new())
}

/// Writes a value on one line.
pub(super) fn line(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    write(out, value, CompactFormatter)
}

fn write(out: &mut dyn Write, value: &impl Serialize, layout: impl Formatter) -> io::Result<()> {
    // text and numbers only: but for the writer this can't fail
    value.serialize(&mut serde_json::Serializer::with_formatter(
        &mut *out,
        Harmless(layout),
    ))?;
    out.write_all(b"\n")
}

/// A value on lines of their own, in memory.
pub(super) fn pretty_text(value: &impl Serialize) -> String {
    let mut out = Vec::new();
    // writing into memory can't fail
    let _ = pretty(&mut out, value);
    String::from_utf8(out).unwrap_or_default()
}

/// A list whose items are made one by one as they are written: a report may hold more than there is room for.
pub(super) struct Each<F>(pub(super) F);

impl<F, I> Serialize for Each<F>
where
    F: Fn() -> I,
    I: Iterator<Item: Serialize>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for item in self.0() {
            list.serialize_element(&item)?;
        }
        list.end()
    }
}

/// A layout in whose strings nothing is harmful.
struct Harmless<F>(F);

impl<F: Formatter> Formatter for Harmless<F> {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let (command, instead) = COMMAND;
        for (place, part) in fragment.split(command).enumerate() {
            if place > 0 {
                out.write_all(instead.as_bytes())?;
            }
            write_part(out, part)?;
        }
        Ok(())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_key(out)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

/// Writes a part of a string in which no command begins.
fn write_part<W: ?Sized + Write>(out: &mut W, part: &str) -> io::Result<()> {
    let mut written = 0;
    for (at, character) in part.char_indices().filter(|(_, one)| is_harmful(*one)) {
        out.write_all(&part.as_bytes()[written..at])?;
        write!(out, "\\u{:04x}", u32::from(character))?;
        written = at + character.len_utf8();
    }
    out.write_all(&part.as_bytes()[written..])
}
