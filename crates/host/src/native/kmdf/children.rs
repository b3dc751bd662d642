//! Objects below other objects, with which they go.

use super::control;
use crate::FaultKind;
use crate::native::contracts::object_address::{self, Kind};
use crate::native::engine::cpu::Cpu;
use crate::native::engine::stop::Outcome;
use crate::native::running::context::Context;
use crate::native::running::dispatch::Dispatch;
use crate::native::running::memory::Address;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An object that has a parent.
pub(crate) trait Child {
    /// What its handles stand for.
    const KIND: Kind;

    /// Its handle.
    fn handle(&self) -> u64;

    /// The handle of its parent.
    fn parent(&self) -> u64;
}

/// The objects of one type that one driver made.
#[derive(Debug)]
pub(crate) struct Children<T>(Mutex<BTreeMap<u64, Arc<T>>>);

impl<T> Default for Children<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Child> Children<T> {
    /// Takes a new object up.
    pub(crate) fn add(&self, child: Arc<T>) {
        self.0.lock().insert(child.handle(), child);
    }

    /// Forgets an object; says whether it was there.
    pub(crate) fn remove(&self, child: &T) -> bool {
        self.0.lock().remove(&child.handle()).is_some()
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<T>> {
        self.0.lock().values().cloned().collect()
    }

    /// Those below an object.
    pub(crate) fn of(&self, parent: u64) -> Vec<Arc<T>> {
        self.0.lock().values().filter(|child| child.parent() == parent).cloned().collect()
    }

    /// The object behind a handle.
    pub(crate) fn find(&self, cx: &Context<'_>, handle: Address) -> Outcome<Arc<T>> {
        self.0.lock().get(&handle.0).cloned().ok_or_else(|| match object_address::decode(handle.0) {
            Some((kind, _, 0)) if kind == T::KIND => {
                let object = cx.describe(handle.0);
                cx.fault(FaultKind::FrameworkHandle, format_args!("was given {object}, which is deleted"))
            }
            _ => cx.bad_handle(handle, T::KIND.name()),
        })
    }
}

/// Deletes what is below an object, which goes.
pub(crate) fn delete(dispatch: &Dispatch<'_>, cpu: &Cpu, parent: u64) -> Outcome<()> {
    let framework = &dispatch.machine.framework;
    framework.work_items.delete_children(dispatch, cpu, parent)?;
    for key in framework.keys.of(parent) {
        key.delete(dispatch, cpu)?;
    }
    framework.locks.of(parent).iter().try_for_each(|lock| lock.delete(dispatch, cpu))
}

/// The handle of the parent that a new object gets.
pub(crate) fn parent_of(cx: &Context<'_>, parent: Address) -> Outcome<u64> {
    let framework = &cx.machine().framework;
    let driver = || framework.objects.lock().driver.as_ref().map(|driver| driver.handle());
    let known = match object_address::decode(parent.0) {
        None if parent == Address::NULL => driver(),
        Some((Kind::Driver, ..)) => driver().filter(|&driver| driver == parent.0),
        Some((Kind::Device, ..)) => Some(control::find(cx, parent)?.handle()),
        Some((Kind::File, ..)) => framework.file(parent.0).map(|file| file.handle()),
        Some((Kind::Request | Kind::WaitLock | Kind::Key | Kind::WorkItem, ..)) => {
            let parent = cx.describe(parent.0);
            return cx.not_modelled(format_args!("was given {parent} as the parent"));
        }
        _ => None,
    };
    known.ok_or_else(|| cx.bad_handle(parent, "framework object"))
}
