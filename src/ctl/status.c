#include "ctl/status.h"

#include <stdlib.h>

#include "ctl/record.h"

static void
status_word(FILE *out, const char *key, const char *text)
{
    record_begin(out, "text");
    record_text(out, key);
    record_text(out, text);
    record_end(out);
}

static void
status_number(FILE *out, const char *kind, const char *key, uint64_t number)
{
    record_begin(out, kind);
    record_text(out, key);
    record_number(out, number);
    record_end(out);
}

static void
status_event(FILE *out, const char *key, const struct status_event *event)
{
    record_begin(out, "event");
    record_text(out, key);
    record_number(out, (uint64_t)event->time);
    record_number(out, event->ok);
    record_text(out, event->text);
    record_end(out);
}

static void
status_worker(FILE *out, const struct status_worker *w)
{
    record_begin(out, "worker");
    record_number(out, (uint64_t)w->pid);
    record_text(out, w->state);
    record_number(out, (uint64_t)w->since);
    record_number(out, w->connections);
    record_text(out, w->release);
    record_end(out);
}

static void
status_write(const struct status *s, FILE *out)
{
    uint64_t connections = 0;

    for (unsigned i = 0; i < s->worker_count; i++)
        connections += s->workers[i].connections;
    status_word(out, "state", s->state);
    status_number(out, "time", "since", (uint64_t)s->since);
    status_number(out, "number", "connections", connections);
    if (s->config) {
        status_word(out, "config", s->config);
        status_number(out, "time", "config_since", (uint64_t)s->config_since);
    }
    status_event(out, "last_reload", &s->reload);
    status_event(out, "last_crash", &s->crash);
    status_number(out, "number", "reloads", s->reloads);
    status_number(out, "number", "restarts", s->restarts);
    status_number(out, "number", "cut", s->cut);
    status_word(out, "version", GOEVD_RELEASE);
    if (s->supervisor)
        status_number(out, "number", "supervisor", (uint64_t)s->supervisor);
    for (unsigned i = 0; i < s->worker_count; i++)
        status_worker(out, &s->workers[i]);
}

char *
status_text(const struct status *s, size_t *ret_len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_len);

    if (out)
        status_write(s, out);
    if (out && fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

void
status_reply(const struct status *s, struct control_client *client)
{
    size_t len = 0;
    _cleanup_free_ char *text = status_text(s, &len);

    if (text)
        control_reply(client, text, len);
    else
        control_refuse(client, "no memory for the status");
}
