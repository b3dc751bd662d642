/*
 * A caller of psimp.sys in C: VERSION, IMPERSONATE with a copy of its own token, QUERY, REVERT.
 *
 *     client [LEVEL]       0 to 3; 2, Impersonation, if none is given
 *
 * Exit code 0: done; 1: a call failed; 3: the driver is not there. client.rs is the same in Rust.
 * Build: x86_64-w64-mingw32-gcc -I include crates/windows/examples/client.c -o client.exe -ladvapi32
 *        cl /I include crates\windows\examples\client.c advapi32.lib
 */
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>

#include "psimp.h"

static int failed(const char *what)
{
    DWORD error = GetLastError();
    fprintf(stderr, "%s: error %lu\n", what, (unsigned long)error);
    return error == ERROR_FILE_NOT_FOUND ? 3 : 1;
}

/* A request whose reply is as long as its structure. */
static BOOL control(HANDLE device, DWORD code, void *input, DWORD input_length, void *output, DWORD length)
{
    DWORD returned = 0;
    if (!DeviceIoControl(device, code, input, input_length, output, length, &returned, NULL))
        return FALSE;
    if (returned != length)
        SetLastError(ERROR_BAD_LENGTH);
    return returned == length;
}

/* A copy of the process's token, to impersonate at this level. */
static HANDLE own_token(SECURITY_IMPERSONATION_LEVEL level)
{
    HANDLE primary, copy = NULL;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_DUPLICATE, &primary))
        return NULL;
    if (!DuplicateTokenEx(primary, TOKEN_IMPERSONATE | TOKEN_QUERY, NULL, level, TokenImpersonation, &copy))
        copy = NULL;
    CloseHandle(primary);
    return copy;
}

static void print_slot(const char *when, const PSIMP_SLOT *slot)
{
    if (slot->flags & PSIMP_SLOT_ACTIVE)
        printf("%s: impersonates at level %u, token type %u, flags %u\n", when, slot->level,
               slot->token_type, slot->flags);
    else
        printf("%s: does not impersonate\n", when);
}

int main(int count, char **arguments)
{
    char *end = "";
    uint32_t level = count > 1 ? (uint32_t)strtoul(arguments[1], &end, 10) : SecurityImpersonation;
    PSIMP_IMPERSONATE impersonate = { PSIMP_PROTOCOL_VERSION, level, 0, 0, 0, 0 };
    PSIMP_THREAD calling = { PSIMP_PROTOCOL_VERSION, 0, 0 };
    PSIMP_VERSION version;
    PSIMP_OUTCOME outcome;
    PSIMP_SLOT slot;
    int exit_code = 0;

    if (*end || (count > 1 && end == arguments[1])) {
        fprintf(stderr, "LEVEL is a number\n");
        return 1;
    }
    HANDLE device = CreateFileW(PSIMP_DEVICE, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    if (device == INVALID_HANDLE_VALUE)
        return failed("the driver psimp.sys cannot be opened");
    if (!control(device, PSIMP_IOCTL_VERSION, NULL, 0, &version, sizeof version))
        return failed("VERSION");
    printf("psimp.sys %u.%u.%u, build %.16s\n", version.driver[0], version.driver[1], version.driver[2],
           (const char *)version.build_id);
    if (version.protocol != PSIMP_PROTOCOL_VERSION) {
        fprintf(stderr, "the driver has protocol version %u\n", version.protocol);
        return 1;
    }

    HANDLE token = own_token((SECURITY_IMPERSONATION_LEVEL)level);
    if (!token)
        return failed("the own token cannot be copied");
    impersonate.token = (uint64_t)(intptr_t)token;
    if (!control(device, PSIMP_IOCTL_IMPERSONATE, &impersonate, sizeof impersonate, &outcome, sizeof outcome))
        return failed("IMPERSONATE");
    printf("IMPERSONATE: %s at level %u, decided by the %s, rule %u\n",
           outcome.verdict == PSIMP_VERDICT_KEPT ? "kept" : "copied", outcome.level_stored,
           outcome.decided_by == PSIMP_DECIDED_BY_DRIVER ? "driver" : "kernel", outcome.rule);
    if (control(device, PSIMP_IOCTL_QUERY, &calling, sizeof calling, &slot, sizeof slot))
        print_slot("QUERY", &slot);
    else
        exit_code = failed("QUERY");
    /* Also after a failure: the thread must not go on with another token. */
    if (!control(device, PSIMP_IOCTL_REVERT, NULL, 0, &slot, sizeof slot))
        return failed("REVERT");
    print_slot("before REVERT", &slot);
    if (exit_code)
        return exit_code;
    if (!control(device, PSIMP_IOCTL_QUERY, &calling, sizeof calling, &slot, sizeof slot))
        return failed("QUERY");
    print_slot("after REVERT", &slot);
    CloseHandle(token);
    CloseHandle(device);
    return 0;
}
