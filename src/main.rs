//! The command line: parse it, call one function in `commands/`, turn its error into an exit code.

mod commands;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// Listens to a music library and writes each track's genre, with a confidence, into its tags.
///
/// A genre is written only where a file has none, unless you say otherwise; nothing else in a file is ever touched, and
/// what was written is remembered. What reclassd is unsure of waits in `reclassd review`.
#[derive(Parser)]
#[command(version, max_term_width = 100, after_help = AFTER_HELP)]
struct Cli {
    #[command(flatten)]
    global_options: commands::global_options::GlobalOptions,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  reclassd scan --dry-run ~/Music     say what would be written, and write nothing
  reclassd scan ~/Music               write it
  reclassd review                     decide about what it was unsure of
  reclassd tag --genre Jazz song.mp3  write a genre of your own choice
  reclassd undo --since 2h            take back what was written in the last two hours
  reclassd explain song.mp3           why it says what it says of one file

Exit codes: 0 done, 1 some files failed, 2 wrong use or configuration, 3 the database was
deleted or replaced meanwhile, 130 interrupted.";

#[derive(Subcommand)]
enum Command {
    /// Analyse files and folders and write genres into their tags
    Scan(commands::scan::Arguments),
    /// Watch folders and tag what turns up in them, until told to stop: the service
    Watch(commands::watch::Arguments),
    /// Show how the service stands
    Status(commands::status::Arguments),
    /// Write a genre that you chose, or show the genre fields of files
    Tag(commands::tag::Arguments),
    /// Take back what was written into files
    Undo(commands::undo::Arguments),
    /// Show what was done to a file, or below a folder, and when
    History(commands::history::Arguments),
    /// Decide about what the program was unsure of: a list with keys in a terminal, or commands for scripts
    Review(commands::review::Arguments),
    /// Serve the review as a page for a browser and as an interface for programs, until told to stop
    Serve(commands::serve::Arguments),
    /// Show what each model and the vote say of a file, and what a scan would do with it
    Explain(commands::explain::Arguments),
    /// Measure how good it is on files whose genre is known: a list of labels, or your own tagged music
    Evaluate(commands::evaluate::Arguments),
    /// Write feature matrices of files, for training and checking: the 518 FMA features or log-mel spectrograms
    Features(commands::features::Arguments),
    /// Analyse files and print what was heard, a record a file: no tag and no database is touched
    Analyze(commands::analyze::Arguments),
    /// Take in records that were made elsewhere, so that a scan need not listen again
    Import(commands::import::Arguments),
    /// Write all that was heard as records: for another machine, a backup, or training
    Export(commands::export::Arguments),
    /// Learn from this library: a model of what you call what, in your own names
    Learn(commands::learn::Arguments),
    /// Find the tracks that sound most like some files
    Similar(commands::similar::Arguments),
    /// Group the library by sound, and say what each group is like
    Cluster(commands::cluster::Arguments),
    /// List tracks by genre, tempo, key, mood and more, or keep them as a playlist
    Playlist(commands::playlist::Arguments),
    /// List the genres there are and which model can say which, or say what names mean
    Genres(commands::genres::Arguments),
    /// List, install, check and remove models
    Models(commands::models::Arguments),
    /// Install or remove ONNX Runtime's library, which runs the models faster
    Runtime(commands::runtime::Arguments),
    /// Show the library in numbers: genres, how sure the program was, how often the models agreed, what was written
    Stats(commands::stats::Arguments),
    /// Show, check or begin a configuration file
    Config(commands::config::Arguments),
    /// Say what runs the models, what was tried, and how long each takes
    Doctor(commands::doctor::Arguments),
    /// Print a script that completes commands, options and names of files in a shell
    Completions(commands::completions::Arguments),
    /// Write the manual pages into a folder, for packages
    #[command(hide = true)]
    Man(commands::man::Arguments),
}

/// Other people's decoders may panic on a hostile file. That is caught and reported as the file's fault; the panic
/// itself is for whoever looks into it (`RECLASSD_LOG=debug`). On the main thread it is a bug of ours, and shown.
fn quiet_panics_of_workers() {
    let show = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| match std::thread::current().name() {
        Some("main") => show(panic),
        _ => tracing::debug!("caught: {panic}"),
    }));
}

fn main() -> ExitCode {
    quiet_panics_of_workers();
    let cli = Cli::parse();
    cli.global_options.apply();
    let outcome = match cli.command {
        Command::Scan(arguments) => commands::scan::run(&arguments),
        Command::Watch(arguments) => commands::watch::run(&arguments),
        Command::Status(arguments) => commands::status::run(&arguments),
        Command::Tag(arguments) => commands::tag::run(&arguments),
        Command::Undo(arguments) => commands::undo::run(&arguments),
        Command::History(arguments) => commands::history::run(&arguments),
        Command::Review(arguments) => commands::review::run(&arguments),
        Command::Serve(arguments) => commands::serve::run(&arguments),
        Command::Explain(arguments) => commands::explain::run(&arguments),
        Command::Evaluate(arguments) => commands::evaluate::run(&arguments),
        Command::Features(arguments) => commands::features::run(&arguments),
        Command::Analyze(arguments) => commands::analyze::run(&arguments),
        Command::Import(arguments) => commands::import::run(&arguments),
        Command::Export(arguments) => commands::export::run(&arguments),
        Command::Learn(arguments) => commands::learn::run(&arguments),
        Command::Similar(arguments) => commands::similar::run(&arguments),
        Command::Cluster(arguments) => commands::cluster::run(&arguments),
        Command::Playlist(arguments) => commands::playlist::run(&arguments),
        Command::Genres(arguments) => commands::genres::run(&arguments),
        Command::Models(arguments) => commands::models::run(&arguments),
        Command::Runtime(arguments) => commands::runtime::run(&arguments),
        Command::Stats(arguments) => commands::stats::run(&arguments),
        Command::Config(arguments) => commands::config::run(&arguments),
        Command::Doctor(arguments) => commands::doctor::run(&arguments),
        Command::Completions(arguments) => commands::completions::run(&arguments, Cli::command()),
        Command::Man(arguments) => commands::man::run(&arguments, Cli::command()),
    };
    commands::exit_code(outcome)
}
