/*
 * The load configuration of a driver with control-flow guard, as the WDK's
 * BufferOverflowFastFailK.lib has it: where the kernel finds the table of
 * functions that may be called through a pointer, and the pointers to its own
 * routines that look a target up in it.
 */
#include <ntdef.h>

typedef VOID (*ROUTINE)(VOID);

/* IMAGE_LOAD_CONFIG_DIRECTORY64, with addresses as pointers. What is reserved, or for programs, is zero. */
typedef struct {
    ULONG Size;
    ULONG Unused1[21];
    ULONGLONG SecurityCookie;
    ULONGLONG SEHandlerTable;
    ULONGLONG SEHandlerCount;
    const ROUTINE *GuardCFCheckFunctionPointer;
    const ROUTINE *GuardCFDispatchFunctionPointer;
    PVOID GuardCFFunctionTable;
    PVOID GuardCFFunctionCount;
    PVOID GuardFlagsAndCodeIntegrity;
    ULONGLONG CodeIntegrity;
    PVOID GuardAddressTakenIatEntryTable;
    PVOID GuardAddressTakenIatEntryCount;
    ULONGLONG Unused2[18];
} LOAD_CONFIG;
_Static_assert(sizeof(LOAD_CONFIG) == 320, "the size that Windows 11's SDK has");

/*
 * Used until the kernel puts addresses of its own into the pointers, which it
 * does where it enforces the guard: nothing is looked up.
 */
static VOID CheckNothing(VOID)
{
}

#if defined(__x86_64__)
/*
 * The target is in rax, and the arguments are where it expects them. As the
 * body of a function, it would be followed by a trap.
 */
VOID DispatchUnchecked(VOID);
__asm__(".text\n\t"
        ".def DispatchUnchecked\n\t"
        ".scl 2\n\t"
        ".type 32\n\t"
        ".endef\n\t"
        ".globl DispatchUnchecked\n\t"
        ".p2align 4, 0xcc\n"
        "DispatchUnchecked:\n\t"
        "jmpq *%rax");
#endif

/* What compilers call through. Constant, so that nothing but the kernel can change where a call goes. */
#pragma section(".00cfg", read)
__declspec(allocate(".00cfg")) const ROUTINE __guard_check_icall_fptr = CheckNothing;
#if defined(__x86_64__)
__declspec(allocate(".00cfg")) const ROUTINE __guard_dispatch_icall_fptr = DispatchUnchecked;
#endif

/* The linker's: tables, and numbers as addresses. */
extern char __guard_fids_table[], __guard_fids_count[], __guard_flags[];
extern char __guard_iat_table[], __guard_iat_count[];

/* The linker looks for it by this name. */
const LOAD_CONFIG _load_config_used = {
    .Size = sizeof(LOAD_CONFIG),
    .GuardCFCheckFunctionPointer = &__guard_check_icall_fptr,
#if defined(__x86_64__)
    .GuardCFDispatchFunctionPointer = &__guard_dispatch_icall_fptr,
#endif
    .GuardCFFunctionTable = __guard_fids_table,
    .GuardCFFunctionCount = __guard_fids_count,
    .GuardFlagsAndCodeIntegrity = __guard_flags,
    .GuardAddressTakenIatEntryTable = __guard_iat_table,
    .GuardAddressTakenIatEntryCount = __guard_iat_count,
};
