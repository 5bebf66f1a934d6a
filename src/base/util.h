/* Small things that every layer uses. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

/* A variable of each thread, in the executable itself. Without the attribute the compiler expects a
 * call in each access, as the objects are position-independent, and saves registers around it. */
#define OF_THREAD _Thread_local __attribute__((tls_model("initial-exec")))

/* The object that holds `member` at address `ptr`. */
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define PRINTF(string, first) __attribute__((format(printf, string, first)))

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define CACHE_LINE 64 /* bytes */

static inline void
freep(void *p)
{
    free(*(void **)p);
}

/* Free the variable's memory when it goes out of scope. */
#define _cleanup_free_ __attribute__((cleanup(freep)))
