//! Where the configuration, the database and installed models are when nobody names them: the XDG folders, systemd's,
//! and `/etc`.
//!
//! The environment is handed in as a function, so that tests need not change the process's own.

use std::ffi::OsString;
use std::path::PathBuf;

use super::ConfigError;

/// The configuration file to use: `$RECLASSD_CONFIG` whether it exists or not (a wrong name should be noticed), else
/// the first that exists of `$XDG_CONFIG_HOME/reclassd/config.toml` (`~/.config` without it) and
/// `/etc/reclassd/config.toml`.
pub fn find(env: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if let Some(path) = set(&env, "RECLASSD_CONFIG") {
        return Some(path);
    }
    user_file(&env).into_iter().chain([PathBuf::from("/etc/reclassd/config.toml")]).find(|path| path.exists())
}

/// Where the user's own configuration file is, or would be.
pub fn user_file(env: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let user = set(&env, "XDG_CONFIG_HOME").or_else(|| Some(set(&env, "HOME")?.join(".config")));
    user.map(|folder| folder.join("reclassd/config.toml"))
}

/// The database file to use when none is configured: `reclassd.db` in `$STATE_DIRECTORY` (systemd's), else in
/// `$XDG_STATE_HOME/reclassd` (`~/.local/state/reclassd` without it).
///
/// # Errors
/// [`ConfigError::NoStateFolder`] when the environment names no such folder.
pub fn default_database(env: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, ConfigError> {
    if let Some(folders) = env("STATE_DIRECTORY").filter(|value| !value.is_empty()) {
        // systemd separates several folders with colons; the first is ours.
        if let Some(first) = std::env::split_paths(&folders).next() {
            return Ok(first.join("reclassd.db"));
        }
    }
    let state = set(&env, "XDG_STATE_HOME").or_else(|| Some(set(&env, "HOME")?.join(".local/state")));
    Ok(state.ok_or(ConfigError::NoStateFolder)?.join("reclassd/reclassd.db"))
}

/// The folder of installed models when none is configured: `models` in `$STATE_DIRECTORY` (systemd's), else in
/// `$XDG_DATA_HOME/reclassd` (`~/.local/share/reclassd` without it); none when the environment names no such folder.
pub fn default_models_folder(env: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if let Some(state) = env("STATE_DIRECTORY").filter(|value| !value.is_empty()) {
        return Some(std::env::split_paths(&state).next()?.join("models"));
    }
    let data = set(&env, "XDG_DATA_HOME").or_else(|| Some(set(&env, "HOME")?.join(".local/share")))?;
    Some(data.join("reclassd/models"))
}

/// The folder that the library of ONNX Runtime is installed into: `runtime`, beside the default folder of models.
pub fn default_runtime_folder(env: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    default_models_folder(env).map(|models| models.with_file_name("runtime"))
}

/// A variable that is set to something: an empty one counts as unset, as the XDG specification asks.
fn set(env: &impl Fn(&str) -> Option<OsString>, name: &str) -> Option<PathBuf> {
    env(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<OsString> + 'a {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
    }

    #[test]
    fn the_named_configuration_wins_even_when_it_is_missing() {
        let found = find(env(&[("RECLASSD_CONFIG", "/nowhere/x.toml"), ("HOME", "/root")]));
        assert_eq!(found, Some(PathBuf::from("/nowhere/x.toml")));
    }

    #[test]
    fn the_user_s_configuration_is_found_in_xdg_and_in_home() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".config/reclassd/config.toml");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "").unwrap();
        let home = folder.path().to_str().unwrap();
        assert_eq!(find(env(&[("HOME", home)])), Some(file.clone()));
        assert_eq!(find(env(&[("XDG_CONFIG_HOME", &format!("{home}/.config")), ("HOME", "/nowhere")])), Some(file));
    }

    #[test]
    fn installed_models_are_data_of_the_user_or_of_the_service() {
        let all = [("STATE_DIRECTORY", "/var/lib/reclassd:/x"), ("XDG_DATA_HOME", "/d"), ("HOME", "/h")];
        let place = |pairs| default_models_folder(env(pairs));
        assert_eq!(place(&all), Some(PathBuf::from("/var/lib/reclassd/models")));
        assert_eq!(place(&all[1..]), Some(PathBuf::from("/d/reclassd/models")));
        assert_eq!(place(&all[2..]), Some(PathBuf::from("/h/.local/share/reclassd/models")));
        assert_eq!(place(&[]), None);
    }

    #[test]
    fn the_database_prefers_the_service_s_state_folder() {
        let all = [("STATE_DIRECTORY", "/var/lib/reclassd:/x"), ("XDG_STATE_HOME", "/s"), ("HOME", "/h")];
        let place = |pairs| default_database(env(pairs)).unwrap();
        assert_eq!(place(&all), PathBuf::from("/var/lib/reclassd/reclassd.db"));
        assert_eq!(place(&all[1..]), PathBuf::from("/s/reclassd/reclassd.db"));
        assert_eq!(place(&all[2..]), PathBuf::from("/h/.local/state/reclassd/reclassd.db"));
        assert!(matches!(default_database(env(&[])), Err(ConfigError::NoStateFolder)));
    }
}
