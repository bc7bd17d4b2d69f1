//! `--since` and `--staged` in small git repositories: a pull request with a bad revision, and only that one is reported.

use std::path::Path;
use std::process::{Command, Output};

use super::common::folder::TemporaryFolder;
use super::common::{
    Finding, assert_exit, findings, foreshot, foreshot_with, stderr, stdout, temporary_folder,
    write, write_project,
};

/// Runs git with an identity and nothing of the user's configuration.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
        .args([
            "-c",
            "init.defaultBranch=main",
            "-c",
            "commit.gpgsign=false",
        ])
        .args(["-c", "protocol.file.allow=always"])
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .output()
        .expect("git starts");
    assert!(
        output.status.success(),
        "git {arguments:?}\n{}{}",
        stdout(&output),
        stderr(&output)
    );
    stdout(&output).trim().to_owned()
}

fn commit_all(folder: &Path, message: &str) -> String {
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "--allow-empty", "-m", message]);
    git(folder, &["rev-parse", "HEAD"])
}

/// A revision that makes a table, with no guard.
fn unguarded(revision: &str, parent: &str, table: &str) -> String {
    format!(
        "import sqlalchemy as sa\nfrom alembic import op\n\nrevision = \"{revision}\"\ndown_revision = {parent}\n\n\n\
         def upgrade():\n    op.create_table(\"{table}\", sa.Column(\"id\", sa.Integer, primary_key=True))\n\n\n\
         def downgrade():\n    op.drop_table(\"{table}\", if_exists=True)\n"
    )
}

const A: &str = "alembic/versions/a.py";
const B: &str = "alembic/versions/b.py";

/// A repository whose branch `main` has one old finding; `work` is checked out.
fn repository() -> TemporaryFolder {
    let folder = temporary_folder();
    write_project(folder.path());
    write(folder.path(), A, &unguarded("a", "None", "t"));
    git(folder.path(), &["init", "-q"]);
    commit_all(folder.path(), "first");
    git(folder.path(), &["checkout", "-q", "-b", "work"]);
    folder
}

fn found(output: &Output) -> Vec<(String, String)> {
    findings(&stdout(output))
        .into_iter()
        .map(|finding: Finding| (finding.path, finding.rule))
        .collect()
}

fn since(folder: &Path, reference: &str) -> Output {
    foreshot(
        folder,
        &["check", "--since", reference, "--output-format", "concise"],
    )
}

fn guard_b() -> Vec<(String, String)> {
    vec![(B.to_owned(), "missing-guard".to_owned())]
}

#[test]
fn a_pull_request_with_a_bad_revision_is_told_of_that_one_alone() {
    let folder = repository();
    let output = foreshot(folder.path(), &["check"]);
    assert_exit(&output, 1);
    write(folder.path(), "README.md", "nothing of interest\n");
    commit_all(folder.path(), "words");
    assert_exit(&since(folder.path(), "main"), 0);

    write(folder.path(), B, &unguarded("b", "\"a\"", "u"));
    commit_all(folder.path(), "bad");
    let output = since(folder.path(), "main");
    assert_exit(&output, 1);
    assert_eq!(found(&output), guard_b());
    let last = stdout(&output);
    assert!(last.contains("1 already there before (main)"), "{last}");
    // committed or not makes no difference
    git(folder.path(), &["reset", "-q", "--soft", "main"]);
    assert_eq!(found(&since(folder.path(), "main")), guard_b());
    git(folder.path(), &["reset", "-q", "main"]);
    assert_eq!(found(&since(folder.path(), "main")), guard_b());
    assert_eq!(found(&since(folder.path(), "HEAD")), guard_b());
    assert_exit(&since(folder.path(), "main"), 1);
}

#[test]
fn a_number_that_the_base_branch_has_given_away_is_told() {
    let folder = temporary_folder();
    write_project(folder.path());
    let guarded = |revision: &str, parent: &str, table: &str| {
        let made = unguarded(revision, parent, table);
        made.replace(
            "primary_key=True))\n",
            "primary_key=True), if_not_exists=True)\n",
        )
    };
    let file = |name: &str| format!("alembic/versions/{name}.py");
    write(folder.path(), &file("0001_a"), &guarded("a", "None", "t"));
    write(folder.path(), &file("0002_b"), &guarded("b", "\"a\"", "u"));
    git(folder.path(), &["init", "-q"]);
    commit_all(folder.path(), "first");
    git(folder.path(), &["checkout", "-q", "-b", "work"]);
    write(
        folder.path(),
        &file("0003_mine"),
        &guarded("mine", "\"b\"", "v"),
    );
    commit_all(folder.path(), "mine");
    git(folder.path(), &["checkout", "-q", "main"]);
    write(
        folder.path(),
        &file("0003_theirs"),
        &guarded("theirs", "\"a\"", "w"),
    );
    commit_all(folder.path(), "theirs");
    git(folder.path(), &["checkout", "-q", "work"]);
    let output = since(folder.path(), "main");
    assert_eq!(
        found(&output),
        [(file("0003_mine"), "stale-parent".to_owned())]
    );
    let text = stdout(&output);
    assert!(
        text.contains("warning") && text.contains("the number 0003"),
        "{text}"
    );
    git(
        folder.path(),
        &["mv", &file("0003_mine"), &file("0004_mine")],
    );
    commit_all(folder.path(), "renumbered");
    assert_eq!(found(&since(folder.path(), "main")), []);
}

#[test]
fn what_only_moved_is_not_new_and_what_got_worse_is() {
    let folder = repository();
    let text = unguarded("a", "None", "t");
    let moved = text.replace("def upgrade():", "# more\n# lines\n\n\ndef upgrade():");
    write(folder.path(), A, &moved);
    assert_exit(&since(folder.path(), "main"), 0);
    // another name for the file
    std::fs::remove_file(folder.path().join(A)).expect("removed");
    write(folder.path(), "alembic/versions/renamed.py", &moved);
    assert_exit(&since(folder.path(), "main"), 0);
    // another statement
    write(
        folder.path(),
        "alembic/versions/renamed.py",
        &moved.replace("\"t\"", "\"other\""),
    );
    assert_exit(&since(folder.path(), "main"), 1);
}

#[test]
fn a_helper_that_breaks_old_revisions_is_seen() {
    let folder = repository();
    git(folder.path(), &["checkout", "-q", "main"]);
    write(
        folder.path(),
        "helpers.py",
        "from sqlalchemy import inspect\n\n\ndef has_table(bind, name):\n    return inspect(bind).has_table(name)\n",
    );
    write(
        folder.path(),
        B,
        "import sqlalchemy as sa\nfrom alembic import op\nfrom helpers import has_table\n\nrevision = \"b\"\n\
         down_revision = \"a\"\n\n\ndef upgrade():\n    if not has_table(op.get_bind(), \"u\"):\n        \
         op.create_table(\"u\", sa.Column(\"id\", sa.Integer, primary_key=True))\n\n\n\
         def downgrade():\n    op.drop_table(\"u\", if_exists=True)\n",
    );
    commit_all(folder.path(), "helper");
    git(folder.path(), &["checkout", "-q", "-B", "work"]);
    assert_exit(&since(folder.path(), "main"), 0);
    write(
        folder.path(),
        "helpers.py",
        "def has_table(bind, name):\n    return False\n",
    );
    commit_all(folder.path(), "broken");
    let output = since(folder.path(), "main");
    assert_exit(&output, 1);
    assert_eq!(found(&output), guard_b());
}

#[test]
fn staged_is_what_the_commit_brings() {
    let folder = repository();
    let staged =
        |folder: &Path| foreshot(folder, &["check", "--staged", "--output-format", "concise"]);
    assert_exit(&staged(folder.path()), 0);
    write(folder.path(), B, &unguarded("b", "\"a\"", "u"));
    // not staged yet
    assert_exit(&staged(folder.path()), 0);
    git(folder.path(), &["add", B]);
    assert_eq!(found(&staged(folder.path())), guard_b());
    // the working folder is not what is committed
    let fixed = unguarded("b", "\"a\"", "u").replace("=True))", "=True), if_not_exists=True)");
    write(folder.path(), B, &fixed);
    assert_eq!(found(&staged(folder.path())), guard_b());
    git(folder.path(), &["add", B]);
    write(folder.path(), B, "revision = (\n");
    assert_exit(&staged(folder.path()), 0);

    // before the first commit everything is new
    let folder = temporary_folder();
    write_project(folder.path());
    write(folder.path(), A, &unguarded("a", "None", "t"));
    git(folder.path(), &["init", "-q"]);
    git(folder.path(), &["add", "-A"]);
    assert_exit(&staged(folder.path()), 1);
}

#[test]
fn comments_are_judged_on_both_sides() {
    let folder = repository();
    git(folder.path(), &["checkout", "-q", "main"]);
    let unused = unguarded("a", "None", "t").replace(
        "revision = \"a\"",
        "revision = \"a\"  # foreshot: ignore[missing-guard] not here",
    );
    write(folder.path(), A, &unused);
    commit_all(folder.path(), "unused comment");
    git(folder.path(), &["checkout", "-q", "-B", "work"]);
    assert_exit(&since(folder.path(), "main"), 0);
}

#[test]
fn a_reference_that_is_none_is_told_in_one_sentence() {
    let folder = repository();
    for (reference, word) in [
        ("origin/main", "git fetch --no-tags"),
        ("no such", "name a branch"),
        ("--upload-pack=touch x", "name a branch"),
    ] {
        let output = foreshot(folder.path(), &["check", &format!("--since={reference}")]);
        assert_exit(&output, 2);
        let said = stderr(&output);
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(word) && said.contains(reference), "{said}");
        assert!(stdout(&output).is_empty());
    }
    let plain = temporary_folder();
    write_project(plain.path());
    write(plain.path(), A, &unguarded("a", "None", "t"));
    let output = since(plain.path(), "main");
    assert_exit(&output, 2);
    assert!(stderr(&output).contains("no git repository"));
}

#[test]
fn a_shallow_clone_says_what_to_fetch_and_works_with_it() {
    let origin = repository();
    let base = git(origin.path(), &["rev-parse", "main"]);
    write(origin.path(), B, &unguarded("b", "\"a\"", "u"));
    commit_all(origin.path(), "bad");
    // the merge commit that CI checks out
    git(origin.path(), &["checkout", "-q", "main"]);
    git(
        origin.path(),
        &["merge", "-q", "--no-ff", "-m", "merge", "work"],
    );
    git(origin.path(), &["update-ref", "refs/pull/1/merge", "HEAD"]);
    git(origin.path(), &["reset", "-q", "--hard", &base]);
    git(
        origin.path(),
        &["config", "uploadpack.allowAnySHA1InWant", "true"],
    );

    let clone = temporary_folder();
    git(clone.path(), &["init", "-q"]);
    let url = format!("file://{}", origin.path().display());
    git(clone.path(), &["remote", "add", "origin", &url]);
    let fetch = ["fetch", "-q", "--no-tags", "--depth=1", "origin"];
    git(
        clone.path(),
        &[&fetch[..], &["refs/pull/1/merge:refs/remotes/pull/1/merge"]].concat(),
    );
    git(
        clone.path(),
        &["checkout", "-q", "refs/remotes/pull/1/merge"],
    );
    write(
        clone.path(),
        "event.json",
        &format!("{{\"pull_request\": {{\"base\": {{\"ref\": \"main\", \"sha\": \"{base}\"}}}}}}"),
    );
    let event = clone.path().join("event.json");
    let environment = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_EVENT_NAME", "pull_request"),
        ("GITHUB_REF", "refs/pull/1/merge"),
        ("GITHUB_EVENT_PATH", event.to_str().expect("UTF-8")),
    ];
    let arguments = ["check", "--since", "auto", "--output-format", "concise"];
    let output = foreshot_with(clone.path(), &arguments, &environment);
    assert_exit(&output, 2);
    let said = stderr(&output);
    let command = format!("git fetch --no-tags --depth=1 origin {base}");
    assert!(said.contains(&command), "{said}");
    git(
        clone.path(),
        &command.split(' ').skip(1).collect::<Vec<_>>(),
    );
    let output = foreshot_with(clone.path(), &arguments, &environment);
    assert_exit(&output, 1);
    assert_eq!(found(&output), guard_b());
}

#[test]
fn ci_systems_say_what_the_base_is() {
    let folder = repository();
    let base = git(folder.path(), &["rev-parse", "main"]);
    git(
        folder.path(),
        &["update-ref", "refs/remotes/origin/main", &base],
    );
    write(folder.path(), B, &unguarded("b", "\"a\"", "u"));
    let head = commit_all(folder.path(), "bad");
    let zeros = "0".repeat(40);
    let auto = |environment: &[(&str, &str)]| {
        let arguments = ["check", "--since", "auto", "--output-format", "concise"];
        found(&foreshot_with(folder.path(), &arguments, environment)).len()
    };
    let github = |name: &str, reference: &str, event: &str| {
        write(folder.path(), "event.json", event);
        let path = folder.path().join("event.json");
        auto(&[
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_EVENT_NAME", name),
            ("GITHUB_REF_NAME", reference),
            ("GITHUB_EVENT_PATH", path.to_str().expect("UTF-8")),
        ])
    };
    let default = "\"repository\": {\"default_branch\": \"main\"}";
    let before = |id: &str| format!("{{\"before\": \"{id}\", {default}}}");
    let pull = format!("{{\"pull_request\": {{\"base\": {{\"sha\": \"{base}\"}}}}}}");
    assert_eq!(github("pull_request", "1/merge", &pull), 1);
    let group = format!("{{\"merge_group\": {{\"base_sha\": \"{base}\"}}}}");
    assert_eq!(github("merge_group", "gh-readonly-queue/main/1", &group), 1);
    assert_eq!(github("push", "work", &before(&base)), 1);
    assert_eq!(github("push", "work", &before(&head)), 0);
    // a first push is compared with the default branch; a first push of that, with nothing
    assert_eq!(github("push", "work", &before(&zeros)), 1);
    assert_eq!(github("push", "main", &before(&zeros)), 2);
    assert_eq!(
        github("workflow_dispatch", "work", &format!("{{{default}}}")),
        1
    );
    assert_eq!(
        github("workflow_dispatch", "main", &format!("{{{default}}}")),
        2
    );

    let gitlab = |variables: &[(&str, &str)]| {
        let mut all = vec![("GITLAB_CI", "true"), ("CI_DEFAULT_BRANCH", "main")];
        all.extend(variables);
        auto(&all)
    };
    assert_eq!(gitlab(&[("CI_MERGE_REQUEST_DIFF_BASE_SHA", &base)]), 1);
    assert_eq!(gitlab(&[("CI_COMMIT_BEFORE_SHA", &head)]), 0);
    let first = [("CI_COMMIT_BEFORE_SHA", zeros.as_str())];
    assert_eq!(
        gitlab(&[&first[..], &[("CI_COMMIT_BRANCH", "work")]].concat()),
        1
    );
    assert_eq!(
        gitlab(&[&first[..], &[("CI_COMMIT_BRANCH", "main")]].concat()),
        2
    );
    // elsewhere: the main branch as it was last fetched
    assert_eq!(auto(&[]), 1);
}

#[test]
fn a_hostile_repository_runs_nothing() {
    let folder = repository();
    let mark = folder.path().join("ran");
    let run = format!("touch {}", mark.display());
    for (key, value) in [
        ("core.fsmonitor", run.as_str()),
        ("core.pager", &run),
        ("pager.ls-tree", &run),
        ("core.sshCommand", &run),
        ("diff.external", &run),
        ("filter.x.smudge", &run),
        ("alias.ls-tree", &format!("!{run}")),
        ("core.askPass", &run),
    ] {
        git(folder.path(), &["config", key, value]);
    }
    for hook in [
        "post-index-change",
        "post-checkout",
        "reference-transaction",
    ] {
        write(
            folder.path(),
            &format!(".git/hooks/{hook}"),
            &format!("#!/bin/sh\n{run}\n"),
        );
    }
    write(folder.path(), ".gitattributes", "*.py filter=x diff=x\n");
    assert_exit(&since(folder.path(), "main"), 0);
    assert_exit(&foreshot(folder.path(), &["check", "--staged"]), 0);
    assert!(!mark.exists());
}
