//! Files of other servers: told by what PostgreSQL can't read and another server's grammar has.

use crate::sql;

/// The server that a text with syntax errors is written for, if it is another one.
///
/// Asked only for what the parser refused, so that no file of PostgreSQL's is ever taken for another's.
pub(super) fn foreign(refused: &[&str]) -> Option<&'static str> {
    refused
        .iter()
        .find_map(|statement| foreign_statement(statement))
}

fn foreign_statement(statement: &str) -> Option<&'static str> {
    let words: Vec<String> = sql::outside_of_strings(statement)
        .map(str::to_ascii_uppercase)
        .collect();
    let has = |word: &str| words.iter().any(|found| found == word);
    let pair = |one: &str, two: &str| {
        words
            .windows(2)
            .any(|pair| pair[0] == one && pair[1] == two)
    };
    if has("AUTOINCREMENT") || words.first().is_some_and(|word| word == "PRAGMA") {
        return Some("SQLite");
    }
    if has("`")
        || has("AUTO_INCREMENT")
        || pair("ENGINE", "=")
        || pair("CHARACTER", "SET")
        || has("UNSIGNED")
        || words.first().is_some_and(|word| word == "DELIMITER")
    {
        return Some("MySQL");
    }
    let bracketed = words.windows(3).any(|three| {
        three[0] == "[" && three[2] == "]" && three[1].starts_with(|c: char| c.is_alphabetic())
    });
    if has("NVARCHAR") || (bracketed && (has("GO") || has("DBO") || has("IDENTITY"))) {
        return Some("SQL Server");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_by_its_marks() {
        let of = |text: &str| foreign(&[text]);
        assert_eq!(of("CREATE TABLE `t` (a int)"), Some("MySQL"));
        assert_eq!(of("CREATE TABLE t (a int) ENGINE = InnoDB"), Some("MySQL"));
        assert_eq!(
            of("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)"),
            Some("SQLite")
        );
        assert_eq!(of("PRAGMA foreign_keys = ON"), Some("SQLite"));
        assert_eq!(of("CREATE TABLE [dbo].[t] ([id] INT)"), Some("SQL Server"));
        // a backquote in a string or a comment is nobody's
        assert_eq!(of("SELEC '`' -- `x`"), None);
        assert_eq!(of("CREATE TABEL t (a int[])"), None);
    }
}
