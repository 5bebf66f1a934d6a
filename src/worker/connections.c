#include "worker/connections.h"

#include <inttypes.h>

#include "ctl/json.h"
#include "net/conn/conn.h"

/* The pollers copy, and the main thread does what takes longer: to write it down. */
struct connections {
    struct control_source source;
    const struct engine *engine;
    const char *listener;
    bool json;
    bool begun;     /* the head has been written */
    bool any;       /* so has a connection */
    size_t reactor; /* whose poller is being asked, */
    unsigned poller;
    uint32_t cursor; /* and from which slot on */
    bool more;       /* it has more to tell */
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

/* False when all have told everything. */
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

/* ---- Lines ----------------------------------------------------------------------------------- */

static const char *
connections_address(const struct address *a, char buf[ADDRESS_TEXT_MAX])
{
    return a->len == 0 ? "?" : address_format(&a->sa, a->len, buf, ADDRESS_TEXT_MAX);
}

static void
connections_print_head(FILE *out)
{
    fprintf(out, "%-18s %-12s %-10s %-21s %-21s %10s %10s %12s %12s %10s %s\n", "ID", "LISTENER",
            "PLUGIN", "PEER", "LOCAL", "AGE", "IDLE", "IN", "OUT", "QUEUED", "STATE");
}

static void
connections_print(const struct conn_row *row, FILE *out)
{
    char peer[ADDRESS_TEXT_MAX], local[ADDRESS_TEXT_MAX], state[CONN_ROW_STATE_MAX];

    fprintf(out,
            "0x%016" PRIx64 " %-12s %-10s %-21s %-21s %9.1fs %9.1fs %12" PRIu64 " %12" PRIu64
            " %10zu %s\n",
            row->id, row->listener ? row->listener : "-", row->plugin,
            connections_address(&row->peer, peer), connections_address(&row->local, local),
            (double)row->age_ns / NS_PER_S, (double)row->idle_ns / NS_PER_S, row->bytes_in,
            row->bytes_out, row->queued, conn_row_state(row->flags, state));
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void
connections_print_json(const struct conn_row *row, FILE *out)
{
    char text[ADDRESS_TEXT_MAX], state[CONN_ROW_STATE_MAX];

    fprintf(out, " {\"id\": \"0x%016" PRIx64 "\", \"listener\": ", row->id);
    json_text(out, row->listener);
    fprintf(out, ", \"plugin\": ");
    json_text(out, row->plugin);
    fprintf(out, ", \"peer\": ");
    json_text(out, connections_address(&row->peer, text));
    fprintf(out, ", \"local\": ");
    json_text(out, connections_address(&row->local, text));
    fprintf(out,
            ", \"age_ms\": %" PRIu64 ", \"idle_ms\": %" PRIu64 ", \"bytes_in\": %" PRIu64
            ", \"bytes_out\": %" PRIu64 ", \"queued_bytes\": %zu, \"state\": \"%s\"}",
            row->age_ns / NS_PER_MS, row->idle_ns / NS_PER_MS, row->bytes_in, row->bytes_out,
            row->queued, conn_row_state(row->flags, state));
}

/* ---- Parts ----------------------------------------------------------------------------------- */

static void
connections_print_rows(struct connections *list, FILE *out)
{
    for (unsigned i = 0; i < list->count; i++) {
        if (list->json)
            fputs(list->any ? ",\n" : "\n", out);
        list->any = true;
        if (list->json)
            connections_print_json(&list->rows[i], out);
        else
            connections_print(&list->rows[i], out);
    }
}

static int
connections_next(struct control_source *source, FILE *out)
{
    struct connections *list = container_of(source, struct connections, source);
    bool more = connections_ask(list);

    if (!list->begun && list->json)
        fputc('[', out);
    else if (!list->begun)
        connections_print_head(out);
    list->begun = true;
    connections_print_rows(list, out);
    if (!more && list->json)
        fputs("\n]\n", out);
    return more;
}

static void
connections_free(struct control_source *source)
{
    free(container_of(source, struct connections, source));
}

struct control_source *
connections_new(const struct engine *e, const char *listener, bool json)
{
    struct connections *list = malloc(sizeof(*list));

    if (!list)
        return NULL;
    *list = (struct connections){.source = {connections_next, connections_free},
                                 .engine = e,
                                 .listener = listener,
                                 .json = json};
    return &list->source;
}
