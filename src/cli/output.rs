//! What is written: the report to standard output or to files, one sentence on what failed to standard error.

use std::io::{BufWriter, ErrorKind, IsTerminal, Write};

use camino::{Utf8Path, Utf8PathBuf};

use super::{Colour, Failure};
use crate::files::{normalize, place};
use crate::report::{self, Format, Report, Style};

/// Bytes that are written at once.
const PIECE: usize = 64 << 10;

/// Where reports go.
pub(super) struct Outputs {
    /// The format of standard output.
    pub(super) format: &'static Format,
    /// Whether there is one on standard output.
    prints: bool,
    files: Vec<(&'static Format, Utf8PathBuf)>,
}

impl Outputs {
    /// The names of all formats that are written.
    pub(super) fn formats(&self) -> impl Iterator<Item = &'static str> {
        let printed = self.prints.then_some(self.format.name);
        let files = self.files.iter().map(|(format, _)| format.name);
        printed.into_iter().chain(files)
    }

    /// `files` are `FORMAT=PATH`, beside what is printed, or `PATH`, instead of it.
    pub(super) fn new(format: &str, files: &[String]) -> Result<Self, Failure> {
        let format = report::format(format).unwrap_or(&report::FORMATS[0]);
        let mut outputs = Self {
            format,
            prints: true,
            files: Vec::new(),
        };
        for file in files {
            let split = file.split_once('=');
            match split.and_then(|(name, path)| Some((report::format(name)?, path))) {
                Some((format, path)) => outputs.files.push((format, path.into())),
                None => {
                    if let Some((name, _)) = split.filter(|(name, _)| !name.contains(['/', '.'])) {
                        return Err(Failure::NoFormat(name.to_owned()));
                    }
                    outputs.prints = false;
                    outputs.files.push((format, file.into()));
                }
            }
        }
        Ok(outputs)
    }

    /// Writes the report everywhere, files first: one that can't be written is a failure of the whole.
    pub(super) fn write(&self, report: &Report<'_>, style: Style) -> Result<(), Failure> {
        let plain = Style {
            colour: false,
            ..style
        };
        for (format, path) in &self.files {
            replace(path, &|out| (format.write)(report, plain, out))?;
        }
        if self.prints {
            printed(&|out| (self.format.write)(report, style, out))?;
        }
        Ok(())
    }
}

/// Writes a text, piece by piece.
type Writer<'a> = dyn Fn(&mut dyn Write) -> std::io::Result<()> + 'a;

/// Has a text written, in large pieces.
fn buffered(stream: impl Write, write: &Writer<'_>) -> std::io::Result<()> {
    let mut out = BufWriter::with_capacity(PIECE, stream);
    write(&mut out)?;
    out.flush()
}

/// Writes a file as a whole or not at all: nobody ever reads half of it.
pub(super) fn replace(path: &Utf8Path, write: &Writer<'_>) -> Result<(), Failure> {
    let failed =
        |error: std::io::Error| Failure::Output(format!("`{path}` can't be written: {error}"));
    let target = target_of(path).map_err(failed)?;
    // a pipe or a device can't be replaced
    if std::fs::metadata(&target).is_ok_and(|found| !found.is_file()) {
        return std::fs::OpenOptions::new()
            .write(true)
            .open(&target)
            .and_then(|file| buffered(file, write))
            .map_err(failed);
    }
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = target.with_file_name(name);
    let written = std::fs::OpenOptions::new()
        .write(true)
        // what somebody put there is not followed
        .create_new(true)
        .open(&temporary)
        .and_then(|mut file| {
            buffered(&mut file, write)?;
            if let Ok(found) = std::fs::metadata(&target) {
                file.set_permissions(found.permissions())?;
            }
            // on the disk before it takes the other's place
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&temporary, &target));
    written.map_err(|error| {
        if error.kind() != ErrorKind::AlreadyExists {
            let _ = std::fs::remove_file(&temporary);
        }
        failed(error)
    })
}

/// What a path means once its links are followed. A path inside the project must stay there: a link in a project may be a
/// stranger's, and leads to a file of the user's.
fn target_of(path: &Utf8Path) -> std::io::Result<std::path::PathBuf> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_str().is_empty() => folder,
        _ => Utf8Path::new("."),
    };
    let name = path.file_name().ok_or(ErrorKind::InvalidFilename)?;
    let target = match std::fs::canonicalize(path) {
        Ok(target) => target,
        Err(_) => std::fs::canonicalize(folder)?.join(name),
    };
    let Some(root) = std::env::current_dir()
        .ok()
        .and_then(|here| Utf8PathBuf::from_path_buf(here).ok())
        .and_then(|here| Some((place(&here, &[".".into()]).ok()?.root, here)))
        .and_then(|(root, here)| {
            // as it is written, without following links
            let written = Utf8PathBuf::from_path_buf(std::path::absolute(here.join(path)).ok()?);
            let plain = normalize(written.ok()?.strip_prefix("/").ok()?)?;
            Utf8Path::new("/")
                .join(plain)
                .starts_with(&root)
                .then_some(root)
        })
    else {
        return Ok(target);
    };
    if target.starts_with(&root) {
        return Ok(target);
    }
    Err(std::io::Error::other(format!(
        "a link leads out of the project, to `{}`: name that path itself if it is meant",
        target.display()
    )))
}

/// Writes to standard output. A reader that has gone away (`| head`) is no failure.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    printed(&|out| out.write_all(text.as_bytes()))
}

fn printed(write: &Writer<'_>) -> Result<(), Failure> {
    match buffered(std::io::stdout().lock(), write) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Output(format!(
            "the report can't be written: {error}"
        ))),
        _ => Ok(()),
    }
}

/// Says one sentence to the person.
pub(super) fn complain(sentence: &str) {
    say(&format!("foreshot: {sentence}"));
}

/// Says a line to the person; names in it can't move the cursor.
pub(super) fn say(line: &str) {
    let harmless: String = line
        .chars()
        .map(|character| {
            if character.is_control() {
                '\u{FFFD}'
            } else {
                character
            }
        })
        .collect();
    let _ = writeln!(std::io::stderr().lock(), "{harmless}");
}

/// Whether to colour standard output.
pub(super) fn colours(wanted: Colour) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match wanted {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto if set("NO_COLOR") => false,
        Colour::Auto if set("FORCE_COLOR") => {
            std::env::var_os("FORCE_COLOR").is_some_and(|value| value != "0")
        }
        Colour::Auto => {
            let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
            !dumb && std::io::stdout().is_terminal()
        }
    }
}
