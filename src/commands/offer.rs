//! The one question that a scan asks, once: whether to install the models that are no part of the program. It is asked on a terminal only,
//! and a scan without an answer goes on with what there is.

use std::io::{BufRead, IsTerminal, Write};

use reclassd::config::Config;
use reclassd::inference::{MUSICNN, ModelsFolder};
use reclassd::store::Store;

/// What the answer is kept under.
const QUESTION: &str = "install musicnn";

/// The vote of all against that of the built-in models, in cross-validation over artists that they never heard.
const FIGURES: &str =
    "right in 76 % instead of 69 % on artists that it never heard, and far better on other kinds of music";

const OFFER: &str = "\
reclassd can listen with musicnn as well, a network trained on far more music than the built-in models (ISC licence).
  it brings   a better ear: {FIGURES}
  it costs    22 MB fetched once with your pip, 7 MB kept; about 0.3 s more of one core for each new track (0.06 s
              with `reclassd runtime install`)
  it does not need TensorFlow, and no Python code of the package is run
";

/// Offers to install musicnn, where somebody is there to answer, it is not installed, nothing else was configured and nobody asked before.
///
/// # Errors
/// When the terminal or the database fails. An installation that fails is said, and no reason to stop a scan.
pub fn offer_musicnn(config: &Config, store: &Store) -> anyhow::Result<()> {
    let folder = ModelsFolder::new(&config.models.folder);
    let is_there = MUSICNN.models().any(|name| folder.contains(name));
    let somebody = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if !somebody || is_there || folder.path().as_os_str().is_empty() || !config.models.enabled.is_empty() {
        return Ok(());
    }
    if store.answer(QUESTION)?.is_some() {
        return Ok(());
    }
    let mut err = std::io::stderr().lock();
    write!(err, "{}install it now? [y/N] ", OFFER.replace("{FIGURES}", FIGURES))?;
    err.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    let yes = matches!(answer.trim().to_lowercase().as_str(), "y" | "yes");
    store.keep_answer(QUESTION, if yes { "yes" } else { "no" })?;
    if !yes {
        writeln!(
            err,
            "not installed, and not asked again: `reclassd models install musicnn` does it whenever you like"
        )?;
        return Ok(());
    }
    writeln!(err, "fetching {} {} with pip", MUSICNN.name, MUSICNN.version)?;
    match MUSICNN.fetch_and_install(&folder) {
        Ok(installed) => {
            let names: Vec<String> = installed.into_iter().map(|model| model.name).collect();
            writeln!(err, "installed {}", names.join(", "))?;
        }
        Err(error) => writeln!(err, "reclassd: {error}\nthe scan goes on without it")?,
    }
    Ok(())
}
