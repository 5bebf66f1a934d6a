#include "worker/announce.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

#define ANNOUNCE_NAMED_MAX 3 /* listeners; 100 of them would hide the line's point */

static bool
announce_is_url(const struct announce_listener *l)
{
    return l->http && address_is_tcp(l->address);
}

/* Whether a socket listens on every address of the machine. No client can connect to such an
 * address. */
static bool
announce_is_wildcard(const struct address *a)
{
    if (a->sa.sa_family == AF_INET)
        return a->in.sin_addr.s_addr == htonl(INADDR_ANY);
    return a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
}

static void
announce_put_url(FILE *out, const struct announce_listener *l)
{
    const struct address *a = l->address;
    bool wildcard = announce_is_wildcard(a);
    char text[ADDRESS_TEXT_MAX];
    size_t len;

    if (wildcard)
        snprintf(text, sizeof(text), "localhost:%u", address_port(a));
    else
        address_format(&a->sa, a->len, text, sizeof(text));
    len = strlen(text);
    if (address_port(a) == 80 && !l->tls) /* a URL without a port means this one */
        len -= strlen(":80");
    if (address_port(a) == 443 && l->tls)
        len -= strlen(":443");
    fprintf(out, "%s://%.*s/%s", l->tls ? "https" : "http", (int)len, text,
            wildcard ? " on all addresses" : "");
}

static void
announce_put(FILE *out, const struct announce_listener *l)
{
    char text[ADDRESS_TEXT_MAX];

    if (announce_is_url(l))
        announce_put_url(out, l);
    else
        fprintf(out, "%s on %s", l->plugin,
                address_format(&l->address->sa, l->address->len, text, sizeof(text)));
}

/* Write the listeners of one kind, as long as fewer than the limit stand there. Returns how many
 * do. */
static size_t
announce_put_kind(FILE *out, const struct announce_listener *listeners, size_t count, bool urls,
                  size_t named)
{
    size_t last = MIN(count, ANNOUNCE_NAMED_MAX);

    for (size_t i = 0; i < count && named < last; i++) {
        if (announce_is_url(&listeners[i]) != urls)
            continue;
        if (named > 0)
            fputs(named + 1 == count ? " and " : ", ", out);
        announce_put(out, &listeners[i]);
        named++;
    }
    return named;
}

const char *
announce_text(const struct announce_listener *listeners, size_t count, int pid,
              char buf[ANNOUNCE_TEXT_MAX])
{
    FILE *out = fmemopen(buf, ANNOUNCE_TEXT_MAX, "w");
    size_t named;

    buf[0] = '\0';
    if (!out)
        return buf;
    fputs("goevd " GOEVD_RELEASE " is serving ", out);
    named = announce_put_kind(out, listeners, count, true, 0);
    named = announce_put_kind(out, listeners, count, false, named);
    if (count > named)
        fprintf(out, " and %zu more listener%s", count - named, count - named == 1 ? "" : "s");
    fprintf(out, " (pid %d)", pid);
    fclose(out);
    buf[ANNOUNCE_TEXT_MAX - 1] = '\0';
    return buf;
}
