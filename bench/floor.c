/* The limit that goevd is measured against: a plain epoll loop that reads, finds the ends of
 * requests and answers them with canned bytes. It does nothing else that a server must do.
 * floor.h describes its arguments.
 */
#include "floor.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define REPLIES_MAX 256
#define TAIL_MAX 3 /* bytes of "\r\n\r\n" that an earlier read may have brought */

/* As long as goevd's answers to GET /plaintext. */
#define REPLY(connection)                                                                          \
    "HTTP/1.1 200 OK\r\n"                                                                          \
    "Server: goevd\r\n"                                                                            \
    "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"                                                      \
    "Content-Type: text/plain\r\n"                                                                 \
    "Content-Length: 13\r\n" connection "\r\n"                                                     \
    "Hello, World!"

static const char reply[] = REPLY("");
static const char last_reply[] = REPLY("Connection: close\r\n");
#define REPLY_LEN (sizeof(reply) - 1)
#define LAST_REPLY_LEN (sizeof(last_reply) - 1)

struct tail {
    unsigned char len;
    char bytes[TAIL_MAX];
};

static struct tail tails[FLOOR_FDS_MAX];
static char replies[REPLIES_MAX * REPLY_LEN];

/* Count the requests that end between start and end; *ret_rest is where the unended one begins. */
static unsigned
count_requests(const char *start, const char *end, const char **ret_rest, bool *ret_close)
{
    const char *from = start;
    const char *p = start;
    unsigned count = 0;

    while ((p = memchr(p, '\n', (size_t)(end - p)))) {
        p++;
        if (p - from >= 4 && memcmp(p - 4, "\r\n\r\n", 4) == 0) {
            from = p;
            count++;
        } else if (end - p >= 17 && (*p | 0x20) == 'c' &&
                   strncasecmp(p, "connection: close", 17) == 0) {
            *ret_close = true;
        }
    }
    *ret_rest = from;
    return count;
}

/* False: the connection has had its last reply, or did not take one. */
static bool
send_replies(int fd, unsigned count, bool closing)
{
    if (closing && count == 1) {
        (void)!write(fd, last_reply, LAST_REPLY_LEN);
        return false;
    }
    while (count > 0) {
        unsigned n = count < REPLIES_MAX ? count : REPLIES_MAX;

        if (write(fd, replies, n * REPLY_LEN) != (ssize_t)(n * REPLY_LEN))
            return false;
        count -= n;
    }
    return true;
}

void
floor_open(int fd)
{
    tails[fd].len = 0;
}

void
floor_serve(struct floor_read *r, int fd)
{
    struct tail *tail = &tails[fd];
    ssize_t got = read(fd, r->data, FLOOR_READ_BYTES);
    const char *start = r->data - tail->len;
    const char *end = r->data + got;
    const char *rest;
    bool closing = false;
    unsigned count;

    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        close(fd);
        return;
    }
    if (tail->len > 0)
        memcpy(r->data - tail->len, tail->bytes, tail->len);
    count = count_requests(start, end, &rest, &closing);
    tail->len = (unsigned char)(end - rest < TAIL_MAX ? end - rest : TAIL_MAX);
    if (tail->len > 0)
        memcpy(tail->bytes, end - tail->len, tail->len);
    if (!send_replies(fd, count, closing))
        close(fd);
}

int
main(int argc, char **argv)
{
    for (size_t i = 0; i < REPLIES_MAX; i++)
        memcpy(replies + i * REPLY_LEN, reply, REPLY_LEN);
    return floor_main(argc, argv);
}
