//! `alembic.ini` as Python's `ConfigParser` reads it: whole-line comments only, continuation lines, `%(name)s`.
//!
//! Reading never fails: a line that is neither section, option nor continuation is passed over.

use std::collections::BTreeMap;

/// Depth to which `%(name)s` may lead to another `%(name)s`, as in Python.
const MAX_DEPTH: usize = 10;

/// How many bytes are put in for `%(name)s` in one value, all in all.
const MAX_REPLACED: usize = 1 << 20;

/// An ini file: sections with their raw options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ini {
    sections: BTreeMap<String, BTreeMap<String, String>>,
}

impl Ini {
    /// Reads a text.
    pub(super) fn parse(text: &str) -> Self {
        let mut ini = Self::default();
        let mut section: Option<String> = None;
        let mut option: Option<(String, usize)> = None;
        for line in text.lines() {
            let content = line.trim();
            if content.is_empty() {
                // a blank line stays in a value that goes on after it
                if let (Some(section), Some((name, _))) = (&section, &option) {
                    ini.append(section, name, "");
                }
                continue;
            }
            if content.starts_with(['#', ';']) {
                continue;
            }
            let indent = line
                .chars()
                .take_while(|character| character.is_whitespace())
                .count();
            if let (Some(section), Some((name, base))) = (&section, &option)
                && indent > *base
            {
                ini.append(section, name, content);
                continue;
            }
            if let Some(name) = content
                .strip_prefix('[')
                .and_then(|rest| rest.rfind(']').map(|end| &rest[..end]))
            {
                section = Some(name.to_owned());
                ini.sections.entry(name.to_owned()).or_default();
                option = None;
                continue;
            }
            let Some(in_section) = &section else {
                continue;
            };
            let (name, value) = content.split_once(['=', ':']).unwrap_or((content, ""));
            let name = name.trim().to_lowercase();
            ini.sections
                .entry(in_section.clone())
                .or_default()
                .insert(name.clone(), value.trim().to_owned());
            option = Some((name, indent));
        }
        for options in ini.sections.values_mut() {
            for value in options.values_mut() {
                value.truncate(value.trim_end().len());
            }
        }
        ini
    }

    fn append(&mut self, section: &str, name: &str, content: &str) {
        if let Some(value) = self
            .sections
            .get_mut(section)
            .and_then(|options| options.get_mut(name))
        {
            value.push('\n');
            value.push_str(content);
        }
    }

    /// Whether a section is written.
    pub(super) fn has_section(&self, section: &str) -> bool {
        self.sections.contains_key(section)
    }

    /// Names of the sections but `DEFAULT`, sorted.
    pub(super) fn sections(&self) -> impl Iterator<Item = &str> {
        self.sections
            .keys()
            .map(String::as_str)
            .filter(|name| *name != "DEFAULT")
    }

    /// Names of the options of a section, those of `DEFAULT` included.
    pub(super) fn options(&self, section: &str) -> impl Iterator<Item = &str> {
        [section, "DEFAULT"]
            .into_iter()
            .filter_map(|section| self.sections.get(section))
            .flat_map(|options| options.keys().map(String::as_str))
    }

    fn raw(&self, section: &str, option: &str) -> Option<&str> {
        [section, "DEFAULT"]
            .iter()
            .find_map(|section| self.sections.get(*section)?.get(option))
            .map(String::as_str)
    }

    /// An option's value with `%%` and `%(name)s` replaced; `here` is what `%(here)s` stands for. An error says what
    /// could not be replaced (lower case, no full stop).
    pub(super) fn get(
        &self,
        section: &str,
        option: &str,
        here: &str,
    ) -> Result<Option<String>, String> {
        match self.raw(section, option) {
            Some(raw) => {
                let mut left = MAX_REPLACED;
                self.interpolate(section, raw, here, 0, &mut left).map(Some)
            }
            None => Ok(None),
        }
    }

    fn interpolate(
        &self,
        section: &str,
        raw: &str,
        here: &str,
        depth: usize,
        left: &mut usize,
    ) -> Result<String, String> {
        if depth > MAX_DEPTH {
            return Err("the value leads back to itself".to_owned());
        }
        // values that name each other twice would double with each
        *left = left
            .checked_sub(1 + raw.len())
            .ok_or("the value grows too long")?;
        let mut value = String::with_capacity(raw.len());
        let mut rest = raw;
        while let Some(at) = rest.find('%') {
            value.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('%') {
                value.push('%');
                rest = after;
                continue;
            }
            let Some((name, after)) = rest
                .strip_prefix('(')
                .and_then(|rest| rest.split_once(")s"))
            else {
                return Err(format!("a lone `%` in `{raw}` (write `%%`)"));
            };
            let name = name.to_lowercase();
            match (name.as_str(), self.raw(section, &name)) {
                ("here", _) => value.push_str(here),
                (_, Some(raw)) => {
                    value.push_str(&self.interpolate(section, raw, here, depth + 1, left)?);
                }
                (_, None) => return Err(format!("`%({name})s` is defined nowhere")),
            }
            rest = after;
        }
        value.push_str(rest);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_configparser_does() {
        let ini = Ini::parse(
            "; top\n[DEFAULT]\nbase = %(here)s/db\n[alembic]\n# script_location = no\nScript_Location : %(base)s/a%%b\n\
             version_locations =\n    %(here)s/v1\n    # between\n\n    %(here)s/v2\nsep = os  # stays\n[other]\nlone\n",
        );
        let get = |name| ini.get("alembic", name, "X").expect("well formed");
        assert_eq!(get("script_location").as_deref(), Some("X/db/a%b"));
        assert_eq!(get("version_locations").as_deref(), Some("\nX/v1\n\nX/v2"));
        assert_eq!(get("sep").as_deref(), Some("os  # stays"));
        assert_eq!(get("none"), None);
        assert!(ini.has_section("other"));
    }

    #[test]
    fn what_can_not_be_replaced_is_said() {
        let ini = Ini::parse("[a]\nx = %(y)s\ny = %(x)s\nz = 100%\nu = %(nowhere)s");
        for option in ["x", "z", "u"] {
            assert!(ini.get("a", option, "").is_err(), "{option}");
        }
    }
}
