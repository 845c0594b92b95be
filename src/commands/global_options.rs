//! What holds for every command, wherever on the line it stands: colour, how much is said, and whether anything may be asked. The
//! options are set once, before a command begins, and only read afterwards.

use std::io::IsTerminal;
use std::sync::OnceLock;

use clap::{Args, ValueEnum};
use reclassd::config::Level;

static GLOBAL_OPTIONS: OnceLock<GlobalOptions> = OnceLock::new();

/// When output is coloured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The options that every command takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "For every command")]
pub struct GlobalOptions {
    /// Print only what failed, and no summary
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more: also files that nothing was done to, and what the program takes note of; twice for more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Ask nothing, and draw nothing that waits for keys
    #[arg(long, global = true)]
    no_input: bool,
    /// Colour the output
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t, hide_possible_values = false)]
    color: Color,
}

impl GlobalOptions {
    /// From now on they hold.
    pub fn apply(self) {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let coloured = match self.color {
            Color::Always => Some(true),
            Color::Never => Some(false),
            Color::Auto => no_color.then_some(false),
        };
        if let Some(coloured) = coloured {
            console::set_colors_enabled(coloured);
            console::set_colors_enabled_stderr(coloured);
        }
        // They are set once, by `main`.
        let _ = GLOBAL_OPTIONS.set(self);
    }
}

fn global_options() -> &'static GlobalOptions {
    GLOBAL_OPTIONS.get_or_init(GlobalOptions::default)
}

/// Whether only failures are to be printed.
pub fn quiet() -> bool {
    global_options().quiet
}

/// Whether files that nothing was done to are to be printed as well.
pub fn verbose() -> bool {
    global_options().verbose > 0
}

/// Whether somebody is there who can be asked: keys come from a terminal, what is said goes to one, and nobody forbade it.
pub fn may_ask() -> bool {
    !global_options().no_input && std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// The level of messages: that of the configuration, or what the command line asks for.
pub fn level(configured: Level) -> Level {
    match (global_options().quiet, global_options().verbose) {
        (true, _) => Level::Error,
        (_, 0) => configured,
        (_, 1) if configured == Level::Trace || configured == Level::Debug => configured,
        (_, 1) => Level::Info,
        (_, 2) if configured == Level::Trace => configured,
        (_, 2) => Level::Debug,
        _ => Level::Trace,
    }
}
