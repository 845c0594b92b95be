//! `reclassd review`: the owner's desk. On a terminal it is a list with keys; with `--plain` or `--json`, and wherever the output goes
//! elsewhere, it is printed; `accept`, `set` and `reject` are for scripts.

mod correct;
mod filters;
mod plain;

use std::io::Write;
use std::sync::Arc;

use clap::{Args, Subcommand};
use reclassd::desk::Desk;
use reclassd::store::Surface;
use reclassd::terminal;

use super::interrupt::cancel_quietly_on_signal;
use super::setup::Common;
use super::{Outcome, global_options};
use filters::Filters;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    order: filters::Order,
    /// Print the list, also on a terminal
    #[arg(long)]
    plain: bool,
    /// Print at most N files; 0: all [default: [review] limit, 50]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Print one JSON object a file
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Subcommand)]
enum Action {
    /// Write the program's guess into files, as your own choice
    Accept(correct::Accept),
    /// Write genres of your own choice into files
    Set(correct::Set),
    /// Leave files alone for good; a genre that reclassd wrote is taken back
    Reject(correct::Reject),
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    match &arguments.action {
        Some(Action::Accept(accept)) => return accept.run(),
        Some(Action::Set(set)) => return set.run(),
        Some(Action::Reject(reject)) => return reject.run(),
        None => {}
    }
    let is_list = arguments.plain || arguments.json || arguments.limit.is_some();
    if is_list || !can_be_drawn_on() { print(arguments) } else { show(arguments) }
}

/// Whether there is a terminal that keys come from and that more can be done with than printing lines.
fn can_be_drawn_on() -> bool {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    global_options::may_ask() && !is_dumb
}

fn print(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let config = arguments.common.load()?;
    let store = arguments.common.open_store(&config)?;
    let desk = Desk::new(&config, store, Surface::Command, true)?;
    let view = arguments.order.view(arguments.filters.filter(&desk)?);
    let limit = arguments.limit.unwrap_or(config.review.limit);
    plain::print(&desk, &view, limit, arguments.json)?;
    Ok(Outcome::Done)
}

fn show(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let config = arguments.common.load_for_screen()?;
    let store = arguments.common.open_store(&config)?;
    let desk = Arc::new(Desk::new(&config, store, Surface::Terminal, false)?);
    let view = arguments.order.view(arguments.filters.filter(&desk)?);
    desk.recover()?;
    let cancel = cancel_quietly_on_signal()?;
    let tally = terminal::review(&desk, view.clone(), &config.review.player, &cancel)?;
    let failed = if tally.failed > 0 { format!(", {} failed", tally.failed) } else { String::new() };
    let waiting = desk.count(&view.filter)?;
    writeln!(std::io::stdout(), "{} decided{failed}, {waiting} wait", tally.corrected)?;
    Ok(if cancel.is_requested() { Outcome::Interrupted } else { Outcome::Done })
}
