/* Instead of all other files of this room, where goevd is built without libnghttp2. */
#include "http/h2/h2.h"

#include <errno.h>

const char http_h2_preface[HTTP_H2_PREFACE_LEN + 1] = "";

const bool http_h2_is_built = false;

int
http_h2_local_init(struct http_local *local)
{
    (void)local;
    return -ENOTSUP;
}

void
http_h2_local_fini(struct http_local *local)
{
    (void)local;
}

size_t
http_h2_link_size(void)
{
    return 0;
}

struct http_h2_conn *
http_h2_open(struct goevd_conn *c)
{
    (void)c;
    return NULL;
}

ptrdiff_t
http_h2_on_read(struct http_h2_conn *conn, const char *data, size_t len)
{
    (void)conn, (void)data, (void)len;
    return -ENOTSUP;
}

int
http_h2_on_eof(struct http_h2_conn *conn)
{
    (void)conn;
    return -ENOTSUP;
}

int
http_h2_on_drained(struct http_h2_conn *conn)
{
    (void)conn;
    return -ENOTSUP;
}

int
http_h2_on_timeout(struct http_h2_conn *conn, uint64_t cookie)
{
    (void)conn, (void)cookie;
    return -ENOTSUP;
}

int
http_h2_on_stop(struct http_h2_conn *conn)
{
    (void)conn;
    return -ENOTSUP;
}

void
http_h2_on_close(struct http_h2_conn *conn)
{
    (void)conn;
}
