//! Git as the `git` program: commits, merge bases, and the files of a commit or of the index as [`crate::files::Files`].
//!
//! Only commands that read objects are called, and a repository may be hostile: no name is taken for an option, no hook, no
//! file system monitor, no pager and no filter runs, nothing is fetched, and the repository must be the one of the
//! project's own root.

mod batch;
mod tree;

use std::process::{Command, Stdio};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use batch::Batch;
pub use tree::Tree;
use tree::{Entry, Kind};

/// Why git could not answer; each says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GitError {
    /// The program can't be started.
    #[error("the program `git` can't be started ({0}): `--since` and `--staged` need it")]
    Missing(String),
    /// The root is no repository.
    #[error("`{0}` is in no git repository: `--since` and `--staged` compare with what git knows")]
    NoRepository(Utf8PathBuf),
    /// Git does not trust the owner of the folder.
    #[error(
        "git does not trust `{0}`, which another user owns: `git config --global --add safe.directory '{0}'`"
    )]
    NotTrusted(Utf8PathBuf),
    /// No commit has this name.
    #[error("there is no commit `{name}` here: {remedy}")]
    NoCommit {
        /// The name.
        name: String,
        /// What to do.
        remedy: String,
    },
    /// A clone without the history that connects two commits.
    #[error("where `{name}` and this commit part is not known: {remedy}")]
    NoMergeBase {
        /// The other commit.
        name: String,
        /// What to do.
        remedy: String,
    },
    /// Objects are missing, as in a partial clone.
    #[error(
        "the files of `{0}` are not in this clone: fetch it without `--filter`, or `git fetch --refetch origin {0}`"
    )]
    NoObjects(String),
    /// Anything else that git said.
    #[error("git failed: {0}")]
    Failed(String),
}

/// A repository whose toplevel is the project's root.
#[derive(Clone, Debug)]
pub struct Repository {
    root: Utf8PathBuf,
    /// Whether `GIT_DIR` and its like are about this repository (a hook of its own) and so are passed on.
    own_environment: bool,
}

/// A commit by its full object id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit(String);

impl Commit {
    /// The object id.
    pub fn id(&self) -> &str {
        &self.0
    }
}

/// What points git at a repository, an index or objects; a hook of another repository may have set them.
const LOCATION: [&str; 7] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
];

impl Repository {
    /// The repository of a root (absolute, links resolved).
    pub fn open(root: &Utf8Path) -> Result<Self, GitError> {
        let mut repository = Self {
            root: root.to_owned(),
            own_environment: true,
        };
        let told = LOCATION.iter().any(|name| std::env::var_os(name).is_some());
        if told && repository.is_at_root().unwrap_or(false) {
            return Ok(repository);
        }
        repository.own_environment = false;
        if repository.is_at_root()? {
            Ok(repository)
        } else {
            Err(GitError::NoRepository(root.to_owned()))
        }
    }

    fn is_at_root(&self) -> Result<bool, GitError> {
        let output = self.output(&["rev-parse", "--show-toplevel"])?;
        if let Err(message) = &output {
            if message.contains("safe.directory") {
                return Err(GitError::NotTrusted(self.root.clone()));
            }
            return Ok(false);
        }
        let toplevel = output.unwrap_or_default();
        let toplevel = String::from_utf8_lossy(&toplevel);
        let toplevel = Utf8Path::new(toplevel.trim_end_matches(['\n', '\r']));
        // on Windows git writes `/` and no prefix: the folders are compared, not their names
        Ok(toplevel == self.root
            || toplevel
                .canonicalize_utf8()
                .is_ok_and(|resolved| resolved == self.root))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command
            .arg("--no-pager")
            .arg("-C")
            .arg(&self.root)
            // what a repository's own config could run
            .args(["-c", "core.fsmonitor=false"])
            .args(["-c", "core.hooksPath=/dev/null"])
            .args(["-c", "protocol.allow=never"])
            .args(["-c", "safe.bareRepository=explicit"])
            .args(arguments)
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_TERMINAL_PROMPT", "0")
            // messages are read here
            .env("LC_ALL", "C")
            .env("LANGUAGE", "C")
            .stdin(Stdio::null());
        if !self.own_environment {
            for name in LOCATION {
                command.env_remove(name);
            }
        }
        command
    }

    /// Runs git: what it wrote, or what it complained of.
    fn output(&self, arguments: &[&str]) -> Result<Result<Vec<u8>, String>, GitError> {
        let output = self
            .command(arguments)
            .output()
            .map_err(|error| GitError::Missing(error.to_string()))?;
        if output.status.success() {
            return Ok(Ok(output.stdout));
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        Ok(Err(complaint.trim().replace('\n', ", ")))
    }

    fn line(&self, arguments: &[&str]) -> Result<Option<String>, GitError> {
        let text = self.output(arguments)?.ok();
        Ok(text
            .map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned())
            .filter(|line| !line.is_empty()))
    }

    /// Whether the clone has only the newest commits.
    pub fn is_shallow(&self) -> bool {
        matches!(self.line(&["rev-parse", "--is-shallow-repository"]), Ok(Some(answer)) if answer == "true")
    }

    /// The commit that a name means (a branch, a tag, an id, `HEAD~3`), if any does.
    pub fn find(&self, name: &str) -> Result<Option<Commit>, GitError> {
        // no name of a commit begins so; an option of git's does
        if name.is_empty() || name.starts_with('-') || name.contains(['\0', '\n']) {
            return Ok(None);
        }
        let wanted = format!("{name}^{{commit}}");
        let found = self.line(&["rev-parse", "--verify", "--quiet", &wanted])?;
        let is_id = |id: &String| id.len() >= 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        Ok(found.filter(is_id).map(Commit))
    }

    /// The commit that a name means.
    pub fn commit(&self, name: &str) -> Result<Commit, GitError> {
        self.find(name)?.ok_or_else(|| GitError::NoCommit {
            name: name.to_owned(),
            remedy: self.how_to_fetch(name),
        })
    }

    fn how_to_fetch(&self, name: &str) -> String {
        // what a person typed goes into a command that another may paste
        let plain = !name.starts_with('-')
            && !name.is_empty()
            && name
                .chars()
                .all(|character| character.is_alphanumeric() || "/._-".contains(character));
        if !plain {
            return "name a branch, a tag or a commit".to_owned();
        }
        let depth = if self.is_shallow() { "--depth=1 " } else { "" };
        let remote = match name.split_once('/') {
            Some((remote, branch)) if self.has_remote(remote) => {
                format!("{remote} {branch}:refs/remotes/{remote}/{branch}")
            }
            _ => format!("origin {name}"),
        };
        format!(
            "`git fetch --no-tags {depth}{remote}` brings it (in GitHub Actions `fetch-depth: 0` of actions/checkout brings all)"
        )
    }

    fn has_remote(&self, name: &str) -> bool {
        matches!(self.line(&["remote"]), Ok(Some(list)) if list.lines().any(|line| line == name))
    }

    /// The commit that is checked out; `None` before the first one.
    pub fn head(&self) -> Result<Option<Commit>, GitError> {
        self.find("HEAD")
    }

    /// The parents of a commit as it names them, whether the clone has them or not.
    pub fn parents(&self, commit: &Commit) -> Result<Vec<Commit>, GitError> {
        let bytes = self
            .output(&["cat-file", "commit", commit.id()])?
            .unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        Ok(text
            .lines()
            .take_while(|line| !line.is_empty())
            .filter_map(|line| line.strip_prefix("parent "))
            .map(|id| Commit(id.to_owned()))
            .collect())
    }

    /// The commit where the history of the one that is checked out and another part. `name` is for the message.
    pub fn merge_base(&self, other: &Commit, name: &str) -> Result<Commit, GitError> {
        let Some(head) = self.head()? else {
            return Ok(other.clone());
        };
        if let Some(found) = self.line(&["merge-base", other.id(), head.id()])? {
            let first = found.lines().next().unwrap_or_default().to_owned();
            return Ok(Commit(first));
        }
        // a clone of depth 1 does not know that the merge commit of a pull request stands on its base, but the commit does
        if self.parents(&head)?.contains(other) {
            return Ok(other.clone());
        }
        let remedy = if self.is_shallow() {
            "this clone is shallow: `git fetch --unshallow` (in GitHub Actions `fetch-depth: 0` of actions/checkout)"
        } else {
            "they have no commit in common: name a commit that this one comes from"
        };
        Err(GitError::NoMergeBase {
            name: name.to_owned(),
            remedy: remedy.to_owned(),
        })
    }

    /// The files of a commit.
    pub fn tree(&self, commit: &Commit) -> Result<Tree, GitError> {
        let listed = self
            .output(&["ls-tree", "-r", "-z", "--full-tree", commit.id()])?
            .map_err(|complaint| Self::unreadable(complaint, commit.id()))?;
        self.view(&listed, |line| {
            // <mode> SP <type> SP <object> TAB <path>
            let (facts, path) = line.split_once('\t')?;
            let mut facts = facts.split(' ');
            let kind = Kind::of_mode(facts.next()?)?;
            let id = facts.nth(1)?;
            Some((path, 0, Entry::new(kind, id)))
        })
    }

    /// The files as they are staged.
    pub fn index(&self) -> Result<Tree, GitError> {
        let listed = self
            .output(&["ls-files", "--stage", "-z", "--full-name"])?
            .map_err(GitError::Failed)?;
        self.view(&listed, |line| {
            // <mode> SP <object> SP <stage> TAB <path>
            let (facts, path) = line.split_once('\t')?;
            let mut facts = facts.split(' ');
            let kind = Kind::of_mode(facts.next()?)?;
            let id = facts.next()?;
            let stage = facts.next()?.parse().ok()?;
            Some((path, stage, Entry::new(kind, id)))
        })
    }

    /// No files: what was there before the first commit.
    pub fn nothing(&self) -> Result<Tree, GitError> {
        self.view(b"", |_| None)
    }

    fn unreadable(complaint: String, name: &str) -> GitError {
        if complaint.contains("lazy fetch") || complaint.contains("promisor") {
            GitError::NoObjects(name.to_owned())
        } else {
            GitError::Failed(complaint)
        }
    }

    /// `read` takes a line apart: path, stage, entry. Of a path in conflict, the side that is checked out counts.
    fn view(
        &self,
        listed: &[u8],
        read: impl Fn(&str) -> Option<(&str, u8, Entry)>,
    ) -> Result<Tree, GitError> {
        let mut lines: Vec<(&str, u8, Entry)> = listed
            .split(|byte| *byte == 0)
            // paths that are no UTF-8 are no files to the rest of the program either
            .filter_map(|line| read(std::str::from_utf8(line).ok()?))
            .collect();
        // stages: 0 merged, 1 ancestor, 2 ours, 3 theirs
        lines.sort_by_key(|(path, stage, _)| (*path, [0, 3, 1, 2].get(*stage as usize).copied()));
        lines.dedup_by(|later, earlier| later.0 == earlier.0);
        let batch = Batch::start(self.command(&["cat-file", "--batch"]))?;
        let entries = lines
            .into_iter()
            .map(|(path, _, entry)| (Utf8PathBuf::from(path), entry));
        Ok(Tree::new(
            entries.collect(),
            Arc::new(move |id| batch.read(id)),
        ))
    }
}
