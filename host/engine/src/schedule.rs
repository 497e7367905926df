//! The thread pool: one queue of jobs over all files, artifacts and plugins.
//!
//! Jobs that belong to a file already begun go first, so that few files are open at once. A job that panics (a defect of ours;
//! plugins can't) costs its file a gap, not the scan.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Native stack of a worker: wasm may use 1 MiB of it, the host's frames and libraries the rest.
const STACK: usize = 8 << 20;

/// Locks even after a panic elsewhere: every critical section leaves its data whole.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Queue<J> {
    jobs: VecDeque<J>,
    running: usize,
}

/// Where a job puts the jobs that follow from it.
pub struct Pool<J> {
    queue: Mutex<Queue<J>>,
    changed: Condvar,
}

impl<J: Send> Pool<J> {
    /// Adds jobs before all others, in their order.
    pub fn first(&self, jobs: impl IntoIterator<Item = J, IntoIter: DoubleEndedIterator>) {
        let mut queue = lock(&self.queue);
        for job in jobs.into_iter().rev() {
            queue.jobs.push_front(job);
        }
        drop(queue);
        self.changed.notify_all();
    }

    fn next(&self) -> Option<J> {
        let mut queue = lock(&self.queue);
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                queue.running += 1;
                return Some(job);
            }
            if queue.running == 0 {
                return None;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn done(&self) {
        let mut queue = lock(&self.queue);
        queue.running -= 1;
        let over = queue.running == 0 && queue.jobs.is_empty();
        drop(queue);
        if over {
            self.changed.notify_all();
        }
    }
}

/// Runs jobs, and those that follow from them, on that many threads until none is left.
pub fn run<J: Send>(threads: usize, jobs: Vec<J>, work: impl Fn(&Pool<J>, J) + Sync) {
    let pool = Arc::new(Pool { queue: Mutex::new(Queue { jobs: jobs.into(), running: 0 }), changed: Condvar::new() });
    let worker = || {
        while let Some(job) = pool.next() {
            let _ = catch_unwind(AssertUnwindSafe(|| work(&pool, job)));
            pool.done();
        }
    };
    std::thread::scope(|scope| {
        for number in 0..threads.max(1) {
            let builder = std::thread::Builder::new().name(format!("scan-{number}")).stack_size(STACK);
            if builder.spawn_scoped(scope, worker).is_err() && number == 0 {
                // No thread can be made: do it here, as slowly as it takes. The main thread's stack suffices.
                worker();
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn jobs_that_follow_from_jobs_are_done_and_a_panic_ends_nothing() {
        for threads in [1, 2, 7] {
            let sum = AtomicU64::new(0);
            run(threads, (0..50u64).collect(), |pool: &Pool<u64>, job| {
                if job == 13 {
                    std::panic::resume_unwind(Box::new("a job panics"));
                }
                if job < 50 {
                    pool.first([job + 100, job + 1000]);
                }
                sum.fetch_add(job, Ordering::Relaxed);
            });
            let all: u64 = (0..50).filter(|j| *j != 13).map(|j| j + j + 100 + j + 1000).sum();
            assert_eq!(sum.into_inner(), all);
        }
    }
}
