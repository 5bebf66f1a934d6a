#include "worker/watchdog.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/thread.h"

#define LOOKS_PER_TIMEOUT 8
#define LOOK_MIN_NS (10 * NS_PER_MS)
#define LOOK_MAX_NS NS_PER_S
#define STACK_BYTES 65536

struct watchdog {
    struct watchdog_config config;
    uint64_t period_ns; /* between looks */
    int stop_fd;        /* eventfd(2) */
    pthread_t thread;
    struct watchdog_look main;
    struct watchdog_look looks[POLLERS_MAX]; /* by index of the poller */
};

enum watchdog_verdict
watchdog_judge(struct watchdog_look *look, uint64_t rounds, bool resting, uint64_t elapsed_ns,
               uint64_t timeout_ns)
{
    bool told = look->told;

    if (resting || rounds != look->rounds) {
        look->rounds = rounds;
        look->turned = true;
        look->told = false;
        return told ? WATCHDOG_TURNS_AGAIN : WATCHDOG_FINE;
    }
    look->quiet_ns = elapsed_ns + (look->turned ? 0 : look->quiet_ns);
    look->turned = false;
    if (told || look->quiet_ns < timeout_ns)
        return WATCHDOG_FINE;
    look->told = true;
    return WATCHDOG_HANGS;
}

/* In the thread that hangs, so that the backtrace and the core dump are of that. */
static void
watchdog_abort(struct reactor *r, unsigned i)
{
    struct pollfd nothing = {.fd = -1};

    log_flush();
    if (reactor_signal(r, i, SIGABRT) == 0)
        poll(&nothing, 1, (int)(LOOK_MAX_NS / NS_PER_MS));
    abort(); /* it is where no signal reaches it */
}

static void
watchdog_tell_hang(struct watchdog *w, struct reactor *r, unsigned i)
{
    const struct place_owner *owner = place_owner(&r->pollers[i]->place);
    struct log_about about = {.plugin = owner ? owner->plugin : NULL, .named = true};
    char place[LOG_TEXT_MAX / 2];
    struct text t = {.data = place, .size = sizeof(place)};

    place_text(&r->pollers[i]->place, &t);
    log_about(&about, LOG_ERR, "poller %s/%u has not turned for %.1f s: %.*s%s", r->name, i,
              (double)w->looks[r->pollers[i]->index].quiet_ns / NS_PER_S, (int)t.len, place,
              w->config.abort ? "; ending this worker" : "");
    if (w->config.abort)
        watchdog_abort(r, i);
}

static bool
watchdog_any_hangs(const struct watchdog *w)
{
    for (size_t i = 0; i < POLLERS_MAX; i++)
        if (w->looks[i].told)
            return true;
    return false;
}

/* It waits for pollers: one that hangs, which has been reported, is reason enough for its silence.
 */
static void
watchdog_look_at_main(struct watchdog *w, uint64_t elapsed_ns)
{
    struct watchdog_main *main = w->config.main;
    bool rests = atomic_load(&main->rests) || watchdog_any_hangs(w);
    double quiet_s = (double)w->main.quiet_ns / NS_PER_S;

    switch (watchdog_judge(&w->main, atomic_load(&main->turns), rests, elapsed_ns,
                           w->config.timeout_ns)) {
    case WATCHDOG_HANGS:
        log_error("the main thread has not turned for %.1f s: goevd ctl and reloads wait for it%s",
                  (double)w->main.quiet_ns / NS_PER_S,
                  w->config.abort ? "; ending this worker" : "");
        if (w->config.abort) {
            log_flush();
            pthread_kill(main->thread, SIGABRT);
        }
        break;
    case WATCHDOG_TURNS_AGAIN:
        log_warning("the main thread turns again after %.1f s", quiet_s);
        break;
    case WATCHDOG_FINE:
        break;
    }
}

static void
watchdog_look(struct watchdog *w, struct reactor *r, unsigned i, uint64_t elapsed_ns)
{
    struct poller *p = r->pollers[i];
    struct watchdog_look *look = &w->looks[p->index];

    switch (watchdog_judge(look, metric_get(&p->metrics->rounds), place_rests(&p->place),
                           elapsed_ns, w->config.timeout_ns)) {
    case WATCHDOG_HANGS:
        watchdog_tell_hang(w, r, i);
        break;
    case WATCHDOG_TURNS_AGAIN:
        log_warning("poller %s/%u turns again after %.1f s", r->name, i,
                    (double)look->quiet_ns / NS_PER_S);
        break;
    case WATCHDOG_FINE:
        break;
    }
}

/* Time in which the process itself was stopped, by a debugger or with its machine, is not held
 * against the pollers: no more than two periods count. */
static void *
watchdog_main(void *arg)
{
    struct watchdog *w = arg;
    struct pollfd stop = {.fd = w->stop_fd, .events = POLLIN};
    uint64_t last = clock_now_ns();

    while (poll(&stop, 1, (int)(w->period_ns / NS_PER_MS)) <= 0) {
        uint64_t now = clock_now_ns(), elapsed = MIN(now - last, 2 * w->period_ns);

        last = now;
        for (size_t r = 0; r < w->config.reactor_count; r++)
            for (unsigned i = 0; i < w->config.reactors[r]->count; i++)
                watchdog_look(w, w->config.reactors[r], i, elapsed);
        watchdog_look_at_main(w, elapsed);
        w->config.on_look(w->config.arg);
    }
    return NULL;
}

int
watchdog_start(const struct watchdog_config *config, struct watchdog **ret, struct err *reterr)
{
    struct thread_config thread = {"watchdog", STACK_BYTES, -1};
    struct watchdog *w;
    int r;

    *ret = NULL;
    if (config->timeout_ns == 0)
        return 0;
    w = calloc(1, sizeof(*w));
    if (!w)
        return err_set(reterr, -ENOMEM, "no memory for the watchdog");
    w->config = *config;
    w->period_ns = MIN(MAX(config->timeout_ns / LOOKS_PER_TIMEOUT, LOOK_MIN_NS), LOOK_MAX_NS);
    w->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r = w->stop_fd < 0 ? -errno : thread_start(&thread, watchdog_main, w, &w->thread);
    if (r < 0) {
        fd_close(w->stop_fd);
        free(w);
        return err_set_errno(reterr, r, "cannot start the watchdog");
    }
    *ret = w;
    return 0;
}

void
watchdog_stop(struct watchdog *w)
{
    uint64_t one = 1;

    if (!w)
        return;
    if (write(w->stop_fd, &one, sizeof(one)) < 0)
        abort(); /* eventfd(2): a write of 1 cannot fail */
    pthread_join(w->thread, NULL);
    fd_close(w->stop_fd);
    free(w);
}
