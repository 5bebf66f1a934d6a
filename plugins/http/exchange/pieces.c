#include "http/exchange/pieces.h"

#include <errno.h>
#include <stdlib.h>

#include <goevd/conn.h>

struct http_pieces {
    unsigned refs;
    int result; /* error of the first failed piece */
    goevd_release_fn release;
    void *arg;
};

static void
http_pieces_unref(void *arg, int result)
{
    struct http_pieces *p = arg;

    if (p->result == 0)
        p->result = result;
    if (--p->refs > 0)
        return;
    p->release(p->arg, p->result);
    free(p);
}

int
http_pieces_begin(struct http_segment *s)
{
    struct http_pieces *p;

    if (!s->release || s->release == http_pieces_unref)
        return 0;
    p = malloc(sizeof(*p));
    if (!p)
        return -ENOMEM;
    *p = (struct http_pieces){.refs = 1, .release = s->release, .arg = s->arg};
    s->release = http_pieces_unref;
    s->arg = p;
    return 0;
}

void
http_pieces_undo(struct http_segment *s)
{
    struct http_pieces *p = s->arg;

    if (s->release != http_pieces_unref || p->refs != 1)
        return;
    s->release = p->release;
    s->arg = p->arg;
    free(p);
}

static void
http_pieces_advance(struct http_segment *s, size_t len)
{
    s->len -= len;
    if (s->data)
        s->data = (const char *)s->data + len;
    else
        s->offset += (off_t)len;
}

void
http_pieces_skip(struct http_segment *s, size_t len)
{
    http_pieces_advance(s, len);
    if (s->len == 0 && s->release)
        s->release(s->arg, 0);
}

int
http_pieces_write(struct goevd_conn *c, struct http_segment *s, size_t len)
{
    struct http_pieces *p = s->release == http_pieces_unref ? s->arg : NULL;
    bool more = p && len < s->len;
    int r;

    if (more) /* before the call, because a piece may be released within it */
        p->refs++;
    r = s->data ? goevd_conn_write_shared(c, s->data, len, s->release, s->arg)
                : goevd_conn_write_file(c, s->fd, s->offset, len, s->release, s->arg);
    if (r < 0) {
        if (more)
            p->refs--;
        return r;
    }
    http_pieces_advance(s, len);
    return r;
}
