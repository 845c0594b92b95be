//! `reclassd completions`: the script by which a shell completes our commands. It is made of the command line's own
//! definition.

use std::io::Write;

use clap::Args;
use clap_complete::{Shell, generate};

use super::Outcome;

#[derive(Args)]
pub struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub fn run(arguments: &Arguments, mut command: clap::Command) -> anyhow::Result<Outcome> {
    if arguments.shell == Shell::Bash {
        // It would take "Pop Rock" apart at its blank.
        super::hints::leave_out_blanks();
    }
    // The generator panics where a writer fails; a reader that went away is no bug of ours.
    let mut script = Vec::new();
    generate(arguments.shell, &mut command, "reclassd", &mut script);
    std::io::stdout().lock().write_all(&script)?;
    Ok(Outcome::Done)
}
