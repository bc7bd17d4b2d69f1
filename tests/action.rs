//! The GitHub Action's scripts, with a runner's environment faked: the base is fetched, inputs are obeyed and never executed.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{assert_exit, findings, root, stderr, stdout, temporary_folder, write, write_project};
use serde_json::Value;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A repository with a clean first revision on `main`, and a clone of depth 1 of a branch that adds a bad one.
struct PullRequest {
    _folder: common::folder::TemporaryFolder,
    clone: PathBuf,
    temporary: PathBuf,
    base: String,
}

const GOOD: &str = "revision = 'a'\ndown_revision = None\nfrom alembic import op\n\n\
    def upgrade():\n    op.execute('CREATE TABLE t (id int)')\n\ndef downgrade():\n    op.execute('DROP TABLE t')\n";
const BAD: &str = "revision = 'b'\ndown_revision = 'a'\nfrom alembic import op\n\n\
    def upgrade():\n    op.execute('CREATE TABLE u (id int)')\n\ndef downgrade():\n    op.execute('DROP TABLE u')\n";

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.org",
            "-c",
            "protocol.file.allow=always",
        ])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .expect("git starts");
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        stderr(&output)
    );
    stdout(&output).trim().to_owned()
}

fn pull_request() -> PullRequest {
    let folder = temporary_folder();
    let origin = folder.path().join("origin");
    write_project(&origin);
    write(&origin, "alembic/versions/a.py", GOOD);
    git(&origin, &["init", "-q", "-b", "main"]);
    git(&origin, &["add", "-A"]);
    git(&origin, &["commit", "-qm", "start"]);
    let base = git(&origin, &["rev-parse", "HEAD"]);
    git(&origin, &["switch", "-qc", "change"]);
    for number in 0..3 {
        write(&origin, &format!("note{number}.txt"), "x");
        git(&origin, &["add", "-A"]);
        git(&origin, &["commit", "-qm", "more"]);
    }
    write(&origin, "alembic/versions/b.py", BAD);
    git(&origin, &["add", "-A"]);
    git(&origin, &["commit", "-qm", "bad"]);
    let url = format!("file://{}", origin.display());
    let clone = folder.path().join("clone");
    git(
        folder.path(),
        &["clone", "-q", "--depth=1", "--branch=change", &url, "clone"],
    );
    let temporary = folder.path().join("temporary");
    fs::create_dir(&temporary).expect("a folder");
    PullRequest {
        _folder: folder,
        clone,
        temporary,
        base,
    }
}

impl PullRequest {
    /// Runs the action's script as a runner would; the inputs beside the defaults. Gives its output and the lines of GITHUB_OUTPUT.
    fn run(&self, inputs: &[(&str, &str)]) -> (String, String, String) {
        let event = self.temporary.join("event.json");
        let sha = &self.base;
        fs::write(
            &event,
            format!("{{\"pull_request\": {{\"base\": {{\"sha\": \"{sha}\"}}}}}}"),
        )
        .expect("the event");
        let outputs = self.temporary.join("output");
        let summary = self.temporary.join("summary");
        fs::write(&outputs, "").expect("the outputs");
        fs::write(&summary, "").expect("the summary");
        let mut command = Command::new("bash");
        command
            .arg(root().join("action/run.sh"))
            .current_dir(&self.clone)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("CI", "true")
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_EVENT_NAME", "pull_request")
            .env("GITHUB_EVENT_PATH", &event)
            .env("GITHUB_WORKSPACE", &self.clone)
            .env("GITHUB_OUTPUT", &outputs)
            .env("GITHUB_STEP_SUMMARY", &summary)
            .env("GITHUB_ACTION_PATH", root())
            .env("RUNNER_TEMP", &self.temporary)
            .env("FORESHOT_ACTION_PROGRAM", env!("CARGO_BIN_EXE_foreshot"));
        for (name, value) in inputs {
            command.env(format!("FORESHOT_ACTION_{name}"), value);
        }
        let output = command.output().expect("bash starts");
        assert_exit(&output, 0);
        let outputs = fs::read_to_string(outputs).expect("the outputs");
        let summary = fs::read_to_string(summary).expect("the summary");
        (stdout(&output), outputs, summary)
    }
}

#[test]
fn the_action_fetches_the_base_and_reports_what_is_new() {
    let request = pull_request();
    let (printed, outputs, summary) = request.run(&[]);
    let errors: Vec<&str> = printed
        .lines()
        .filter(|line| line.starts_with("::error"))
        .collect();
    assert_eq!(errors.len(), 1, "{printed}");
    assert!(
        errors[0].contains("file=alembic/versions/b.py,line=6"),
        "{printed}"
    );
    assert!(
        outputs.contains("exit-code=1\nfindings=1\nsarif-file="),
        "{outputs}"
    );
    assert!(summary.contains("alembic/versions/b.py"), "{summary}");
    let sarif: Value =
        serde_json::from_slice(&fs::read(request.temporary.join("foreshot.sarif")).expect("SARIF"))
            .expect("JSON");
    assert_eq!(
        sarif["runs"][0]["results"].as_array().map(Vec::len),
        Some(1)
    );
}

#[test]
fn the_action_obeys_its_inputs() {
    let request = pull_request();
    let (printed, outputs, summary) = request.run(&[
        ("SINCE", "none"),
        ("ANNOTATIONS", "matcher"),
        ("SUMMARY", "false"),
        ("FAIL_ON", "never"),
        ("SARIF_FILE", "out/a b.sarif"),
        ("PATHS", "alembic/versions/a.py\n"),
    ]);
    assert!(printed.starts_with("::add-matcher::"), "{printed}");
    assert_eq!(findings(&printed).len(), 1, "{printed}");
    assert!(!printed.contains("::error"), "{printed}");
    assert!(outputs.contains("exit-code=0\nfindings=1\n"), "{outputs}");
    assert!(summary.is_empty(), "{summary}");
    assert!(request.clone.join("out/a b.sarif").is_file());
    for (name, value) in [
        ("FAIL_ON", "x; touch pwned"),
        ("SINCE", "--upload-pack=touch pwned"),
        ("SINCE", "no-such-branch"),
        ("ANNOTATIONS", "both"),
        ("WORKING_DIRECTORY", "nowhere"),
    ] {
        let (printed, outputs, _) = request.run(&[(name, value)]);
        assert!(
            printed.starts_with("::error title=foreshot::the input "),
            "{name}={value}: {printed}"
        );
        assert_eq!(outputs, "exit-code=2\n");
    }
    assert!(!request.clone.join("pwned").exists());
}

#[test]
fn the_action_installs_only_what_is_a_version() {
    let folder = temporary_folder();
    let install = |version: &str| {
        let output = folder.path().join("output");
        fs::write(&output, "").expect("the outputs");
        let program = Path::new(env!("CARGO_BIN_EXE_foreshot"));
        let path = format!(
            "{}:{}",
            program.parent().expect("its folder").display(),
            std::env::var("PATH").expect("PATH")
        );
        let ran = Command::new("bash")
            .arg(root().join("action/install.sh"))
            .env_clear()
            .env("PATH", path)
            .env("RUNNER_TEMP", folder.path())
            .env("GITHUB_OUTPUT", &output)
            .env("FORESHOT_ACTION_VERSION", version)
            .output()
            .expect("bash starts");
        (ran, fs::read_to_string(output).expect("the outputs"))
    };
    let (ran, outputs) = install("system");
    assert_exit(&ran, 0);
    assert!(
        outputs.ends_with(&format!("version={VERSION}\n")),
        "{outputs}"
    );
    for hostile in [
        "1.0; touch pwned",
        "--index-url=https://example.org",
        "0.1.0 evil",
        "latest",
    ] {
        let (ran, outputs) = install(hostile);
        assert_exit(&ran, 2);
        assert!(
            stdout(&ran).contains("no exact version"),
            "{}",
            stdout(&ran)
        );
        assert_eq!(outputs, "");
    }
}
