//! Group Z: threads of the server process that act at the same time, as Windows schedules them, in many rounds.

use super::actor::Actor;
use super::connections::written;
use super::env::{CaseEnv, READ_WRITE, open_device};
use super::observe::OpenedToken;
use super::remote::{Remote, done};
use super::via_driver::{DeviceClient, words};
use crate::client::Contract;
use crate::driver::Failure;
use crate::native::client::Order;
use crate::native::system::device::Device;
use crate::native::system::handle::{AsHandle as _, OwnedHandle, number as value_of};
use crate::native::system::rights::ALL_OF_A_THREAD;
use crate::native::system::thread::{Scope, ScopedJoinHandle};
use crate::native::system::{process, thread};
use crate::observe::SlotView;
use crate::result::{Comparison, Mismatch, mismatch};
use crate::run::races::{Tally, name, tokens, which};
use parking_lot::Mutex;
use psimp_catalogue::{Act, ClientToken, Race, ThreadArg, TokenArg, Who};
use psimp_model::privileges;
use psimp_model::rights::TOKEN_ALL_ACCESS;
use psimp_nt::Status;
use psimp_protocol::RulesMode;
use psimp_protocol::wire::Slot;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

/// The most rounds, and how long a row may take where a round takes longer than usual: far less than the harness waits
/// for a server. A rehearsal looks for defects of the harness alone.
const MOST: (u64, Duration) =
    if cfg!(windows) { (2_000, Duration::from_secs(3)) } else { (100, Duration::from_millis(200)) };

/// The handle of the first server that client process Q keeps.
const OF_Q: usize = 0;

/// Plays a race until it has had its rounds or its time; stops at the first difference.
pub(super) fn run(actor: &Actor<'_, '_>, race: &'static Race) -> Comparison {
    let broken = |what: &str, failure: Failure| vec![mismatch(what, "success", failure.to_string())];
    let rules = race.rules.unwrap_or(actor.rules());
    let allowed = race.ends.of(actor.env.kernel, rules == RulesMode::Documented);
    let stage = Stage::new(actor, race, rules).map_err(|failure| broken("start", failure))?;
    let mut tally = Tally::new(allowed);
    let (start, (rounds, time)) = (Instant::now(), MOST);
    while tally.total() < rounds && start.elapsed() < time {
        let round = stage.round();
        let found = stage.found.lock().drain(..).collect::<Vec<_>>();
        if !found.is_empty() {
            return Err(found);
        }
        tally.count(which(allowed, &round, None).map_err(|other| vec![other])?);
    }
    let reused = *stage.reused.lock();
    let reused =
        if reused == 0 { String::new() } else { format!(", a handle's value came again {reused} times") };
    Ok(format!("{} rounds at liberty{reused}: {}", tally.total(), tally.words()))
}

/// What the threads of a race share from round to round.
struct Stage<'a> {
    env: &'a CaseEnv,
    race: &'static Race,
    rules: RulesMode,
    tokens: Vec<ClientToken>,
    /// A handle of the device for each other thread: requests on one synchronous handle would wait for each other.
    devices: BTreeMap<Who, Device>,
    /// Client process Q, which keeps a handle of T1's.
    remote: Option<Arc<Remote>>,
    found: Mutex<Vec<Mismatch>>,
    /// How often a handle got the value of a closed one.
    reused: Mutex<u64>,
}

/// What the threads share in one round.
#[derive(Default)]
struct Round {
    threads: Mutex<BTreeMap<Who, (u32, Arc<OwnedHandle>)>>,
    /// Handles by the race's numbers: the value, and the handle while it is open.
    handles: Mutex<BTreeMap<usize, (u64, Option<OwnedHandle>)>>,
    saves: Mutex<BTreeMap<usize, u64>>,
}

/// A thread beside T1, for one round.
struct Part {
    /// Its acts are over; whether it exits then.
    over: Receiver<bool>,
    /// Dropped to let it exit.
    end: Sender<()>,
}

impl<'a> Stage<'a> {
    fn new(actor: &Actor<'_, 'a>, race: &'static Race, rules: RulesMode) -> Result<Self, Failure> {
        let (mut devices, mut remote) = (BTreeMap::new(), None);
        for (who, _) in race.parts {
            match who {
                Who::T1 => (),
                Who::Q => {
                    let process = actor.remote_of(Who::Q)?;
                    let handle = process::give(process.process.as_handle(), actor.device()?.as_handle())?;
                    process.order(Order::Keep { handle, keep: OF_Q }).and_then(done)?;
                    remote = Some(process);
                }
                who => drop(devices.insert(*who, open_device(READ_WRITE)?)),
            }
        }
        let (found, reused) = (Mutex::default(), Mutex::default());
        Ok(Self { env: actor.env, race, rules, tokens: tokens(race), devices, remote, found, reused })
    }

    /// One round; returns the slots that the race's ends name.
    fn round(&self) -> Vec<(Who, String)> {
        let round = Round::default();
        if self.race.parts.iter().any(|(_, acts)| acts.iter().any(|act| matches!(act, Act::Privilege(_)))) {
            self.tell(Who::T1, "AdjustTokenPrivileges", self.privilege(true));
        }
        let first = Player { stage: self, round: &round, who: Who::T1 };
        let others = self.others();
        let together = Barrier::new(others.len() + 1);
        thread::scope(|scope| {
            let begin =
                |(who, acts): &(Who, &'static [Act])| self.begin(scope, &round, *who, acts, &together);
            let parts: Vec<_> = others.iter().map(begin).collect();
            first.acts(self.race.before);
            together.wait();
            let own = self.race.parts.iter().find(|(who, _)| *who == Who::T1);
            first.acts(own.map_or(&[][..], |(_, acts)| acts));
            let mut waiting = Vec::new();
            for (Part { over, end }, thread) in parts {
                // A thread that has ended without a word has panicked.
                if over.recv().unwrap_or(true) {
                    // Its part is over only once it is gone.
                    if let Err(panic) = thread.join() {
                        std::panic::resume_unwind(panic);
                    }
                } else {
                    waiting.push(end);
                }
            }
            first.acts(self.race.after);
            let slots = self.slots(&first);
            let reverted = thread::set_token(thread::current(), None);
            self.tell(Who::T1, "RevertToSelf", reverted.map_err(Failure::from));
            drop(waiting);
            slots
        })
    }

    /// The threads beside T1 with their parts, and those of which only the slots are at stake.
    fn others(&self) -> Vec<(Who, &'static [Act])> {
        let parts = self.race.parts.iter().copied().filter(|(who, _)| *who != Who::T1);
        let mut others: Vec<_> = parts.collect();
        for (who, _) in self.slots_at_stake() {
            if *who != Who::T1 && !others.iter().any(|(other, _)| other == who) {
                others.push((*who, &[]));
            }
        }
        others
    }

    /// Threads and slots of one of the ends: all of them name the same threads.
    fn slots_at_stake(&self) -> &'static [(Who, &'static str)] {
        let ends = self.race.ends.of(self.env.kernel, self.rules == RulesMode::Documented);
        ends.first().map_or(&[][..], |end| end.slots)
    }

    /// A thread that waits for the others, acts, and then keeps its slot until it is let go.
    fn begin<'scope, 'env>(
        &'env self,
        scope: &'scope Scope<'scope, 'env>,
        round: &'env Round,
        who: Who,
        acts: &'static [Act],
        together: &'env Barrier,
    ) -> (Part, ScopedJoinHandle<'scope, ()>) {
        let (told, id) = channel();
        let (ended, over) = channel();
        let (end, wait) = channel();
        let thread = thread::spawn_in(scope, move || {
            // The other ends of these live as long as the round.
            let _ = told.send(thread::current_id());
            together.wait();
            let exits = Player { stage: self, round, who }.acts(acts);
            let _ = ended.send(exits);
            if !exits {
                let _ = wait.recv();
            }
        });
        let id = id.recv().unwrap_or_default();
        match self.env.clerk.open_thread(id, ALL_OF_A_THREAD) {
            Ok(handle) => drop(round.threads.lock().insert(who, (id, Arc::new(handle)))),
            Err(error) => self.differ(who, "OpenThread", "success", &error.to_string()),
        }
        (Part { over, end }, thread)
    }

    /// The slots that the ends name, in their order.
    fn slots(&self, first: &Player<'_, '_>) -> Vec<(Who, String)> {
        let slot = |who: Who| match who {
            Who::T1 => first.queried(ThreadArg::Own),
            Who::Q => self.remote.as_ref().map_or_else(
                || "no process Q".to_owned(),
                |remote| {
                    // By the clerk: this thread may still impersonate.
                    let told = self.env.clerk.order(remote.clone(), Order::Look).map_err(Failure::from);
                    let told = told.and_then(|told| told).and_then(super::remote::text);
                    told.unwrap_or_else(|failure| failure.to_string())
                },
            ),
            who => first.queried(ThreadArg::Of(who)),
        };
        self.slots_at_stake().iter().map(|(who, _)| (*who, slot(*who))).collect()
    }

    fn privilege(&self, enabled: bool) -> Result<(), Failure> {
        Ok(self.env.clerk.set_privilege(privileges::IMPERSONATE.into(), enabled)?)
    }

    /// A slot in the notation: a copy is one of the race's tokens'.
    fn words(&self, slot: Option<&SlotView>) -> String {
        let mut readings = self.tokens.iter().map(|tok| words(self.env, slot, Some(*tok)));
        let whose = readings.find(|words| !words.starts_with("copy of something"));
        whose.unwrap_or_else(|| words(self.env, slot, None))
    }

    fn differ(&self, who: Who, what: &str, expected: &str, observed: &str) {
        self.found.lock().push(mismatch(&format!("{who:?}: {what}"), expected, observed));
    }

    /// Records what a call of the harness's own returns, unless it is a success.
    fn tell(&self, who: Who, call: &str, result: Result<(), Failure>) {
        if let Err(failure) = result {
            self.differ(who, call, "success", &failure.to_string());
        }
    }
}

/// A thread in one round.
struct Player<'a, 'env> {
    stage: &'a Stage<'env>,
    round: &'a Round,
    who: Who,
}

impl Player<'_, '_> {
    /// Carries out acts; returns whether the thread exits.
    fn acts(&self, acts: &'static [Act]) -> bool {
        for act in acts {
            match *act {
                Act::Exit => return true,
                Act::Repeat(times, acts) => {
                    for _ in 0..times {
                        if self.acts(acts) {
                            return true;
                        }
                    }
                }
                _ => self.act(act),
            }
        }
        false
    }

    // The methods as paths are not general over the client's lifetime.
    #[allow(clippy::redundant_closure_for_method_calls)]
    fn act(&self, act: &'static Act) {
        let (stage, what) = (self.stage, name(act));
        match *act {
            Act::Impersonate { on, token, copy_on_open, effective_only, level, allowed } => {
                let done = self.token(token).and_then(|token| {
                    self.request(on, |client| {
                        client.impersonate_by(token, copy_on_open, effective_only, level, stage.rules)
                    })
                });
                self.ended(what, done, allowed);
            }
            Act::End(on, allowed) => self.ended(what, self.request(on, |client| client.end()), allowed),
            Act::Revert => {
                let done = self.request(ThreadArg::Own, |client| client.revert());
                self.ended(what, done, &[Status::SUCCESS]);
            }
            Act::Query(on, slots, statuses) => {
                self.told(what, self.request(on, |client| client.query()), slots, statuses);
            }
            Act::Save(on, number, slots, statuses) => {
                let saved = self.request(on, |client| client.save()).map(|saved| {
                    self.round.saves.lock().insert(number, saved.save);
                    saved.slot
                });
                self.told(what, saved, slots, statuses);
            }
            Act::Restore(on, number, allowed) => {
                let id = self.save(number);
                self.ended(what, self.request(on, |client| client.restore(id, stage.rules)), allowed);
            }
            Act::Discard(number, allowed) => {
                let id = self.save(number);
                self.ended(what, self.request(ThreadArg::Own, |client| client.discard(id)), allowed);
            }
            ref act => self.outside(act),
        }
    }

    /// Acts of programs.
    fn outside(&self, act: &'static Act) {
        let (stage, what) = (self.stage, name(act));
        match *act {
            Act::TokenHandle(number, tok) => self.keep(what, number, self.token_handle(tok)),
            Act::ThreadHandle(number, who) => {
                let id = self.round.threads.lock().get(&who).map_or(0, |(id, _)| *id);
                let opened = stage.env.clerk.open_thread(id, ALL_OF_A_THREAD).map_err(Failure::from);
                self.keep(what, number, opened);
            }
            Act::CloseHandle(number) => {
                let handle = self.round.handles.lock().get_mut(&number).and_then(|(_, handle)| handle.take());
                if handle.is_none() {
                    stage.differ(self.who, what, "an open handle", "none");
                }
            }
            Act::ReuseHandle(number, tok) => {
                let before = self.handle(number);
                self.keep(what, number, self.token_handle(tok));
                // Windows chooses the values of handles: the race is one where it is the same.
                if before == self.handle(number) {
                    *stage.reused.lock() += 1;
                }
            }
            Act::Open(who, allowed) => {
                let opened = if who == self.who {
                    OpenedToken::of(thread::current(), true)
                } else {
                    let threads = self.round.threads.lock();
                    let thread = threads.get(&who).map(|(_, handle)| handle.clone());
                    drop(threads);
                    match thread {
                        Some(thread) => OpenedToken::of(thread.as_handle(), true),
                        None => return stage.differ(self.who, what, "a thread", "none"),
                    }
                };
                let words = opened.open(None);
                self.one_of(what, words.trim_start_matches("new "), allowed, &[]);
            }
            Act::Privilege(enabled) => stage.tell(self.who, what, stage.privilege(enabled)),
            Act::Cancel(allowed) => {
                // Of the requests of T1, on its handle.
                let device = stage.env.driver.as_ref().map(|(device, _)| device);
                let cancelled = device.map_or(Err(Status::INVALID_HANDLE), Device::cancel);
                self.ended(what, cancelled.map_err(Failure::from), allowed);
            }
            // Nothing tells user mode.
            Act::References(..) => (),
            ref other => stage.differ(self.who, what, "an act of user mode", &format!("{other:?}")),
        }
    }

    /// Sends a request that names this thread.
    fn request<T>(
        &self,
        on: ThreadArg,
        send: impl FnOnce(&Caller<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let threads = self.round.threads.lock();
        let of = |who: Who| threads.get(&who).map(|(id, handle)| (*id, handle.clone()));
        let missing = || Failure::Fault("the race has no such thread".to_owned());
        let (about, held) = match on {
            ThreadArg::Own => (0, None),
            ThreadArg::Of(who) => {
                let (_, handle) = of(who).ok_or_else(missing)?;
                (value_of(handle.as_handle()), Some(handle))
            }
            ThreadArg::Handle(number) => (self.handle(number), None),
            ThreadArg::Id(who) => (of(who).ok_or_else(missing)?.0.into(), None),
        };
        drop(threads);
        let answer = match (&self.stage.remote, self.stage.devices.get(&self.who)) {
            (Some(remote), _) if self.who == Who::Q => send(&Caller::Remote(remote)),
            (_, Some(device)) => send(&Caller::Own(DeviceClient { device, about })),
            (_, None) => {
                let device = self.stage.env.driver.as_ref().map(|(device, _)| device);
                let device = device.ok_or_else(|| Failure::Fault("there is no device".to_owned()))?;
                send(&Caller::Own(DeviceClient { device, about }))
            }
        };
        drop(held);
        answer
    }

    fn token_handle(&self, tok: ClientToken) -> Result<OwnedHandle, Failure> {
        let token = self.stage.env.token(tok)?;
        Ok(thread::duplicate_handle(token.as_handle(), TOKEN_ALL_ACCESS)?)
    }

    /// Keeps a handle under a number.
    fn keep(&self, what: &str, number: usize, handle: Result<OwnedHandle, Failure>) {
        match handle {
            Ok(handle) => {
                let value = value_of(handle.as_handle());
                self.round.handles.lock().insert(number, (value, Some(handle)));
            }
            Err(failure) => self.stage.differ(self.who, what, "success", &failure.to_string()),
        }
    }

    fn token(&self, token: TokenArg) -> Result<u64, Failure> {
        match token {
            TokenArg::Token(tok) => Ok(self.stage.env.token(tok)?.number()),
            TokenArg::Handle(number) => Ok(self.handle(number)),
        }
    }

    fn handle(&self, number: usize) -> u64 {
        self.round.handles.lock().get(&number).map_or(0, |(value, _)| *value)
    }

    fn save(&self, number: usize) -> u64 {
        self.round.saves.lock().get(&number).copied().unwrap_or_default()
    }

    /// The slot of a thread in the notation, by QUERY.
    fn queried(&self, on: ThreadArg) -> String {
        let told = self.request(on, |client| client.query()).map_err(|failure| failure.to_string());
        match told.and_then(|slot| SlotView::from_reply(&slot)) {
            Ok(slot) => self.stage.words(slot.as_ref()),
            Err(why) => why,
        }
    }

    fn ended<T>(&self, what: &str, result: Result<T, Failure>, allowed: &[Status]) {
        let observed = result.map_or_else(|failure| failure.to_string(), |_| Status::SUCCESS.to_string());
        self.one_of(what, &observed, &[], allowed);
    }

    /// Checks that the reported slot is one of `slots`, or the status one of `statuses`.
    fn told(&self, what: &str, answer: Result<Slot, Failure>, slots: &[&str], statuses: &[Status]) {
        let told = answer.map_err(|failure| failure.to_string());
        let observed = match told.and_then(|slot| SlotView::from_reply(&slot)) {
            Ok(slot) => self.stage.words(slot.as_ref()),
            Err(why) => why,
        };
        self.one_of(what, &observed, slots, statuses);
    }

    fn one_of(&self, what: &str, observed: &str, words: &[&str], statuses: &[Status]) {
        let statuses = statuses.iter().map(ToString::to_string);
        let allowed: Vec<_> = words.iter().map(|words| (*words).to_owned()).chain(statuses).collect();
        if !allowed.iter().any(|allowed| allowed == observed) {
            self.stage.differ(self.who, what, &allowed.join(" or "), observed);
        }
    }
}

/// The sender of a request.
enum Caller<'a> {
    /// A thread of this process.
    Own(DeviceClient<'a>),
    /// The thread of client process Q, on a handle that this process has opened.
    Remote(&'a Remote),
}

impl Contract for Caller<'_> {
    fn about(&self) -> u64 {
        match self {
            Self::Own(client) => client.about(),
            Self::Remote(_) => 0,
        }
    }

    fn control(&self, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, Failure> {
        match self {
            Self::Own(client) => client.control(code, input, output),
            Self::Remote(remote) => {
                let order = Order::Control { to: OF_Q, code, input: input.to_vec(), output: output.to_vec() };
                written(remote.order(order)?, output)
            }
        }
    }
}
