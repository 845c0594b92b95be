//! The service's figures for a Prometheus: `[metrics] listen`. The main loop owns what the page shows and is asked for it; while nobody
//! asks, nothing happens. A place that cannot be had is an error in the log, never the end of the service.

mod page;
mod server;

use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::status::Status;
use crate::pipeline::ModelVersions;
use server::PageRequest;

/// Questions that wait for the main loop.
const ASKS: usize = 4;

/// The page's door to the main loop.
pub(super) struct Metrics {
    asks: Option<mpsc::Receiver<PageRequest>>,
}

impl Metrics {
    /// Serves the page at an address, if there is one.
    pub(super) async fn open(listen: Option<SocketAddr>) -> Self {
        let Some(address) = listen else { return Self { asks: None } };
        let listener = match TcpListener::bind(address).await {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(
                    "[metrics] listen: {address}: {error}; choose another port and restart; there are no figures until then"
                );
                return Self { asks: None };
            }
        };
        // The port that was asked for may have been "any".
        let address = listener.local_addr().unwrap_or(address);
        tracing::info!("figures at http://{address}/metrics");
        let (ask, asks) = mpsc::channel(ASKS);
        tokio::spawn(server::serve(listener, ask));
        Self { asks: Some(asks) }
    }

    /// Waits until somebody asks for the page.
    pub(super) async fn asked(&mut self) -> Question {
        match &mut self.asks {
            Some(asks) => match asks.recv().await {
                Some(ask) => Question(ask),
                None => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }
}

/// Somebody who waits for the page.
pub(super) struct Question(PageRequest);

impl Question {
    /// Hands the page over.
    pub(super) fn answer(self, status: Status, model_versions: ModelVersions) {
        // Who asked may be gone.
        let _ = self.0.send(page::text(status, model_versions));
    }
}
