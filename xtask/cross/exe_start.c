/*
 * What a Rust program asks of a C runtime on Windows, for an architecture for
 * which there is no C runtime here: the entry point, the directory of
 * thread-local storage, and the probe of the stack. Everything else the
 * standard library asks of Windows itself.
 */
typedef void *PVOID;
typedef unsigned long ULONG;
typedef void (*TLS_CALLBACK)(PVOID Module, ULONG Reason, PVOID Reserved);

/* IMAGE_TLS_DIRECTORY64 */
typedef struct {
    PVOID StartAddressOfRawData;
    PVOID EndAddressOfRawData;
    ULONG *AddressOfIndex;
    const TLS_CALLBACK *AddressOfCallBacks;
    ULONG SizeOfZeroFill;
    ULONG Characteristics;
} TLS_DIRECTORY;
_Static_assert(sizeof(TLS_DIRECTORY) == 40, "the loader reads 40 bytes");

/* Linkers sort what is in a section by what follows the dollar sign: these come first and last. */
#pragma section(".tls", read, write)
#pragma section(".tls$ZZZ", read, write)
#pragma section(".CRT$XLA", read)
#pragma section(".CRT$XLZ", read)
static __declspec(allocate(".tls")) char First = 0;
static __declspec(allocate(".tls$ZZZ")) char Last = 0;
/* The callbacks end with a null; the standard library puts its own between the two. */
static __declspec(allocate(".CRT$XLA")) const TLS_CALLBACK Callbacks = 0;
__declspec(allocate(".CRT$XLZ")) const TLS_CALLBACK CallbacksEnd = 0;

/* The linker and the compiler know them by these names. */
ULONG _tls_index;
const TLS_DIRECTORY _tls_used = {&First, &Last, &_tls_index, &Callbacks + 1, 0, 0};

__declspec(dllimport) __attribute__((noreturn)) void ExitProcess(unsigned Code);
int main(int Count, char **Arguments);

/* The standard library asks Windows for the command line, not main. */
__attribute__((noreturn)) void mainCRTStartup(void)
{
    ExitProcess((unsigned)main(0, 0));
}

/*
 * Called before a frame of more than a page is made, so that every page of the
 * stack is touched in turn: x15 holds the size in units of 16 bytes, and only
 * x16, x17 and the flags may change.
 */
__attribute__((naked)) void __chkstk(void)
{
    __asm__("mov x16, sp\n\t"
            "sub x17, x16, x15, lsl #4\n"
            "1:\n\t"
            "sub x16, x16, #4096\n\t"
            "ldr xzr, [x16]\n\t"
            "cmp x16, x17\n\t"
            "b.hi 1b\n\t"
            "ret");
}
