/*
 * mingw-w64's kernel headers leave what is particular to ARM to a header of
 * this name, which they do not have. For arm64 it says what the driver and the
 * wdk crates use, and nothing else: no CONTEXT, no KPCR. A use of what is
 * missing does not compile.
 */
#pragma once

/* Documented to be the same on every architecture. */
#define PASSIVE_LEVEL 0
#define LOW_LEVEL 0
#define APC_LEVEL 1
#define DISPATCH_LEVEL 2
