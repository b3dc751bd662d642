/*
 * Included before anything else, so that mingw-w64's kernel headers can be
 * read for Microsoft's targets and declare what wdk-alloc uses.
 */
#pragma once

#if defined(__aarch64__)
/* The headers know one kind of ARM: this sends them to armddk.h. */
#define _M_ARM

/* vadefs.h has no variable arguments for a target of Microsoft's that is not x86; the compiler has. */
#define _INC_VADEFS
#define _VA_LIST_DEFINED
typedef __builtin_va_list va_list;
#define _crt_va_start(List, Last) __builtin_va_start(List, Last)
#define _crt_va_arg(List, Type) __builtin_va_arg(List, Type)
#define _crt_va_end(List) __builtin_va_end(List)
#define _crt_va_copy(To, From) __builtin_va_copy(To, From)
#endif

/* ntdef.h and ntifs.h both define this structure, with the same members. */
#define _REPARSE_DATA_BUFFER PSIMP_NTDEF_REPARSE_STRUCT
#define REPARSE_DATA_BUFFER PSIMP_NTDEF_REPARSE_TYPE
#define PREPARSE_DATA_BUFFER PSIMP_NTDEF_REPARSE_POINTER
#include <ntdef.h>
#undef _REPARSE_DATA_BUFFER
#undef REPARSE_DATA_BUFFER
#undef PREPARSE_DATA_BUFFER

/* The headers use it in constant expressions, which a cast of a null pointer is not. */
#undef FIELD_OFFSET
#define FIELD_OFFSET(Type, Field) ((LONG)__builtin_offsetof(Type, Field))

/* Windows 10 2004 and later; mingw-w64 stops before it. wdk-sys has the flags itself. */
typedef ULONG64 POOL_FLAGS;
PVOID NTAPI ExAllocatePool2(POOL_FLAGS Flags, SIZE_T NumberOfBytes, ULONG Tag);
