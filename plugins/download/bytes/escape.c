#include "download/bytes/escape.h"

#include <string.h>

/* Append a byte, percent-encoded if necessary. Returns the new length. */
static size_t
dl_escape_put(char *to, size_t size, size_t n, char c, bool escaped)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-._~!$()*+,;=:@/";

    if (!escaped && c != '\0' && strchr(plain, c)) {
        to[n] = c;
        return n + 1;
    }
    return n + (size_t)snprintf(to + n, size - n, "%%%02X", (unsigned char)c);
}

size_t
dl_escape_path(struct goevd_str path, char *to, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < path.len && n + 4 <= size; i++)
        n = dl_escape_put(to, size, n, path.data[i], false);
    return n;
}

size_t
dl_escape_path_as(struct goevd_str path, struct goevd_str raw, char *to, size_t size)
{
    size_t n = 0, at = 0;

    for (size_t i = 0; i < path.len && n + 4 <= size; i++) {
        bool escaped = at < raw.len && raw.data[at] == '%';

        if (at >= raw.len || (!escaped && raw.data[at] != path.data[i]))
            return dl_escape_path(path, to, size); /* the raw path had dot segments or "//" */
        n = dl_escape_put(to, size, n, path.data[i], escaped);
        at += escaped ? 3 : 1;
    }
    return at == raw.len || n + 4 > size ? n : dl_escape_path(path, to, size);
}

void
dl_escape_html(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*text, out);
        }
    }
}

/* Length of the UTF-8 character at the beginning, RFC 3629 section 4; 0: malformed. */
static size_t
dl_escape_utf8_len(const unsigned char *s)
{
    static const struct {
        unsigned char first, last; /* range of the first byte, */
        unsigned char low, high;   /* range of the second byte, */
        unsigned char len;         /* and length of the character */
    } rows[] = {
        {0x01, 0x7f, 0x00, 0xff, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (s[0] < rows[i].first || s[0] > rows[i].last)
            continue;
        if (rows[i].len > 1 && (s[1] < rows[i].low || s[1] > rows[i].high))
            return 0;
        for (size_t k = 2; k < rows[i].len; k++)
            if (s[k] < 0x80 || s[k] > 0xbf)
                return 0;
        return rows[i].len;
    }
    return 0;
}

void
dl_escape_json(FILE *out, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;

    fputc('"', out);
    while (*s != '\0') {
        size_t len = dl_escape_utf8_len(s);

        if (len == 0)
            fputs("\\ufffd", out);
        else if (*s < ' ' || *s == 0x7f)
            fprintf(out, "\\u%04x", *s);
        else if (*s == '"' || *s == '\\')
            fprintf(out, "\\%c", *s);
        else
            fwrite(s, 1, len, out);
        s += len == 0 ? 1 : len;
    }
    fputc('"', out);
}
