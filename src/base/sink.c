#include "base/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SINK_WAIT_MS 1000

/* An unread pipe or terminal must not block a poller; the flag O_NONBLOCK would change it for all
 * processes that share it. */
bool
sink_has_room(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};

    return poll(&poll_fd, 1, 0) != 0;
}

/* Wait until the fd takes more, or is another file: sink_replace(). */
static int
sink_wait(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};

    return poll(&poll_fd, 1, SINK_WAIT_MS) < 0 && errno != EINTR ? -errno : 0;
}

/* A disk takes the rest of a line, or reports that it is full. *ret_done: the bytes that it has
 * taken. */
static int
sink_put(int fd, const char *line, size_t len, bool waits, size_t *ret_done)
{
    size_t done = 0;
    int r = waits || sink_has_room(fd) ? 0 : -EAGAIN;

    while (r == 0 && done < len) {
        ssize_t n = write(fd, line + done, len - done);

        if (n >= 0)
            done += (size_t)n;
        else if (errno == EAGAIN && waits)
            r = sink_wait(fd);
        else if (errno != EINTR)
            r = -errno;
    }
    *ret_done = done;
    return r;
}

/* Does the file, which becomes *ret, not end with the end of a line? */
static bool
sink_lacks_end(int fd, struct stat *ret)
{
    char last;

    return fstat(fd, ret) == 0 && S_ISREG(ret->st_mode) && ret->st_size > 0 &&
           pread(fd, &last, 1, ret->st_size - 1) == 1 && last != '\n';
}

/* A write shows its beginning before it ends, and the file may be replaced between two calls. The
 * kernel makes fallocate(2) wait for writes that have begun, and the first byte has its room. */
static bool
sink_is_as_before(int fd, const struct stat *before)
{
    struct stat now;

    (void)fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 1);
    return fstat(fd, &now) == 0 && now.st_dev == before->st_dev && now.st_ino == before->st_ino &&
           now.st_size == before->st_size;
}

/* Has another process, or this one, left a line without its end in the file? */
static bool
sink_is_torn(const struct sink *s)
{
    struct stat st;

    return unlikely(atomic_load_explicit(&s->torn, memory_order_relaxed)) ||
           unlikely(sink_lacks_end(s->fd, &st) && sink_is_as_before(s->fd, &st));
}

/* Two threads that both see it torn leave an empty line, which is better than none. */
static int
sink_mend(struct sink *s)
{
    size_t done;
    int r = sink_is_torn(s) ? sink_put(s->fd, "\n", 1, false, &done) : 0;

    if (r == 0)
        atomic_store_explicit(&s->torn, false, memory_order_relaxed);
    return r;
}

static int
sink_put_line(struct sink *s, const char *line, size_t len, bool waits)
{
    size_t done = 0;
    int r = sink_mend(s);

    if (r == 0)
        r = sink_put(s->fd, line, len, waits, &done);
    if (r == 0)
        return 0;
    if (done > 0)
        atomic_store(&s->torn, true);
    sink_drop(s);
    return r;
}

int
sink_write(struct sink *s, const char *line, size_t len)
{
    return sink_put_line(s, line, len, false);
}

int
sink_write_waiting(struct sink *s, const char *line, size_t len)
{
    return sink_put_line(s, line, len, true);
}

/* How much of this is whole lines. */
static size_t
sink_whole(const char *lines, size_t len)
{
    const char *end = memrchr(lines, '\n', len);

    return end ? (size_t)(end + 1 - lines) : 0;
}

static size_t
sink_piece_max(const struct sink *s)
{
    struct stat st;

    return fstat(s->fd, &st) == 0 && S_ISREG(st.st_mode) ? SIZE_MAX : SINK_LINE_MAX;
}

size_t
sink_write_lines(struct sink *s, const char *lines, size_t len, int *ret_r)
{
    size_t max = sink_piece_max(s), written = 0;
    int r = sink_mend(s);

    while (r == 0 && written < len) {
        size_t piece = sink_whole(lines + written, MIN(len - written, max)), done;

        r = sink_put(s->fd, lines + written, piece, false, &done);
        piece = sink_whole(lines + written, done);
        if (piece != done)
            atomic_store(&s->torn, true);
        written += piece;
    }
    *ret_r = r;
    return written;
}

void
sink_drop(struct sink *s)
{
    atomic_fetch_add(&s->dropped, 1);
    atomic_fetch_add(&s->untold, 1);
}

bool
sink_has_untold(const struct sink *s)
{
    return atomic_load_explicit(&s->untold, memory_order_relaxed) > 0;
}

uint64_t
sink_take_untold(struct sink *s)
{
    if (likely(atomic_load_explicit(&s->untold, memory_order_relaxed) == 0))
        return 0;
    return atomic_exchange(&s->untold, 0);
}

int
sink_replace(struct sink *s, int fd)
{
    if (dup3(fd, s->fd, O_CLOEXEC) < 0)
        return -errno;
    atomic_store(&s->torn, false);
    return 0;
}
