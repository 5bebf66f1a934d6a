#include "http/log/request_info.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "http/log/access.h"
#include "http/message/chars.h"
#include "http/message/rows.h"
#include "http/message/semantics.h"

/* ---- Options --------------------------------------------------------------------------------- */

static int
mark_trust_init(struct mark_trust *trust, struct goevd_self *self, const char *at,
                const struct goevd_list *from)
{
    const struct goevd_str *texts = from->items;
    char reason[256], path[64];

    trust->networks = calloc(MAX(from->count, 1), sizeof(*trust->networks));
    if (trust->networks == NULL)
        return -ENOMEM;
    trust->count = from->count;
    for (size_t i = 0; i < from->count; i++) {
        if (goevd_network_parse(texts[i].data, &trust->networks[i], reason, sizeof(reason)) == 0)
            continue;
        snprintf(path, sizeof(path), "%s.from[%zu]", at, i);
        return goevd_refuse(self, path, "%s", reason);
    }
    return 0;
}

static int
mark_check_header(struct goevd_self *self, struct goevd_str name)
{
    if (http_field_name_valid(name.data, name.len) && !http_field_is_ours(name.data, name.len))
        return 0;
    return goevd_refuse(self, "request_id.header", "\"%s\" is no name for a header of one's own",
                        name.data);
}

int
mark_init(struct http *http)
{
    const struct options *o = http->options;
    int r = 0;

    if (o->request_id != NULL)
        r = mark_check_header(http->self, o->request_id->header);
    if (r == 0 && o->request_id != NULL)
        r = mark_trust_init(&http->id_from, http->self, "request_id", &o->request_id->from);
    if (r == 0 && o->forwarded != NULL)
        r = mark_trust_init(&http->forwarded_from, http->self, "forwarded", &o->forwarded->from);
    if (o->access_log != NULL || o->request_id != NULL || o->forwarded != NULL ||
        o->requests_max != 0 || o->worker_requests_max != 0)
        http->limits.flags |= HTTP_MARKED;
    return r;
}

void
mark_fini(struct http *http)
{
    free(http->id_from.networks);
    free(http->forwarded_from.networks);
}

int
mark_local_init(struct http_local *local)
{
    if (local->http->options->request_id == NULL)
        return 0;
    return getrandom(local->id_base, sizeof(local->id_base), 0) < 0 ? -errno : 0;
}

/* ---- Whom it is for -------------------------------------------------------------------------- */

static bool
mark_trusts(const struct mark_trust *trust, const struct sockaddr *sa)
{
    return goevd_network_any(trust->networks, trust->count, sa);
}

static void
mark_peer(struct goevd_conn *c, union forwarded_address *ret)
{
    struct sockaddr_storage peer;

    goevd_conn_peer_address(c, &peer);
    if (peer.ss_family == AF_INET || peer.ss_family == AF_INET6)
        memcpy(ret, &peer, sizeof(*ret));
    else
        *ret = (union forwarded_address){.sa.sa_family = peer.ss_family};
}

/* From us back to the first who is no proxy of ours, whatever he says of others. */
static void
mark_follow(const struct http_local *local, union forwarded_address *client)
{
    const struct mark_trust *trust = &local->http->forwarded_from;
    struct forwarded_hops hops;
    size_t last;

    if (trust->count == 0 || !mark_trusts(trust, &client->sa))
        return;
    forwarded_read(local->request, (enum forwarded_header)local->http->options->forwarded->header,
                   &hops);
    last = hops.count - MIN(hops.count, FORWARDED_HOPS_MAX);
    while (hops.count > last && mark_trusts(trust, &client->sa)) {
        union forwarded_address next;

        if (!forwarded_node(hops.nodes[--hops.count % FORWARDED_HOPS_MAX], &next))
            return;
        *client = next;
    }
}

/* ---- Its id ---------------------------------------------------------------------------------- */

static void
mark_hex(char *to, uint64_t n)
{
    for (int i = 15; i >= 0; i--, n >>= 4)
        to[i] = "0123456789abcdef"[n & 15];
}

/* Random when the poller began, and counted on from there. */
static void
mark_make_id(struct http_local *local, struct mark *mark)
{
    local->id_base[1]++;
    mark_hex(mark->id, local->id_base[0]);
    mark_hex(mark->id + 16, local->id_base[1]);
    mark->id_len = 32;
}

static bool
mark_id_valid(const struct http_field *f)
{
    if (f->value_len == 0 || f->value_len > MARK_ID_MAX)
        return false;
    for (uint32_t i = 0; i < f->value_len; i++)
        if (f->value[i] <= ' ' || f->value[i] >= 0x7f)
            return false;
    return true;
}

/* The one that it has brought along; false: none that counts. */
static bool
mark_take_id(const struct http_local *local, struct goevd_conn *c, struct mark *mark)
{
    const struct goevd_str name = local->http->options->request_id->header;
    const struct http_request *req = local->request;
    union forwarded_address peer;

    if (local->http->id_from.count == 0)
        return false;
    mark_peer(c, &peer);
    if (!mark_trusts(&local->http->id_from, &peer.sa))
        return false;
    for (uint32_t i = 0; i < req->field_count; i++) {
        const struct http_field *f = &req->fields[i];

        if (f->name_len != name.len || !chars_equal_any(f->name, name.data, name.len))
            continue;
        if (!mark_id_valid(f))
            return false;
        memcpy(mark->id, f->value, f->value_len);
        mark->id_len = (uint8_t)f->value_len;
        return true;
    }
    return false;
}

/* ---- Marks ----------------------------------------------------------------------------------- */

void
mark_begin(struct http_local *local, struct goevd_conn *c)
{
    struct mark *mark = &local->mark;

    mark->begun_ns = goevd_now();
    mark_peer(c, &mark->client);
    mark_follow(local, &mark->client);
    mark->id_len = 0;
    if (local->http->options->request_id != NULL && !mark_take_id(local, c, mark))
        mark_make_id(local, mark);
}

void
mark_begin_none(struct http_local *local)
{
    local->mark.begun_ns = 0;
}

const struct mark *
mark_of(struct turn *t)
{
    struct http_local *local = t->local;
    struct mark *mark = &local->mark;

    if ((t->conn->flags & CONN_EXCHANGE) != 0)
        return &t->conn->exchange->mark;
    if ((t->conn->flags & CONN_MARKED) != 0)
        return access_kept_mark(t);
    if (mark->begun_ns != 0 && t->at < t->end)
        return mark;
    mark_begin_none(local);
    mark_peer(t->c, &mark->client);
    mark->id_len = 0;
    if (local->http->options->request_id != NULL)
        mark_make_id(local, mark);
    return mark;
}

void
mark_copy(struct mark *to, const struct mark *from)
{
    memcpy(to, from, offsetof(struct mark, id) + from->id_len);
}
