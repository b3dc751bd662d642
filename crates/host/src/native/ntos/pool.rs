//! Pool.

use crate::FaultKind;
use crate::native::contracts::pool::{Block, Lookup};
use crate::native::engine::address::Address;
use crate::native::engine::export::{APC, DISPATCH};
use crate::native::engine::guarded::Guarded;
use crate::native::engine::stop::Outcome;
use crate::native::running::call::exports;
use crate::native::running::context::Context;

/// `POOL_FLAG_…`: the modelled ones.
mod flags {
    pub(super) const UNINITIALIZED: u64 = 0x2;
    pub(super) const NON_PAGED: u64 = 0x40;
    pub(super) const PAGED: u64 = 0x100;
}

/// More than such a driver requests.
const MAX_BLOCK: u64 = 16 << 20;

exports! {
    /// The exports that are modelled.
    EXPORTS:

    fn ExAllocatePool2[DISPATCH, fails NULL](cx, options: u64, size: u64, tag: u32) -> Address {
        if options & !(flags::UNINITIALIZED | flags::NON_PAGED | flags::PAGED) != 0 {
            return cx.not_modelled(format_args!("was given the flags 0x{options:X}"));
        }
        let paged = match (options & flags::PAGED != 0, options & flags::NON_PAGED != 0) {
            (paged, non_paged) if paged != non_paged => paged,
            _ => return cx.bad_argument("was not given one pool to allocate from"),
        };
        if paged && cx.dispatch.irql > APC {
            return Err(cx.fault(FaultKind::Irql, "allocates paged pool at DISPATCH_LEVEL"));
        }
        if tag == 0 || size == 0 {
            return cx.bad_argument(format_args!("was asked for {size} bytes under the tag {tag}"));
        }
        if size > MAX_BLOCK {
            return Ok(Address::NULL);
        }
        let zeroed = options & flags::UNINITIALIZED == 0;
        #[allow(clippy::cast_possible_truncation)] // checked above
        allocate(cx, size as usize, tag, paged, |memory| {
            if zeroed {
                memory.fill_from(0, 0);
            }
        })
    }

    fn ExFreePool[DISPATCH, fails NEVER](cx, block: Address) {
        free(cx, block, 0)
    }

    fn ExFreePoolWithTag[DISPATCH, fails NEVER](cx, block: Address, tag: u32) {
        free(cx, block, tag)
    }
}

/// A new block, unwritten except by `fill`; null when there is no memory.
pub(super) fn allocate(
    cx: &Context<'_>,
    size: usize,
    tag: u32,
    paged: bool,
    fill: impl FnOnce(&mut Guarded),
) -> Outcome<Address> {
    let mut pool = cx.account().pool.borrow_mut();
    let memory =
        pool.memory(size, cx.machine().framework.id()).map_err(|found| found.fault(&cx.machine().mapping))?;
    let Some(mut memory) = memory else { return Ok(Address::NULL) };
    memory.fill_unwritten(cx.dispatch.request.map_or(0, |request| request.stale));
    fill(&mut memory);
    let address = Address(memory.address());
    pool.add(Block { memory, tag, paged, function: cx.export.name, caller: cx.caller });
    Ok(address)
}

fn free(cx: &Context<'_>, address: Address, tag: u32) -> Outcome<()> {
    let mut pool = cx.account().pool.borrow_mut();
    let block = match pool.remove(address.0) {
        Lookup::Live(block) => block,
        Lookup::Freed(caller) => {
            let before = cx.at("by", caller);
            return Err(
                cx.fault(FaultKind::DoubleFree, format_args!("frees a pool block that was freed{before}"))
            );
        }
        Lookup::Unknown => cx.machine().ledger.remove_block(address.0).ok_or_else(|| {
            let address = cx.describe(address.0);
            cx.fault(FaultKind::NotPool, format_args!("frees {address}, which is no pool block"))
        })?,
    };
    if tag != 0 && tag != block.tag {
        let [given, known] = [tag, block.tag].map(|tag| tag.to_le_bytes().escape_ascii().to_string());
        return Err(cx.fault(
            FaultKind::PoolTag,
            format_args!("frees a pool block with the tag {known} under the tag {given}"),
        ));
    }
    if block.paged && cx.dispatch.irql >= DISPATCH {
        return Err(cx.fault(FaultKind::Irql, "frees paged pool at DISPATCH_LEVEL"));
    }
    if let Some(overrun) = block.overrun() {
        return Err(cx.fault(FaultKind::PoolOverrun, format_args!("finds that the driver {overrun}")));
    }
    pool.keep(block.memory, cx.caller, cx.machine().framework.id());
    Ok(())
}

/// The tag of blocks that the security subsystem returns.
pub(super) const SECURITY_TAG: u32 = u32::from_le_bytes(*b"SeTi");
