//! Wait locks and critical regions.

use crate::defect::defects;
use crate::wdf::NO_ATTRIBUTES;
use core::hint::spin_loop;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use wdk_sys::ntddk::{KeEnterCriticalRegion, KeLeaveCriticalRegion};
use wdk_sys::{WDFWAITLOCK, call_unsafe_wdf_function_binding};

/// Two locks that two threads share.
static LOCKS: [AtomicPtr<core::ffi::c_void>; 2] = [const { AtomicPtr::new(ptr::null_mut()) }; 2];
/// The numbers of threads that arrived, created their lock, and acquired it.
static STEPS: [AtomicU32; 3] = [const { AtomicU32::new(0) }; 3];

defects! {
    /// A lock is acquired by its owner.
    fn lock_acquired_twice [Control] (_call) {
        let lock = create();
        // SAFETY: the lock was just made.
        unsafe { acquire(lock) };
        // SAFETY: none; this breaks the rule that a lock is acquired once.
        unsafe { acquire(lock) };
    }

    /// A free lock is released.
    fn lock_released_unheld [Control] (_call) {
        let lock = create();
        // SAFETY: none; this breaks the rule that a lock is held when it is released.
        unsafe { release(lock) };
    }

    /// A lock is still held when the callback returns.
    fn lock_held_at_return [Control] (_call) {
        let lock = create();
        // SAFETY: none; this breaks the rule that a lock is released.
        unsafe { acquire(lock) };
    }

    /// A lock is still held after unload.
    fn lock_held_at_unload [Unload] (_call) {
        let lock = create();
        // SAFETY: none; this breaks the rule that a lock is released.
        unsafe { acquire(lock) };
    }

    /// A lock is deleted while it is held.
    fn lock_deleted_while_held [Control] (_call) {
        let lock = create();
        // SAFETY: the lock was just made.
        unsafe { acquire(lock) };
        // SAFETY: none; this breaks the lifetime of the lock.
        unsafe { call_unsafe_wdf_function_binding!(WdfObjectDelete, lock.cast()) };
    }

    /// A lock is acquired after it was deleted.
    fn lock_used_after_delete [Control] (_call) {
        let lock = create();
        // SAFETY: the lock was just made.
        unsafe { call_unsafe_wdf_function_binding!(WdfObjectDelete, lock.cast()) };
        // SAFETY: none; this breaks the lifetime of the lock.
        unsafe { acquire(lock) };
    }

    /// Two threads acquire two locks in opposite order.
    fn locks_in_opposite_order [Control] (_call) {
        let mine = STEPS[0].fetch_add(1, Ordering::AcqRel) as usize & 1;
        LOCKS[mine].store(create().cast(), Ordering::Release);
        meet(1);
        let (first, second) = (LOCKS[mine].load(Ordering::Acquire), LOCKS[mine ^ 1].load(Ordering::Acquire));
        // SAFETY: both threads made their locks.
        unsafe { acquire(first.cast()) };
        meet(2);
        // SAFETY: none; this breaks the rule that locks are acquired in one order.
        unsafe { acquire(second.cast()) };
    }

    /// A critical region is left twice: the second time it is the one that the framework entered.
    fn region_left_twice [Control] (_call) {
        // SAFETY: callable at `PASSIVE_LEVEL`.
        unsafe { KeEnterCriticalRegion() };
        // SAFETY: entered above.
        unsafe { KeLeaveCriticalRegion() };
        // SAFETY: none; this breaks the rule that a region is left as often as it is entered.
        unsafe { KeLeaveCriticalRegion() };
    }

    /// The critical region that a wait lock enters is left.
    fn region_of_a_lock_left [Control] (_call) {
        let lock = create();
        // SAFETY: the lock was just made.
        unsafe { acquire(lock) };
        // SAFETY: none; this breaks the rule that the lock leaves its region.
        unsafe { KeLeaveCriticalRegion() };
    }

    /// The callback returns inside a critical region.
    fn region_entered_at_return [Control] (_call) {
        // SAFETY: none; this breaks the rule that a region is left.
        unsafe { KeEnterCriticalRegion() };
    }

    /// A critical region is entered at `DISPATCH_LEVEL`.
    fn region_entered_too_high [Control] (_call) {
        // SAFETY: none; this breaks the highest level of the function.
        unsafe { KeEnterCriticalRegion() };
    }
}

/// Waits until two threads have arrived here.
fn meet(step: usize) {
    STEPS[step].fetch_add(1, Ordering::AcqRel);
    while STEPS[step].load(Ordering::Acquire) < 2 {
        spin_loop();
    }
}

/// A lock that is deleted with the driver.
#[inline(always)]
pub(crate) fn create() -> WDFWAITLOCK {
    let mut lock: WDFWAITLOCK = ptr::null_mut();
    // SAFETY: the pointer is to a local.
    let _ = unsafe { call_unsafe_wdf_function_binding!(WdfWaitLockCreate, NO_ATTRIBUTES, &raw mut lock) };
    lock
}

/// # Safety
/// The lock exists, and the thread does not hold it.
#[inline(always)]
pub(crate) unsafe fn acquire(lock: WDFWAITLOCK) {
    // SAFETY: promised by the caller.
    let _ = unsafe { call_unsafe_wdf_function_binding!(WdfWaitLockAcquire, lock, ptr::null_mut()) };
}

/// # Safety
/// The thread holds the lock.
#[inline(always)]
unsafe fn release(lock: WDFWAITLOCK) {
    // SAFETY: promised by the caller.
    unsafe { call_unsafe_wdf_function_binding!(WdfWaitLockRelease, lock) };
}
