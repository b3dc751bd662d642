//! Group X: other threads and processes.

mod support;

use psimp_model::{Kernel, Privilege, SecurityQos, Thread, privileges, rights};
use psimp_nt::{Level, Status, TokenType};
use std::sync::Arc;
use support::{A5, CURRENT_THREAD, DENIED, Machine, refs, slot_of, spec};

const KERNELS: [Kernel; 2] = [Kernel::Win10, Kernel::Nt52];

fn dynamic(level: u32) -> SecurityQos {
    SecurityQos { level, tracking: SecurityQos::DYNAMIC, effective_only: false }
}

fn id(thread: &Thread) -> Option<u64> {
    slot_of(thread).map(|slot| slot.0.0)
}

#[test]
fn x01_x03_slots_are_independent() {
    for &kernel in Kernel::ALL {
        let m = Machine::new(kernel, "S");
        let t2 = m.system.create_thread(&m.process);
        let a2 = m.token("A2");
        m.system.ps_impersonate_client(&t2, Some(&a2), false, false, 2).expect("kept");
        assert_eq!((id(&t2), m.slot()), (Some(a2.id().0), None), "X01");
        m.imp(&a2, false, false, 2).expect("kept");
        m.system.ps_revert_to_self(&m.thread);
        assert_eq!((id(&t2), refs(&a2)), (Some(a2.id().0), 1), "X03");
    }
}

#[test]
fn x02_s08_the_targets_process_decides() {
    for kernel in KERNELS {
        let m = Machine::new(kernel, "S");
        let q = m.system.create_process(m.system.create_token(spec("S+")));
        let t2 = m.system.create_thread(&q);
        let b2 = m.token("B2");
        m.system.ps_impersonate_client(&t2, Some(&b2), false, false, 2).expect("kept");
        assert_eq!(slot_of(&t2), Some((b2.id(), false, false, 2)));
        m.imp(&b2, false, false, 2).expect("downgraded");
        assert_eq!(m.slot().expect("a slot").3, 1);
    }
}

#[test]
fn x05_threads_that_share_a_token_see_its_changes() {
    let m = Machine::new(Kernel::Win10, "S");
    let t2 = m.system.create_thread(&m.process);
    let a2 = m.token("A2");
    m.imp(&a2, false, false, 2).expect("kept");
    m.system.ps_impersonate_client(&t2, Some(&a2), false, false, 2).expect("kept");
    let handle = m.handle(&a2, rights::TOKEN_ADJUST_PRIVILEGES);
    let change = Privilege { luid: privileges::TIME_ZONE, enabled: true };
    m.system.nt_adjust_privileges_token(&m.thread, handle, &[change]).expect("adjusted");
    for thread in [&m.thread, &t2] {
        assert!(thread.slot().expect("a slot").token.has_privilege(privileges::TIME_ZONE));
    }
}

#[test]
fn x06_x07_x08_x09_what_setting_a_threads_token_needs() {
    for &kernel in Kernel::NT {
        let m = Machine::new(kernel, "S");
        let a2 = m.handle(&m.token("A2"), rights::TOKEN_IMPERSONATE);
        let t2 = m.system.create_thread(&m.process);
        let weak = m.thread_handle(&t2, rights::THREAD_ALL_ACCESS & !rights::THREAD_SET_THREAD_TOKEN);
        assert_eq!(m.system.nt_set_thread_token(&m.thread, weak, a2), Err(DENIED), "X06");
        let query = m.handle(&m.token("A2"), rights::TOKEN_QUERY);
        assert_eq!(m.system.nt_set_thread_token(&m.thread, CURRENT_THREAD, query), Err(DENIED), "X07");
        let primary = m.token("Ap2");
        let handle = m.handle(&primary, rights::TOKEN_ALL_ACCESS);
        let bad_type = Err(Status(0xC000_00A8));
        assert_eq!(m.system.nt_set_thread_token(&m.thread, CURRENT_THREAD, handle), bad_type, "X08");
        assert_eq!(m.imp(&primary, false, false, 2), Ok(()), "X08");
        let set =
            |class, bytes: &[u8]| m.system.nt_set_information_thread(&m.thread, CURRENT_THREAD, class, bytes);
        assert_eq!(set(5, &a2.to_le_bytes()[..4]), Err(Status(0xC000_0004)), "X09");
        assert_eq!(set(6, &a2.to_le_bytes()), Err(Status(0xC000_0003)));
        assert_eq!(set(5, &a2.to_le_bytes()), Ok(()));
        assert_eq!(m.slot().map(|slot| (slot.1, slot.2, slot.3)), Some((false, false, 2)));
        assert_eq!(set(5, &[0; 8]), Ok(()), "N10");
        assert_eq!(m.slot(), None);
    }
}

#[test]
fn x10_reactos_has_the_two_rights_exchanged() {
    let (on_server, on_client) = (0x100, 0x200);
    for (kernel, straight, exchanged) in [
        (Kernel::Win10, Ok(()), Err(DENIED)),
        (Kernel::Documented, Ok(()), Err(DENIED)),
        (Kernel::Nt52, Err(DENIED), Ok(())),
    ] {
        let m = Machine::new(kernel, "S+");
        let client = m.system.create_thread(&m.process);
        let a2 = m.token("A2");
        m.system.ps_impersonate_client(&client, Some(&a2), false, false, 2).expect("kept");
        let call = |server_access, client_access| {
            let server = m.thread_handle(&m.thread, server_access);
            let client = m.thread_handle(&client, client_access);
            m.system.nt_impersonate_thread(&m.thread, server, client, &dynamic(2))
        };
        assert_eq!(call(on_server, on_client), straight);
        assert_eq!(call(on_client, on_server), exchanged);
        assert_eq!(m.slot(), Some((a2.id(), true, false, 2)));
    }
}

#[test]
fn x11_x12_x13_levels_of_a_client_that_impersonates() {
    for kernel in KERNELS {
        let m = Machine::new(kernel, "S+");
        let client = m.system.create_thread(&m.process);
        let at = |token: &str, level| {
            let token = m.token(token);
            m.system.ps_impersonate_client(&client, Some(&token), false, false, level).expect("kept");
        };
        let create = |level, remote| {
            m.system.se_create_client_security(&client, &dynamic(level), remote).map(|c| c.token.level())
        };
        at("A2", 1);
        let (server, handle) = (m.thread_handle(&m.thread, u32::MAX), m.thread_handle(&client, u32::MAX));
        let result = m.system.nt_impersonate_thread(&m.thread, server, handle, &dynamic(1));
        assert_eq!((result, m.slot()), (Err(A5), None), "X11");
        at("A2", 2);
        assert_eq!(create(3, false), Err(A5), "X12");
        assert_eq!(create(2, true), Err(A5), "X13");
        assert_eq!(create(2, false), Ok(Level::Impersonation));
        at("A3", 3);
        assert_eq!(create(2, true), Ok(Level::Delegation), "X13");
    }
}

#[test]
fn x14_contexts_of_an_idle_client() {
    // NT 5.2 tests the level recorded in the token. Dynamic tracking hands on
    // the primary token, with level 0; a static copy records the level asked for.
    for (kernel, tracking, same, level) in [
        (Kernel::Win10, SecurityQos::STATIC, false, 2),
        (Kernel::Win10, SecurityQos::DYNAMIC, true, 2),
        (Kernel::Nt52, SecurityQos::DYNAMIC, false, 1),
        (Kernel::Nt52, SecurityQos::STATIC, false, 2),
    ] {
        let m = Machine::new(kernel, "S");
        let client = m.system.create_thread(&m.process);
        let primary = m.process.primary();
        let qos = SecurityQos { tracking, ..dynamic(2) };
        let context = m.system.se_create_client_security(&client, &qos, false).expect("created");
        let is_primary = Arc::ptr_eq(&context.token, &primary);
        assert_eq!(is_primary, tracking == SecurityQos::DYNAMIC);
        m.system.se_impersonate_client_ex(&context, &m.thread).expect("stored");
        m.system.se_delete_client_security(context);
        let (id, co, eo, stored) = m.slot().expect("a slot");
        assert_eq!((id == primary.id(), co, eo, stored), (same, true, false, level), "{kernel:?}");
    }
}

#[test]
fn effective_only_of_dynamic_contexts_includes_the_clients() {
    for (tracking, expected) in [(SecurityQos::STATIC, false), (SecurityQos::DYNAMIC, true)] {
        let m = Machine::new(Kernel::Win10, "S");
        let client = m.system.create_thread(&m.process);
        let a2 = m.token("A2");
        m.system.ps_impersonate_client(&client, Some(&a2), false, true, 2).expect("kept");
        let qos = SecurityQos { tracking, ..dynamic(2) };
        let context = m.system.se_create_client_security(&client, &qos, false).expect("created");
        m.system.se_impersonate_client_ex(&context, &m.thread).expect("stored");
        assert_eq!(m.slot().map(|slot| slot.2), Some(expected));
    }
}

#[test]
fn x15_slots_outlive_the_context() {
    let m = Machine::new(Kernel::Win10, "S");
    let t2 = m.system.create_thread(&m.process);
    let client = m.system.create_thread(&m.process);
    let a2 = m.token("A2");
    m.system.ps_impersonate_client(&client, Some(&a2), false, false, 2).expect("kept");
    let context = m.system.se_create_client_security(&client, &dynamic(2), false).expect("created");
    m.system.ps_revert_to_self(&client);
    m.system.se_impersonate_client_ex(&context, &m.thread).expect("stored");
    m.system.se_impersonate_client_ex(&context, &t2).expect("stored");
    assert_eq!(refs(&a2), 3);
    m.system.se_delete_client_security(context);
    assert_eq!((refs(&a2), m.slot().map(|s| s.0), id(&t2)), (2, Some(a2.id()), Some(a2.id().0)));
}

#[test]
fn x16_a_level_that_is_none() {
    for (kernel, status) in [(Kernel::Nt52, 0xC000_000D), (Kernel::Win10, 0xC000_00A5)] {
        let m = Machine::new(kernel, "S");
        let created = m.system.se_create_client_security(&m.thread, &dynamic(7), false);
        assert_eq!(created.err(), Some(Status(status)));
    }
    let m = Machine::new(Kernel::Win10, "S");
    let unknown = SecurityQos { tracking: 2, ..dynamic(2) };
    let created = m.system.se_create_client_security(&m.thread, &unknown, false);
    assert_eq!(created.err(), Some(Status(0xC000_000D)), "unknown tracking mode");
}

#[test]
fn x17_a_system_thread_has_no_teb() {
    for &kernel in Kernel::ALL {
        let m = Machine::new(kernel, "S");
        let thread = m.system.create_system_thread(&m.process);
        let a2 = m.token("A2");
        m.system.ps_impersonate_client(&thread, Some(&a2), false, false, 2).expect("kept");
        assert!(thread.is_impersonating() && !thread.teb_is_impersonating());
        m.system.ps_revert_to_self(&thread);
        assert_eq!(refs(&a2), 0);
    }
}

#[test]
fn ps_assign_impersonation_token_uses_the_tokens_own_level() {
    let m = Machine::new(Kernel::Win10, "S");
    let t2 = m.system.create_thread(&m.process);
    let handle = m.handle(&m.token("A1"), rights::TOKEN_IMPERSONATE);
    m.system.ps_assign_impersonation_token(&m.thread, &t2, handle).expect("stored");
    assert_eq!(slot_of(&t2).map(|slot| (slot.1, slot.2, slot.3)), Some((false, false, 1)));
    m.system.ps_assign_impersonation_token(&m.thread, &t2, 0).expect("reverted");
    assert_eq!(slot_of(&t2), None);
    let open = m.system.nt_open_process_token(&m.thread, u64::MAX, rights::TOKEN_QUERY).expect("opened");
    assert_eq!(m.taken(open).token_type(), TokenType::Primary);
}
