//! What a stranger may put into a pull request: whatever it is, the program ends soon, in bounded memory, with a clear answer.
//!
//! Every input of `tests/hostile/` is a project of its own and the real binary runs over it. Asserted are the exit status, that nothing panicked, what the
//! answer must say, and at most 1 GB of memory (Linux); of the time only that no process has to be killed. `make hostile` runs them at full size
//! with an optimised program and prints time and memory of each.

mod common;
#[path = "hostile/inputs.rs"]
mod inputs;

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{temporary_folder, write, write_project};
use inputs::INPUTS;

/// Longer than any input takes on a slow machine with a program that is not optimised.
const KILLED_AFTER: Duration = Duration::from_mins(5);

/// The most memory that one may take, in KiB.
const MEMORY: u64 = 1 << 20;

/// What the program did.
struct Answer {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    seconds: f64,
    /// KiB; 0 where it can't be measured.
    memory: u64,
}

/// The most memory that a process has had so far, in KiB.
fn peak(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Runs the program; one that does not end is killed, and has no exit status.
fn run(folder: &Path, arguments: &[&str]) -> Answer {
    let started = Instant::now();
    let program = std::env::var_os("FORESHOT_HOSTILE_PROGRAM");
    let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_foreshot").into());
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let reader = |stream: Option<Box<dyn std::io::Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut stream) = stream {
                stream.read_to_end(&mut bytes).expect("an output");
            }
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let stdout = reader(child.stdout.take().map(|stream| Box::new(stream) as _));
    let stderr = reader(child.stderr.take().map(|stream| Box::new(stream) as _));
    let mut memory = 0;
    let status = loop {
        memory = peak(child.id()).unwrap_or(0).max(memory);
        if let Some(status) = child.try_wait().expect("the process") {
            break status;
        }
        if started.elapsed() > KILLED_AFTER {
            child.kill().expect("killed");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    Answer {
        code: status.code(),
        stdout: stdout.join().expect("standard output"),
        stderr: stderr.join().expect("standard error"),
        seconds: started.elapsed().as_secs_f64(),
        memory,
    }
}

/// What is wrong with an answer, if anything.
fn problem(answer: &Answer, wanted: &str) -> Option<String> {
    let said = format!("{}{}", answer.stdout, answer.stderr);
    let Some(code) = answer.code else {
        return Some(format!("killed after {:.0} s", answer.seconds));
    };
    if !matches!(code, 0..=2) {
        return Some(format!("exit status {code}"));
    }
    if said.contains("panicked") || said.contains("internal-error") {
        return Some("it panicked".to_owned());
    }
    if answer.memory > MEMORY {
        return Some(format!("{} KiB of memory", answer.memory));
    }
    if code == 2 && answer.stderr.trim().is_empty() {
        return Some("exit status 2 without a word".to_owned());
    }
    (!said.contains(wanted)).then(|| format!("does not say `{wanted}`"))
}

#[test]
fn every_hostile_input_has_a_clear_answer() {
    let asked = std::env::var("FORESHOT_HOSTILE").unwrap_or_default();
    let table = !asked.is_empty();
    let only = std::env::var("FORESHOT_HOSTILE_ONLY").ok();
    let scale = if asked == "table" { 1 } else { 10 };
    let mut failures = Vec::new();
    if table {
        println!("| input | time | memory | answer |\n| --- | --- | --- | --- |");
    }
    for input in INPUTS {
        if only
            .as_ref()
            .is_some_and(|only| !input.name.contains(only.as_str()))
        {
            continue;
        }
        let folder = temporary_folder();
        (input.write)(folder.path(), scale);
        let answer = run(
            folder.path(),
            &["check", "--output-format", "concise", "--verbose"],
        );
        let first = answer.stdout.lines().chain(answer.stderr.lines());
        if table {
            let said: String = first
                .filter(|line| line.contains(input.says))
                .take(1)
                .flat_map(|line| line.chars().take(110))
                .collect();
            println!(
                "| {} | {:.2} s | {} MB | {said} |",
                input.name,
                answer.seconds,
                answer.memory / 1024
            );
        }
        if let Some(what) = problem(&answer, input.says) {
            let shown: String = answer
                .stdout
                .chars()
                .chain(answer.stderr.chars())
                .take(700)
                .collect();
            failures.push(format!("{}: {what}\n{shown}", input.name));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// All formats of `check`, and the other commands that print names.
const COMMANDS: [&[&str]; 14] = [
    &["check", "--output-format", "text", "--verbose"],
    &["check", "--output-format", "concise"],
    &["check", "--output-format", "github"],
    &["check", "--output-format", "gitlab"],
    &["check", "--output-format", "json"],
    &["check", "--output-format", "json-lines"],
    &["check", "--output-format", "junit"],
    &["check", "--output-format", "markdown"],
    &["check", "--output-format", "rdjson"],
    &["check", "--output-format", "sarif"],
    &["check", "--diff", "--unsafe-fixes"],
    &["trace"],
    &["trace", "--format", "json"],
    &["graph"],
];

#[cfg(unix)]
#[test]
fn names_steer_neither_a_terminal_nor_a_ci_system() {
    let folder = temporary_folder();
    write_project(folder.path());
    let evil = "x\\x1b]0;title\\x07\\x1b[2J\\n::error file=a::gone%0A\\r::warning::w##[error]e\\u202e\\x9b31m";
    let text = format!(
        "from alembic import op\nimport sqlalchemy as sa\n\nrevision = '::error::{evil}'\ndown_revision = 'none{evil}'\n\
         branch_labels = ('l{evil}',)\n\n\ndef upgrade():\n    op.create_table('t{evil}', sa.Column('c{evil}', sa.Integer))\n    \
         op.execute('DROP TABLE \"{evil}\"')\n    raise ValueError('{evil}')  # foreshot: ignore[{evil}] x\n"
    );
    let name = "::error::n\u{1b}[31m\n::warning::%0A##[error]\u{202e}.py";
    write(folder.path(), &format!("alembic/versions/{name}"), &text);
    // the same as it is, not as an escape
    let raw = text
        .replace("\\x1b", "\u{1b}")
        .replace("\\x07", "\u{7}")
        .replace("::error::x", "z");
    write(
        folder.path(),
        "alembic/versions/raw.py",
        &raw.replace("\\n", " ").replace("\\r", " "),
    );
    for arguments in COMMANDS {
        let answer = run(folder.path(), arguments);
        assert!(
            matches!(answer.code, Some(0..=2)),
            "{arguments:?}: {:?}",
            answer.code
        );
        assert!(!answer.stderr.contains("panicked"), "{}", answer.stderr);
        // an edit has to be what it is, or it can't be applied: a terminal is shown another
        let is_diff = arguments.contains(&"--diff");
        for (stream, said) in [("out", &answer.stdout), ("err", &answer.stderr)] {
            let steering = said.chars().find(|character| {
                (character.is_control() && !matches!(character, '\n' | '\t'))
                    || *character == '\u{202e}'
            });
            assert!(
                steering.is_none() || (is_diff && stream == "out"),
                "{arguments:?} {stream}: {steering:?} in {said}"
            );
            for line in said.lines() {
                let own = arguments.contains(&"github")
                    && [
                        "::error file=alembic",
                        "::warning file=alembic",
                        "::notice file=alembic",
                    ]
                    .iter()
                    .any(|start| line.starts_with(start));
                assert!(
                    own || !line.trim_start().starts_with("::"),
                    "{arguments:?} {stream}: {line}"
                );
                assert!(
                    is_diff || !line.contains("##["),
                    "{arguments:?} {stream}: {line}"
                );
            }
        }
    }
}

#[test]
fn passwords_in_urls_are_nowhere() {
    let folder = temporary_folder();
    write_project(folder.path());
    write(
        folder.path(),
        "alembic.ini",
        "[alembic]\nscript_location = %(here)s/alembic\nsqlalchemy.url = postgresql+asyncpg://app:pa55-w0rd@db/x?password=pa55-w0rd\n",
    );
    write(
        folder.path(),
        "alembic/versions/a.py",
        "from alembic import op\nimport sqlalchemy as sa\n\nrevision = 'a'\ndown_revision = None\nURL = 'postgresql://app:pa55-w0rd@db/x'\n\n\n\
         def upgrade():\n    op.execute(\"CREATE SUBSCRIPTION s CONNECTION 'postgresql://app:pa55-w0rd@db/x' PUBLICATION p\")\n    \
         op.create_table('t', sa.Column('c', sa.Text, server_default='postgresql://a:pa55-w0rd@h'))\n    \
         sa.create_engine(URL).execute(URL)\n    raise ValueError(URL)\n",
    );
    for arguments in COMMANDS
        .iter()
        .filter(|arguments| !arguments.contains(&"--diff"))
    {
        let answer = run(folder.path(), arguments);
        let said = answer.stdout + &answer.stderr;
        assert!(!said.contains("pa55-w0rd"), "{arguments:?}: {said}");
    }
    let answer = run(folder.path(), &["config"]);
    assert!(!answer.stdout.contains("pa55-w0rd"), "{}", answer.stdout);
}

/// A name, what makes the project, and the sentence that says what is not read.
#[cfg(unix)]
type Case<'a> = (&'a str, Box<dyn Fn(&Path)>, &'a str);

#[cfg(unix)]
#[test]
fn nothing_outside_of_the_project_is_read() {
    use std::os::unix::fs::symlink;
    let guard = temporary_folder();
    let (inside, outside) = (guard.path().join("in"), guard.path().join("out"));
    let secret = "from alembic import op\nrevision = 's3cret'\ndown_revision = None\n\n\ndef upgrade():\n    op.create_table('s3cret')\n\n\ndef s3cret():\n    op.drop_table('s3cret')\n";
    write(&outside, "alembic/versions/s.py", secret);
    write(&outside, "alembic/env.py", secret);
    write(&outside, "helper.py", secret);
    write(&outside, "s3cret.sql", "CREATE TABLE s3cret (id int);\n");
    write(&outside, "foreshot.toml", "start-after = ['s3cret']\n");
    write(&outside, "b.json", "{\"s3cret\": \n");
    let revision = "import sys, os\nfrom pathlib import Path\nsys.path.append('../out')\nimport helper\nfrom alembic import op\n\nrevision = 'a'\ndown_revision = None\n\n\n\
                    def upgrade():\n    helper.s3cret()\n    op.execute(open('../out/s3cret.sql').read())\n    \
                    op.execute((Path(__file__).parent.parent.parent.parent / 'out' / 's3cret.sql').read_text())\n    \
                    op.execute(Path('/etc/passwd').read_text())\n    op.execute(open(os.path.join(os.path.dirname(__file__), '../../../out/s3cret.sql')).read())\n";
    let asked = |name: &str, prepare: &dyn Fn(&Path), arguments: &[&str]| {
        let folder = inside.join(name);
        write_project(&folder);
        write(&folder, "alembic/versions/a.py", revision);
        prepare(&folder);
        let answer = run(
            &folder,
            &[&["check", "--output-format", "json"], arguments].concat(),
        );
        assert!(
            matches!(answer.code, Some(0..=2)),
            "{name}: {:?}",
            answer.code
        );
        answer.stdout + &answer.stderr
    };
    let ini = |text: &'static str| -> Box<dyn Fn(&Path)> {
        Box::new(move |folder: &Path| write(folder, "alembic.ini", text))
    };
    let toml = |text: &'static str| -> Box<dyn Fn(&Path)> {
        Box::new(move |folder: &Path| write(folder, "foreshot.toml", text))
    };
    let linked = |target: &'static str, at: &'static str| -> Box<dyn Fn(&Path)> {
        let outside = outside.clone();
        Box::new(move |folder: &Path| {
            let at = folder.join(at);
            let _ = fs::remove_file(&at);
            let _ = fs::remove_dir_all(&at);
            symlink(outside.join(target), at).expect("a link");
        })
    };
    let cases: Vec<Case<'_>> = vec![
        ("nothing", Box::new(|_| {}), ""),
        (
            "script",
            ini("[alembic]\nscript_location = ../../out/alembic\n"),
            "no folder of this project",
        ),
        (
            "absolute",
            ini("[alembic]\nscript_location = /etc\n"),
            "no folder of this project",
        ),
        (
            "versions",
            ini(
                "[alembic]\nscript_location = alembic\nversion_locations = alembic/versions ../../out/alembic/versions\n",
            ),
            "no folder of this project",
        ),
        (
            "prepended",
            ini("[alembic]\nscript_location = alembic\nprepend_sys_path = ../../out\n"),
            "no folder of this project",
        ),
        (
            "extend",
            toml("extend = '../../out/foreshot.toml'\n"),
            "out of the project",
        ),
        (
            "schema",
            toml("initial-schema = '../../out/s3cret.sql'\n"),
            "outside the project",
        ),
        (
            "baseline",
            toml("baseline = '../../out/b.json'\n"),
            "out of the project",
        ),
        (
            "folder",
            toml("database = '../../out'\n"),
            "out of the project",
        ),
        (
            "sql",
            toml("sql = [{path = '../../out'}]\n"),
            "out of the project",
        ),
        (
            "linked-versions",
            linked("alembic/versions", "alembic/versions"),
            "migrations",
        ),
        (
            "linked-revision",
            linked("alembic/versions/s.py", "alembic/versions/s.py"),
            "outside the project root",
        ),
        ("linked-env", linked("alembic/env.py", "alembic/env.py"), ""),
        ("linked-ini", linked("foreshot.toml", "alembic.ini"), ""),
        (
            "linked-config",
            linked("foreshot.toml", "foreshot.toml"),
            "",
        ),
        ("linked-helper", linked("helper.py", "helper.py"), ""),
        ("linked-package", linked("alembic", "helper"), ""),
        (
            "linked-baseline",
            Box::new({
                let link = linked("b.json", "b.json");
                move |folder: &Path| {
                    link(folder);
                    write(folder, "foreshot.toml", "baseline = 'b.json'\n");
                }
            }),
            "outside the project root",
        ),
        (
            "linked-schema",
            Box::new({
                let link = linked("s3cret.sql", "s.sql");
                move |folder: &Path| {
                    link(folder);
                    write(folder, "foreshot.toml", "initial-schema = 's.sql'\n");
                }
            }),
            "outside the project root",
        ),
    ];
    for (name, prepare, says) in &cases {
        let said = asked(name, prepare.as_ref(), &[]);
        // paths that the project itself names may be told; what stands in the files may not
        let told = said.replace("s3cret.sql", "").replace("helper.s3cret", "");
        assert!(!told.contains("s3cret"), "{name}: {said}");
        assert!(said.contains(says), "{name} does not say `{says}`: {said}");
    }
    // unless the user says so
    let said = asked("meant", cases[1].1.as_ref(), &["--root", "../.."]);
    assert!(said.contains("s3cret"), "{said}");
}

#[cfg(unix)]
#[test]
fn nothing_outside_of_the_project_is_written() {
    use std::os::unix::fs::symlink;
    let guard = temporary_folder();
    let (inside, outside) = (guard.path().join("in"), guard.path().join("out"));
    write(&outside, "mine", "mine\n");
    write_project(&inside);
    let revision = "from alembic import op\nimport sqlalchemy as sa\nrevision = 'a'\ndown_revision = None\n\n\ndef upgrade():\n    op.drop_table('t')\n\n\ndef downgrade():\n    pass\n";
    write(&inside, "alembic/versions/a.py", revision);
    write(&outside, "b.py", &revision.replace("'a'", "'b'"));
    symlink(outside.join("mine"), inside.join("report.sarif")).expect("a link");
    symlink(&outside, inside.join("reports")).expect("a link");
    symlink(outside.join("b.py"), inside.join("alembic/versions/b.py")).expect("a link");
    for arguments in [
        &["check", "--output-file", "sarif=report.sarif"][..],
        &["check", "--output-file", "sarif=reports/new.sarif"],
        &["check", "--baseline", "report.sarif", "--write-baseline"],
        &["check", "--fix", "--unsafe-fixes"],
    ] {
        let answer = run(&inside, arguments);
        assert!(
            arguments.contains(&"--fix") || answer.code == Some(2),
            "{arguments:?}: {}",
            answer.stderr
        );
    }
    let kept = |name: &str| fs::read_to_string(outside.join(name)).expect("still there");
    assert_eq!(kept("mine"), "mine\n");
    assert_eq!(kept("b.py"), revision.replace("'a'", "'b'"));
    assert_eq!(fs::read_dir(&outside).expect("the folder").count(), 2);
    assert!(
        fs::symlink_metadata(inside.join("report.sarif"))
            .expect("there")
            .is_symlink()
    );
    // a place outside that is named is what the user wants
    let answer = run(
        &inside,
        &["check", "--output-file", "sarif=../out/meant.sarif"],
    );
    assert_eq!(answer.code, Some(1), "{}", answer.stderr);
    assert!(kept("meant.sarif").contains("2.1.0"));
}

/// Three revisions, each with a finding.
fn three(folder: &Path) {
    write_project(folder);
    for (id, parent) in [("a", "None"), ("b", "'a'"), ("c", "'b'")] {
        write(
            folder,
            &format!("alembic/versions/{id}.py"),
            &format!(
                "from alembic import op\nimport sqlalchemy as sa\nrevision = '{id}'\ndown_revision = {parent}\n\n\n\
                 def upgrade():\n    op.create_table('t{id}', sa.Column('id', sa.Integer))\n\n\ndef downgrade():\n    op.drop_table('t{id}')\n"
            ),
        );
    }
}

#[test]
fn a_failure_of_our_own_is_a_finding_and_all_else_is_reported() {
    let folder = temporary_folder();
    three(folder.path());
    for (stage, says) in [
        (
            "read:b.py",
            "alembic/versions/b.py:1:1: error[internal-error]",
        ),
        ("run:b", "alembic/versions/b.py:7:5: error[internal-error]"),
        ("judge:b", "a rule broke off here"),
        (
            "command:versions",
            "broke off over the revisions as one command",
        ),
    ] {
        let output = common::foreshot_with(
            folder.path(),
            &["check", "--output-format", "text", "--verbose"],
            &[("FORESHOT_TEST_PANIC", stage)],
        );
        let concise = common::foreshot_with(
            folder.path(),
            &["check", "--output-format", "concise"],
            &[("FORESHOT_TEST_PANIC", stage)],
        );
        common::assert_exit(&output, 2);
        common::assert_exit(&concise, 2);
        let said = common::stdout(&output) + &common::stdout(&concise);
        assert!(said.contains(says), "{stage}: {said}");
        for other in ["a.py", "c.py"] {
            assert!(
                said.contains(&format!(
                    "alembic/versions/{other}:8:5: error[missing-guard]"
                )),
                "{stage}: {said}"
            );
        }
    }
    // a fix that can't be made leaves the finding
    let output = common::foreshot_with(
        folder.path(),
        &["check", "--fix"],
        &[("FORESHOT_TEST_PANIC", "fix:b")],
    );
    let text = fs::read_to_string(folder.path().join("alembic/versions/b.py")).expect("there");
    assert!(text.contains("\n    op.create_table"), "{text}");
    assert!(
        common::stdout(&output).contains("b.py"),
        "{}",
        common::stdout(&output)
    );
}

#[test]
fn the_same_bytes_for_all_threads_orders_locales_and_zones() {
    let (one, other) = (temporary_folder(), temporary_folder());
    common::copy_folder(&common::root().join("examples/shop"), one.path());
    let mut files: Vec<_> = Vec::new();
    let mut folders = vec![one.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    // another order of making, which is another order of listing on many file systems
    files.sort();
    for path in files.iter().rev() {
        let relative = path.strip_prefix(one.path()).expect("inside");
        let text = fs::read_to_string(path).expect("text");
        write(other.path(), &relative.to_string_lossy(), &text);
    }
    for arguments in COMMANDS {
        let mut outputs = Vec::new();
        for (folder, jobs, environment) in [
            (&one, "1", &[("LANG", "C"), ("TZ", "UTC")]),
            (
                &other,
                "2",
                &[("LANG", "tr_TR.UTF-8"), ("TZ", "Pacific/Kiritimati")],
            ),
            (
                &one,
                "8",
                &[("LC_ALL", "de_DE.UTF-8"), ("TZ", "America/St_Johns")],
            ),
        ] {
            let output = common::foreshot_with(
                folder.path(),
                &[arguments, &["--jobs", jobs]].concat(),
                environment,
            );
            outputs.push((
                output.status.code(),
                common::stdout(&output),
                common::stderr(&output),
            ));
        }
        assert_eq!(outputs[0], outputs[1], "{arguments:?}");
        assert_eq!(outputs[0], outputs[2], "{arguments:?}");
    }
}

/// All texts that a file may have after a write that was cut off: as it was, or as it is to be. And nothing else is left but what a killed process
/// could not take away, which no tool takes for a revision.
#[cfg(unix)]
#[test]
fn a_write_that_is_cut_off_leaves_the_old_or_the_new() {
    let folder = temporary_folder();
    let names = ["a", "b", "c"];
    let texts = |folder: &Path| {
        names.map(|name| {
            fs::read_to_string(folder.join(format!("alembic/versions/{name}.py"))).expect("there")
        })
    };
    three(folder.path());
    let old = texts(folder.path());
    run(folder.path(), &["check", "--fix"]);
    let new = texts(folder.path());
    assert!(old.iter().zip(&new).all(|(old, new)| old != new), "{new:?}");
    let whole = |folder: &Path, when: &str| {
        for ((now, old), new) in texts(folder).iter().zip(&old).zip(&new) {
            assert!(now == old || now == new, "{when}: {now}");
        }
    };
    let shell = |script: &str| {
        Command::new("sh")
            .args(["-c", script, "sh", env!("CARGO_BIN_EXE_foreshot")])
            .current_dir(folder.path())
            .output()
            .expect("sh")
    };
    // killed at many moments
    for moment in 0..12 {
        three(folder.path());
        let mut child = Command::new(env!("CARGO_BIN_EXE_foreshot"))
            .args([
                "check",
                "--fix",
                "--output-file",
                "json=report.json",
                "--quiet",
            ])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        std::thread::sleep(Duration::from_millis(moment * 15));
        child.kill().expect("killed");
        child.wait().expect("ended");
        whole(folder.path(), "killed");
        if let Ok(report) = fs::read_to_string(folder.path().join("report.json")) {
            assert!(
                serde_json::from_str::<serde_json::Value>(&report).is_ok(),
                "{report}"
            );
        }
    }
    for entry in fs::read_dir(folder.path().join("alembic/versions")).expect("the folder") {
        let name = entry
            .expect("an entry")
            .file_name()
            .to_string_lossy()
            .into_owned();
        assert!(
            names.iter().any(|known| name == format!("{known}.py"))
                || (name.starts_with('.')
                    && Path::new(&name)
                        .extension()
                        .is_none_or(|extension| extension != "py")),
            "{name}"
        );
    }
    // no room: the system refuses to write more than 0 bytes
    three(folder.path());
    fs::write(folder.path().join("report.json"), "{}").expect("written");
    for script in [
        "trap '' XFSZ; ulimit -f 0; exec \"$1\" check --fix",
        "trap '' XFSZ; ulimit -f 0; exec \"$1\" check --output-file json=report.json",
        "trap '' XFSZ; ulimit -f 0; exec \"$1\" check --baseline report.json --write-baseline",
        "exec \"$1\" check --output-file json=/dev/full",
    ] {
        let output = shell(script);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{script}: {}",
            common::stderr(&output)
        );
        assert!(
            common::stderr(&output).contains("can't be written"),
            "{script}: {}",
            common::stderr(&output)
        );
        assert_eq!(texts(folder.path()), old, "{script}");
        assert_eq!(
            fs::read_to_string(folder.path().join("report.json")).expect("there"),
            "{}",
            "{script}"
        );
    }
    // the signal of the same, which nobody catches
    shell("ulimit -f 0; \"$1\" check --fix");
    assert_eq!(texts(folder.path()), old);
    // a reader that is gone stops no writing
    let output = shell("\"$1\" check --fix --output-file json=report.json | true");
    assert!(!common::stderr(&output).contains("panicked"));
    assert_eq!(texts(folder.path()), new);
}

#[test]
fn runs_over_parts_come_together_by_their_categories() {
    let folder = temporary_folder();
    for part in ["billing", "users"] {
        three(&folder.path().join("services").join(part));
    }
    let sarif = |arguments: &[&str]| -> serde_json::Value {
        let output = common::foreshot(
            folder.path(),
            &[&["check", "--output-format", "sarif"], arguments].concat(),
        );
        common::assert_exit(&output, 1);
        serde_json::from_str(&common::stdout(&output)).expect("SARIF")
    };
    let whole = sarif(&[]);
    let parts = ["billing", "users"].map(|part| {
        sarif(&[
            &format!("services/{part}"),
            "--category",
            &format!("services/{part}"),
        ])
    });
    let ids = parts.iter().map(|part| {
        part["runs"][0]["automationDetails"]["id"]
            .as_str()
            .expect("an id")
    });
    assert_eq!(
        ids.collect::<Vec<_>>(),
        ["foreshot/services/billing/", "foreshot/services/users/"]
    );
    assert_eq!(whole["runs"][0]["automationDetails"]["id"], "foreshot/");
    // what the parts find is what the whole finds, with the same fingerprints
    let results = |of: &[serde_json::Value]| {
        let mut all: Vec<String> = of
            .iter()
            .flat_map(|log| {
                log["runs"][0]["results"]
                    .as_array()
                    .expect("results")
                    .clone()
            })
            .map(|result| {
                format!(
                    "{} {} {}",
                    result["ruleId"], result["locations"], result["partialFingerprints"]
                )
            })
            .collect();
        all.sort();
        all
    };
    assert_eq!(results(&parts), results(&[whole]));
    // as the documentation brings them together: one log with all runs
    let mut merged = parts[0].clone();
    let runs: Vec<serde_json::Value> = parts.iter().map(|part| part["runs"][0].clone()).collect();
    merged["runs"] = runs.into();
    let schema: serde_json::Value = serde_json::from_str(
        &fs::read_to_string(common::root().join("tests/schema/sarif-schema-2.1.0.json"))
            .expect("the schema"),
    )
    .expect("JSON");
    assert_eq!(
        common::schema::errors(&schema, &merged),
        Vec::<String>::new()
    );
}
