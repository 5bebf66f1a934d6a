/* A WebSocket application that sends messages part by part. Each text message is a script, words
 * with blanks between: the results are logged. "many N LENGTH" has one message of N
 * parts made as the client takes it, with pings between. Binary messages are published to all. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/websocket.h>

GOEVD_WEBSOCKET_TABLE;

#define TEXT_MAX 4096

struct parts_state {
    unsigned next, count; /* parts of the message that is being made */
    size_t len;           /* of each */
    unsigned refused;
};

/* The next part: its number, and the length that is halved. */
static int
parts_make(struct goevd_websocket_conn *w, struct parts_state *s)
{
    char part[70000];
    unsigned flags = s->next == 0 ? GOEVD_WEBSOCKET_FIRST : 0;
    uint32_t seed = s->next;

    flags |= s->next + 1 == s->count ? GOEVD_WEBSOCKET_LAST : 0;
    for (size_t i = 0; i < s->len; i++)
        part[i] = (char)('a' + ((seed = seed * 1103515245 + 12345) >> 28));
    snprintf(part, sizeof(part), "%06u", s->next);
    part[6] = ' ';
    return goevd_websocket_send_fragment(w, GOEVD_WEBSOCKET_TEXT, part, s->len, flags);
}

static void
parts_go_on(struct goevd_websocket_conn *w, struct parts_state *s)
{
    int r = 0;

    while (r == 0 && s->next < s->count) {
        if (s->next % 10 == 5)
            (void)goevd_websocket_ping(w, "between", 7);
        r = parts_make(w, s);
        if (r >= 0)
            s->next++;
        else if (r == -ENOBUFS)
            s->refused++;
    }
    if (s->count != 0 && s->next == s->count) {
        goevd_conn_log(goevd_websocket_stream(w), GOEVD_LOG_NOTICE, "made %u, %u refused", s->count,
                       s->refused);
        s->count = 0;
    }
}

/* first:TEXT binary:TEXT more:TEXT last:TEXT whole:TEXT send:TEXT ping:TEXT close wrong */
static int
parts_word(struct goevd_websocket_conn *w, const char *word)
{
    static const struct {
        const char *name;
        int type;
        unsigned flags;
    } kinds[] = {
        {"first:", GOEVD_WEBSOCKET_TEXT, GOEVD_WEBSOCKET_FIRST},
        {"binary:", GOEVD_WEBSOCKET_BINARY, GOEVD_WEBSOCKET_FIRST},
        {"more:", GOEVD_WEBSOCKET_TEXT, 0},
        {"last:", GOEVD_WEBSOCKET_TEXT, GOEVD_WEBSOCKET_LAST},
        {"whole:", GOEVD_WEBSOCKET_TEXT, GOEVD_WEBSOCKET_FIRST | GOEVD_WEBSOCKET_LAST},
        {"wrong:", GOEVD_WEBSOCKET_PING, GOEVD_WEBSOCKET_FIRST},
    };
    const char *text = strchr(word, ':');

    if (text == NULL)
        return goevd_websocket_close(w, 1000, NULL);
    text++;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strncmp(word, kinds[i].name, strlen(kinds[i].name)) == 0)
            return goevd_websocket_send_fragment(w, kinds[i].type, text, strlen(text),
                                                 kinds[i].flags);
    if (strncmp(word, "ping:", 5) == 0)
        return goevd_websocket_ping(w, text, strlen(text));
    if (strncmp(word, "long:", 5) == 0)
        return goevd_websocket_send_fragment(w, GOEVD_WEBSOCKET_TEXT, text,
                                             GOEVD_WEBSOCKET_FRAGMENT_MAX + (size_t)1, 0);
    return goevd_websocket_send(w, GOEVD_WEBSOCKET_TEXT, text, strlen(text));
}

static int
parts_message(struct goevd_websocket_conn *w, void *state, int type, const char *data, size_t len)
{
    char text[TEXT_MAX] = "", said[TEXT_MAX] = "", *rest, *word;
    struct parts_state *s = state;
    size_t n = 0;

    if (type == GOEVD_WEBSOCKET_BINARY)
        return goevd_websocket_publish(goevd_websocket_conn_host(w), NULL, 0, type, data, len);
    memcpy(text, data, len < sizeof(text) ? len : sizeof(text) - 1);
    if (sscanf(text, "many %u %zu", &s->count, &s->len) == 2) {
        s->next = 0;
        parts_go_on(w, s);
        return 0;
    }
    for (word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        n += (size_t)snprintf(said + n, sizeof(said) - n, " %d", parts_word(w, word));
    goevd_conn_log(goevd_websocket_stream(w), GOEVD_LOG_NOTICE, "did%s", said);
    return 0;
}

static void
parts_drained(struct goevd_websocket_conn *w, void *state)
{
    parts_go_on(w, state);
}

static const struct goevd_websocket_app parts_app = {
    .version = GOEVD_WEBSOCKET_VERSION_OF(struct goevd_websocket_app),
    .conn_size = sizeof(struct parts_state),
    .websocket = &goevd_websocket,
    .on_message = parts_message,
    .on_drained = parts_drained,
};

static int
parts_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    (void)self, (void)options, (void)ret_instance;
    return 0;
}

static const void *
parts_interface(const char *id)
{
    return strcmp(id, GOEVD_WEBSOCKET) == 0 ? &parts_app : NULL;
}

GOEVD_PLUGIN(.name = "ws_parts", .description = "sends messages part by part",
             .create = parts_create, .interface = parts_interface);
