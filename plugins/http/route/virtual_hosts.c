#include "http/route/virtual_hosts.h"

#include <errno.h>
#include <stdlib.h>

#include "http/message/authority.h"
#include "http/message/chars.h"

void
hosts_fini(struct hosts *hosts)
{
    for (size_t i = 0; i < hosts->count; i++)
        free(hosts->names[i].text);
    free(hosts->names);
    *hosts = (struct hosts){0};
}

/* The host without its port. */
static struct span
hosts_without_port(struct span host)
{
    const char *end;

    if (host.len == 0)
        return host;
    end = host.data[0] == '[' ? memchr(host.data, ']', host.len) : memchr(host.data, ':', host.len);
    if (end != NULL)
        host.len = (size_t)(end - host.data) + (*end == ']');
    return host;
}

/* In small letters; returns its bytes, 0 for what is too long to be anybody's name. */
static size_t
hosts_normalise(struct span host, char to[HOSTS_NAME_MAX])
{
    if (host.len != 0 && host.data[host.len - 1] == '.')
        host.len--;
    if (host.len > HOSTS_NAME_MAX)
        return 0;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.data[i];

        to[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    return host.len;
}

/* The first that does not come before `text`; *ret_is tells whether it is that. */
static size_t
hosts_place(const struct hosts *hosts, const char *text, size_t len, bool *ret_is)
{
    size_t low = 0;
    size_t high = hosts->count;

    *ret_is = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct hosts_name *n = &hosts->names[middle];
        int order = memcmp(n->text, text, MIN(n->len, len));

        if (order == 0)
            order = (n->len > len) - (n->len < len);
        if (order == 0) {
            *ret_is = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int
hosts_insert(struct hosts *hosts, size_t at, const char *text, size_t len, uint32_t number)
{
    struct hosts_name *names = hosts->names;
    char *copy = malloc(len);

    if (copy != NULL && hosts->count == hosts->room) {
        size_t room = hosts->room == 0 ? 16 : hosts->room * 2;

        names = reallocarray(names, room, sizeof(*names));
        if (names != NULL) {
            hosts->names = names;
            hosts->room = room;
        }
    }
    if (copy == NULL || names == NULL) {
        free(copy);
        return -ENOMEM;
    }
    memcpy(copy, text, len);
    memmove(names + at + 1, names + at, (hosts->count - at) * sizeof(*names));
    names[at] = (struct hosts_name){copy, (uint32_t)len, number};
    hosts->count++;
    return 0;
}

int
hosts_add(struct hosts *hosts, struct span name, uint32_t number)
{
    bool below = name.len > 2 && memcmp(name.data, "*.", 2) == 0;
    struct span rest = {name.data + (below ? 2 : 0), name.len - (below ? 2 : 0)};
    struct span text = {name.data + below, name.len - below};
    char normal[HOSTS_NAME_MAX];
    size_t len = hosts_normalise(text, normal);
    size_t at;
    bool is;

    /* no text has a name that begins with a dot: so those with "*" can stand among the others */
    if (len == 0 || rest.data[0] == '.' || memchr(rest.data, '*', rest.len) != NULL ||
        !http_host_valid(rest.data, rest.len) || hosts_without_port(rest).len != rest.len)
        return -EINVAL;
    at = hosts_place(hosts, normal, len, &is);
    return is ? -EEXIST : hosts_insert(hosts, at, normal, len, number);
}

uint32_t
hosts_find(const struct hosts *hosts, struct span host)
{
    char normal[HOSTS_NAME_MAX];
    size_t len = hosts_normalise(hosts_without_port(host), normal);
    const char *p = normal;
    const char *end = normal + len;

    if (len == 0 || *p == '.')
        return HOSTS_NONE;
    while (p != NULL) {
        bool is;
        size_t at = hosts_place(hosts, p, (size_t)(end - p), &is);

        if (is)
            return hosts->names[at].number;
        p = memchr(p + 1, '.', (size_t)(end - p - 1));
    }
    return HOSTS_NONE;
}
