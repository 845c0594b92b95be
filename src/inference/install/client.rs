//! Asks the user's own package client for one file of a package. Nothing of the package is run: the client may only
//! fetch.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::InstallError;

/// The ways to call pip, the likeliest first.
const CLIENTS: [&[&str]; 3] = [&["pip"], &["pip3"], &["python3", "-m", "pip"]];

/// A file of a package.
pub(super) struct Wish<'a> {
    pub(super) package: &'a str,
    pub(super) version: &'a str,
    pub(super) wheel: &'a str,
    /// The platform and the version of Python that the file is for, where it is not for all.
    pub(super) platform: Option<(&'a str, &'a str)>,
}

/// Fetches the file that is wished for into a folder.
///
/// # Errors
/// [`InstallError::NoClient`] when there is no pip, [`InstallError::Client`] when it fails or fetches something else.
pub(super) fn fetch(wish: &Wish<'_>, into: &Path) -> Result<PathBuf, InstallError> {
    let Wish { package, version, wheel, platform } = *wish;
    let Some(client) = CLIENTS.iter().find(|client| works(client)) else {
        let tried: Vec<String> = CLIENTS.iter().map(|client| client.join(" ")).collect();
        return Err(InstallError::NoClient { tried: tried.join(", "), wheel: wheel.into() });
    };
    let requirement = format!("{package}=={version}");
    // Only a wheel: of a source package pip would run the set-up code.
    let mut arguments = vec!["download", "--no-deps", "--only-binary", ":all:"];
    if let Some((platform, python)) = platform {
        arguments.extend(["--platform", platform, "--python-version", python, "--implementation", "cp"]);
    }
    arguments.push(&requirement);
    let shown = format!("{} {}", client.join(" "), arguments.join(" "));
    let failed = |reason: String| InstallError::Client { command: shown.clone(), wheel: wheel.into(), reason };
    let output = command(client).args(arguments).arg("--disable-pip-version-check").arg("-d").arg(into).output();
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
