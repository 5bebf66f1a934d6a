#include "http/route/match/virtual_hosts.h"

#include <errno.h>
#include <stdlib.h>

#include "http/message/text/chars.h"
#include "http/message/uri/authority.h"

void
http_virtual_hosts_fini(struct http_virtual_hosts *hosts)
{
    for (size_t i = 0; i < hosts->count; i++)
        free(hosts->names[i].text);
    free(hosts->names);
    *hosts = (struct http_virtual_hosts){0};
}

/* The host without its port. */
static struct http_span
http_virtual_hosts_without_port(struct http_span host)
{
    const char *end;

    if (host.len == 0)
        return host;
    end = host.data[0] == '[' ? memchr(host.data, ']', host.len) : memchr(host.data, ':', host.len);
    if (end)
        host.len = (size_t)(end - host.data) + (*end == ']');
    return host;
}

/* Copy a name in lower case. Returns its length; 0: longer than any name. */
static size_t
http_virtual_hosts_normalise(struct http_span host, char to[HTTP_VIRTUAL_HOSTS_NAME_MAX])
{
    if (host.len != 0 && host.data[host.len - 1] == '.')
        host.len--;
    if (host.len > HTTP_VIRTUAL_HOSTS_NAME_MAX)
        return 0;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.data[i];

        to[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    return host.len;
}

/* Index of the first name that does not sort before `text`; *ret_is: the name equals it. */
static size_t
http_virtual_hosts_place(const struct http_virtual_hosts *hosts, const char *text, size_t len,
                         bool *ret_is)
{
    size_t low = 0;
    size_t high = hosts->count;

    *ret_is = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct http_virtual_host *n = &hosts->names[middle];
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
http_virtual_hosts_insert(struct http_virtual_hosts *hosts, size_t at, const char *text, size_t len,
                          uint32_t number)
{
    struct http_virtual_host *names = hosts->names;
    char *copy = malloc(len);

    if (copy && hosts->count == hosts->room) {
        size_t room = hosts->room == 0 ? 16 : hosts->room * 2;

        names = reallocarray(names, room, sizeof(*names));
        if (names) {
            hosts->names = names;
            hosts->room = room;
        }
    }
    if (!copy || !names) {
        free(copy);
        return -ENOMEM;
    }
    memcpy(copy, text, len);
    memmove(names + at + 1, names + at, (hosts->count - at) * sizeof(*names));
    names[at] = (struct http_virtual_host){copy, (uint32_t)len, number};
    hosts->count++;
    return 0;
}

int
http_virtual_hosts_add(struct http_virtual_hosts *hosts, struct http_span name, uint32_t number)
{
    bool below = name.len > 2 && memcmp(name.data, "*.", 2) == 0;
    struct http_span rest = {name.data + (below ? 2 : 0), name.len - (below ? 2 : 0)};
    struct http_span text = {name.data + below, name.len - below};
    char normal[HTTP_VIRTUAL_HOSTS_NAME_MAX];
    size_t len = http_virtual_hosts_normalise(text, normal);
    size_t at;
    bool is;

    /* no host begins with a dot, so the names with "*" can be sorted among the others */
    if (len == 0 || rest.data[0] == '.' || memchr(rest.data, '*', rest.len) ||
        !http_authority_valid(rest.data, rest.len) ||
        http_virtual_hosts_without_port(rest).len != rest.len)
        return -EINVAL;
    at = http_virtual_hosts_place(hosts, normal, len, &is);
    return is ? -EEXIST : http_virtual_hosts_insert(hosts, at, normal, len, number);
}

uint32_t
http_virtual_hosts_find(const struct http_virtual_hosts *hosts, struct http_span host)
{
    char normal[HTTP_VIRTUAL_HOSTS_NAME_MAX];
    size_t len = http_virtual_hosts_normalise(http_virtual_hosts_without_port(host), normal);
    const char *p = normal;
    const char *end = normal + len;

    if (len == 0 || *p == '.')
        return HTTP_VIRTUAL_HOSTS_NONE;
    while (p) {
        bool is;
        size_t at = http_virtual_hosts_place(hosts, p, (size_t)(end - p), &is);

        if (is)
            return hosts->names[at].number;
        p = memchr(p + 1, '.', (size_t)(end - p - 1));
    }
    return HTTP_VIRTUAL_HOSTS_NONE;
}
