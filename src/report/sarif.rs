//! SARIF 2.1.0 as GitHub's code scanning and other readers want it.
//!
//! Every rule is listed, in the order of their list, whether it found something or not: readers keep alerts by rule.
//! One location a result; what else helps is in `relatedLocations`.

use std::fmt::Write;

use serde_json::{Value, json};
use serde_sarif::sarif::{
    ArtifactLocation, Location, Message, MultiformatMessageString, PhysicalLocation, PropertyBag,
    Region, ReportingConfiguration, ReportingDescriptor, Result as Finding, ResultLevel, Run,
    Sarif, Tool, ToolComponent,
};

use super::{Report, Style, place};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::source::{Site, SourceMap};
use crate::unknown;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// GitHub refuses longer descriptions.
const MAX_DESCRIPTION: usize = 1024;

pub(super) fn render(report: &Report<'_>, _style: Style) -> String {
    let driver = ToolComponent::builder()
        .name("foreshot".to_owned())
        .semantic_version(env!("CARGO_PKG_VERSION").to_owned())
        .version(env!("CARGO_PKG_VERSION").to_owned())
        .rules(report.rules.iter().map(descriptor).collect::<Vec<_>>())
        .build();
    let run = Run::builder()
        .tool(Tool::builder().driver(driver).build())
        .column_kind(Value::from("unicodeCodePoints"))
        .results(
            report
                .diagnostics
                .iter()
                .map(|diagnostic| finding(report, diagnostic))
                .collect::<Vec<_>>(),
        )
        .build();
    let log = Sarif::builder()
        .schema(SCHEMA.to_owned())
        .version(Value::from("2.1.0"))
        .runs(vec![run])
        .build();
    // text and numbers only: this can't fail
    let mut out = serde_json::to_string_pretty(&log).unwrap_or_default();
    out.push('\n');
    out
}

fn descriptor(rule: &RuleInfo) -> ReportingDescriptor {
    let summary = text_of(rule.summary, rule.id);
    let page = text_of(rule.markdown, rule.summary);
    let (level, problem) = match rule.default_level {
        Level::Off => ("none", "recommendation"),
        Level::At(Severity::Note) => ("note", "recommendation"),
        Level::At(Severity::Warning) => ("warning", "warning"),
        Level::At(Severity::Error) => ("error", "error"),
    };
    let mut properties = PropertyBag::builder().build();
    let mut tags: Vec<String> = rule.tags.iter().map(ToString::to_string).collect();
    if !rule.category.is_empty() && !tags.iter().any(|tag| tag == rule.category) {
        tags.push(rule.category.to_owned());
    }
    properties.tags = Some(tags);
    properties
        .additional_properties
        .insert("precision".to_owned(), json!("very-high"));
    properties
        .additional_properties
        .insert("problem.severity".to_owned(), json!(problem));
    ReportingDescriptor::builder()
        .id(rule.id.to_owned())
        .name(rule.id.to_owned())
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

fn finding(report: &Report<'_>, diagnostic: &Diagnostic) -> Finding {
    let mut message = shown(&diagnostic.message);
    // readers show the message alone: the remedy goes with it
    if let Some(help) = &diagnostic.help {
        message.push_str("\nhelp: ");
        message.push_str(&shown(help));
    }
    for note in &diagnostic.notes {
        message.push_str("\nnote: ");
        message.push_str(&shown(note));
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
        .locations(vec![location(report.sources, diagnostic.site)])
        .build();
    made.rule_index = report
        .rules
        .iter()
        .position(|rule| rule.id == diagnostic.rule)
        .map(|index| index as i64);
    if !diagnostic.labels.is_empty() {
        let related = diagnostic.labels.iter().enumerate().map(|(index, label)| {
            let mut made = location(report.sources, label.site);
            made.id = Some(index as i64 + 1);
            made.message = Some(words(&shown(&label.message)));
            made
        });
        made.related_locations = Some(related.collect());
    }
    made
}

fn words(text: &str) -> Message {
    Message::builder().text(text.to_owned()).build()
}

fn shown(text: &str) -> String {
    text.replace(unknown::HOLE, "{?}")
        .replace(unknown::FRESH, "{new}")
}

fn location(sources: &SourceMap, site: Site) -> Location {
    let place = place(sources, site);
    let region = Region::builder()
        .start_line(i64::from(place.start.line))
        .start_column(i64::from(place.start.column))
        .end_line(i64::from(place.end.line))
        .end_column(i64::from(place.end.column))
        .build();
    let artifact = ArtifactLocation::builder().uri(uri(&place.path)).build();
    Location::builder()
        .physical_location(
            PhysicalLocation::builder()
                .artifact_location(artifact)
                .region(region)
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
