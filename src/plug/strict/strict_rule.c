/* The checks of callers, and the report of a broken rule. */
#include <dlfcn.h>
#include <execinfo.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "ev/poison.h"
#include "net/conn/conn.h"
#include "plug/strict/strict.h"

static const struct plugins *rule_plugins;
static pthread_t rule_main;

#define WHERE_MAX 64 /* bytes of the words for a place */
#define FRAMES_MAX 64

/* ---- The caller and its thread
 * ---------------------------------------------------------------- */

void
rule_begin(const struct plugins *p)
{
    rule_plugins = p;
    rule_main = pthread_self();
}

/* The plugin whose code lies at that address. */
static const char *
rule_code_of(const void *address)
{
    Dl_info code, entry;

    if (!dladdr(address, &code))
        return NULL;
    for (const struct module *m = rule_plugins->modules; m; m = m->next)
        if (dladdr(m->entry.host, &entry) && entry.dli_fbase == code.dli_fbase)
            return m->entry.name;
    return NULL;
}

static const char *
rule_who(const struct caller *k)
{
    const char *code = rule_code_of(k->address);
    const struct place_owner *owner = place_owner(place_here);

    /* Where the call is the last thing that a function does, it returns to the caller of that. */
    return code ? code : k->self ? k->self->module->entry.name : owner ? owner->plugin : "?";
}

/* A plugin that hosts others breaks rules on their behalf: their caller, NULL: goevd. */
static const char *
rule_for_whom(const char *plugin)
{
    const struct place_owner *owner = place_outer_owner(place_here);
    void *frames[FRAMES_MAX];
    int n = backtrace(frames, FRAMES_MAX);
    bool inside = false;

    for (int i = 0; i < n; i++) {
        const char *code = rule_code_of(frames[i]);

        if (inside && code && strcmp(code, plugin) != 0)
            return owner && strcmp(code, owner->plugin) == 0 ? NULL : code;
        inside = inside || (code && strcmp(code, plugin) == 0);
    }
    return NULL;
}

static const char *
rule_callback(void)
{
    return atomic_load_explicit(&place_here->callback, memory_order_relaxed);
}

/* Threads of plugins share a place with the main thread. */
static bool
rule_in(const char *callback)
{
    const char *now = rule_callback();

    return pthread_equal(pthread_self(), rule_main) && now && strcmp(now, callback) == 0;
}

static const char *
rule_where(char buf[WHERE_MAX])
{
    const char *callback = rule_callback();
    const char *in = callback ? ", in " : "";

    if (poller_current)
        snprintf(buf, WHERE_MAX, "on poller %u%s%s", poller_current->index, in,
                 callback ? callback : "");
    else if (pthread_equal(pthread_self(), rule_main))
        snprintf(buf, WHERE_MAX, "on the main thread%s%s", in, callback ? callback : "");
    else if (callback && strcmp(callback, "job") == 0)
        snprintf(buf, WHERE_MAX, "on a thread of the work pool");
    else
        snprintf(buf, WHERE_MAX, "on a thread that is not goevd's");
    return buf;
}

/* ---- The report
 * ------------------------------------------------------------------------------- */

void
rule_broken(const struct caller *k, const char *section, const char *format, ...)
{
    struct log_about about = {.plugin = rule_who(k), .named = true};
    const char *by = rule_for_whom(about.plugin);
    char rule[LOG_TEXT_MAX / 2], line[LOG_TEXT_MAX];
    va_list args;
    int n;

    va_start(args, format);
    vsnprintf(rule, sizeof(rule), format, args);
    va_end(args);
    n = snprintf(line, sizeof(line), "plugin '%s'%s%s%s: goevd_%s() %s (goevd-plugin(7), %s)",
                 about.plugin, by ? ", called by plugin '" : "", by ? by : "", by ? "'" : "",
                 k->function, rule, section);
    log_write(&(struct log_event){LOG_ERR, &about, line, MIN((size_t)MAX(n, 0), sizeof(line) - 1)});
    log_flush();
    if (log_is_elsewhere())
        dprintf(STDERR_FILENO, "goevd: %s\n", line);
    abort();
}

void
rule_result(int64_t result, const char *may)
{
    host_wrong_result(result, may);
    log_flush();
    if (log_is_elsewhere())
        dprintf(STDERR_FILENO, "goevd: a callback has returned %" PRId64 "; the log says which\n",
                result);
    abort();
}

/* ---- Anywhere -------------------------------------------------------------------------------- */

static const struct instance *
rule_find(const void *pointer)
{
    const struct instance *i = rule_plugins->instances;

    while (i && i != pointer)
        i = i->next;
    return i;
}

const struct instance *
rule_self(struct caller *k, struct goevd_self *self)
{
    k->self = rule_find(self);
    if (!k->self)
        rule_broken(k, "INSTANCES",
                    "was given a goevd_self that is none: it is the argument of create, not the "
                    "pointer that create makes");
    if (k->self->destroyed)
        rule_broken(k, RULE_THREADS, "was called after destroy had returned");
    return k->self;
}

void
rule_plugin(struct caller *k, struct goevd_plugin *plugin)
{
    if (!rule_find(plugin))
        rule_broken(k, "OPTIONS",
                    "was given a goevd_plugin that is none: it is the value of an option, and NULL "
                    "where that is absent");
}

void
rule_given(struct caller *k, bool given, const char *what)
{
    if (!given)
        rule_broken(k, RULE_FUNCTIONS, "was given no %s (NULL)", what);
}

void
rule_version(struct caller *k, const struct goevd_version *version)
{
    if (version->size == 0)
        rule_broken(k, "ABI",
                    "was given a struct without a version; GOEVD_VERSION_OF() of its type is it");
}

void
rule_close_flags(struct caller *k, unsigned flags)
{
    if (flags & ~(unsigned)(GOEVD_CLOSE_NOW | GOEVD_CLOSE_DONE))
        rule_broken(k, RULE_CONNECTIONS,
                    "was given flags %#x, which are not of enum goevd_close_flags", flags);
}

/* ---- The main thread ------------------------------------------------------------------------- */

void
rule_create(struct caller *k, struct goevd_self *self)
{
    char where[WHERE_MAX];

    rule_self(k, self);
    if (!rule_in("create"))
        rule_broken(k, RULE_THREADS, "was called %s: only create may call it", rule_where(where));
}

void
rule_refuse(struct caller *k, struct goevd_self *self)
{
    char where[WHERE_MAX];

    rule_self(k, self);
    if (!rule_in("create") && !rule_in("check_options"))
        rule_broken(k, RULE_THREADS, "was called %s: only create and check_options may call it",
                    rule_where(where));
}

/* ---- Pollers --------------------------------------------------------------------------------- */

void
rule_poller_index(struct caller *k, unsigned index, const char *what)
{
    char where[WHERE_MAX];

    if (!poller_current || poller_current->index != index)
        rule_broken(k, RULE_THREADS, "was called %s: only poller %u, whose %s it is, may call it",
                    rule_where(where), index, what);
}

void
rule_poller(struct caller *k, struct goevd_poller *poller)
{
    const struct poller *p = (const struct poller *)poller;
    char where[WHERE_MAX];

    rule_given(k, p != NULL, "poller");
    if (p != poller_current)
        rule_broken(k, RULE_THREADS,
                    "was called %s: only poller %u, which it was given, may call it",
                    rule_where(where), p->index);
}

/* The memory of one that has closed stays, without an id, until another has it. */
struct conn *
rule_conn(struct caller *k, struct goevd_conn *public)
{
    struct conn *c = (struct conn *)public;
    uint64_t id;

    rule_given(k, c != NULL, "connection");
    id = poisoned(c, sizeof(*c)) ? 0 : c->watch.id;
    if (id)
        rule_poller_index(k, slots_id_poller(id), "connection");
    if (!id || conn_find(poller_current, id) != c)
        rule_broken(k, RULE_CONNECTIONS,
                    "was given a connection that has closed: none may be used once its on_close "
                    "has returned");
    return c;
}
