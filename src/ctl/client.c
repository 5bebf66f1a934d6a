#include "ctl/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "base/fd.h"
#include "ctl/control.h"

#define CLIENT_WAIT_S 10 /* for each piece of a reply, but to what takes its time */

/* ---- Asking ---------------------------------------------------------------------------------- */

/* goevd itself says when it has failed. */
static bool
client_takes_time(const struct ctl_request *request)
{
    static const char *const slow[] = {"stop", "reload", "reopen"};

    for (size_t i = 0; i < ARRAY_LEN(slow); i++)
        if (strcmp(request->words[0], slow[i]) == 0)
            return true;
    return false;
}

static int
client_connect(const char *path, const struct ctl_request *request)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval wait = {.tv_sec = client_takes_time(request) ? 0 : CLIENT_WAIT_S};
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
int
client_check_words(const struct ctl_request *request)
{
    bool newline = request->listener && strchr(request->listener, '\n');

    for (int i = 0; i < request->word_count; i++)
        newline = newline || strchr(request->words[i], '\n');
    if (!newline)
        return 0;
    fprintf(stderr, "goevd: a request is one line: a newline is in it\n");
    return -EINVAL;
}

static int
client_send(int fd, const struct ctl_request *request)
{
    _cleanup_free_ char *line = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&line, &len);
    ssize_t n;

    if (!out)
        return -ENOMEM;
    for (int i = 0; i < request->word_count; i++)
        fprintf(out, "%s%s", i ? " " : "", request->words[i]);
    fputs(request->json ? " --json" : "", out);
    if (request->listener)
        fprintf(out, " --listener %s", request->listener);
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
client_receive(void *cookie, char *buf, size_t size)
{
    const int *fd = cookie;
    ssize_t n;

    do
        n = recv(*fd, buf, size, 0);
    while (n < 0 && errno == EINTR);
    return n;
}

static int
client_copy(FILE *in, size_t len, FILE *out)
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
client_copy_reason(FILE *in)
{
    char buf[4096];
    size_t n;

    while ((n = fread(buf, 1, sizeof(buf), in)) > 0)
        fwrite(buf, 1, n, stderr);
}

static int
client_line(FILE *in, char *line, int size)
{
    errno = 0;
    if (fgets(line, size, in))
        return 0;
    return ferror(in) && errno ? -errno : -EPIPE;
}

static int
client_length(const char *text, size_t *ret_len)
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
client_copy_parts(FILE *in, FILE *out)
{
    char head[32];
    size_t len = 1;
    int r = 0;

    while (r == 0 && len > 0) {
        r = client_line(in, head, sizeof(head));
        if (r == 0)
            r = client_length(head, &len);
        if (r == 0)
            r = client_copy(in, len, out);
    }
    return r;
}

/* 0: done; 1: refused and printed; negative: there was no reply, or not all of it. */
static int
client_read_reply(FILE *in, FILE *out)
{
    char head[ERR_TEXT_MAX + 16];
    size_t len;
    int r = client_line(in, head, sizeof(head));

    if (r < 0)
        return r;
    if (strncmp(head, "error ", 6) == 0) {
        fprintf(stderr, "goevd: %s", head + 6);
        client_copy_reason(in);
        return 1;
    }
    if (strcmp(head, "parts\n") == 0)
        return client_copy_parts(in, out);
    if (strncmp(head, "ok ", 3) != 0 || client_length(head + 3, &len) < 0)
        return -EBADMSG;
    return client_copy(in, len, out);
}

/* The whole of it is read before any of it is printed: whoever reads slowly what we print, a pager,
 * does not hold goevd up. */
static int
client_print_reply(FILE *in)
{
    _cleanup_free_ char *reply = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&reply, &len);
    int r = out ? client_read_reply(in, out) : -ENOMEM;

    if (out && fclose(out) != 0)
        r = -ENOMEM;
    if (r == 0)
        fwrite(reply, 1, len, stdout);
    return r;
}

static int
client_complain(const char *path, int r)
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
        fprintf(stderr, "goevd: %s: no reply within %d s\n", path, CLIENT_WAIT_S);
        break;
    default:
        fprintf(stderr, "goevd: %s: %s\n", path, err_words(r));
    }
    return 1;
}

int
client_ask(const char *path, const struct ctl_request *request)
{
    int fd = client_connect(path, request), r;
    FILE *in;

    if (fd < 0)
        return client_complain(path, fd);
    r = client_send(fd, request);
    in = r == 0 ? fopencookie(&fd, "r", (cookie_io_functions_t){.read = client_receive}) : NULL;
    if (in) {
        r = client_print_reply(in);
        fclose(in);
    }
    fd_close(fd);
    return r < 0 ? client_complain(path, r) : r;
}
