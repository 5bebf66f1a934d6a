#include "worker/crash.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/log.h"
#include "base/thread.h"
#include "ev/place.h"
#include "plug/loader/module.h"

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
    if (fault && info->si_code > 0) { /* else another process has sent the signal */
        text_add(t, " at address ");
        text_add_hex(t, (uintptr_t)info->si_addr);
    }
}

/* Also for an address right below the stack. */
static void
crash_add_stack(struct text *t, const siginfo_t *info)
{
    size_t bytes;

    if (info->si_signo != SIGSEGV || info->si_code <= 0 ||
        !thread_stack_full((uintptr_t)info->si_addr, &bytes))
        return;
    text_add(t, "; the stack is full (");
    text_add_number(t, bytes >> 10, 1);
    text_add(t, " KiB, option stack)");
}

/* As it begins: "worker 4711: ". */
static void
crash_begin_line(struct text *t)
{
    text_add(t, "worker ");
    text_add_number(t, (uint64_t)getpid(), 1);
    text_add(t, ": ");
}

static void
crash_write(const struct text *t)
{
    const struct place_owner *owner = place_owner(place_here);
    struct log_about about = {.plugin = owner ? owner->plugin : NULL, .named = true};

    log_write(&(struct log_event){LOG_ERR, &about, t->data, t->len});
}

static void
crash_tell_signal(const siginfo_t *info)
{
    char line[LOG_TEXT_MAX], thread[THREAD_NAME_BYTES] = "?";
    struct text t = {.data = line, .size = sizeof(line)};

    prctl(PR_GET_NAME, thread);
    crash_begin_line(&t);
    crash_add_signal(&t, info);
    text_add(&t, " in thread ");
    text_add(&t, thread);
    text_add(&t, ": ");
    place_text(place_here, &t);
    crash_add_stack(&t, info);
    crash_write(&t);
}

/* Where the thread was; 0: unknown on this machine. */
static uintptr_t
crash_pc(const void *context)
{
    const ucontext_t *u = context;

#if defined(__x86_64__)
    return (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (uintptr_t)u->uc_mcontext.pc;
#else
    (void)u;
    return 0;
#endif
}

/* As addr2line(1) wants it: the file and where in it. */
static void
crash_tell_frame(int number, void *frame)
{
    char line[LOG_TEXT_MAX];
    struct text t = {.data = line, .size = sizeof(line)};
    Dl_info info;

    crash_begin_line(&t);
    text_add(&t, "#");
    text_add_number(&t, (uint64_t)number, 1);
    text_add(&t, " ");
    if (dladdr(frame, &info) && info.dli_fname) {
        text_add(&t, module_path(info.dli_fname));
        text_add(&t, "(+");
        text_add_hex(&t, (uintptr_t)frame - (uintptr_t)info.dli_fbase);
        text_add(&t, ") ");
    }
    text_add_hex(&t, (uintptr_t)frame);
    crash_write(&t);
}

/* The addr2line command for the lines of the plugin's frames. All but the frame of the fault itself
 * lie behind a call, whose line is that of the byte before. */
static void
crash_tell_command(void *const *frames, int count, uintptr_t fault)
{
    const struct place_owner *owner = place_owner(place_here);
    char line[LOG_TEXT_MAX];
    struct text t = {.data = line, .size = sizeof(line)};
    uintptr_t last = 0;

    crash_begin_line(&t);
    for (int i = 0; i < count && owner; i++) {
        uintptr_t at = (uintptr_t)frames[i] - ((uintptr_t)frames[i] != fault);
        Dl_info info;

        if (!dladdr(frames[i], &info) || !info.dli_fname ||
            strcmp(module_path(info.dli_fname), owner->file) != 0 || at == last)
            continue;
        if (last == 0) {
            text_add(&t, "for the lines: addr2line -Cfipe '");
            text_add(&t, owner->file);
            text_add(&t, "'");
        }
        last = at;
        text_add(&t, " ");
        text_add_hex(&t, at - (uintptr_t)info.dli_fbase);
    }
    if (last != 0)
        crash_write(&t);
}

/* Calls only functions that signal-safety(7) allows, and backtrace(3) and dladdr(3), which have
 * been loaded by then. The signal that is raised at the end is held back until the handler returns,
 * so that a core dump shows the fault and not this. */
static void
crash_handle(int signo, siginfo_t *info, void *context)
{
    struct sigaction plain = {.sa_handler = SIG_DFL};
    void *frames[FRAMES_MAX];
    int count;

    while (atomic_flag_test_and_set(&crash_told))
        pause(); /* another thread's fault ends the process */
    crash_tell_signal(info);
    count = backtrace(frames, FRAMES_MAX);
    for (int i = 0; i < count; i++)
        crash_tell_frame(i, frames[i]);
    crash_tell_command(frames, count, crash_pc(context));
    log_flush();
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
    backtrace(&frame, 1);      /* the first call loads its library */
    thread_take_fault_stack(); /* for good: this thread lives as long as the process */
    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < THREAD_FAULTS; i++)
        sigaction(thread_faults[i], &action, NULL);
}
