//! Ctrl-C and SIGTERM while a command works through files one after the other: the file in hand is finished, no other
//! begun.

use reclassd::pipeline::Cancel;

/// Resolves when the user (Ctrl-C) or the system (SIGTERM) asks to stop.
pub async fn stop_signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}

/// Who asks twice means it: leaving at once loses nothing, since the next start cleans up.
pub fn exit_on_second_signal() {
    tokio::spawn(async {
        if stop_signal().await.is_ok() {
            std::process::exit(130);
        }
    });
}

/// A wish to stop that any signal makes which asks the process to end, and nothing is said of it: for a screen that is
/// drawn on. The second one ends the process at once, and gives the terminal back first.
pub fn cancel_quietly_on_signal() -> std::io::Result<Cancel> {
    use tokio::signal::unix::{SignalKind, signal};
    let cancel = Cancel::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let requested = cancel.clone();
    let asked = async || -> std::io::Result<()> {
        let (mut hang_up, mut quit) = (signal(SignalKind::hangup())?, signal(SignalKind::quit())?);
        tokio::select! {
            stopped = stop_signal() => stopped?,
            _ = hang_up.recv() => {}
            _ = quit.recv() => {}
        }
        Ok(())
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            if asked().await.is_ok() {
                requested.request();
            }
            if asked().await.is_ok() {
                reclassd::terminal::give_back();
                std::process::exit(130);
            }
        });
    })?;
    Ok(cancel)
}

/// A wish to stop that the first signal makes; the second one ends the process at once. That loses
/// nothing: the next start removes the temporary file, or finishes overwriting a file with several names.
pub fn cancel_on_signal() -> std::io::Result<Cancel> {
    let cancel = Cancel::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let requested = cancel.clone();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            if stop_signal().await.is_ok() {
                requested.request();
                eprintln!("reclassd: stopping after this file");
            }
            if stop_signal().await.is_ok() {
                std::process::exit(130);
            }
        });
    })?;
    Ok(cancel)
}
