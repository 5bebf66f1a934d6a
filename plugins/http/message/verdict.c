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
