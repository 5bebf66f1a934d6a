#include "conf/config_build.h"

#include <errno.h>
#include <string.h>

#include "conf/yaml/suggest.h"

/* The kernel chooses another port for each that asks for port 0. */
static bool
build_is_port_0(struct goevd_str address)
{
    return address.len >= 2 && strcmp(address.data + address.len - 2, ":0") == 0 &&
           strncmp(address.data, "unix:", 5) != 0;
}

static void
build_listener_name(struct build *build, size_t i)
{
    struct config_listener *listener = &build->listeners[i];
    bool given = listener->name.data != NULL;
    size_t before;

    if (given && !build_word_is(listener->name, LOWER UPPER DIGITS "_-."))
        build_error(build, LISTENER_AT(i, "name"),
                    "%s: names are made of letters, digits, _, - and the dot",
                    CONF_QUOTE(listener->name));
    if (!given)
        listener->name = listener->address;
    for (before = 0; before < i; before++) {
        const struct config_listener *other = &build->listeners[before];

        if (build_is_same(other->address, listener->address) && !build_is_port_0(other->address))
            build_error(build, LISTENER_AT(i, "address"), "listeners[%zu] has the address %s too",
                        before, CONF_QUOTE(listener->address));
        else if (build_is_same(other->name, listener->name))
            build_error(build, LISTENER_AT(i, "name"), "listeners[%zu] has the name %s too", before,
                        CONF_QUOTE(listener->name));
        else
            continue;
        return;
    }
}

static void
build_unknown_reactor(struct build *build, const char *path, struct goevd_str name)
{
    struct suggest suggest;
    size_t i;

    suggest_init(&suggest, name);
    for (i = 0; i < build->config->reactor_count; i++) {
        if (build->reactors[i].name.data)
            suggest_offer(&suggest, build->reactors[i].name);
    }
    if (suggest.best.data)
        build_error(build, path, "there is no reactor %s; did you mean %s?", CONF_QUOTE(name),
                    suggest.best.data);
    else
        build_error(build, path, "there is no reactor %s under reactors:", CONF_QUOTE(name));
}

static unsigned
build_reactor_find(struct build *build, const char *path, struct goevd_str name, unsigned def)
{
    unsigned i;

    if (!name.data)
        return def;
    for (i = 0; i < build->config->reactor_count; i++) {
        if (build_is_same(name, build->reactors[i].name))
            return i;
    }
    build_unknown_reactor(build, path, name);
    return def;
}

static void
build_listener_reactors(struct build *build, size_t i)
{
    struct config_listener *listener = &build->listeners[i];

    listener->reactor =
        build_reactor_find(build, LISTENER_AT(i, "reactor"), listener->reactor_text, 0);
    listener->accept_reactor = build_reactor_find(build, LISTENER_AT(i, "accept_reactor"),
                                                  listener->accept_reactor_text, listener->reactor);
    if (listener->accept_reactor_text.data && listener->mode != CONFIG_MODE_ACCEPTOR)
        build_error(build, LISTENER_AT(i, "accept_reactor"),
                    "has a meaning only with mode: acceptor");
}

static void
build_socket_mode(struct build *build, size_t i)
{
    struct config_listener *listener = &build->listeners[i];
    struct goevd_str text = listener->socket_mode_text;

    listener->socket_mode = CONFIG_SOCKET_MODE;
    if (!text.data)
        return;
    listener->socket_mode = (unsigned)strtoul(text.data, NULL, 8);
    if (!build_word_is(text, "01234567") || listener->socket_mode > 0777)
        build_error(build, LISTENER_AT(i, "socket_mode"),
                    "expected permissions in octal such as 0660, found %s", CONF_QUOTE(text));
}

/* Keys that only sockets in the file system have. */
static void
build_listener_socket(struct build *build, size_t i)
{
    const struct config_listener *listener = &build->listeners[i];
    const struct {
        const char *key;
        struct goevd_str text;
    } keys[] = {
        {"socket_mode", listener->socket_mode_text},
        {"socket_owner", listener->socket_owner},
        {"socket_group", listener->socket_group},
    };
    size_t k;

    build_socket_mode(build, i);
    if (!listener->address.data || strncmp(listener->address.data, "unix:/", 6) == 0)
        return;
    for (k = 0; k < ARRAY_LEN(keys); k++) {
        if (keys[k].text.data)
            build_error(build, LISTENER_AT(i, keys[k].key),
                        "has a meaning only for addresses that begin with unix:/");
    }
}

int
build_listeners(struct build *build)
{
    const struct goevd_list *list = &build->config->top->listeners;
    size_t i;

    build->listeners = arena_copy_array(&build->config->arena, list->items, list->count,
                                        sizeof(*build->listeners));
    if (!build->listeners)
        return -ENOMEM;
    build->config->listeners = build->listeners;
    build->config->listener_count = list->count;
    for (i = 0; i < list->count; i++) {
        build_listener_name(build, i);
        build_listener_reactors(build, i);
        build_listener_socket(build, i);
        build_limits(build, &build->listeners[i].limits, LISTENER_AT(i, ""));
    }
    return 0;
}
