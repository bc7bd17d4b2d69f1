//! Bounds: how much of an input is taken in before foreshot says that it went no further.
//!
//! A migration may come from a stranger, so whatever it holds, foreshot answers soon and in little memory. What a bound cuts off is told
//! by a finding of [`RULE`]. A bound protects the process, not a project: it is set once, from the configuration, before
//! anything is read, and holds for all databases of a command. The lowest layer: all others ask here, and it knows none of them.

use std::sync::OnceLock;

/// Id of the diagnostics about what lies behind a bound.
pub const RULE: &str = "limit-reached";

/// Their page.
pub const PAGE: &str = include_str!("../rules/limit-reached.md");

/// What is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Limit {
    /// Calls in each other.
    CallDepth,
    /// Bytes of a file.
    FileSize,
    /// Findings of a report.
    Findings,
    /// Turns of a loop, items of a range or a generator.
    LoopTurns,
    /// Tokens of a Python file.
    ModuleTokens,
    /// Brackets, blocks, sub-selects in each other.
    Nesting,
    /// Rows that a query is computed over.
    QueryRows,
    /// Steps of a repair, all its trials together.
    RepairSteps,
    /// Statements of a SQL file or of one run.
    Statements,
    /// Steps of one run.
    Steps,
    /// Constraints of a table, and its indexes.
    TableParts,
    /// Rows of a table that are remembered.
    TableRows,
    /// Characters of a message.
    TextLength,
    /// Tokens of a SQL statement.
    Tokens,
    /// Bytes of a Python value.
    ValueSize,
    /// Ways through conditions that are not known.
    Ways,
}

/// A bound.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// What it bounds.
    pub limit: Limit,
    /// The key in the table `limits` of a configuration file.
    pub key: &'static str,
    /// What it means (lower case, no full stop).
    pub meaning: &'static str,
    /// What was met, in a finding: `a loop has more than {} turns`.
    pub met: &'static str,
    /// What holds where nothing is set.
    pub default: u64,
    /// The most that may be set: what the stack, or the width of positions, holds.
    pub most: u64,
}

/// All bounds, sorted by key, in the order of [`Limit`].
pub static BOUNDS: [Bound; 16] = [
    Bound {
        limit: Limit::CallDepth,
        key: "call-depth",
        meaning: "calls in each other, in Python",
        met: "calls nest deeper than {}",
        default: 120,
        most: 400,
    },
    Bound {
        limit: Limit::FileSize,
        key: "file-size",
        meaning: "bytes of a file; a longer one is not read",
        met: "the file is longer than {} bytes",
        default: 32 << 20,
        most: 2 << 30,
    },
    Bound {
        limit: Limit::Findings,
        key: "findings",
        meaning: "findings of a report; the gravest stay",
        met: "there are more than {} findings",
        default: 10_000,
        most: u64::MAX,
    },
    Bound {
        limit: Limit::LoopTurns,
        key: "loop-turns",
        meaning: "turns of a loop, items of a range or a generator, in Python",
        met: "a loop has more than {} turns",
        default: 20_000,
        most: 100_000_000,
    },
    Bound {
        limit: Limit::ModuleTokens,
        key: "module-tokens",
        meaning: "words and signs of a Python file; a longer one is not parsed (its tree takes 100 bytes for each)",
        met: "the module has more than {} words and signs",
        default: 2_000_000,
        most: 100_000_000,
    },
    Bound {
        limit: Limit::Nesting,
        key: "nesting",
        meaning: "brackets and blocks in each other; SQL and PL/pgSQL are followed less deep",
        met: "it nests deeper than is followed ({} levels at most)",
        default: 220,
        most: 220,
    },
    Bound {
        limit: Limit::QueryRows,
        key: "query-rows",
        meaning: "rows over which a query is computed, and 500 times as many that all queries of a run look at; over more, its answer is unknown",
        met: "a query is over more than {} rows",
        default: 5_000,
        most: 1_000_000,
    },
    Bound {
        limit: Limit::RepairSteps,
        key: "repair-steps",
        meaning: "steps in Python that are simulated to prove fixes, all trials together (a statement counts as 100)",
        met: "proving fixes takes more than {} steps",
        default: 200_000_000,
        most: u64::MAX,
    },
    Bound {
        limit: Limit::Statements,
        key: "statements",
        meaning: "statements of a SQL file, and of one run of a revision",
        met: "there are more than {} statements",
        default: 100_000,
        most: 10_000_000,
    },
    Bound {
        limit: Limit::Steps,
        key: "steps",
        meaning: "steps of one run of a revision, in Python; past it, no other way through unknown conditions is followed",
        met: "the run takes more than {} steps",
        default: 2_000_000,
        most: 10_000_000_000,
    },
    Bound {
        limit: Limit::TableParts,
        key: "table-parts",
        meaning: "constraints of a table, and indexes; what makes more is not known",
        met: "a table has {} constraints or indexes already",
        default: 2_000,
        most: 100_000,
    },
    Bound {
        limit: Limit::TableRows,
        key: "table-rows",
        meaning: "rows of a table that are remembered one by one; of more, only that they are there",
        met: "a table has more than {} rows",
        default: 2_000,
        most: 1_000_000,
    },
    Bound {
        limit: Limit::TextLength,
        key: "text-length",
        meaning: "characters of a message, with the names in it; the rest is cut",
        met: "a text is longer than {} characters",
        default: 2_000,
        most: 1_000_000,
    },
    Bound {
        limit: Limit::Tokens,
        key: "tokens",
        meaning: "words and signs of a SQL statement; a longer one is not parsed",
        met: "the statement has more than {} words and signs",
        default: 500_000,
        most: 10_000_000,
    },
    Bound {
        limit: Limit::ValueSize,
        key: "value-size",
        meaning: "bytes of a Python value: a text, a list; all large ones together take 96 times that",
        met: "a value, or all large ones together, take more than {} bytes allow",
        default: 4 << 20,
        most: 1 << 30,
    },
    Bound {
        limit: Limit::Ways,
        key: "ways",
        meaning: "ways of a run through conditions that are not known",
        met: "there are more than {} ways through unknown conditions",
        default: 8,
        most: 1_000,
    },
];

impl Limit {
    /// The bound's facts.
    pub fn bound(self) -> &'static Bound {
        &BOUNDS[self as usize]
    }

    /// What is in force.
    pub fn get(self) -> u64 {
        CURRENT
            .get()
            .map_or(self.bound().default, |limits| limits.of(self))
    }

    /// The same as a number of things in memory.
    pub fn count(self) -> usize {
        usize::try_from(self.get()).unwrap_or(usize::MAX)
    }

    /// What was met: `a loop has more than 20,000 turns`.
    pub fn met(self) -> String {
        self.bound().met.replace("{}", &grouped(self.get()))
    }
}

/// The bound that a sentence tells of, where it is one that [`Limit::met`] made: gaps and outcomes carry sentences.
pub fn told_by(sentence: &str) -> Option<Limit> {
    static SENTENCES: OnceLock<Vec<String>> = OnceLock::new();
    let sentences =
        SENTENCES.get_or_init(|| BOUNDS.iter().map(|bound| bound.limit.met()).collect());
    let place = sentences.iter().position(|known| known == sentence)?;
    Some(BOUNDS[place].limit)
}

/// A number with commas.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The values of all bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits([u64; BOUNDS.len()]);

impl Default for Limits {
    fn default() -> Self {
        Self(std::array::from_fn(|place| BOUNDS[place].default))
    }
}

impl Limits {
    /// The value of one.
    pub fn of(&self, limit: Limit) -> u64 {
        self.0[limit as usize]
    }

    /// Sets one; what is out of its range is brought into it.
    pub fn set(&mut self, limit: Limit, value: u64) {
        self.0[limit as usize] = value.clamp(1, limit.bound().most);
    }
}

static CURRENT: OnceLock<Limits> = OnceLock::new();

/// What is in force in this process.
pub fn current() -> Limits {
    CURRENT.get().copied().unwrap_or_default()
}

/// Puts bounds in force, for the whole process; the first call counts.
pub fn install(limits: Limits) {
    // a second project in one process keeps to the bounds of the first
    let _ = CURRENT.set(limits);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_its_keys_and_limits() {
        assert!(BOUNDS.is_sorted_by_key(|bound| bound.key));
        for (place, bound) in BOUNDS.iter().enumerate() {
            assert_eq!(bound.limit as usize, place);
            assert!(bound.default <= bound.most && bound.met.contains("{}"));
        }
        assert_eq!(Limit::LoopTurns.met(), "a loop has more than 20,000 turns");
        assert_eq!(told_by(&Limit::Steps.met()), Some(Limit::Steps));
        assert_eq!(told_by("a sentence of another kind"), None);
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(999), "999");
    }

    #[test]
    fn values_stay_in_their_range() {
        let mut limits = Limits::default();
        limits.set(Limit::Nesting, 10_000);
        limits.set(Limit::Steps, 0);
        assert_eq!(limits.of(Limit::Nesting), 220);
        assert_eq!(limits.of(Limit::Steps), 1);
    }
}
