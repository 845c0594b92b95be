//! One inference thread for all workers: it gathers what they ask of a graph into batches, which is what a GPU wants.
//!
//! A batch is run when it is full, or when the oldest question in it has waited long enough. This knows questions and
//! time; what a graph is and where it runs is [`super::onnxruntime`]'s.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::Outputs;

/// How questions are gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// Examples in a batch at the most, at least 1. With 1 nothing is gathered.
    pub size: usize,
    /// How long a question waits for others.
    pub wait: Duration,
}

/// What answers questions, many at once.
pub(super) trait Answers: Send + Sync + 'static {
    /// The outputs for each example, in their order.
    fn answer(&self, examples: &[&[f32]]) -> Result<Vec<Outputs>, String>;
}

/// An answer that may still be on its way.
#[derive(Debug)]
pub(in crate::inference) enum Pending {
    /// It is here.
    Here(Result<Vec<Outputs>, String>),
    /// The inference thread is on it.
    Awaited(Receiver<Result<Vec<Outputs>, String>>),
}

impl Pending {
    /// The outputs for each example, in their order.
    pub(in crate::inference) fn wait(self) -> Result<Vec<Outputs>, String> {
        match self {
            Self::Here(outputs) => outputs,
            Self::Awaited(outputs) => outputs.recv().unwrap_or_else(|_| Err(ENDED.to_owned())),
        }
    }
}

const ENDED: &str = "the inference thread has ended";

struct Question<A> {
    to: Arc<A>,
    examples: Vec<Vec<f32>>,
    asked: Instant,
    answer: Sender<Result<Vec<Outputs>, String>>,
}

/// The inference thread. It ends when this is dropped, with every question answered.
#[derive(Debug)]
pub(super) struct Gatherer<A> {
    questions: Sender<Question<A>>,
}

impl<A: Answers> Gatherer<A> {
    /// Starts the thread; `batch` is asked for each batch anew.
    pub(super) fn start(batch: impl Fn() -> Batch + Send + 'static) -> std::io::Result<Self> {
        let (questions, asked) = channel();
        std::thread::Builder::new().name("inference".to_owned()).spawn(move || gather(&asked, &batch))?;
        Ok(Self { questions })
    }

    pub(super) fn ask(&self, to: &Arc<A>, examples: Vec<Vec<f32>>) -> Pending {
        let (answer, awaited) = channel();
        let question = Question { to: Arc::clone(to), examples, asked: Instant::now(), answer };
        match self.questions.send(question) {
            Ok(()) => Pending::Awaited(awaited),
            Err(_) => Pending::Here(Err(ENDED.to_owned())),
        }
    }
}

fn gather<A: Answers>(asked: &Receiver<Question<A>>, batch: &impl Fn() -> Batch) {
    let mut waiting: VecDeque<Question<A>> = VecDeque::new();
    loop {
        let oldest = match waiting.front() {
            Some(question) => question.asked,
            None => match asked.recv() {
                Ok(question) => {
                    waiting.push_back(question);
                    continue;
                }
                Err(_) => return,
            },
        };
        let Batch { size, wait } = batch();
        waiting.extend(asked.try_iter());
        let deadline = oldest + wait;
        let full = loop {
            if let Some(full) = first_full(&waiting, size) {
                break Some(full);
            }
            match asked.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(question) => waiting.push_back(question),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break None,
            }
        };
        if let Some(to) = full.or_else(|| waiting.front().map(|question| Arc::clone(&question.to))) {
            answer(&to, take(&mut waiting, &to, size));
        }
    }
}

/// Whom enough is asked for a batch.
fn first_full<A>(waiting: &VecDeque<Question<A>>, size: usize) -> Option<Arc<A>> {
    let examples = |to: &Arc<A>| -> usize {
        let own = waiting.iter().filter(|question| Arc::ptr_eq(&question.to, to));
        own.map(|question| question.examples.len()).sum()
    };
    waiting.iter().map(|question| &question.to).find(|to| examples(to) >= size).map(Arc::clone)
}

/// The oldest questions to one, until a batch is full. A question is not divided.
fn take<A>(waiting: &mut VecDeque<Question<A>>, to: &Arc<A>, size: usize) -> Vec<Question<A>> {
    let (mut taken, mut left, mut examples) = (Vec::new(), VecDeque::with_capacity(waiting.len()), 0);
    for question in waiting.drain(..) {
        let fits = examples == 0 || examples + question.examples.len() <= size;
        if Arc::ptr_eq(&question.to, to) && fits {
            examples += question.examples.len();
            taken.push(question);
        } else {
            left.push_back(question);
        }
    }
    *waiting = left;
    taken
}

fn answer<A: Answers>(to: &Arc<A>, questions: Vec<Question<A>>) {
    let examples: Vec<&[f32]> = questions.iter().flat_map(|q| q.examples.iter().map(Vec::as_slice)).collect();
    // Whoever asks has to be answered, whatever happens.
    let said = catch_unwind(AssertUnwindSafe(|| to.answer(&examples)))
        .unwrap_or_else(|_| Err("internal error in the inference thread; please report this bug".to_owned()));
    let mut said = match said {
        Ok(said) if said.len() == examples.len() => Ok(said.into_iter()),
        Ok(said) => Err(format!("{} answers to {} examples", said.len(), examples.len())),
        Err(reason) => Err(reason),
    };
    for question in questions {
        let own = match &mut said {
            Ok(said) => Ok(said.by_ref().take(question.examples.len()).collect()),
            Err(reason) => Err(reason.clone()),
        };
        // Who asked may have gone.
        let _ = question.answer.send(own);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Adds its number to what it is asked, and notes how much that was at once.
    struct Adder {
        number: f32,
        batches: Mutex<Vec<usize>>,
    }

    impl Adder {
        fn new(number: f32) -> Arc<Self> {
            Arc::new(Self { number, batches: Mutex::default() })
        }

        fn batches(&self) -> Vec<usize> {
            self.batches.lock().unwrap().clone()
        }
    }

    impl Answers for Adder {
        fn answer(&self, examples: &[&[f32]]) -> Result<Vec<Outputs>, String> {
            self.batches.lock().unwrap().push(examples.len());
            if examples.iter().any(|example| example[0] < 0.0) {
                panic!("negative");
            }
            Ok(examples.iter().map(|example| vec![vec![example[0] + self.number]]).collect())
        }
    }

    const FOR_EVER: Duration = Duration::from_secs(3600);

    fn gatherer(size: usize, wait: Duration) -> Gatherer<Adder> {
        Gatherer::start(move || Batch { size, wait }).unwrap()
    }

    fn said(pending: Pending) -> Vec<f32> {
        pending.wait().unwrap().into_iter().map(|outputs| outputs[0][0]).collect()
    }

    #[test]
    fn windows_of_several_tracks_are_run_together_and_each_gets_its_own_answer() {
        let (gatherer, adder) = (gatherer(4, FOR_EVER), Adder::new(0.5));
        let first = gatherer.ask(&adder, vec![vec![1.0]]);
        let second = gatherer.ask(&adder, vec![vec![2.0], vec![3.0]]);
        let third = gatherer.ask(&adder, vec![vec![4.0]]);
        assert_eq!((said(third), said(first), said(second)), (vec![4.5], vec![1.5], vec![2.5, 3.5]));
        assert_eq!(adder.batches(), [4]);
    }

    #[test]
    fn nobody_waits_for_a_batch_that_never_fills() {
        let (gatherer, adder) = (gatherer(1000, Duration::ZERO), Adder::new(1.0));
        assert_eq!(said(gatherer.ask(&adder, vec![vec![1.0]])), [2.0]);
    }

    #[test]
    fn models_are_not_mixed_and_one_that_has_enough_does_not_wait_for_another() {
        let (gatherer, slow, busy) = (gatherer(2, FOR_EVER), Adder::new(10.0), Adder::new(20.0));
        let lonely = gatherer.ask(&slow, vec![vec![1.0]]);
        let pair = [gatherer.ask(&busy, vec![vec![1.0]]), gatherer.ask(&busy, vec![vec![2.0]])].map(said);
        assert_eq!((pair, slow.batches()), ([vec![21.0], vec![22.0]], vec![]));
        assert_eq!(said(gatherer.ask(&slow, vec![vec![2.0]])), [12.0]);
        assert_eq!((said(lonely), slow.batches()), (vec![11.0], vec![2]));
    }

    #[test]
    fn a_track_with_more_windows_than_a_batch_holds_is_answered_whole() {
        let (gatherer, adder) = (gatherer(2, FOR_EVER), Adder::new(1.0));
        assert_eq!(said(gatherer.ask(&adder, vec![vec![1.0], vec![2.0], vec![3.0]])), [2.0, 3.0, 4.0]);
    }

    #[test]
    fn a_bug_in_one_batch_is_told_to_all_who_asked_and_the_next_is_answered() {
        let (gatherer, adder) = (gatherer(2, FOR_EVER), Adder::new(1.0));
        let pair = [vec![vec![-1.0]], vec![vec![1.0]]].map(|examples| gatherer.ask(&adder, examples));
        assert!(pair.into_iter().all(|pending| pending.wait().is_err()));
        assert_eq!(said(gatherer.ask(&adder, vec![vec![1.0], vec![2.0]])), [2.0, 3.0]);
    }

    #[test]
    fn the_last_questions_are_answered_before_the_end() {
        let (gatherer, adder) = (gatherer(100, FOR_EVER), Adder::new(1.0));
        let pending = gatherer.ask(&adder, vec![vec![1.0]]);
        drop(gatherer);
        assert_eq!(said(pending), [2.0]);
    }
}
