#include "push/lane_parts.h"

#include <errno.h>
#include <stdlib.h>

#include <goevd/metrics.h>

#define RING_MIN 256 /* smallest capacity of the ring */

static int
push_lane_grow(struct push_lane *lane)
{
    size_t capacity = lane->capacity ? lane->capacity * 2 : RING_MIN;
    struct push_entry *entries = malloc(capacity * sizeof(*entries));

    if (!entries)
        return -ENOMEM;
    for (size_t i = 0; i < lane->count; i++)
        entries[i] = lane->entries[(lane->first + i) & (lane->capacity - 1)];
    free(lane->entries);
    lane->entries = entries;
    lane->capacity = capacity;
    lane->first = 0;
    return 0;
}

/* Shrink the ring after a burst. */
static void
push_lane_shrink(struct push_lane *lane)
{
    if (lane->count > 0 || lane->capacity <= RING_MIN)
        return;
    free(lane->entries);
    lane->entries = NULL;
    lane->capacity = lane->first = 0;
}

int
push_lane_expect(struct push_lane *lane, const struct push_entry *e)
{
    if (lane->count == lane->capacity && push_lane_grow(lane) < 0)
        return -ENOMEM;
    lane->entries[(lane->first + lane->count++) & (lane->capacity - 1)] = *e;
    if (e->client)
        e->client->unanswered += e->lines;
    return 0;
}

int
push_lane_expect_first(struct push_lane *lane, const struct push_entry *e)
{
    if (lane->count == lane->capacity && push_lane_grow(lane) < 0)
        return -ENOMEM;
    lane->first = (lane->first - 1) & (lane->capacity - 1);
    lane->entries[lane->first] = *e;
    lane->count++;
    return 0;
}

void
push_lane_forget_last(struct push_lane *lane)
{
    struct push_entry *e = &lane->entries[(lane->first + --lane->count) & (lane->capacity - 1)];

    if (e->client)
        e->client->unanswered -= e->lines;
}

static void
push_lane_count(struct push_lane *lane, unsigned lines, bool pushed)
{
    const struct push_instance *i = lane->instance;

    goevd_metric_add(i->self, lane->poller, pushed ? i->acknowledged : i->failed, lines);
}

void
push_lane_answer(struct push_lane *lane, const char *sentence)
{
    bool own;

    do {
        struct push_entry e = lane->entries[lane->first];

        lane->first = (lane->first + 1) & (lane->capacity - 1);
        lane->count--;
        lane->answered++;
        if (!e.sentence)
            e.sentence = sentence;
        if (e.client) {
            push_lane_count(lane, e.lines, !e.sentence);
            push_client_answered(e.client, e.lines, e.sentence);
        }
        own = lane->count > 0 && lane->entries[lane->first].sentence;
    } while (own);
    push_lane_shrink(lane);
}

void
push_lane_fail(struct push_lane *lane, const char *sentence)
{
    push_queue_clear(&lane->queue);
    while (lane->count > 0)
        push_lane_answer(lane, sentence);
}
