/* How fast frames are unmasked and text is checked, in bytes that are in the cache: GB/s of one
 * CPU.
 *
 *   bytes [SIZE]
 *
 * Prints "unmask", "ascii" and "utf8" with the best of many turns each; a byte counts once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "websocket/message/mask.h"
#include "websocket/message/utf8.h"

#define SIZE 16384
#define TURNS 200
#define PASSES 200

static double
now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

struct bytes {
    char *from, *to;
    size_t len;
};

static void
unmask(const struct bytes *b)
{
    ws_mask_apply(b->to, b->from, b->len, 0x01234567);
}

static void
check(const struct bytes *b)
{
    struct ws_utf8 u = {0};

    if (ws_utf8_check(&u, b->from, b->len) < 0)
        abort();
}

static void
measure(const char *name, void (*work)(const struct bytes *), const struct bytes *b)
{
    double best = 0;

    for (int i = 0; i < TURNS; i++) {
        double begun = now_ns(), rate;

        for (int j = 0; j < PASSES; j++)
            work(b);
        rate = (double)b->len * PASSES / (now_ns() - begun);
        best = rate > best ? rate : best;
    }
    printf("%s %.2f\n", name, best);
}

int
main(int argc, char **argv)
{
    static const char text[] = "\xc3\xa9\xe2\x82\xac ok "; /* two characters and four bytes */
    struct bytes b = {.len = argc > 1 ? strtoul(argv[1], NULL, 10) : SIZE};

    b.from = malloc(b.len + sizeof(text));
    b.to = malloc(b.len + 1);
    if (!b.from || !b.to)
        abort();
    memset(b.from, 'x', b.len);
    measure("unmask", unmask, &b);
    measure("ascii", check, &b);
    for (size_t at = 0; at < b.len; at += sizeof(text) - 1)
        memcpy(b.from + at, text, sizeof(text) - 1);
    b.len -= b.len % (sizeof(text) - 1);
    measure("utf8", check, &b);
    free(b.from);
    free(b.to);
    return 0;
}
