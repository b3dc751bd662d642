//! Pool blocks.

use crate::call::{NON_PAGED, PAGED, TAG, block};
use crate::defect::defects;
use core::hint::black_box;
use core::ptr;
use wdk_sys::ntddk::{ExAllocatePool2, ExFreePool, ExFreePoolWithTag};

const SIZE: usize = 40;
const PAGE: usize = 0x1000;

defects! {
    /// The byte behind a block is written.
    fn pool_overrun [Control] (_call) {
        let block = block(SIZE as u64);
        // SAFETY: none; this breaks the bounds of the block.
        unsafe { block.wrapping_add(SIZE).write_volatile(1) };
        // SAFETY: allocated above.
        unsafe { ExFreePool(block.cast()) };
    }

    /// The byte in front of a block is written.
    fn pool_underrun [Control] (_call) {
        let block = block(SIZE as u64);
        // SAFETY: none; this breaks the bounds of the block.
        unsafe { block.wrapping_sub(1).write_volatile(1) };
        // SAFETY: allocated above.
        unsafe { ExFreePool(block.cast()) };
    }

    /// The byte behind a block is written, and the block is never freed.
    fn pool_overrun_and_leaked [Control] (_call) {
        let block = block(SIZE as u64);
        // SAFETY: none; this breaks the bounds of the block.
        unsafe { block.wrapping_add(SIZE).write_volatile(1) };
    }

    /// A loop writes past the end of a block without limit.
    fn pool_overrun_without_end [Control] (_call) {
        let block = block(SIZE as u64);
        for offset in 0..black_box(64 * PAGE) {
            // SAFETY: none; this breaks the bounds of the block.
            unsafe { block.wrapping_add(offset).write_volatile(0x41) };
        }
    }

    /// A loop writes in front of a block without limit.
    fn pool_underrun_without_end [Control] (_call) {
        let block = block(SIZE as u64);
        for offset in 0..black_box(64 * PAGE) {
            // SAFETY: none; this breaks the bounds of the block.
            unsafe { block.wrapping_sub(offset).write_volatile(0x41) };
        }
    }

    /// The kernel is asked to fill more than the block.
    fn pool_overrun_by_memset [Control] (_call) {
        let block = block(SIZE as u64);
        // SAFETY: none; this breaks the bounds of the block.
        unsafe { ptr::write_bytes(block, 0x41, black_box(64 * PAGE)) };
    }

    /// A block is written after it was freed.
    fn pool_written_after_free [Control] (_call) {
        let block = block(SIZE as u64);
        // SAFETY: allocated above.
        unsafe { ExFreePool(block.cast()) };
        // SAFETY: none; this breaks the lifetime of the block.
        unsafe { block.wrapping_add(8).write_volatile(1) };
    }

    /// A pointer in a block is followed after the block was freed.
    fn pool_pointer_after_free [Control] (_call) {
        #[allow(clippy::cast_ptr_alignment)] // pool is aligned to 16 bytes
        let block = block(SIZE as u64).cast::<*mut u64>();
        let mut target = 0_u64;
        // SAFETY: the block has room for a pointer.
        unsafe { block.write_volatile(&raw mut target) };
        // SAFETY: allocated above.
        unsafe { ExFreePool(block.cast()) };
        // SAFETY: none; this breaks the lifetime of the block.
        let pointer = unsafe { block.read_volatile() };
        // SAFETY: none; the pointer is no longer one.
        unsafe { pointer.write_volatile(1) };
    }

    /// A block is freed twice.
    fn pool_freed_twice [Control] (_call) {
        let block = block(SIZE as u64);
        // SAFETY: allocated above.
        unsafe { ExFreePool(block.cast()) };
        // SAFETY: none; this breaks the rule that a block is freed once.
        unsafe { ExFreePool(block.cast()) };
    }

    /// The middle of a block is freed.
    fn pool_freed_inside [Control] (_call) {
        let block = block(SIZE as u64);
        // SAFETY: none; this breaks the rule that a block is freed by its address.
        unsafe { ExFreePool(block.wrapping_add(16).cast()) };
    }

    /// An address on the stack is freed.
    fn stack_freed [Control] (_call) {
        let mut local = 0_u64;
        // SAFETY: none; this breaks the rule that only pool blocks are freed.
        unsafe { ExFreePool((&raw mut local).cast()) };
    }

    /// A block is freed under another tag.
    fn pool_freed_under_another_tag [Control] (_call) {
        let block = block(SIZE as u64);
        // SAFETY: none; this breaks the rule that a block is freed under its tag.
        unsafe { ExFreePoolWithTag(block.cast(), u32::from_le_bytes(*b"Good")) };
    }

    /// A block is never freed.
    fn pool_leaked [Control] (_call) {
        black_box(block(SIZE as u64));
    }

    /// Blocks are allocated until none is left, and never freed.
    fn pool_exhausted [Control] (_call) {
        while !block(SIZE as u64).is_null() {}
    }

    /// A block of zero bytes is allocated.
    fn pool_of_nothing [Control] (_call) {
        black_box(block(0));
    }

    /// Two pool types are requested at once.
    fn pool_of_two_kinds [Control] (_call) {
        // SAFETY: none; this breaks the rule that one pool is named.
        black_box(unsafe { ExAllocatePool2(NON_PAGED | PAGED, SIZE as u64, TAG) });
    }
}
