#include "websocket/message/deflate.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#define ZLIB_CONST
#include <zlib.h>

#define WINDOW_MAX 32768

/* The bytes that end each compressed message and are not sent, RFC 7692 section 7.2.1. */
static const char deflate_tail[4] = {0, 0, (char)0xff, (char)0xff};

/* ---- Inflating ------------------------------------------------------------------------------- */

struct ws_inflater {
    z_stream z;
    bool begun; /* input was fed since the last end of a message, or of a stream within it */
};

struct ws_inflater *
ws_inflater_new(unsigned bits)
{
    struct ws_inflater *i = calloc(1, sizeof(*i));

    if (!i || inflateInit2(&i->z, -(int)bits) == Z_OK)
        return i;
    free(i);
    return NULL;
}

void
ws_inflater_free(struct ws_inflater *i)
{
    if (i)
        (void)inflateEnd(&i->z);
    free(i);
}

void
ws_inflater_reset(struct ws_inflater *i, unsigned bits)
{
    (void)inflateReset2(&i->z, -(int)bits);
    i->begun = false;
}

void
ws_inflater_feed(struct ws_inflater *i, const char *data, size_t len)
{
    i->z.next_in = (const Bytef *)data;
    i->z.avail_in = (uInt)len;
    i->begun = i->begun || len != 0;
}

/* Without a final block, append the removed tail. A message that ends with a final block, or is
 * empty, is complete. */
void
ws_inflater_feed_end(struct ws_inflater *i)
{
    if (i->begun)
        ws_inflater_feed(i, deflate_tail, sizeof(deflate_tail));
}

/* A final block ends a stream of zlib, but not the message. The blocks behind it may refer to data
 * before it, section 7.2.3.4, so the window is kept. */
static int
ws_inflater_go_on(struct ws_inflater *i)
{
    Bytef window[WINDOW_MAX];
    uInt len = 0;
    int r = inflateGetDictionary(&i->z, window, &len);

    if (r == Z_OK)
        r = inflateReset(&i->z);
    if (r == Z_OK)
        r = inflateSetDictionary(&i->z, window, len);
    i->begun = i->z.avail_in != 0;
    return r;
}

ptrdiff_t
ws_inflater_take(struct ws_inflater *i, char *to, size_t room)
{
    int r;

    i->z.next_out = (Bytef *)to;
    i->z.avail_out = room > UINT_MAX ? UINT_MAX : (uInt)room;
    do {
        r = inflate(&i->z, Z_SYNC_FLUSH);
        if (r == Z_STREAM_END)
            r = ws_inflater_go_on(i);
    } while (r == Z_OK && i->z.avail_in != 0 && i->z.next_out == (Bytef *)to);
    if (r != Z_OK && r != Z_BUF_ERROR)
        return r == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
    return (char *)i->z.next_out - to;
}

#define TYPE_BITS 63   /* bits of data_type: number of unused bits in the last byte */
#define TYPE_BLOCK 128 /* bit of data_type: at the boundary of two blocks */

bool
ws_inflater_end(struct ws_inflater *i)
{
    bool whole = !i->begun || (i->z.data_type & (TYPE_BITS | TYPE_BLOCK)) == TYPE_BLOCK;

    i->begun = false;
    return whole;
}

/* ---- Deflating ------------------------------------------------------------------------------- */

struct ws_deflater {
    z_stream z;
};

/* The hash tables grow with the window; the smallest has 1 KiB. */
struct ws_deflater *
ws_deflater_new(unsigned bits, int level)
{
    struct ws_deflater *d = calloc(1, sizeof(*d));

    if (!d || deflateInit2(&d->z, level, Z_DEFLATED, -(int)bits, (int)bits - 7,
                           Z_DEFAULT_STRATEGY) == Z_OK)
        return d;
    free(d);
    return NULL;
}

void
ws_deflater_free(struct ws_deflater *d)
{
    if (d)
        (void)deflateEnd(&d->z);
    free(d);
}

void
ws_deflater_reset(struct ws_deflater *d)
{
    (void)deflateReset(&d->z);
}

/* Compress up to a byte boundary. Returns the bytes written, with the tail; 0: too little room. */
static size_t
ws_deflater_flush(struct ws_deflater *d, const char *data, size_t len, char *to, size_t room)
{
    z_stream *z = &d->z;

    if (len > UINT_MAX || room > UINT_MAX)
        return 0;
    z->next_in = (const Bytef *)data;
    z->avail_in = (uInt)len;
    z->next_out = (Bytef *)to;
    z->avail_out = (uInt)room;
    return deflate(z, Z_SYNC_FLUSH) == Z_OK && z->avail_out != 0 ? room - z->avail_out : 0;
}

size_t
ws_deflater_message(struct ws_deflater *d, const char *data, size_t len, char *to)
{
    size_t n = ws_deflater_flush(d, data, len, to, len);

    if (n != 0)
        return n - sizeof(deflate_tail);
    ws_deflater_reset(d);
    return 0;
}

/* zlib does not flush twice in succession. In that case an empty block ends the message, section
 * 7.2.3.6. */
size_t
ws_deflater_part(struct ws_deflater *d, const char *data, size_t len, bool last, char *to)
{
    size_t n;

    if (len == 0) {
        to[0] = 0;
        return last ? 1 : 0;
    }
    n = ws_deflater_flush(d, data, len, to, WS_DEFLATED_MAX(len));
    assert(n > sizeof(deflate_tail));
    return last ? n - sizeof(deflate_tail) : n;
}
