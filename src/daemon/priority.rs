//! Threads that take only what nobody else wants, of the processor and of the disk.
#![allow(unsafe_code)] // three system calls that have no safe wrapper among our dependencies; each takes plain numbers only

/// `IOPRIO_CLASS_IDLE` in the class bits, ioprio_set(2).
const IO_IDLE: libc::c_int = 3 << 13;
/// `IOPRIO_WHO_PROCESS`; with the number 0 it means the calling thread.
const IO_THREAD: libc::c_int = 1;
const NICEST: i32 = 19;

/// Lowers this thread. What the system does not allow is left as it is.
pub(super) fn lower_this_thread() {
    // On Linux the nice value is the thread's.
    if let Err(error) = rustix::process::setpriority_process(None, NICEST) {
        tracing::debug!("cannot be nice: {error}");
    }
    // SAFETY: three integers, no memory is handed over.
    if unsafe { libc::syscall(libc::SYS_ioprio_set, IO_THREAD, 0, IO_IDLE) } != 0 {
        tracing::debug!("no idle class on the disk: {}", std::io::Error::last_os_error());
    }
    // SAFETY: all fields of the parameters are integers, for which zero is a value.
    let parameters: libc::sched_param = unsafe { std::mem::zeroed() };
    // SAFETY: 0 is the calling thread; the pointer is to a local value that outlives the call, which only reads it.
    if unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &parameters) } != 0 {
        tracing::debug!("no idle class on the processor: {}", std::io::Error::last_os_error());
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_lowered_thread_is_idle_and_the_others_stay_as_they_were() {
        let nice = |thread: &str| -> i64 {
            let stat = std::fs::read_to_string(format!("/proc/{thread}/stat")).unwrap();
            stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().nth(16).unwrap().parse().unwrap()
        };
        let before = nice("thread-self");
        std::thread::spawn(move || {
            super::lower_this_thread();
            assert_eq!(nice("thread-self"), 19);
        })
        .join()
        .unwrap();
        assert_eq!(nice("thread-self"), before);
    }
}
