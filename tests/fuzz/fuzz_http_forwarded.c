/* Headers of proxies: each node lies within its header, and is an address or none. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/log/forwarded.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check(const char *name, enum http_forwarded_header header, const char *value, size_t len)
{
    struct http_request *req = calloc(1, sizeof(*req) + sizeof(req->fields[0]));
    struct http_forwarded_hops hops;

    assert(req != NULL);
    req->field_count = 1;
    req->fields[0].name = name;
    req->fields[0].name_len = (uint32_t)strlen(name) & 0xffffff;
    req->fields[0].value = value;
    req->fields[0].value_len = (uint32_t)len;
    http_forwarded_read(req, header, &hops);
    assert(hops.count <= len + 1);
    for (size_t n = hops.count; n-- > 0 && hops.count - n <= HTTP_FORWARDED_HOPS_MAX;) {
        struct http_span node = hops.nodes[n % HTTP_FORWARDED_HOPS_MAX];
        union http_forwarded_address address = {0};

        assert(node.len == 0 || (node.data >= value && node.data + node.len <= value + len));
        if (http_forwarded_node(node, &address))
            assert(address.sa.sa_family == AF_INET || address.sa.sa_family == AF_INET6);
    }
    free(req);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *value = malloc(len == 0 ? 1 : len);

    if (value == NULL || len > 65536) {
        free(value);
        return 0;
    }
    if (len != 0)
        memcpy(value, data, len);
    check("Forwarded", HTTP_FORWARDED_STANDARD, value, len);
    check("X-Forwarded-For", HTTP_FORWARDED_X_FORWARDED_FOR, value, len);
    free(value);
    return 0;
}
