/* `gzip:` - compression of handlers' replies, RFC 9110 section 8.4.1.3: which replies are eligible,
 * and the zlib streams of a poller. */
#pragma once

#include <zlib.h>

#include <goevd/plugin.h>

#include "http/message/text/lines.h"
#include "http/options.h"

/* Bytes compressed without interruption. Between two such steps other connections are served. */
#define HTTP_GZIP_STEP ((size_t)65536)

/* Idle streams kept for later replies; each has about 260 KiB. */
#define HTTP_GZIP_SPARE_MAX 2

struct http_gzip_stream {
    z_stream z;
    struct http_gzip_stream *next; /* in the list of free ones */
};

/* The compression state of one poller. */
struct http_gzip {
    unsigned max; /* limit of streams */
    struct http_gzip_stream *free;
    unsigned free_count;
    unsigned count;
    size_t worked;            /* bytes compressed since other connections were served */
    char out[HTTP_GZIP_STEP]; /* output of the last step */
    char in[HTTP_GZIP_STEP];  /* input read from a file */
};

/* Checks of the options at `path` that the schema cannot express; `o` may be NULL. 0, or -EINVAL
 * after goevd_refuse(). */
int http_gzip_check(struct goevd_self *self, const char *path, const struct http_options_gzip *o);

/* NULL: out of memory. */
struct http_gzip *http_gzip_new(unsigned max);
void http_gzip_free(struct http_gzip *gzip);

/* Whether a reply may be compressed for clients that accept gzip. For 206 and 304: whether the 200
 * reply to the same request might be.
 *
 * type    Content type, for 304 that of the 200; empty: in `lines`, or not known.
 * length  Content length, for 304 that of the 200; or GOEVD_HTTP_LENGTH_UNKNOWN.
 * lines   The other headers.
 */
bool http_gzip_applies(const struct http_options_gzip *o, int status, struct http_span type,
                       uint64_t length, const struct http_buffer *lines);

/* Add Vary to a reply that depends on whether the client accepts gzip. 0 or -ENOMEM. */
int http_gzip_set_vary(struct http_buffer *lines);

/* Make an ETag weak, because it does not belong to these bytes any more, section 8.8.1. 0 or
 * -ENOMEM. */
int http_gzip_weaken(struct http_buffer *lines);

/* Set the headers of a compressed reply. 0 or -ENOMEM. */
int http_gzip_set_coding(struct http_buffer *lines);

/* Whether the poller has compressed enough for other connections to be served first; resets the
 * count. `gzip` may be NULL. */
static inline bool
http_gzip_is_tired(struct http_gzip *gzip)
{
    if (!gzip || gzip->worked < HTTP_GZIP_STEP)
        return false;
    gzip->worked = 0;
    return true;
}

/* Take a reset stream. NULL: out of memory, or the limit is reached. */
struct http_gzip_stream *http_gzip_take(struct http_gzip *gzip, int level);
void http_gzip_give(struct http_gzip *gzip, struct http_gzip_stream *stream);

/* Compress at most HTTP_GZIP_STEP bytes at once into gzip->out. Returns the compressed length; 0 if
 * that is not shorter, or there is no stream. */
size_t http_gzip_whole(struct http_gzip *gzip, int level, const char *data, size_t len);
