//! Formats and where they go; what is printed where foreshot could not run.

use std::fs;

use super::common::{assert_exit, foreshot, foreshot_with, stderr, stdout, write};
use super::{CLEAN, FORMATS, UNGUARDED, project};
use serde_json::Value;

#[test]
fn one_run_writes_several_reports() {
    let folder = project(UNGUARDED);
    let folder = folder.path();
    write(folder, "out.sarif", "old");
    let output = foreshot(
        folder,
        &[
            "check",
            "--output-file",
            "sarif=out.sarif",
            "--output-file",
            "junit=out.xml",
        ],
    );
    assert_exit(&output, 1);
    assert!(stdout(&output).starts_with("error[missing-guard]"));
    let log = fs::read_to_string(folder.join("out.sarif")).expect("written");
    let log: Value = serde_json::from_str(&log).expect("JSON");
    assert_eq!(log["runs"][0]["results"].as_array().map(Vec::len), Some(1));
    let xml = fs::read_to_string(folder.join("out.xml")).expect("written");
    assert!(xml.contains("failures=\"1\""), "{xml}");

    let output = foreshot(
        folder,
        &[
            "check",
            "--output-format",
            "json",
            "--output-file",
            "out.json",
        ],
    );
    assert_exit(&output, 1);
    assert_eq!(stdout(&output), "");
    assert!(
        fs::read_to_string(folder.join("out.json"))
            .expect("written")
            .starts_with('{')
    );

    let output = foreshot(folder, &["check", "--output-file", "sarfi=x"]);
    assert_exit(&output, 2);
    assert!(stderr(&output).contains("no output format `sarfi`"));
    let output = foreshot(folder, &["check", "--output-file", "json=no/such/folder/x"]);
    assert_exit(&output, 2);
    assert_eq!(
        (stdout(&output).as_str(), stderr(&output).lines().count()),
        ("", 1)
    );
}

#[test]
fn what_could_not_run_says_so_once_and_machines_can_read_it() {
    let folder = project(CLEAN);
    let folder = folder.path();
    write(folder, "wrong.toml", "x = 1\n");
    write(folder, "empty/readme.txt", "");
    let mut inputs = vec![
        vec!["nowhere"],
        vec!["empty"],
        vec!["--config", "wrong.toml"],
        vec!["--config", "none.toml"],
        vec!["--since", "main"],
        vec!["--staged"],
        vec!["--start-after", "nobody"],
        vec!["--baseline", "none.json"],
        vec!["--write-baseline"],
        vec!["-n", "nosuch"],
    ];
    // root reads everything
    let unreadable = folder.join("secret");
    fs::create_dir(&unreadable).expect("made");
    write(folder, "secret/foreshot.toml", "");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(
            folder.join("secret/foreshot.toml"),
            fs::Permissions::from_mode(0o000),
        )
        .expect("set");
        if fs::read(folder.join("secret/foreshot.toml")).is_err() {
            inputs.push(vec!["--config", "secret/foreshot.toml"]);
        }
    }
    for input in inputs {
        for format in FORMATS {
            let mut arguments = vec!["check", "--output-format", format];
            arguments.extend(&input);
            let output = foreshot(folder, &arguments);
            assert_exit(&output, 2);
            let said = stderr(&output);
            assert_eq!(said.lines().count(), 1, "{input:?}: {said}");
            assert!(said.starts_with("foreshot: "), "{said}");
            let out = stdout(&output);
            match format {
                "text" | "concise" => assert_eq!(out, "", "{input:?}"),
                "github" => assert!(out.starts_with("::error ") && out.lines().count() == 1),
                "junit" => assert!(out.contains("errors=\"1\"")),
                "markdown" => assert!(out.contains("could not run")),
                _ => {
                    let value: Value = serde_json::from_str(&out).expect("JSON");
                    assert!(!value.is_null(), "{format}");
                }
            }
        }
    }
    for arguments in [
        vec!["check", "--level", "missing-gard=off"],
        vec!["check", "--select", "missing-gard"],
        vec!["explain", "missing-gard"],
    ] {
        let output = foreshot(folder, &arguments);
        assert_exit(&output, 2);
        assert!(
            stderr(&output).contains("`missing-guard`"),
            "{}",
            stderr(&output)
        );
        assert_eq!(stdout(&output), "");
    }
}

#[test]
fn the_environment_chooses_format_and_colour() {
    let folder = project(UNGUARDED);
    let run = |environment: &[(&str, &str)]| {
        stdout(&foreshot_with(folder.path(), &["check"], environment))
    };
    assert!(run(&[("FORESHOT_OUTPUT_FORMAT", "json")]).starts_with('{'));
    assert!(!run(&[]).contains('\x1b'));
    assert!(run(&[("FORCE_COLOR", "1")]).contains('\x1b'));
    assert!(!run(&[("FORCE_COLOR", "1"), ("NO_COLOR", "1")]).contains('\x1b'));
    let colour = foreshot_with(
        folder.path(),
        &["check", "--color", "always"],
        &[("NO_COLOR", "1")],
    );
    assert!(stdout(&colour).contains('\x1b'));
    let quiet = foreshot(folder.path(), &["check", "--quiet", "--statistics"]);
    assert!(
        stdout(&quiet).ends_with("\n     1  missing-guard\n"),
        "{}",
        stdout(&quiet)
    );
    // no line of progress in a pipe
    assert_eq!(stderr(&quiet), "");
}

#[test]
fn the_exit_status_follows_the_severity() {
    let folder = project(UNGUARDED);
    let check = |arguments: &[&str]| {
        let mut all = vec!["check"];
        all.extend(arguments);
        foreshot(folder.path(), &all).status.code()
    };
    assert_eq!(check(&["--fail-on", "error"]), Some(1));
    assert_eq!(check(&["--exit-zero"]), Some(0));
    let milder = ["--level", "missing-guard=warning"];
    assert_eq!(check(&milder), Some(1));
    assert_eq!(
        check(&[&milder[..], &["--fail-on", "error"]].concat()),
        Some(0)
    );
    let note = ["--level", "missing-guard=note"];
    assert_eq!(check(&note), Some(0));
    assert_eq!(
        check(&[&note[..], &["--fail-on", "note"]].concat()),
        Some(1)
    );
}

#[test]
fn timings_stand_beside_the_report() {
    let folder = project(UNGUARDED);
    let plain = foreshot(folder.path(), &["check"]);
    let timed = foreshot(folder.path(), &["check", "--timings", "--jobs", "2"]);
    assert_eq!(stdout(&timed), stdout(&plain));
    assert_eq!(timed.status.code(), plain.status.code());
    let told = stderr(&timed);
    let words: Vec<&str> = told
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(
        words,
        [
            "discover",
            "read",
            "parse",
            "interpret",
            "rules",
            "report",
            "elapsed"
        ]
    );
    assert!(told.ends_with(" s on 2 threads\n"), "{told}");
    for line in told.lines() {
        let seconds = line
            .split_whitespace()
            .nth(1)
            .and_then(|number| number.parse().ok());
        let seconds: f64 = seconds.expect("a number of seconds");
        // this revision is replayed, judged and printed: no phase takes no time
        assert!((0.0..60.0).contains(&seconds), "{line}");
    }
}
