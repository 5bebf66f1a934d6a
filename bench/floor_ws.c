/* The limit for WebSocket: a plain epoll loop that echoes messages. It takes the handshake, unmasks
 * the bytes of a read in place, and writes all of them back in one call. It checks nothing: no
 * bits, no opcodes, no limits, no UTF-8. floor.h describes its arguments.
 */
#include "floor.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "websocket/message/frame.h"
#include "websocket/message/handshake.h"
#include "websocket/message/mask.h"

#define MASKED 0x80
#define KEY_HEADER "Sec-WebSocket-Key: "
#define KEY_LEN 24

struct peer {
    bool upgraded;
    char *rest; /* of a frame that has not come whole; NULL: nothing */
    size_t rest_len;
};

static struct peer peers[FLOOR_FDS_MAX];

void
floor_open(int fd)
{
    free(peers[fd].rest);
    peers[fd] = (struct peer){0};
}

static void
upgrade(int fd, char *request, size_t len)
{
    const char *key = memmem(request, len, KEY_HEADER, strlen(KEY_HEADER));
    struct ws_handshake h = {0};
    char accept[WS_HANDSHAKE_ACCEPT_LEN], reply[256];
    int n;

    if (!key) {
        close(fd);
        return;
    }
    h.key = (struct goevd_str){key + strlen(KEY_HEADER), KEY_LEN};
    ws_handshake_accept(&h, accept);
    n = snprintf(reply, sizeof(reply),
                 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                 "Connection: upgrade\r\nSec-WebSocket-Accept: %.*s\r\n\r\n",
                 (int)sizeof(accept), accept);
    peers[fd].upgraded = write(fd, reply, (size_t)n) == n;
}

/* The payload's length, and that of the head before it; 0 if that is not all there. */
static size_t
read_head(const char *at, size_t len, uint64_t *ret)
{
    size_t n = len < 2 ? 0 : (at[1] & 127) < 126 ? 2 : (at[1] & 127) == 126 ? 4 : 10;
    uint16_t n16;
    uint64_t n64;

    if (n == 0 || len < n + 4)
        return 0;
    memcpy(&n16, at + 2, sizeof(n16));
    memcpy(&n64, at + 2, sizeof(n64));
    *ret = n == 2 ? (uint64_t)(at[1] & 127) : n == 4 ? be16toh(n16) : be64toh(n64);
    return n + 4;
}

/* Turn the frames of the client into frames for it, which are shorter by the masks. Returns their
 * end; *ret_rest is the beginning of the first frame that is not whole. */
static char *
echo(char *from, const char *end, char **ret_rest)
{
    char *to = from;
    uint64_t len;
    uint32_t mask;

    for (;;) {
        size_t head = read_head(from, (size_t)(end - from), &len);

        if (head == 0 || (size_t)(end - from) - head < len)
            break;
        memcpy(&mask, from + head - 4, sizeof(mask));
        memmove(to, from, head - 4);
        to[1] = (char)(to[1] & ~MASKED);
        ws_mask_apply(to + head - 4, from + head, len, mask);
        to += head - 4 + len;
        from += head + len;
    }
    *ret_rest = from;
    return to;
}

static void
keep(struct peer *p, const char *rest, size_t len)
{
    free(p->rest);
    p->rest = len == 0 ? NULL : malloc(len);
    p->rest_len = p->rest ? len : 0;
    if (p->rest)
        memcpy(p->rest, rest, len);
}

void
floor_serve(struct floor_read *r, int fd)
{
    struct peer *p = &peers[fd];
    ssize_t got = read(fd, r->data, FLOOR_READ_BYTES);
    char *start = r->data - p->rest_len, *rest, *end;

    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        close(fd);
        return;
    }
    if (!p->upgraded) {
        upgrade(fd, r->data, (size_t)got);
        return;
    }
    if (p->rest_len != 0)
        memcpy(start, p->rest, p->rest_len);
    end = echo(start, r->data + got, &rest);
    if (p->rest || rest != r->data + got)
        keep(p, rest, (size_t)(r->data + got - rest));
    if (end != start && write(fd, start, (size_t)(end - start)) != end - start)
        close(fd);
}

int
main(int argc, char **argv)
{
    return floor_main(argc, argv);
}
