use std::sync::Arc;

use serde_json::Value;

use super::*;
use crate::config::Level;
use crate::diagnostic::{Applicability, Edit, Fix, Label};
use crate::source::{FileId, SourceFile, Span};

#[path = "../../tests/common/schema.rs"]
mod schema_check;

const RULES: [RuleInfo; 2] = [
    RuleInfo {
        id: "missing-downgrade",
        summary: "no way back",
        tags: &["rollback"],
        category: "rollback",
        default_level: Level::At(Severity::Warning),
        markdown: "# No way back\n",
    },
    RuleInfo {
        id: "missing-guard",
        summary: "fails when it runs again",
        tags: &["rerun"],
        category: "rerun",
        default_level: Level::At(Severity::Error),
        markdown: "# Fails\n",
    },
];

/// Multi-byte text, CRLF, a tab, a lone CR; positions below are counted by hand.
const TEXT: &str = "# é日本\r\ndef upgrade():\r\n\top.create_table(\"日é\")  # x\r\n\top.create_index(\"i\")\rz = 1";

fn site(file: FileId, needle: &str) -> Site {
    let start = TEXT.find(needle).expect("there") as u32;
    Site {
        file,
        span: Span::new(start, start + needle.len() as u32),
    }
}

fn diagnostic(file: FileId) -> Diagnostic {
    Diagnostic {
        rule: "missing-guard",
        severity: Severity::Error,
        site: site(file, "op.create_table(\"日é\")"),
        message: "`create_table 日é` fails on {?}\nwhen it runs again".replace("{?}", "\u{F8FF}"),
        help: Some("guard it".into()),
        labels: vec![Label {
            site: site(file, "\"i\""),
            message: "and this index".into(),
        }],
        notes: vec![],
        revision: Some("abc".into()),
        fix: None,
    }
}

struct Sample {
    sources: SourceMap,
    diagnostics: Vec<Diagnostic>,
    notes: Vec<Note>,
}

impl Sample {
    fn new() -> Self {
        let sources = SourceMap::default();
        let file = sources.add(Arc::new(SourceFile::new("db/a b:é.py", TEXT)));
        Self {
            diagnostics: vec![diagnostic(file)],
            sources,
            notes: vec![Note {
                path: Some("db/old".into()),
                message: "part of no root".into(),
            }],
        }
    }

    fn render(&self, format: &str, style: Style) -> String {
        let report = Report {
            diagnostics: &self.diagnostics,
            sources: &self.sources,
            category: None,
            rules: &RULES,
            summary: Summary {
                databases: 1,
                revisions: 2,
                statements: 3,
                unknown_conditions: 1,
                ..Summary::default()
            },
            notes: &self.notes,
            since: None,
        };
        let format = FORMATS
            .iter()
            .find(|known| known.name == format)
            .expect("known");
        let mut out = Vec::new();
        (format.write)(&report, style, &mut out).expect("memory takes all");
        String::from_utf8(out).expect("text")
    }
}

#[test]
fn concise_is_one_line_a_finding() {
    assert_eq!(
        Sample::new().render("concise", Style::default()),
        "db/a b:é.py:3:2: error[missing-guard]: `create_table 日é` fails on {?} when it runs again\n\
         1 error; analysed 2 revisions and 3 statements; not analysed: 1 unknown condition\n"
    );
}

#[test]
fn few_findings_are_not_lost_among_many_of_one_rule() {
    let mut sample = Sample::new();
    let one = sample.diagnostics[0].clone();
    let many = |count| std::iter::repeat_n(one.clone(), count);
    let other = Diagnostic {
        rule: "failing-downgrade",
        ..one.clone()
    };
    sample.diagnostics = many(18).chain([other.clone()]).collect();
    assert!(!sample.render("text", Style::default()).contains("among"));
    sample.diagnostics = many(18).chain([other.clone(), other]).collect();
    let text = sample.render("text", Style::default());
    assert!(
        text.contains("18 missing-guard; among them 2 failing-downgrade (`--ignore missing-guard` shows these alone)\n20 errors"),
        "{text}"
    );
    sample.diagnostics.truncate(18);
    assert!(!sample.render("text", Style::default()).contains("among"));
}

#[test]
fn names_can_not_forge_lines_or_move_the_cursor() {
    let mut sample = Sample::new();
    let file = sample.sources.add(Arc::new(SourceFile::new(
        "a\nb\x1b[2J.py",
        "op.\x1b]0;x\x07\u{202E}y()\n",
    )));
    sample.diagnostics[0].site = Site {
        file,
        span: Span::new(0, 3),
    };
    sample.diagnostics[0].labels.clear();
    sample.diagnostics[0].message = "x\r\nb.py:1:1: error[fake]: y\x1b[31m".into();
    let concise = sample.render(
        "concise",
        Style {
            quiet: true,
            ..Style::default()
        },
    );
    assert_eq!(concise.lines().count(), 1);
    assert!(!concise.contains('\x1b'));
    let text = sample.render("text", Style::default());
    assert!(!text.contains(['\x1b', '\x07', '\u{202E}']), "{text}");
}

#[test]
fn text_shows_the_lines_and_the_remedy() {
    let out = Sample::new().render("text", Style::default());
    assert_eq!(
        out,
        "error[missing-guard]: `create_table 日é` fails on {?} when it runs again\n\
         \x20 ┌─ db/a b:é.py:3:2\n\
         \x20 │\n\
         3 │     op.create_table(\"日é\")  # x\n\
         \x20 │     ^^^^^^^^^^^^^^^^^^^^^^\n\
         4 │     op.create_index(\"i\")\n\
         \x20 │                     --- and this index\n\
         \x20 │\n\
         \x20 = help: guard it\n\
         \n\
         note: db/old: part of no root\n\
         \n\
         1 error; analysed 2 revisions and 3 statements; not analysed: 1 unknown condition\n"
    );
    assert!(
        Sample::new()
            .render(
                "text",
                Style {
                    colour: true,
                    ..Style::default()
                }
            )
            .contains('\x1b')
    );
}

#[test]
fn long_lines_are_cut_around_the_label() {
    let mut sample = Sample::new();
    let long = format!(
        "x = [{}op.drop(){}]\n",
        "'é', ".repeat(50_000),
        ", 1".repeat(50_000)
    );
    let start = long.find("op.drop").expect("there") as u32;
    let file = sample
        .sources
        .add(Arc::new(SourceFile::new("l.py", long.as_str())));
    sample.diagnostics[0].site = Site {
        file,
        span: Span::new(start, start + 7),
    };
    sample.diagnostics[0].labels = vec![Label {
        site: Site {
            file,
            span: Span::new(0, 1),
        },
        message: "far".into(),
    }];
    let out = sample.render("text", Style::default());
    assert!(out.contains("l.py:1:250006"), "{out}");
    assert!(out.contains("op.drop()"), "{out}");
    assert!(out.lines().all(|line| line.chars().count() < 260), "{out}");
}

#[test]
fn odd_spans_never_panic() {
    let mut sample = Sample::new();
    for (start, end) in [
        (0, 0),
        (3, 4),
        (4, 400),
        (9_999, 10_000),
        (20, 10),
        (TEXT.len() as u32, TEXT.len() as u32),
    ] {
        sample.diagnostics[0].site.span = Span::new(start, end);
        for format in FORMATS {
            // inside a character is no place that any room gives, but no reason to fall over
            if TEXT.is_char_boundary((start as usize).min(TEXT.len()))
                && TEXT.is_char_boundary((end as usize).min(TEXT.len()))
            {
                sample.render(format.name, Style::default());
            }
        }
    }
}

#[test]
fn json_counts_from_one() {
    let document: Value =
        serde_json::from_str(&Sample::new().render("json", Style::default())).expect("JSON");
    let finding = &document["diagnostics"][0];
    let at = |value: &Value| {
        ["line", "column", "end_line", "end_column"]
            .map(|key| value[key].as_u64().expect("a number"))
    };
    assert_eq!(at(finding), [3, 2, 3, 23]);
    assert_eq!(at(&finding["related"][0]), [4, 18, 4, 21]);
    assert_eq!(document["version"], 1);
    assert_eq!(document["summary"]["revisions"], 2);
}

#[test]
fn sarif_is_valid_and_points_where_it_should() {
    let text = Sample::new().render("sarif", Style::default());
    let log: Value = serde_json::from_str(&text).expect("JSON");
    let run = &log["runs"][0];
    assert_eq!(log["version"], "2.1.0");
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    assert_eq!(rules.len(), 2);
    assert_eq!(rules[1]["properties"]["tags"][0], "rerun");
    assert_eq!(rules[1]["properties"]["problem.severity"], "error");
    assert_eq!(rules[0]["defaultConfiguration"]["level"], "warning");
    let result = &run["results"][0];
    assert_eq!(result["ruleIndex"], 1);
    assert_eq!(result["locations"].as_array().map(Vec::len), Some(1));
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "db/a%20b%3A%C3%A9.py");
    let region = |value: &Value| {
        ["startLine", "startColumn", "endLine", "endColumn"]
            .map(|key| value[key].as_u64().expect("a number"))
    };
    assert_eq!(region(&place["region"]), [3, 2, 3, 23]);
    let related = &result["relatedLocations"][0];
    assert_eq!(
        region(&related["physicalLocation"]["region"]),
        [4, 18, 4, 21]
    );
    assert_eq!(related["message"]["text"], "and this index");
    let schema = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/schema/sarif-schema-2.1.0.json"
    );
    let schema: Value =
        serde_json::from_str(&std::fs::read_to_string(schema).expect("read")).expect("JSON");
    let errors = schema_check::errors(&schema, &log);
    assert!(errors.is_empty(), "{errors:?}");
    let mut wrong = log.clone();
    wrong["runs"][0]["results"][0]["message"] = Value::Null;
    assert!(
        !schema_check::errors(&schema, &wrong).is_empty(),
        "the validator must be able to refuse"
    );
}

#[test]
fn an_empty_report_is_a_whole_document() {
    let mut sample = Sample::new();
    sample.diagnostics.clear();
    let log: Value = serde_json::from_str(&sample.render("sarif", Style::default())).expect("JSON");
    assert_eq!(log["runs"][0]["results"], Value::Array(vec![]));
    assert!(
        sample
            .render("concise", Style::default())
            .starts_with("no findings; ")
    );
}

#[test]
fn the_order_is_by_path_not_by_file_number() {
    let sources = SourceMap::default();
    let last = sources.add(Arc::new(SourceFile::new("z.py", TEXT)));
    let first = sources.add(Arc::new(SourceFile::new("a.py", TEXT)));
    let mut found = vec![diagnostic(last), diagnostic(first)];
    crate::diagnostic::sort(&mut found, &sources);
    assert_eq!(found[0].site.file, first);
}

fn fixed() -> Sample {
    let mut sample = Sample::new();
    let place = sample.diagnostics[0].site;
    sample.diagnostics[0].fix = Some(Fix {
        message: "guard it".into(),
        applicability: Applicability::Safe,
        edits: vec![Edit {
            site: Site {
                span: Span::new(place.span.end - 1, place.span.end - 1),
                ..place
            },
            replacement: ", if_not_exists=True".into(),
        }],
    });
    sample
}

#[test]
fn machine_formats_carry_the_fix_at_its_place() {
    let sample = fixed();
    let read = |format: &str| -> Value {
        serde_json::from_str(&sample.render(format, Style::default())).expect("JSON")
    };
    let fix = &read("json")["diagnostics"][0]["fix"];
    assert_eq!(fix["applicability"], "safe");
    assert_eq!(fix["edits"][0]["column"], 22);
    let log = read("sarif");
    let change = &log["runs"][0]["results"][0]["fixes"][0]["artifactChanges"][0];
    assert_eq!(change["artifactLocation"]["uri"], "db/a%20b%3A%C3%A9.py");
    let region = &change["replacements"][0]["deletedRegion"];
    assert_eq!(
        (&region["startColumn"], &region["endColumn"]),
        (&Value::from(22), &Value::from(22))
    );
    let schema = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/schema/sarif-schema-2.1.0.json"
    );
    let schema: Value =
        serde_json::from_str(&std::fs::read_to_string(schema).expect("read")).expect("JSON");
    assert_eq!(schema_check::errors(&schema, &log), Vec::<String>::new());
    // reviewdog counts bytes: two of the characters before take three and two
    let suggestion = &read("rdjson")["diagnostics"][0]["suggestions"][0];
    assert_eq!(suggestion["range"]["start"]["column"], 25);
    assert_eq!(suggestion["text"], ", if_not_exists=True");
}

#[test]
fn sarif_is_what_code_scanning_reads() {
    let mut sample = Sample::new();
    sample.diagnostics[0].labels[0].message = "see [this](http://x) here".into();
    let twice = sample.diagnostics[0].clone();
    sample.diagnostics.push(twice);
    let log: Value = serde_json::from_str(&sample.render("sarif", Style::default())).expect("JSON");
    let run = &log["runs"][0];
    assert_eq!(run["automationDetails"]["id"], "foreshot/");
    assert_eq!(run["invocations"][0]["executionSuccessful"], true);
    let [one, two] = [0, 1].map(|place| &run["results"][place]);
    let id = |result: &Value| {
        result["partialFingerprints"]["foreshot/v1"]
            .as_str()
            .map(str::to_owned)
    };
    assert!(id(one).is_some());
    assert_ne!(id(one), id(two));
    // a name in a label makes no link of its own
    let message = one["message"]["text"].as_str().expect("text");
    assert!(
        message.contains("\nsee: [see \\[this\\](http://x) here](1)"),
        "{message}"
    );
    let flow = &one["codeFlows"][0]["threadFlows"][0]["locations"];
    let texts: Vec<&str> = flow
        .as_array()
        .expect("steps")
        .iter()
        .filter_map(|step| step["location"]["message"]["text"].as_str())
        .collect();
    assert_eq!(texts.len(), 2);
    assert!(texts[0].starts_with("the first run") && texts[1].starts_with("the second run: "));
}

#[test]
fn reviews_are_shown_the_first_line_of_a_call() {
    let mut sample = Sample::new();
    let start = TEXT.find("op.create_table").expect("there") as u32;
    sample.diagnostics[0].site.span = Span::new(start, TEXT.len() as u32);
    let log: Value = serde_json::from_str(&sample.render("sarif", Style::default())).expect("JSON");
    let region = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"];
    assert_eq!(
        (&region["startLine"], &region["endLine"]),
        (&Value::from(3), &Value::from(3))
    );
    // to the end of the line, without its line end
    assert_eq!(region["endColumn"], 28);
    assert!(
        sample
            .render("github", Style::default())
            .contains("line=3,endLine=3,col=2,endColumn=28,")
    );
}

#[test]
fn more_than_code_scanning_takes_is_cut_by_severity() {
    let mut sample = Sample::new();
    let mild = Diagnostic {
        severity: Severity::Note,
        labels: vec![],
        ..sample.diagnostics[0].clone()
    };
    sample.diagnostics.splice(0..0, vec![mild; 25_000]);
    let log: Value = serde_json::from_str(&sample.render("sarif", Style::default())).expect("JSON");
    let results = log["runs"][0]["results"].as_array().expect("results");
    assert_eq!(results.len(), 25_000);
    assert_eq!(results[24_999]["level"], "error");
    let notice = &log["runs"][0]["invocations"][0]["toolExecutionNotifications"][0];
    let text = notice["message"]["text"].as_str().expect("text");
    assert!(text.starts_with("1 findings are left out"), "{text}");
}

#[test]
fn annotations_are_capped_and_say_so() {
    let mut sample = Sample::new();
    let mild = Diagnostic {
        severity: Severity::Warning,
        ..sample.diagnostics[0].clone()
    };
    sample.diagnostics.splice(0..0, vec![mild; 12]);
    let out = sample.render("github", Style::default());
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(
        lines[0],
        "::error file=db/a b%3Aé.py,line=3,endLine=3,col=2,endColumn=23,title=foreshot%3A missing-guard::\
         `create_table 日é` fails on {?} when it runs again%0Ahelp: guard it"
    );
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.starts_with("::warning "))
            .count(),
        10
    );
    assert!(
        out.contains("2 more findings without an annotation"),
        "{out}"
    );
    assert!(lines[12].starts_with("db/a b:é.py:3:2: warning[missing-guard]: "));
}

#[test]
fn no_format_prints_a_command_or_an_escape() {
    let mut sample = Sample::new();
    let file = sample.sources.add(Arc::new(SourceFile::new(
        "::error file=x::\x1b[2J##[add-mask]y.py",
        "##[error]op.x()\u{202E}\x1b[31m\n",
    )));
    sample.diagnostics[0].site = Site {
        file,
        span: Span::new(0, 12),
    };
    sample.diagnostics[0].labels.clear();
    sample.diagnostics[0].message = "x\n::set-output name=a::b ##[error]z\x1b[31m\u{202E}".into();
    sample.diagnostics[0].help = Some("\r\n::stop-commands::y".into());
    for format in FORMATS {
        let out = sample.render(format.name, Style::default());
        assert!(
            !out.contains(['\x1b', '\u{202E}']),
            "{}: {out}",
            format.name
        );
        for line in out.lines() {
            let line = line.trim_start();
            let own = line.starts_with("::error file=%3A%3Aerror file=x%3A%3A");
            assert!(own || !line.starts_with("::"), "{}: {line}", format.name);
        }
        // paths in JSON are paths, and no runner reads JSON
        if !["json", "json-lines", "gitlab", "rdjson"].contains(&format.name) {
            assert!(!out.contains("##["), "{}: {out}", format.name);
        }
    }
}

#[test]
fn what_a_program_reads_is_valid_where_there_is_no_report() {
    for format in FORMATS {
        let out = (format.failed)("no `x` here: \x1b try <y>");
        assert!(!out.contains('\x1b'), "{}", format.name);
        match format.name {
            "text" | "concise" => assert_eq!(out, ""),
            "github" => assert_eq!(
                out,
                "::error title=foreshot::no `x` here: \u{FFFD} try <y>\n"
            ),
            "junit" => assert!(out.contains("errors=\"1\"") && out.contains("try &lt;y&gt;")),
            "markdown" => assert!(out.contains("could not run: no <code>x</code> here")),
            _ => {
                let value: Value = serde_json::from_str(&out).expect("JSON");
                assert!(!value.is_null());
            }
        }
    }
    let log: Value =
        serde_json::from_str(&(format("sarif").expect("known").failed)("why")).expect("JSON");
    assert_eq!(
        log["runs"][0]["invocations"][0]["executionSuccessful"],
        false
    );
}
