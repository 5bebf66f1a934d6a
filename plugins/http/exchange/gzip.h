/* `gzip:` - compressed content of handlers' replies, RFC 9110 section 8.4.1.3: which replies, and
 * the streams of zlib that a poller has for it. */
#pragma once

#include <zlib.h>

#include <goevd/plugin.h>

#include "http/message/lines.h"
#include "http/options.h"

/* Bytes that are compressed in one go; with more, others have their turn in between. */
#define GZIP_STEP ((size_t)65536)

/* Streams that are kept for the next reply; each has some 260 KiB. */
#define GZIP_SPARE_MAX 2

struct gzip_stream {
    z_stream z;
    struct gzip_stream *next; /* free */
};

/* One poller's. */
struct gzip {
    unsigned max; /* streams */
    struct gzip_stream *free;
    unsigned free_count;
    unsigned count;
    char out[GZIP_STEP]; /* what has just been compressed */
    char in[GZIP_STEP];  /* of a file */
};

/* What the schema cannot say, of the options at `path`; `o` may be NULL. 0, or -EINVAL after
 * goevd_refuse(). */
int gzip_check(struct goevd_self *self, const char *path, const struct options_gzip *o);

/* NULL without memory. */
struct gzip *gzip_new(unsigned max);
void gzip_free(struct gzip *gzip);

/* Whether a reply is one that may be compressed, whoever asks.
 *
 * type    of its content; empty: it is in `lines`, or nowhere.
 * length  of its content; GOEVD_HTTP_LENGTH_UNKNOWN.
 * lines   its other headers.
 */
bool gzip_applies(const struct options_gzip *o, int status, struct span type, uint64_t length,
                  const struct buffer *lines);

/* The headers of one that depends on whether the client takes gzip. 0 or -ENOMEM. */
int gzip_set_vary(struct buffer *lines);

/* An ETag in them is no longer that of these bytes: let it be a weak one, section 8.8.1. 0 or
 * -ENOMEM. */
int gzip_weaken(struct buffer *lines);

/* The headers of one that is compressed. 0 or -ENOMEM. */
int gzip_set_coding(struct buffer *lines);

/* A stream from the beginning; NULL without memory, or while all there may be are in use. */
struct gzip_stream *gzip_take(struct gzip *gzip, int level);
void gzip_give(struct gzip *gzip, struct gzip_stream *stream);

/* Compress GZIP_STEP bytes at most, all at once, into gzip->out. Returns the bytes that come of it;
 * 0 where these are not fewer, or without a stream. */
size_t gzip_whole(struct gzip *gzip, int level, const char *data, size_t len);
