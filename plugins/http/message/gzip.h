/* `gzip:` - compressed content of handlers' replies, RFC 9110 section 8.4.1.3: which replies, and
 * the streams of zlib that a poller has for it. */
#pragma once

#include <zlib.h>

#include <goevd/plugin.h>

#include "http/message/lines.h"
#include "http/options.h"

/* Bytes that are compressed in one go; with more, others have their turn in between. */
#define HTTP_GZIP_STEP ((size_t)65536)

/* Streams that are kept for the next reply; each has some 260 KiB. */
#define HTTP_GZIP_SPARE_MAX 2

struct http_gzip_stream {
    z_stream z;
    struct http_gzip_stream *next; /* free */
};

/* One poller's. */
struct http_gzip {
    unsigned max; /* streams */
    struct http_gzip_stream *free;
    unsigned free_count;
    unsigned count;
    size_t worked;            /* bytes that were compressed since others had their turn */
    char out[HTTP_GZIP_STEP]; /* what has just been compressed */
    char in[HTTP_GZIP_STEP];  /* of a file */
};

/* What the schema cannot say, of the options at `path`; `o` may be NULL. 0, or -EINVAL after
 * goevd_refuse(). */
int http_gzip_check(struct goevd_self *self, const char *path, const struct http_options_gzip *o);

/* NULL without memory. */
struct http_gzip *http_gzip_new(unsigned max);
void http_gzip_free(struct http_gzip *gzip);

/* Whether a reply is one that may be compressed, whoever asks; of 206 and 304, whether the 200 to
 * the same request would be. Where these do not tell enough of the 200, it might be.
 *
 * type    of its content, of 304 that of the 200; empty: it is in `lines`, or nowhere.
 * length  of its content, of 304 that of the 200; GOEVD_HTTP_LENGTH_UNKNOWN.
 * lines   its other headers.
 */
bool http_gzip_applies(const struct http_options_gzip *o, int status, struct http_span type,
                       uint64_t length, const struct http_buffer *lines);

/* The headers of one that depends on whether the client takes gzip. 0 or -ENOMEM. */
int http_gzip_set_vary(struct http_buffer *lines);

/* An ETag in them is no longer that of these bytes: let it be a weak one, section 8.8.1. 0 or
 * -ENOMEM. */
int http_gzip_weaken(struct http_buffer *lines);

/* The headers of one that is compressed. 0 or -ENOMEM. */
int http_gzip_set_coding(struct http_buffer *lines);

/* Whether so much was compressed that others have their turn; it begins anew then. `gzip` may be
 * NULL. */
static inline bool
http_gzip_is_tired(struct http_gzip *gzip)
{
    if (!gzip || gzip->worked < HTTP_GZIP_STEP)
        return false;
    gzip->worked = 0;
    return true;
}

/* A stream from the beginning; NULL without memory, or while all there may be are in use. */
struct http_gzip_stream *http_gzip_take(struct http_gzip *gzip, int level);
void http_gzip_give(struct http_gzip *gzip, struct http_gzip_stream *stream);

/* Compress HTTP_GZIP_STEP bytes at most, all at once, into gzip->out. Returns the bytes that come
 * of it; 0 where these are not fewer, or without a stream. */
size_t http_gzip_whole(struct http_gzip *gzip, int level, const char *data, size_t len);
