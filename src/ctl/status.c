#include "ctl/status.h"

#include <inttypes.h>
#include <stdio.h>

static void
status_pid(pid_t pid, char *buf, size_t size)
{
    if (pid)
        snprintf(buf, size, "%d", (int)pid);
    else
        snprintf(buf, size, "none");
}

size_t
status_text(const struct status *s, char buf[STATUS_TEXT_MAX])
{
    char supervisor[16], worker[16], since[32] = "none";
    char drains[STATUS_WORKERS_MAX * 12 + 16] = "";
    size_t len = 0;
    struct tm tm;

    for (unsigned i = 0; i < s->draining; i++)
        len +=
            (size_t)snprintf(drains + len, sizeof(drains) - len, "%s%d%s", i ? ", " : " (workers ",
                             (int)s->drains[i], i + 1 == s->draining ? ")" : "");
    status_pid(s->supervisor, supervisor, sizeof(supervisor));
    status_pid(s->worker, worker, sizeof(worker));
    if (s->worker && gmtime_r(&s->since, &tm))
        strftime(since, sizeof(since), "%Y-%m-%dT%H:%M:%SZ", &tm);
    return (size_t)snprintf(
        buf, STATUS_TEXT_MAX,
        "state      %s\nversion    %s\nsupervisor %s\nworker     %s\n"
        "since      %s\ndraining   %u%s\nrestarts   %u\nreloads    %u\ncut        %" PRIu64 "\n",
        s->state, GOEVD_RELEASE, supervisor, worker, since, s->draining, drains, s->restarts,
        s->reloads, s->cut);
}
