#include "http/h1/prepared/prerendered.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* Update the date, and arm the timer for the next second. */
static int
http_prerendered_take_date(struct http_prerendered_set *set)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    http_date_format(now.tv_sec, set->date);
    set->used = false;
    return goevd_timer_arm(set->timer, NS_PER_S - (uint64_t)now.tv_nsec, 0);
}

/* A second has passed. If no reply was sent in it, the timer sleeps until the next reply. */
static void
http_prerendered_tick(struct goevd_timer *timer, void *arg)
{
    struct http_prerendered_set *set = arg;

    (void)timer;
    if (++set->tick == 0)
        set->tick = 1;
    if (set->ticked)
        set->ticked(set->ticked_arg);
    set->asleep = !set->used || http_prerendered_take_date(set) < 0;
}

int
http_prerendered_set_init(struct http_prerendered_set *set, struct goevd_poller *poller,
                          const struct http_routes *routes, struct http_span server)
{
    *set = (struct http_prerendered_set){
        .routes = routes, .server = server, .tick = 1, .asleep = true};
    set->all = calloc(routes->replies.count * HTTP_PERSIST_COUNT, sizeof(*set->all));
    set->timer = goevd_timer_new(poller, http_prerendered_tick, set);
    if (set->all && set->timer)
        return 0;
    http_prerendered_set_fini(set);
    return -ENOMEM;
}

void
http_prerendered_set_fini(struct http_prerendered_set *set)
{
    for (size_t i = 0; set->all && i < set->routes->replies.count * HTTP_PERSIST_COUNT; i++)
        free(set->all[i].data);
    free(set->all);
    if (set->timer)
        goevd_timer_free(set->timer);
    *set = (struct http_prerendered_set){0};
}

static int
http_prerendered_render(const struct http_prerendered_set *set, struct http_prerendered *k,
                        const struct http_reply *reply, enum http_persist persist)
{
    bool apart = reply->body.len > HTTP_PRERENDERED_BODY_MAX;
    size_t body_len = apart ? 0 : reply->body.len;
    size_t date_at;
    size_t head_len;
    char *data = malloc(http_head_max(reply, set->server) + body_len);

    if (!data)
        return -ENOMEM;
    head_len = http_head_render(data, reply, set->server, persist, set->date, &date_at);
    if (body_len != 0)
        memcpy(data + head_len, reply->body.data, body_len);
    *k = (struct http_prerendered){
        .data = data,
        .len = (uint32_t)(head_len + body_len),
        .head_len = (uint32_t)head_len,
        .count_at = reply->count_at,
        .date_at = (uint16_t)date_at,
        .apart = apart,
        .measured = set->routes->handlers.measured,
        .special = apart || set->routes->handlers.measured,
    };
    return 0;
}

int
http_prerendered_wake(struct http_prerendered_set *set)
{
    if (set->asleep && http_prerendered_take_date(set) < 0)
        return -ENOMEM;
    set->asleep = false;
    set->used = true;
    return 0;
}

const struct http_prerendered *
http_prerendered_refresh(struct http_prerendered_set *set, unsigned reply,
                         enum http_persist persist)
{
    struct http_prerendered *k = &set->all[reply * HTTP_PERSIST_COUNT + persist];

    if (http_prerendered_wake(set) < 0)
        return NULL;
    if (k->tick != 0)
        memcpy(k->data + k->date_at, set->date, HTTP_DATE_LEN);
    else if (http_prerendered_render(set, k, &set->routes->replies.all[reply], persist) < 0)
        return NULL;
    k->tick = set->tick;
    return k;
}
