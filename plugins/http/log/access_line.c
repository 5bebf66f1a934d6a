#include "http/log/access_line.h"

#include <assert.h>
#include <stdio.h>

#include <goevd/logfile.h>
#include <goevd/plugin.h>

#include "http/message/semantics.h"

/* Limits of the escaped values, in bytes. */
#define TARGET_MAX 1792
#define TEXT_MAX 512
#define LISTENER_MAX 128
#define USER_MAX 128
#define CIPHER_MAX 64

#define ONES (UINT64_MAX / 255)
#define HIGHS (ONES << 7)

static_assert(TARGET_MAX + 3 * TEXT_MAX + LISTENER_MAX + USER_MAX + CIPHER_MAX +
                      HTTP_ACCESS_ID_MAX <
                  HTTP_ACCESS_LINE_MAX - 256,
              "all values fit beside each other");

static struct http_span
http_access_line_method(const struct http_request *req)
{
    const char *name;

    if (req->method == HTTP_METHOD_UNKNOWN)
        return (struct http_span){req->target.data - 1 - req->method_len, req->method_len};
    name = http_method_names[req->method];
    return (struct http_span){name, strlen(name)};
}

void
http_access_request_read(const struct http_request *req, enum goevd_http_version version,
                         struct http_access_request *ret)
{
    const struct http_field *host = &req->fields[req->at[HTTP_KNOWN_HOST]];

    *ret = (struct http_access_request){
        .method = http_access_line_method(req), .target = req->target, .version = version};
    if (req->seen & 1U << HTTP_KNOWN_HOST)
        ret->host = (struct http_span){host->value, host->value_len};
    for (uint32_t i = 0; i < req->field_count; i++) {
        const struct http_field *f = &req->fields[i];

        if (http_field_is(f, "referer", strlen("referer")))
            ret->referer = (struct http_span){f->value, f->value_len};
        else if (http_field_is(f, "user-agent", strlen("user-agent")))
            ret->agent = (struct http_span){f->value, f->value_len};
    }
}

/* ---- Values ---------------------------------------------------------------------------------- */

static uint64_t
http_access_line_has_zero(uint64_t w)
{
    return (w - ONES) & ~w & HIGHS;
}

/* Whether any of 8 bytes needs an escape: non-ASCII, not printable, a quote or a backslash. May
 * report one where there is none, which only costs time. */
static bool
http_access_line_is_special(uint64_t w)
{
    return (w & HIGHS) || ((w - ONES * ' ') & HIGHS) ||
           (http_access_line_has_zero(w ^ ONES * '"') | http_access_line_has_zero(w ^ ONES * '\\') |
            http_access_line_has_zero(w ^ ONES * 0x7f)) != 0;
}

/* Number of bytes at the beginning that need no escape. */
static size_t
http_access_line_plain(struct http_span s)
{
    size_t i = 0;

    while (i + 8 <= s.len && !http_access_line_is_special(http_load64(s.data + i)))
        i += 8;
    if (s.len >= 8 && i + 8 > s.len &&
        !http_access_line_is_special(http_load64(s.data + s.len - 8)))
        return s.len;
    while (i < s.len && s.data[i] >= ' ' && s.data[i] < 0x7f && s.data[i] != '"' &&
           s.data[i] != '\\')
        i++;
    return i;
}

typedef size_t (*line_escape_fn)(char *to, size_t size, const char *chars, size_t len);

static char *
http_access_line_value(char *p, struct http_span s, size_t max, line_escape_fn escape)
{
    size_t n = MIN(http_access_line_plain(s), max);

    if (n != 0)
        memcpy(p, s.data, n);
    return n == s.len ? p + n : p + n + escape(p + n, max - n, s.data + n, s.len - n);
}

/* Copies text of this file, which needs no escape. */
static char *
http_access_line_known(char *p, struct http_span s)
{
    memcpy(p, s.data, s.len);
    return p + s.len;
}

static size_t
http_access_line_escape_json(char *to, size_t size, const char *chars, size_t len)
{
    return goevd_json_escape(to, size, chars, len);
}

/* Escapes bytes as \xHH, as other servers do in this format; also bytes below `first`. */
static size_t
http_access_line_escape_from(char *to, size_t size, const char *chars, size_t len, uint8_t first)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)chars[i];
        bool plain = c >= first && http_access_line_plain((struct http_span){chars + i, 1}) == 1;

        if (n + (plain ? 1 : 4) > size)
            break;
        if (plain) {
            to[n++] = (char)c;
            continue;
        }
        to[n++] = '\\';
        to[n++] = 'x';
        to[n++] = digits[c >> 4];
        to[n++] = digits[c & 15];
    }
    return n;
}

static size_t
http_access_line_escape_hex(char *to, size_t size, const char *chars, size_t len)
{
    return http_access_line_escape_from(to, size, chars, len, ' ');
}

#define PUT(p, text) (memcpy((p), text, sizeof(text) - 1), (p) + sizeof(text) - 1)

static char *
http_access_line_number(char *p, uint64_t n, unsigned digits)
{
    char reversed[20];
    unsigned len = 0;

    do {
        reversed[len++] = (char)('0' + n % 10);
        n /= 10;
    } while (n != 0 || len < digits);
    while (len != 0)
        *p++ = reversed[--len];
    return p;
}

static void
http_access_line_tell_second(struct http_access_second *s, time_t now)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm;
    char text[128];

    gmtime_r(&now, &tm);
    s->second = now;
    snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1,
             tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    memcpy(s->iso, text, 19);
    snprintf(text, sizeof(text), "%02d/%.3s/%04d:%02d:%02d:%02d +0000", tm.tm_mday,
             &months[tm.tm_mon * 3L], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    memcpy(s->combined, text, 26);
}

/* ---- Formats --------------------------------------------------------------------------------- */

static const char *
http_access_line_version(enum goevd_http_version version)
{
    return version == GOEVD_HTTP_2     ? "HTTP/2.0"
           : version == GOEVD_HTTP_1_0 ? "HTTP/1.0"
                                       : "HTTP/1.1";
}

static struct http_span
http_access_line_protocol(const struct http_access_request *r)
{
    return r->method.len == 0
               ? (struct http_span){"", 0}
               : (struct http_span){http_access_line_version(r->version), strlen("HTTP/1.1")};
}

static char *
http_access_line_trace(char *p, const struct http_trace *t)
{
    p = http_access_line_known(PUT(p, "\",\"trace\":\""), http_trace_id(t));
    p = http_access_line_known(PUT(p, "\",\"span\":\""), http_trace_span(t));
    p = PUT(p, "\",\"caller\":\"");
    return t->continued
               ? http_access_line_known(p, (struct http_span){t->caller, HTTP_TRACE_SPAN_LEN})
               : p;
}

/* Like its neighbours, it leaves the last text open. */
static char *
http_access_line_tls(char *p, const struct http_access_answer *a)
{
    p = http_access_line_known(PUT(p, "\",\"resumed\":"), a->resumed
                                                              ? (struct http_span){"true", 4}
                                                              : (struct http_span){"false", 5});
    p = http_access_line_known(PUT(p, ",\"tls\":\""), a->tls);
    return http_access_line_value(PUT(p, "\",\"cipher\":\""), a->cipher, CIPHER_MAX,
                                  http_access_line_escape_json);
}

size_t
http_access_line_json(char *to, struct http_access_second *second,
                      const struct http_access_request *r, const struct http_access_answer *a)
{
    char *p = PUT(to, "{\"time\":\"");

    if (a->at.tv_sec != second->second)
        http_access_line_tell_second(second, a->at.tv_sec);
    memcpy(p, second->iso, 19);
    p += 19;
    *p++ = '.';
    p = http_access_line_number(p, (uint64_t)a->at.tv_nsec / 1000000, 3);
    p = http_access_line_known(PUT(p, "Z\",\"client\":\""), a->client);
    p = http_access_line_value(PUT(p, "\",\"user\":\""), r->user, USER_MAX,
                               http_access_line_escape_json);
    p = http_access_line_value(PUT(p, "\",\"listener\":\""), a->listener, LISTENER_MAX,
                               http_access_line_escape_json);
    p = http_access_line_value(PUT(p, "\",\"host\":\""), r->host, TEXT_MAX,
                               http_access_line_escape_json);
    p = http_access_line_known(PUT(p, "\",\"method\":\""), r->method);
    p = http_access_line_value(PUT(p, "\",\"target\":\""), r->target, TARGET_MAX,
                               http_access_line_escape_json);
    p = http_access_line_known(PUT(p, "\",\"protocol\":\""), http_access_line_protocol(r));
    p = http_access_line_number(PUT(p, "\",\"status\":"), (uint64_t)a->status, 3);
    p = http_access_line_number(PUT(p, ",\"bytes\":"), a->bytes, 1);
    if (a->aborted)
        p = PUT(p, ",\"aborted\":true");
    p = http_access_line_number(PUT(p, ",\"duration\":"), a->duration_ns / NS_PER_S, 1);
    *p++ = '.';
    p = http_access_line_number(p, a->duration_ns / 1000 % 1000000, 6);
    p = http_access_line_value(PUT(p, ",\"referer\":\""), r->referer, TEXT_MAX,
                               http_access_line_escape_json);
    p = http_access_line_value(PUT(p, "\",\"agent\":\""), r->agent, TEXT_MAX,
                               http_access_line_escape_json);
    p = http_access_line_value(PUT(p, "\",\"id\":\""), a->id, HTTP_ACCESS_ID_MAX,
                               http_access_line_escape_json);
    if (a->tls.len != 0)
        p = http_access_line_tls(p, a);
    if (a->trace->len != 0)
        p = http_access_line_trace(p, a->trace);
    p = PUT(p, "\"}\n");
    return (size_t)(p - to);
}

static char *
http_access_line_or_dash(char *p, struct http_span s, size_t max)
{
    return http_access_line_value(p, s.len == 0 ? (struct http_span){"-", 1} : s, max,
                                  http_access_line_escape_hex);
}

/* Copies a value that is one word of the line: blanks are escaped. */
static char *
http_access_line_user(char *p, struct http_span user)
{
    if (user.len == 0)
        user = (struct http_span){"-", 1};
    return p + http_access_line_escape_from(p, USER_MAX, user.data, user.len, ' ' + 1);
}

size_t
http_access_line_combined(char *to, struct http_access_second *second,
                          const struct http_access_request *r, const struct http_access_answer *a)
{
    char *p = http_access_line_known(to, a->client);

    if (a->at.tv_sec != second->second)
        http_access_line_tell_second(second, a->at.tv_sec);
    p = PUT(http_access_line_user(PUT(p, " - "), r->user), " [");
    memcpy(p, second->combined, 26);
    p = PUT(p + 26, "] \"");
    if (r->method.len != 0) {
        p = http_access_line_known(p, r->method);
        *p++ = ' ';
    }
    p = http_access_line_or_dash(p, r->target, TARGET_MAX);
    if (r->method.len != 0) {
        *p++ = ' ';
        p = http_access_line_known(p, http_access_line_protocol(r));
    }
    p = http_access_line_number(PUT(p, "\" "), (uint64_t)a->status, 3);
    p = http_access_line_number(PUT(p, " "), a->bytes, 1);
    p = http_access_line_or_dash(PUT(p, " \""), r->referer, TEXT_MAX);
    p = http_access_line_or_dash(PUT(p, "\" \""), r->agent, TEXT_MAX);
    p = PUT(p, "\"");
    if (a->aborted)
        p = PUT(p, " X");
    *p++ = '\n';
    return (size_t)(p - to);
}
