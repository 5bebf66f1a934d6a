/* goevd/version.h - the parts that every public header of goevd needs: the version of the ABI,
 * strings, time.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GOEVD_VERSION_H
#define GOEVD_VERSION_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifdef __cplusplus
#define GOEVD_STATIC_ASSERT(condition, text) static_assert(condition, text)
#else
#define GOEVD_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif

#if defined(__GNUC__)
#define GOEVD_PRINTF(string, first) __attribute__((format(printf, string, first)))
#define GOEVD_EXPORT __attribute__((visibility("default")))
#define GOEVD_HIDDEN __attribute__((visibility("hidden")))
#else
#define GOEVD_PRINTF(string, first)
#define GOEVD_EXPORT
#define GOEVD_HIDDEN
#endif

#define GOEVD_ABI_MAJOR 1
#define GOEVD_ABI_MINOR 0

/* The first member of every struct that crosses the boundary between goevd and a plugin. Such a
 * struct only grows, at its end. The receiver copies the fields that both sides have and zeroes the
 * rest. */
struct goevd_version {
    uint16_t major;
    uint16_t minor;
    uint32_t size; /* bytes of the whole struct, in the headers of its author */
};

#define GOEVD_VERSION_OF(type)                                                                     \
    {                                                                                              \
        GOEVD_ABI_MAJOR, GOEVD_ABI_MINOR, (uint32_t)sizeof(type)                                   \
    }

/* Durations are in nanoseconds. */
#define GOEVD_MILLISECOND INT64_C(1000000)
#define GOEVD_SECOND INT64_C(1000000000)

/* Bytes with their length. The value of an option is NUL-terminated as well. */
struct goevd_str {
    const char *data;
    size_t len;
};

#endif
