#include "worker/worker_log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "plug/host/host.h"

static enum log_target
worker_log_target(const char *text)
{
    static const char *const names[] = {
        [LOG_TO_AUTO] = "auto", [LOG_TO_STDERR] = "stderr", [LOG_TO_JOURNAL] = "journal"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(text, names[i]) == 0)
            return (enum log_target)i;
    return LOG_TO_FILE;
}

static void
worker_log_plan(const struct config_log *config, struct proto_log *ret)
{
    static_assert(CONFIG_PATH_MAX < PROTO_FILE_MAX, "the path fits");
    *ret = (struct proto_log){.target = worker_log_target(config->target.data),
                              .format = (uint32_t)config->format};
    if (ret->target == LOG_TO_FILE)
        snprintf(ret->path, sizeof(ret->path), "%s", config->target.data);
}

int
worker_log_open(struct worker_log *l, const struct config_log *config, struct parent *parent,
                struct err *reterr)
{
    int fd, r;

    worker_log_plan(config, &l->how);
    r = parent_open_log(parent, &l->how, &fd, reterr);
    if (r < 0)
        return r;
    l->held_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->held_fd < 0) {
        fd_close(fd);
        return err_set_errno(reterr, -errno, "cannot make an eventfd for the log");
    }
    log_set_wake_fd(l->held_fd);
    logfile_use(&l->how, fd, (unsigned)config->repeats->max,
                (uint64_t)config->repeats->interval_ns);
    return 0;
}

static void
worker_log_taken(int supervisor_fd, int fd, int code)
{
    struct proto_log_taken taken = {.code = code};

    fd_close(fd);
    proto_send(supervisor_fd, PROTO_LOG_TAKEN, &taken, sizeof(taken), NULL, 0);
}

void
worker_log_take(int supervisor_fd, int fd)
{
    worker_log_taken(supervisor_fd, fd, fd < 0 ? fd : log_replace_file(fd));
}

void
worker_log_take_file(int supervisor_fd, struct plugins *plugins, uint32_t nth, int fd)
{
    worker_log_taken(supervisor_fd, fd, fd < 0 ? fd : host_logfile_replace(plugins, nth, fd));
}

int
worker_log_reopen(struct worker_log *l, struct plugins *plugins, const char *why,
                  struct err *reterr)
{
    size_t files;
    int r = host_logfile_reopen(plugins, &files, reterr);

    if (r < 0 || (files > 0 && l->how.target != LOG_TO_FILE))
        return r;
    r = logfile_reopen(&l->how, why, reterr);
    fd_close(r);
    return MIN(r, 0);
}

void
worker_log_failure(const struct err *err)
{
    log_error("%s", err->text);
    if (log_is_elsewhere())
        fprintf(stderr, "goevd: %s\n", err->text);
}

void
worker_log_tell(struct worker_log *l)
{
    eventfd_t ignored;

    eventfd_read(l->held_fd, &ignored);
    log_report_held(clock_now_ns());
    log_report_lost();
}

void
worker_log_fini(struct worker_log *l)
{
    log_report_held(UINT64_MAX);
    log_set_wake_fd(-1);
    fd_close(l->held_fd);
}
