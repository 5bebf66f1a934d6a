#include "worker/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/yaml/suggest.h"
#include "ctl/stats.h"
#include "worker/certificates.h"
#include "worker/connections.h"
#include "worker/glance.h"
#include "worker/heartbeat.h"

#define NAMES_MAX 256 /* bytes of the names that an error lists */

/* A request while it is being understood. */
struct command {
    struct settings *settings;
    struct engine *engine;
    struct control_client *client;
    const char *name;
    const char *words; /* the rest of the request, not parsed yet */
};

/* ---- Words ----------------------------------------------------------------------------------- */

/* Take the next word if it is this one. */
static bool
command_take(struct command *c, const char *word)
{
    size_t len = strlen(word);

    if (strncmp(c->words, word, len) != 0 || !strchr(" ", c->words[len]))
        return false;
    c->words += len + (c->words[len] == ' ');
    return true;
}

/* Nothing may be left. */
static bool
command_ends(const struct command *c)
{
    if (!*c->words)
        return true;
    control_refuse(c->client, "%s: unexpected '%s'", c->name, c->words);
    return false;
}

/* ---- stats ----------------------------------------------------------------------------------- */

/* The words in any order; one that is no option is the prefix. */
static bool
command_take_stats(struct command *c, struct stats_request *ret, char prefix[CATALOG_NAME_MAX + 1])
{
    while (*c->words) {
        size_t len = strcspn(c->words, " ");

        if (command_take(c, "--json")) {
            ret->json = true;
        } else if (command_take(c, "--all")) {
            ret->all = true;
        } else if (*c->words != '-' && !*prefix && len <= CATALOG_NAME_MAX) {
            memcpy(prefix, c->words, len);
            c->words += len + (c->words[len] == ' ');
        } else {
            return command_ends(c);
        }
    }
    return true;
}

static void
command_stats(struct command *c)
{
    char prefix[CATALOG_NAME_MAX + 1] = "";
    struct stats_request request = {.prefix = prefix,
                                    .reactors = c->engine->reactors,
                                    .reactor_count = c->engine->reactor_count};
    char *text = NULL;
    size_t len = 0;
    int r;

    if (!command_take_stats(c, &request, prefix))
        return;
    engine_collect(c->engine);
    r = stats_text(&c->engine->reader, &request, &text, &len);
    if (r == -ENOENT)
        control_refuse(c->client, "no metric begins with '%s'", prefix);
    else if (r < 0)
        control_refuse(c->client, "no memory for the metrics");
    else
        control_reply(c->client, text, len);
    free(text);
}

/* ---- connections ----------------------------------------------------------------------------- */

static void
command_no_listener(struct command *c)
{
    struct suggest suggest;
    char names[NAMES_MAX] = "";
    size_t len = 0;

    suggest_init(&suggest, (struct goevd_str){c->words, strlen(c->words)});
    for (size_t i = 0; i < c->engine->listener_count; i++) {
        const char *name = c->engine->listeners[i]->config.name;

        suggest_offer(&suggest, (struct goevd_str){name, strlen(name)});
        if (len < sizeof(names))
            len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", i ? ", " : "", name);
    }
    control_refuse(c->client, "there is no listener '%s'%s%s%s; there are: %s%s", c->words,
                   suggest.best.data ? "; did you mean '" : "",
                   suggest.best.data ? suggest.best.data : "", suggest.best.data ? "'?" : "", names,
                   len < sizeof(names) ? "" : "…");
}

static const char *
command_find_listener(const struct command *c)
{
    for (size_t i = 0; i < c->engine->listener_count; i++)
        if (strcmp(c->words, c->engine->listeners[i]->config.name) == 0)
            return c->engine->listeners[i]->config.name;
    return NULL;
}

/* The name of a listener is the rest of the line: it may be an address, with spaces in it. */
static void
command_connections(struct command *c)
{
    bool one = command_take(c, "--listener");
    const char *listener = one ? command_find_listener(c) : NULL;
    struct control_source *source;

    if (one && !listener) {
        command_no_listener(c);
        return;
    }
    if (!one && !command_ends(c))
        return;
    source = connections_new(c->engine, listener);
    if (source)
        control_stream(c->client, source);
    else
        control_refuse(c->client, "no memory for the list");
}

/* ---- load: how many connections, for status -------------------------------------------------- */

static void
command_load(struct command *c)
{
    struct proto_load load = heartbeat_load(c->engine);
    char text[32];

    control_reply(c->client, text,
                  (size_t)snprintf(text, sizeof(text), "%" PRIu64 "\n", load.open));
}

/* ---- overview: present rates, for top and status --------------------------------------------- */

static void
command_overview(struct command *c)
{
    bool brief = command_take(c, "--brief");
    char *text = NULL;
    size_t len = 0;

    if (!command_ends(c))
        return;
    if (glance_write(c->engine, brief, &text, &len) < 0)
        control_refuse(c->client, "no memory for the overview");
    else
        control_reply(c->client, text, len);
    free(text);
}

/* ---- settings -------------------------------------------------------------------------------- */

static void
command_settings(struct command *c)
{
    bool json = command_take(c, "--json");
    char *text = NULL;
    size_t len = 0;

    if (!command_ends(c))
        return;
    if (settings_text(c->settings, json, &text, &len) < 0)
        control_refuse(c->client, "no memory for the settings");
    else
        control_reply(c->client, text, len);
    free(text);
}

/* ---- certificates ---------------------------------------------------------------------------- */

static void
command_certificates(struct command *c)
{
    bool json = command_take(c, "--json");
    char *text = NULL;
    size_t len = 0;

    if (!command_ends(c))
        return;
    if (certificates_text(c->engine->setup, json, &text, &len) < 0)
        control_refuse(c->client, "no memory for the certificates");
    else
        control_reply(c->client, text, len);
    free(text);
}

/* Credentials of the process that has connected, unix(7). */
static struct ucred
command_peer(const struct command *c)
{
    struct ucred peer = {0};
    socklen_t len = sizeof(peer);

    getsockopt(c->client->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
    return peer;
}

/* value NULL: that of the configuration. */
static void
command_change(struct command *c, const char *name, const char *value)
{
    const struct ucred peer = command_peer(c);
    struct settings_change change;
    _cleanup_free_ char *text = NULL;
    struct err err = {0};

    if (settings_set(c->settings, name, value, &change, &err) < 0) {
        control_refuse(c->client, "%s", err.text);
        return;
    }
    log_notice("%s: %s to %s from %s by uid %u, pid %d", change.name.text,
               value ? "set" : "set back", change.after, change.before, (unsigned)peer.uid,
               (int)peer.pid);
    if (asprintf(&text, "%s: %s -> %s\n", change.name.text, change.before, change.after) < 0)
        text = NULL;
    control_reply(c->client, text ? text : "", text ? strlen(text) : 0);
}

static void
command_set(struct command *c)
{
    char name[CONTROL_REQUEST_MAX + 1];
    const char *end = strchr(c->words, ' ');

    if (!end || end == c->words) {
        control_refuse(c->client, "set needs a name and a value; settings lists the names");
        return;
    }
    snprintf(name, sizeof(name), "%.*s", (int)(end - c->words), c->words);
    command_change(c, name, end + 1);
}

static void
command_unset(struct command *c)
{
    if (*c->words)
        command_change(c, c->words, NULL);
    else
        control_refuse(c->client, "unset needs a name; settings lists them with their values");
}

/* ---- All of them ----------------------------------------------------------------------------- */

/* The supervisor answers it, where there is one. */
static void
command_elsewhere(struct command *c)
{
    if (command_ends(c))
        control_refuse(c->client, "%s: with --single there is no supervisor that could", c->name);
}

static const struct {
    const char *name;
    void (*run)(struct command *c);
} commands[] = {
    {"status", command_elsewhere},
    {"stats", command_stats},
    {"connections", command_connections},
    {"certificates", command_certificates},
    {"settings", command_settings},
    {"set", command_set},
    {"unset", command_unset},
    {"reload", command_elsewhere},
    {"reopen", command_elsewhere},
    {"stop", command_elsewhere},
    {"load", command_load}, /* the last two: goevd ctl alone asks them */
    {"overview", command_overview},
};
#define COMMANDS_LISTED (ARRAY_LEN(commands) - 2)

static void
command_unknown(struct command *c)
{
    char names[NAMES_MAX] = "";
    size_t len = 0;

    for (size_t i = 0; i < COMMANDS_LISTED; i++)
        len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", i ? ", " : "",
                                commands[i].name);
    control_refuse(c->client, "unknown command '%s'; there are %s", c->words, names);
}

/* A worker answers for itself alone. */
static void
command_skip_worker(struct command *c)
{
    char *end;

    if (!command_take(c, "worker"))
        return;
    if (strtol(c->words, &end, 10) == getpid() && *end == ' ')
        c->words = end + 1;
}

void
commands_answer(struct settings *s, struct control_client *client, const char *request)
{
    struct command c = {.settings = s, .engine = s->engine, .client = client, .words = request};

    command_skip_worker(&c);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (command_take(&c, commands[i].name)) {
            c.name = commands[i].name;
            commands[i].run(&c);
            return;
        }
    command_unknown(&c);
}
