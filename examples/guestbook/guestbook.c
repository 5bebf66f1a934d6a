/* guestbook - keeps entries of visitors, as JSON. An HTTP handler with bodies and with storage on
 * each poller; goevd-http-handler(7) explains both.
 *
 *   GET  /   all entries, the oldest first: [{"name": "…", "text": "…"}, …]
 *   POST /   one entry: {"name": "…", "text": "…"}
 */
#include <errno.h>
#include <stdlib.h>

#include <cJSON.h>
#include <goevd/http.h>
#include <goevd/threads.h>

#define BODY_MAX 4096

struct options {
    int64_t entries;
};

struct guestbook {
    struct goevd_self *self;
    const struct options *options;
};

/* Each poller has the whole book, so that it can read without a lock. */
struct book {
    const struct guestbook *guestbook;
    size_t count;
    char *entries[]; /* JSON; the oldest first */
};

GOEVD_HTTP_TABLE;

static const struct goevd_option rows[] = {
    {.name = "entries",
     .type = GOEVD_OPTION_INT,
     .offset = offsetof(struct options, entries),
     .def = "100",
     .min = 1,
     .max = 1000,
     .help = "how many are kept"},
    {.type = GOEVD_OPTION_END},
};
static const struct goevd_schema schema = GOEVD_SCHEMA(struct options, rows);

/* ---- The book -------------------------------------------------------------------------------- */

/* On every poller, for each new entry; `arg` is its JSON. */
static void
book_add(struct goevd_poller *poller, void *local, void *arg)
{
    struct book *b = local;
    char *entry = strdup(arg);

    (void)poller;
    if (!b || !entry) {
        free(entry);
        return;
    }
    if (b->count == (size_t)b->guestbook->options->entries) {
        free(b->entries[0]);
        memmove(b->entries, b->entries + 1, --b->count * sizeof(b->entries[0]));
    }
    b->entries[b->count++] = entry;
}

/* "[…,…]", which the caller frees; NULL without memory. */
static char *
book_text(const struct book *b, size_t *ret_len)
{
    size_t size = 3, len = 1;
    char *text;

    for (size_t i = 0; i < b->count; i++)
        size += strlen(b->entries[i]) + 1;
    text = malloc(size);
    if (!text)
        return NULL;
    text[0] = '[';
    for (size_t i = 0; i < b->count; i++) {
        size_t n = strlen(b->entries[i]);

        if (i > 0)
            text[len++] = ',';
        memcpy(text + len, b->entries[i], n);
        len += n;
    }
    text[len++] = ']';
    *ret_len = len;
    return text;
}

/* ---- Requests -------------------------------------------------------------------------------- */

static int
guestbook_error(struct goevd_http_request *r, int status, const char *words)
{
    return goevd_http_reply(r, status, "text/plain", words, strlen(words));
}

static int
guestbook_request(struct goevd_http_request *r, void *state)
{
    size_t len;
    char *text;
    int result;

    (void)state;
    if (goevd_http_method(r) == GOEVD_HTTP_POST)
        return goevd_http_read(r, BODY_MAX, GOEVD_HTTP_GATHER);
    if (goevd_http_method(r) > GOEVD_HTTP_HEAD) {
        goevd_http_add_header(r, "Allow", "GET, HEAD, POST");
        return guestbook_error(r, 405, "only GET and POST\n");
    }
    text = book_text(goevd_http_local(r), &len);
    if (!text)
        return -ENOMEM;
    result = goevd_http_reply(r, 200, "application/json", text, len);
    free(text);
    return result;
}

/* The entry as it is kept, which the caller frees; NULL if it is none. */
static char *
guestbook_entry(const char *data, size_t len)
{
    cJSON *given = cJSON_ParseWithLength(data, len), *entry = cJSON_CreateObject();
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(given, "name"));
    const char *words = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(given, "text"));
    char *text = NULL;

    if (name && words && cJSON_AddStringToObject(entry, "name", name) != NULL &&
        cJSON_AddStringToObject(entry, "text", words) != NULL)
        text = cJSON_PrintUnformatted(entry);
    cJSON_Delete(given);
    cJSON_Delete(entry);
    return text;
}

static ptrdiff_t
guestbook_body(struct goevd_http_request *r, void *state, const char *data, size_t len,
               unsigned flags)
{
    struct guestbook *g = goevd_http_instance(r);
    char *entry = guestbook_entry(data, len);
    int result;

    (void)state, (void)flags;
    if (!entry)
        result = guestbook_error(r, 400, "wanted: {\"name\": \"...\", \"text\": \"...\"}\n");
    else if (goevd_call_all(g->self, book_add, free, entry) < 0)
        result = -ENOMEM;
    else
        return goevd_http_reply(r, 201, NULL, "", 0) < 0 ? -EIO : (ptrdiff_t)len;
    free(entry);
    return result < 0 ? result : (ptrdiff_t)len;
}

/* ---- The plugin ------------------------------------------------------------------------------ */

static int
guestbook_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    struct guestbook *g = calloc(1, sizeof(*g));

    if (!g)
        return -ENOMEM;
    g->self = self;
    g->options = options;
    *ret_instance = g;
    return 0;
}

static int
guestbook_poller_start(void *instance, struct goevd_poller *poller, void **ret_local)
{
    const struct guestbook *g = instance;
    struct book *b = calloc(1, sizeof(*b) + (size_t)g->options->entries * sizeof(b->entries[0]));

    (void)poller;
    if (!b)
        return -ENOMEM;
    b->guestbook = g;
    *ret_local = b;
    return 0;
}

static void
guestbook_poller_stop(void *instance, struct goevd_poller *poller, void *local)
{
    struct book *b = local;

    (void)instance, (void)poller;
    while (b->count > 0)
        free(b->entries[--b->count]);
    free(b);
}

static const void *
guestbook_interface(const char *id)
{
    static const struct goevd_http_handler handler = {
        GOEVD_HTTP_VERSION_OF(handler), .http = &goevd_http, .on_request = guestbook_request,
        .on_body = guestbook_body};
    return strcmp(id, GOEVD_HTTP) == 0 ? &handler : NULL;
}

GOEVD_PLUGIN(.name = "guestbook", .description = "keeps what visitors write", .options = &schema,
             .create = guestbook_create, .destroy = free, .poller_start = guestbook_poller_start,
             .poller_stop = guestbook_poller_stop, .interface = guestbook_interface);
