//! The C library's allocator, told how this program uses memory: a few threads that need a lot for a moment, and many
//! that wait.
#![allow(unsafe_code)] // mallopt has no safe wrapper among our dependencies; see each use

/// Large pieces go back to the system as soon as they are free: a clip, a spectrogram, what a network needs in between.
#[cfg(target_env = "gnu")]
const LARGE: libc::c_int = 4 << 20;

/// Says how many threads compute at the same time. Call it before any of them is started.
///
/// By default each thread keeps what it freed for itself, and a scan has more threads than cores: memory would grow
/// with those that wait.
pub fn expect_threads(computing: usize) {
    #[cfg(target_env = "gnu")]
    {
        let arenas = libc::c_int::try_from(computing.max(1)).unwrap_or(libc::c_int::MAX);
        for (parameter, value) in
            [(libc::M_ARENA_MAX, arenas), (libc::M_MMAP_THRESHOLD, LARGE), (libc::M_TRIM_THRESHOLD, LARGE)]
        {
            // SAFETY: plain numbers; the allocator locks itself, and refuses what it does not like.
            unsafe { libc::mallopt(parameter, value) };
        }
    }
    #[cfg(not(target_env = "gnu"))]
    let _ = computing;
}
