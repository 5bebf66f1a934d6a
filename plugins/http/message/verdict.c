#include "http/message/verdict.h"

#include <assert.h>

#include "http/message/util.h"

static const struct {
    int status;
    const char *name;
    const char *words;
} verdicts[] = {
#define HTTP_VERDICT_ROW(name, status, words) {status, #name, words},
    HTTP_VERDICTS(HTTP_VERDICT_ROW)
#undef HTTP_VERDICT_ROW
};

int
http_verdict_status(int verdict)
{
    assert(http_verdict_index(verdict) < ARRAY_LEN(verdicts));
    return verdicts[http_verdict_index(verdict)].status;
}

const char *
http_verdict_name(int verdict)
{
    assert(http_verdict_index(verdict) < ARRAY_LEN(verdicts));
    return verdicts[http_verdict_index(verdict)].name;
}

const char *
http_verdict_words(int verdict)
{
    assert(http_verdict_index(verdict) < ARRAY_LEN(verdicts));
    return verdicts[http_verdict_index(verdict)].words;
}

static const struct {
    int status;
    const char *phrase;
} phrases[] = {
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

const char *
http_status_phrase(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "";
}
