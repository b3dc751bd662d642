//! A minimal kernel for the saves, with the model checker's locks: threads with
//! slots, tokens with reference counts, and file objects with the driver's
//! locking protocol.

use loom::sync::Mutex;
use loom::thread::{self, ThreadId};
use psimp_nt::{Level, Luid, Sid, Status, TokenType};
use psimp_protocol::wire::{self, rules_flags::KERNEL_RULES};
use psimp_protocol::{ConnectionId, Ioctl, Operation, PROTOCOL_VERSION};
use psimp_service::{
    Caller, Connection, Kernel, Qos, Reply, SaveTable, Slot, Statistics, Token, TokenRef, dispatch,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// One reference on a token.
pub(crate) struct Reference {
    id: u64,
    /// References on this token. Counting is not a scheduling point, so it does
    /// not use the model checker's types.
    count: Arc<AtomicI64>,
    /// The thread that holds the lock of the file object.
    holder: Arc<Holder>,
}

type Holder = std::sync::Mutex<Option<ThreadId>>;

impl Clone for Reference {
    fn clone(&self) -> Self {
        self.count.fetch_add(1, Ordering::Relaxed);
        Self { id: self.id, count: self.count.clone(), holder: self.holder.clone() }
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        let before = self.count.fetch_sub(1, Ordering::Relaxed);
        assert!(before > 0, "a reference is given back twice");
        let holder = *self.holder.lock().expect("no panic");
        assert_ne!(holder, Some(thread::current().id()), "a reference is given back under the lock");
    }
}

impl Token for Reference {
    fn statistics(&self) -> Result<Statistics, Status> {
        Ok(Statistics {
            token_id: Luid(self.id),
            authentication_id: Luid(0xA1),
            token_type: TokenType::Impersonation,
            level: Level::Delegation,
        })
    }

    fn user(&self) -> Result<Sid, Status> {
        Ok(Sid::EVERYONE)
    }

    fn is_restricted(&self) -> bool {
        false
    }
}

/// Threads of one process, numbered, and one file object of it.
pub(crate) struct World {
    slots: Vec<Mutex<Option<Slot<Reference>>>>,
    saves: Mutex<Option<SaveTable<Reference>>>,
    holder: Arc<Holder>,
    counts: [Arc<AtomicI64>; 2],
}

impl World {
    /// A world with this many idle threads.
    pub(crate) fn new(threads: usize) -> Arc<Self> {
        Arc::new(Self {
            slots: (0..threads).map(|_| Mutex::new(None)).collect(),
            saves: Mutex::new(Some(SaveTable::new())),
            holder: Arc::default(),
            counts: Default::default(),
        })
    }

    /// Sends a request as this thread.
    fn send<I>(&self, thread: usize, operation: Operation, input: &I) -> Result<Reply, Status>
    where
        I: IntoBytes + Immutable,
    {
        let row = Ioctl::of(operation);
        let caller = Caller { from_user_mode: true, opened_file: true };
        let mut reply = Reply::EMPTY;
        dispatch(
            &Entered { world: self, thread },
            caller,
            row.code(),
            input.as_bytes(),
            Ok(row.output()),
            &mut reply,
        )
        .map(|()| reply)
    }

    /// SAVE of a thread's slot: the id, and the token and level in the reply.
    pub(crate) fn save(&self, thread: usize, of: usize) -> Result<(u64, u64, u32), Status> {
        let input = wire::Thread { version: PROTOCOL_VERSION, reserved: 0, thread: handle(of) };
        let reply = self.send(thread, Operation::Save, &input)?;
        let saved = wire::Saved::read_from_bytes(reply.as_bytes()).expect("a whole reply");
        Ok((saved.save, saved.slot.token_id, saved.slot.level))
    }

    /// RESTORE into a thread's own slot.
    pub(crate) fn restore(&self, thread: usize, save: u64) -> Result<(), Status> {
        let input = wire::Restore { flags: KERNEL_RULES, save, ..wire::Restore::EXAMPLE };
        self.send(thread, Operation::Restore, &input).map(drop)
    }

    /// DISCARD.
    pub(crate) fn discard(&self, thread: usize, save: u64) -> Result<(), Status> {
        let input = wire::Discard { version: PROTOCOL_VERSION, reserved: 0, save };
        self.send(thread, Operation::Discard, &input).map(drop)
    }

    /// END of another thread's impersonation.
    pub(crate) fn end(&self, thread: usize, on: usize) -> Result<(), Status> {
        let input = wire::Thread { version: PROTOCOL_VERSION, reserved: 0, thread: handle(on) };
        self.send(thread, Operation::End, &input).map(drop)
    }

    /// A thread impersonates token 1 or 2 at the level with the same number.
    pub(crate) fn impersonate(&self, thread: usize, token: u64) {
        let slot = Slot {
            token: self.token(token),
            copy_on_open: false,
            effective_only: false,
            level: level(token),
        };
        self.put(thread, Some(slot));
    }

    /// Closes the file object's last handle, as the driver's cleanup does.
    pub(crate) fn cleanup(&self) {
        let saves = self.locked(Option::take);
        drop(saves);
    }

    /// The token in a thread's slot and its level, 0 and 0 for an idle one.
    pub(crate) fn slot(&self, thread: usize) -> (u64, u32) {
        self.slots[thread]
            .lock()
            .expect("no panic")
            .as_ref()
            .map_or((0, 0), |slot| (slot.token.id, slot.level))
    }

    /// References on tokens 1 and 2.
    pub(crate) fn references(&self) -> [i64; 2] {
        self.counts.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    fn token(&self, id: u64) -> Reference {
        let count = self.counts[usize::try_from(id).expect("1 or 2") - 1].clone();
        count.fetch_add(1, Ordering::Relaxed);
        Reference { id, count, holder: self.holder.clone() }
    }

    fn put(&self, thread: usize, slot: Option<Slot<Reference>>) {
        let old = std::mem::replace(&mut *self.slots[thread].lock().expect("no panic"), slot);
        drop(old);
    }

    /// The driver's wait lock around the table.
    fn locked<R>(&self, work: impl FnOnce(&mut Option<SaveTable<Reference>>) -> R) -> R {
        let mut saves = self.saves.lock().expect("no panic");
        *self.holder.lock().expect("no panic") = Some(thread::current().id());
        let result = work(&mut saves);
        *self.holder.lock().expect("no panic") = None;
        result
    }
}

/// The level that is used with a token.
pub(crate) fn level(token: u64) -> u32 {
    u32::try_from(token).expect("1 or 2")
}

fn handle(thread: usize) -> u64 {
    4 * (thread as u64 + 1)
}

/// The kernel as called by one of the threads.
struct Entered<'a> {
    world: &'a World,
    thread: usize,
}

impl Kernel for Entered<'_> {
    type Thread = usize;
    type HandleToken = Reference;
    type PrimaryToken = Reference;
    type SlotToken = Reference;
    type Client = Reference;

    fn current_thread(&self) -> usize {
        self.thread
    }

    fn open_thread(&self, handle: u64, _access: u32) -> Result<usize, Status> {
        let number = (handle / 4).checked_sub(1).and_then(|number| usize::try_from(number).ok());
        number.filter(|number| *number < self.world.slots.len()).ok_or(Status::INVALID_HANDLE)
    }

    fn in_callers_process(&self, _thread: &usize) -> bool {
        true
    }

    fn is_terminating(&self, _thread: &usize) -> bool {
        false
    }

    fn open_token(&self, _handle: u64, _access: u32) -> Result<(Reference, u32), Status> {
        Err(Status::INVALID_HANDLE)
    }

    fn primary_token(&self, _thread: &usize) -> Reference {
        unreachable!("RESTORE leaves the decision to the kernel")
    }

    fn slot(&self, thread: &usize) -> Option<Slot<Reference>> {
        self.world.slots[*thread].lock().expect("no panic").clone()
    }

    fn is_same(&self, stored: &Reference, token: TokenRef<'_, Self>) -> bool {
        let (TokenRef::Handle(token) | TokenRef::Slot(token)) = token;
        stored.id == token.id
    }

    fn duplicate(&self, _token: TokenRef<'_, Self>, _level: Level) -> Result<Reference, Status> {
        Err(Status::INSUFFICIENT_RESOURCES)
    }

    fn impersonate(
        &self,
        thread: &usize,
        token: TokenRef<'_, Self>,
        copy_on_open: bool,
        effective_only: bool,
        level: Level,
    ) -> Result<(), Status> {
        let (TokenRef::Handle(token) | TokenRef::Slot(token)) = token;
        let slot = Slot { token: token.clone(), copy_on_open, effective_only, level: level as u32 };
        self.world.put(*thread, Some(slot));
        Ok(())
    }

    fn end_impersonation(&self, thread: &usize) -> Result<(), Status> {
        self.world.put(*thread, None);
        Ok(())
    }

    fn revert_to_self(&self) {
        self.world.put(self.thread, None);
    }

    fn with_saves<R>(&self, work: impl FnOnce(&mut SaveTable<Reference>) -> R) -> Result<R, Status> {
        // Without a table `work` is returned, to be dropped outside the lock.
        let done = self.world.locked(|saves| match saves {
            Some(saves) => Ok(work(saves)),
            None => Err(work),
        });
        done.map_err(|_work| Status::FILE_CLOSED)
    }

    fn next_client(&self, _after: ConnectionId) -> Option<(Connection, bool)> {
        None
    }

    fn accept(&self, _id: ConnectionId) -> Result<(Qos, Reference), Status> {
        Err(Status::NOT_FOUND)
    }

    fn finish_accept(&self, _id: ConnectionId, _served: bool) {}

    fn client_token<'c>(&self, client: &'c Reference) -> &'c Reference {
        client
    }

    fn impersonate_client(&self, _client: &Reference, _level: Level) -> Result<(), Status> {
        Err(Status::NOT_FOUND)
    }

    fn worker_access_check(&self, _descriptor: &[u8], _desired: u32) -> Result<(u32, Status), Status> {
        Err(Status::INVALID_SECURITY_DESCR)
    }

    fn access_check(&self, _descriptor: &[u8], _desired: u32) -> Result<(u32, Status), Status> {
        Err(Status::INVALID_SECURITY_DESCR)
    }
}
