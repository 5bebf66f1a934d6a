/* Handshakes: the input is lines "name:value" that stand for headers. */
#include <assert.h>
#include <string.h>

#include "websocket/message/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The answer to an offer is one to which the same is agreed. */
static void
check_terms(const struct ws_handshake_policy *policy, const struct ws_deflate_terms *terms)
{
    char answer[WS_EXTENSIONS_ANSWER_MAX];
    size_t n = ws_extensions_answer(terms, answer);
    struct ws_deflate_terms again = {0};

    assert(terms->server_bits >= WS_DEFLATE_BITS_MIN && terms->server_bits <= 13);
    assert(terms->client_bits >= 8 && terms->client_bits <= WS_DEFLATE_BITS_MAX);
    assert(n == strlen(answer));
    assert(ws_extensions_take(&policy->deflate, (struct goevd_str){answer, n}, &again) == 0);
    assert(memcmp(&again, terms, sizeof(again)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct goevd_str allowed[] = {{"a", 1}, {"http://b", 8}};
    const struct ws_handshake_policy policy = {{allowed, 2}, false, {allowed, 2}, {13, 12, false}};
    const char *at = (const char *)data, *end = at + len;
    char accept[WS_HANDSHAKE_ACCEPT_LEN];
    struct ws_handshake h = {0};
    int status;

    while (at != end) {
        const char *line = memchr(at, '\n', (size_t)(end - at));
        const char *to = line == NULL ? end : line;
        const char *colon = memchr(at, ':', (size_t)(to - at));

        if (colon != NULL)
            ws_handshake_take(&h, &policy, (struct goevd_str){at, (size_t)(colon - at)},
                              (struct goevd_str){colon + 1, (size_t)(to - colon - 1)});
        at = line == NULL ? end : line + 1;
    }
    status = ws_handshake_status(&h, &policy);
    assert(status == 0 || status == 400 || status == 403 || status == 426);
    assert(h.protocol.data == NULL ||
           (h.protocol.data >= (const char *)data && h.protocol.data + h.protocol.len <= end));
    if (h.deflate.server_bits != 0)
        check_terms(&policy, &h.deflate);
    assert(!h.malformed || status == 400);
    if (status == 0) {
        assert(h.keys == 1 && h.key.len == 24 && memcmp(h.key.data + 22, "==", 2) == 0);
        ws_handshake_accept(&h, accept);
        assert(accept[WS_HANDSHAKE_ACCEPT_LEN - 1] == '=');
    }
    return 0;
}
