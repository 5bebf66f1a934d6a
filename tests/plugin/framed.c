/* Commands in frames, answered in frames; built with one framing as framed_lines and with another
 * as framed_length:
 *
 *   echo TEXT    the text
 *   send TEXT    the text, by goevd_send_frame(), then a frame "sent RESULT"
 *   wrong TEXT   the text twice, with the line's end between, then the result of that
 *   batch TEXT   nothing, until a frame without GOEVD_FRAME_MORE: then how many of them there were,
 *                and the texts
 *   pause        pauses, resumes after 20 ms
 *   need         asks for 60000 bytes more at once, which is for on_read alone
 *
 * A malformed frame is answered with "error NUMBER TEXT", and closed.
 */
#include <stdio.h>
#include <stdlib.h>

#include <goevd/conn.h>
#include <goevd/framing.h>

#include "plain.h"

#define BATCH_MAX 8
#define TEXT_MAX 1000
#define MS UINT64_C(1000000)

#ifdef FRAMED_LENGTH
#define NAME "framed_length"
static const struct goevd_framing framing = {
    .version = GOEVD_VERSION_OF(struct goevd_framing),
    .type = GOEVD_FRAMING_LENGTH,
    .length_bytes = 2,
};
#else
#define NAME "framed_lines"
static const struct goevd_framing framing = {
    .version = GOEVD_VERSION_OF(struct goevd_framing),
    .type = GOEVD_FRAMING_LINES,
    .flags = GOEVD_FRAMING_CRLF,
};
#endif

struct framed {
    struct goevd_self *self;
    uint64_t cookie;
};

struct conn {
    const char *batch[BATCH_MAX];
    size_t lens[BATCH_MAX];
    unsigned count;
};

static int
framed_say_batch(struct goevd_conn *c, struct conn *conn)
{
    char text[BATCH_MAX * 64];
    int n = snprintf(text, sizeof(text), "%u", conn->count);

    for (unsigned i = 0; i < conn->count; i++)
        n += snprintf(text + n, sizeof(text) - (size_t)n, " %.*s", (int)conn->lens[i],
                      conn->batch[i]);
    conn->count = 0;
    return goevd_conn_write_frame(c, text, (size_t)n);
}

static int
framed_batch(struct goevd_conn *c, struct conn *conn, const char *text, size_t len, unsigned flags)
{
    conn->batch[conn->count] = text; /* valid until a frame comes without MORE */
    conn->lens[conn->count++] = len;
    return flags & GOEVD_FRAME_MORE && conn->count < BATCH_MAX ? 0 : framed_say_batch(c, conn);
}

static int
framed_wrong(struct goevd_conn *c, const char *text, size_t len)
{
    char twice[2 * TEXT_MAX + 1];
    int n = snprintf(twice, sizeof(twice), "%.*s\n%.*s", (int)len, text, (int)len, text);
    int r = goevd_conn_write_frame(c, twice, (size_t)n);

    n = snprintf(twice, sizeof(twice), "%d", r);
    return goevd_conn_write_frame(c, twice, (size_t)n);
}

static int
framed_command(struct goevd_conn *c, void *state, const char *data, size_t len, unsigned flags)
{
    struct framed *f = goevd_conn_instance(c);
    size_t left = len > 5 ? len - 5 : 0;
    const char *text = data + len - left;

    if (left > TEXT_MAX)
        return -EMSGSIZE;
    if (len >= 5 && memcmp(data, "echo ", 5) == 0)
        return goevd_conn_write_frame(c, text, left);
    if (len >= 5 && memcmp(data, "send ", 5) == 0)
        return goevd_send_frame(f->self, goevd_conn_id(c), text, left, ++f->cookie);
    if (len >= 6 && memcmp(data, "wrong ", 6) == 0)
        return framed_wrong(c, text + 1, left - 1);
    if (len >= 6 && memcmp(data, "batch ", 6) == 0)
        return framed_batch(c, state, text + 1, left - 1, flags);
    if (len == 5 && memcmp(data, "pause", 5) == 0) {
        goevd_conn_pause(c);
        return goevd_conn_timer_arm(c, 1, 20 * MS, 0);
    }
    if (len == 4 && memcmp(data, "need", 4) == 0) {
        goevd_conn_need(c, 60000);
        return 0;
    }
    return -EPROTO;
}

static int
framed_error(struct goevd_conn *c, void *state, const char *data, size_t len, int error)
{
    char text[64];
    int n = snprintf(text, sizeof(text), "error %d %.*s", error, (int)(len < 20 ? len : 20), data);

    (void)state;
    goevd_conn_write_frame(c, text, (size_t)n);
    return error;
}

static int
framed_timeout(struct goevd_conn *c, void *state, uint64_t cookie)
{
    (void)state, (void)cookie;
    goevd_conn_resume(c);
    return 0;
}

static void
framed_sent(void *instance, uint64_t conn_id, uint64_t cookie, int result)
{
    struct framed *f = instance;
    char text[32];
    int n = snprintf(text, sizeof(text), "sent %d", result);

    if (cookie > 0) /* not of this answer itself */
        goevd_send_frame(f->self, conn_id, text, (size_t)n, 0);
}

static const struct goevd_stream framed_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .conn_size = sizeof(struct conn),
    .on_timeout = framed_timeout,
    .on_sent = framed_sent,
    .framing = &framing,
    .on_frame = framed_command,
    .on_frame_error = framed_error,
};

static int
framed_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    struct framed *f = calloc(1, sizeof(*f));

    (void)options;
    if (!f)
        return -ENOMEM;
    f->self = self;
    *ret_instance = f;
    return 0;
}

static void
framed_destroy(void *instance)
{
    free(instance);
}

static const void *
framed_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &framed_stream : NULL;
}

GOEVD_PLUGIN(.name = NAME, .description = "answers frames", .create = framed_create,
             .destroy = framed_destroy, .interface = framed_interface);
