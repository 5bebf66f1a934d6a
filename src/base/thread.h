/* Threads of goevd's own: they have a name, leave signals to the main thread, and have a stack on
 * which a fault can be handled, even that of a stack that is full. */
#pragma once

#include <pthread.h>

#include "base/util.h"

/* Sanitizers handle faults themselves, on stacks of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* The signals that a thread's own fault raises: never blocked. */
#define THREAD_FAULTS 5
extern const int thread_faults[THREAD_FAULTS];

typedef void *(*thread_fn)(void *arg);

struct thread_config {
    const char *name; /* the kernel keeps 15 bytes, pthread_setname_np(3) */
    size_t stack_bytes;
    int cpu; /* to be pinned to; -1: as the kernel likes */
};

/* Run fn in a thread of its own, to be joined. 0; a negative errno. */
int thread_start(const struct thread_config *config, thread_fn fn, void *arg, pthread_t *ret);

/* Whether a fault at this address of the calling thread, which thread_start() has made, is because
 * its stack is full; *ret_bytes: how large that is. Safe in the handler of a signal. */
bool thread_stack_full(uintptr_t address, size_t *ret_bytes);

/* Give the calling thread the stack for faults, until it ends. Without memory it has none. The
 * result goes to thread_drop_fault_stack(). */
void *thread_take_fault_stack(void);
void thread_drop_fault_stack(void *stack);
