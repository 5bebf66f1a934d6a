#include "plug/loader/framing.h"

#include <errno.h>

#include <goevd/framing.h>

#include "base/util.h"

/* The flags that mean something, by type. */
static const unsigned framing_flags[] = {
    [GOEVD_FRAMING_LINES] = GOEVD_FRAMING_CRLF,
    [GOEVD_FRAMING_DELIMITER] = 0,
    [GOEVD_FRAMING_LENGTH] = GOEVD_FRAMING_LITTLE | GOEVD_FRAMING_INCLUSIVE,
};

static int
framing_check_type(const struct goevd_framing *f, const char *path, struct err *reterr)
{
    if (f->version.size < sizeof(*f))
        return err_set(
            reterr, -ELIBBAD,
            "%s: its goevd_framing has %u bytes, too few for ABI %d.%d; fill its version "
            "with GOEVD_VERSION_OF()",
            path, f->version.size, GOEVD_ABI_MAJOR, GOEVD_ABI_MINOR);
    if (f->type < GOEVD_FRAMING_LINES || f->type > GOEVD_FRAMING_LENGTH)
        return err_set(reterr, -ELIBBAD,
                       "%s: goevd_framing.type is %d, which this goevd does not have; see enum "
                       "goevd_framing_type",
                       path, (int)f->type);
    if (f->flags & ~framing_flags[f->type])
        return err_set(
            reterr, -ELIBBAD,
            "%s: goevd_framing.flags has bits (%#x) that mean nothing for this type; see "
            "enum goevd_framing_flags",
            path, f->flags & ~framing_flags[f->type]);
    return 0;
}

static int
framing_check_size(const struct goevd_framing *f, const char *path, struct err *reterr)
{
    size_t delimiter = f->delimiter.data ? f->delimiter.len : 0;
    unsigned n = f->length_bytes;

    if (f->type == GOEVD_FRAMING_DELIMITER && (delimiter < 1 || delimiter > GOEVD_DELIMITER_MAX))
        return err_set(reterr, -ELIBBAD,
                       "%s: goevd_framing.delimiter has %zu bytes; give it 1 to %d", path,
                       delimiter, GOEVD_DELIMITER_MAX);
    if (f->type == GOEVD_FRAMING_LENGTH && n != 1 && n != 2 && n != 4 && n != 8)
        return err_set(reterr, -ELIBBAD,
                       "%s: goevd_framing.length_bytes is %u; make it 1, 2, 4 or 8", path, n);
    return 0;
}

int
framing_check(const struct goevd_stream *stream, const char *path, struct err *reterr)
{
    int r;

    if (!stream->framing && stream->on_frame)
        return err_set(reterr, -ELIBBAD,
                       "%s: goevd_stream.on_frame is set and framing is NULL; set it too", path);
    if (!stream->framing && !stream->on_read)
        return err_set(reterr, -ELIBBAD, "%s: goevd_stream.on_read is NULL; set it", path);
    if (!stream->framing)
        return 0;
    if (!stream->on_frame)
        return err_set(reterr, -ELIBBAD,
                       "%s: goevd_stream.framing is set and on_frame is NULL; set it too", path);
    if (stream->on_read)
        return err_set(reterr, -ELIBBAD,
                       "%s: goevd_stream.framing is set, so that on_read would never be called; "
                       "leave one of them NULL",
                       path);
    r = framing_check_type(stream->framing, path, reterr);
    return r < 0 ? r : framing_check_size(stream->framing, path, reterr);
}
