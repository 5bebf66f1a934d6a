/* The memory that workers count in, and the counters of the supervisor. */
#include "base/log.h"
#include "supervisor/supervisor.h"

/* Let one worker read the counts of another. */
static int
supervisor_send_counts(struct supervisor *s, struct child *to, const struct child *of,
                       unsigned left)
{
    struct proto_counts counts = {.id = of->counts, .left = left};
    int fd = ledger_fd(&s->ledger, of->counts);

    return child_send(to, PROTO_COUNTS, &counts, sizeof(counts), &fd, 1);
}

static bool
supervisor_is_peer(const struct child *c, const struct child *of)
{
    return c != of && c->fd >= 0 && c->counts && c->state != CHILD_STARTING;
}

int
supervisor_on_counts(struct supervisor *s, struct child *c)
{
    struct proto_counts counts = {0};
    struct err err = {0};
    int fds[2], r;

    if (c->state != CHILD_STARTING)
        return 0; /* it has yet to read that it is to stop */
    if (!c->counts)
        c->counts = ledger_open(&s->ledger, &err);
    if (!c->counts) {
        log_warning("%s; goevd ctl stats of worker %d lacks the counts of others", err.text,
                    (int)c->pid);
        return child_send(c, PROTO_COUNTS, &counts, sizeof(counts), NULL, 0);
    }
    counts.id = c->counts;
    for (size_t i = 0; i < ARRAY_LEN(s->children); i++)
        counts.left += supervisor_is_peer(&s->children[i], c);
    fds[0] = ledger_fd(&s->ledger, c->counts);
    fds[1] = s->ledger.fd;
    r = child_send(c, PROTO_COUNTS, &counts, sizeof(counts), fds, 2);
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(s->children); i++)
        if (supervisor_is_peer(&s->children[i], c))
            r = supervisor_send_counts(s, c, &s->children[i], --counts.left);
    return r;
}

/* Those that drain may yet be asked for the metrics by a client that stays connected. */
void
supervisor_commit_counts(struct supervisor *s, struct child *c)
{
    if (!c->counts)
        return;
    if (ledger_ready(&s->ledger, c->counts) < 0)
        log_warning("worker %d: its metrics cannot be read, and are left out", (int)c->pid);
    for (size_t i = 0; i < ARRAY_LEN(s->children); i++)
        if (supervisor_is_peer(&s->children[i], c))
            supervisor_send_counts(s, &s->children[i], c, 0);
}

/* ---- The supervisor's own -------------------------------------------------------------------- */

void
supervisor_count_end(struct supervisor *s)
{
    static const struct catalog_family about = {
        .name = "goevd_worker_crashes_total",
        .help = "Workers that ended without a request to stop.",
        .type = GOEVD_METRIC_COUNTER,
    };

    ledger_count(&s->ledger, &about, NULL, 1);
}

void
supervisor_count_reload(struct supervisor *s, bool ok)
{
    static const struct catalog_family about = {
        .name = "goevd_reloads_total",
        .help = "Reloads, by their result.",
        .type = GOEVD_METRIC_COUNTER,
        .label_count = 1,
        .labels = {"result"},
    };
    const char *result = ok ? "served" : "failed";

    ledger_count(&s->ledger, &about, &result, 1);
}
