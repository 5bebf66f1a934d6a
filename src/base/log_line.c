#include "base/log_line.h"

#include <string.h>
#include <unistd.h>

#define NAME_MAX_BYTES 128 /* of a plugin, a listener, an address; so the rest finds room */

static const char *
log_level_name(int level)
{
    static const char *const names[] = {"emergency", "alert",  "critical", "error",
                                        "warning",   "notice", "info",     "debug"};
    return names[level & 7];
}

static size_t
log_name_len(const char *name)
{
    return strnlen(name, NAME_MAX_BYTES);
}

static void
log_add_now(struct text *t)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    text_add_time(t, &ts);
}

/* ---- Text ------------------------------------------------------------------------------------ */

static void
log_add_client(struct text *t, const struct log_about *about)
{
    text_add(t, "client ");
    text_add_plain(t, about->client, log_name_len(about->client));
    if (about->connection) {
        text_add(t, " (");
        text_add_hex(t, about->connection);
        text_add(t, ")");
    }
    text_add(t, ": ");
}

void
log_line_add_text(struct text *t, const struct log_event *e)
{
    const struct log_about *about = e->about && !e->about->named ? e->about : NULL;

    if (about && about->plugin) {
        text_add_plain(t, about->plugin, log_name_len(about->plugin));
        text_add(t, ": ");
    }
    if (about && about->listener) {
        text_add(t, "listener ");
        text_add_plain(t, about->listener, log_name_len(about->listener));
        text_add(t, ": ");
    }
    if (about && about->client)
        log_add_client(t, about);
    text_add_plain(t, e->text, e->len);
}

static void
log_add_plain(struct text *t, const struct log_style *style, const struct log_event *e)
{
    if (!style->priority) {
        log_add_now(t);
        text_add(t, " ");
        text_add(t, log_level_name(e->level));
        text_add(t, " ");
    }
    text_add(t, style->who);
    text_add(t, ": ");
    log_line_add_text(t, e);
}

/* ---- Keys and values ------------------------------------------------------------------------- */

static void
log_add_key(struct text *t, const char *key, bool json, bool first)
{
    text_add(t, first ? "" : json ? "," : " ");
    text_add(t, json ? "\"" : "");
    text_add(t, key);
    text_add(t, json ? "\":" : "=");
}

static void
log_add_field(struct text *t, const char *key, const char *value, size_t len, bool json)
{
    log_add_key(t, key, json, false);
    if (json)
        text_add_json(t, value, len);
    else
        text_add_value(t, value, len);
}

static void
log_add_about(struct text *t, const struct log_about *about, bool json)
{
    const struct {
        const char *key, *value;
    } fields[] = {
        {"plugin", about->plugin}, {"listener", about->listener}, {"client", about->client}};

    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (fields[i].value)
            log_add_field(t, fields[i].key, fields[i].value, log_name_len(fields[i].value), json);
    if (about->connection) { /* JSON's numbers are not exact above 2^53 */
        log_add_key(t, "connection", json, false);
        text_add(t, json ? "\"" : "");
        text_add_hex(t, about->connection);
        text_add(t, json ? "\"" : "");
    }
}

/* The text comes last and is cut if there is no room; the end is kept. */
static void
log_add_keys(struct text *t, const struct log_style *style, const struct log_event *e)
{
    bool json = style->format == LOG_JSON;
    const char *level = log_level_name(e->level);

    text_add(t, json ? "{" : "");
    log_add_key(t, "time", json, true);
    text_add(t, json ? "\"" : "");
    log_add_now(t);
    text_add(t, json ? "\"" : "");
    log_add_field(t, "level", level, strlen(level), json);
    log_add_key(t, "pid", json, false);
    text_add_number(t, (uint64_t)getpid(), 1);
    if (e->about)
        log_add_about(t, e->about, json);
    t->size -= json;
    log_add_field(t, "msg", e->text, e->len, json);
    t->size += json;
    text_add(t, json ? "}" : "");
}

/* ---- Lines ----------------------------------------------------------------------------------- */

void
log_line_add(struct text *t, const struct log_style *style, const struct log_event *e)
{
    t->size--;
    if (style->priority) {
        text_add(t, "<");
        text_add_number(t, (uint64_t)e->level, 1);
        text_add(t, ">");
    }
    if (style->format == LOG_TEXT)
        log_add_plain(t, style, e);
    else
        log_add_keys(t, style, e);
    t->size++;
    text_add(t, "\n");
}
