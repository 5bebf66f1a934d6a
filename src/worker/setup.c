#include "worker/setup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "net/tls/tls.h"
#include "process/store.h"
#include "worker/owner.h"
#include "worker/setup_parts.h"

#define SYSTEMD "systemd:"

/* ---- Listeners ------------------------------------------------------------------------------- */

int
setup_listener_error(struct setup *s, const struct config *config, size_t i, const char *key,
                     const char *format, ...)
{
    char path[64], text[ERR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    snprintf(path, sizeof(path), "listeners[%zu].%s", i, key);
    return config_error(config, &s->errors, path, "%s", text);
}

unsigned
setup_seconds(int64_t ns)
{
    return (unsigned)(((uint64_t)ns + NS_PER_S - 1) / NS_PER_S);
}

static void
setup_socket_owner(struct setup *s, const struct config *config, size_t i, struct listen_options *o)
{
    const struct config_listener *c = &config->listeners[i];
    const char *user = c->socket_owner.data, *group = c->socket_group.data;

    if (user && owner_find_user(user, &o->unix_uid, NULL) < 0)
        setup_listener_error(s, config, i, "socket_owner", "there is no user '%s'", user);
    if (group && owner_find_group(group, &o->unix_gid) < 0)
        setup_listener_error(s, config, i, "socket_group", "there is no group '%s'", group);
}

static void
setup_proxies(struct setup *s, const struct config *config, size_t i)
{
    const struct config_listener *c = &config->listeners[i];
    const struct goevd_str *from = c->proxy ? c->proxy->from.items : NULL;
    struct proxy_log *p = &s->listeners[i].proxies;
    size_t count = c->proxy ? c->proxy->from.count : 0;
    char key[64];

    if (proxy_log_init(p, c) < 0)
        setup_listener_error(s, config, i, "proxy_protocol", "no memory for the networks");
    for (size_t n = 0; n < count && p->cidrs; n++) {
        struct err err = {0};

        if (!from[n].data || cidr_parse(from[n].data, &p->cidrs[n], &err) == 0)
            continue;
        snprintf(key, sizeof(key), "proxy_protocol.from[%zu]", n);
        setup_listener_error(s, config, i, key, "%s", err.text);
    }
}

/* Check a name by the rules of systemd for FileDescriptorName=. */
static void
setup_systemd(struct setup *s, const struct config *config, size_t i)
{
    const char *name = config->listeners[i].address.data + strlen(SYSTEMD);
    size_t len = strlen(name);

    s->listeners[i].systemd = name;
    if (len == 0 || len >= PROTO_NAME_MAX || strchr(name, ':') ||
        strncmp(name, KEPT_PREFIX, strlen(KEPT_PREFIX)) == 0)
        setup_listener_error(s, config, i, "address",
                             "a socket of systemd has a name of 1 to %d characters, without a "
                             "colon, that does not begin with " KEPT_PREFIX,
                             PROTO_NAME_MAX - 1);
}

static void
setup_listener(struct setup *s, const struct config *config, size_t i)
{
    const struct config_listener *c = &config->listeners[i];
    struct setup_listener *l = &s->listeners[i];
    struct err err = {0};

    if (c->address.data && strncmp(c->address.data, SYSTEMD, strlen(SYSTEMD)) == 0)
        setup_systemd(s, config, i);
    else if (c->address.data && address_parse(c->address.data, &l->address, &err) < 0)
        setup_listener_error(s, config, i, "address", "%s", err.text);
    l->options = (struct listen_options){
        .backlog = (int)c->backlog,
        .receive_buffer_bytes = (int)c->socket.receive_buffer_bytes,
        .send_buffer_bytes = (int)c->socket.send_buffer_bytes,
        .defer_accept_s = setup_seconds(c->defer_accept_ns),
        .keepalive_s = setup_seconds(c->socket.keepalive_ns),
        .unix_mode = c->socket_mode,
        .unix_uid = UINT32_MAX,
        .unix_gid = UINT32_MAX,
        .nodelay = c->socket.nodelay,
        .ipv6_only = c->ipv6_only,
    };
    setup_socket_owner(s, config, i, &l->options);
    setup_proxies(s, config, i);
    setup_tls(s, config, i);
}

static void
setup_privileges(struct setup *s, const struct config *config)
{
    struct privileges *p = &s->privileges;
    const char *user = config->user.data, *group = config->group.data;

    *p = (struct privileges){geteuid(), getegid()};
    if (user && owner_find_user(user, &p->uid, &p->gid) < 0)
        config_error(config, &s->errors, "user", "there is no user '%s'", user);
    if (group && owner_find_group(group, &p->gid) < 0)
        config_error(config, &s->errors, "group", "there is no group '%s'", group);
}

/* Checks that conf cannot make, because it knows no addresses and users. They run beside its own.
 */
static void
setup_check(void *ctx, const struct config *config, struct conf_errors *errors)
{
    struct setup *s = ctx;

    s->listeners = calloc(MAX(config->listener_count, 1), sizeof(*s->listeners));
    if (!s->listeners) {
        conf_errors_add(errors, NULL, "", "no memory for the listeners");
        return;
    }
    s->listener_count = config->listener_count;
    for (size_t i = 0; i < s->listener_count; i++)
        setup_listener(s, config, i);
    setup_privileges(s, config);
}

/* ---- All of it ------------------------------------------------------------------------------- */

int
setup_load(struct setup *s, const struct worker_options *options, struct generation *from)
{
    struct err err = {0};
    int r;

    memset(s, 0, sizeof(*s));
    r = plugins_init(&s->plugins, options->plugin_dir, &err);
    s->plugins.strict = options->strict;
    if (from) {
        s->plugins.snapshot = &from->snapshot;
        s->plugins.kept = from->modules;
        s->plugins.kept_count = from->module_count;
    }
    if (r == 0)
        r = config_load_checked(options->config_file, s->plugins.snapshot, &s->plugins.resolver,
                                setup_check, s, &s->config, &s->errors);
    s->plugins.config = s->config;
    if (r < 0 && s->errors.found == 0)
        conf_errors_add(&s->errors, NULL, "", "%s", err.code ? err.text : err_words(r));
    return r;
}

int
setup_create(struct setup *s, int metrics_fd, unsigned pollers)
{
    struct registry *registry = &s->plugins.registry;
    struct err err = {0};
    int r = registry_init(registry, metrics_fd, &err);

    if (r == 0 && metrics_init(&s->metrics, registry, pollers) < 0)
        r = err_set(&err, -ENOMEM, "no memory for metrics");
    if (r < 0)
        return conf_errors_add(&s->errors, NULL, "", "%s", err.text);
    return plugins_create(&s->plugins, &s->errors);
}

void
setup_fini(struct setup *s)
{
    for (size_t i = 0; i < s->listener_count; i++) {
        proxy_log_fini(&s->listeners[i].proxies);
        tls_server_free(s->listeners[i].tls);
    }
    free(s->listeners);
    plugins_fini(&s->plugins);
    config_free(s->config);
    conf_errors_fini(&s->errors);
}
