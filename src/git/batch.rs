//! `git cat-file --batch`: one process that answers for every object.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use super::GitError;
use crate::limits::Limit;

/// What an object's id leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Object {
    /// Its bytes.
    Bytes(Vec<u8>),
    /// More bytes than are read: how many.
    TooLarge(u64),
}

/// The process; it ends when this is dropped.
pub(super) struct Batch {
    process: Mutex<Process>,
}

struct Process {
    child: Child,
    ask: Option<ChildStdin>,
    answer: BufReader<ChildStdout>,
}

impl Batch {
    pub(super) fn start(mut command: Command) -> Result<Self, GitError> {
        let failed = |error: std::io::Error| GitError::Missing(error.to_string());
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let missing = || GitError::Failed("its output can't be read".to_owned());
        let ask = child.stdin.take();
        let answer = child.stdout.take().ok_or_else(missing)?;
        Ok(Self {
            process: Mutex::new(Process {
                child,
                ask,
                answer: BufReader::new(answer),
            }),
        })
    }

    /// The object of an id; the error is git's word for it (`missing`) or the system's.
    pub(super) fn read(&self, id: &str) -> Result<Object, String> {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        process.read(id).map_err(|error| error.to_string())
    }
}

impl Process {
    fn read(&mut self, id: &str) -> std::io::Result<Object> {
        let gone = || std::io::Error::other("git ended");
        let ask = self.ask.as_mut().ok_or_else(gone)?;
        ask.write_all(id.as_bytes())?;
        ask.write_all(b"\n")?;
        ask.flush()?;
        let mut header = String::new();
        self.answer.read_line(&mut header)?;
        // `<id> <type> <size>`, or `<id> missing`
        let size = header.trim_end().rsplit(' ').next();
        let Some(size) = size.and_then(|size| size.parse::<u64>().ok()) else {
            return Err(std::io::Error::other(if header.is_empty() {
                "git ended".to_owned()
            } else {
                format!("git has no such object ({})", header.trim_end())
            }));
        };
        if size > Limit::FileSize.get() {
            std::io::copy(
                &mut self.answer.by_ref().take(size + 1),
                &mut std::io::sink(),
            )?;
            return Ok(Object::TooLarge(size));
        }
        let mut bytes = vec![0; size as usize];
        self.answer.read_exact(&mut bytes)?;
        // a line end closes the object
        self.answer.read_exact(&mut [0])?;
        Ok(Object::Bytes(bytes))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // the end of its input ends it
        self.ask = None;
        let _ = self.child.wait();
    }
}
