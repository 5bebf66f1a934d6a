#include "http/log/request_info.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include <goevd/cidr.h>
#include <goevd/conn.h>

#include "http/message/rows.h"
#include "http/message/semantics.h"
#include "http/message/text/chars.h"

/* ---- Options --------------------------------------------------------------------------------- */

static int
http_request_info_trust_init(struct http_request_info_trust *trust, struct goevd_self *self,
                             const char *at, const struct goevd_list *from)
{
    const struct goevd_str *texts = from->items;
    char reason[256], path[64];

    trust->cidrs = calloc(MAX(from->count, 1), sizeof(*trust->cidrs));
    if (!trust->cidrs)
        return -ENOMEM;
    trust->count = from->count;
    for (size_t i = 0; i < from->count; i++) {
        if (goevd_cidr_parse(texts[i].data, &trust->cidrs[i], reason, sizeof(reason)) == 0)
            continue;
        snprintf(path, sizeof(path), "%s.from[%zu]", at, i);
        return goevd_refuse(self, path, "%s", reason);
    }
    return 0;
}

static int
http_request_info_check_header(struct goevd_self *self, struct goevd_str name)
{
    if (http_field_name_valid(name.data, name.len) && !http_field_is_ours(name.data, name.len))
        return 0;
    return goevd_refuse(self, "request_id.header", "\"%s\" cannot be the name of this header",
                        name.data);
}

int
http_request_info_init(struct http_log *log)
{
    const struct http_options *o = log->options;
    int r = 0;

    if (o->request_id)
        r = http_request_info_check_header(log->self, o->request_id->header);
    if (r == 0 && o->request_id)
        r = http_request_info_trust_init(&log->id_from, log->self, "request_id",
                                         &o->request_id->from);
    if (r == 0 && o->forwarded)
        r = http_request_info_trust_init(&log->forwarded_from, log->self, "forwarded",
                                         &o->forwarded->from);
    if (r == 0 && o->trace)
        r = http_request_info_trust_init(&log->trace_from, log->self, "trace", &o->trace->from);
    if (o->access_log || o->request_id || o->forwarded || o->trace || o->requests_max != 0 ||
        o->worker_requests_max != 0)
        log->informed = true;
    return r;
}

void
http_request_info_fini(struct http_log *log)
{
    free(log->id_from.cidrs);
    free(log->forwarded_from.cidrs);
    free(log->trace_from.cidrs);
}

int
http_request_info_local_init(struct http_log_local *local)
{
    const struct http_options *o = local->log->options;
    ssize_t n = 0;

    if (o->request_id)
        n = getrandom(local->id_base, sizeof(local->id_base), 0);
    if (n >= 0 && o->trace)
        n = getrandom(&local->random, sizeof(local->random), 0);
    return n < 0 ? -errno : 0;
}

/* ---- The client ------------------------------------------------------------------------------ */

static bool
http_request_info_trusts(const struct http_request_info_trust *trust, const struct sockaddr *sa)
{
    return goevd_cidr_any(trust->cidrs, trust->count, sa);
}

static void
http_request_info_peer(struct goevd_conn *c, union http_forwarded_address *ret)
{
    struct sockaddr_storage peer;

    goevd_conn_peer_address(c, &peer);
    if (peer.ss_family == AF_INET || peer.ss_family == AF_INET6)
        memcpy(ret, &peer, sizeof(*ret));
    else
        *ret = (union http_forwarded_address){.sa.sa_family = peer.ss_family};
}

/* Walk from the peer back to the first address that is not a trusted proxy. Addresses before it are
 * ignored, because an untrusted client may have written them. */
static void
http_request_info_follow(const struct http_log_local *local, const struct http_request *req,
                         union http_forwarded_address *client)
{
    const struct http_request_info_trust *trust = &local->log->forwarded_from;
    struct http_forwarded_hops hops;
    size_t last;

    if (trust->count == 0 || !http_request_info_trusts(trust, &client->sa))
        return;
    http_forwarded_read(req, (enum http_forwarded_header)local->log->options->forwarded->header,
                        &hops);
    last = hops.count - MIN(hops.count, HTTP_FORWARDED_HOPS_MAX);
    while (hops.count > last && http_request_info_trusts(trust, &client->sa)) {
        union http_forwarded_address next;

        if (!http_forwarded_node(hops.nodes[--hops.count % HTTP_FORWARDED_HOPS_MAX], &next))
            return;
        *client = next;
    }
}

/* ---- The request id -------------------------------------------------------------------------- */

/* Ids count up from a random number that is drawn when the poller starts. */
static void
http_request_info_make_id(struct http_log_local *local, struct http_request_info *info)
{
    local->id_base[1]++;
    http_trace_hex(info->id, local->id_base[0]);
    http_trace_hex(info->id + 16, local->id_base[1]);
    info->id_len = 32;
}

/* Whether the peer is in one of these networks. */
static bool
http_request_info_trusts_peer(const struct http_request_info_trust *trust, struct goevd_conn *c)
{
    union http_forwarded_address peer;

    if (trust->count == 0)
        return false;
    http_request_info_peer(c, &peer);
    return http_request_info_trusts(trust, &peer.sa);
}

static bool
http_request_info_id_valid(const struct http_field *f)
{
    if (f->value_len == 0 || f->value_len > HTTP_ACCESS_ID_MAX)
        return false;
    for (uint32_t i = 0; i < f->value_len; i++)
        if (f->value[i] <= ' ' || f->value[i] >= 0x7f)
            return false;
    return true;
}

/* Take the id from the request's header. False: there is none, or it is invalid. */
static bool
http_request_info_take_id(const struct http_log_local *local, struct goevd_conn *c,
                          const struct http_request *req, struct http_request_info *info)
{
    const struct goevd_str name = local->log->options->request_id->header;

    if (!http_request_info_trusts_peer(&local->log->id_from, c))
        return false;
    for (uint32_t i = 0; i < req->field_count; i++) {
        const struct http_field *f = &req->fields[i];

        if (f->name_len != name.len || !http_chars_equal_any(f->name, name.data, name.len))
            continue;
        if (!http_request_info_id_valid(f))
            return false;
        memcpy(info->id, f->value, f->value_len);
        info->id_len = (uint8_t)f->value_len;
        return true;
    }
    return false;
}

/* ---- The trace ------------------------------------------------------------------------------- */

/* The trace of an untrusted client is not continued. Otherwise a client could attribute goevd's
 * requests to its own traces, or have all of them recorded. In that case, and after a malformed
 * header, a new trace begins, so that the upstreams' spans belong to a trace: W3C Trace Context,
 * sections 4.3 and 7.2. */
static void
http_request_info_trace(struct http_log_local *local, struct goevd_conn *c,
                        const struct http_request *req, struct http_trace *ret)
{
    const struct http_log *log = local->log;

    if (!http_request_info_trusts_peer(&log->trace_from, c) ||
        !http_trace_continue(req, &local->random, ret))
        http_trace_begin(&local->random, log->options->trace->sampled, ret);
}

/* ---- The whole info -------------------------------------------------------------------------- */

void
http_request_info_begin(struct http_log_local *local, struct goevd_conn *c,
                        const struct http_request *req, struct http_request_info *ret)
{
    ret->begun_ns = goevd_now();
    http_request_info_peer(c, &ret->client);
    http_request_info_follow(local, req, &ret->client);
    ret->trace.len = 0;
    if (local->log->options->trace)
        http_request_info_trace(local, c, req, &ret->trace);
    ret->id_len = 0;
    if (local->log->options->request_id && !http_request_info_take_id(local, c, req, ret))
        http_request_info_make_id(local, ret);
}

void
http_request_info_begin_none(struct http_log_local *local, struct goevd_conn *c,
                             struct http_request_info *ret)
{
    ret->begun_ns = 0;
    http_request_info_peer(c, &ret->client);
    ret->trace.len = 0;
    ret->id_len = 0;
    if (local->log->options->request_id)
        http_request_info_make_id(local, ret);
}

void
http_request_info_copy(struct http_request_info *to, const struct http_request_info *from)
{
    memcpy(to, from, offsetof(struct http_request_info, id) + from->id_len);
}
