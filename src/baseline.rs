//! Findings that are accepted for now: a file of their fingerprints, never of line numbers.
//!
//! A finding that is in the file is not reported, as many times as the file says; an entry that fits no finding is stale and
//! reported, so that the file only shrinks.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::config::nearest;
use crate::diagnostic::Diagnostic;
use crate::fingerprint::{Fingerprint, Fingerprints};
use crate::source::SourceMap;

/// Version of the file's format.
const VERSION: u32 = 1;

/// The findings of a baseline, how often each is accepted, and its statement for a reader.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    entries: BTreeMap<Fingerprint, (usize, String)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    findings: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    rule: String,
    file: Utf8PathBuf,
    /// The beginning of the statement, for a reader.
    statement: String,
    /// The hash of the whole statement.
    fingerprint: String,
    count: usize,
}

/// An entry that fits no finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// The entry.
    pub fingerprint: Fingerprint,
    /// Its statement.
    pub statement: String,
    /// How often it is accepted and not found.
    pub count: usize,
}

impl Baseline {
    /// The findings of a report.
    pub fn of(diagnostics: &[Diagnostic], sources: &SourceMap) -> Self {
        let mut fingerprints = Fingerprints::new(sources);
        let mut entries: BTreeMap<Fingerprint, (usize, String)> = BTreeMap::new();
        for diagnostic in diagnostics {
            let fingerprint = fingerprints.of(diagnostic);
            let entry = entries
                .entry(fingerprint)
                .or_insert_with(|| (0, fingerprints.excerpt(diagnostic)));
            entry.0 += 1;
        }
        Self { entries }
    }

    /// Reads a file's text; the error says what is wrong with it (lower case, no full stop).
    pub fn parse(text: &str, rules: &[&str]) -> Result<Self, String> {
        let document: Document =
            serde_json::from_str(text).map_err(|error| format!("it is no baseline: {error}"))?;
        if document.version != VERSION {
            return Err(format!(
                "it has the version {} and this foreshot reads {VERSION}: write it anew with `--write-baseline`",
                document.version
            ));
        }
        let mut entries = BTreeMap::new();
        for entry in document.findings {
            if !rules.contains(&entry.rule.as_str()) {
                let guess = nearest(&entry.rule, rules)
                    .map_or(String::new(), |name| format!(": did you mean `{name}`?"));
                return Err(format!("there is no rule `{}`{guess}", entry.rule));
            }
            let fingerprint = Fingerprint {
                rule: entry.rule,
                file: entry.file,
                statement: entry.fingerprint,
            };
            let known = entries.entry(fingerprint).or_insert((0, entry.statement));
            known.0 += entry.count;
        }
        Ok(Self { entries })
    }

    /// The file's text: the same findings give the same bytes, an entry a line, in order.
    pub fn render(&self) -> String {
        let mut out = format!("{{\n  \"version\": {VERSION},\n  \"findings\": [");
        for (place, (fingerprint, (count, statement))) in self.entries.iter().enumerate() {
            let entry = Entry {
                rule: fingerprint.rule.clone(),
                file: fingerprint.file.clone(),
                statement: statement.clone(),
                fingerprint: fingerprint.statement.clone(),
                count: *count,
            };
            out.push_str(if place == 0 { "\n    " } else { ",\n    " });
            // text and numbers only: this can't fail
            out.push_str(&serde_json::to_string(&entry).unwrap_or_default());
        }
        out.push_str(if self.entries.is_empty() {
            "]\n}\n"
        } else {
            "\n  ]\n}\n"
        });
        out
    }

    /// How many findings it accepts.
    pub fn len(&self) -> usize {
        self.entries.values().map(|(count, _)| count).sum()
    }

    /// Whether it accepts none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds another's entries for the files of which `keep` says so.
    pub fn keep_from(&mut self, other: &Self, keep: impl Fn(&Utf8Path) -> bool) {
        for (fingerprint, entry) in &other.entries {
            if keep(&fingerprint.file) {
                self.entries.insert(fingerprint.clone(), entry.clone());
            }
        }
    }

    /// Parts findings in those that stay and the number of those that are accepted, and tells the stale entries of the
    /// files of which `judged` says that they were looked at.
    pub fn apply(
        &self,
        diagnostics: Vec<Diagnostic>,
        sources: &SourceMap,
        judged: impl Fn(&Utf8Path) -> bool,
    ) -> (Vec<Diagnostic>, usize, Vec<Stale>) {
        let mut fingerprints = Fingerprints::new(sources);
        let mut left = self.entries.clone();
        let mut count = 0;
        let stay = diagnostics
            .into_iter()
            .filter(|diagnostic| {
                let Some((times, _)) = left.get_mut(&fingerprints.of(diagnostic)) else {
                    return true;
                };
                let accepted = *times > 0;
                *times = times.saturating_sub(1);
                count += usize::from(accepted);
                !accepted
            })
            .collect();
        let stale = left
            .into_iter()
            .filter(|(fingerprint, (times, _))| *times > 0 && judged(&fingerprint.file))
            .map(|(fingerprint, (count, statement))| Stale {
                fingerprint,
                statement,
                count,
            })
            .collect();
        (stay, count, stale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Severity;
    use crate::source::{Site, SourceFile, Span};
    use std::sync::Arc;

    const RULES: [&str; 1] = ["missing-guard"];

    /// Findings at each `op.` of a text.
    fn found(text: &str) -> (SourceMap, Vec<Diagnostic>) {
        let sources = SourceMap::default();
        let file = sources.add(Arc::new(SourceFile::new("a.py", text)));
        let diagnostics = text
            .match_indices("op.")
            .map(|(at, _)| {
                let span = Span::new(at as u32, at as u32 + 3);
                Diagnostic::new("missing-guard", Severity::Error, Site { file, span }, "x")
            })
            .collect();
        (sources, diagnostics)
    }

    #[test]
    fn what_is_in_it_is_accepted_as_often_as_it_says() {
        let (sources, diagnostics) = found("op.a()\nop.a()\nop.b(\"é\\n\")\n");
        let baseline = Baseline::of(&diagnostics, &sources);
        assert_eq!(baseline.len(), 3);
        let text = baseline.render();
        assert_eq!(Baseline::parse(&text, &RULES), Ok(baseline.clone()));
        assert_eq!(text.lines().count(), 7, "{text}");

        let (sources, diagnostics) = found("x = 1\nop.a( )\nop.a()\nop.a()\nop.c()\n");
        let (stay, count, stale) = baseline.apply(diagnostics, &sources, |_| true);
        assert_eq!((stay.len(), count, stale.len()), (2, 2, 1));
        assert!(stale[0].statement.starts_with("op.b("));
        let (sources, none) = found("");
        let (_, _, stale) = baseline.apply(none, &sources, |_| false);
        assert_eq!(stale, []);
    }

    #[test]
    fn what_is_no_baseline_is_refused() {
        let refusal = |text: &str| Baseline::parse(text, &RULES).expect_err("refused");
        assert!(refusal("[]").contains("no baseline"));
        assert!(refusal("{\"version\": 2, \"findings\": []}").contains("--write-baseline"));
        let entry = "{\"version\": 1, \"findings\": [{\"rule\": \"missing-gard\", \"file\": \"a\", \"statement\": \"\", \"fingerprint\": \"\", \"count\": 1}]}";
        assert!(refusal(entry).contains("did you mean `missing-guard`?"));
    }
}
