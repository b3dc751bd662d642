//! Reads and writes of memory that the driver shares or names, and that may not be accessible.
//!
//! The few instructions that access it are between two labels; after a fault at one of them, the
//! signal handler resumes behind them and the access returns an error.
#![allow(unsafe_code)] // pointers of unknown origin

use std::arch::global_asm;
use std::ffi::c_void;

/// The memory is not mapped, or not writable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoMemory;

global_asm!(
    ".pushsection .text.psimp_host_probe, \"ax\", @progbits",
    ".hidden psimp_host_probe_start",
    ".hidden psimp_host_probe_end",
    ".hidden psimp_host_copy",
    ".hidden psimp_host_fill",
    ".hidden psimp_host_span",
    ".hidden psimp_host_compare",
    ".globl psimp_host_probe_start",
    ".globl psimp_host_probe_end",
    ".globl psimp_host_copy",
    ".globl psimp_host_fill",
    ".globl psimp_host_span",
    ".globl psimp_host_compare",
    "psimp_host_probe_start:",
    // rdi: to, rsi: from, rdx: length
    "psimp_host_copy:",
    "mov rax, rdi",
    "sub rax, rsi",
    "cmp rax, rdx",
    "jb 26f",
    "21:",
    "cmp rdx, 16",
    "jb 22f",
    "movups xmm0, [rsi]",
    "movups [rdi], xmm0",
    "add rsi, 16",
    "add rdi, 16",
    "sub rdx, 16",
    "jmp 21b",
    "22:",
    "cmp rdx, 8",
    "jb 23f",
    "mov rax, [rsi]",
    "mov [rdi], rax",
    "add rsi, 8",
    "add rdi, 8",
    "sub rdx, 8",
    "23:",
    "cmp rdx, 4",
    "jb 24f",
    "mov eax, [rsi]",
    "mov [rdi], eax",
    "add rsi, 4",
    "add rdi, 4",
    "sub rdx, 4",
    "24:",
    "test rdx, rdx",
    "jz 25f",
    "mov al, [rsi]",
    "mov [rdi], al",
    "inc rsi",
    "inc rdi",
    "dec rdx",
    "jmp 24b",
    "25:",
    "xor eax, eax",
    "ret",
    // The target begins inside the source: copy from the end down.
    "26:",
    "test rdx, rdx",
    "jz 25b",
    "mov al, [rsi + rdx - 1]",
    "mov [rdi + rdx - 1], al",
    "dec rdx",
    "jmp 26b",
    // rdi: to, sil: byte, rdx: length
    "psimp_host_fill:",
    "movzx eax, sil",
    "mov rcx, 0x0101010101010101",
    "imul rax, rcx",
    "movq xmm0, rax",
    "punpcklqdq xmm0, xmm0",
    "31:",
    "sub rdx, 32",
    "jb 32f",
    "movups [rdi], xmm0",
    "movups [rdi + 16], xmm0",
    "add rdi, 32",
    "jmp 31b",
    "32:",
    "add rdx, 32",
    "33:",
    "sub rdx, 8",
    "jb 34f",
    "mov [rdi], rax",
    "add rdi, 8",
    "jmp 33b",
    "34:",
    "add rdx, 8",
    "jz 36f",
    "35:",
    "mov [rdi], al",
    "inc rdi",
    "dec rdx",
    "jnz 35b",
    "36:",
    "xor eax, eax",
    "ret",
    // rdi: from, sil: byte, rdx: length, rcx: where the count of equal bytes goes
    "psimp_host_span:",
    "movzx r9d, sil",
    "mov rax, 0x0101010101010101",
    "imul r9, rax",
    "movq xmm0, r9",
    "punpcklqdq xmm0, xmm0",
    "mov r8, rdi",
    "51:",
    "sub rdx, 32",
    "jb 52f",
    "movups xmm1, [rdi]",
    "movups xmm2, [rdi + 16]",
    "pcmpeqb xmm1, xmm0",
    "pcmpeqb xmm2, xmm0",
    "pand xmm1, xmm2",
    "pmovmskb eax, xmm1",
    "cmp eax, 0xFFFF",
    "jne 52f",
    "add rdi, 32",
    "jmp 51b",
    "52:",
    "add rdx, 32",
    "53:",
    "sub rdx, 8",
    "jb 54f",
    "cmp [rdi], r9",
    "jne 54f",
    "add rdi, 8",
    "jmp 53b",
    "54:",
    "add rdx, 8",
    "55:",
    "jz 56f",
    "cmp [rdi], r9b",
    "jne 56f",
    "inc rdi",
    "dec rdx",
    "jmp 55b",
    "56:",
    "sub rdi, r8",
    "mov [rcx], rdi",
    "xor eax, eax",
    "ret",
    // rdi, rsi: the two, rdx: length, rcx: where the difference goes
    "psimp_host_compare:",
    "41:",
    "cmp rdx, 8",
    "jb 42f",
    "mov rax, [rdi]",
    "cmp rax, [rsi]",
    "jne 42f",
    "add rdi, 8",
    "add rsi, 8",
    "sub rdx, 8",
    "jmp 41b",
    "42:",
    "xor eax, eax",
    "test rdx, rdx",
    "jz 43f",
    "movzx eax, byte ptr [rdi]",
    "movzx r8d, byte ptr [rsi]",
    "sub eax, r8d",
    "jnz 43f",
    "inc rdi",
    "inc rsi",
    "dec rdx",
    "jmp 42b",
    "43:",
    "mov [rcx], eax",
    "xor eax, eax",
    "ret",
    "psimp_host_probe_end:",
    "mov eax, 1",
    "ret",
    ".popsection",
);

unsafe extern "sysv64" {
    static psimp_host_probe_start: c_void;
    static psimp_host_probe_end: c_void;
    fn psimp_host_copy(to: u64, from: u64, length: usize) -> u64;
    fn psimp_host_fill(to: u64, byte: u8, length: usize) -> u64;
    fn psimp_host_span(from: u64, byte: u8, length: usize, count: *mut usize) -> u64;
    fn psimp_host_compare(left: u64, right: u64, length: usize, difference: *mut i32) -> u64;
}

/// Where to continue when the instruction at `rip` faulted; `None` when it is not one of those
/// here.
pub(crate) fn resume(rip: u64) -> Option<u64> {
    let start = (&raw const psimp_host_probe_start) as u64;
    let end = (&raw const psimp_host_probe_end) as u64;
    (start..end).contains(&rip).then_some(end)
}

fn checked(failed: u64) -> Result<(), NoMemory> {
    if failed == 0 { Ok(()) } else { Err(NoMemory) }
}

/// Reads from any address.
pub(crate) fn read(to: &mut [u8], from: u64) -> Result<(), NoMemory> {
    // SAFETY: `to` is borrowed to be written.
    unsafe { copy(to.as_mut_ptr() as u64, from, to.len()) }
}

/// Copies between any addresses, like `memmove`. To Rust this is an access by foreign code: the
/// driver may write the same memory concurrently.
///
/// # Safety
/// Code with the address may write the memory at `to`: it is not memory of the host to which there
/// is a reference, except the caller's own exclusive one.
pub(crate) unsafe fn copy(to: u64, from: u64, length: usize) -> Result<(), NoMemory> {
    // SAFETY: an address without memory becomes an error; the rest the caller
    // promises.
    checked(unsafe { psimp_host_copy(to, from, length) })
}

/// Fills memory at any address, like `memset`.
///
/// # Safety
/// As for [`copy`].
pub(crate) unsafe fn fill(to: u64, byte: u8, length: usize) -> Result<(), NoMemory> {
    // SAFETY: as for `copy`.
    checked(unsafe { psimp_host_fill(to, byte, length) })
}

/// The number of bytes, from an address on and up to a length, that have one value, like `strspn`.
pub(crate) fn span(from: u64, byte: u8, length: usize) -> Result<usize, NoMemory> {
    let mut count = 0;
    // SAFETY: an address without memory becomes an error; nothing else is
    // written than the local.
    checked(unsafe { psimp_host_span(from, byte, length, &raw mut count) })?;
    Ok(count)
}

/// Compares memory at any addresses, like `memcmp`.
pub(crate) fn compare(left: u64, right: u64, length: usize) -> Result<i32, NoMemory> {
    let mut difference = 0;
    // SAFETY: an address without memory becomes an error; nothing else is
    // written than the local.
    checked(unsafe { psimp_host_compare(left, right, length, &raw mut difference) })?;
    Ok(difference)
}

#[cfg(test)]
mod tests {
    use super::{NoMemory, compare, copy, fill, span};

    fn address<T>(of: &mut T) -> u64 {
        (&raw mut *of) as u64
    }

    #[test]
    fn copies_of_every_length_and_overlap() {
        for length in 0..40 {
            for (to, from) in [(0, 40), (40, 0), (10, 13), (13, 10), (10, 10)] {
                let mut buffer: [u8; 80] = std::array::from_fn(|at| u8::try_from(at).unwrap_or(0));
                let mut expected = buffer;
                expected.copy_within(from..from + length, to);
                let base = address(&mut buffer);
                // SAFETY: inside the local.
                assert_eq!(unsafe { copy(base + to as u64, base + from as u64, length) }, Ok(()));
                assert_eq!(buffer, expected, "{length} bytes from {from} to {to}");
            }
        }
    }

    #[test]
    fn fills_and_compares_every_length() {
        for length in 0..48 {
            let mut buffer = [0_u8; 48];
            let base = address(&mut buffer);
            // SAFETY: inside the local.
            assert_eq!(unsafe { fill(base, 7, length) }, Ok(()));
            assert!(buffer[..length].iter().all(|&byte| byte == 7));
            assert!(buffer[length..].iter().all(|&byte| byte == 0));
            let mut other = buffer;
            assert_eq!(span(base, 7, 48), Ok(length));
            for changed in 0..length {
                other[changed] = 8;
                assert_eq!(span(address(&mut other), 7, length), Ok(changed));
                other[changed] = 7;
            }
            assert_eq!(compare(base, address(&mut other), 48), Ok(0));
            other[length] = 9;
            let difference = compare(base, address(&mut other), 48);
            assert_eq!(difference, Ok(-9));
        }
    }

    #[test]
    fn missing_memory_is_an_error() {
        super::super::attach::attach();
        let mut byte = 0_u8;
        for missing in [0, 8, 0xFFFF_8000_0000_0000, 0x8000_0000_0000_0000] {
            // SAFETY: nothing lies at these addresses, or nothing is written.
            assert_eq!(unsafe { copy(missing, address(&mut byte), 1) }, Err(NoMemory));
            // SAFETY: into the local.
            assert_eq!(unsafe { copy(address(&mut byte), missing, 1) }, Err(NoMemory));
            // SAFETY: nothing lies at these addresses.
            assert_eq!(unsafe { fill(missing, 0, 16) }, Err(NoMemory));
            assert_eq!(span(missing, 0, 16), Err(NoMemory));
            assert_eq!(compare(missing, missing, 16), Err(NoMemory));
        }
    }
}
