#include "base/thread.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>

#define GUARD_BYTES                                                                                \
    65536 /* below a stack: an array that has no room there is not written elsewhere */
#define FAULT_STACK_BYTES 65536 /* a backtrace needs some; only used pages become memory */
#define NAME_BYTES 16

const int thread_faults[THREAD_FAULTS] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

struct thread_begin {
    thread_fn fn;
    void *arg;
    char name[NAME_BYTES];
};

void *
thread_take_fault_stack(void)
{
    stack_t stack = {.ss_size = FAULT_STACK_BYTES};

    if (SANITIZED)
        return NULL;
    stack.ss_sp = mmap(NULL, FAULT_STACK_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack.ss_sp == MAP_FAILED)
        return NULL;
    sigaltstack(&stack, NULL);
    return stack.ss_sp;
}

void
thread_drop_fault_stack(void *stack)
{
    stack_t none = {.ss_flags = SS_DISABLE};

    if (!stack)
        return;
    sigaltstack(&none, NULL);
    munmap(stack, FAULT_STACK_BYTES);
}

/* Of this thread; bytes 0: unknown. */
static OF_THREAD struct {
    uintptr_t lowest;
    size_t bytes;
} thread_stack;

static void
thread_note_stack(void)
{
    pthread_attr_t attr;
    size_t bytes, guard;
    void *lowest;

    if (pthread_getattr_np(pthread_self(), &attr) != 0)
        return;
    if (pthread_attr_getstack(&attr, &lowest, &bytes) == 0 &&
        pthread_attr_getguardsize(&attr, &guard) == 0) {
        thread_stack.lowest = (uintptr_t)lowest + guard;
        thread_stack.bytes = bytes;
    }
    pthread_attr_destroy(&attr);
}

/* A large array may begin far below the rest of the stack. */
bool
thread_stack_full(uintptr_t address, size_t *ret_bytes)
{
    *ret_bytes = thread_stack.bytes;
    return address < thread_stack.lowest && thread_stack.lowest - address <= thread_stack.bytes;
}

static void *
thread_main(void *arg)
{
    struct thread_begin begin = *(struct thread_begin *)arg;
    void *stack, *result;

    free(arg);
    thread_note_stack();
    pthread_setname_np(pthread_self(), begin.name);
    stack = thread_take_fault_stack();
    result = begin.fn(begin.arg);
    thread_drop_fault_stack(stack);
    return result;
}

/* The kernel may have more CPUs than a cpu_set_t. */
static int
thread_pin(pthread_attr_t *attr, int cpu)
{
    size_t bytes = CPU_ALLOC_SIZE(cpu + 1);
    cpu_set_t *set = CPU_ALLOC(cpu + 1);
    int error;

    if (!set)
        return ENOMEM;
    CPU_ZERO_S(bytes, set);
    CPU_SET_S(cpu, bytes, set);
    error = pthread_attr_setaffinity_np(attr, bytes, set);
    CPU_FREE(set);
    return error;
}

static int
thread_attr(const struct thread_config *config, pthread_attr_t *attr)
{
    size_t stack = MAX(config->stack_bytes, (size_t)PTHREAD_STACK_MIN);
    int error = pthread_attr_setstacksize(attr, stack);

    if (!error)
        error = pthread_attr_setguardsize(attr, GUARD_BYTES);
    if (error || config->cpu < 0)
        return error;
    return thread_pin(attr, config->cpu);
}

/* It begins with signals blocked, for they are the main thread's. */
static int
thread_create(const pthread_attr_t *attr, struct thread_begin *begin, pthread_t *ret)
{
    sigset_t all, old;
    int error;

    sigfillset(&all);
    for (size_t i = 0; i < THREAD_FAULTS; i++)
        sigdelset(&all, thread_faults[i]);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    error = pthread_create(ret, attr, thread_main, begin);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return error;
}

int
thread_start(const struct thread_config *config, thread_fn fn, void *arg, pthread_t *ret)
{
    struct thread_begin *begin = malloc(sizeof(*begin));
    pthread_attr_t attr;
    int error;

    if (!begin)
        return -ENOMEM;
    *begin = (struct thread_begin){.fn = fn, .arg = arg};
    snprintf(begin->name, sizeof(begin->name), "%s", config->name);
    pthread_attr_init(&attr);
    error = thread_attr(config, &attr);
    if (!error)
        error = thread_create(&attr, begin, ret);
    pthread_attr_destroy(&attr);
    if (error)
        free(begin);
    return -error;
}
