#include "http/route/reply/redirect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/message/text/chars.h"
#include "http/message/uri/path.h"

/* Limit of a Location that is put together, in bytes. */
#define REDIRECT_LOCATION_MAX 8192
#define REDIRECT_NAME_MAX 256

/* In the order of the choices of `status` in schema.c. */
static const int http_redirect_statuses[] = {301, 302, 303, 307, 308};

/* Function table of the handlers in this file. */
static const struct goevd_http *http_redirect_api;

bool
http_redirect_varies(const struct http_options_redirect *o)
{
    return memchr(o->to.data, '{', o->to.len);
}

/* ---- Checks of the options ------------------------------------------------------------------- */

/* Whether the text may be part of a URI reference: characters of a target, and "#". Excludes all
 * bytes that would end a header line. */
static bool
http_redirect_text_valid(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!http_chars_is(text[i], HTTP_CHARS_PATH) && text[i] != '?' && text[i] != '#')
            return false;
    return len != 0;
}

static int
http_redirect_refuse_text(struct goevd_self *self, const char *at,
                          const struct http_options_redirect *o)
{
    return goevd_refuse(self, at,
                        "\"%s\" has a character that may not stand in a URL; write "
                        "it as %%XX (a space is %%20)",
                        o->to.data);
}

/* The beginning of the path in a target, behind scheme and host if the target has them. NULL: the
 * target begins neither with a host and "/" nor with "/". */
static const char *
http_redirect_path(const char *to)
{
    const char *host = strncmp(to, "//", 2) == 0         ? to + 2
                       : strncmp(to, "http://", 7) == 0  ? to + 7
                       : strncmp(to, "https://", 8) == 0 ? to + 8
                                                         : NULL;
    size_t len = !host ? 0 : strcspn(host, "/?#{");

    if (host && len == 0)
        return NULL;
    to = !host ? to : host + len;
    return *to == '/' ? to : NULL;
}

/* Whether the route's path has a segment {name}, or "*" at its end for the name "*". */
static bool
http_redirect_has_name(struct goevd_str route, const char *name)
{
    char segment[REDIRECT_NAME_MAX + 3];
    int n = snprintf(segment, sizeof(segment), "{%s}", name);

    if (strcmp(name, "*") == 0)
        return route.len > 1 && route.data[route.len - 1] == '*';
    return n < (int)sizeof(segment) && strstr(route.data, segment);
}

/* Check one "{name}" at p. *ret_end is its end. */
static int
http_redirect_check_name(struct goevd_self *self, const char *at, struct goevd_str route,
                         const char *p, const char **ret_end)
{
    const char *close = strchr(p, '}');
    char name[REDIRECT_NAME_MAX];
    size_t len = !close ? 0 : (size_t)(close - p) - 1;

    if (len == 0 || len >= sizeof(name))
        return goevd_refuse(self, at, "\"%s\" is no {name}", p);
    memcpy(name, p + 1, len);
    name[len] = '\0';
    *ret_end = close + 1;
    if (strcmp(name, "?") == 0)
        return close[1] == '\0' || close[1] == '#'
                   ? 0
                   : goevd_refuse(self, at, "{?} can only stand at the end, or before a \"#\"");
    if (http_redirect_has_name(route, name))
        return 0;
    return goevd_refuse(
        self, at,
        "the path \"%s\" has nothing for {%s}; {name} stands for the segment of that "
        "name, {*} for the part that \"*\" matches, and {?} for the query",
        route.data, name);
}

int
http_redirect_check(struct goevd_self *self, const char *path,
                    const struct http_options_route *route)
{
    const struct http_options_redirect *o = route->redirect;
    const char *p = o->to.data;
    char at[128];
    int r = 0;

    snprintf(at, sizeof(at), "%s.redirect.to", path);
    /* the host must be fixed, so that a request cannot choose the host of the redirect */
    if (!http_redirect_path(p))
        return goevd_refuse(self, at,
                            "\"%s\": a destination with {name} must begin with \"/\", or with "
                            "http:// or https://, a host and \"/\"; otherwise a request could "
                            "choose the host",
                            p);
    while (r == 0 && *p != '\0') {
        size_t len = strcspn(p, "{");

        if (len != 0 && !http_redirect_text_valid(p, len))
            return http_redirect_refuse_text(self, at, o);
        p += len;
        if (*p == '{')
            r = http_redirect_check_name(self, at, route->path, p, &p);
    }
    return r;
}

int
http_redirect_build(struct goevd_self *self, const char *path,
                    const struct http_options_redirect *o, struct http_reply *ret_reply)
{
    size_t size = o->to.len + sizeof("Location: \r\n");
    char at[128];
    char *fields;

    snprintf(at, sizeof(at), "%s.redirect.to", path);
    if (!http_redirect_text_valid(o->to.data, o->to.len))
        return http_redirect_refuse_text(self, at, o);
    fields = malloc(size);
    if (!fields)
        return -ENOMEM;
    snprintf(fields, size, "Location: %s\r\n", o->to.data);
    *ret_reply = (struct http_reply){
        .status = http_redirect_statuses[o->status],
        .fields = {fields, strlen(fields)},
        .memory = fields,
    };
    return 0;
}

/* ---- Building the Location ------------------------------------------------------------------- */

struct http_location {
    char text[REDIRECT_LOCATION_MAX];
    size_t len;                          /* larger than the text if it does not fit */
    bool local;                          /* the target has no host */
    bool query;                          /* a "?" was written */
    bool path;                           /* no "?" or "#" was written yet */
    struct goevd_str from;               /* the path of the request */
    char escaped[REDIRECT_LOCATION_MAX]; /* which of its bytes the client had percent-encoded */
};

/* Append a byte, but no second "/" at the beginning: "//" would begin a host, and an empty {*}
 * could produce it. */
static void
http_location_put(struct http_location *l, char c)
{
    if (c == '/' && l->len == 1 && l->local)
        return;
    if (l->len < sizeof(l->text))
        l->text[l->len] = c;
    l->len++;
    l->query |= c == '?';
    l->path &= c != '?' && c != '#';
}

static void
http_location_put_text(struct http_location *l, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        http_location_put(l, text[i]);
}

/* Record which bytes of the path the client had percent-encoded. None, if the path is too long for
 * the array. */
static void
http_location_note_escapes(struct http_location *l, const struct goevd_http_request *r)
{
    struct goevd_str raw = http_redirect_api->raw_path(r);
    char path[REDIRECT_LOCATION_MAX];

    l->from = http_redirect_api->path(r);
    if (!memchr(raw.data, '%', raw.len) || raw.len > sizeof(path) ||
        http_path_normalise_noting(raw.data, raw.len, path, l->escaped) != (ssize_t)l->from.len)
        l->from.len = 0;
}

/* Whether the client had percent-encoded this byte of the path. */
static bool
http_location_was_escaped(const struct http_location *l, const char *p)
{
    size_t at = (size_t)((uintptr_t)p - (uintptr_t)l->from.data);

    return at < l->from.len && l->escaped[at] != 0;
}

/* Whether an encoded byte is equivalent to the plain one, RFC 3986 section 2.3. */
static bool
http_location_is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || http_chars_is(c, HTTP_CHARS_DIGIT) ||
           (c != '\0' && strchr("-._~", c));
}

/* Whether the byte may stay unencoded: reserved characters in the path, but not in the query, where
 * the recipient may parse them. */
static bool
http_location_is_plain(const struct http_location *l, char c, bool slash)
{
    if (c == '/')
        return slash;
    return c != '\0' && l->path && strchr("!$&'()*+,;=:@", c);
}

/* Append a part of the decoded path. Bytes that would end a segment, a line or the URL are encoded
 * again. Reserved characters stay encoded or plain as the client has sent them, section 2.2. */
static void
http_location_put_value(struct http_location *l, struct goevd_str value, bool slash)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = (uint8_t)value.data[i];

        if (http_location_is_unreserved((char)c) ||
            (http_location_is_plain(l, (char)c, slash) &&
             !http_location_was_escaped(l, &value.data[i]))) {
            http_location_put(l, (char)c);
            continue;
        }
        http_location_put(l, '%');
        http_location_put(l, digits[c >> 4]);
        http_location_put(l, digits[c & 15]);
    }
}

/* Append the query unchanged: the parser has validated it. */
static void
http_location_put_query(struct http_location *l, struct goevd_str query)
{
    if (!query.data)
        return;
    http_location_put(l, l->query ? '&' : '?');
    http_location_put_text(l, query.data, query.len);
}

/* Append the value of {name}, {*} or {?} at p. Returns its end. */
static const char *
http_location_put_name(struct http_location *l, const struct goevd_http_request *r, const char *p)
{
    const char *close = strchr(p, '}');
    size_t len = (size_t)(close - p) - 1;
    char name[REDIRECT_NAME_MAX];

    memcpy(name, p + 1, len);
    name[len] = '\0';
    if (strcmp(name, "?") == 0)
        http_location_put_query(l, http_redirect_api->query(r));
    else
        http_location_put_value(l, http_redirect_api->param(r, name), name[0] == '*');
    return close + 1;
}

static void
http_location_begin(struct http_location *l, const struct goevd_http_request *r, bool local)
{
    l->len = 0;
    l->local = local;
    l->query = false;
    l->path = true;
    http_location_note_escapes(l, r);
}

static int
http_location_send(const struct http_location *l, struct goevd_http_request *r, int status)
{
    int result;

    if (l->len > sizeof(l->text))
        return http_redirect_api->reply(r, 414, "", 0, NULL, 0);
    result = http_redirect_api->add_header(r, "Location", l->text, l->len);
    return result < 0 ? result : http_redirect_api->reply(r, status, "", 0, NULL, 0);
}

static int
http_redirect_request(struct goevd_http_request *r, void *state)
{
    const struct http_options_redirect *o = http_redirect_api->instance(r);
    const char *p = o->to.data;
    struct http_location l;

    (void)state;
    http_location_begin(&l, r, http_redirect_path(p) == p);
    while (*p != '\0')
        if (*p == '{')
            p = http_location_put_name(&l, r, p);
        else
            http_location_put(&l, *p++);
    return http_location_send(&l, r, http_redirect_statuses[o->status]);
}

/* Redirect to the same path with "/" appended. 308 makes the client send a form again. */
static int
http_redirect_to_slash(struct goevd_http_request *r, void *state)
{
    enum goevd_http_method method = http_redirect_api->method(r);
    struct http_location l;

    (void)state;
    http_location_begin(&l, r, true);
    http_location_put_value(&l, http_redirect_api->path(r), true);
    http_location_put(&l, '/');
    http_location_put_query(&l, http_redirect_api->query(r));
    return http_location_send(&l, r,
                              method == GOEVD_HTTP_GET || method == GOEVD_HTTP_HEAD ? 301 : 308);
}

const struct goevd_http_handler http_redirect_handler = {
    .version = GOEVD_HTTP_VERSION_OF(struct goevd_http_handler),
    .http = &http_redirect_api,
    .on_request = http_redirect_request,
};

const struct goevd_http_handler http_redirect_slash_handler = {
    .version = GOEVD_HTTP_VERSION_OF(struct goevd_http_handler),
    .http = &http_redirect_api,
    .on_request = http_redirect_to_slash,
};
