/* Heads of replies that handlers give: one for each status and type of content, rendered once for
 * each poller and used again, so that a reply costs little more than copying it. What its present
 * Content-Length is stays in it, for many replies are as long as the one before. */
#pragma once

#include "http/h1/prerendered.h"

#define HEADS_COUNT 64
#define HEADS_TYPE_MAX 63

struct head {
    uint32_t key;        /* heads_key(); 0: nothing is here */
    uint32_t tick;       /* of its date, as in struct canned */
    uint32_t date_at;    /* where in it its Date stands */
    uint32_t prefix_len; /* up to Content-Length */
    uint32_t len;        /* with the Content-Length of body_len and the empty line */
    char type[HEADS_TYPE_MAX + 1];
    uint64_t body_len;  /* UINT64_MAX: none yet */
    uint64_t quick_len; /* the same where heads_is_quick() knows type and body; UINT64_MAX */
    char *data;
};

/* One poller's. */
struct heads {
    struct canned_set *canned; /* whose date it is */
    struct head *last;         /* the one that was used last, in this second; never NULL */
    struct head none;          /* that fits nothing */
    struct head all[HEADS_COUNT];
};

/* All are empty. */
void heads_init(struct heads *heads, struct canned_set *canned);
void heads_fini(struct heads *heads);

/* The head for a status and type of content; of HEADS_TYPE_MAX bytes at most, "" for none. It is
 * the last from now on. NULL without memory. */
cold struct head *heads_get(struct heads *heads, int status, const char *type, size_t type_len);

/* Let it be followed by that many bytes; -EINVAL if the status has no content. */
cold int heads_set_length(struct head *h, uint64_t body_len);

/* Another second: no head is up to date any more. */
static inline void
heads_forget(struct heads *heads)
{
    heads->last = &heads->none;
}

/* Status and length of the type. */
hot uint32_t
heads_key(int status, size_t type_len)
{
    return (uint32_t)type_len << 16 | (uint32_t)status;
}

/* Whether the last head is what is wanted, and complete with that length. */
static inline bool
heads_is_last(const struct heads *heads, int status, const char *type, size_t type_len, size_t len)
{
    const struct head *h = heads->last;

    return h->key == heads_key(status, type_len) && h->body_len == len &&
           memcmp(h->type, type, type_len) == 0;
}

/* Bytes of a type, and of a body, that are looked at and copied without a call; nearly all types
 * have as many. */
#define HEADS_QUICK_MIN 8
#define HEADS_QUICK_MAX 32

hot bool
heads_quick(size_t len)
{
    return len - HEADS_QUICK_MIN <= HEADS_QUICK_MAX - HEADS_QUICK_MIN;
}

/* heads_is_last(), and type and body have such a length. */
hot bool
heads_is_quick(const struct heads *heads, int status, const char *type, size_t type_len, size_t len)
{
    const struct head *h = heads->last;
    const char *a = h->type;
    uint64_t differ = 0;

    if (h->key != heads_key(status, type_len) || h->quick_len != len)
        return false;
    if (type_len > 16)
        differ = (load64(a + 8) ^ load64(type + 8)) |
                 (load64(a + type_len - 16) ^ load64(type + type_len - 16));
    return (differ | (load64(a) ^ load64(type)) |
            (load64(a + type_len - 8) ^ load64(type + type_len - 8))) == 0;
}
