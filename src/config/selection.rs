//! Which rules are reported, and how severe they are: `select`, `ignore`, `levels`, `per-file-levels`.
//!
//! What names a rule by its id wins over what names it by a tag; `ignore` wins over `select`, `select` over `levels`. A rule
//! that is off by default comes on by its id alone.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::{Config, Level};
use crate::diagnostic::{RuleInfo, Severity};

/// The name that stands for every rule.
pub const ALL: &str = "all";

/// Tags of the rules that judge the input itself: `select` does not take them away, since what they say is why others are
/// silent.
const INPUT: [&str; 2] = ["comment", "input"];

/// The tag of the rules on second runs, which `rerunnable` is about.
const RERUN: &str = "rerun";

/// Patterns as in `.gitignore`, relative to the folder of their configuration file.
#[derive(Clone, Debug, Default)]
pub struct Patterns {
    folder: Utf8PathBuf,
    lines: Vec<String>,
    matcher: Option<Gitignore>,
}

impl PartialEq for Patterns {
    fn eq(&self, other: &Self) -> bool {
        (&self.folder, &self.lines) == (&other.folder, &other.lines)
    }
}

impl Eq for Patterns {}

impl Patterns {
    /// Patterns of a folder, relative to the root; the error is what is wrong with one of them.
    pub fn new(folder: &Utf8Path, lines: Vec<String>) -> Result<Self, String> {
        let mut builder = GitignoreBuilder::new(Utf8Path::new("/").join(folder));
        for line in &lines {
            builder
                .add_line(None, line)
                .map_err(|error| format!("`{line}` is no pattern: {error}"))?;
        }
        let matcher = builder
            .build()
            .map_err(|error| format!("these patterns are too much: {error}"))?;
        Ok(Self {
            folder: folder.to_owned(),
            lines,
            matcher: Some(matcher),
        })
    }

    /// The patterns as written.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Whether a file, relative to the root, is meant: it or a folder above it.
    pub fn mean(&self, file: &Utf8Path) -> bool {
        let absolute = Utf8Path::new("/").join(file);
        let Some(matcher) = &self.matcher else {
            return false;
        };
        // a pattern is about what lies below its file
        absolute.starts_with(Utf8Path::new("/").join(&self.folder))
            && matcher
                .matched_path_or_any_parents(&absolute, false)
                .is_ignore()
    }
}

/// Levels of rules and tags for some files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLevels {
    /// Which files.
    pub files: Patterns,
    /// The levels, by id or tag.
    pub levels: BTreeMap<String, Level>,
}

impl Config {
    /// The severity of a finding of a rule in a file, whose own severity is `own`; `None`: it is not reported.
    pub fn severity(&self, rule: &RuleInfo, own: Severity, file: &Utf8Path) -> Option<Severity> {
        // the last that says something of the rule wins
        let by_file = self
            .per_file_levels
            .iter()
            .rev()
            .filter(|entry| entry.files.mean(file))
            .find_map(|entry| level_in(&entry.levels, rule));
        match by_file.unwrap_or_else(|| self.level(rule, own)) {
            Level::Off => None,
            Level::At(severity) => Some(severity),
        }
    }

    /// Whether findings of a rule are reported at all, somewhere.
    pub fn is_on(&self, rule: &RuleInfo) -> bool {
        self.level(rule, Severity::Note) != Level::Off
            || self
                .per_file_levels
                .iter()
                .any(|entry| level_in(&entry.levels, rule).is_some_and(|level| level != Level::Off))
    }

    /// Whether somebody names a rule that is off by default, by its id: what costs time only for it is worth doing.
    pub fn asks_for(&self, rule: &str) -> bool {
        let on = |levels: &BTreeMap<String, Level>| {
            levels.get(rule).is_some_and(|level| *level != Level::Off)
        };
        names(&self.select, rule)
            || on(&self.levels)
            || self.per_file_levels.iter().any(|entry| on(&entry.levels))
    }

    fn level(&self, rule: &RuleInfo, own: Severity) -> Level {
        let by_id = self.levels.get(rule.id).copied();
        if names(&self.ignore, rule.id) {
            return Level::Off;
        }
        let selected_by_id = names(&self.select, rule.id);
        let named = selected_by_id || by_id.is_some();
        if self.rerunnable == Some(false) && rule.tags.contains(&RERUN) && !named {
            return Level::Off;
        }
        if !named && has_tag(&self.ignore, rule) {
            return Level::Off;
        }
        let input = rule.tags.iter().any(|tag| INPUT.contains(tag));
        let selected =
            self.select.is_empty() || selected_by_id || input || has_tag(&self.select, rule);
        if !selected {
            return Level::Off;
        }
        if rule.default_level == Level::Off && !named {
            return Level::Off;
        }
        level_in(&self.levels, rule).unwrap_or(Level::At(own))
    }
}

fn names(list: &[String], name: &str) -> bool {
    list.iter().any(|listed| listed == name)
}

fn has_tag(list: &[String], rule: &RuleInfo) -> bool {
    names(list, ALL) || rule.tags.iter().any(|tag| names(list, tag))
}

/// The level of a rule in a table: by its id, else the most severe by a tag.
fn level_in(levels: &BTreeMap<String, Level>, rule: &RuleInfo) -> Option<Level> {
    levels.get(rule.id).copied().or_else(|| {
        rule.tags
            .iter()
            .filter_map(|tag| levels.get(*tag).copied())
            .max()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(id: &'static str, tags: &'static [&'static str], default_level: Level) -> RuleInfo {
        RuleInfo {
            id,
            summary: "",
            tags,
            category: "",
            default_level,
            markdown: "",
        }
    }

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_id_wins_over_a_tag_and_ignore_over_select() {
        let guard = rule("missing-guard", &["rerun"], Level::At(Severity::Error));
        let advice = rule("advice", &["offline"], Level::Off);
        let input = rule("unreadable", &["input"], Level::At(Severity::Error));
        let severity = |config: &Config, rule: &RuleInfo| {
            config.severity(rule, Severity::Warning, Utf8Path::new("a.py"))
        };
        let mut config = Config::default();
        assert_eq!(severity(&config, &guard), Some(Severity::Warning));
        assert_eq!(severity(&config, &advice), None);
        config.rerunnable = Some(false);
        assert_eq!(severity(&config, &guard), None);
        config.rerunnable = None;
        config.levels = BTreeMap::from([
            ("rerun".to_owned(), Level::Off),
            ("missing-guard".to_owned(), Level::At(Severity::Note)),
            ("offline".to_owned(), Level::At(Severity::Error)),
        ]);
        assert_eq!(severity(&config, &guard), Some(Severity::Note));
        assert_eq!(severity(&config, &advice), None);
        config.select = strings(&["offline"]);
        assert_eq!(severity(&config, &guard), None);
        assert_eq!(severity(&config, &input), Some(Severity::Warning));
        config.levels.clear();
        assert_eq!(severity(&config, &advice), None);
        assert!(!config.asks_for("advice"));
        config.select = strings(&["advice"]);
        assert!(config.asks_for("advice"));
        assert_eq!(severity(&config, &advice), Some(Severity::Warning));
        config.ignore = strings(&["offline"]);
        assert_eq!(severity(&config, &advice), Some(Severity::Warning));
        config.ignore = strings(&["advice"]);
        assert_eq!(severity(&config, &advice), None);
        assert!(!config.is_on(&advice));
    }

    #[test]
    fn files_have_levels_of_their_own() {
        let guard = rule("missing-guard", &["rerun"], Level::At(Severity::Error));
        let patterns =
            |lines: &[&str]| Patterns::new(Utf8Path::new("db"), strings(lines)).expect("patterns");
        let config = Config {
            per_file_levels: vec![
                FileLevels {
                    files: patterns(&["old/"]),
                    levels: BTreeMap::from([("rerun".to_owned(), Level::Off)]),
                },
                FileLevels {
                    files: patterns(&["/old/a*.py"]),
                    levels: BTreeMap::from([(
                        "missing-guard".to_owned(),
                        Level::At(Severity::Note),
                    )]),
                },
            ],
            ..Config::default()
        };
        let at = |path: &str| config.severity(&guard, Severity::Error, Utf8Path::new(path));
        assert_eq!(at("db/old/b.py"), None);
        assert_eq!(at("db/old/a1.py"), Some(Severity::Note));
        assert_eq!(at("db/new.py"), Some(Severity::Error));
        assert_eq!(at("old/b.py"), Some(Severity::Error));
        assert!(Patterns::new(Utf8Path::new(""), strings(&["[z-a]"])).is_err());
    }
}
