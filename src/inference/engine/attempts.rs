//! What to do when a device fails: smaller batches while it has too little memory for large ones, then the processor,
//! with the very same examples, so that nothing is lost.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::Outputs;

/// Why a batch was not computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The processor says so: another try would end the same way.
    Final(String),
    /// The device, which another one can stand in for.
    Device(String),
}

/// The largest batch that is tried.
#[derive(Debug)]
pub(super) struct Limit(AtomicUsize);

impl Default for Limit {
    fn default() -> Self {
        Self(AtomicUsize::new(usize::MAX))
    }
}

impl Limit {
    /// Examples at once at the most.
    pub(super) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// From now on no more than this, at least 1.
    pub(super) fn lower(&self, to: usize) {
        self.0.fetch_min(to.max(1), Ordering::Relaxed);
    }
}

/// Runs examples in batches of `size` or less. `give_up` turns to the processor and is told why; the next attempt is
/// made there. `shrunk` hears of the batch that was too large and of the one that was not.
pub(super) fn in_batches(
    examples: &[&[f32]],
    size: usize,
    limit: &Limit,
    mut attempt: impl FnMut(&[&[f32]]) -> Result<Vec<Outputs>, Failure>,
    give_up: impl Fn(&str),
    shrunk: impl Fn(usize, usize),
) -> Result<Vec<Outputs>, String> {
    let mut said = Vec::with_capacity(examples.len());
    let mut too_large = None;
    while said.len() < examples.len() {
        let left = &examples[said.len()..];
        let n = left.len().min(size).min(limit.get()).max(1);
        match attempt(&left[..n]) {
            Ok(outputs) if outputs.len() == n => {
                said.extend(outputs);
                if let Some(too_large) = too_large.take() {
                    shrunk(too_large, n);
                }
            }
            Ok(outputs) => return Err(format!("{} answers to {n} examples", outputs.len())),
            Err(Failure::Final(reason)) => return Err(reason),
            Err(Failure::Device(reason)) if n > 1 && is_out_of_memory(&reason) => {
                too_large.get_or_insert(n);
                limit.lower(n / 2);
            }
            Err(Failure::Device(reason)) => {
                too_large = None;
                give_up(&reason);
            }
        }
    }
    Ok(said)
}

/// Whether a device says that its memory does not suffice, in the words of ONNX Runtime's arena, CUDA, cuBLAS and
/// cuDNN.
fn is_out_of_memory(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    ["out of memory", "failed to allocate memory", "alloc_failed", "memory_allocation", "insufficient memory"]
        .iter()
        .any(|words| reason.contains(words))
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    const FULL: &str = "CUDA failure 2: out of memory ; GPU=0 ; hostname=attic";

    /// A GPU with room for so many examples, and a processor behind it.
    struct Gpu {
        room: usize,
        reason: &'static str,
        given_up: Cell<bool>,
        attempts: RefCell<Vec<usize>>,
        told: RefCell<Vec<String>>,
    }

    impl Gpu {
        fn new(room: usize, reason: &'static str) -> Self {
            Self { room, reason, given_up: Cell::default(), attempts: RefCell::default(), told: RefCell::default() }
        }

        fn run(&self, n: usize, size: usize, limit: &Limit) -> Result<Vec<Outputs>, String> {
            let examples: Vec<Vec<f32>> = (0..n).map(|i| vec![i as f32]).collect();
            let examples: Vec<&[f32]> = examples.iter().map(Vec::as_slice).collect();
            let attempt = |examples: &[&[f32]]| {
                self.attempts.borrow_mut().push(examples.len());
                if !self.given_up.get() && examples.len() > self.room {
                    return Err(Failure::Device(self.reason.to_owned()));
                }
                Ok(examples.iter().map(|example| vec![example.to_vec()]).collect())
            };
            let give_up = |reason: &str| {
                self.given_up.set(true);
                self.told.borrow_mut().push(format!("given up: {reason}"));
            };
            let shrunk = |from, to| self.told.borrow_mut().push(format!("{from} to {to}"));
            in_batches(&examples, size, limit, attempt, give_up, shrunk)
        }
    }

    fn in_order(n: usize) -> Vec<Outputs> {
        (0..n).map(|i| vec![vec![i as f32]]).collect()
    }

    #[test]
    fn a_gpu_with_too_little_memory_gets_smaller_batches_and_that_is_said_once() {
        let (gpu, limit) = (Gpu::new(5, FULL), Limit::default());
        assert_eq!(gpu.run(20, 16, &limit).unwrap(), in_order(20));
        assert_eq!(*gpu.attempts.borrow(), [16, 8, 4, 4, 4, 4, 4]);
        assert_eq!(*gpu.told.borrow(), ["16 to 4"]);
        // What was learnt holds.
        assert_eq!(gpu.run(6, 16, &limit).unwrap(), in_order(6));
        assert_eq!(gpu.attempts.borrow()[7..], [4, 2]);
        assert_eq!(gpu.told.borrow().len(), 1);
    }

    #[test]
    fn a_gpu_without_memory_for_one_window_gives_way_to_the_processor_and_nothing_is_lost() {
        let (gpu, limit) = (Gpu::new(0, FULL), Limit::default());
        assert_eq!(gpu.run(5, 4, &limit).unwrap(), in_order(5));
        assert_eq!(*gpu.told.borrow(), [format!("given up: {FULL}")]);
    }

    #[test]
    fn a_gpu_that_goes_away_in_the_middle_gives_way_at_once() {
        let (gpu, limit) = (Gpu::new(2, "CUDA failure 999: unknown error"), Limit::default());
        assert_eq!(gpu.run(7, 4, &limit).unwrap(), in_order(7));
        assert_eq!(*gpu.attempts.borrow(), [4, 4, 3]);
        assert_eq!(gpu.told.borrow().len(), 1);
    }

    #[test]
    fn what_the_processor_refuses_is_not_tried_again() {
        let tries = Cell::new(0);
        let refuse = |_: &[&[f32]]| {
            tries.set(tries.get() + 1);
            Err(Failure::Final("no such output".to_owned()))
        };
        let said = in_batches(&[&[1.0], &[2.0]], 1, &Limit::default(), refuse, |_| panic!(), |_, _| panic!());
        assert_eq!((said, tries.get()), (Err("no such output".to_owned()), 1));
    }

    #[test]
    fn only_a_lack_of_memory_is_one() {
        for reason in [
            "Failed to allocate memory for requested buffer of size 1073741824",
            "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED",
            "CUDA error cudaErrorMemoryAllocation: out of memory",
        ] {
            assert!(is_out_of_memory(reason), "{reason}");
        }
        for reason in
            ["CUDA failure 100: no CUDA-capable device is detected", "an illegal memory access was encountered"]
        {
            assert!(!is_out_of_memory(reason), "{reason}");
        }
    }
}
