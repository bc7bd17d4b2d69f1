//! The floor that foreshot is measured against: reads the files of some folders and parses them with tree-sitter (`.py`) or
//! PostgreSQL's parser (`.sql`), on one thread a processor, and does nothing else.
//!
//! `cargo build --release --manifest-path benches/floor/Cargo.toml`; see `benches/README.md`.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use tree_sitter::Parser;

fn main() {
    let mut files = Vec::new();
    for argument in std::env::args().skip(1) {
        collect(Path::new(&argument), &mut files);
    }
    let counts: Vec<usize> = files
        .par_iter()
        .map_init(python_parser, |parser, file| nodes(file, parser))
        .collect();
    let all: usize = counts.iter().sum();
    // what is printed keeps the work from being left out
    println!("{} files, {all} nodes or statements", counts.len());
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(path) else {
        files.push(path.to_owned());
        return;
    };
    for entry in entries.flatten() {
        collect(&entry.path(), files);
    }
}

fn python_parser() -> Parser {
    let mut parser = Parser::new();
    parser
        .set_language(&tree_sitter_python::LANGUAGE.into())
        .expect("the grammar fits the library");
    parser
}

fn nodes(file: &Path, parser: &mut Parser) -> usize {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("py") => parser
            .parse(&text, None)
            .map_or(0, |tree| tree.root_node().descendant_count()),
        Some("sql") => pg_query::parse(&text, 0).map_or(0, |parsed| parsed.protobuf.stmts.len()),
        _ => 0,
    }
}
