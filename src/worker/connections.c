#include "worker/connections.h"

#include <inttypes.h>

#include "ctl/record.h"
#include "net/conn/conn.h"

/* The pollers copy their rows. The main thread formats them, because that takes longer. */
struct connections {
    struct control_source source;
    const struct engine *engine;
    const char *listener;
    size_t reactor; /* whose poller is being asked, */
    unsigned poller;
    uint32_t cursor; /* and from which slot on */
    bool more;       /* the poller has more rows */
    unsigned count;
    struct conn_row rows[NET_WALK_SLOTS];
};

/* ---- Asking ---------------------------------------------------------------------------------- */

static void
connections_note(struct conn *c, void *arg)
{
    struct connections *list = arg;

    if (!list->listener || c->service->listener == list->listener)
        conn_row_take(c, &list->rows[list->count++]);
}

static void
connections_ask_on(struct poller *p, void *arg)
{
    struct connections *list = arg;

    list->more = net_walk(net_of(p), &list->cursor, NET_WALK_SLOTS, connections_note, list);
}

/* Returns false when all pollers have sent all rows. */
static bool
connections_ask(struct connections *list)
{
    struct reactor *r = list->engine->reactors[list->reactor];

    list->count = 0;
    reactor_call_one(r, list->poller, connections_ask_on, list);
    if (list->more)
        return true;
    list->cursor = 0;
    if (++list->poller < r->count)
        return true;
    list->poller = 0;
    return ++list->reactor < list->engine->reactor_count;
}

/* An IPv4 address is one, also on a socket of IPv6. */
static const char *
connections_address(const struct address *a, char buf[ADDRESS_TEXT_MAX])
{
    const uint8_t *ip = a->in6.sin6_addr.s6_addr;

    if (a->len == 0)
        return "?";
    if (a->sa.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
        return address_format(&a->sa, a->len, buf, ADDRESS_TEXT_MAX);
    snprintf(buf, ADDRESS_TEXT_MAX, "%u.%u.%u.%u:%u", ip[12], ip[13], ip[14], ip[15],
             address_port(a));
    return buf;
}

/* ---- Records --------------------------------------------------------------------------------- */

/* conn ID LISTENER PLUGIN PEER LOCAL AGE_MS IDLE_MS IN OUT QUEUED STATE */
static void
connections_write(const struct conn_row *row, FILE *out)
{
    char peer[ADDRESS_TEXT_MAX], local[ADDRESS_TEXT_MAX], state[CONN_ROW_STATE_MAX];

    record_begin(out, "conn");
    fprintf(out, "\t0x%016" PRIx64, row->id);
    record_text(out, row->listener);
    record_text(out, row->plugin);
    record_text(out, connections_address(&row->peer, peer));
    record_text(out, connections_address(&row->local, local));
    record_number(out, row->age_ns / NS_PER_MS);
    record_number(out, row->idle_ns / NS_PER_MS);
    record_number(out, row->bytes_in);
    record_number(out, row->bytes_out);
    record_number(out, row->queued);
    record_text(out, conn_row_state(row->flags, state));
    record_end(out);
}

/* ---- Parts ----------------------------------------------------------------------------------- */

static int
connections_next(struct control_source *source, FILE *out)
{
    struct connections *list = container_of(source, struct connections, source);
    bool more = connections_ask(list);

    for (unsigned i = 0; i < list->count; i++)
        connections_write(&list->rows[i], out);
    return more;
}

static void
connections_free(struct control_source *source)
{
    free(container_of(source, struct connections, source));
}

struct control_source *
connections_new(const struct engine *e, const char *listener)
{
    struct connections *list = malloc(sizeof(*list));

    if (!list)
        return NULL;
    *list = (struct connections){
        .source = {connections_next, connections_free}, .engine = e, .listener = listener};
    return &list->source;
}
