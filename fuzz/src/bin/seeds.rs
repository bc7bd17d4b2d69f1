//! `seeds TARGET FOLDER` writes the seeds of a target, one file each.

use std::path::Path;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(target), Some(folder)) = (arguments.next(), arguments.next()) else {
        eprintln!("seeds TARGET FOLDER");
        std::process::exit(2);
    };
    std::fs::create_dir_all(&folder).expect("the folder");
    for (number, seed) in foreshot_fuzz::seeds::of(&target).iter().enumerate() {
        std::fs::write(Path::new(&folder).join(format!("{number:04}")), seed).expect("a seed");
    }
}
