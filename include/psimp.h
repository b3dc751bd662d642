/*
 * psimp.h: the control codes of psimp.sys and their structures, for C.
 *
 * Made from the tables in crates/protocol; a test keeps it current. docs/ioctl.md says what each code
 * does, what it refuses, and which rights handles need.
 */
#ifndef PSIMP_H
#define PSIMP_H

#include <stddef.h>
#include <stdint.h>

/* What CreateFileW opens: a server the device, a client its own name below it. */
#define PSIMP_DEVICE L"\\\\.\\PsImpersonate"
#define PSIMP_DEVICE_CLIENT L"\\\\.\\PsImpersonate\\Client"

/* The same for NtCreateFile. */
#define PSIMP_NT_DEVICE L"\\Device\\PsImpersonate"
#define PSIMP_NT_DEVICE_CLIENT L"\\Device\\PsImpersonate\\Client"

#define PSIMP_PROTOCOL_VERSION 1u
#define PSIMP_MAX_SAVES 16u
#define PSIMP_MAX_CONNECTIONS 10000u
#define PSIMP_MAX_USER_CONNECTIONS 1000u
#define PSIMP_MAX_PROCESS_CONNECTIONS 250u
#define PSIMP_MAX_DESCRIPTOR 65536u

/* Control codes, for DeviceIoControl. */
#define PSIMP_IOCTL_VERSION 0x00226000u
#define PSIMP_IOCTL_IMPERSONATE 0x0022A004u
#define PSIMP_IOCTL_QUERY 0x00226008u
#define PSIMP_IOCTL_SAVE 0x0022A00Cu
#define PSIMP_IOCTL_RESTORE 0x0022A010u
#define PSIMP_IOCTL_DISCARD 0x0022A014u
#define PSIMP_IOCTL_REVERT 0x0022A018u
#define PSIMP_IOCTL_END 0x0022A01Cu
#define PSIMP_IOCTL_EVALUATE 0x00226020u
#define PSIMP_IOCTL_ACCESS_CHECK 0x00226024u
#define PSIMP_IOCTL_NEXT_CLIENT 0x00226028u
#define PSIMP_IOCTL_SERVE 0x0022A02Cu
#define PSIMP_IOCTL_WORKER_CHECK 0x00226030u

#define PSIMP_IMPERSONATE_COPY_ON_OPEN 1u /* copy-on-open */
#define PSIMP_IMPERSONATE_EFFECTIVE_ONLY 2u /* effective-only */
#define PSIMP_IMPERSONATE_KERNEL_RULES 4u /* the kernel decides alone */

#define PSIMP_RULES_KERNEL_RULES 4u /* the kernel decides alone */

#define PSIMP_VERDICT_ENDED 0u /* nothing in the slot */
#define PSIMP_VERDICT_KEPT 1u /* kept */
#define PSIMP_VERDICT_COPIED 2u /* copied */

#define PSIMP_DECIDED_BY_DRIVER 1u /* the driver */
#define PSIMP_DECIDED_BY_KERNEL 2u /* the kernel */

#define PSIMP_SLOT_ACTIVE 1u /* active */
#define PSIMP_SLOT_COPY_ON_OPEN 2u /* copy-on-open */
#define PSIMP_SLOT_EFFECTIVE_ONLY 4u /* effective-only */
#define PSIMP_SLOT_RESTRICTED 8u /* restricted */
#define PSIMP_SLOT_UNREAD 16u /* the token could not be read */

#define PSIMP_EFFECT_PASS 1u /* passes */
#define PSIMP_EFFECT_KEEP 2u /* keeps */
#define PSIMP_EFFECT_DENY 3u /* objects */

#define PSIMP_CONNECTION_DYNAMIC 1u /* dynamic tracking */
#define PSIMP_CONNECTION_EFFECTIVE_ONLY 2u /* effective-only */
#define PSIMP_CONNECTION_SERVED 4u /* this server serves it; otherwise it waits */

/* Rules: PSIMP_OUTCOME.rule, PSIMP_EVALUATION.rule, PSIMP_TRACE_STEP.rule. */
#define PSIMP_RULE_LEVEL_BELOW_THRESHOLD 1u
#define PSIMP_RULE_ANONYMOUS_LOGON 2u
#define PSIMP_RULE_IMPERSONATE_PRIVILEGE 3u
#define PSIMP_RULE_TOKEN_LEVEL 4u
#define PSIMP_RULE_INTEGRITY 5u
#define PSIMP_RULE_ORIGIN_SESSION 6u
#define PSIMP_RULE_USER_SID 7u
#define PSIMP_RULE_ELEVATION 8u
#define PSIMP_RULE_FILTERED_LOGON 9u
#define PSIMP_RULE_PACKAGE 10u
#define PSIMP_RULE_RESTRICTED 11u
#define PSIMP_RULE_WRITE_RESTRICTED 12u
#define PSIMP_RULE_TERMINAL_SESSION 13u
#define PSIMP_RULE_NO_OBJECTION 14u
#define PSIMP_RULE_ONE_CONDITION_HELD 15u
#define PSIMP_RULE_NO_PRIMARY_TOKEN 16u
#define PSIMP_RULE_TOKEN_TYPE 17u
#define PSIMP_RULE_RESTRICTED_SERVER 18u

/* Statuses, as ntstatus.h has them: of PSIMP_ACCESS.status, and of requests through NtDeviceIoControlFile. */
#define PSIMP_STATUS_INVALID_DEVICE_STATE 0xC0000184u
#define PSIMP_STATUS_ACCESS_DENIED 0xC0000022u
#define PSIMP_STATUS_INVALID_DEVICE_REQUEST 0xC0000010u
#define PSIMP_STATUS_INFO_LENGTH_MISMATCH 0xC0000004u
#define PSIMP_STATUS_BUFFER_TOO_SMALL 0xC0000023u
#define PSIMP_STATUS_INVALID_PARAMETER 0xC000000Du
#define PSIMP_STATUS_INVALID_HANDLE 0xC0000008u
#define PSIMP_STATUS_OBJECT_TYPE_MISMATCH 0xC0000024u
#define PSIMP_STATUS_THREAD_IS_TERMINATING 0xC000004Bu
#define PSIMP_STATUS_BAD_IMPERSONATION_LEVEL 0xC00000A5u
#define PSIMP_STATUS_NO_MORE_ENTRIES 0x8000001Au
#define PSIMP_STATUS_NOT_FOUND 0xC0000225u
#define PSIMP_STATUS_INSUFFICIENT_RESOURCES 0xC000009Au
#define PSIMP_STATUS_FILE_CLOSED 0xC0000128u
#define PSIMP_STATUS_INVALID_SECURITY_DESCR 0xC0000079u
#define PSIMP_STATUS_NO_MEMORY 0xC0000017u
#define PSIMP_STATUS_UNSUCCESSFUL 0xC0000001u
#define PSIMP_STATUS_PRIVILEGE_NOT_HELD 0xC0000061u

/* Little-endian, naturally aligned, without padding. Handles are 64 bits wide, sign-extended. */
#define PSIMP_CHECK(name, holds) typedef char psimp_check_##name[(holds) ? 1 : -1]

/* Input of IMPERSONATE and EVALUATE. */
typedef struct PSIMP_IMPERSONATE {
    /* PSIMP_PROTOCOL_VERSION. */
    uint32_t version;
    /* SECURITY_IMPERSONATION_LEVEL, 0 to 3, compared unsigned. */
    uint32_t level;
    /* Thread handle with THREAD_SET_THREAD_TOKEN and THREAD_IMPERSONATE, for EVALUATE as for QUERY
       in PSIMP_THREAD; or 0 for the calling thread. */
    uint64_t thread;
    /* Token handle with TOKEN_IMPERSONATE, for a primary token also TOKEN_DUPLICATE and
       TOKEN_QUERY; of EVALUATE with TOKEN_QUERY. */
    uint64_t token;
    /* PSIMP_IMPERSONATE_*; EVALUATE takes them and ignores them. */
    uint32_t flags;
    /* Zero. */
    uint32_t reserved;
} PSIMP_IMPERSONATE;
PSIMP_CHECK(Impersonate, sizeof(PSIMP_IMPERSONATE) == 32);
PSIMP_CHECK(Impersonate_version, offsetof(PSIMP_IMPERSONATE, version) == 0);
PSIMP_CHECK(Impersonate_level, offsetof(PSIMP_IMPERSONATE, level) == 4);
PSIMP_CHECK(Impersonate_thread, offsetof(PSIMP_IMPERSONATE, thread) == 8);
PSIMP_CHECK(Impersonate_token, offsetof(PSIMP_IMPERSONATE, token) == 16);
PSIMP_CHECK(Impersonate_flags, offsetof(PSIMP_IMPERSONATE, flags) == 24);
PSIMP_CHECK(Impersonate_reserved, offsetof(PSIMP_IMPERSONATE, reserved) == 28);

/* Input of QUERY, SAVE and END. */
typedef struct PSIMP_THREAD {
    /* PSIMP_PROTOCOL_VERSION. */
    uint32_t version;
    /* Zero. */
    uint32_t reserved;
    /* Thread handle with THREAD_QUERY_LIMITED_INFORMATION or, as kernels before Windows Vista have
       it, THREAD_QUERY_INFORMATION (QUERY); one of them and THREAD_IMPERSONATE (SAVE);
       THREAD_SET_THREAD_TOKEN and THREAD_IMPERSONATE (END); or 0 for the calling thread. */
    uint64_t thread;
} PSIMP_THREAD;
PSIMP_CHECK(Thread, sizeof(PSIMP_THREAD) == 16);
PSIMP_CHECK(Thread_version, offsetof(PSIMP_THREAD, version) == 0);
PSIMP_CHECK(Thread_reserved, offsetof(PSIMP_THREAD, reserved) == 4);
PSIMP_CHECK(Thread_thread, offsetof(PSIMP_THREAD, thread) == 8);

/* Input of RESTORE. */
typedef struct PSIMP_RESTORE {
    /* PSIMP_PROTOCOL_VERSION. */
    uint32_t version;
    /* PSIMP_RULES_*. */
    uint32_t flags;
    /* As in PSIMP_IMPERSONATE. */
    uint64_t thread;
    /* What SAVE returned, on the same file object. */
    uint64_t save;
} PSIMP_RESTORE;
PSIMP_CHECK(Restore, sizeof(PSIMP_RESTORE) == 24);
PSIMP_CHECK(Restore_version, offsetof(PSIMP_RESTORE, version) == 0);
PSIMP_CHECK(Restore_flags, offsetof(PSIMP_RESTORE, flags) == 4);
PSIMP_CHECK(Restore_thread, offsetof(PSIMP_RESTORE, thread) == 8);
PSIMP_CHECK(Restore_save, offsetof(PSIMP_RESTORE, save) == 16);

/* Input of DISCARD. */
typedef struct PSIMP_DISCARD {
    /* PSIMP_PROTOCOL_VERSION. */
    uint32_t version;
    /* Zero. */
    uint32_t reserved;
    /* What SAVE returned, on the same file object. */
    uint64_t save;
} PSIMP_DISCARD;
PSIMP_CHECK(Discard, sizeof(PSIMP_DISCARD) == 16);
PSIMP_CHECK(Discard_version, offsetof(PSIMP_DISCARD, version) == 0);
PSIMP_CHECK(Discard_reserved, offsetof(PSIMP_DISCARD, reserved) == 4);
PSIMP_CHECK(Discard_save, offsetof(PSIMP_DISCARD, save) == 8);

/* Input of ACCESS_CHECK and WORKER_CHECK; a self-relative security descriptor follows. */
typedef struct PSIMP_ACCESS_CHECK {
    /* PSIMP_PROTOCOL_VERSION. */
    uint32_t version;
    /* Access asked for, of which 0 is denied; generic rights are mapped as for files. */
    uint32_t desired;
    /* Length of the descriptor in bytes: all that follows, at most PSIMP_MAX_DESCRIPTOR. */
    uint32_t length;
    /* Zero. */
    uint32_t reserved;
} PSIMP_ACCESS_CHECK;
PSIMP_CHECK(AccessCheck, sizeof(PSIMP_ACCESS_CHECK) == 16);
PSIMP_CHECK(AccessCheck_version, offsetof(PSIMP_ACCESS_CHECK, version) == 0);
PSIMP_CHECK(AccessCheck_desired, offsetof(PSIMP_ACCESS_CHECK, desired) == 4);
PSIMP_CHECK(AccessCheck_length, offsetof(PSIMP_ACCESS_CHECK, length) == 8);
PSIMP_CHECK(AccessCheck_reserved, offsetof(PSIMP_ACCESS_CHECK, reserved) == 12);

/* Input of NEXT_CLIENT. */
typedef struct PSIMP_NEXT_CLIENT {
    /* PSIMP_PROTOCOL_VERSION. */
    uint32_t version;
    /* Zero. */
    uint32_t reserved;
    /* The connection returned before, 0 for the first. It may have ended since. Ids rise in the
       order in which clients connected. */
    uint64_t after;
} PSIMP_NEXT_CLIENT;
PSIMP_CHECK(NextClient, sizeof(PSIMP_NEXT_CLIENT) == 16);
PSIMP_CHECK(NextClient_version, offsetof(PSIMP_NEXT_CLIENT, version) == 0);
PSIMP_CHECK(NextClient_reserved, offsetof(PSIMP_NEXT_CLIENT, reserved) == 4);
PSIMP_CHECK(NextClient_after, offsetof(PSIMP_NEXT_CLIENT, after) == 8);

/* Input of SERVE. */
typedef struct PSIMP_SERVE {
    /* PSIMP_PROTOCOL_VERSION. */
    uint32_t version;
    /* SECURITY_IMPERSONATION_LEVEL, 0 to 3, compared unsigned; at most the client's. */
    uint32_t level;
    /* PSIMP_CONNECTION.id. */
    uint64_t connection;
    /* PSIMP_RULES_*. Copy-on-open is always set; the client decides on effective-only. */
    uint32_t flags;
    /* Zero. */
    uint32_t reserved;
} PSIMP_SERVE;
PSIMP_CHECK(Serve, sizeof(PSIMP_SERVE) == 24);
PSIMP_CHECK(Serve_version, offsetof(PSIMP_SERVE, version) == 0);
PSIMP_CHECK(Serve_level, offsetof(PSIMP_SERVE, level) == 4);
PSIMP_CHECK(Serve_connection, offsetof(PSIMP_SERVE, connection) == 8);
PSIMP_CHECK(Serve_flags, offsetof(PSIMP_SERVE, flags) == 16);
PSIMP_CHECK(Serve_reserved, offsetof(PSIMP_SERVE, reserved) == 20);

/* Output of VERSION. */
typedef struct PSIMP_VERSION {
    /* Protocol version of the driver. */
    uint32_t protocol;
    /* Driver version, one number a part. */
    uint16_t driver[3];
    /* Zero. */
    uint16_t reserved;
    /* Saves that a file object can hold at one time. */
    uint32_t max_saves;
    /* First 16 hexadecimal digits of the source revision, as text without a terminator; zeros if
       unknown. */
    uint8_t build_id[16];
} PSIMP_VERSION;
PSIMP_CHECK(Version, sizeof(PSIMP_VERSION) == 32);
PSIMP_CHECK(Version_protocol, offsetof(PSIMP_VERSION, protocol) == 0);
PSIMP_CHECK(Version_driver, offsetof(PSIMP_VERSION, driver) == 4);
PSIMP_CHECK(Version_reserved, offsetof(PSIMP_VERSION, reserved) == 10);
PSIMP_CHECK(Version_max_saves, offsetof(PSIMP_VERSION, max_saves) == 12);
PSIMP_CHECK(Version_build_id, offsetof(PSIMP_VERSION, build_id) == 16);

/* Output of IMPERSONATE, RESTORE and SERVE: the slot as it was read back, and who decided. */
typedef struct PSIMP_OUTCOME {
    /* What the kernel routine returned; a failure fails the IOCTL instead. */
    uint32_t status;
    /* The level asked for. */
    uint32_t level_asked;
    /* The level read back from the slot. */
    uint32_t level_stored;
    /* PSIMP_VERDICT_*. */
    uint32_t verdict;
    /* Number of the deciding rule, 0 when the kernel decided, which does not report its rule. */
    uint32_t rule;
    /* PSIMP_DECIDED_BY_*. */
    uint32_t decided_by;
    /* PSIMP_SLOT_* as read back. */
    uint32_t flags;
    /* Zero. */
    uint32_t reserved;
    /* TokenId of the token behind the handle. */
    uint64_t token_asked;
    /* TokenId of the token in the slot. */
    uint64_t token_stored;
    /* Logon session of the token in the slot. */
    uint64_t authentication_id;
} PSIMP_OUTCOME;
PSIMP_CHECK(Outcome, sizeof(PSIMP_OUTCOME) == 56);
PSIMP_CHECK(Outcome_status, offsetof(PSIMP_OUTCOME, status) == 0);
PSIMP_CHECK(Outcome_level_asked, offsetof(PSIMP_OUTCOME, level_asked) == 4);
PSIMP_CHECK(Outcome_level_stored, offsetof(PSIMP_OUTCOME, level_stored) == 8);
PSIMP_CHECK(Outcome_verdict, offsetof(PSIMP_OUTCOME, verdict) == 12);
PSIMP_CHECK(Outcome_rule, offsetof(PSIMP_OUTCOME, rule) == 16);
PSIMP_CHECK(Outcome_decided_by, offsetof(PSIMP_OUTCOME, decided_by) == 20);
PSIMP_CHECK(Outcome_flags, offsetof(PSIMP_OUTCOME, flags) == 24);
PSIMP_CHECK(Outcome_reserved, offsetof(PSIMP_OUTCOME, reserved) == 28);
PSIMP_CHECK(Outcome_token_asked, offsetof(PSIMP_OUTCOME, token_asked) == 32);
PSIMP_CHECK(Outcome_token_stored, offsetof(PSIMP_OUTCOME, token_stored) == 40);
PSIMP_CHECK(Outcome_authentication_id, offsetof(PSIMP_OUTCOME, authentication_id) == 48);

/* Output of QUERY; of REVERT and END the slot as it was before. */
typedef struct PSIMP_SLOT {
    /* PSIMP_SLOT_*; zero, like every other field, when the thread does not impersonate. */
    uint32_t flags;
    /* Level of the slot. */
    uint32_t level;
    /* TOKEN_TYPE of the token object: 1 primary, 2 impersonation. */
    uint32_t token_type;
    /* Level recorded in the token object; of a primary token it means nothing to access checks. */
    uint32_t own_level;
    /* TokenId of the token object. */
    uint64_t token_id;
    /* Its logon session. */
    uint64_t authentication_id;
    /* Length of user in bytes. */
    uint32_t user_length;
    /* Its user SID, zero-filled. */
    uint8_t user[68];
} PSIMP_SLOT;
PSIMP_CHECK(Slot, sizeof(PSIMP_SLOT) == 104);
PSIMP_CHECK(Slot_flags, offsetof(PSIMP_SLOT, flags) == 0);
PSIMP_CHECK(Slot_level, offsetof(PSIMP_SLOT, level) == 4);
PSIMP_CHECK(Slot_token_type, offsetof(PSIMP_SLOT, token_type) == 8);
PSIMP_CHECK(Slot_own_level, offsetof(PSIMP_SLOT, own_level) == 12);
PSIMP_CHECK(Slot_token_id, offsetof(PSIMP_SLOT, token_id) == 16);
PSIMP_CHECK(Slot_authentication_id, offsetof(PSIMP_SLOT, authentication_id) == 24);
PSIMP_CHECK(Slot_user_length, offsetof(PSIMP_SLOT, user_length) == 32);
PSIMP_CHECK(Slot_user, offsetof(PSIMP_SLOT, user) == 36);

/* Output of SAVE. */
typedef struct PSIMP_SAVED {
    /* Names the save in RESTORE and DISCARD. Never used again for another. */
    uint64_t save;
    /* What was saved. */
    PSIMP_SLOT slot;
} PSIMP_SAVED;
PSIMP_CHECK(Saved, sizeof(PSIMP_SAVED) == 112);
PSIMP_CHECK(Saved_save, offsetof(PSIMP_SAVED, save) == 0);
PSIMP_CHECK(Saved_slot, offsetof(PSIMP_SAVED, slot) == 8);

/* A rule that was tried. */
typedef struct PSIMP_TRACE_STEP {
    /* Number of the rule. */
    uint16_t rule;
    /* PSIMP_EFFECT_*. */
    uint16_t effect;
} PSIMP_TRACE_STEP;
PSIMP_CHECK(TraceStep, sizeof(PSIMP_TRACE_STEP) == 4);
PSIMP_CHECK(TraceStep_rule, offsetof(PSIMP_TRACE_STEP, rule) == 0);
PSIMP_CHECK(TraceStep_effect, offsetof(PSIMP_TRACE_STEP, effect) == 2);

/* Output of EVALUATE: what the documented rule decides, nothing done. */
typedef struct PSIMP_EVALUATION {
    /* PSIMP_VERDICT_*. */
    uint32_t verdict;
    /* The level that would be stored. */
    uint32_t level;
    /* Number of the deciding rule. */
    uint32_t rule;
    /* How many of trace were tried. */
    uint32_t steps;
    /* The rules in the order they were tried; zeros after the last. */
    PSIMP_TRACE_STEP trace[16];
} PSIMP_EVALUATION;
PSIMP_CHECK(Evaluation, sizeof(PSIMP_EVALUATION) == 80);
PSIMP_CHECK(Evaluation_verdict, offsetof(PSIMP_EVALUATION, verdict) == 0);
PSIMP_CHECK(Evaluation_level, offsetof(PSIMP_EVALUATION, level) == 4);
PSIMP_CHECK(Evaluation_rule, offsetof(PSIMP_EVALUATION, rule) == 8);
PSIMP_CHECK(Evaluation_steps, offsetof(PSIMP_EVALUATION, steps) == 12);
PSIMP_CHECK(Evaluation_trace, offsetof(PSIMP_EVALUATION, trace) == 16);

/* Output of ACCESS_CHECK. */
typedef struct PSIMP_ACCESS {
    /* Access granted; zero when it was not. */
    uint32_t granted;
    /* AccessStatus of SeAccessCheck: 0 when all of it was granted. */
    uint32_t status;
} PSIMP_ACCESS;
PSIMP_CHECK(Access, sizeof(PSIMP_ACCESS) == 8);
PSIMP_CHECK(Access_granted, offsetof(PSIMP_ACCESS, granted) == 0);
PSIMP_CHECK(Access_status, offsetof(PSIMP_ACCESS, status) == 4);

/* Output of NEXT_CLIENT: a client, and what it allows a server. */
typedef struct PSIMP_CONNECTION {
    /* Names the connection in SERVE. Never used again for another. */
    uint64_t id;
    /* Process id of the client. */
    uint32_t process;
    /* The level that it allows. */
    uint32_t level;
    /* PSIMP_CONNECTION_*. */
    uint32_t flags;
    /* Zero. */
    uint32_t reserved;
} PSIMP_CONNECTION;
PSIMP_CHECK(Connection, sizeof(PSIMP_CONNECTION) == 24);
PSIMP_CHECK(Connection_id, offsetof(PSIMP_CONNECTION, id) == 0);
PSIMP_CHECK(Connection_process, offsetof(PSIMP_CONNECTION, process) == 8);
PSIMP_CHECK(Connection_level, offsetof(PSIMP_CONNECTION, level) == 12);
PSIMP_CHECK(Connection_flags, offsetof(PSIMP_CONNECTION, flags) == 16);
PSIMP_CHECK(Connection_reserved, offsetof(PSIMP_CONNECTION, reserved) == 20);

/* Output of WORKER_CHECK. */
typedef struct PSIMP_WORKER_ACCESS {
    /* What the calling thread may, as it now is. */
    PSIMP_ACCESS caller;
    /* What a thread of the system may that impersonates nobody. */
    PSIMP_ACCESS worker;
} PSIMP_WORKER_ACCESS;
PSIMP_CHECK(WorkerAccess, sizeof(PSIMP_WORKER_ACCESS) == 16);
PSIMP_CHECK(WorkerAccess_caller, offsetof(PSIMP_WORKER_ACCESS, caller) == 0);
PSIMP_CHECK(WorkerAccess_worker, offsetof(PSIMP_WORKER_ACCESS, worker) == 8);

#endif
