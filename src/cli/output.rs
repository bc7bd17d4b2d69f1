//! The two streams: the report goes to standard output whole, one sentence on what failed to standard error.

use std::io::{ErrorKind, IsTerminal, Write};

use super::{Colour, Failure};

/// Writes the report. A reader that has gone away (`| head`) is no failure.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut stream = std::io::stdout().lock();
    let written = stream
        .write_all(text.as_bytes())
        .and_then(|()| stream.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Output(error.to_string()))
        }
        _ => Ok(()),
    }
}

/// Says one sentence to the person.
pub(super) fn complain(sentence: &str) {
    let _ = writeln!(std::io::stderr().lock(), "foreshot: {sentence}");
}

/// Whether to colour standard output.
pub(super) fn colours(wanted: Colour) -> bool {
    match wanted {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => {
            let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
            !refused && !dumb && std::io::stdout().is_terminal()
        }
    }
}
