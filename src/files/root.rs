//! The project root: above it nothing is read, and every path in a report is relative to it.

use camino::{Utf8Path, Utf8PathBuf};

use super::FileError;

/// Files that make a folder a project where there is no git repository.
const MARKERS: [&str; 5] = [
    "foreshot.toml",
    ".foreshot.toml",
    "pyproject.toml",
    "alembic.ini",
    "setup.py",
];

/// A root and what was asked for, relative to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Absolute, links resolved.
    pub root: Utf8PathBuf,
    /// The working folder relative to the root; empty where it is the root or lies outside.
    pub working_folder: Utf8PathBuf,
    /// The paths, relative to the root.
    pub paths: Vec<Utf8PathBuf>,
}

/// Finds the project root of some paths (given relative to the working folder, or absolute): the git toplevel that
/// holds the first one; without git the working folder if it holds them all; else the nearest folder above with a
/// project file.
pub fn place(working_folder: &Utf8Path, paths: &[Utf8PathBuf]) -> Result<Placed, FileError> {
    place_below(None, working_folder, paths)
}

/// The same with the root that the user names, if they do.
pub fn place_below(
    root: Option<&Utf8Path>,
    working_folder: &Utf8Path,
    paths: &[Utf8PathBuf],
) -> Result<Placed, FileError> {
    let given = root
        .map(|root| resolve(&working_folder.join(root)))
        .transpose()?;
    let working_folder = resolve(working_folder)?;
    let mut absolute = Vec::with_capacity(paths.len());
    for path in paths {
        absolute.push(
            resolve(&working_folder.join(path)).map_err(|error| match error {
                FileError::Io { message, .. } => FileError::Io {
                    path: path.clone(),
                    message,
                },
                other => other,
            })?,
        );
    }
    let first = absolute.first().unwrap_or(&working_folder);
    let root = given.unwrap_or_else(|| root_of(&working_folder, first, &absolute));
    let mut relative = Vec::with_capacity(absolute.len());
    for (path, given) in absolute.iter().zip(paths) {
        let inside = path
            .strip_prefix(&root)
            .map_err(|_| FileError::Outside(given.clone()))?;
        relative.push(inside.to_owned());
    }
    let working_folder = working_folder
        .strip_prefix(&root)
        .map(Utf8Path::to_owned)
        .unwrap_or_default();
    Ok(Placed {
        root,
        working_folder,
        paths: relative,
    })
}

fn root_of(working_folder: &Utf8Path, first: &Utf8Path, all: &[Utf8PathBuf]) -> Utf8PathBuf {
    let folder = if first.is_dir() {
        first
    } else {
        first.parent().unwrap_or(first)
    };
    if let Some(toplevel) = folder
        .ancestors()
        .find(|folder| folder.join(".git").exists())
    {
        return toplevel.to_owned();
    }
    if all.iter().all(|path| path.starts_with(working_folder)) {
        return working_folder.to_owned();
    }
    folder
        .ancestors()
        .find(|folder| MARKERS.iter().any(|marker| folder.join(marker).is_file()))
        .unwrap_or(folder)
        .to_owned()
}

fn resolve(path: &Utf8Path) -> Result<Utf8PathBuf, FileError> {
    path.canonicalize_utf8().map_err(|error| FileError::Io {
        path: path.to_owned(),
        message: if error.kind() == std::io::ErrorKind::NotFound {
            "there is no such file or folder".to_owned()
        } else {
            error.to_string()
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::folder::TemporaryFolder;
    use std::fs;

    #[test]
    fn git_first_then_the_working_folder_then_a_project_file() {
        let guard = TemporaryFolder::new();
        let base = Utf8PathBuf::from_path_buf(guard.path().to_owned()).expect("UTF-8");
        let base = base.canonicalize_utf8().expect("there");
        fs::create_dir_all(base.join("p/app/versions")).expect("made");
        fs::create_dir_all(base.join("other")).expect("made");
        let at =
            |folder: &str, path: &str| place(&base.join(folder), &[path.into()]).expect("placed");
        let placed = at("p", "app/versions");
        assert_eq!(
            (placed.root, placed.paths[0].as_str()),
            (base.join("p"), "app/versions")
        );
        fs::write(base.join("p/alembic.ini"), "").expect("written");
        let placed = at("other", "../p/app/versions");
        assert_eq!(
            (placed.root, placed.paths[0].as_str()),
            (base.join("p"), "app/versions")
        );
        assert_eq!(placed.working_folder, "");
        fs::create_dir_all(base.join(".git")).expect("made");
        let placed = at("p/app", "versions");
        assert_eq!(
            (placed.root, placed.paths[0].as_str()),
            (base.clone(), "p/app/versions")
        );
        assert_eq!(placed.working_folder, "p/app");
        assert!(matches!(
            place(&base, &["none".into()]),
            Err(FileError::Io { .. })
        ));
    }
}
