#include "base/text.h"
#include "net/conn/conn_parts.h"

void
conn_row_take(const struct conn *c, struct conn_row *ret)
{
    const struct net *net = c->service->net;

    *ret = (struct conn_row){
        .id = c->watch.id,
        .listener = c->service->listener,
        .plugin = c->service->owner ? c->service->owner->plugin : "",
        .age_ns = (uint64_t)(conn_age_clock(net) - c->timer.note) << 26,
        .idle_ns = net_since_tick_ns(net, c->active_tick),
        .bytes_in = c->bytes_in,
        .bytes_out = c->bytes_out,
        .queued = conn_queued(c),
        .flags = c->flags,
    };
    ret->peer.len = conn_peer_address(c, &ret->peer.storage);
    ret->local.len = conn_local_address(c, &ret->local.storage);
}

const char *
conn_row_state(uint32_t flags, char buf[CONN_ROW_STATE_MAX])
{
    static const struct {
        uint32_t flag;
        const char *word;
    } words[] = {
        {CONN_PAUSED, "paused"},       {CONN_THROTTLED, "throttled"}, {CONN_BLOCKED, "blocked"},
        {CONN_DISK, "disk"},           {CONN_REFUSED, "refused"},     {CONN_EOF, "eof"},
        {CONN_SHUT, "shut"},           {CONN_STOPPING, "stopping"},   {CONN_CLOSING, "closing"},
        {CONN_LINGERING, "lingering"},
    };
    struct text t = {.data = buf, .size = CONN_ROW_STATE_MAX - 1};

    if (!(flags & CONN_OPENED))
        text_add(&t, "opening");
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (flags & words[i].flag) {
            text_add(&t, t.len ? "," : "");
            text_add(&t, words[i].word);
        }
    if (t.len == 0)
        text_add(&t, "-");
    buf[t.len] = '\0';
    return buf;
}
