/* The corpus of raw requests: each gets its verdict sent whole, cut at every byte, in pieces, and
 * behind a good request.
 *
 * A file's name is NAME.VERDICT.req, and VERDICT is the statuses of the replies, joined by dots;
 * "c" after the last: the connection is closed then; "more" at the end: more bytes are awaited. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http_host.h"

#define FOLDER "../fuzz/corpus/http_conn"
#define FILES_MIN 150
#define VERDICT_MAX 256

static const char good[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#define STR(text)                                                                                  \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static const struct options_respond hello = {.status = 200, .body = STR("Hello, World!")};
static const struct options_respond empty = {.status = 204};
static const struct options_redirect to_root = {.to = STR("/"), .status = 3};
static const int post[] = {2};

static const struct options_route routes[] = {
    {.path = STR("/"), .respond = &hello},
    {.path = STR("/plaintext"), .respond = &hello},
    {.path = STR("/sub/*"), .respond = &hello},
    {.path = STR("/empty"), .respond = &empty},
    {.path = STR("/old"), .redirect = &to_root},
    {.path = STR("/form"), .methods = {post, 1}, .respond = &hello},
};

/* Where the reply after this one begins; NULL if this one is not whole. */
static const char *
reply_end(const char *reply, const char *end)
{
    const char *head = memmem(reply, (size_t)(end - reply), "\r\n\r\n", 4);
    const char *field = memmem(reply, (size_t)(end - reply), "Content-Length: ", 16);
    size_t body = 0;

    if (head == NULL)
        return NULL;
    head += 4;
    if (field != NULL && field < head)
        body = strtoul(field + 16, NULL, 10);
    /* to HEAD there is none */
    if (head == end || memcmp(head, "HTTP/1.1 ", 9) == 0)
        return head;
    return (size_t)(end - head) < body ? NULL : head + body;
}

/* What the connection did, in the words of a file's name. */
static void
verdict_of(const struct goevd_conn *c, char to[VERDICT_MAX])
{
    const char *p = c->out;
    const char *end = c->out == NULL ? NULL : c->out + c->out_len;
    size_t n = 0;

    to[0] = '\0';
    while (p != NULL && p < end && n < VERDICT_MAX - 16) {
        if (end - p < 12 || memcmp(p, "HTTP/1.1 ", 9) != 0)
            fail_msg("no reply begins here: %.*s", (int)(end - p), p);
        n += (size_t)snprintf(to + n, VERDICT_MAX - n, "%s%.3s", n == 0 ? "" : ".", p + 9);
        p = reply_end(p, end);
        if (p == NULL)
            fail_msg("half a reply after %s", to);
    }
    if (c->closed)
        snprintf(to + n, VERDICT_MAX - n, "c");
    else if (c->in_len != 0 || c->deadline != 0)
        snprintf(to + n, VERDICT_MAX - n, "%smore", n == 0 ? "" : ".");
}

static void
check(struct http_host *host, const char *name, const char *way, const char *before,
      const char *data, size_t len, size_t piece, const char *wanted)
{
    char got[VERDICT_MAX];
    char all[VERDICT_MAX + 8];
    struct goevd_conn c;
    size_t skip = strlen(before);
    char *joined = malloc(skip + len + 1);

    assert_non_null(joined);
    memcpy(joined, before, skip);
    memcpy(joined + skip, data, len);
    snprintf(all, sizeof(all), "%s%s", skip == 0 ? "" : "200.", wanted);
    http_conn_init(&c, host);
    http_conn_feed_cut(&c, joined, skip + len, piece);
    verdict_of(&c, got);
    if (strcmp(got, all) != 0)
        fail_msg("%s, %s: %s instead of %s: %.*s", name, way, got, all, (int)c.out_len, c.out);
    http_conn_fini(&c);
    free(joined);
}

static char *
read_file(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    char *data = malloc(1 << 20);

    assert_non_null(file);
    assert_non_null(data);
    *ret_len = fread(data, 1, 1 << 20, file);
    fclose(file);
    return data;
}

static int
is_request(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return len > 4 && strcmp(entry->d_name + len - 4, ".req") == 0;
}

static void
check_file(struct http_host *host, const char *folder, char *name)
{
    char path[4096 + 256 + 2];
    char verdict[VERDICT_MAX];
    const char *dot = strchr(name, '.');
    size_t len;
    char *data;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    data = read_file(path, &len);
    snprintf(verdict, sizeof(verdict), "%.*s", (int)(strlen(dot + 1) - strlen(".req")), dot + 1);
    check(host, name, "whole", "", data, len, len, verdict);
    check(host, name, "cut at every byte", "", data, len, 1, verdict);
    check(host, name, "in pieces of 7", "", data, len, 7, verdict);
    check(host, name, "behind a good request", good, data, len, len + sizeof(good), verdict);
    check(host, name, "behind a good request, cut", good, data, len, 1, verdict);
    check(host, name, "behind a good request, in pieces of 31", good, data, len, 31, verdict);
    free(data);
}

static void
test_http_corpus_gets_its_verdicts_however_it_is_cut(void **state)
{
    struct options o = http_host_options(routes, sizeof(routes) / sizeof(routes[0]));
    struct http_host host;
    struct dirent **entries;
    char folder[4096];
    int count;

    (void)state;
    snprintf(folder, sizeof(folder), "%.*s%s", (int)(strrchr(__FILE__, '/') - __FILE__ + 1),
             __FILE__, FOLDER);
    assert_int_equal(http_host_init(&host, &o), 0);
    count = scandir(folder, &entries, is_request, alphasort);
    assert_true(count >= FILES_MIN);
    for (int i = 0; i < count; i++) {
        check_file(&host, folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    http_host_fini(&host);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_corpus_gets_its_verdicts_however_it_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
