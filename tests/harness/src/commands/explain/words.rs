//! The steps of a script in words.

use crate::notation;
use psimp_catalogue::{Broker, ClientToken, Context, Judge, Memory, Object, Program, Securable, Step};
use psimp_nt::Status;

/// One call or look, without the steps inside it.
pub(super) fn words(step: &Step) -> String {
    match *step {
        Step::Impersonate { token, copy_on_open, effective_only, level, status } => {
            let flags = [(copy_on_open, ", copy-on-open"), (effective_only, ", effective-only")];
            let flags: String = flags.iter().filter(|flag| flag.0).map(|flag| flag.1).collect();
            format!(
                "impersonate {} at {}{flags}{}",
                token.name(),
                notation::level(level),
                unless_success(status)
            )
        }
        Step::End { copy_on_open: false, effective_only: false, level: 0 } => {
            "impersonate no token".to_owned()
        }
        Step::End { level, .. } => {
            format!(
                "impersonate no token, with flags and a level ({}) that do not count",
                notation::level(level)
            )
        }
        Step::Revert => "revert".to_owned(),
        Step::DereferenceNull => "dereference no impersonation token".to_owned(),
        Step::EffectiveToken { token, .. } => {
            format!("the effective token is {}", token.map_or("the process's", ClientToken::name))
        }
        Step::DisablePrivilege => "the process's SeImpersonatePrivilege is disabled".to_owned(),
        Step::BecomeServer(server) => format!("the process's primary token becomes {}", server.name()),
        Step::Attach(server) => format!("attach to a process whose primary token is {}", server.name()),
        Step::Detach => "detach".to_owned(),
        Step::Save(number) => format!("save the slot as {number}"),
        Step::SaveMany(count) => format!("save the slot {count} times"),
        Step::SaveRefused(status) => format!("save the slot: {status}"),
        Step::Restore(number, status) => format!("restore save {number}{}", unless_success(status)),
        Step::RestoreId(id, status) => format!("restore the save of id {id:#x}: {status}"),
        Step::RestoreOnOtherFile(number, status) => {
            format!("restore save {number} through another open of the device: {status}")
        }
        Step::Discard(number, status) => format!("discard save {number}{}", unless_success(status)),
        Step::Disable(number) => format!("disable impersonation, kept as {number}"),
        Step::RestoreDisabled(number) => format!("restore the impersonation disabled as {number}"),
        Step::Program(ref program) => self::program(program),
        Step::Judge(ref judge) => self::judge(judge),
        Step::Context(ref context) => self::context(context),
        Step::Broker(ref broker) => self::broker(broker),
        Step::Memory(memory) => self::memory(memory),
        Step::Object(ref object) => self::object(object),
        // Steps that contain steps, and checks, are described by the caller.
        ref other => format!("{other:?}"),
    }
}

fn program(program: &Program) -> String {
    match *program {
        Program::ThreadHandle(number, who, access) => {
            format!("{} is a handle of thread {who:?} with access {access:#x}", handle(number))
        }
        Program::TokenHandle(number, tok, access) => {
            format!("{} is a handle of token {} with access {access:#x}", handle(number), tok.name())
        }
        Program::Open(number, object, desired) => {
            format!("{} opens {} with access {desired:#x}", handle(number), securable(object))
        }
        Program::Grants(number, access) => format!("{} grants {access:#x}", handle(number)),
        Program::Close(number) => format!("{} is closed", handle(number)),
        Program::OpenOwn { as_self, ref expected } => {
            let same = expected.documented == expected.win10 && expected.nt52 == expected.win10;
            let values = if same {
                notation::open(expected.win10)
            } else {
                let by =
                    [("win10", expected.win10), ("nt52", expected.nt52), ("documented", expected.documented)];
                by.map(|(kernel, open)| format!("on {kernel} {}", notation::open(open))).join("; ")
            };
            format!("OpenThreadToken of the own thread {}: {values}", as_whom(as_self))
        }
        Program::OpenProcess { desired, keep, status } => format!(
            "OpenProcessToken of the own process with access {desired:#x}, {} from then on{}",
            handle(keep),
            unless_success(status)
        ),
        Program::OpenToken { thread, desired, as_self, keep, status } => format!(
            "OpenThreadToken of {} with access {desired:#x} {}, {} from then on{}",
            handle(thread),
            as_whom(as_self),
            handle(keep),
            unless_success(status)
        ),
        Program::SetThreadTokenNull => "SetThreadToken of the own thread, no token".to_owned(),
        Program::SetThreadToken { thread, token, status } => {
            format!("SetThreadToken of {}, {}{}", handle(thread), handle(token), unless_success(status))
        }
        Program::SetInformation { token, length, status } => {
            let token = handle(token);
            format!("NtSetInformationThread with {length} bytes of {token}{}", unless_success(status))
        }
        Program::Duplicate { token, level, status } => {
            format!(
                "DuplicateTokenEx of {} at {}{}",
                handle(token),
                notation::level(level),
                unless_success(status)
            )
        }
        Program::MakePrimary { token, status } => {
            format!("DuplicateTokenEx of {} to a primary token{}", handle(token), unless_success(status))
        }
        Program::CreateProcessAsUser { token, runs_as } => {
            let runs_as = runs_as
                .map_or_else(|status| status.to_string(), |user| format!("it runs as {}", user.name()));
            format!("CreateProcessAsUser with {}: {runs_as}", handle(token))
        }
        Program::Restrict { token, keep } => {
            format!("CreateRestrictedToken of {}, {} from then on", handle(token), handle(keep))
        }
        Program::Tells { token, user, integrity } => format!(
            "{} returns its groups and privileges, the user {} and the integrity {integrity:#X}",
            handle(token),
            user.name()
        ),
        Program::EnableDisabled(token) => format!("what is disabled in {} is enabled", handle(token)),
        Program::ImpersonateThread { server, client, level, status } => {
            let (server, client) = (handle(server), handle(client));
            format!(
                "NtImpersonateThread of {server} as {client} at {}{}",
                notation::level(level),
                unless_success(status)
            )
        }
        Program::ImpersonateSelf(level) => format!("ImpersonateSelf at {}", notation::level(level)),
        Program::ImpersonateAnonymous(status) => {
            format!("ImpersonateAnonymousToken of the own thread{}", unless_success(status))
        }
        Program::ChildRunsAs(user) => format!("a process created now runs as {}", user.name()),
        Program::NewThreadIsIdle => "a thread created now does not impersonate".to_owned(),
        Program::DefineDrive(logon) => format!("a drive letter of logon session {logon:?}"),
        Program::ResolveDrive(status) => format!("look up the drive letter: {status}"),
        Program::TebImpersonating(expected) => format!("Teb.IsImpersonating is {expected}"),
    }
}

fn judge(judge: &Judge) -> String {
    match *judge {
        Judge::Open(object, desired, status) => {
            format!("open {} with access {desired:#x}: {status}", securable(object))
        }
        Judge::OpenNested(object, status) => {
            format!("open {} below a directory that grants nothing: {status}", securable(object))
        }
        Judge::KernelMode(object, status) => {
            format!("SeAccessCheck of {} for kernel mode: {status}", securable(object))
        }
        Judge::Privilege(held) => format!("SeSinglePrivilegeCheck of SeBackupPrivilege: {held}"),
        Judge::Token(token, object, status) => {
            format!("NtAccessCheck of {} with {}: {status}", securable(object), handle(token))
        }
        Judge::Worker(object, caller, worker) => {
            format!("WORKER_CHECK of {}: caller {caller}, worker {worker}", securable(object))
        }
        Judge::TokenPrivilege(token, expected) => {
            let expected = expected.map_or_else(|status| status.to_string(), |held| held.to_string());
            format!("NtPrivilegeCheck of SeBackupPrivilege with {}: {expected}", handle(token))
        }
    }
}

fn context(context: &Context) -> String {
    match *context {
        Context::Create { keep, client, level, dynamic, remote, status } => {
            let tracking = if dynamic { "dynamic" } else { "static" };
            let remote = if remote { ", for a remote server" } else { "" };
            let status = unless_success(status);
            format!(
                "SeCreateClientSecurity of {client:?} at {}, {tracking} tracking{remote}, kept as {keep}{status}",
                notation::level(level)
            )
        }
        Context::Impersonate(number) => format!("SeImpersonateClientEx with context {number}"),
        Context::Delete(number) => format!("SeDeleteClientSecurity of context {number}"),
    }
}

fn broker(broker: &Broker) -> String {
    match *broker {
        Broker::Connect { keep, flags, status } => {
            let status = unless_success(status);
            format!("client {keep} connects with the flags {flags:#x}{status}")
        }
        Broker::OpenRelative(name, status) => {
            format!("open {name:?} relative to the server's handle: {status}")
        }
        Broker::OpenName(name, level, status) => {
            let name = if name.is_empty() { "no name" } else { name };
            format!("open {name} of the device at {}: {status}", notation::level(level))
        }
        Broker::Leave(number) => format!("client {number} closes its handle"),
        Broker::ClientIsNoServer(number) => format!("client {number} sends every control code: all refused"),
        Broker::OpenServer(number, status) => format!("server {number} opens the device: {status}"),
        Broker::CloseServer(number) => format!("server {number} closes its handle"),
        Broker::Sees(server, client, told) => {
            format!("server {server} finds client {client}: {}", notation::observed(told))
        }
        Broker::Serve { server, client, level, status } => {
            format!("server {server} impersonates client {client} at {}: {status}", notation::level(level))
        }
        Broker::ServeId(id, status) => format!("impersonate the client of the connection {id:#x}: {status}"),
        Broker::Crowd(clients) => {
            format!("{clients} clients connect, every other one leaves, the rest is served in turn")
        }
    }
}

fn memory(memory: Memory) -> String {
    match memory {
        Memory::FailDuplicate(status) => format!("the next duplication of a token will fail with {status}"),
        Memory::FailBlock => "there will be no memory for a thread's block".to_owned(),
        Memory::FailFilter => "there will be no memory for a filtered token".to_owned(),
        Memory::FailCopyDescriptor(status) => {
            format!("extending a copy's descriptor will fail with {status}")
        }
        Memory::Recover => "what was to fail will not".to_owned(),
    }
}

fn object(object: &Object) -> String {
    match *object {
        Object::Forget => "the test drops its own references on all tokens".to_owned(),
        Object::SessionAlive(logon, true) => format!("logon session {logon:?} lives"),
        Object::SessionAlive(logon, false) => format!("logon session {logon:?} has ended"),
        Object::Exit(who) => format!("thread {who:?} exits"),
        Object::SameToken(one, other, true) => format!("{one:?} and {other:?} hold the same token"),
        Object::SameToken(one, other, false) => format!("{one:?} and {other:?} hold different tokens"),
        Object::SameOrigin(tok) => {
            format!("the slot's token has session, source and logon of {}", tok.name())
        }
        Object::EnableDisabled(tok) => format!("what is disabled in {} is enabled", tok.name()),
        Object::AssignJob(limits) => format!("the process joins a job with security limits {limits:#x}"),
        Object::SlotHasPrivilege(held) => format!("the slot's token has SeBackupPrivilege: {held}"),
        Object::AnonymousReferences(more) => format!("references on the anonymous token: {more:+}"),
    }
}

fn handle(number: usize) -> String {
    if number == Program::SELF { "the own thread".to_owned() } else { format!("handle {number}") }
}

fn as_whom(as_self: bool) -> &'static str {
    if as_self { "as the process" } else { "as the thread is" }
}

fn securable(object: Securable) -> String {
    match object {
        Securable::Granting([]) => "what grants nothing to anybody".to_owned(),
        Securable::Granting(sids) => {
            let sids: Vec<_> = sids.iter().map(ToString::to_string).collect();
            format!("what grants all to {} alone", sids.join(", "))
        }
        Securable::NullDacl => "what has no DACL".to_owned(),
        Securable::NoDescriptor => "what has no descriptor".to_owned(),
    }
}

fn unless_success(status: Status) -> String {
    if status == Status::SUCCESS { String::new() } else { format!(": {status}") }
}
