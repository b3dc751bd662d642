/* For Wine 8, whose bcryptprimitives.dll lacks the one export that Rust's standard library takes from it.
   Only put beside psimp.exe to run it under Wine; Windows has its own. */
#include <windows.h>
/* RtlGenRandom is declared there. */
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size)
{
    while (size > 0) {
        ULONG part = size > 0x10000 ? 0x10000 : (ULONG)size;
        if (!RtlGenRandom(data, part))
            return FALSE;
        data += part;
        size -= part;
    }
    return TRUE;
}
