/* A stream: one request and its reply. */
#pragma once

#include "http/h2/conn.h"

enum http_h2_stream_flags {
    HTTP_H2_STREAM_QUEUED = 1 << 0,   /* on conn->work */
    HTTP_H2_STREAM_CLOSED = 1 << 1,   /* libnghttp2 has closed it */
    HTTP_H2_STREAM_IN_END = 1 << 2,   /* the client has sent all of its request */
    HTTP_H2_STREAM_DISCARD = 1 << 3,  /* content of the request goes nowhere */
    HTTP_H2_STREAM_HEAD = 1 << 4,     /* the head of its reply was given to libnghttp2 */
    HTTP_H2_STREAM_OUT_END = 1 << 5,  /* all content of the reply is here, or was sent */
    HTTP_H2_STREAM_SENT = 1 << 6,     /* the frame with END_STREAM was made */
    HTTP_H2_STREAM_ASLEEP = 1 << 7,   /* libnghttp2 asks for no content until it is resumed */
    HTTP_H2_STREAM_RESET = 1 << 8,    /* RST_STREAM was submitted */
    HTTP_H2_STREAM_WAITS = 1 << 9,    /* its exchange waits until content has been taken */
    HTTP_H2_STREAM_CONTINUE = 1 << 10 /* the client waits for 100 (Continue) */
};

struct http_h2_stream {
    struct http_h2_conn *conn;
    struct http_h2_stream *next, *previous; /* of the connection */
    struct http_h2_stream *next_work;
    int32_t id;
    unsigned flags;          /* enum http_h2_stream_flags */
    struct http_exchange *x; /* NULL: none, or it is over */
    size_t discarded;        /* bytes of content that went nowhere */

    /* content of the reply that libnghttp2 has not taken */
    struct http_buffer out; /* copied */
    size_t out_at;
    struct http_span shared;     /* that lives as long as the instance */
    struct http_segment segment; /* by reference */
    struct http_buffer after;    /* copied, behind the segment */
    struct http_buffer trailers; /* header lines */
    uint64_t left;               /* content that is to follow, if its length is known */
    uint64_t moved_ns;           /* when some was taken last */

    /* content of the request that the exchange has not taken */
    struct http_buffer in;
    size_t in_at;
};

/* A new one, which the connection has; NULL without memory. */
struct http_h2_stream *http_h2_stream_new(struct http_h2_conn *conn, int32_t id);

/* Free it, after http_exchange_gone() of its exchange, if it has one. */
void http_h2_stream_free(struct http_h2_stream *stream);

static inline struct http_h2_stream *
http_h2_stream_of(nghttp2_session *session, int32_t id)
{
    return nghttp2_session_get_stream_user_data(session, id);
}

/* The stream of an exchange, if it is of that connection; or NULL. */
struct http_h2_stream *http_h2_stream_of_exchange(const struct http_h2_conn *conn,
                                                  const struct http_exchange *x);

/* Reset it with a code, unless it was. */
void http_h2_stream_reset(struct http_h2_stream *stream, uint32_t code);

/* ---- The content of its reply ---------------------------------------------------------------- */

/* Bytes that libnghttp2 may take. */
size_t http_h2_stream_ready(const struct http_h2_stream *stream);

/* There is content, or its end: let libnghttp2 ask for it. */
void http_h2_stream_resume(struct http_h2_stream *stream);

/* As the data source of libnghttp2. */
ssize_t http_h2_stream_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t len,
                            uint32_t *ret_flags, nghttp2_data_source *source, void *arg);

/* The bytes that http_h2_stream_read() has promised go out behind the frame header. 0; -ENOMEM;
 * -EPIPE. */
int http_h2_stream_send(struct http_h2_stream *stream, size_t len);

/* Drop content that was not sent. */
void http_h2_stream_drop(struct http_h2_stream *stream);
