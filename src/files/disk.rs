//! The disk, jailed: whatever a path says and wherever its links lead, nothing outside the root is read.

use std::fs;
use std::io::{ErrorKind, Read};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use ignore::WalkBuilder;
use rustc_hash::FxHashMap;

use super::{FileError, Files, normalize, path_order, within};
use crate::limits::Limit;

/// A folder on disk as a project.
#[derive(Debug)]
pub struct Disk {
    root: Utf8PathBuf,
    /// Another bound than that in force.
    limit: Option<u64>,
    /// The files of the root, once they were asked for: a run asks more than once, and sees one state.
    all: OnceLock<Vec<Utf8PathBuf>>,
    /// Folders of the root with their links resolved.
    folders: Mutex<FxHashMap<Utf8PathBuf, Utf8PathBuf>>,
}

impl Disk {
    /// The project below a folder; its own links are resolved once, here.
    pub fn new(root: &Utf8Path) -> Result<Self, FileError> {
        let resolved = root.canonicalize_utf8().map_err(|error| FileError::Io {
            path: root.to_owned(),
            message: error.to_string(),
        })?;
        Ok(Self {
            root: resolved,
            limit: None,
            all: OnceLock::new(),
            folders: Mutex::default(),
        })
    }

    /// The same project with another bound on file size, in bytes.
    #[must_use]
    pub fn with_limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The root, absolute, links resolved.
    pub fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// Absolute path with all links resolved: `Ok(None)` where nothing stands there.
    fn locate(&self, path: &Utf8Path) -> Result<Option<Utf8PathBuf>, FileError> {
        let outside = || FileError::Outside(path.to_owned());
        let plain = normalize(path).ok_or_else(outside)?;
        let Some(resolved) = present(self.root.join(&plain).canonicalize(), path)? else {
            return Ok(None);
        };
        let resolved = Utf8PathBuf::from_path_buf(resolved).map_err(|_| outside())?;
        if resolved.starts_with(&self.root) {
            Ok(Some(resolved))
        } else {
            Err(outside())
        }
    }

    /// What a path leads to inside the root, links followed. Folders are resolved once: of a thousand files in one, each
    /// asks only whether it is a link itself.
    fn reach(&self, path: &Utf8Path) -> Result<Option<(Utf8PathBuf, fs::Metadata)>, FileError> {
        let plain = normalize(path).ok_or_else(|| FileError::Outside(path.to_owned()))?;
        if let (Some(folder), Some(name)) = (plain.parent(), plain.file_name()) {
            let Some(folder) = self.folder(folder, path)? else {
                return Ok(None);
            };
            let here = folder.join(name);
            match present(fs::symlink_metadata(&here), path)? {
                None => return Ok(None),
                Some(found) if !found.is_symlink() => return Ok(Some((here, found))),
                Some(_) => {}
            }
        }
        let Some(located) = self.locate(path)? else {
            return Ok(None);
        };
        let found = present(fs::metadata(&located), path)?;
        Ok(found.map(|found| (located, found)))
    }

    /// A folder with all links resolved; `path` is what is asked for in it.
    fn folder(&self, folder: &Utf8Path, path: &Utf8Path) -> Result<Option<Utf8PathBuf>, FileError> {
        if let Some(found) = self.folders().get(folder) {
            return Ok(Some(found.clone()));
        }
        let located = self.locate(folder).map_err(|error| match error {
            FileError::Outside(_) => FileError::Outside(path.to_owned()),
            other => other,
        })?;
        if let Some(located) = &located {
            self.folders().insert(folder.to_owned(), located.clone());
        }
        Ok(located)
    }

    fn folders(&self) -> MutexGuard<'_, FxHashMap<Utf8PathBuf, Utf8PathBuf>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn metadata(&self, path: &Utf8Path) -> Option<fs::Metadata> {
        self.reach(path).ok()?.map(|(_, found)| found)
    }
}

/// What a call on the file system found; `None` where nothing stands there. A loop of links leads to nothing too.
fn present<T>(found: std::io::Result<T>, path: &Utf8Path) -> Result<Option<T>, FileError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(FileError::Io {
            path: path.to_owned(),
            message: error.to_string(),
        }),
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
        // ELOOP and ENAMETOOLONG have no stable kind
        || matches!(error.raw_os_error(), Some(36 | 40 | 62 | 63))
}

impl Files for Disk {
    fn read(&self, path: &Utf8Path) -> Result<Option<Vec<u8>>, FileError> {
        let Some((located, metadata)) = self.reach(path)? else {
            return Ok(None);
        };
        let failed = |error: std::io::Error| FileError::Io {
            path: path.to_owned(),
            message: error.to_string(),
        };
        // opening a pipe would wait for its writer
        if !metadata.is_file() {
            return Ok(None);
        }
        let limit = self.limit.unwrap_or_else(|| Limit::FileSize.get());
        let too_large = |size| FileError::TooLarge {
            path: path.to_owned(),
            size,
            limit,
        };
        if metadata.len() > limit {
            return Err(too_large(metadata.len()));
        }
        let file = fs::File::open(&located).map_err(failed)?;
        let mut bytes = Vec::with_capacity(metadata.len() as usize);
        // a file may grow between the two calls
        file.take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if bytes.len() as u64 > limit {
            return Err(too_large(bytes.len() as u64));
        }
        Ok(Some(bytes))
    }

    fn is_file(&self, path: &Utf8Path) -> bool {
        self.metadata(path).is_some_and(|found| found.is_file())
    }

    fn is_dir(&self, path: &Utf8Path) -> bool {
        self.metadata(path).is_some_and(|found| found.is_dir())
    }

    fn walk(&self, folder: &Utf8Path, everything: bool) -> Vec<Utf8PathBuf> {
        if folder.as_str().is_empty() && !everything {
            return self.all.get_or_init(|| self.list(folder, false)).clone();
        }
        self.list(folder, everything)
    }

    fn resolve(&self, path: &Utf8Path) -> Option<Utf8PathBuf> {
        let located = self.locate(path).ok()??;
        located
            .strip_prefix(&self.root)
            .ok()
            .map(Utf8Path::to_owned)
    }
}

impl Disk {
    fn list(&self, folder: &Utf8Path, everything: bool) -> Vec<Utf8PathBuf> {
        let Some(folder) = normalize(folder) else {
            return Vec::new();
        };
        if !matches!(self.locate(&folder), Ok(Some(_))) {
            return Vec::new();
        }
        let mut builder = WalkBuilder::new(if everything {
            self.root.join(&folder)
        } else {
            // from the root, so that every .gitignore on the way counts, and none above the root is read
            self.root.clone()
        });
        builder
            .standard_filters(!everything)
            .parents(false)
            .git_global(false)
            .require_git(false)
            .follow_links(false);
        if !everything {
            let wanted = self.root.join(&folder);
            builder.filter_entry(move |entry| {
                Utf8Path::from_path(entry.path())
                    .is_some_and(|path| path.starts_with(&wanted) || wanted.starts_with(path))
            });
        }
        let mut found: Vec<Utf8PathBuf> = Vec::new();
        let mut links: Vec<(Utf8PathBuf, Utf8PathBuf)> = Vec::new();
        for entry in builder.build().flatten() {
            let Some(path) = Utf8Path::from_path(entry.path()) else {
                continue;
            };
            let Ok(relative) = path.strip_prefix(&self.root) else {
                continue;
            };
            if !within(relative, &folder) {
                continue;
            }
            let Some(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_file() {
                found.push(relative.to_owned());
            } else if kind.is_symlink() {
                match self.locate(relative) {
                    Ok(Some(target)) if self.is_file(relative) => {
                        links.push((relative.to_owned(), target));
                    }
                    // who reads it says that it is not read
                    Err(FileError::Outside(_)) => found.push(relative.to_owned()),
                    _ => {}
                }
            }
        }
        // a link and its target are one file: it is listed once, under its own name
        links.sort();
        links.dedup_by(|later, earlier| later.1 == earlier.1);
        for (link, target) in links {
            let listed = target
                .strip_prefix(&self.root)
                .is_ok_and(|target| found.iter().any(|path| path == target));
            if !listed {
                found.push(link);
            }
        }
        found.sort_unstable_by(|one, other| path_order(one, other));
        found
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::files::folder::TemporaryFolder;
    use std::os::unix::fs::symlink;

    fn project() -> (TemporaryFolder, Utf8PathBuf) {
        let folder = TemporaryFolder::new();
        let root = Utf8PathBuf::from_path_buf(folder.path().to_owned()).expect("UTF-8");
        (folder, root)
    }

    #[test]
    fn nothing_outside_the_root_is_read() {
        let (_guard, base) = project();
        fs::create_dir_all(base.join("in")).expect("made");
        fs::write(base.join("secret.py"), "x").expect("written");
        fs::write(base.join("in/a.py"), "a").expect("written");
        symlink(base.join("secret.py"), base.join("in/out.py")).expect("linked");
        symlink("a.py", base.join("in/same.py")).expect("linked");
        symlink("loop.py", base.join("in/loop.py")).expect("linked");
        symlink(base.join("in"), base.join("in/self")).expect("linked");
        let disk = Disk::new(&base.join("in")).expect("disk");
        assert!(matches!(
            disk.read(Utf8Path::new("out.py")),
            Err(FileError::Outside(_))
        ));
        assert!(matches!(
            disk.read(Utf8Path::new("../secret.py")),
            Err(FileError::Outside(_))
        ));
        assert!(!disk.is_file(Utf8Path::new("out.py")));
        assert!(!disk.is_file(Utf8Path::new("loop.py")));
        assert_eq!(
            disk.read(Utf8Path::new("same.py")).expect("read"),
            Some(b"a".to_vec())
        );
        assert_eq!(disk.read(Utf8Path::new("none.py")).expect("read"), None);
        assert_eq!(
            disk.walk(Utf8Path::new(""), false),
            ["a.py", "out.py"].map(Utf8PathBuf::from)
        );
        assert_eq!(disk.resolve(Utf8Path::new("same.py")), Some("a.py".into()));
    }

    #[test]
    fn ignored_and_hidden_files_are_left_out_and_pipes_are_no_files() {
        let (_guard, base) = project();
        fs::create_dir_all(base.join("v/.hid")).expect("made");
        for (path, text) in [
            (".gitignore", "old*.py\n"),
            ("v/a.py", ""),
            ("v/old1.py", ""),
            ("v/.hid/b.py", ""),
        ] {
            fs::write(base.join(path), text).expect("written");
        }
        let made = std::process::Command::new("mkfifo")
            .arg(base.join("v/pipe.py"))
            .status();
        let disk = Disk::new(&base).expect("disk");
        assert_eq!(
            disk.walk(Utf8Path::new("v"), false),
            [Utf8PathBuf::from("v/a.py")]
        );
        assert_eq!(disk.walk(Utf8Path::new("v"), true).len(), 3);
        if made.is_ok_and(|status| status.success()) {
            assert_eq!(
                disk.read(Utf8Path::new("v/pipe.py")).expect("answered"),
                None
            );
        }
    }

    #[test]
    fn long_files_are_refused_with_their_size() {
        let (_guard, base) = project();
        fs::write(base.join("a.py"), "12345").expect("written");
        let disk = Disk::new(&base).expect("disk").with_limit(4);
        assert!(matches!(
            disk.read(Utf8Path::new("a.py")),
            Err(FileError::TooLarge {
                size: 5,
                limit: 4,
                ..
            })
        ));
    }
}
