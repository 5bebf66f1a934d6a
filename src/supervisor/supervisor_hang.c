/* Workers that are stopped, or stuck as a whole: their messages are missing. */
#include <poll.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/supervisor.h"

void
supervisor_on_load(struct child *c, const struct proto_load *load)
{
    uint64_t now = clock_now_ns();

    if (c->silent && c->load.abort)
        return; /* it is being ended */
    if (c->silent)
        log_warning("worker %d answers again after %.1f s", (int)c->pid,
                    (double)(now - c->heard_ns) / NS_PER_S);
    c->load = *load;
    c->heard_ns = now;
    c->silent = false;
}

static uint64_t
supervisor_hang_due(const struct child *c)
{
    return c->heard_ns && c->load.silence_ns && !c->silent ? c->heard_ns + c->load.silence_ns : 0;
}

uint64_t
supervisor_hang_due_ns(const struct supervisor *s)
{
    uint64_t due = 0;

    for (size_t i = 0; i < ARRAY_LEN(s->children); i++) {
        uint64_t one = supervisor_hang_due(&s->children[i]);

        if (one && (!due || one < due))
            due = one;
    }
    return due;
}

/* A worker that has sent a message is not silent: the supervisor stood still before it could read.
 */
static bool
supervisor_hang_has_sent(const struct child *c)
{
    struct pollfd fd = {.fd = c->fd, .events = POLLIN};

    return poll(&fd, 1, 0) > 0;
}

void
supervisor_hang_time(struct supervisor *s, uint64_t now_ns)
{
    for (size_t i = 0; i < ARRAY_LEN(s->children); i++) {
        struct child *c = &s->children[i];
        uint64_t due = supervisor_hang_due(c);

        if (!due || now_ns < due || supervisor_hang_has_sent(c))
            continue;
        c->silent = true;
        log_error("worker %d has not answered for %.1f s: it is stopped or stuck%s", (int)c->pid,
                  (double)(now_ns - c->heard_ns) / NS_PER_S, c->load.abort ? "; ending it" : "");
        if (c->load.abort)
            child_abort(c);
    }
}

void
supervisor_hang_excuse(struct supervisor *s, uint64_t ns)
{
    for (size_t i = 0; i < ARRAY_LEN(s->children); i++)
        if (s->children[i].heard_ns)
            s->children[i].heard_ns += ns;
}
