//! Tokens of programs and of browsers elsewhere: made at random, shown once, kept as hashes in a file beside the
//! database that only its owner can read. A token is long and random, so that one hash of it is enough.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use blake3::Hash;

/// The tokens of a database.
#[derive(Debug, Clone)]
pub struct Tokens {
    path: PathBuf,
}

/// A token, without what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// What its owner calls it.
    pub name: String,
    /// When it was made, in seconds since 1970.
    pub made_at: u64,
    hash: Hash,
}

/// The tokens cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read or written.
    #[error("{path}: {source}; the tokens belong to the user of the service, run this as that user", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is open to others.
    #[error("{path}: other users may read or write it; `chmod 600` it, and make new tokens if others did", path = path.display())]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// There is no randomness to be had.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// A name that there is already.
    #[error("there is a token named \"{0}\" already; `reclassd serve token --remove` it first, or choose another name")]
    Taken(String),
    /// A name that there is not.
    #[error("there is no token named \"{0}\"; `reclassd serve token --list` shows those that there are")]
    Missing(String),
}

/// What every token begins with, so that it is recognised where it does not belong.
const PREFIX: &str = "reclassd_";

impl Tokens {
    /// Those of a database.
    pub fn of(database: &Path) -> Self {
        let mut path = database.as_os_str().to_owned();
        path.push(".tokens");
        Self { path: path.into() }
    }

    /// All of them.
    ///
    /// # Errors
    /// [`TokenError`] when the file cannot be read, or others can.
    pub fn all(&self) -> Result<Vec<Known>, TokenError> {
        let io = |source| TokenError::Io { path: self.path.clone(), source };
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io(error)),
        };
        if file.metadata().map_err(io)?.permissions().mode() & 0o077 != 0 {
            return Err(TokenError::Open { path: self.path.clone() });
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(io)?;
        let known = |line: &str| {
            let mut parts = line.splitn(3, ' ');
            let hash = Hash::from_hex(parts.next()?).ok()?;
            Some(Known { hash, made_at: parts.next()?.parse().ok()?, name: parts.next()?.to_owned() })
        };
        Ok(text.lines().filter_map(known).collect())
    }

    /// Makes one. It is not kept: whoever asked has to.
    ///
    /// # Errors
    /// [`TokenError`] when the name is taken or the file cannot be written.
    pub fn make(&self, name: &str) -> Result<String, TokenError> {
        let mut known = self.all()?;
        if known.iter().any(|known| known.name == name) {
            return Err(TokenError::Taken(name.to_owned()));
        }
        let token = format!("{PREFIX}{}", hex(&random::<24>().map_err(TokenError::Random)?));
        known.push(Known { name: name.to_owned(), made_at: unix_now(), hash: blake3::hash(token.as_bytes()) });
        self.write(&known)?;
        Ok(token)
    }

    /// Removes one.
    ///
    /// # Errors
    /// [`TokenError`] when there is none of that name or the file cannot be written.
    pub fn remove(&self, name: &str) -> Result<(), TokenError> {
        let mut known = self.all()?;
        let before = known.len();
        known.retain(|known| known.name != name);
        if known.len() == before {
            return Err(TokenError::Missing(name.to_owned()));
        }
        self.write(&known)
    }

    /// What a token is known by, if it is one of them.
    ///
    /// # Errors
    /// [`TokenError`] when the file cannot be read.
    pub fn find(&self, token: &str) -> Result<Option<String>, TokenError> {
        let hash = blake3::hash(token.as_bytes());
        // Every one is compared, and each as a whole: `Hash` takes the same time whatever differs.
        let mut found = None;
        for known in self.all()? {
            if known.hash == hash {
                found = Some(known.id());
            }
        }
        Ok(found)
    }

    /// Whether a token with this word of [`find`](Self::find) is still among them.
    pub fn still_has(&self, id: &str) -> bool {
        self.all().is_ok_and(|known| known.iter().any(|known| known.id() == id))
    }

    fn write(&self, known: &[Known]) -> Result<(), TokenError> {
        let io = |source| TokenError::Io { path: self.path.clone(), source };
        let mut temporary = self.path.clone().into_os_string();
        temporary.push(".tmp");
        let temporary = PathBuf::from(temporary);
        let write = || -> std::io::Result<()> {
            if let Some(folder) = self.path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let _ = std::fs::remove_file(&temporary);
            let mut file = File::options().write(true).create_new(true).mode(0o600).open(&temporary)?;
            for Known { hash, made_at, name } in known {
                writeln!(file, "{} {made_at} {name}", hash.to_hex())?;
            }
            file.sync_all()?;
            std::fs::rename(&temporary, &self.path)
        };
        write().map_err(io)
    }
}

impl Known {
    /// A word for it that tells nothing of it.
    fn id(&self) -> String {
        blake3::hash(self.hash.as_bytes()).to_hex()[..16].to_owned()
    }
}

/// Random bytes.
pub(super) fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unix_now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_until_it_is_removed_and_never_stands_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::of(&folder.path().join("reclassd.db"));
        assert!(tokens.all().unwrap().is_empty());
        let [one, two] = ["my phone", "a script"].map(|name| tokens.make(name).unwrap());
        assert_ne!(one, two);
        let text = std::fs::read_to_string(&tokens.path).unwrap();
        assert!(!text.contains(&one) && !text.contains(&one[PREFIX.len()..]));
        assert_eq!(std::fs::metadata(&tokens.path).unwrap().permissions().mode() & 0o777, 0o600);
        let id = tokens.find(&one).unwrap().unwrap();
        assert!(tokens.still_has(&id) && tokens.find("reclassd_").unwrap().is_none());
        assert!(matches!(tokens.make("my phone"), Err(TokenError::Taken(_))));
        tokens.remove("my phone").unwrap();
        assert!(!tokens.still_has(&id) && tokens.find(&one).unwrap().is_none() && tokens.find(&two).unwrap().is_some());
        assert!(matches!(tokens.remove("my phone"), Err(TokenError::Missing(_))));
    }

    #[test]
    fn tokens_that_others_can_read_are_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::of(&folder.path().join("reclassd.db"));
        let token = tokens.make("x").unwrap();
        std::fs::set_permissions(&tokens.path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(tokens.find(&token), Err(TokenError::Open { .. })));
    }
}
