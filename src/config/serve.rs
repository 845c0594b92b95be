//! `[serve]`: the page and the interface for programs, and who may reach them.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `[serve]`: the page and the interface for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Serve {
    /// Whether the service serves them too.
    pub enabled: bool,
    /// Where.
    pub listen: Place,
    /// What stands before every path, behind a proxy: "/music", or nothing.
    pub base_path: String,
    /// Names by which they may be asked for besides this machine's own. With any, a token is needed.
    pub hosts: Vec<String>,
    /// The largest file that may be sent to be judged, in MiB.
    pub max_upload: u64,
}

impl Default for Serve {
    fn default() -> Self {
        let listen = Place::Network(SocketAddr::from(([127, 0, 0, 1], 8518)));
        Self { enabled: false, listen, base_path: String::new(), hosts: Vec::new(), max_upload: 256 }
    }
}

/// Where clients come in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Place {
    /// An address and a port.
    Network(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

impl TryFrom<String> for Place {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            return match path.is_absolute() {
                true => Ok(Self::Unix(path)),
                false => Err(format!("\"{text}\" names no absolute path: write \"unix:/run/reclassd/page.sock\"")),
            };
        }
        text.parse().map(Self::Network).map_err(|_| {
            format!("\"{text}\" is no address with a port: write \"127.0.0.1:8518\", \"[::1]:8518\" or \"unix:/PATH\"")
        })
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        match place {
            Place::Network(address) => address.to_string(),
            Place::Unix(path) => format!("unix:{}", path.display()),
        }
    }
}

impl Serve {
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        let path = &self.base_path;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
        let is_path =
            path.starts_with('/') && !path.ends_with('/') && !path.contains("//") && path.chars().all(is_plain);
        super::require(
            path.is_empty() || is_path && !path.split('/').any(|part| part == ".." || part == "."),
            "serve.base_path",
            || format!("base_path \"{path}\" must begin with a slash and not end with one, such as \"/music\""),
        )?;
        for host in &self.hosts {
            let is_name = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
            super::require(is_name, "serve.hosts", || {
                format!(
                    "\"{host}\" is no name of a host: write it without scheme, port and path, such as \"music.example.org\""
                )
            })?;
        }
        super::require((1..=65_536).contains(&self.max_upload), "serve.max_upload", || {
            format!("max_upload must lie between 1 and 65536 (MiB), not {}", self.max_upload)
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<Serve, String> {
        let serve: Serve = toml::from_str(text).map_err(|error| error.to_string())?;
        serve.check().map_err(|(_, what)| what)?;
        Ok(serve)
    }

    #[test]
    fn a_place_is_an_address_or_a_socket() {
        assert_eq!(checked("listen = \"[::1]:80\"").unwrap().listen, Place::Network("[::1]:80".parse().unwrap()));
        assert_eq!(checked("listen = \"unix:/run/x.sock\"").unwrap().listen, Place::Unix("/run/x.sock".into()));
        for wrong in ["8518", "localhost:8518", "unix:x.sock", ""] {
            let refused = checked(&format!("listen = \"{wrong}\"")).unwrap_err();
            assert!(refused.contains("unix:/"), "{refused}");
        }
    }

    #[test]
    fn a_base_path_and_hosts_are_what_a_proxy_would_call_them() {
        assert!(checked("base_path = \"/a/b-c\"\nhosts = [\"music.example.org\", \"nas\"]").is_ok());
        for wrong in ["base_path = \"music\"", "base_path = \"/\"", "base_path = \"/a/../b\"", "base_path = \"/a b\""] {
            assert!(checked(wrong).is_err(), "{wrong}");
        }
        for wrong in ["hosts = [\"http://nas\"]", "hosts = [\"nas:80\"]", "hosts = [\"\"]", "max_upload = 0"] {
            assert!(checked(wrong).is_err(), "{wrong}");
        }
    }
}
