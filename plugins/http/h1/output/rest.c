#include "http/h1/output/rest.h"

#include <errno.h>
#include <stdlib.h>

#include "http/h1/output/push.h"

struct http_h1_rest {
    struct http_segment body;
    const char *at; /* position in `bytes` */
    size_t left;
    char bytes[];
};

static struct http_h1_rest *
http_h1_rest_new(const char *bytes, size_t len, struct http_span body)
{
    struct http_h1_rest *rest = malloc(sizeof(*rest) + len);

    if (!rest)
        return NULL;
    rest->body = (struct http_segment){.data = body.data, .len = body.len, .fd = -1};
    rest->at = rest->bytes;
    rest->left = len;
    if (len != 0)
        memcpy(rest->bytes, bytes, len);
    return rest;
}

int
http_h1_rest_begin(struct goevd_conn *c, struct http_h1_conn *conn, const char *bytes, size_t len,
                   struct http_span body)
{
    struct http_h1_rest *rest = http_h1_rest_new(bytes, len, body);

    if (!rest)
        return -ENOMEM;
    conn->rest = rest;
    conn->flags |= HTTP_H1_REST;
    return http_h1_rest_go_on(c, conn);
}

int
http_h1_rest_append(struct http_h1_conn *conn, struct http_span body)
{
    conn->rest->body = (struct http_segment){.data = body.data, .len = body.len, .fd = -1};
    return 0;
}

int
http_h1_rest_go_on(struct goevd_conn *c, struct http_h1_conn *conn)
{
    struct http_h1_rest *rest = conn->rest;
    int r = http_h1_push_bytes(c, &rest->at, &rest->left);
    int body = r < 0 || rest->body.len == 0 ? 0 : http_h1_push_segment(c, &rest->body);

    r = body < 0 ? body : r | body;
    if (r != -ENOBUFS)
        http_h1_rest_drop(conn);
    return r;
}

bool
http_h1_rest_closes(struct http_h1_conn *conn)
{
    if (!(conn->flags & HTTP_H1_REST))
        return false;
    conn->flags |= HTTP_PERSIST_CLOSE << HTTP_H1_PERSIST_SHIFT;
    return true;
}

void
http_h1_rest_drop(struct http_h1_conn *conn)
{
    if (!(conn->flags & HTTP_H1_REST))
        return;
    free(conn->rest);
    conn->left = 0;
    conn->flags &= (uint16_t)~HTTP_H1_REST;
}
