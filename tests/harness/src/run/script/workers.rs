//! The threads of a script as threads of the operating system.

use super::{Run, Stage};
use psimp_catalogue::{Step, Who};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Scope, ScopedJoinHandle};

/// Steps to carry out, and whom to tell when that is done.
type Part = (&'static [Step], Sender<()>);

/// The threads that one thread directs. Each waits for its next part until the
/// troupe is gone.
pub(super) struct Troupe<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    players: BTreeMap<Who, Player<'scope>>,
}

struct Player<'scope> {
    parts: Sender<Part>,
    thread: ScopedJoinHandle<'scope, ()>,
}

impl<'scope, 'env> Troupe<'scope, 'env> {
    /// Nobody yet.
    pub(super) fn of(scope: &'scope Scope<'scope, 'env>) -> Self {
        Self { scope, players: BTreeMap::new() }
    }

    /// Lets a thread carry out steps, and waits for it.
    pub(super) fn play(&mut self, stage: &'env Stage<'env>, who: Who, steps: &'static [Step]) {
        self.cue(stage, who, steps)();
    }

    /// What makes a thread carry out steps when it is called, wherever that is.
    pub(super) fn cue(
        &mut self,
        stage: &'env Stage<'env>,
        who: Who,
        steps: &'static [Step],
    ) -> impl FnOnce() + Send + use<> {
        let player = self.player(stage, who);
        let (parts, itself) = (player.parts.clone(), player.thread.thread().id());
        move || {
            // Where something failed before, the thread may get to the place
            // where it was to meet another, and would wait for itself.
            if std::thread::current().id() == itself {
                return;
            }
            let (done, wait) = channel();
            // A player that is gone has panicked, which fails the test when
            // the scope ends.
            if parts.send((steps, done)).is_ok() {
                let _ = wait.recv();
            }
        }
    }

    /// A thread ends, with all that its own stack refers to.
    pub(super) fn dismiss(&mut self, who: Who) {
        if let Some(Player { parts, thread }) = self.players.remove(&who) {
            drop(parts);
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    }

    fn player(&mut self, stage: &'env Stage<'env>, who: Who) -> &Player<'scope> {
        let scope = self.scope;
        self.players.entry(who).or_insert_with(|| {
            let (parts, waiting) = channel();
            let thread = scope.spawn(move || act(scope, stage, who, &waiting));
            Player { parts, thread }
        })
    }
}

fn act<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    stage: &'env Stage<'env>,
    who: Who,
    parts: &Receiver<Part>,
) {
    let mut run = Run::new(stage, who, stage.machine(who), Troupe::of(scope));
    while let Ok((steps, done)) = parts.recv() {
        run.steps(steps);
        // Whoever directs may have stopped waiting.
        let _ = done.send(());
    }
}
