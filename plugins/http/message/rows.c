#include "http/message/rows.h"

#include "http/message/text/chars.h"

bool
http_field_is_ours(const char *name, size_t len)
{
    static const char *const ours[] = {
        "connection", "content-length",    "date",    "keep-alive", "server",
        "trailer",    "transfer-encoding", "upgrade",
    };

    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (len == strlen(ours[i]) && http_chars_equal_nocase(name, ours[i], len))
            return true;
    return false;
}

bool
http_field_name_valid(const char *name, size_t len)
{
    return len != 0 && http_chars_all(name, len, HTTP_CHARS_TOKEN);
}

static bool
http_field_is_space(char c)
{
    return c == ' ' || c == '\t';
}

bool
http_field_value_valid(const char *value, size_t len)
{
    return http_chars_all(value, len, HTTP_CHARS_VALUE) &&
           (len == 0 || (!http_field_is_space(value[0]) && !http_field_is_space(value[len - 1])));
}
