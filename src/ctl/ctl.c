#include "ctl/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "base/fd.h"
#include "conf/config.h"
#include "ctl/control.h"
#include "process/exit.h"
#include "worker/setup.h"

#define CTL_WAIT_S 10 /* for each piece of a reply, but to what takes its time */

/* ---- Asking ---------------------------------------------------------------------------------- */

struct ctl_path {
    char text[CONTROL_PATH_MAX + 1];
};

static void
ctl_take_path(void *ctx, const struct config *config, struct conf_errors *errors)
{
    struct ctl_path *path = ctx;

    (void)errors;
    if (config->control_socket.data)
        snprintf(path->text, sizeof(path->text), "%s", config->control_socket.data);
}

/* Whatever else is wrong there: a goevd that runs can be asked while its file is being mended. */
static void
ctl_read_path(const char *file, struct ctl_path *ret)
{
    struct config *config = NULL;
    struct conf_errors errors = {0};

    config_load_checked(file, NULL, ctl_take_path, ret, &config, &errors);
    config_free(config);
    conf_errors_fini(&errors);
}

static void
ctl_miss_path(const struct cli *cli)
{
    struct setup setup;

    if (setup_load(&setup, cli) < 0)
        fprintf(stderr, "goevd: name the control socket there, or with -s\n");
    else
        fprintf(stderr, "goevd: %s has no control.socket; name one there, or with -s\n",
                cli->config_file);
    setup_fini(&setup);
}

/* The path of -s, or what the configuration says. */
static int
ctl_find_path(const struct cli *cli, struct ctl_path *ret)
{
    if (!cli->socket) {
        ctl_read_path(cli->config_file, ret);
        if (*ret->text)
            return 0;
        ctl_miss_path(cli);
        return -ENOENT;
    }
    if (strlen(cli->socket) >= sizeof(ret->text)) {
        fprintf(stderr, "goevd: a path of a socket has at most %d bytes\n", CONTROL_PATH_MAX);
        return -ENAMETOOLONG;
    }
    snprintf(ret->text, sizeof(ret->text), "%s", cli->socket);
    return 0;
}

/* goevd itself says when it has failed. */
static bool
ctl_takes_time(const struct cli *cli)
{
    static const char *const slow[] = {"stop", "reload", "reopen"};

    for (size_t i = 0; i < ARRAY_LEN(slow); i++)
        if (strcmp(cli->args[0], slow[i]) == 0)
            return true;
    return false;
}

static int
ctl_connect(const char *path, const struct cli *cli)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval wait = {.tv_sec = ctl_takes_time(cli) ? 0 : CTL_WAIT_S};
    int fd, r;

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    r = connect(fd, (struct sockaddr *)&address, sizeof(address));
    while (r < 0 && errno == EINTR)
        r = connect(fd, (struct sockaddr *)&address, sizeof(address));
    if (r < 0) {
        r = -errno;
        fd_close(fd);
        return r;
    }
    return fd;
}

/* A newline would end the request in the middle. */
static int
ctl_check_words(const struct cli *cli)
{
    bool newline = cli->listener && strchr(cli->listener, '\n');

    for (int i = 0; i < cli->arg_count; i++)
        newline = newline || strchr(cli->args[i], '\n');
    if (!newline)
        return 0;
    fprintf(stderr, "goevd: a request is one line: a newline is in it\n");
    return -EINVAL;
}

static int
ctl_ask(int fd, const struct cli *cli)
{
    _cleanup_free_ char *line = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&line, &len);
    ssize_t n;

    if (!out)
        return -ENOMEM;
    for (int i = 0; i < cli->arg_count; i++)
        fprintf(out, "%s%s", i ? " " : "", cli->args[i]);
    fputs(cli->json ? " --json" : "", out);
    if (cli->listener)
        fprintf(out, " --listener %s", cli->listener);
    fputc('\n', out);
    if (fclose(out) != 0)
        return -ENOMEM;
    do
        n = send(fd, line, len, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    /* One that is refused before it has ended is answered all the same. */
    return n < 0 && errno != EPIPE ? -errno : 0;
}

/* ---- The reply ------------------------------------------------------------------------------- */

/* signal(7): with a time-out, a job that is stopped and goes on has been interrupted. */
static ssize_t
ctl_receive(void *cookie, char *buf, size_t size)
{
    const int *fd = cookie;
    ssize_t n;

    do
        n = recv(*fd, buf, size, 0);
    while (n < 0 && errno == EINTR);
    return n;
}

static int
ctl_copy(FILE *in, size_t len, FILE *out)
{
    char buf[4096];

    while (len > 0) {
        size_t n = fread(buf, 1, MIN(len, sizeof(buf)), in);

        if (n == 0)
            return ferror(in) ? -errno : -EPIPE;
        fwrite(buf, 1, n, out);
        len -= n;
    }
    return 0;
}

/* The rest of what says why, in lines. */
static void
ctl_copy_reason(FILE *in)
{
    char buf[4096];
    size_t n;

    while ((n = fread(buf, 1, sizeof(buf), in)) > 0)
        fwrite(buf, 1, n, stderr);
}

static int
ctl_line(FILE *in, char *line, int size)
{
    errno = 0;
    if (fgets(line, size, in))
        return 0;
    return ferror(in) && errno ? -errno : -EPIPE;
}

static int
ctl_length(const char *text, size_t *ret_len)
{
    char *end;
    unsigned long len;

    errno = 0;
    len = strtoul(text, &end, 10);
    if (end == text || *end != '\n' || errno)
        return -EBADMSG;
    *ret_len = len;
    return 0;
}

static int
ctl_copy_parts(FILE *in, FILE *out)
{
    char head[32];
    size_t len = 1;
    int r = 0;

    while (r == 0 && len > 0) {
        r = ctl_line(in, head, sizeof(head));
        if (r == 0)
            r = ctl_length(head, &len);
        if (r == 0)
            r = ctl_copy(in, len, out);
    }
    return r;
}

/* 0: done; 1: refused and printed; negative: there was no reply, or not all of it. */
static int
ctl_read_reply(FILE *in, FILE *out)
{
    char head[ERR_TEXT_MAX + 16];
    size_t len;
    int r = ctl_line(in, head, sizeof(head));

    if (r < 0)
        return r;
    if (strncmp(head, "error ", 6) == 0) {
        fprintf(stderr, "goevd: %s", head + 6);
        ctl_copy_reason(in);
        return 1;
    }
    if (strcmp(head, "parts\n") == 0)
        return ctl_copy_parts(in, out);
    if (strncmp(head, "ok ", 3) != 0 || ctl_length(head + 3, &len) < 0)
        return -EBADMSG;
    return ctl_copy(in, len, out);
}

/* The whole of it is read before any of it is printed: whoever reads slowly what we print, a pager,
 * does not hold goevd up. */
static int
ctl_print_reply(FILE *in)
{
    _cleanup_free_ char *reply = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&reply, &len);
    int r = out ? ctl_read_reply(in, out) : -ENOMEM;

    if (out && fclose(out) != 0)
        r = -ENOMEM;
    if (r == 0)
        fwrite(reply, 1, len, stdout);
    return r;
}

static int
ctl_complain(const char *path, int r)
{
    switch (r) {
    case -ENOENT:
    case -ECONNREFUSED:
        fprintf(stderr, "goevd: nobody listens at %s; is goevd running?\n", path);
        break;
    case -EPIPE:
    case -ECONNRESET:
        fprintf(stderr, "goevd: %s: the connection was closed before the reply had ended\n", path);
        break;
    case -EAGAIN:
        fprintf(stderr, "goevd: %s: no reply within %d s\n", path, CTL_WAIT_S);
        break;
    default:
        fprintf(stderr, "goevd: %s: %s\n", path, err_words(r));
    }
    return EXIT_REFUSED;
}

int
ctl_run(const struct cli *cli)
{
    struct ctl_path path = {0};
    FILE *in;
    int fd, r = ctl_check_words(cli);

    if (r == 0)
        r = ctl_find_path(cli, &path);
    if (r < 0)
        return EXIT_REFUSED;
    fd = ctl_connect(path.text, cli);
    if (fd < 0)
        return ctl_complain(path.text, fd);
    r = ctl_ask(fd, cli);
    in = r == 0 ? fopencookie(&fd, "r", (cookie_io_functions_t){.read = ctl_receive}) : NULL;
    if (in) {
        r = ctl_print_reply(in);
        fclose(in);
    }
    fd_close(fd);
    if (r < 0)
        return ctl_complain(path.text, r);
    return r == 0 ? EXIT_OK : EXIT_REFUSED;
}
