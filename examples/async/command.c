#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netdb.h>
#include <nettle/sha2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "async.h"

#define TAG_MAX 64
#define MS INT64_C(1000000)

/* ---- Answers --------------------------------------------------------------------------------- */

void
answer_set(struct answer *a, const char *line, const char *format, ...)
{
    size_t tag = strcspn(line, " "), room = sizeof(a->text) - 1; /* for the LF */
    va_list args;
    int n;

    if (tag == 0 || tag > TAG_MAX) {
        line = "-";
        tag = 1;
    }
    memcpy(a->text, line, tag);
    a->text[tag++] = ' ';
    va_start(args, format);
    n = vsnprintf(a->text + tag, room - tag, format, args);
    va_end(args);
    a->len = tag + ((size_t)n < room - tag ? (size_t)n : room - tag - 1);
    a->text[a->len++] = '\n';
}

static void
answer_errno(struct answer *a, const char *line, int error)
{
    answer_set(a, line, "error %s", strerror(error));
}

/* ---- sleep MS -------------------------------------------------------------------------------- */

static void
command_sleep(const struct options *o, int root, const char *line, const char *argument,
              struct answer *ret)
{
    struct timespec left;
    char *end;
    unsigned long long ms = strtoull(argument, &end, 10);

    (void)root;
    if (*argument < '0' || *argument > '9' || *end != '\0') {
        answer_set(ret, line, "error sleep takes milliseconds");
    } else if (ms > (unsigned long long)(o->sleep_max_ns / MS)) {
        answer_set(ret, line, "error no sleep is longer than %lld ms",
                   (long long)(o->sleep_max_ns / MS));
    } else {
        left = (struct timespec){(time_t)(ms / 1000), (long)(ms % 1000 * MS)};
        while (nanosleep(&left, &left) < 0 && errno == EINTR)
            ;
        answer_set(ret, line, "ok");
    }
}

/* ---- resolve NAME ---------------------------------------------------------------------------- */

static void
command_resolve(const struct options *o, int root, const char *line, const char *argument,
                struct answer *ret)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    char list[512] = "", host[64];
    struct addrinfo *found = NULL;
    size_t len = 0;
    int r = 0;

    (void)root;
    if (!o->resolve) {
        answer_set(ret, line, "error resolve is off");
        return;
    }
    r = getaddrinfo(argument, NULL, &hints, &found);
    for (struct addrinfo *a = found; r == 0 && a && len < sizeof(list) - sizeof(host);
         a = a->ai_next) {
        r = getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof(host), NULL, 0, NI_NUMERICHOST);
        len += (size_t)snprintf(list + len, sizeof(list) - len, " %s", r == 0 ? host : "");
    }
    freeaddrinfo(found);
    if (r == 0)
        answer_set(ret, line, "ok%s", list);
    else
        answer_set(ret, line, "error %s", r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
}

/* ---- digest PATH ----------------------------------------------------------------------------- */

/* A regular file of at most max bytes beneath the folder: no path and no symbolic link leads out of
 * it. O_NONBLOCK, for a FIFO would wait for its writer. */
static int
digest_open(int root, const char *path, int64_t max)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how)), r = 0;
    struct stat st;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0)
        r = -errno;
    else if (!S_ISREG(st.st_mode))
        r = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
    else if (st.st_size > max)
        r = -EFBIG;
    if (r == 0)
        return fd;
    close(fd);
    return r;
}

/* It may grow meanwhile: no more than max bytes are read. */
static int
digest_read(int fd, int64_t max, uint8_t ret_digest[SHA256_DIGEST_SIZE])
{
    struct sha256_ctx sha;
    uint8_t block[16384];
    ssize_t n;

    sha256_init(&sha);
    while ((n = read(fd, block, sizeof(block))) > 0 && (max -= n) >= 0)
        sha256_update(&sha, (size_t)n, block);
    if (n != 0)
        return n < 0 ? -errno : -EFBIG;
    sha256_digest(&sha, SHA256_DIGEST_SIZE, ret_digest);
    return 0;
}

static void
command_digest(const struct options *o, int root, const char *line, const char *argument,
               struct answer *ret)
{
    uint8_t digest[SHA256_DIGEST_SIZE] = {0};
    char hex[2 * SHA256_DIGEST_SIZE + 1];
    int fd, r;

    if (root < 0) {
        answer_set(ret, line, "error there is no root");
        return;
    }
    fd = digest_open(root, argument, o->digest_max_bytes);
    r = fd < 0 ? fd : digest_read(fd, o->digest_max_bytes, digest);
    if (fd >= 0)
        close(fd);
    for (size_t i = 0; r == 0 && i < sizeof(digest); i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    if (r == 0)
        answer_set(ret, line, "ok %s", hex);
    else
        answer_errno(ret, line, -r);
}

/* ---- All of them ----------------------------------------------------------------------------- */

static const struct command {
    const char *name;
    void (*run)(const struct options *o, int root, const char *line, const char *argument,
                struct answer *ret);
} commands[] = {
    {"sleep", command_sleep},
    {"resolve", command_resolve},
    {"digest", command_digest},
};

void
command_run(const struct options *o, int root, const char *line, struct answer *ret)
{
    const char *name = strchr(line, ' '), *argument = name ? strchr(++name, ' ') : NULL;

    for (size_t i = 0; argument && i < sizeof(commands) / sizeof(*commands); i++) {
        const struct command *c = &commands[i];

        if (strlen(c->name) == (size_t)(argument - name) &&
            strncmp(c->name, name, strlen(c->name)) == 0) {
            c->run(o, root, line, argument + 1, ret);
            return;
        }
    }
    answer_set(ret, line, "error a line is TAG sleep MS, TAG resolve NAME or TAG digest PATH");
}
