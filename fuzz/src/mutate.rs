//! Mutations that keep a text mostly readable: of lines, of what stands in brackets, of words; libFuzzer's own on bytes beside.

use std::sync::OnceLock;

use libfuzzer_sys::fuzzer_mutate;

/// A small generator of numbers: the same seed gives the same mutation.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        if below == 0 {
            0
        } else {
            (self.0 % below as u64) as usize
        }
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.roll(from.len()))
    }
}

/// Pieces of the seeds, to be put into other inputs.
struct Pool {
    lines: Vec<String>,
    groups: Vec<String>,
    words: Vec<String>,
    blocks: Vec<String>,
}

fn pool(target: &str) -> &'static Pool {
    static POOL: OnceLock<Pool> = OnceLock::new();
    POOL.get_or_init(|| {
        let seeds = crate::seeds::of(target);
        let mut pool = Pool {
            lines: Vec::new(),
            groups: Vec::new(),
            words: Vec::new(),
            blocks: Vec::new(),
        };
        for seed in &seeds {
            let lines: Vec<&str> = seed.split_inclusive('\n').collect();
            pool.lines.extend(lines.iter().map(|line| (*line).to_owned()));
            pool.blocks.extend(lines.chunks(7).map(<[&str]>::concat));
            for range in groups(seed) {
                pool.groups.push(seed[range].to_owned());
            }
            for range in words(seed) {
                pool.words.push(seed[range].to_owned());
            }
        }
        for list in [
            &mut pool.lines,
            &mut pool.groups,
            &mut pool.words,
            &mut pool.blocks,
        ] {
            list.sort();
            list.dedup();
        }
        pool
    })
}

/// What stands in brackets, the brackets included.
fn groups(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut open = Vec::new();
    let mut found = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => open.push(at),
            b')' | b']' | b'}' => {
                if let Some(start) = open.pop() {
                    found.push(start..at + 1);
                }
            }
            _ => {}
        }
    }
    found
}

/// Words, numbers and strings without spaces.
fn words(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut start = None;
    for (at, character) in text.char_indices() {
        let inside = character.is_alphanumeric() || matches!(character, '_' | '\'' | '"' | '.');
        match (inside, start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                found.push(from..at);
                start = None;
            }
            _ => {}
        }
    }
    found.extend(start.map(|from| from..text.len()));
    found
}

const SPECIAL: &[&str] = &[
    "0", "-1", "1", "2147483647", "2147483648", "-2147483648", "9223372036854775807",
    "9223372036854775808", "-9223372036854775808", "1e400", "10**400", "0x7fffffff", "''", "\"\"",
    "None", "True", "NULL", "'\\x00'", "'\\ud800'", "U&'\\0000'", "E'\\x1b[2J'", "'::error::x'", "'%0A'",
    "'\u{1b}]0;x\u{7}'", "\u{202e}", "é", "𝕏", "$$", "$a$", "--", "/*", "*/", ";", "\\", "#", "'''",
    "\"\"\"", "f'{x!r:>{y}}'", "*", "**", "...", ":=", "lambda: 0", "not ", "-", "~", "await ", "yield ",
    "while True:\n        pass\n", "[x for x in x]", "x = x & x", "x += x", "x = [x, x]", "'x' * 10**12",
    "self", "::int[]", "OR", "AND", "UNION ALL", "WITH RECURSIVE", "CASE", "now()", "ARRAY[]", "ROW()",
    "DO $$ BEGIN", "END $$;", "EXECUTE format('%I', x)", "foreshot: ignore[", "file-ignore[all]",
];

fn replace(text: &str, range: std::ops::Range<usize>, by: &str) -> String {
    format!("{}{by}{}", &text[..range.start], &text[range.end..])
}

/// One mutation of lines.
fn of_lines(text: &str, dice: &mut Dice, pool: &Pool) -> String {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let count = lines.len();
    let at = dice.roll(count + 1);
    let length = 1 + dice.roll(6);
    let end = (at + length).min(count);
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    match dice.roll(9) {
        0 => {
            // another line, where its neighbour stands
            if let Some(line) = dice.pick(&pool.lines) {
                let deep = lines.get(at).map_or(0, |line| indent(line));
                lines.insert(at, format!("{}{}", " ".repeat(deep), line.trim_start()));
            }
        }
        1 => {
            if let Some(block) = dice.pick(&pool.blocks) {
                lines.insert(at, block.clone());
            }
        }
        2 => {
            lines.drain(at..end);
        }
        3 => {
            let copied: Vec<String> = lines[at..end].to_vec();
            let times = 1 << dice.roll(5);
            for _ in 0..times {
                lines.splice(at..at, copied.iter().cloned());
            }
        }
        4 if count > 1 => {
            let other = dice.roll(count);
            lines.swap(at.min(count - 1), other);
        }
        5 => {
            // into a block
            let heads = [
                "if x:", "for i in range(99999999):", "while True:", "try:", "with op.batch_alter_table('t') as b:",
                "def f(a, b=1, *c, **d):", "class A(Base):", "else:", "except Exception as e:", "finally:",
                "match x:", "for t in ('a', 'b'):", "if op.get_context().as_sql:", "with op.get_context().autocommit_block():",
            ];
            let deep = lines.get(at).map_or(0, |line| indent(line));
            for line in &mut lines[at..end] {
                *line = format!("    {line}");
            }
            let head = dice.pick(&heads).copied().unwrap_or("if x:");
            lines.insert(at, format!("{}{head}\n", " ".repeat(deep)));
        }
        6 => {
            for line in &mut lines[at..end] {
                *line = line.strip_prefix("    ").unwrap_or(line).to_owned();
            }
        }
        7 => lines.truncate(at),
        _ => {
            let from = dice.roll(count + 1);
            let moved: Vec<String> = lines[from..(from + length).min(count)].to_vec();
            lines.splice(at..at, moved);
        }
    }
    lines.concat()
}

/// One mutation of brackets.
fn of_groups(text: &str, dice: &mut Dice, pool: &Pool) -> String {
    let own = groups(text);
    let Some(target) = dice.pick(&own).cloned() else {
        return text.to_owned();
    };
    match dice.roll(6) {
        0 => match dice.pick(&pool.groups) {
            Some(group) => replace(text, target, group),
            None => text.to_owned(),
        },
        1 => match dice.pick(&own).cloned() {
            Some(other) => {
                let group = text[other].to_owned();
                replace(text, target, &group)
            }
            None => text.to_owned(),
        },
        2 => {
            let deep = 1 << dice.roll(9);
            let group = text[target.clone()].to_owned();
            replace(
                text,
                target,
                &format!("{}{group}{}", "(".repeat(deep), ")".repeat(deep)),
            )
        }
        3 => replace(text, target, "()"),
        4 => {
            // the group behind itself: chained calls, doubled arguments
            let group = text[target.clone()].to_owned();
            replace(text, target, &format!("{group}{group}"))
        }
        _ => {
            let inner = target.start + 1..target.end - 1;
            let content = text[inner.clone()].to_owned();
            let times = 1 + dice.roll(40);
            let all = vec![content; times].join(", ");
            replace(text, inner, &all)
        }
    }
}

/// One mutation of words.
fn of_words(text: &str, dice: &mut Dice, pool: &Pool) -> String {
    let own = words(text);
    let Some(target) = dice.pick(&own).cloned() else {
        return text.to_owned();
    };
    match dice.roll(5) {
        0 => match dice.pick(&pool.words) {
            Some(word) => replace(text, target, word),
            None => text.to_owned(),
        },
        1 => match dice.pick(&own).cloned() {
            Some(other) => {
                let word = text[other].to_owned();
                replace(text, target, &word)
            }
            None => text.to_owned(),
        },
        2 => match dice.pick(SPECIAL) {
            Some(word) => replace(text, target, word),
            None => text.to_owned(),
        },
        3 => match dice.pick(SPECIAL) {
            Some(word) => replace(text, target.end..target.end, &format!(" {word} ")),
            None => text.to_owned(),
        },
        _ => replace(text, target, ""),
    }
}

/// A custom mutator: what `fuzz_mutator!` wants. Half of the mutations know the text, half are libFuzzer's own.
pub fn mutate(target: &str, data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut dice = Dice(u64::from(seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    dice.roll(2);
    if dice.roll(3) == 0 {
        return fuzzer_mutate(data, size, max_size);
    }
    let Ok(text) = std::str::from_utf8(&data[..size]) else {
        return fuzzer_mutate(data, size, max_size);
    };
    let pool = pool(target);
    let mut text = text.to_owned();
    for _ in 0..=dice.roll(4) {
        text = match dice.roll(3) {
            0 => of_lines(&text, &mut dice, pool),
            1 => of_groups(&text, &mut dice, pool),
            _ => of_words(&text, &mut dice, pool),
        };
        if text.len() > max_size {
            break;
        }
    }
    let mut end = text.len().min(max_size);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    data[..end].copy_from_slice(&text.as_bytes()[..end]);
    end
}
