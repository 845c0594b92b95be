//! Asks the user's own package client for one file of a package. Nothing of the package is run: the client may only fetch.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::InstallError;

/// The ways to call pip, the likeliest first.
const CLIENTS: [&[&str]; 3] = [&["pip"], &["pip3"], &["python3", "-m", "pip"]];

/// Fetches `wheel`, the file of `package` in `version`, into a folder.
///
/// # Errors
/// [`InstallError::NoClient`] when there is no pip, [`InstallError::Client`] when it fails or fetches something else.
pub(super) fn fetch(package: &str, version: &str, wheel: &str, into: &Path) -> Result<PathBuf, InstallError> {
    let Some(client) = CLIENTS.iter().find(|client| works(client)) else {
        let tried: Vec<String> = CLIENTS.iter().map(|client| client.join(" ")).collect();
        return Err(InstallError::NoClient { tried: tried.join(", "), wheel: wheel.into() });
    };
    let requirement = format!("{package}=={version}");
    // Only a wheel: of a source package pip would run the set-up code.
    let arguments = ["download", "--no-deps", "--only-binary", ":all:", "--disable-pip-version-check", &requirement];
    let shown = format!("{} download --no-deps --only-binary :all: {requirement}", client.join(" "));
    let failed = |reason: String| InstallError::Client { command: shown.clone(), wheel: wheel.into(), reason };
    let output = command(client).args(arguments).arg("-d").arg(into).output();
    let output = output.map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rev().map(str::trim).find(|line| !line.is_empty());
        return Err(failed(last.map_or_else(|| output.status.to_string(), str::to_owned)));
    }
    let path = into.join(wheel);
    if path.is_file() { Ok(path) } else { Err(failed("it fetched another file".into())) }
}

fn command(client: &[&str]) -> Command {
    let mut command = Command::new(client[0]);
    command.args(&client[1..]).stdin(Stdio::null());
    command
}

/// Whether the client is there and answers.
fn works(client: &[&str]) -> bool {
    let status = command(client).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
