/* Rules, and functions that break them. */
#include <stdlib.h>

#include <goevd/conn.h>
#include <goevd/connect.h>
#include <goevd/framing.h>
#include <goevd/hosting.h>
#include <goevd/metrics.h>
#include <goevd/threads.h>
#include <goevd/work.h>

#include "unruly.h"

static int
unruly_job(void *arg)
{
    (void)arg;
    return 0;
}

static void
breach_write(struct command *k)
{
    goevd_conn_write(k->conn, "x", 1);
}

static void
breach_timer(struct command *k)
{
    goevd_timer_arm(k->timer, 1, 0);
}

static void
breach_watch(struct command *k)
{
    goevd_watch_set(k->watch, GOEVD_WATCH_READ);
}

static void
breach_now(struct command *k)
{
    goevd_poller_now(k->poller);
}

static void
breach_null(struct command *k)
{
    (void)k;
    goevd_conn_close(NULL, 0);
}

static void
breach_closed(struct command *k)
{
    goevd_conn_pause(k->unruly->closed);
}

static void
breach_freed_timer(struct command *k)
{
    goevd_timer_free(k->timer);
    goevd_timer_cancel(k->timer);
}

static void
breach_freed_watch(struct command *k)
{
    goevd_watch_free(k->watch);
    goevd_watch_free(k->watch);
}

static void
breach_no_function(struct command *k)
{
    goevd_timer_new(k->poller, NULL, NULL);
}

static void
breach_cookie(struct command *k)
{
    goevd_conn_timer_arm(k->conn, GOEVD_DEADLINE, 1, 0);
}

static void
breach_commit(struct command *k)
{
    goevd_conn_commit(k->conn, 1);
}

static void
breach_commit_more(struct command *k)
{
    goevd_conn_reserve(k->conn, 4);
    goevd_conn_commit(k->conn, 5);
}

static void
breach_commit_twice(struct command *k)
{
    goevd_conn_reserve(k->conn, 65536);
    goevd_conn_commit(k->conn, 0);
    goevd_conn_commit(k->conn, 0);
}

static void
breach_between(struct command *k)
{
    goevd_conn_reserve(k->conn, 4);
    goevd_conn_write_frame(k->conn, "x", 1);
}

static void
breach_no_room(struct command *k)
{
    goevd_conn_reserve(k->conn, 0);
}

static void
breach_much_room(struct command *k)
{
    goevd_conn_reserve(k->conn, 65537);
}

static void
breach_file(struct command *k)
{
    goevd_conn_write_file(k->conn, k->fds[0], 0, 1, NULL, NULL);
}

static void
breach_flags(struct command *k)
{
    goevd_conn_close(k->conn, (unsigned)GOEVD_REASON_IDLE);
}

static void
breach_flags_by_id(struct command *k)
{
    goevd_close(k->conn_id, (unsigned)GOEVD_REASON_IDLE);
}

static void
breach_upgrade(struct command *k)
{
    goevd_conn_upgrade(k->conn, k->unruly->options->inner, NULL, 0);
}

static void
breach_self(struct command *k)
{
    goevd_log((struct goevd_self *)k->unruly, GOEVD_LOG_ERROR, "nobody");
}

static void
breach_plugin(struct command *k)
{
    (void)k;
    goevd_plugin_instance(NULL);
}

static void
breach_refuse(struct command *k)
{
    goevd_refuse(k->unruly->self, "", "too late");
}

static void
breach_metric_new(struct command *k)
{
    static const struct goevd_metric late = {
        .name = "goevd_unruly_late", .help = "Too late.", .type = GOEVD_METRIC_GAUGE};

    goevd_metric_new(k->unruly->self, &late, NULL);
}

static void
breach_metric_number(struct command *k)
{
    goevd_metric_add(k->unruly->self, k->poller, k->unruly->histogram + 4000, 1);
}

static void
breach_metric_lowered(struct command *k)
{
    goevd_metric_add(k->unruly->self, k->poller, k->unruly->counter, -1);
}

static void
breach_metric_added(struct command *k)
{
    goevd_metric_add(k->unruly->self, k->poller, k->unruly->histogram, 1);
}

static void
breach_metric_set(struct command *k)
{
    goevd_metric_set(k->unruly->self, k->poller, k->unruly->counter, 1);
}

static void
breach_metric_observed(struct command *k)
{
    goevd_metric_observe(k->unruly->self, k->poller, k->unruly->gauge, 1, 1);
}

static void
breach_no_done(struct command *k)
{
    goevd_submit(k->unruly->self, k->poller, 0, 0, unruly_job, NULL, NULL);
}

static void
breach_version(struct command *k)
{
    struct goevd_connect_request request = {.to = "127.0.0.1:1"};

    goevd_connect(k->unruly->self, k->poller, &request, NULL);
}

static void
breach_line_twice(struct command *k)
{
    goevd_logfile_reserve(k->unruly->lines, k->poller, GOEVD_LOGFILE_LINE_MAX);
    goevd_logfile_reserve(k->unruly->lines, k->poller, 1);
}

static void
breach_line_long(struct command *k)
{
    goevd_logfile_reserve(k->unruly->lines, k->poller, GOEVD_LOGFILE_LINE_MAX + 1);
}

static void
breach_line_commit(struct command *k)
{
    goevd_logfile_commit(k->unruly->lines, k->poller, 1);
}

static void
breach_line_more(struct command *k)
{
    goevd_logfile_reserve(k->unruly->lines, k->poller, 4);
    goevd_logfile_commit(k->unruly->lines, k->poller, 5);
}

/* Only permitted calls. */
static void
breach_none(struct command *k)
{
    goevd_timer_arm(k->timer, 1, 0);
    goevd_watch_set(k->watch, GOEVD_WATCH_READ);
    goevd_conn_reserve(k->conn, 1);
    goevd_conn_commit(k->conn, 1);
    goevd_metric_add(k->unruly->self, k->poller, k->unruly->gauge, -1);
    goevd_timer_free(NULL);
}

static const struct {
    const char *name;
    breach_fn run;
} breaches[] = {
    {"write", breach_write},
    {"timer", breach_timer},
    {"watch", breach_watch},
    {"now", breach_now},
    {"null", breach_null},
    {"closed", breach_closed},
    {"freed_timer", breach_freed_timer},
    {"freed_watch", breach_freed_watch},
    {"no_function", breach_no_function},
    {"cookie", breach_cookie},
    {"commit", breach_commit},
    {"commit_more", breach_commit_more},
    {"commit_twice", breach_commit_twice},
    {"between", breach_between},
    {"no_room", breach_no_room},
    {"much_room", breach_much_room},
    {"file", breach_file},
    {"flags", breach_flags},
    {"flags_by_id", breach_flags_by_id},
    {"upgrade", breach_upgrade},
    {"self", breach_self},
    {"plugin", breach_plugin},
    {"refuse", breach_refuse},
    {"metric_new", breach_metric_new},
    {"metric_number", breach_metric_number},
    {"metric_lowered", breach_metric_lowered},
    {"metric_added", breach_metric_added},
    {"metric_set", breach_metric_set},
    {"metric_observed", breach_metric_observed},
    {"no_done", breach_no_done},
    {"version", breach_version},
    {"line_twice", breach_line_twice},
    {"line_long", breach_line_long},
    {"line_commit", breach_line_commit},
    {"line_more", breach_line_more},
    {"none", breach_none},
};

breach_fn
breach_find(const char *name)
{
    for (size_t i = 0; i < sizeof(breaches) / sizeof(breaches[0]); i++)
        if (strcmp(name, breaches[i].name) == 0)
            return breaches[i].run;
    return NULL;
}
