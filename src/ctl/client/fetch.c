#include "ctl/client/fetch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/err.h"
#include "base/fd.h"

#define FETCH_WAIT_S 10 /* for each piece of a reply, except replies that may take long */

/* ---- The request ----------------------------------------------------------------------------- */

/* goevd itself reports when these have failed. */
static bool
fetch_takes_time(const char *line)
{
    static const char *const slow[] = {"stop", "reload", "reopen"};

    for (size_t i = 0; i < ARRAY_LEN(slow); i++)
        if (strcmp(line, slow[i]) == 0)
            return true;
    return false;
}

static int
fetch_connect(const char *path, const char *line, unsigned wait_s)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval wait = {.tv_sec = fetch_takes_time(line) ? 0 : wait_s};
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

static int
fetch_send(int fd, const char *line)
{
    _cleanup_free_ char *text = NULL;
    int len = asprintf(&text, "%s\n", line);
    ssize_t n;

    if (len < 0)
        return -ENOMEM;
    do
        n = send(fd, text, (size_t)len, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    /* One that is refused before it has ended is answered all the same. */
    return n < 0 && errno != EPIPE ? -errno : 0;
}

/* ---- The reply ------------------------------------------------------------------------------- */

/* signal(7): with a time-out, a job that is stopped and goes on has been interrupted. */
static ssize_t
fetch_receive(void *cookie, char *buf, size_t size)
{
    const int *fd = cookie;
    ssize_t n;

    do
        n = recv(*fd, buf, size, 0);
    while (n < 0 && errno == EINTR);
    return n;
}

static int
fetch_copy(FILE *in, size_t len, FILE *out)
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

/* The rest of the reason, in lines. */
static void
fetch_copy_reason(FILE *in, FILE *out)
{
    char buf[4096];
    size_t n;

    while ((n = fread(buf, 1, sizeof(buf), in)) > 0)
        fwrite(buf, 1, n, out);
}

static int
fetch_line(FILE *in, char *line, int size)
{
    errno = 0;
    if (fgets(line, size, in))
        return 0;
    return ferror(in) && errno ? -errno : -EPIPE;
}

static int
fetch_length(const char *text, size_t *ret_len)
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
fetch_copy_parts(FILE *in, FILE *out)
{
    char head[32];
    size_t len = 1;
    int r = 0;

    while (r == 0 && len > 0) {
        r = fetch_line(in, head, sizeof(head));
        if (r == 0)
            r = fetch_length(head, &len);
        if (r == 0)
            r = fetch_copy(in, len, out);
    }
    return r;
}

/* As fetch(). */
static int
fetch_read(FILE *in, FILE *out)
{
    char head[ERR_TEXT_MAX + 16];
    size_t len;
    int r = fetch_line(in, head, sizeof(head));

    if (r < 0)
        return r;
    if (strncmp(head, "error ", 6) == 0) {
        fputs(head + 6, out);
        fetch_copy_reason(in, out);
        return 1;
    }
    if (strcmp(head, "parts\n") == 0)
        return fetch_copy_parts(in, out);
    if (strncmp(head, "ok ", 3) != 0 || fetch_length(head + 3, &len) < 0)
        return -EBADMSG;
    return fetch_copy(in, len, out);
}

/* The whole of it is read before any of it is printed: a pager that reads slowly does not hold
 * goevd up. */
static int
fetch_reply(int fd, char **ret_text)
{
    size_t len = 0;
    FILE *in = fopencookie(&fd, "r", (cookie_io_functions_t){.read = fetch_receive});
    FILE *out = in ? open_memstream(ret_text, &len) : NULL;
    int r = out ? fetch_read(in, out) : -ENOMEM;

    if (out && fclose(out) != 0)
        r = -ENOMEM;
    if (in)
        fclose(in);
    return r;
}

int
fetch_within(const char *path, const char *line, unsigned wait_s, char **ret_text)
{
    int fd = fetch_connect(path, line, wait_s), r;

    *ret_text = NULL;
    if (fd < 0)
        return fd;
    r = fetch_send(fd, line);
    if (r == 0)
        r = fetch_reply(fd, ret_text);
    fd_close(fd);
    if (r < 0) {
        free(*ret_text);
        *ret_text = NULL;
    }
    return r;
}

int
fetch(const char *path, const char *line, char **ret_text)
{
    return fetch_within(path, line, FETCH_WAIT_S, ret_text);
}

void
fetch_complain(const char *path, int r)
{
    switch (r) {
    case -ENOENT:
    case -ECONNREFUSED:
        fprintf(stderr, "goevd: no process listens at %s; is goevd running?\n", path);
        break;
    case -EPIPE:
    case -ECONNRESET:
        fprintf(stderr, "goevd: %s: the connection was closed before the reply had ended\n", path);
        break;
    case -EAGAIN:
        fprintf(stderr, "goevd: %s: no reply within %d s\n", path, FETCH_WAIT_S);
        break;
    default:
        fprintf(stderr, "goevd: %s: %s\n", path, err_words(r));
    }
}
