//! Gives freed memory back to the system, where the allocator keeps it for later.
#![allow(unsafe_code)] // malloc_trim has no safe wrapper; it takes a number

/// After much was freed at once, such as models.
pub(super) fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the call takes no pointer and locks the allocator itself.
    unsafe {
        libc::malloc_trim(0);
    }
}
