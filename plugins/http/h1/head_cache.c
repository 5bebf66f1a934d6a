#include "http/h1/head_cache.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "http/message/verdict.h"

void
heads_init(struct heads *heads, struct canned_set *canned)
{
    *heads = (struct heads){.canned = canned};
    canned->heads = heads;
    heads_forget(heads);
}

void
heads_fini(struct heads *heads)
{
    for (size_t i = 0; i < HEADS_COUNT; i++)
        free(heads->all[i].data);
    *heads = (struct heads){0};
}

int
heads_set_length(struct head *h, uint64_t body_len)
{
    char *p = h->data + h->prefix_len;
    unsigned status = h->key & 0xffff;

    if (!http_reply_has_body((int)status) || status == 205)
        return -EINVAL;
    p += http_reply_length(p, body_len);
    p += http_reply_end(p, HTTP_PERSIST);
    h->len = (uint32_t)(p - h->data);
    h->body_len = body_len;
    h->quick_len = heads_quick(h->key >> 16) && heads_quick(body_len) ? body_len : UINT64_MAX;
    return 0;
}

static int
heads_render(struct heads *heads, struct head *h, int status, const char *type, size_t type_len)
{
    struct span server = heads->canned->server;
    size_t size =
        HTTP_REPLY_FIXED_MAX + HEADS_TYPE_MAX + strlen(http_status_phrase(status)) + server.len;
    char *data = realloc(h->data, size);
    size_t date_at;
    char *p;

    if (data == NULL)
        return -ENOMEM;
    p = data +
        http_reply_begin(data, status, server, (struct span){0}, heads->canned->date, &date_at);
    if (type_len != 0) {
        memcpy(p, "Content-Type: ", strlen("Content-Type: "));
        p += strlen("Content-Type: ");
        memcpy(p, type, type_len);
        p += type_len;
        memcpy(p, "\r\n", 2);
        p += 2;
    }
    h->data = data;
    memcpy(h->type, type, type_len);
    h->date_at = (uint32_t)date_at;
    h->prefix_len = (uint32_t)(p - data);
    h->body_len = h->quick_len = UINT64_MAX;
    return 0;
}

/* Where it is, or can be. */
static struct head *
heads_place(struct heads *heads, int status, const char *type, size_t type_len)
{
    unsigned last = type_len != 0 ? (uint8_t)type[type_len - 1] : 0;

    return &heads->all[((unsigned)status + (unsigned)type_len * 7 + last) % HEADS_COUNT];
}

struct head *
heads_get(struct heads *heads, int status, const char *type, size_t type_len)
{
    struct head *h = heads_place(heads, status, type, type_len);
    uint32_t key = heads_key(status, type_len);

    assert(type_len <= HEADS_TYPE_MAX);
    if (canned_wake(heads->canned) < 0)
        return NULL;
    if (h->key != key || memcmp(h->type, type, type_len) != 0) {
        if (heads_render(heads, h, status, type, type_len) < 0)
            return NULL;
    } else if (h->tick != heads->canned->tick) {
        memcpy(h->data + h->date_at, heads->canned->date, HTTP_DATE_LEN);
    }
    h->key = key;
    h->tick = heads->canned->tick;
    heads->last = h;
    return h;
}
