/* Headers of the PROXY protocol: the same verdict however they are cut, no byte behind them read,
 * and what is built of one that is true means the same. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/proxy/proxy_header.h"

#define LIMIT 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* In memory that is exactly as long. */
static ssize_t
parse(const uint8_t *data, size_t len, struct proxy_header *ret)
{
    uint8_t *copy = calloc(1, len ? len : 1);
    ssize_t r;

    assert(copy != NULL);
    if (len > 0)
        memcpy(copy, data, len);
    r = proxy_header_parse(copy, len, LIMIT, ret);
    free(copy);
    assert(r == -EAGAIN || r == -EBADMSG || r == -EMSGSIZE || (r > 0 && r <= (ssize_t)len));
    return r;
}

static void
check_same(const struct address *a, const struct address *b)
{
    assert(a->sa.sa_family == b->sa.sa_family && address_port(a) == address_port(b));
    assert(a->len == b->len && memcmp(&a->storage, &b->storage, a->len) == 0);
}

static bool
is_mapped(const struct address *a)
{
    return a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr);
}

static void
check_built(const struct proxy_header *h, unsigned version)
{
    uint8_t buf[PROXY_HEADER_WRITE_MAX];
    size_t len = proxy_header_write(version, &h->from, &h->to, buf);
    struct proxy_header again;

    assert(len <= sizeof(buf) && parse(buf, len, &again) == (ssize_t)len);
    assert(again.told == (version == 2 || address_is_tcp(&h->from)));
    if (!again.told || (is_mapped(&h->from) && is_mapped(&h->to)))
        return;
    check_same(&h->from, &again.from);
    check_same(&h->to, &again.to);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct proxy_header whole = {.told = false}, part = {.told = false};
    ssize_t r = parse(data, len, &whole), before = -EAGAIN;
    size_t most = len < LIMIT + 1 ? len : LIMIT + 1;

    for (size_t cut = 0; cut <= most; cut++) {
        ssize_t now = parse(data, cut, &part);

        assert(now == before || before == -EAGAIN); /* a verdict stands */
        before = now;
    }
    assert(before == r && part.told == whole.told);
    if (r > 0 && whole.told)
        for (unsigned version = 1; version <= 2; version++)
            check_built(&whole, version);
    return 0;
}
