#include "daemon/crash.h"

#include <execinfo.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/thread.h"
#include "ev/place.h"

#define FRAMES_MAX 64
#define THREAD_NAME_BYTES 16 /* prctl(2) */

static atomic_flag crash_told = ATOMIC_FLAG_INIT;

static void
crash_add_signal(struct text *t, const siginfo_t *info)
{
    const char *name = sigabbrev_np(info->si_signo), *words = sigdescr_np(info->si_signo);
    bool fault = info->si_signo == SIGSEGV || info->si_signo == SIGBUS;

    text_add(t, "SIG");
    text_add(t, name ? name : "?");
    text_add(t, " (");
    text_add(t, words ? words : "?");
    text_add(t, ")");
    if (fault && info->si_code > 0) { /* else somebody has sent it */
        text_add(t, " at address ");
        text_add_hex(t, (uintptr_t)info->si_addr);
    }
}

static void
crash_write_line(const siginfo_t *info)
{
    char line[LOG_LINE_MAX], thread[THREAD_NAME_BYTES] = "?";
    struct text t = {.data = line, .size = sizeof(line) - 1};
    ssize_t n;

    prctl(PR_GET_NAME, thread);
    log_head(&t, LOG_ERR);
    text_add(&t, "worker ");
    text_add_number(&t, (uint64_t)getpid(), 1);
    text_add(&t, ": ");
    crash_add_signal(&t, info);
    text_add(&t, " in thread ");
    text_add(&t, thread);
    text_add(&t, ": ");
    place_text(place_here, &t);
    line[t.len++] = '\n';
    n = write(STDERR_FILENO, line, t.len);
    (void)n; /* there is nobody left to be told */
}

/* Only what signal-safety(7) allows, and backtrace(3), which has been loaded by then. The signal
 * that is raised at the end is held back until the handler returns, so that a core dump shows the
 * fault and not this. */
static void
crash_handle(int signo, siginfo_t *info, void *context)
{
    struct sigaction plain = {.sa_handler = SIG_DFL};
    void *frames[FRAMES_MAX];

    (void)context;
    while (atomic_flag_test_and_set(&crash_told))
        pause(); /* another thread's fault ends the process */
    crash_write_line(info);
    backtrace_symbols_fd(frames, backtrace(frames, FRAMES_MAX), STDERR_FILENO);
    sigaction(signo, &plain, NULL);
    raise(signo);
}

void
crash_install(void)
{
    struct sigaction action = {.sa_sigaction = crash_handle, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    void *frame;

    if (SANITIZED)
        return;
    backtrace(&frame, 1);      /* the first call loads what it needs */
    thread_take_fault_stack(); /* for good: this thread lives as long as the process */
    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < THREAD_FAULTS; i++)
        sigaction(thread_faults[i], &action, NULL);
}
