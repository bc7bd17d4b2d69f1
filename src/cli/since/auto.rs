//! `--since auto`: what a change is compared with, as the CI system tells it.

use serde_json::Value;

use super::super::Failure;
use crate::git::{Commit, Repository};

/// What to compare with.
#[derive(Debug)]
pub(super) enum Reference {
    /// A commit, and how a person would call it.
    Commit {
        /// For messages.
        name: String,
        /// The commit.
        commit: Commit,
    },
    /// Nothing, and why.
    Nothing(&'static str),
}

/// Reads a variable of the environment.
type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Finds it: in GitHub Actions and GitLab CI from what they say of the change, elsewhere the main branch.
pub(super) fn reference(
    repository: &Repository,
    environment: Environment<'_>,
) -> Result<Reference, Failure> {
    let is_set = |name: &str| environment(name).is_some_and(|value| value == "true");
    if is_set("GITHUB_ACTIONS") {
        github(repository, environment)
    } else if is_set("GITLAB_CI") {
        gitlab(repository, environment)
    } else {
        elsewhere(repository)
    }
}

fn github(repository: &Repository, environment: Environment<'_>) -> Result<Reference, Failure> {
    let event = event(environment)?;
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
    match environment("GITHUB_EVENT_NAME").as_deref() {
        Some("pull_request" | "pull_request_target") => {
            let branch = text("/pull_request/base/ref").unwrap_or("the base branch");
            // what is checked out is a merge commit whose first parent is the base branch, at its newest
            let merged = environment("GITHUB_REF").is_some_and(|name| name.ends_with("/merge"));
            let first = match repository.head()? {
                Some(head) if merged => repository.parents(&head)?.into_iter().next(),
                _ => None,
            };
            let told = text("/pull_request/base/sha").map(str::to_owned);
            named(
                repository,
                branch,
                first
                    .map(|commit| commit.id().to_owned())
                    .into_iter()
                    .chain(told),
            )
        }
        Some("merge_group") => {
            let told = text("/merge_group/base_sha").map(str::to_owned);
            named(repository, "the merge queue's base", told.into_iter())
        }
        Some("push") => {
            let forced = event.pointer("/forced") == Some(&Value::Bool(true));
            match text("/before").filter(|id| !is_zero(id) && !forced) {
                Some(before) => named(
                    repository,
                    "the commit before this push",
                    std::iter::once(before.to_owned()),
                ),
                None => github_branch(repository, environment, text("/repository/default_branch")),
            }
        }
        _ => github_branch(repository, environment, text("/repository/default_branch")),
    }
}

/// The file in which GitHub describes what happened.
fn event(environment: Environment<'_>) -> Result<Value, Failure> {
    let failed = |message: String| Failure::Since(message);
    let path = environment("GITHUB_EVENT_PATH").ok_or_else(|| {
        failed("`--since auto` needs `GITHUB_EVENT_PATH`, which GitHub Actions sets: name a commit instead".to_owned())
    })?;
    let bytes = std::fs::read(&path).map_err(|error| {
        failed(format!(
            "the event at `GITHUB_EVENT_PATH` can't be read: {error}"
        ))
    })?;
    serde_json::from_slice(&bytes).map_err(|error| {
        failed(format!(
            "the event at `GITHUB_EVENT_PATH` is no JSON: {error}"
        ))
    })
}

/// What has no commit before it (a first push, a run that somebody or a clock started): the default branch, unless this
/// is it.
fn github_branch(
    repository: &Repository,
    environment: Environment<'_>,
    default: Option<&str>,
) -> Result<Reference, Failure> {
    let this = environment("GITHUB_REF_NAME");
    branch(repository, this.as_deref(), default)
}

fn branch(
    repository: &Repository,
    this: Option<&str>,
    default: Option<&str>,
) -> Result<Reference, Failure> {
    let Some(default) = default.filter(|name| !name.is_empty()) else {
        return elsewhere(repository);
    };
    if this == Some(default) {
        return Ok(Reference::Nothing(
            "this is the default branch and nothing says what it was before",
        ));
    }
    let name = format!("origin/{default}");
    Ok(Reference::Commit {
        commit: repository.commit(&name)?,
        name,
    })
}

fn gitlab(repository: &Repository, environment: Environment<'_>) -> Result<Reference, Failure> {
    let set = |name: &str| environment(name).filter(|value| !value.is_empty() && !is_zero(value));
    let target = set("CI_MERGE_REQUEST_TARGET_BRANCH_NAME");
    let told = [
        set("CI_MERGE_REQUEST_TARGET_BRANCH_SHA"),
        set("CI_MERGE_REQUEST_DIFF_BASE_SHA"),
    ];
    if told.iter().any(Option::is_some) {
        let name = target.as_deref().unwrap_or("the target branch");
        return named(repository, name, told.into_iter().flatten());
    }
    if let Some(before) = set("CI_COMMIT_BEFORE_SHA") {
        return named(
            repository,
            "the commit before this push",
            std::iter::once(before),
        );
    }
    let default = set("CI_DEFAULT_BRANCH");
    branch(
        repository,
        set("CI_COMMIT_BRANCH").as_deref(),
        default.as_deref(),
    )
}

/// The first of some commits that is here; where none is, the first is the one to fetch.
fn named(
    repository: &Repository,
    name: &str,
    ids: impl Iterator<Item = String>,
) -> Result<Reference, Failure> {
    let mut first = None;
    for id in ids {
        if let Some(commit) = repository.find(&id)? {
            return Ok(Reference::Commit {
                name: name.to_owned(),
                commit,
            });
        }
        first.get_or_insert(id);
    }
    let wanted = first.ok_or_else(|| {
        Failure::Since(
            "the CI system does not say what to compare with: name a commit instead of `auto`"
                .to_owned(),
        )
    })?;
    // says what to fetch
    repository.commit(&wanted)?;
    Ok(Reference::Nothing("nothing to compare with"))
}

/// On a person's machine: the main branch as it was last fetched.
fn elsewhere(repository: &Repository) -> Result<Reference, Failure> {
    for name in [
        "origin/HEAD",
        "origin/main",
        "origin/master",
        "main",
        "master",
    ] {
        if let Some(commit) = repository.find(name)? {
            return Ok(Reference::Commit {
                name: name.to_owned(),
                commit,
            });
        }
    }
    Err(Failure::Since(
        "`--since auto` finds no `origin/HEAD`, `main` or `master`: name a branch or a commit"
            .to_owned(),
    ))
}

/// The id that stands for no commit.
fn is_zero(id: &str) -> bool {
    id.bytes().all(|byte| byte == b'0')
}
