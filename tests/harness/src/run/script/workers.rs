//! The threads of a script as threads of the operating system.

use super::{Run, ScriptEnv};
use psimp_catalogue::{Step, Who};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Scope, ScopedJoinHandle};

/// Steps to carry out, and the channel to signal when they are done.
type Work = (&'static [Step], Sender<()>);

/// The threads that one thread controls. Each waits for more steps until the
/// workers are dropped.
pub(super) struct Workers<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    workers: BTreeMap<Who, Worker<'scope>>,
}

struct Worker<'scope> {
    parts: Sender<Work>,
    thread: ScopedJoinHandle<'scope, ()>,
}

impl<'scope, 'env> Workers<'scope, 'env> {
    /// No threads yet.
    pub(super) fn of(scope: &'scope Scope<'scope, 'env>) -> Self {
        Self { scope, workers: BTreeMap::new() }
    }

    /// Lets a thread carry out steps, and waits for it.
    pub(super) fn run_on(&mut self, env: &'env ScriptEnv<'env>, who: Who, steps: &'static [Step]) {
        self.run_later(env, who, steps)();
    }

    /// A function that makes a thread carry out steps, whichever thread calls it.
    pub(super) fn run_later(
        &mut self,
        env: &'env ScriptEnv<'env>,
        who: Who,
        steps: &'static [Step],
    ) -> impl FnOnce() + Send + use<> {
        let worker = self.worker(env, who);
        let (parts, itself) = (worker.parts.clone(), worker.thread.thread().id());
        move || {
            // After an earlier failure the thread itself may reach the point
            // at which it would call this, and would wait for itself.
            if std::thread::current().id() == itself {
                return;
            }
            let (done, wait) = channel();
            // A thread that has ended has panicked, which fails the test
            // when the scope ends.
            if parts.send((steps, done)).is_ok() {
                let _ = wait.recv();
            }
        }
    }

    /// A thread ends, and drops what its stack refers to.
    pub(super) fn dismiss(&mut self, who: Who) {
        if let Some(Worker { parts, thread }) = self.workers.remove(&who) {
            drop(parts);
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    }

    fn worker(&mut self, env: &'env ScriptEnv<'env>, who: Who) -> &Worker<'scope> {
        let scope = self.scope;
        self.workers.entry(who).or_insert_with(|| {
            let (parts, waiting) = channel();
            let thread = scope.spawn(move || act(scope, env, who, &waiting));
            Worker { parts, thread }
        })
    }
}

fn act<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    env: &'env ScriptEnv<'env>,
    who: Who,
    parts: &Receiver<Work>,
) {
    let mut run = Run::new(env, who, env.machine(who), Workers::of(scope));
    while let Ok((steps, done)) = parts.recv() {
        run.steps(steps);
        // The thread that sent the work may have stopped waiting.
        let _ = done.send(());
    }
}
