//! SARIF 2.1.0 as GitHub's code scanning and other readers want it.
//!
//! Every rule is listed, in the order of their list, whether it found something or not: readers keep alerts by rule.
//! One location a result; what else helps is in `relatedLocations`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};
use serde_sarif::sarif::{
    ArtifactChange, ArtifactContent, ArtifactLocation, CodeFlow, Fix as Repair, Invocation,
    Location, Message, MultiformatMessageString, Notification, PhysicalLocation, PropertyBag,
    Region, Replacement, ReportingConfiguration, ReportingDescriptor, Result as Finding,
    ResultLevel, RunAutomationDetails, ThreadFlow, ThreadFlowLocation, Tool, ToolComponent,
};

use super::harmless::{Each, pretty, pretty_text};
use super::{Report, Style, clean, first_line, place};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, FIRST_RUN, Fix, RuleInfo, Severity};
use crate::fingerprint::Fingerprints;
use crate::source::{FileId, Site, SourceMap};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// GitHub refuses longer descriptions.
const MAX_DESCRIPTION: usize = 1024;

/// GitHub refuses a run with more results.
const MAX_RESULTS: usize = 25_000;

/// GitHub refuses a result with more than 1,000 locations (and shows 100).
const MAX_RELATED: usize = 900;

/// Labels that the message itself links to.
const MAX_LINKED: usize = 10;

/// Bytes of all results: GitHub refuses 10 MB of gzip, and what repeats itself so much shrinks at least tenfold.
const MAX_BYTES: usize = 64 << 20;

/// The name of our fingerprint, with its version: another way of counting is another version.
const FINGERPRINT: &str = "foreshot/v1";

/// A log of one run, whose results are made as they are written: the types of `serde_sarif` hold them all.
#[derive(Serialize)]
struct Log<R> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    runs: [OneRun<R>; 1],
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OneRun<R> {
    automation_details: RunAutomationDetails,
    column_kind: &'static str,
    invocations: [Invocation; 1],
    results: R,
    tool: Tool,
}

pub(super) fn write(report: &Report<'_>, _style: Style, out: &mut dyn Write) -> io::Result<()> {
    let ids = Fingerprints::new(report.sources).ids(report.diagnostics);
    let made = |place: &usize| finding(report, &report.diagnostics[*place], &ids[*place]);
    let mut places = gravest(report);
    let mut bytes = 0;
    let fitting = places.iter().take_while(|place| {
        bytes += length(&made(place));
        bytes <= MAX_BYTES
    });
    places.truncate(fitting.count());
    let left = report.diagnostics.len() - places.len();
    let notice = (left > 0).then(|| {
        format!("{left} findings are left out: code scanning takes {MAX_RESULTS} in 10 MB")
    });
    let log = log(
        report.rules,
        Each(|| places.iter().map(made)),
        invocation(report.summary.failures == 0, notice, "warning"),
        report.category,
    );
    pretty(out, &log)
}

/// Places of the findings that GitHub takes by their number, in the order of every report: what has to go is the mildest.
fn gravest(report: &Report<'_>) -> Vec<usize> {
    let mut places: Vec<usize> = (0..report.diagnostics.len()).collect();
    places.sort_by_key(|place| std::cmp::Reverse(report.diagnostics[*place].severity));
    places.truncate(MAX_RESULTS);
    places.sort_unstable();
    places
}

/// How many bytes a result takes on one line.
fn length(result: &Finding) -> usize {
    struct Counted(usize);

    impl Write for Counted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut counted = Counted(0);
    // text and numbers only, and counting can't fail
    let _ = serde_json::to_writer(&mut counted, result);
    counted.0
}

pub(super) fn failed(why: &str) -> String {
    pretty_text(&log(
        &[],
        [(); 0],
        invocation(false, Some(clean(why)), "error"),
        None,
    ))
}

fn log<R: Serialize>(
    rules: &[RuleInfo],
    results: R,
    invocation: Invocation,
    category: Option<&str>,
) -> Log<R> {
    // all up to the last slash is the category, which tells one upload from another
    let id = match category.map(|name| name.trim_matches('/')) {
        Some(name) if !name.is_empty() => format!("foreshot/{}/", clean(name)),
        _ => "foreshot/".to_owned(),
    };
    let driver = ToolComponent::builder()
        .name("foreshot".to_owned())
        .semantic_version(env!("CARGO_PKG_VERSION").to_owned())
        .version(env!("CARGO_PKG_VERSION").to_owned())
        .rules(rules.iter().map(descriptor).collect::<Vec<_>>())
        .build();
    let run = OneRun {
        automation_details: RunAutomationDetails::builder().id(id).build(),
        column_kind: "unicodeCodePoints",
        invocations: [invocation],
        results,
        tool: Tool::builder().driver(driver).build(),
    };
    Log {
        schema: SCHEMA,
        runs: [run],
        version: "2.1.0",
    }
}

fn invocation(successful: bool, notice: Option<String>, level: &str) -> Invocation {
    let mut made = Invocation::builder()
        .execution_successful(successful)
        .build();
    made.tool_execution_notifications = notice.map(|notice| {
        vec![
            Notification::builder()
                .message(words(&notice))
                .level(Value::from(level))
                .build(),
        ]
    });
    made
}

fn descriptor(rule: &RuleInfo) -> ReportingDescriptor {
    let summary = text_of(rule.summary, rule.id);
    let page = text_of(rule.markdown, rule.summary);
    let (level, problem, precision) = match rule.default_level {
        Level::Off | Level::At(Severity::Note) => ("note", "recommendation", "medium"),
        Level::At(Severity::Warning) => ("warning", "warning", "high"),
        Level::At(Severity::Error) => ("error", "error", "very-high"),
    };
    let mut properties = PropertyBag::builder().build();
    let mut tags: Vec<String> = rule.tags.iter().map(ToString::to_string).collect();
    if !rule.category.is_empty() && !tags.iter().any(|tag| tag == rule.category) {
        tags.push(rule.category.to_owned());
    }
    properties.tags = Some(tags);
    properties
        .additional_properties
        .insert("precision".to_owned(), json!(precision));
    properties
        .additional_properties
        .insert("problem.severity".to_owned(), json!(problem));
    ReportingDescriptor::builder()
        .id(rule.id.to_owned())
        .short_description(formatted(&cut(&summary), None))
        .full_description(formatted(&cut(&summary), None))
        .help(formatted(&page, Some(&page)))
        .default_configuration(
            ReportingConfiguration::builder()
                .enabled(rule.default_level != Level::Off)
                .level(Value::from(level))
                .build(),
        )
        .properties(properties)
        .build()
}

/// Empty text is refused by readers.
fn text_of(text: &str, instead: &str) -> String {
    if text.trim().is_empty() {
        instead.to_owned()
    } else {
        text.to_owned()
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_DESCRIPTION).collect()
}

fn formatted(text: &str, markdown: Option<&str>) -> MultiformatMessageString {
    let mut made = MultiformatMessageString::builder()
        .text(text.to_owned())
        .build();
    made.markdown = markdown.map(ToOwned::to_owned);
    made
}

fn finding(report: &Report<'_>, diagnostic: &Diagnostic, id: &str) -> Finding {
    let mut message = linkless(&diagnostic.message);
    // readers show the message alone: the remedy goes with it
    if let Some(help) = &diagnostic.help {
        let _ = write!(message, "\nhelp: {}", linkless(help));
    }
    for note in &diagnostic.notes {
        let _ = write!(message, "\nnote: {}", linkless(note));
    }
    for (index, label) in diagnostic.labels.iter().take(MAX_LINKED).enumerate() {
        let _ = write!(
            message,
            "\nsee: [{}]({})",
            linkless(&label.message),
            index + 1
        );
    }
    let level = match diagnostic.severity {
        Severity::Note => ResultLevel::Note,
        Severity::Warning => ResultLevel::Warning,
        Severity::Error => ResultLevel::Error,
    };
    let mut made = Finding::builder()
        .message(words(&message))
        .rule_id(diagnostic.rule.to_owned())
        .level(level)
        .locations(vec![location(
            report.sources,
            first_line(report.sources, diagnostic.site),
        )])
        .partial_fingerprints(BTreeMap::from([(FINGERPRINT.to_owned(), id.to_owned())]))
        .build();
    let rule = report
        .rules
        .iter()
        .position(|rule| rule.id == diagnostic.rule);
    made.rule_index = rule.map(|index| index as i64);
    if !diagnostic.labels.is_empty() {
        let labels = diagnostic.labels.iter().take(MAX_RELATED).enumerate();
        made.related_locations = Some(
            labels
                .map(|(index, label)| {
                    let mut made = located(report.sources, label.site, &label.message);
                    made.id = Some(index as i64 + 1);
                    made
                })
                .collect(),
        );
    }
    if rule.is_some_and(|index| report.rules[index].tags.contains(&"rerun")) {
        made.code_flows = Some(vec![flow(report.sources, diagnostic)]);
    }
    made.fixes = diagnostic
        .fix
        .as_ref()
        .map(|fix| vec![repair(report.sources, fix)]);
    made
}

/// How it comes to the failure: what the first run does, and what that means for the second.
fn flow(sources: &SourceMap, diagnostic: &Diagnostic) -> CodeFlow {
    let before = diagnostic
        .labels
        .iter()
        .find(|label| label.message.starts_with(FIRST_RUN));
    let first = match before {
        Some(label) => located(sources, label.site, &label.message),
        None => located(
            sources,
            diagnostic.site,
            &format!("{FIRST_RUN} executes it here"),
        ),
    };
    let second = located(
        sources,
        diagnostic.site,
        &format!("the second run: {}", diagnostic.message),
    );
    let steps = [first, second]
        .into_iter()
        .map(|place| ThreadFlowLocation::builder().location(place).build());
    let thread = ThreadFlow::builder()
        .locations(steps.collect::<Vec<_>>())
        .build();
    CodeFlow::builder().thread_flows(vec![thread]).build()
}

fn repair(sources: &SourceMap, fix: &Fix) -> Repair {
    let mut by_file: BTreeMap<FileId, Vec<Replacement>> = BTreeMap::new();
    for edit in &fix.edits {
        let replacement = Replacement::builder()
            .deleted_region(region(sources, edit.site))
            .inserted_content(
                ArtifactContent::builder()
                    .text(edit.replacement.clone())
                    .build(),
            )
            .build();
        by_file.entry(edit.site.file).or_default().push(replacement);
    }
    let mut changes: Vec<(String, Vec<Replacement>)> = by_file
        .into_iter()
        .map(|(file, replacements)| (super::slashes(sources.file(file).path()), replacements))
        .collect();
    // numbers of files depend on the threads
    changes.sort_by(|one, other| one.0.cmp(&other.0));
    let changes = changes.into_iter().map(|(path, replacements)| {
        ArtifactChange::builder()
            .artifact_location(ArtifactLocation::builder().uri(uri(&path)).build())
            .replacements(replacements)
            .build()
    });
    Repair::builder()
        .description(words(&clean(&fix.message)))
        .artifact_changes(changes.collect::<Vec<_>>())
        .build()
}

fn words(text: &str) -> Message {
    Message::builder().text(text.to_owned()).build()
}

/// Text in which brackets are brackets: a name can make no link.
fn linkless(text: &str) -> String {
    let text = clean(text);
    if text.contains("](") {
        text.replace('[', "\\[").replace(']', "\\]")
    } else {
        text
    }
}

fn located(sources: &SourceMap, site: Site, message: &str) -> Location {
    let mut made = location(sources, site);
    made.message = Some(words(&clean(message)));
    made
}

fn region(sources: &SourceMap, site: Site) -> Region {
    let place = place(sources, site);
    Region::builder()
        .start_line(i64::from(place.start.line))
        .start_column(i64::from(place.start.column))
        .end_line(i64::from(place.end.line))
        .end_column(i64::from(place.end.column))
        .build()
}

fn location(sources: &SourceMap, site: Site) -> Location {
    let path = place(sources, site).path;
    let artifact = ArtifactLocation::builder().uri(uri(&path)).build();
    Location::builder()
        .physical_location(
            PhysicalLocation::builder()
                .artifact_location(artifact)
                .region(region(sources, site))
                .build(),
        )
        .build()
}

/// A relative path as a URI reference: what RFC 3986 does not allow in a path segment is percent-encoded.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // a colon too: in a first segment it would read as a scheme
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("a b/é#?%.py"), "a%20b/%C3%A9%23%3F%25.py");
        assert_eq!(uri("c:x/y_z-1.py"), "c%3Ax/y_z-1.py");
    }
}
