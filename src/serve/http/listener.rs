//! Where clients come in: an address of the network, a Unix socket, or a socket that the service manager hands over.
#![allow(unsafe_code)] // a descriptor that the service manager hands over becomes a socket

use std::net::SocketAddr;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};

use super::connection::{self, Limits, Peer};
use super::response;

/// Why nobody can come in.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be had.
    #[error("[serve] listen: {address}: {source}; choose another port, or stop what uses this one")]
    Address {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The socket cannot be made.
    #[error("[serve] listen: {path}: {source}; name a socket in a folder that this user may write, in which nothing else has its name", path = path.display())]
    Socket {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// What the service manager handed over is no socket to listen on.
    #[error(
        "the socket that the service manager hands over cannot be used: {0}; its unit needs ListenStream=, and one socket"
    )]
    Handed(std::io::Error),
}

/// A place where clients come in.
pub enum Listener {
    /// An address of the network.
    Network(TcpListener),
    /// A Unix socket. One that was made here is removed at the end.
    Unix {
        /// The socket.
        listener: UnixListener,
        /// Its path, where it is to be removed.
        made: Option<PathBuf>,
    },
}

impl Listener {
    /// What the service manager handed over, if it did.
    ///
    /// # Errors
    /// [`ListenError::Handed`] when it cannot be listened on.
    pub fn handed() -> Result<Option<Self>, ListenError> {
        let fail = ListenError::Handed;
        let mut handed = sd_notify::listen_fds().map_err(fail)?;
        let Some(number) = handed.next() else { return Ok(None) };
        // SAFETY: the service manager says that this descriptor is open and ours; it is taken once a process.
        let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
        // Whose address can be told as one of a Unix socket is one.
        let listener = std::os::unix::net::UnixListener::from(descriptor);
        if listener.local_addr().is_ok() {
            listener.set_nonblocking(true).map_err(fail)?;
            let listener = UnixListener::from_std(listener).map_err(fail)?;
            return Ok(Some(Self::Unix { listener, made: None }));
        }
        let descriptor = OwnedFd::from(listener);
        let listener = std::net::TcpListener::from(descriptor);
        listener.set_nonblocking(true).map_err(fail)?;
        Ok(Some(Self::Network(TcpListener::from_std(listener).map_err(fail)?)))
    }

    /// An address of the network.
    ///
    /// # Errors
    /// [`ListenError::Address`] when it cannot be had.
    pub async fn network(address: SocketAddr) -> Result<Self, ListenError> {
        let listener = TcpListener::bind(address).await;
        listener.map(Self::Network).map_err(|source| ListenError::Address { address, source })
    }

    /// A Unix socket that this user and the group of its folder may use.
    ///
    /// # Errors
    /// [`ListenError::Socket`] when it cannot be made, something else is at its path, or somebody listens there.
    pub fn unix(path: &Path) -> Result<Self, ListenError> {
        let fail = |source| ListenError::Socket { path: path.to_owned(), source };
        // What a process left that died is cleared away; what answers is in use.
        if path.symlink_metadata().is_ok_and(|metadata| metadata.file_type().is_socket()) {
            if std::os::unix::net::UnixStream::connect(path).is_ok() {
                return Err(fail(std::io::ErrorKind::AddrInUse.into()));
            }
            std::fs::remove_file(path).map_err(fail)?;
        }
        let listener = UnixListener::bind(path).map_err(fail)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660)).map_err(fail)?;
        Ok(Self::Unix { listener, made: Some(path.to_owned()) })
    }

    /// Its address; none of a Unix socket.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Network(listener) => listener.local_addr().ok(),
            Self::Unix { .. } => None,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix { made: Some(path), .. } = self {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// How long those that are in the middle of something may take at the end.
const LAST: Duration = Duration::from_secs(5);

/// Lets clients in until it is to stop, then waits a little for those that are in the middle of something.
pub async fn serve(listener: Listener, router: Router, limits: Limits, mut stop: watch::Receiver<bool>) {
    let seats = Arc::new(Semaphore::new(limits.connections));
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener) => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of files, most likely, which takes a while to pass.
                tracing::debug!("no client can be let in: {error}");
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            }
        };
        let (router, stop) = (router.clone(), stop.clone());
        match Arc::clone(&seats).try_acquire_owned() {
            Ok(seat) => {
                tokio::spawn(async move {
                    match stream {
                        Stream::Network(stream) => connection::attend(stream, peer, router, limits, stop).await,
                        Stream::Unix(stream) => connection::attend(stream, peer, router, limits, stop).await,
                    }
                    drop(seat);
                });
            }
            // Told at once: whoever waits here would not know what for.
            Err(_) => {
                tokio::spawn(async move {
                    match stream {
                        Stream::Network(mut stream) => turn_away(&mut stream).await,
                        Stream::Unix(mut stream) => turn_away(&mut stream).await,
                    }
                });
            }
        }
    }
    drop(listener);
    let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    let _ = tokio::time::timeout(LAST, seats.acquire_many(all)).await;
}

enum Stream {
    Network(tokio::net::TcpStream),
    Unix(tokio::net::UnixStream),
}

async fn accept(listener: &Listener) -> std::io::Result<(Stream, Peer)> {
    match listener {
        Listener::Network(listener) => {
            let (stream, address) = listener.accept().await?;
            stream.set_nodelay(true)?;
            Ok((Stream::Network(stream), Peer::Network(address.ip().to_canonical())))
        }
        Listener::Unix { listener, .. } => Ok((Stream::Unix(listener.accept().await?.0), Peer::Unix)),
    }
}

async fn turn_away(stream: &mut (impl tokio::io::AsyncWrite + Unpin)) {
    const BUSY: &[u8] =
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 36\r\nRetry-After: 5\r\n\
                          Connection: close\r\n\r\ntoo many are talking; ask again soon";
    let _ = response::send(stream, BUSY, Duration::from_secs(2)).await;
}
