/* Messages to the service manager, sd_notify(3). */
#include <inttypes.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/supervisor.h"

/* While stopping it is asked for the time that is left, again and again: should goevd itself hang,
 * that ends soon. */
#define EXTEND_INTERVAL_NS (5 * NS_PER_S)
#define EXTEND_MARGIN_NS (5 * NS_PER_S)

/* ---- How it goes ----------------------------------------------------------------------------- */

void
supervisor_notify_ready(struct supervisor *s)
{
    if (!supervisor_find(s, CHILD_SERVING))
        return; /* the worker that serves next makes it ready */
    notify_say(&s->notify, NOTIFY_STATE, "READY=1");
    supervisor_notify_status(s);
}

/* MONOTONIC_USEC lets the manager match it to the reload that it has asked for: notify-reload. */
void
supervisor_notify_reloading(struct supervisor *s)
{
    notify_say(&s->notify, NOTIFY_STATE, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
               clock_now_ns() / 1000);
}

/* ---- As time goes by ------------------------------------------------------------------------- */

/* Until when the last worker may live. */
static uint64_t
supervisor_last_deadline(const struct supervisor *s)
{
    uint64_t last = s->soon_ns;

    for (size_t i = 0; i < ARRAY_LEN(s->children); i++)
        last = MAX(last, s->children[i].deadline_ns);
    return last;
}

static void
supervisor_extend(struct supervisor *s, uint64_t now_ns)
{
    uint64_t last = supervisor_last_deadline(s);
    uint64_t left_ns = last > now_ns ? last - now_ns : 0;

    if (!supervisor_ends(s) || !notify_listens(&s->notify) || now_ns < s->extend_ns)
        return;
    s->extend_ns = now_ns + EXTEND_INTERVAL_NS;
    notify_say(&s->notify, NOTIFY_PULSE, "EXTEND_TIMEOUT_USEC=%" PRIu64,
               (MIN(left_ns, EXTEND_INTERVAL_NS) + EXTEND_MARGIN_NS) / 1000);
}

static void
supervisor_report_unsent(struct supervisor *s)
{
    if (s->notify.lost == 0)
        return;
    log_warning("the service manager is not reading: %" PRIu64 " messages to it are lost",
                s->notify.lost);
    s->notify.lost = 0;
}

void
supervisor_notify_time(struct supervisor *s, uint64_t now_ns)
{
    supervisor_report_unsent(s);
    supervisor_notify_status(s);
    notify_time(&s->notify, now_ns);
    supervisor_extend(s, now_ns);
}

/* ---- Sockets that it passes and keeps -------------------------------------------------------- */

static void
supervisor_keep(const char *name, int fd, void *arg)
{
    struct supervisor *s = arg;

    notify_keep(&s->notify, name, &fd, 1);
}

static void
supervisor_forget(const char *name, void *arg)
{
    struct supervisor *s = arg;

    notify_forget(&s->notify, name);
}

int
supervisor_inherit(struct supervisor *s, struct err *reterr)
{
    int r = store_init(&s->store, &s->paths, reterr);

    notify_init(&s->notify);
    if (r < 0 || !notify_listens(&s->notify))
        return r;
    s->store.kept.on_keep = supervisor_keep;
    s->store.kept.on_forget = supervisor_forget;
    s->store.kept.arg = s;
    return 0;
}
