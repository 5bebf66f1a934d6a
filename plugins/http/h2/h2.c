#include "http/h2/h2.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>

#include <goevd/conn.h>

#include "http/h2/block.h"
#include "http/h2/body.h"
#include "http/h2/output.h"
#include "http/h2/wire.h"

/* The kernel reports room only while less is unsent: frames still in libnghttp2 can be put in
 * another order. */
#define H2_NOT_SENT_BYTES 16384

const char http_h2_preface[HTTP_H2_PREFACE_LEN + 1] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const bool http_h2_is_built = true;

/* ---- On a poller ----------------------------------------------------------------------------- */

int
http_h2_local_init(struct http_local *local)
{
    const struct http_limits *limits = &local->http->limits;
    size_t fields = limits->headers_max + HTTP_H2_BLOCK_OWN_FIELDS;
    struct http_h2_local *h2 = calloc(1, sizeof(*h2));

    local->h2 = h2;
    if (!h2)
        return -ENOMEM;
    h2->request = calloc(1, sizeof(*h2->request) + fields * sizeof(h2->request->fields[0]));
    h2->scratch = malloc(limits->request_line_max);
    return h2->request && h2->scratch ? http_h2_callbacks_init(h2) : -ENOMEM;
}

void
http_h2_local_fini(struct http_local *local)
{
    struct http_h2_local *h2 = local->h2;

    if (!h2)
        return;
    nghttp2_session_callbacks_del(h2->callbacks);
    nghttp2_option_del(h2->option);
    http_buffer_clear(&h2->names, 0);
    http_buffer_clear(&h2->fields, 0);
    free(h2->request);
    free(h2->scratch);
    free(h2);
}

size_t
http_h2_link_size(void)
{
    return sizeof(struct http_h2_link);
}

/* ---- On a connection ------------------------------------------------------------------------- */

static int
http_h2_begin(struct http_h2_conn *conn)
{
    const struct http_h2_local *h2 = conn->local->h2;
    const int not_sent = H2_NOT_SENT_BYTES;

    if (nghttp2_session_server_new2(&conn->session, h2->callbacks, conn, h2->option) != 0)
        return -ENOMEM;
    if (http_h2_callbacks_settings(conn) != 0)
        return -ENOMEM;
    (void)goevd_conn_setsockopt(conn->c, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &not_sent,
                                sizeof(not_sent));
    return 0;
}

struct http_h2_conn *
http_h2_open(struct goevd_conn *c)
{
    struct http_h2_conn *conn = calloc(1, sizeof(*conn));

    if (!conn)
        return NULL;
    conn->c = c;
    conn->local = goevd_conn_local(c);
    conn->work_end = &conn->work;
    conn->frame_left = HTTP_H2_PREFACE_LEN;
    conn->opened_ns = goevd_poller_now(conn->local->poller);
    if (http_h2_begin(conn) == 0)
        return conn;
    http_h2_on_close(conn);
    return NULL;
}

void
http_h2_on_close(struct http_h2_conn *conn)
{
    while (conn->streams) {
        if (conn->streams->x)
            http_h2_body_gone(conn->streams);
        http_h2_stream_free(conn->streams);
    }
    http_h2_output_fini(conn);
    http_h2_block_clear(&conn->block, 0);
    nghttp2_session_del(conn->session);
    free(conn);
}
