#include "cli/check_start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "process/logfile.h"
#include "process/pidfile.h"
#include "worker/certificates.h"
#include "worker/engine.h"

struct check_start {
    struct setup *setup;
    bool changed_user; /* the supervisor may reach files that this process cannot see any more */
};

/* ---- goevd's own files ----------------------------------------------------------------------- */

static void
check_start_note(struct check_start *check, const char *path, int r, const struct err *err)
{
    if (r < 0)
        config_error(check->setup->config, &check->setup->errors, path, "%s",
                     err_reason(err, path));
}

/* The service manager makes the folders below /run when it starts the service. */
static int
check_start_path(const char *path, int r)
{
    return r == -ENOENT && strncmp(path, "/run/", 5) == 0 ? 0 : r;
}

static void
check_start_files(struct check_start *check)
{
    const struct config *config = check->setup->config;
    const char *pid_file = config->pid_file.data, *target = config->log->target.data;
    struct err of_pid_file = {0}, of_target = {0};

    if (pid_file)
        check_start_note(check, "pid_file",
                         check_start_path(pid_file, pidfile_check(pid_file, &of_pid_file)),
                         &of_pid_file);
    if (*target == '/')
        check_start_note(check, "log.target", logfile_check("log.target", target, &of_target),
                         &of_target);
}

/* ---- Addresses ------------------------------------------------------------------------------- */

static int
check_start_unix(const char *path, struct err *reterr)
{
    struct stat st;
    int r;

    if (lstat(path, &st) == 0)
        return S_ISSOCK(st.st_mode) ? 0
                                    : err_set(reterr, -EEXIST,
                                              "%s exists and is not a socket; remove it, or choose "
                                              "another address",
                                              path);
    r = check_start_path(path, fd_check_path(path));
    return r < 0 ? err_set(reterr, r, "cannot bind to unix:%s: %s; %s, or choose another address",
                           path, err_words(r), err_advice(r))
                 : 0;
}

/* Whether this machine has the address: another port of it is bound, without listening there. */
static int
check_start_tcp(const struct address *address, struct err *reterr)
{
    _cleanup_fd_ int fd = socket(address->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct address other = *address;
    char text[ADDRESS_TEXT_MAX];

    address_set_port(&other, 0);
    if (fd < 0 || bind(fd, &other.sa, other.len) == 0 || errno != EADDRNOTAVAIL)
        return 0;
    return err_set_errno(reterr, -EADDRNOTAVAIL, "cannot bind to %s",
                         address_format(&address->sa, address->len, text, sizeof(text)));
}

static void
check_start_listeners(struct check_start *check)
{
    for (size_t i = 0; i < check->setup->listener_count; i++) {
        const struct setup_listener *l = &check->setup->listeners[i];
        const struct address *a = &l->address;
        struct err err = {0};
        char path[64];
        int r = 0;

        snprintf(path, sizeof(path), "listeners[%zu].address", i);
        if (l->systemd)
            continue;
        if (address_is_tcp(a))
            r = check_start_tcp(a, &err);
        else if (a->un.sun_path[0] == '/')
            r = check_start_unix(a->un.sun_path, &err);
        check_start_note(check, path, r, &err);
    }
}

/* ---- Plugins --------------------------------------------------------------------------------- */

/* In the place of a file that lines are added to; nothing is written in a check. */
static int
check_start_open_file(void *arg, const char *option, const char *path, struct err *reterr)
{
    const struct check_start *check = arg;
    struct err err = {0};
    int r = logfile_check(option, path, &err);

    if (r < 0 && !(check->changed_user && r == -EACCES)) {
        *reterr = err;
        return r;
    }
    return open("/dev/null", O_WRONLY | O_CLOEXEC);
}

/* As the user that workers run as, where this process may become that user. */
static int
check_start_become_user(struct check_start *check, struct err *reterr)
{
    const struct privileges *p = &check->setup->privileges;
    bool other = p->uid != geteuid() || p->gid != getegid();

    if (other && geteuid() != 0) {
        log_warning("plugins are checked as user %u and not as user %u, as which workers run; only "
                    "root can do that",
                    geteuid(), p->uid);
        return 0;
    }
    check->changed_user = other;
    return other ? privileges_drop(p, false, reterr) : 0;
}

static int
check_start_plugins(struct check_start *check, struct err *reterr)
{
    struct plugins *plugins = &check->setup->plugins;
    struct engine engine = {.drained_fd = -1};
    int r;

    plugins->checking = true;
    plugins->open_file = check_start_open_file;
    plugins->open_arg = check;
    r = engine_init(&engine, check->setup, reterr);
    if (r == 0)
        r = setup_create(check->setup, -1, engine_pollers(&engine));
    plugins_destroy(plugins);
    engine_fini(&engine);
    return r;
}

int
check_start(struct setup *setup, int log_level)
{
    struct check_start check = {.setup = setup};
    struct err err = {0};
    int r;

    log_init("goevd", log_level);
    certificates_warn(setup);
    check_start_files(&check);
    check_start_listeners(&check);
    r = check_start_become_user(&check, &err);
    if (r == 0)
        r = check_start_plugins(&check, &err);
    if (err.code)
        fprintf(stderr, "goevd: %s\n", err.text);
    conf_errors_print(&setup->errors, stderr);
    return r < 0 || setup->errors.found > 0 ? -EINVAL : 0;
}
