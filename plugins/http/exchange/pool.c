/* The pool of exchanges: they are reused by their poller's requests. An exchange keeps its slot for
 * life, and gets a new id for each request. */
#include <stdlib.h>
#include <string.h>

#include <goevd/poller.h>

#include "http/exchange/exchange.h"

/* Most free exchanges that keep their buffers; any others keep the struct only. */
#define EXCHANGE_SPARE_MAX 32

static struct http_exchange *
http_exchange_new(struct http_local *local)
{
    struct http_exchange *x = calloc(1, sizeof(*x) + local->link_size);
    struct http_exchange_slot *slots;

    if (!x || local->slot_count == HTTP_EXCHANGE_SLOTS_MAX)
        goto no_memory;
    if ((local->slot_count & (local->slot_count - 1)) == 0) {
        slots = reallocarray(local->slots, MAX(local->slot_count * 2, 1), sizeof(*slots));
        if (!slots)
            goto no_memory;
        local->slots = slots;
    }
    x->slot = (uint32_t)local->slot_count++;
    local->slots[x->slot] = (struct http_exchange_slot){x, 1};
    x->local = local;
    return x;

no_memory:
    free(x);
    return NULL;
}

struct http_exchange *
http_exchange_take(struct http_local *local, const struct http_wire *wire)
{
    struct http_exchange *x = local->free;

    if (x) {
        local->free = x->next;
        local->free_count--;
    } else {
        x = http_exchange_new(local);
    }
    if (x && x->wire != wire) {
        if (x->wire)
            x->wire->reset(x, 0);
        memset(x->link, 0, local->link_size);
        x->wire = wire;
    }
    return x;
}

/* Free buffers larger than `keep` bytes. */
static void
http_exchange_trim(struct http_exchange *x, size_t keep)
{
    http_buffer_clear(&x->body.gathered, keep);
    http_buffer_clear(&x->body.trailers, keep);
    http_buffer_clear(&x->reply.fields, keep);
    http_buffer_clear(&x->user, keep);
    x->wire->reset(x, keep);
    if (x->state_room <= keep)
        return;
    free(x->state);
    x->state = NULL;
    x->state_room = 0;
}

void
http_exchange_free_all(struct http_local *local)
{
    for (size_t i = 0; i < local->slot_count; i++) {
        struct http_exchange *x = local->slots[i].exchange;

        http_exchange_trim(x, 0);
        free(x);
    }
    free(local->slots);
}

void
http_exchange_reset(struct http_exchange *x)
{
    struct http_local *local = x->local;

    if (x->flags & HTTP_X_NAMED)
        local->slots[x->slot].generation++;
    http_exchange_trim(x, local->free_count < EXCHANGE_SPARE_MAX ? HTTP_EXCHANGE_KEEP_BYTES : 0);
    x->flags = 0;
    x->verdict = 0;
    x->reply.status = 0;
    x->reply.sent = 0;
    x->begun_ns = 0;
    x->info.id_len = 0;
}

void
http_exchange_release(struct http_exchange *x)
{
    struct http_local *local = x->local;

    http_exchange_reset(x);
    x->next = local->free;
    local->free = x;
    local->free_count++;
}

int
http_exchange_clear_state(struct http_exchange *x)
{
    size_t size = x->handler->chain->state_size;

    if (x->state_room < size) {
        char *state = realloc(x->state, size);

        if (!state)
            return -ENOMEM;
        x->state = state;
        x->state_room = size;
    }
    if (size != 0)
        memset(x->state, 0, size);
    return 0;
}

/* ---- Ids ------------------------------------------------------------------------------------- */

uint64_t
http_exchange_number(struct http_exchange *x)
{
    uint64_t at = (uint64_t)(x->handler - x->handler->chain->all);

    x->flags |= HTTP_X_NAMED;
    return (uint64_t)goevd_poller_index(x->local->poller) << 56 | (uint64_t)x->slot << 36 |
           at << 32 | x->local->slots[x->slot].generation;
}

struct http_exchange *
http_exchange_find(struct http_local *local, uint64_t number)
{
    size_t slot = number >> 36 & (HTTP_EXCHANGE_SLOTS_MAX - 1);
    struct http_exchange *x;

    if (slot >= local->slot_count || local->slots[slot].generation != (uint32_t)number)
        return NULL;
    x = local->slots[slot].exchange;
    return (uint64_t)(x->handler - x->handler->chain->all) == (number >> 32 & 15) ? x : NULL;
}
