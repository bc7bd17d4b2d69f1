//! `foreshot completions`, `foreshot man`: made from the same definitions as the command line itself.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, Failure, output};

/// The completions of a shell.
pub(super) fn completions(shell: Shell) -> Result<u8, Failure> {
    let mut written = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "foreshot", &mut written);
    output::print(&String::from_utf8_lossy(&written))?;
    Ok(0)
}

/// The man page: the program, then each command as a section of its own.
pub(super) fn man() -> Result<u8, Failure> {
    let failed =
        |error: std::io::Error| Failure::Output(format!("the man page can't be made: {error}"));
    let mut command = Cli::command();
    command.build();
    let mut written = Vec::new();
    clap_mangen::Man::new(command.clone())
        .render(&mut written)
        .map_err(failed)?;
    for one in command.get_subcommands().filter(|one| !one.is_hide_set()) {
        let title = format!(".SH \"FORESHOT {}\"\n", one.get_name().to_uppercase());
        written.extend(title.into_bytes());
        let page = clap_mangen::Man::new(one.clone());
        page.render_synopsis_section(&mut written).map_err(failed)?;
        page.render_description_section(&mut written)
            .map_err(failed)?;
        page.render_options_section(&mut written).map_err(failed)?;
    }
    output::print(&String::from_utf8_lossy(&written))?;
    Ok(0)
}
