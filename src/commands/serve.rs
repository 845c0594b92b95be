//! `reclassd serve`: the page and the interface for programs, beside the service or without one; and the tokens for
//! both.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use reclassd::config::Place;
use reclassd::desk::Desk;
use reclassd::serve::{Server, Tokens};
use reclassd::store::Surface;

use super::setup::Common;
use super::{Outcome, WrongUse};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    /// Folders of the library; without any, [library] roots of the configuration. Nothing outside of them is read or
    /// written
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Serve at this address and port, or at "unix:/PATH" [default: [serve] listen, 127.0.0.1:8518]
    #[arg(long, value_name = "PLACE")]
    listen: Option<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Subcommand)]
enum Action {
    /// Make a token for a program, or for a browser on another machine; it is shown once
    Token(Token),
}

#[derive(Args)]
struct Token {
    /// What to call it
    #[arg(long, value_name = "NAME", default_value = "token")]
    name: String,
    /// Show the tokens that there are, by name
    #[arg(long, conflicts_with = "remove")]
    list: bool,
    /// Remove the token of this name: it opens nothing any more
    #[arg(long, value_name = "NAME")]
    remove: Option<String>,
    #[command(flatten)]
    common: Common,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    match &arguments.action {
        Some(Action::Token(token)) => token.run(),
        None => arguments.serve(),
    }
}

impl Arguments {
    fn serve(&self) -> anyhow::Result<Outcome> {
        let mut config = self.common.load_for_service()?;
        if !self.paths.is_empty() {
            let absolute = self.paths.iter().map(std::path::absolute);
            config.library.roots = absolute.collect::<std::io::Result<_>>()?;
        }
        if config.library.roots.is_empty() {
            let what = "no folder of a library: name one (`reclassd serve ~/Music`), or set [library] roots in the configuration";
            return Err(WrongUse(what.to_owned()).into());
        }
        if let Some(place) = &self.listen {
            config.serve.listen = Place::try_from(place.clone()).map_err(WrongUse)?;
        }
        let database = self.common.database(&config)?;
        // What a crash left is cleaned up before anything is decided.
        Desk::new(&config, self.common.open_store(&config)?, Surface::Command, false)?.recover()?;
        // Signals that come while it starts are not lost.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
            let server = Server::start(config, database)?;
            announce(&server)?;
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            server.stop();
            anyhow::Ok(Outcome::Done)
        })
    }
}

/// Says where it is, and what is needed there.
fn announce(server: &Server) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "serving at {}", server.place())?;
    if server.needs_token() {
        writeln!(
            out,
            "it can be reached from elsewhere: every request needs a token; `reclassd serve token` makes one"
        )?;
    }
    out.flush()
}

impl Token {
    fn run(&self) -> anyhow::Result<Outcome> {
        let config = self.common.load()?;
        let tokens = Tokens::of(&self.common.database(&config)?);
        let mut out = std::io::stdout().lock();
        if let Some(name) = &self.remove {
            tokens.remove(name)?;
            writeln!(out, "removed {name}")?;
        } else if self.list {
            for known in tokens.all()? {
                let made = Timestamp::from_second(i64::try_from(known.made_at)?)?.to_zoned_datetime(TimeZone::system());
                writeln!(out, "{}  {}", made.strftime("%Y-%m-%d %H:%M"), known.name)?;
            }
        } else {
            if self.name.is_empty() || self.name.contains(['\n', '\r']) {
                return Err(WrongUse("a token's name is one line".to_owned()).into());
            }
            writeln!(out, "{}", tokens.make(&self.name)?)?;
        }
        Ok(Outcome::Done)
    }
}
